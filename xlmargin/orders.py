"""Open orders: the worse of "all buys fill" and "all sells fill", and the loss that a fill would book at once."""

from __future__ import annotations

import numpy as np

from .book import Book, added
from .market import Market
from .pricing import profit


def opening(book: Book, market: Market, position: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Notional (O,) that each open order adds to its position, the worse side counting.

    Parameters: ``position`` (H,) and ``value`` (O,) signed notionals in one currency. Legs and orders of one row,
    instrument and hedge side belong together; reduce-only orders add nothing.
    For each: max(|position + buys|, |position − sells|) − |position|, shared among the orders of the side that binds.
    Source: Binance FAQ 4f83b65d83654b5e933f85ef12bf769d (2022-12-06); OKX notice of 2024-10-24, the same in words.
    """
    legs, orders = book.legs, book.orders
    if not len(orders):
        return np.zeros(0)
    value = np.where(orders.reduce_only, 0.0, value)
    groups, group = np.unique(_key(orders, market), return_inverse=True)
    own = _key(legs, market)
    place = np.minimum(np.searchsorted(groups, own), len(groups) - 1)
    same = groups[place] == own
    held = added(place[same], position[same], len(groups))
    buys, sells = (added(group, np.maximum(sign * value, 0.0), len(groups)) for sign in (1, -1))
    up, down = np.abs(held + buys), np.abs(held - sells)
    excess = np.maximum(up, down) - np.abs(held)
    binds = np.where(up >= down, buys, -sells)[group]
    share = np.divide(value, binds, out=np.zeros(len(value)), where=binds != 0)
    return excess[group] * np.maximum(share, 0.0)


def of_position(book: Book, market: Market, values: np.ndarray, default: np.ndarray) -> np.ndarray:
    """For each order (O,) the value (H,) of the leg that it belongs to, ``default`` (O,) where there is none."""
    legs, orders = book.legs, book.orders
    if not len(orders) or not len(legs):
        return default
    order = np.argsort(_key(legs, market), kind="stable")
    known, wanted = _key(legs, market)[order], _key(orders, market)
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[place] == wanted, values[order][place], default)


def closing(book: Book, market: Market) -> np.ndarray:
    """Signed quantity (O,) of each open order that would close a position, shared among the orders against it."""
    legs, orders = book.legs, book.orders
    if not len(orders):
        return np.zeros(0)
    held = of_position(book, market, legs.quantity, np.zeros(len(orders)))
    against = np.where(held * orders.quantity < 0, np.abs(orders.quantity), 0.0)
    _, group = np.unique(_key(orders, market), return_inverse=True)
    total = added(group, against, int(group.max()) + 1)[group]
    share = np.divide(np.minimum(total, np.abs(held)), total, out=np.zeros(len(orders)), where=total > 0)
    return np.where(orders.reduce_only, orders.quantity, np.sign(orders.quantity) * against * share)


def _key(table: object, market: Market) -> np.ndarray:
    return (table.row * len(market) + table.instrument) * 3 + table.side + 1


def loss(book: Book, market: Market) -> np.ndarray:
    """What each open order (O,) would lose at the mark when it fills, ≥ 0, in its settlement asset.

    −min(0, result of a position opened at the limit price). Source: Binance FAQ 87fa7ee33b574f7084d42bd2ce2e463b.
    """
    orders = book.orders
    i = orders.instrument
    result = profit(orders.quantity, market["contract_size"][i], orders.price, market["mark"][i], market.inverse[i])
    return np.where(orders.reduce_only, 0.0, -np.minimum(result, 0.0))


def notional(book: Book, market: Market) -> np.ndarray:
    """Signed value (O,) of each order at its limit price in its settlement asset (inverse: contracts ÷ price)."""
    orders = book.orders
    size = orders.quantity * market["contract_size"][orders.instrument]
    return np.where(market.inverse[orders.instrument], size / orders.price, size * orders.price)
