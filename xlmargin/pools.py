"""What margins together: a pool a settlement asset or one for the account, and every isolated leg by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .book import Book, Cash
from .market import Market

TRANSFER = 3
SIDES = {-1: " short", 0: "", 1: " long"}


def settled(book: Book, market: Market, together: np.ndarray, name: str = "USD") -> Book:
    """The book cut into pools: one for the whole account where ``together`` (R,), else one a settlement asset.

    An isolated leg is a pool of its own; its posted margin moves there from the wallet pool as a transfer
    (balances of kind ``TRANSFER``, negative in the wallet pool, positive in the leg's). ``name`` is what the
    pool of the whole account is called. Orders stand in the wallet pool of their settlement asset.
    """
    book, of_transfer = _posted(book, market)
    legs, assets = book.legs, len(market.assets)
    settle = market.settle[legs.instrument]
    wallet = np.where(together[legs.row], 0, 1 + settle)
    own = 1 + assets + 3 * legs.instrument + legs.side + 1
    cash = np.where(together[book.cash.row], 0, 1 + book.cash.asset)
    inward = of_transfer >= 0
    cash = np.where(inward, own[of_transfer], cash) if len(legs) else cash
    orders = np.where(together[book.orders.row], 0, 1 + market.settle[book.orders.instrument])
    return book.pooled(np.where(legs.isolated, own, wallet), cash, orders, _names(market, name))


def _posted(book: Book, market: Market) -> tuple[Book, np.ndarray]:
    """The book with two more balances for each isolated leg, and the leg that a balance moves into (B,), −1 if none."""
    legs = book.legs
    h = np.flatnonzero(legs.isolated & (legs.posted != 0))
    none = np.full(len(book.cash), -1, np.int64)
    if not len(h):
        return book, none
    asset, row = market.settle[legs.instrument[h]], np.concatenate([legs.row[h], legs.row[h]])
    amount = np.concatenate([-legs.posted[h], legs.posted[h]])
    moved = Cash.of(
        book.cash.rows, row, np.concatenate([asset, asset]), amount, kind=np.full(len(row), TRANSFER, np.int8)
    )
    leg = np.concatenate([none, np.full(len(h), -1, np.int64), h])
    order = np.argsort(np.concatenate([book.cash.row, row]), kind="stable")
    return replace(book, cash=book.cash.joined(moved)), leg[order]


def _names(market: Market, together: str) -> np.ndarray:
    own = [f"{name}{side} isolated" for name in market.name for side in SIDES.values()]
    return np.array([together, *market.assets, *own], object)


def asset_of_rows(book: Book, market: Market) -> np.ndarray:
    """Number of the asset that each single-asset pool (R,) is kept in; −1 for a pool that holds nothing."""
    asset = np.full(len(book), -1, np.int64)
    asset[book.cash.row] = book.cash.asset
    asset[book.orders.row] = market.settle[book.orders.instrument]
    asset[book.legs.row] = market.settle[book.legs.instrument]
    return asset


def currency_of_rows(book: Book, market: Market, together: np.ndarray, name: str = "USD") -> np.ndarray:
    """Name of each pool's currency (R,): ``name`` where ``together``, else its asset."""
    own = np.append(market.assets, name)[asset_of_rows(book, market)]
    return np.where(together, name, own)
