"""Prices at which equity meets a requirement, both revalued by the rule at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError, Problem
from ...holdings import starts
from ...ledger import Margin
from ..axis import ALL, UNDERLYING, Axis
from ..shown import Shown
from ..subject import level_of, on_margin
from .roots import COARSE, FINE, grid
from .search import Search

REACH = (0.001, 10.0)
PAIRS = 1 << 16


@dataclass(frozen=True, eq=False, repr=False)
class Liquidation(Shown):
    """A row per pool and target (P,): what moves, from where, and the nearest prices down and up; NaN where none.

    ``down`` and ``up`` are factors of ``level``, the price now; ``root`` and ``pair`` (K,) list every sign change,
    ``gap`` (K,) the headroom left there (not zero only at a jump). ``headroom`` (P,) is equity less requirement now.
    """

    account: np.ndarray
    pool: np.ndarray
    currency: np.ndarray
    target: np.ndarray
    level: np.ndarray
    headroom: np.ndarray
    down: np.ndarray
    up: np.ndarray
    pair: np.ndarray
    root: np.ndarray
    gap: np.ndarray
    reach: tuple[float, float]
    requirement: str
    row: np.ndarray

    @property
    def below(self) -> np.ndarray:
        """Pairs (P,) whose equity is below the requirement already."""
        return self.headroom < 0

    def status(self) -> np.ndarray:
        """What was found, in words (P,)."""
        span = f"{percent(self.reach[0] - 1.0)} to {percent(self.reach[1] - 1.0)}"
        out = np.full(len(self.account), f"no move from {span} reaches {self.requirement}", object)
        out[self.below] = f"already below {self.requirement}; nowhere met from {span}"
        start = starts(self.pair, len(out))
        for p in np.flatnonzero(np.diff(start)):
            out[p] = _told(self, p, self.root[start[p] : start[p + 1]] - 1.0)
        return out

    def frame(self) -> Any:
        """A row per pool and target (pandas DataFrame): prices, moves and the status in words."""
        import pandas as pd

        return pd.DataFrame(
            {
                "account": self.account,
                "pool": self.pool,
                "target": np.where(self.target == ALL, "all together", self.target),
                "price": self.level,
                "down price": self.level * self.down,
                "up price": self.level * self.up,
                "down": self.down - 1.0,
                "up": self.up - 1.0,
                "headroom": self.headroom,
                "currency": self.currency,
                "status": self.status(),
            }
        )


@on_margin
def liquidation(
    margin: Margin,
    by: str = UNDERLYING,
    level: str = "maintenance",
    *,
    roots: str = "all",
    reach: tuple[float, float] = REACH,
    progress: Callable[[int, int], None] | None = None,
) -> Liquidation:
    """For each underlying held, and for all moved together, the prices at which equity meets a requirement.

    Equity and requirement are both revalued by the rule on the moved market at every step. ``by`` "underlying" moves
    all that follows it and the assets of that name, "instrument" one instrument's prices alone, what venues display:
    its mark, forward and own index, and the index of its scope where it is a perpetual or spot, not where it is dated
    (an option alone parts from its expiry's forward, so options are better asked by underlying), "volatility" the
    volatility of its options. ``level`` is the requirement. ``roots`` "all" lists every sign change that a grid of 45
    prices sees, "nearest" the first on each side of one of 18, for many accounts. ``reach`` bounds the factor searched.
    Pairs of pool and target are searched in blocks, so that memory stays bounded; ``progress(done, total)`` is told how
    many pairs are done.
    Raises InputError for an unknown ``by`` or ``level``, a bad ``reach``, and options that cannot be revalued.

    headroom(x) = equity(x) − requirement(x); x solves headroom = 0.
    """
    low, high = reach
    if not (0.0 < low < 1.0 < high):
        raise InputError([Problem("liquidation", 0, "reach", reach, f"{reach} must hold 1 and begin above 0")])
    if roots not in ("all", "nearest"):
        raise InputError(f"roots {roots!r}; allowed: all, nearest")
    now = margin.equity.value - level_of(margin, level)
    search = Search.of(margin, Axis.of(margin.run.market, by), level)
    first = roots == "nearest"
    nodes = grid(low, high, COARSE if first else FINE)
    found = list(_in_blocks(search, now, nodes, first, progress or (lambda done, total: None)))
    pair, root, gap = (np.concatenate(v) for v in zip(*found, strict=True))
    return _found(margin, search, now, pair, root, gap, (low, high), level)


def _in_blocks(
    search: Search, now: np.ndarray, nodes: tuple[np.ndarray, np.ndarray], first: bool, told: Callable[[int, int], None]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Pair, factor and headroom left of the roots, block by block."""
    total = len(search.row)
    told(0, total)
    for low in range(0, max(total, 1), PAIRS):
        pair, root, gap = search.part(low, low + PAIRS).roots(now, *nodes, first=first)
        yield pair + low, root, gap
        told(min(low + PAIRS, total), total)


def _found(
    margin: Margin,
    search: Search,
    now: np.ndarray,
    pair: np.ndarray,
    root: np.ndarray,
    gap: np.ndarray,
    reach: tuple[float, float],
    level: str,
) -> Liquidation:
    """The nearest root on each side, in order of account, pool and target."""
    nearest = {}
    for name, mask in (("down", root <= 1.0), ("up", root > 1.0)):
        nearest[name] = np.full(len(search.row), np.nan)
        nearest[name][pair[mask][::-1]] = root[mask][::-1]
    names = search.axis.names.astype(str)
    order = np.lexsort((names[search.target], names[search.target] == ALL, search.row))
    place = np.argsort(order)
    row = search.row[order]
    by_pair = np.argsort(place[pair], kind="stable")
    return Liquidation(
        account=margin.account[row],
        pool=margin.pool[row],
        currency=margin.currency[row],
        target=search.axis.names[search.target[order]],
        level=search.axis.level[search.target[order]],
        headroom=now[row],
        pair=place[pair][by_pair],
        root=root[by_pair],
        gap=gap[by_pair],
        reach=reach,
        requirement=level,
        row=row,
        **{name: values[order] for name, values in nearest.items()},
    )


def percent(move: float) -> str:
    """A move as signed per cent, with digits as small moves need.

    >>> percent(-0.1137), percent(0.00042)
    ('-11.4 %', '+0.042 %')
    """
    digits = 1 if abs(move) >= 0.01 else 3
    return f"{move * 100:+.{digits}f} %"


def _told(found: Liquidation, p: int, roots: np.ndarray) -> str:
    """The status of one pair with roots, as moves."""
    if found.headroom[p] < 0:
        return f"already below {found.requirement}; met again at {' and '.join(map(percent, roots))}"
    nearest = [v for v in (found.down[p] - 1.0, found.up[p] - 1.0) if np.isfinite(v)]
    further = [r for r in roots if r not in nearest]
    said = f"at {' and '.join(map(percent, nearest))}"
    return said + (f"; changes again at {', '.join(map(percent, further))}" if further else "")
