"""Sign changes of headroom along an axis, for many rows and targets at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...errors import InputError
from ...ledger import Margin
from ..axis import Axis
from ..subject import level_of
from ..worlds import figures
from .roots import narrowed
from .steepness import steepness


@dataclass(frozen=True, eq=False)
class Search:
    """Rows and targets of one search (P,), how steep headroom can be there, and how they are evaluated."""

    margin: Margin
    axis: Axis
    level: str
    row: np.ndarray
    target: np.ndarray
    steep: np.ndarray

    @classmethod
    def of(cls, margin: Margin, axis: Axis, level: str) -> Search:
        """The pairs that a margin's rows hold, by target."""
        row, target = axis.held(margin.run.book)
        steep = steepness(axis, margin.run.book, margin.currency, row, target)
        return cls(margin, axis, level, row, target, steep)

    def part(self, low: int, high: int) -> Search:
        """Pairs low … high−1."""
        some = slice(low, high)
        return replace(self, row=self.row[some], target=self.target[some], steep=self.steep[some])

    def at(self, pairs: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Headroom of ``pairs`` (N,) at their own factors ``x`` (N,): a world for each target and factor."""
        target = self.target[pairs]
        order = np.lexsort((x, target))
        target, x, row = target[order], x[order], self.row[pairs][order]
        new = np.ones(len(order), bool)
        new[1:] = (target[1:] != target[:-1]) | (x[1:] != x[:-1])
        shifts = self.axis.shifts(target[new], x[new])
        book, session = self.margin.run.book, self.margin.run.session
        found = figures(session, book, np.cumsum(new) - 1, shifts, row).headroom(self.level)
        if not np.all(np.isfinite(found)):
            account = book.account[row[int(np.flatnonzero(~np.isfinite(found))[0])]]
            raise InputError(f"account {account}: no figure on a moved market; a price or volatility is missing")
        out = np.empty(len(order))
        out[order] = found
        return out

    def roots(
        self, now: np.ndarray, down: np.ndarray, up: np.ndarray, first: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every sign change: pair (K,), factor (K,), headroom left there (K,); each side from the nearest on."""
        if not len(self.row):
            return np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
        here = now[self.row]
        brackets = [_brackets(self.at, here, self.steep, side, first) for side in (down, up)]
        which, a, b, fa, fb = (np.concatenate(v) for v in zip(*brackets, strict=True))
        scale = np.abs(self.margin.equity.value) + np.abs(level_of(self.margin, self.level))
        root, gap = narrowed(self.at, which, a, b, fa, fb, np.maximum(scale[self.row[which]], 1e-9))
        order = np.lexsort((np.abs(np.log(root)), root > 1.0, which))
        return which[order], root[order], gap[order]


def _brackets(
    evaluate: Callable[[np.ndarray, np.ndarray], np.ndarray],
    here: np.ndarray,
    steep: np.ndarray,
    side: np.ndarray,
    first: bool,
) -> tuple[np.ndarray, ...]:
    """Points between which the sign of pairs (P,) changes, from 1 outwards: pair, ends, figures there.

    Points of the grid that headroom cannot reach zero before, falling as fast as it can, are passed over; where the
    sign changes the last of them is looked at after all, so that the ends are neighbours on the grid.
    """
    nodes = np.concatenate([[1.0], side])
    distance = np.abs(nodes - 1.0)
    pairs, at, last = np.arange(len(here)), np.zeros(len(here), np.int64), here.copy()
    found: list[tuple[np.ndarray, ...]] = [(pairs[:0], *[np.zeros(0)] * 4)]
    while True:
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.nan_to_num(np.abs(last) / steep[pairs], nan=0.0)
        node = np.maximum(np.searchsorted(distance, distance[at] + reach), at + 1)
        some = node < len(nodes)
        if not some.any():
            return tuple(np.concatenate(v) for v in zip(*found, strict=True))
        pairs, at, last, node = pairs[some], at[some], last[some], node[some]
        f = evaluate(pairs, nodes[node])
        cross = (f < 0) != (last < 0)
        near = np.flatnonzero(cross & (node > at + 1))
        if len(near):
            at[near] = node[near] - 1
            last[near] = evaluate(pairs[near], nodes[at[near]])
            cross = (f < 0) != (last < 0)
        found.append((pairs[cross], nodes[at[cross]], nodes[node[cross]], last[cross], f[cross]))
        keep = ~cross if first else slice(None)
        pairs, at, last = pairs[keep], node[keep], f[keep]
