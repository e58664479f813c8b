"""Kernels: arrays in, arrays out; no venue, no table, no chunk."""

from __future__ import annotations

from copy import copy

import numpy as np
from scipy import sparse

from .book import Book, Nets
from .holdings import starts

MOST_32 = 1 << 30


def matrix(row_start: np.ndarray, instrument: np.ndarray, quantity: np.ndarray, width: int) -> sparse.csr_matrix:
    """Quantities as a sparse matrix (N, I) from the start of each row (N+1,)."""
    if len(quantity) <= MOST_32:  # SciPy would find that the numbers fit by looking at each
        instrument, row_start = instrument.astype(np.int32), row_start.astype(np.int32)
    return sparse.csr_matrix((quantity, instrument, row_start), (len(row_start) - 1, width))


def scan(book: Book | Nets, unit: np.ndarray) -> np.ndarray:
    """Σ quantity × ``unit`` (I, S) by row (R, S), or by net (N, S)."""
    finer = isinstance(book, Nets)
    legs = book.book.legs if finer else book.legs
    key, count = (book.net if finer else legs.row), len(book)
    quantity, instrument = legs.quantity, legs.instrument
    if not np.all(key[1:] >= key[:-1]):
        order = np.argsort(key, kind="stable")
        key, quantity, instrument = key[order], quantity[order], instrument[order]
    return matrix(starts(key, count), instrument, quantity, len(unit)) @ unit


def fold(nets: Nets, values: np.ndarray, share: np.ndarray | None = None) -> np.ndarray:
    """Values by net (N, S), each times its ``share`` (N,) if given, added up by row (R, S)."""
    adding = nets.adding
    if share is not None:
        adding = copy(adding)
        adding.data = share
    return adding @ np.ascontiguousarray(values)


def worst(pnl: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The smallest of each row (R,) and the column where it stands (R,); the first of equals.

    >>> worst(np.array([[1.0, -2.0, -2.0]]))
    (array([-2.]), array([1]))
    """
    which = pnl.argmin(axis=1)
    return pnl[np.arange(len(pnl)), which], which


def largest(row: np.ndarray, size: np.ndarray, rows: int) -> np.ndarray:
    """Of records sorted by ``row`` (N,), the place of the one with the largest ``size`` in each row (R,); −1 if none.

    >>> largest(np.array([0, 0, 2]), np.array([1.0, 3.0, 2.0]), 3)
    array([ 1, -1,  2])
    """
    out = np.full(rows, -1, np.int64)
    if len(row):
        start = np.flatnonzero(np.concatenate([[True], row[1:] != row[:-1]]))
        most = np.repeat(np.maximum.reduceat(size, start), np.diff(np.append(start, len(row))))
        place = np.flatnonzero(size == most)[::-1]
        out[row[place]] = place
    return out


def uncovered(book: Book, group: np.ndarray, quantity: np.ndarray) -> np.ndarray:
    """Each leg's share (H,) of the net short of its group (I,): −quantity where the group nets short, else 0.

    Summed by group it is max(0, −Σ quantity), so long legs lower what short legs add.
    """
    nets = book.split(group)
    return np.where((nets.sum(quantity) < 0)[nets.net], -quantity, 0.0)


def low_confidence(confidence: np.ndarray, threshold: np.ndarray, charge: np.ndarray) -> np.ndarray:
    """(1 − confidence) × charge where the confidence lies below its threshold, else 0."""
    return np.where(confidence < threshold, (1.0 - confidence) * charge, 0.0)


def padded(nets: Nets, values: np.ndarray) -> np.ndarray:
    """Legs of each net side by side (N, L), short nets filled with 0: for rules that compare legs pairwise."""
    order = np.argsort(nets.net, kind="stable")
    key = nets.net[order]
    place = np.arange(len(key)) - np.searchsorted(key, key)
    out = np.zeros((len(nets), int(place.max(initial=-1)) + 1), values.dtype)
    out[key, place] = values[order]
    return out


def max_loss(nets: Nets, strike: np.ndarray, quantity: np.ndarray, call: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least pay-off of option legs (H,) of each net over prices 0 and every strike, at most 0 (N,), and where.

    min over x in {0, strikes} of min(0, Σ quantity·payoff(x)).
    """
    k, q, c = padded(nets, strike), padded(nets, quantity), padded(nets, call)
    at = np.hstack([np.zeros((len(nets), 1)), k])
    payoff = np.zeros_like(at)
    for leg in range(k.shape[1]):
        reach = at - k[:, leg, None]
        payoff += q[:, leg, None] * np.maximum(np.where(c[:, leg, None], reach, -reach), 0.0)
    value, which = worst(payoff)
    return np.minimum(value, 0.0), at[np.arange(len(at)), which]
