"""Which leg a trade goes to where both sides of an instrument may be held (hedge mode)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..book import Legs

if TYPE_CHECKING:
    from .trades import Trades


def sided(legs: Legs, trades: Trades, rows: np.ndarray, width: int) -> Trades:
    """The trades with the leg that each goes to, in their order.

    A trade with a side goes to that leg. One without a side, of an instrument that its row holds (or trades) in hedge
    mode, closes the leg of the opposite direction first, a sale the long and a purchase the short one, and what is
    beyond it opens the leg of its own direction. ``rows`` (N,) are the rows of the book behind those of the result,
    ``width`` is the number of instruments.
    """
    key = trades.row * width + trades.instrument
    two = legs.side != 0
    held = legs.row[two] * width + legs.instrument[two]
    hedged = np.isin(rows[trades.row] * width + trades.instrument, held) | np.isin(key, key[trades.side != 0])
    split = hedged & (trades.side == 0)
    if not split.any():
        return trades
    some = np.flatnonzero(hedged)
    closing = np.zeros(len(key))
    closing[some] = _closing(_held(legs, trades.take(some), rows, width), key[some], trades.take(some))
    opening = np.where(split, trades.quantity - closing, 0.0)
    first = np.where(split, closing, trades.quantity)
    kept = np.column_stack([~split | (closing != 0), opening != 0]).ravel()
    quantity = np.column_stack([first, opening]).ravel()[kept]
    own = np.sign(trades.quantity).astype(trades.side.dtype)
    side = np.column_stack([np.where(split, -own, trades.side), own]).ravel()[kept]
    both = trades.take(np.repeat(np.arange(len(key)), 2)[kept])
    again = np.append(False, np.diff(np.repeat(np.arange(len(key)), 2)[kept]) == 0)
    fee = np.where(again, 0.0, both.fee)
    return type(both)(**{**vars(both), "quantity": quantity, "side": side, "fee": fee})


def reached(legs: Legs) -> np.ndarray:
    """Which legs (H,) a trade goes to that does not name one: of what is held both cross and isolated the cross leg."""
    columns = (legs.row, legs.instrument, legs.side)
    same = np.all([c[1:] == c[:-1] for c in columns], axis=0)
    return ~(legs.isolated & np.append(np.zeros(min(len(legs), 1), bool), same))


def _held(legs: Legs, trades: Trades, rows: np.ndarray, width: int) -> dict[int, np.ndarray]:
    """What the long and the short leg (T,) of each trade's instrument hold before any trade, by side."""
    wanted = rows[trades.row] * width + trades.instrument
    out = {}
    for side in (1, -1):
        own = (legs.side == side) & reached(legs)
        keys, number = np.unique(legs.row[own] * width + legs.instrument[own], return_inverse=True)
        total = np.append(np.bincount(number, legs.quantity[own], len(keys)), 0.0)
        place = np.searchsorted(keys, wanted)
        out[side] = total[np.where(np.append(keys, -1)[np.minimum(place, len(keys))] == wanted, place, len(keys))]
    return out


def _closing(held: dict[int, np.ndarray], key: np.ndarray, trades: Trades) -> np.ndarray:
    """How much (T,) of each trade without a side closes the opposite leg, one after another where a leg has several."""
    keys, number = np.unique(key, return_inverse=True)
    now = {side: np.zeros(len(keys)) for side in held}
    for side, amount in held.items():
        now[side][number] = amount
    order = np.argsort(number, kind="stable")
    turn = np.arange(len(order)) - np.searchsorted(number[order], number[order])
    out = np.zeros(len(key))
    for k in range(int(turn.max(initial=-1)) + 1):
        t = order[turn == k]
        n, quantity, side = number[t], trades.quantity[t], trades.side[t]
        free = side == 0
        sale = np.where(free & (quantity < 0), -np.minimum(-quantity, np.maximum(now[1][n], 0.0)), 0.0)
        purchase = np.where(free & (quantity > 0), np.minimum(quantity, np.maximum(-now[-1][n], 0.0)), 0.0)
        out[t] = sale + purchase
        opened = np.where(free, quantity - out[t], 0.0)
        now[1][n] += np.where(side == 1, quantity, sale + np.maximum(opened, 0.0))
        now[-1][n] += np.where(side == -1, quantity, purchase + np.minimum(opened, 0.0))
    return out
