"""From a book to the options and shares that each account holds on each underlying."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...book import Book, added
from ...registry import Ready
from .position import Position

SLACK = 1e-9


@dataclass(frozen=True, eq=False)
class Held:
    """What one account holds on one underlying, and the instruments of its share positions (t,)."""

    row: int
    scope: int
    position: Position
    shares: np.ndarray


def netted(book: Book, ready: Ready) -> np.ndarray:
    """Each leg's instrument netted within its account (H,)."""
    nets = book.split(np.arange(len(ready.market)))
    return nets.sum(book.legs.quantity)[nets.net]


def positions(book: Book, ready: Ready) -> Iterator[Held]:
    """Every account and underlying where an option is short or can stand with shares."""
    nets, legs = book.split(ready.market.scope), book.legs
    order = np.argsort(nets.net, kind="stable")
    ends = np.searchsorted(nets.net[order], np.arange(len(nets) + 1))
    for n in range(len(nets)):
        here = order[ends[n] : ends[n + 1]]
        i = np.unique(legs.instrument[here])
        quantity = added(np.searchsorted(i, legs.instrument[here]), legs.quantity[here], len(i))
        option = ready.option[i] & (quantity != 0)
        if not option.any() or not ((quantity[option] < 0).any() or (~ready.option[i] & (quantity != 0)).any()):
            continue
        share = ~ready.option[i] & (quantity != 0)
        position = _position(ready, i[option], quantity[option], i[share], quantity[share])
        yield Held(int(nets.row[n]), int(nets.group[n]), position, i[share])


def _position(ready: Ready, o: np.ndarray, count: np.ndarray, s: np.ndarray, shares: np.ndarray) -> Position:
    market = ready.market
    size = _lot_size(market["contract_size"][o])
    lots = np.trunc(shares * ready.per_share[s] / size + np.sign(shares) * SLACK)
    return Position(
        call=market.call[o],
        strike=market["strike"][o],
        expiry=market["expiry"][o],
        style=ready.style[o],
        multiplier=market["contract_size"][o],
        count=count,
        premium=market["mark"][o] * market["contract_size"][o],
        naked=ready.naked[o],
        otm=ready.otm[o],
        itm=ready.itm[o],
        lots=lots,
        lot_multiplier=np.full(len(s), size),
        lot_value=size / ready.per_share[s] * ready.share_value[s],
    )


def _lot_size(multipliers: np.ndarray) -> float:
    """The multiplier of most options: what a lot of shares must deliver."""
    sizes, count = np.unique(multipliers, return_counts=True)
    return float(sizes[count.argmax()])
