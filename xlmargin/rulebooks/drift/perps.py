"""Drift v2 perpetuals by market: position, open orders, result, and the requirement of the worse fill.

Source: drift-labs/protocol-v2@0ae3e3b1 programs/drift/src/math/margin.rs, state/user.rs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...book import Book
from ...integers import TRUNC, added, muldiv, quanta, whole
from ...registry import Ready
from .weights import FILL, INITIAL, ONE, imbalanced, margin_ratio, pnl_weight

BASE, QUOTE = 10**9, 10**6


@dataclass(frozen=True, eq=False)
class Terms:
    """What a run asks for beyond the account's own settings, in 1e-4: liquidation buffer, overriding ratio."""

    buffer: int
    override: int


class Perps:
    """Legs and orders of one account and perpetual market side by side (N,), in the program's integers."""

    def __init__(self, book: Book, ready: Ready, terms: Terms) -> None:
        self.book, self.ready, self.terms = book, ready, terms
        legs, orders, market = book.legs, book.orders, ready.market
        width = max(len(market), 1)
        of_perp = ready.is_perp[orders.instrument]
        self.order = np.flatnonzero(of_perp)
        keys = np.concatenate(
            [legs.row * width + legs.instrument, (orders.row * width + orders.instrument)[self.order]]
        )
        rising = np.all(keys[1:] > keys[:-1])
        pools, number = (keys, np.arange(len(keys))) if rising else np.unique(keys, return_inverse=True)
        self.row, self.instrument = pools // width, pools % width
        self.of_leg, self.of_order = number[: len(legs)], number[len(legs) :]
        self._positions(len(pools))
        self._quote()
        self.custom = self._custom()
        self.of = {key: values[self.instrument] for key, values in ready.of.items()}
        self.fills = {False: (self.base, self.liability(self.base)), True: self.worst()}

    def _positions(self, count: int) -> None:
        legs, orders, market = self.book.legs, self.book.orders, self.ready.market
        size = legs.quantity * market["contract_size"][legs.instrument]
        entered = ~np.isnan(legs.entry) & (legs.quantity != 0)
        self.bare = ~entered & (legs.quantity != 0)
        cost = whole(np.where(entered, size * np.nan_to_num(legs.entry), 0.0) * QUOTE)
        self.base = added(self.of_leg, quanta(size, 9), count)
        value = self.liability(self.base, plain=True)
        has_entry = added(self.of_leg, entered.astype(np.int64), count) > 0
        since = np.where(has_entry, np.where(self.base < 0, -value, value) - added(self.of_leg, cost, count), 0)
        self.pnl = since + added(self.of_leg, quanta(legs.accrued, 6), count)
        open_ = (orders.quantity * market["contract_size"][orders.instrument])[self.order]
        open_ = quanta(np.where(orders.reduce_only[self.order], 0.0, open_), 9)
        self.bids, self.asks = (added(self.of_order, f(open_, 0), count) for f in (np.maximum, np.minimum))
        self.orders = added(self.of_order, np.ones(len(self.order), np.int64), count)

    def _quote(self) -> None:
        """Price of the quote asset in 1e-6: as it is, and the lower and the higher of it and its average."""
        asset = self.ready.market.settle[self.instrument]
        prices = (self.ready.current, self.ready.low, self.ready.high)
        self.current, self.low, self.high = (price[asset] for price in prices)

    def _custom(self) -> dict[str, np.ndarray]:
        """Ratio that users chose (1e-4) for initial margin, and the override that holds for every type."""
        users = self.book.settings["max_margin_ratio"][self.row].astype(np.int64)
        own = np.zeros(len(self.row), np.int64)
        with np.errstate(divide="ignore", invalid="ignore"):
            own[self.of_leg] = np.nan_to_num(np.rint(ONE / self.book.legs.leverage)).astype(np.int64)
        override = np.full(len(self.row), self.terms.override)
        first = np.maximum(np.maximum(users, own), override)
        return {INITIAL: first, FILL: override, "maintenance": override}

    def liability(self, base: np.ndarray, plain: bool = False) -> np.ndarray:
        """Value (N,) in 1e-6 USD of a position ``base``: at the price, a short prediction at one less the price."""
        price = self.ready.price[self.instrument]
        if not plain:
            price = np.where(self.ready.prediction[self.instrument] & (base < 0), QUOTE - price, price)
        return muldiv(np.abs(base), price, BASE)

    def worst(self) -> tuple[np.ndarray, np.ndarray]:
        """Position and liability (N,) after the worse of all bids and all asks."""
        if not len(self.order):
            return self.base, self.liability(self.base)
        up, down = self.base + self.bids, self.base + self.asks
        value_up, value_down = self.liability(up), self.liability(down)
        falls = value_down >= value_up
        return np.where(falls, down, up), np.where(falls, value_down, value_up)

    def requirement(self, kind: str, orders: bool) -> np.ndarray:
        """Requirement (N,) of one type, with or without open orders."""
        base, value = self.fills[orders]
        value = muldiv(value, self.high, QUOTE)
        need = muldiv(value, np.maximum(self.custom[kind], self._ratio(kind, np.abs(base))), ONE)
        if self.terms.buffer:
            need = need + muldiv(value, self.terms.buffer, ONE)
        return need + self.orders * self.ready.order_charge if orders else need

    def _ratio(self, kind: str, size: np.ndarray) -> np.ndarray:
        of = self.of
        plain = of["margin_ratio_initial"], of["margin_ratio_maintenance"]
        high = of["high_leverage_margin_ratio_initial"], of["high_leverage_margin_ratio_maintenance"]
        wished = (self.book.settings["high_leverage"] == "yes")[self.row]
        return margin_ratio(kind, size, of["imf_factor"], plain, high, wished & (high[0] > 0) & (high[1] > 0))

    def collateral(self, kind: str) -> np.ndarray:
        """What the unrealised result counts as collateral (N,): losses in full, profits weighted and capped."""
        of = self.of
        initial = imbalanced(
            of["unrealized_pnl_initial_asset_weight"],
            of["unrealized_pnl_max_imbalance"],
            self.ready.owed[self.instrument],
        )
        kept = of["unrealized_pnl_maintenance_asset_weight"]
        weight = pnl_weight(kind, self.pnl, of["unrealized_pnl_imf_factor"], initial, kept)
        price = np.where(self.pnl > 0, self.low, np.where(self.pnl < 0, self.high, self.current))
        counted = muldiv(muldiv(self.pnl, weight, ONE, TRUNC), price, QUOTE, TRUNC)
        if kind == INITIAL:
            counted = np.minimum(counted, self.ready.profit_cap)
        if self.terms.buffer:
            counted = counted + muldiv(np.minimum(counted, 0), self.terms.buffer, ONE, TRUNC)
        return counted

    def value(self) -> np.ndarray:
        """Unrealised result (N,) at the quote asset's price, unweighted."""
        return muldiv(self.pnl, self.current, QUOTE, TRUNC)
