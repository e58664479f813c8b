"""The same figure with fewer trades and plainer sizes: what does not pay goes, needless digits go."""

from __future__ import annotations

import numpy as np

from ..programme import Infeasible, Unfinished
from .cutting import Search
from .planned import planned

EQUAL = 1e-5
PLAIN = 1e-7
ROUNDS = 12
DIGITS = 12


def tidy(search: Search) -> None:
    """Make the best trades of a search few and plain; requirement and cost rise by 1e-5 of the requirement at most.

    Where trades cost nothing the programme does not care how many there are; each further one has to pay 1e-5.
    """
    limit = search.upper + EQUAL * search.scale
    _seen(search, limit)
    if search.proved and not search.mixed and not search.cost.any():
        _fewest(search, limit)
    while _left_out(search, limit):
        pass
    _plain(search, min(limit, search.upper + PLAIN * search.scale))


def _seen(search: Search, limit: float) -> None:
    """Fewer trades among those looked at already."""
    points, need = (np.array(v) for v in zip(*search.points, strict=True))
    count = np.count_nonzero(points, axis=1)
    good = (need + np.abs(points) @ search.cost <= limit) & (count < np.count_nonzero(search.best))
    if good.any():
        points = points[good]
        _taken(search, points[np.argsort(count[good], kind="stable")], limit)


def _fewest(search: Search, limit: float) -> None:
    """The least size in all under the planes at the same figure, which is a corner: few trades; run again exactly."""
    measure = search.measure
    for _ in range(ROUNDS):
        programme = planned(search, False)
        programme.cost = np.append(np.tile(1.0 / search.unit, 2), 0.0) * measure
        programme.add("", [len(measure) - 1], [1.0], -np.inf, (limit - 0.5 * EQUAL * search.scale) / measure[-1])
        try:
            x = search.trades(search.answer(programme, 1.0).x)
        except (Infeasible, Unfinished):
            return
        if np.count_nonzero(x) < np.count_nonzero(search.best) and _taken(search, x[None], limit):
            return
        search.cut(x)


def _left_out(search: Search, limit: float) -> bool:
    """Leave out the trade without which requirement and cost are least, if they stay within the limit."""
    used = np.flatnonzero(search.best)
    without = np.tile(search.best, (len(used), 1))
    without[np.arange(len(used)), used] = 0.0
    return _taken(search, without, limit, least=True)


def _plain(search: Search, limit: float) -> None:
    """The fewest digits that keep the figure."""
    if search.best.any():
        _taken(search, np.array([_digits(search.best, n) for n in range(1, DIGITS + 1)]), limit)


def _taken(search: Search, trades: np.ndarray, limit: float, least: bool = False) -> bool:
    """Take the first, or the ``least``, of trades (N, K) that are allowed and within the limit, if there is one."""
    trades = trades[search.allowed(trades, search.most_trades)]
    if not len(trades):
        return False
    total = search.margin(trades).need + np.abs(trades) @ search.cost
    search.reruns += len(trades)
    n = int(np.argmin(total) if least else np.argmax(total <= limit))
    if total[n] > limit:
        return False
    search.best, search.upper = trades[n], float(total[n])
    return True


def _digits(x: np.ndarray, count: int) -> np.ndarray:
    """Sizes to a number of significant digits."""
    place = count - 1 - np.floor(np.log10(np.where(x == 0, 1.0, np.abs(x))))
    up, down = 10.0 ** np.maximum(place, 0.0), 10.0 ** np.maximum(-place, 0.0)
    return np.rint(x * up / down) / up * down
