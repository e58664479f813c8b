"""Quadratic forms by segment: Σ_l ρ_kl f_kl x_l in O(n log n), for correlations made of a few blocks.

A correlation matrix of SIMM is never arbitrary: it is one level inside a bucket, plus one inside a name, plus the
diagonal; or a table by tenor or bucket. So a row of it times a vector is a few segment sums, and 10,000 names in a
bucket cost no 10⁸ pairs. Sums run inside a segment only: a segment alone gives what it gives beside others, bitwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True, eq=False)
class Level:
    """One correlation for all pairs of a segment, times their relative concentration.

    ``value`` (C, F) by context and factor; ``member`` (F,) which factors are summed (None: all); ``key`` (F,)
    narrows the segment to factors of one key (None: the whole segment).
    """

    value: np.ndarray
    member: np.ndarray | None = None
    key: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Table:
    """Correlations by a pair of codes, free of concentration: ``table`` (T, T), ``code`` (F,), ``key`` as above."""

    table: np.ndarray
    code: np.ndarray
    key: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Correlation:
    """``own`` (C, F) on the diagonal plus the sum of the blocks."""

    own: np.ndarray
    blocks: tuple[Level | Table, ...]

    def times(
        self, x: np.ndarray, ratio: np.ndarray, segment: np.ndarray, factor: np.ndarray, context: np.ndarray
    ) -> np.ndarray:
        """Σ_l ρ_kl f_kl x_l (N,) over the entries l of k's segment.

        ``x`` values, ``ratio`` concentration ratios (≥ 1), ``segment`` numbers in order, ``factor`` and ``context``
        numbers, all (N,). f_kl = min(ratio)/max(ratio).
        """
        out = _at(self.own, context, factor) * x
        for block in self.blocks:
            inside = segment if block.key is None else _within(segment, block.key[factor])
            if isinstance(block, Table):
                out += across(x, block.code[factor], inside, block.table)
            else:
                counted = x if block.member is None else np.where(block.member[factor], x, 0.0)
                out += _at(block.value, context, factor) * overlap(counted, ratio, inside)
        return out


def _at(values: np.ndarray, context: np.ndarray, factor: np.ndarray) -> np.ndarray:
    return values[0, factor] if len(values) == 1 else values[context, factor]


def _within(segment: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Numbers of (segment, key) in order of both; entries of one may lie apart."""
    return np.unique(segment * (int(key.max(initial=0)) + 1) + key, return_inverse=True)[1]


def across(x: np.ndarray, code: np.ndarray, segment: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Σ_l table[code_k, code_l]·x_l (N,) over each segment.

    >>> across(np.array([1.0, 2.0]), np.array([0, 1]), np.array([0, 0]), np.array([[1.0, 0.5], [0.5, 1.0]]))
    array([2. , 2.5])
    """
    order = np.argsort(segment, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(segment))])
    rows = sparse.csr_matrix((x[order], code[order], start), (len(start) - 1, len(table)))
    return (rows @ np.ascontiguousarray(table))[segment, code]


def overlap(x: np.ndarray, ratio: np.ndarray, segment: np.ndarray) -> np.ndarray:
    """Σ_l min(ratio)/max(ratio)·x_l (N,) over each segment.

    Where no ratio exceeds 1 this is the sum of the segment; else the segment is ordered by ratio r and
    Σ = (1/r_k)·Σ_{r_l ≤ r_k} r_l x_l + r_k·Σ_{r_l > r_k} x_l/r_l.

    >>> overlap(np.array([1.0, 1.0]), np.array([1.0, 2.0]), np.array([0, 0]))
    array([1.5, 1.5])
    """
    count = int(segment.max(initial=-1)) + 1
    out = np.bincount(segment, x, count)[segment]
    uneven = np.zeros(count, bool)
    uneven[segment[ratio > 1]] = True
    chosen = np.flatnonzero(uneven[segment])
    if len(chosen):
        out[chosen] = _ordered(x[chosen], ratio[chosen], segment[chosen])
    return out


def _ordered(x: np.ndarray, ratio: np.ndarray, segment: np.ndarray) -> np.ndarray:
    order = np.lexsort((ratio, segment))
    x, r, segment = x[order], ratio[order], segment[order]
    below = running(r * x, segment)
    above = running((x / r)[::-1], segment[::-1])[::-1] - x / r
    out = np.empty_like(x)
    out[order] = below / r + above * r
    return out


def running(x: np.ndarray, segment: np.ndarray) -> np.ndarray:
    """Running sums (N,) that start anew in every segment (runs of equal numbers).

    >>> running(np.array([1.0, 2.0, 4.0]), np.array([5, 5, 7]))
    array([1., 3., 4.])
    """
    starts = np.flatnonzero(np.concatenate([np.ones(min(len(segment), 1), bool), segment[1:] != segment[:-1]]))
    length = np.diff(np.append(starts, len(segment)))
    out = np.empty_like(x)
    sizes = np.ceil(np.log2(length)).astype(np.int64)
    for size in np.unique(sizes):
        mine = sizes == size
        at = starts[mine, None] + np.arange(1 << size)
        inside = np.arange(1 << size) < length[mine, None]
        sums = np.cumsum(np.where(inside, x[np.minimum(at, len(x) - 1)], 0.0), axis=1)
        out[at[inside]] = sums[inside]
    return out
