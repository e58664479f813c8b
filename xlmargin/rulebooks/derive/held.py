"""A book as the portfolio manager sees it: values per leg and balance that several lines share."""

from __future__ import annotations

import numpy as np

from ...book import Book
from ...market import OPTION, PERP
from ...registry import Ready
from ...risk import uncovered
from ...scopes import lowest_confidence, scope_of_rows, world_of_rows


class Held:
    """A book seen by this rule: values per leg and balance that several lines share."""

    def __init__(self, book: Book, ready: Ready) -> None:
        market, legs, cash = ready.market, book.legs, book.cash
        self.book, self.ready, self.market, self.p = book, ready, market, ready.params
        self.scope = scope_of_rows(book, market)
        self.kind = market.kind[legs.instrument]
        self.is_option, self.is_perp = self.kind == OPTION, self.kind == PERP
        self.perps = np.flatnonzero(self.is_perp)
        self.quantity = legs.quantity * market["contract_size"][legs.instrument]
        self.index = np.append(market.on_scope("index"), 0.0)[self.scope]
        cash_asset = ready.cash_asset[world_of_rows(book, market), ready.cash_kind[self.scope]]
        price = np.append(market.price, np.nan)
        self.stable = np.where(np.isnan(price[cash_asset]), 1.0, price[cash_asset])
        self.currency = np.append(market.assets, "USDC")[cash_asset]
        self.is_cash = cash.asset == cash_asset[cash.row]
        worth = cash.amount * market.price[cash.asset] / self.stable[cash.row]
        self.collateral = np.where(self.is_cash, 0.0, worth)
        haircut = ready.haircut[ready.scope_kind[self.scope[cash.row]], ready.asset_kind[cash.asset]]
        self.haircut = np.where((self.collateral == 0)[:, None], 0.0, haircut)
        self.perp_value = self.on_perps(self.quantity, market["mark"][legs.instrument])
        self.nets = book.split(ready.expiry_of)
        options = np.where(self.is_option, self.quantity, 0.0)
        short = np.where(self.is_option, uncovered(book, ready.strike_of, options), 0.0)
        index = self.index[legs.row]
        self.naked = short * index if short.any() else None
        self.perp = self.on_perps(np.abs(self.quantity), index) if len(self.perps) else None

    @property
    def exposure(self) -> np.ndarray:
        """Size of each leg at the index (H,)."""
        size = np.where(self.is_option | self.is_perp, np.abs(self.quantity), 0.0)
        return size * self.index[self.book.legs.row]

    def on_perps(self, quantity: np.ndarray, price: np.ndarray) -> np.ndarray:
        """Quantity × price of perpetuals, 0 of other legs (H,)."""
        out = np.zeros(len(quantity))
        out[self.perps] = quantity[self.perps] * price[self.perps]
        return out

    def charge(self, exposure: np.ndarray | None, key: str) -> np.ndarray | None:
        """An exposure per leg (H,) times a parameter of its row; None where there is none."""
        return None if exposure is None else exposure * self.of(key)[self.book.legs.row]

    def of(self, key: str) -> np.ndarray:
        """A parameter by row (R,); 0 for a row without underlying."""
        return self.ready.of_scope(key)[self.scope]


def confidences(held: Held) -> tuple[np.ndarray, np.ndarray]:
    """The lowest confidence behind each leg (H,) and balance (B,).

    An account's perpetual price lowers every expiry's confidence; collateral looks at its own and the spot's.
    """
    book, market = held.book, held.market
    own = market.column("confidence", 1.0)[book.legs.instrument]
    spot = np.append(np.nan_to_num(market.on_scope("index_confidence"), nan=1.0), 1.0)[held.scope]
    account = lowest_confidence(own, held.is_perp & (held.quantity != 0), book.legs.row, spot)
    nets = held.nets
    expiry = lowest_confidence(own, held.is_option, nets.net, account[nets.row])
    legs = np.where(held.is_option, expiry[nets.net], account[book.legs.row])
    assets = np.nan_to_num(market.asset_columns["confidence"], nan=1.0)[book.cash.asset]
    return legs, np.minimum(assets, spot[book.cash.row])
