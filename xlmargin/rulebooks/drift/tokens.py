"""Drift v2 deposits, borrows and spot orders by token: the worse of all bids and all asks filled.

Source: drift-labs/protocol-v2@0ae3e3b1 programs/drift/src/state/user.rs (simulated fills), math/margin.rs.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from ...book import Book
from ...integers import POWERS, TRUNC, added, muldiv, quanta
from ...registry import Ready
from .perps import Terms
from .weights import INITIAL, ONE, asset_weight, liability_weight, token_size


@dataclass(frozen=True, eq=False)
class Fill:
    """A token after a fill (N,): amount, value and weighted value, and the cash that the fill brings or costs."""

    amount: np.ndarray
    value: np.ndarray
    flow: np.ndarray
    weighted: np.ndarray


class Tokens:
    """Balances and spot orders of one account and token side by side (N,), in the program's integers."""

    def __init__(self, book: Book, ready: Ready, terms: Terms) -> None:
        self.book, self.ready, self.terms = book, ready, terms
        cash, orders = book.cash, book.orders
        width = max(ready.tokens, 1)
        self.order = np.flatnonzero(~ready.is_perp[orders.instrument])
        traded = ready.token_of[orders.instrument[self.order]]
        keys = np.concatenate([cash.row * width + ready.code[cash.asset], orders.row[self.order] * width + traded])
        rising = np.all(keys[1:] > keys[:-1])
        pools, number = (keys, np.arange(len(keys))) if rising else np.unique(keys, return_inverse=True)
        count = len(pools)
        self.row, self.asset = pools // width, np.zeros(count, np.int64)
        self.of_cash, self.of_order = number[: len(cash)], number[len(cash) :]
        self.asset[self.of_order] = ready.traded[orders.instrument[self.order]]
        self.asset[self.of_cash] = cash.asset
        self.decimals = ready.decimals[self.asset]
        owed = np.where(cash.kind == 1, -np.abs(cash.amount), cash.amount)
        self.amount = added(self.of_cash, quanta(owed, ready.decimals[cash.asset]), count)
        open_ = np.where(orders.reduce_only, 0.0, orders.quantity)[self.order]
        size = quanta(open_, self.decimals[self.of_order])
        self.bids, self.asks = (added(self.of_order, f(size, 0), count) for f in (np.maximum, np.minimum))
        self.orders = added(self.of_order, np.ones(len(self.order), np.int64), count)
        self.is_quote = ready.is_quote[self.asset]
        self.current, self.low, self.high = (p[self.asset] for p in (ready.current, ready.low, ready.high))

    def worth(self, amount: np.ndarray, price: np.ndarray) -> np.ndarray:
        """Value (N,) in 1e-6 USD, floored."""
        return muldiv(amount, price, POWERS[self.decimals])

    def value(self) -> np.ndarray:
        """Value of what is held (N,) at the oracle price."""
        return self.worth(self.amount, self.current)

    def sides(self, kind: str, orders: bool) -> tuple[np.ndarray, np.ndarray]:
        """Collateral and requirement (N,) of one type, after the riskier side of open orders where they count."""
        chosen = self._fill(kind, np.zeros_like(self.amount))
        if orders and len(self.order):
            ask, bid = self._fill(kind, self.asks), self._fill(kind, self.bids)
            falls = ask.weighted + ask.flow <= bid.weighted + bid.flow
            chosen = Fill(*(np.where(falls, a, b) for a, b in zip(astuple(ask), astuple(bid), strict=True)))
        weighted = self._customised(kind, chosen)
        lent, gained, paid = chosen.value < 0, np.maximum(chosen.flow, 0), np.maximum(-chosen.flow, 0)
        collateral = np.where(lent, 0, weighted) + gained
        liability = np.where(lent, -chosen.value, 0) + paid
        need = np.where(lent, -weighted, 0) + paid
        if self.terms.buffer:
            need = need + muldiv(liability, self.terms.buffer, ONE)
        return collateral, need + self.orders * self.ready.order_charge if orders else need

    def _fill(self, kind: str, open_: np.ndarray) -> Fill:
        """What is held once ``open_`` (N,) has filled at the higher of oracle price and average."""
        strict = self.worth(self.amount, np.where(self.amount > 0, self.low, self.high))
        flow, amount = self.worth(-open_, self.high), self.amount + open_
        value = strict - flow
        asset, liability = self._weights(kind, amount)
        weight = np.where(self.is_quote, ONE, np.where(value > 0, asset, liability))
        return Fill(amount, value, flow, muldiv(value, weight, ONE, TRUNC))

    def _weights(self, kind: str, amount: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights (N,) of a deposit and of a borrow of ``amount``."""
        spot, asset = self.ready.spot, self.asset
        size, factor = token_size(np.abs(amount), self.decimals), spot["imf"][asset]
        assets = asset_weight(kind, size, factor, self.ready.initial_asset[asset], spot["asset_maintenance"][asset])
        borrowed = spot["liability_initial"][asset], spot["liability_maintenance"][asset]
        return assets, liability_weight(kind, size, factor, *borrowed)

    def _customised(self, kind: str, fill: Fill) -> np.ndarray:
        """Weighted value (N,) under a ratio that the user chose (initial) or that overrides: at least as hard."""
        users = self.book.settings["max_margin_ratio"][self.row].astype(np.int64) if kind == INITIAL else 0
        ratio = np.maximum(users, self.terms.override)
        if not np.any(ratio):
            return fill.weighted
        asset, liability = self._weights(INITIAL, fill.amount)
        lower, higher = np.minimum(asset, np.maximum(ONE - ratio, 0)), np.maximum(liability, ONE + ratio)
        changed = muldiv(fill.value, np.where(fill.value > 0, lower, higher), ONE, TRUNC)
        return np.where((ratio > 0) & ~self.is_quote & (fill.weighted != 0), changed, fill.weighted)
