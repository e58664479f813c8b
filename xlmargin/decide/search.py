"""Sign changes of headroom along an axis, for many rows and targets at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..ledger import Margin
from ..run import BLOCK
from .axis import Axis
from .moves import Moves
from .roots import narrowed
from .subject import level_of
from .worlds import figures


@dataclass(frozen=True, eq=False)
class Search:
    """Rows and targets of one search (P,), and how they are evaluated."""

    margin: Margin
    axis: Axis
    level: str
    row: np.ndarray
    target: np.ndarray

    @classmethod
    def of(cls, margin: Margin, axis: Axis, level: str) -> Search:
        """The pairs that a margin's rows hold."""
        return cls(margin, axis, level, *axis.held(margin.run.book))

    def grid(self, pairs: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Headroom of ``pairs`` at each factor of ``x``: (len(x), len(pairs)); a world a factor and target."""
        targets, of = np.unique(self.target[pairs], return_inverse=True)
        out = np.empty((len(x), len(pairs)))
        step = max(1, BLOCK // max(len(pairs), 1))
        rows = self.margin.run.book.take(np.tile(self.row[pairs], step))
        for low in range(0, len(x), step):
            nodes = x[low : low + step]
            book = rows if len(nodes) == step else rows.slice(0, len(nodes) * len(pairs))
            world = (np.arange(len(nodes))[:, None] * len(targets) + of).ravel()
            moves = self.axis.moves(np.tile(targets, len(nodes)), np.repeat(nodes, len(targets)))
            out[low : low + len(nodes)] = self._headroom(book, world, moves).reshape(len(nodes), -1)
        return out

    def at(self, pairs: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Headroom of ``pairs`` (N,) at their own factors ``x`` (N,): a world each."""
        book = self.margin.run.book.take(self.row[pairs])
        return self._headroom(book, np.arange(len(pairs)), self.axis.moves(self.target[pairs], x))

    def _headroom(self, book: Any, world: np.ndarray, moves: Moves) -> np.ndarray:
        found = figures(self.margin.run.session, book, world, moves).headroom(self.level)
        if not np.all(np.isfinite(found)):
            account = book.account[int(np.flatnonzero(~np.isfinite(found))[0])]
            raise InputError(f"account {account}: no figure on a moved market; a price or volatility is missing")
        return found

    def roots(
        self, now: np.ndarray, down: np.ndarray, up: np.ndarray, first: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every sign change: pair (K,), factor (K,), headroom left there (K,); each side from the nearest on."""
        if not len(self.row):
            return np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
        start, here = np.arange(len(self.row)), now[self.row]
        brackets = [_brackets(self.grid, start, here, side, first) for side in (down, up)]
        which, a, b, fa, fb = (np.concatenate(v) for v in zip(*brackets, strict=True))
        scale = np.abs(self.margin.equity.value) + np.abs(level_of(self.margin, self.level))
        root, gap = narrowed(self.at, which, a, b, fa, fb, np.maximum(scale[self.row[which]], 1e-9))
        order = np.lexsort((np.abs(np.log(root)), root > 1.0, which))
        return which[order], root[order], gap[order]


def _brackets(
    evaluate: Any, pairs: np.ndarray, here: np.ndarray, side: np.ndarray, first: bool
) -> tuple[np.ndarray, ...]:
    """Neighbouring grid points between which the sign changes, from 1 outwards: pair, ends, figures there."""
    if not first:
        x = np.concatenate([[1.0], side])
        f = np.vstack([here, evaluate(pairs, side)])
        k, p = np.nonzero((f[1:] < 0) != (f[:-1] < 0))
        return pairs[p], x[k], x[k + 1], f[k, p], f[k + 1, p]
    found, last, x = [], here.copy(), 1.0
    open_ = pairs
    for node in side:
        if not len(open_):
            break
        f = evaluate(open_, np.array([node]))[0]
        cross = (f < 0) != (last < 0)
        n = int(cross.sum())
        found.append((open_[cross], np.full(n, x), np.full(n, node), last[cross], f[cross]))
        open_, last, x = open_[~cross], f[~cross], node
    empty = (pairs[:0], *[np.zeros(0)] * 4)
    return tuple(np.concatenate(v) for v in zip(empty, *found, strict=True))
