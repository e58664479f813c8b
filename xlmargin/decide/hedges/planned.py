"""The programme over the planes below a margin: which trades its least is at, in lots and in number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..programme import Programme

if TYPE_CHECKING:
    from .cutting import Search


def planned(search: Search, mixed: bool) -> Programme:
    """Bought (K), sold (K), margin (1), each in its ``measure``, and lots and switches where they count."""
    k, measure, money = len(search.cost), search.measure, search.measure[-1]
    low, high = np.append(np.zeros(2 * k), -np.inf), np.append(np.ones(2 * k), np.inf)
    price = np.append(np.tile(search.cost, 2), 1.0) * measure / money
    programme = Programme(price, low, high, np.zeros(2 * k + 1, bool))
    every = np.arange(2 * k + 1)
    for n in search.active:
        offset, slope = search.planes[n]
        programme.add("", every, np.concatenate([-slope, slope, [1.0]]) * measure / money, offset / money, np.inf)
    for name, row, least, most in search.limits:
        programme.add(name, every[:-1], np.concatenate([row, -row]) * measure[:-1], least, most)
    if np.isfinite(search.budget):
        programme.add("budget", every[:-1], np.tile(search.cost, 2) * measure[:-1], -np.inf, search.budget)
    if mixed:
        _lots(search, programme, k)
        _count(search, programme, k)
    return programme


def _lots(search: Search, programme: Programme, k: int) -> None:
    for n in np.flatnonzero(np.isfinite(search.lot)):
        for side in (n, n + k):
            at = _more(programme, 0.0, np.floor(search.most[n] / search.lot[n] + 1e-9))
            programme.add(f"lots of candidate {n}", [side, at], [1.0, -search.lot[n] / search.most[n]], 0.0, 0.0)


def _count(search: Search, programme: Programme, k: int) -> None:
    if not search.most_trades:
        return
    on = [_more(programme, 0.0, 1.0) for _ in range(k)]
    for n, z in enumerate(on):
        programme.add(f"switch of candidate {n}", [n, n + k, z], [1.0, 1.0, -1.0], -np.inf, 0.0)
    programme.add("most trades", on, np.ones(k), 0.0, float(search.most_trades))


def _more(programme: Programme, low: float, high: float) -> int:
    """A further whole variable of a programme, without cost."""
    programme.cost, programme.low, programme.high = (
        np.append(v, n) for v, n in ((programme.cost, 0.0), (programme.low, low), (programme.high, high))
    )
    programme.whole = np.append(programme.whole, True)
    return len(programme.cost) - 1
