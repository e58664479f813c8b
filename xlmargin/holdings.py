"""Who holds what, table by table: positions, balances and orders as columns sorted by row."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

import numpy as np


def added(number: np.ndarray, amounts: np.ndarray, count: int) -> np.ndarray:
    """Amounts added up by number (count,), in the order in which they stand; float64 even of nothing.

    >>> added(np.array([0, 0, 2]), np.array([1.0, 2.0, 4.0]), 3)
    array([3., 0., 4.])
    """
    return np.bincount(number, amounts, count).astype(np.float64, copy=False)


def starts(number: np.ndarray, count: int) -> np.ndarray:
    """Where each number 0 … count−1 begins in a column that is in order, and where the last ends (count+1,).

    >>> starts(np.array([0, 0, 2]), 3).tolist()
    [0, 2, 2, 3]
    """
    out = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(number, minlength=count), out=out[1:])
    return out


def ordered(*keys: np.ndarray) -> np.ndarray:
    """The order of records (H,) by whole-number keys, first key first; equal ones as they stand.

    Keys and place are packed in one number where they fit: sorting it once is many times faster than key by key.

    >>> ordered(np.array([1, 0, 1]), np.array([-1, 0, -2])).tolist()
    [1, 2, 0]
    """
    count = len(keys[0])
    packed, most = np.zeros(count, np.int64), max(count, 1)
    for key in keys if count else ():
        low, high = int(key.min()), int(key.max())
        if low == high:
            continue
        most *= high - low + 1
        if most >= 1 << 62:
            return np.lexsort(keys[::-1])
        packed = packed * (high - low + 1) + (key.astype(np.int64) - low)
    return np.sort(packed * count + np.arange(count)) % max(count, 1)


@cache
def _columns(table: type) -> list[str]:
    return [f.name for f in fields(table)][2:]


@dataclass(frozen=True, eq=False)
class Holdings:
    """Aligned columns sorted by ``row``; ``rows`` is how many rows the book has."""

    rows: int
    row: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    def sum(self, amounts: np.ndarray) -> np.ndarray:
        """Amounts (H,) added up by row (R,), in the order in which they stand."""
        return added(self.row, amounts, self.rows)

    def columns(self) -> dict[str, np.ndarray]:
        """Every column but ``row``."""
        return {name: getattr(self, name) for name in _columns(type(self))}

    def at(self, index: np.ndarray | slice, row: np.ndarray, rows: int) -> Holdings:
        """Records ``index``, now belonging to ``row`` of ``rows`` rows."""
        return type(self)(rows, row, **{name: column[index] for name, column in self.columns().items()})

    def slice(self, low: int, high: int) -> Holdings:
        """The records of rows low … high−1, numbered from 0."""
        start, stop = np.searchsorted(self.row, [low, high])
        return self.at(slice(start, stop), self.row[start:stop] - low, high - low)

    def take(self, rows: np.ndarray) -> Holdings:
        """Rows repeated, reordered or dropped; row n of the result is ``rows[n]`` of this."""
        count = np.bincount(self.row, minlength=self.rows)
        start = np.concatenate([[0], np.cumsum(count)])[:-1]
        repeat = count[rows]
        offset = np.arange(repeat.sum()) - np.repeat(np.cumsum(repeat) - repeat, repeat)
        return self.at(np.repeat(start[rows], repeat) + offset, np.repeat(np.arange(len(rows)), repeat), len(rows))

    def sorted(self, *keys: np.ndarray) -> Holdings:
        """The same records in order of row, then ``keys``."""
        order = ordered(self.row, *keys)
        return self.at(order, self.row[order], self.rows)

    def joined(self, other: Holdings) -> Holdings:
        """The records of both, in order of row."""
        columns = {k: np.concatenate([v, getattr(other, k)]) for k, v in self.columns().items()}
        row = np.concatenate([self.row, other.row])
        order = np.argsort(row, kind="stable")
        return type(self)(self.rows, row[order], **{k: v[order] for k, v in columns.items()})


@dataclass(frozen=True, eq=False)
class Legs(Holdings):
    """Positions: instrument number, side (0 one-way, ±1 hedge-mode leg), isolated, quantity, entry …"""

    instrument: np.ndarray
    side: np.ndarray
    isolated: np.ndarray
    quantity: np.ndarray
    entry: np.ndarray
    leverage: np.ndarray
    posted: np.ndarray
    accrued: np.ndarray
    sheet_row: np.ndarray

    @classmethod
    def of(
        cls, rows: int, row: np.ndarray, instrument: np.ndarray, quantity: np.ndarray, **columns: np.ndarray
    ) -> Legs:
        """Legs with whatever is not given left empty: one-way, cross, no entry, no leverage, nothing posted."""
        n = len(row)
        empty = {
            "side": np.zeros(n, np.int8),
            "isolated": np.zeros(n, bool),
            "entry": np.full(n, np.nan),
            "leverage": np.full(n, np.nan),
            "posted": np.zeros(n),
            "accrued": np.zeros(n),
            "sheet_row": np.zeros(n, np.int64),
        }
        return cls(rows, row, instrument=instrument, quantity=quantity, **{**empty, **columns})


@dataclass(frozen=True, eq=False)
class Cash(Holdings):
    """Balances: asset number, kind (wallet 0, loan 1, supplied 2), amount, location number."""

    asset: np.ndarray
    kind: np.ndarray
    amount: np.ndarray
    location: np.ndarray
    sheet_row: np.ndarray

    @classmethod
    def of(cls, rows: int, row: np.ndarray, asset: np.ndarray, amount: np.ndarray, **columns: np.ndarray) -> Cash:
        """Wallet balances without location unless ``columns`` say otherwise."""
        n = len(row)
        empty = {
            "kind": np.zeros(n, np.int8),
            "location": np.zeros(n, np.int64),
            "sheet_row": np.zeros(n, np.int64),
        }
        return cls(rows, row, asset=asset, amount=amount, **{**empty, **columns})


@dataclass(frozen=True, eq=False)
class Orders(Holdings):
    """Open orders: instrument number, side, signed quantity, limit price, reduce-only."""

    instrument: np.ndarray
    side: np.ndarray
    quantity: np.ndarray
    price: np.ndarray
    reduce_only: np.ndarray
    sheet_row: np.ndarray

    @classmethod
    def none(cls, rows: int) -> Orders:
        """No orders."""
        whole, real = np.zeros(0, np.int64), np.zeros(0)
        return cls(rows, whole, whole, np.zeros(0, np.int8), real, real, np.zeros(0, bool), whole)
