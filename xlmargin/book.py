"""Who holds what: rows of accounts (or pools), their legs, cash, orders and settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .holdings import Cash, Holdings, Legs, Orders, added, starts

if TYPE_CHECKING:
    from scipy import sparse


@dataclass(frozen=True, eq=False)
class Book:
    """Rows of holdings. A row is an account first and a pool of one after ``pooled``.

    ``account`` and ``pool`` (R,) name the row; ``settings`` holds an array (R,) per setting; ``detail``
    asks rules to keep amounts per holding; ``assets`` of cash and ``instrument`` of legs number the market's.
    """

    legs: Legs
    cash: Cash
    orders: Orders
    account: np.ndarray
    pool: np.ndarray
    settings: dict[str, np.ndarray] = field(default_factory=dict)
    locations: tuple[str, ...] = ("",)
    detail: bool = False

    def __len__(self) -> int:
        return len(self.account)

    def __repr__(self) -> str:
        held = f"{len(self.legs)} positions, {len(self.cash)} balances, {len(self.orders)} orders"
        return f"<Book of {len(self)} accounts: {held}>"

    def sum(self, amounts: np.ndarray) -> np.ndarray:
        """Amounts per leg (H,) added up by row (R,)."""
        return self.legs.sum(amounts)

    def take(self, rows: np.ndarray | Sequence[int]) -> Book:
        """The rows named, repeated or reordered at will: a what-if starts as the same account again."""
        rows = np.asarray(rows, np.int64)
        return self._of(rows, self.legs.take(rows), self.cash.take(rows), self.orders.take(rows))

    def slice(self, low: int, high: int) -> Book:
        """Rows low … high−1 as a book of their own."""
        tables = (t.slice(low, high) for t in (self.legs, self.cash, self.orders))
        return self._of(slice(low, high), *tables)

    def _of(self, rows: np.ndarray | slice, legs: Legs, cash: Cash, orders: Orders) -> Book:
        """The same rows' names and settings around other tables."""
        settings = {k: v[rows] for k, v in self.settings.items()}
        named = {"account": self.account[rows], "pool": self.pool[rows], "settings": settings}
        return replace(self, legs=legs, cash=cash, orders=orders, **named)

    def split(self, group: np.ndarray) -> Nets:
        """Sub-rows: the legs of one row whose instruments share a group number; ``group`` is (I,).

        >>> b = Book.bare(1, [0, 0, 0], [0, 1, 2], [1.0, -2.0, 4.0])
        >>> b.split(np.array([7, 7, 9])).sum(b.legs.quantity)
        array([-1.,  4.])
        """
        return Nets.of(self, group[self.legs.instrument])

    def alone(self) -> Book:
        """Each leg in a row of its own, without cash or orders: what netting is measured against."""
        n = len(self.legs)
        owner = self.legs.row
        empty = np.zeros(0, np.int64)
        return replace(
            self,
            legs=self.legs.at(slice(None), np.arange(n), n),
            cash=self.cash.at(empty, empty, n),
            orders=Orders.none(n),
            account=self.account[owner],
            pool=self.pool[owner],
            settings={k: v[owner] for k, v in self.settings.items()},
        )

    def positions_only(self) -> Book:
        """The same rows without balances and orders."""
        empty = np.zeros(0, np.int64)
        return replace(self, cash=self.cash.at(empty, empty, len(self)), orders=Orders.none(len(self)))

    def pooled(
        self, leg: np.ndarray, cash: np.ndarray, order: np.ndarray | None = None, names: Sequence[str] = ()
    ) -> Book:
        """Rows cut into pools: a key per leg (H,), balance and order; −1 leaves a balance outside every pool.

        ``names`` gives the key's words. Each row of the result is one (row, key) that holds anything; a row
        that holds nothing keeps one pool, key 0.
        """
        order = np.zeros(len(self.orders), np.int64) if order is None else order
        width, inside = max(len(names), 1), cash >= 0
        kept = self.cash if inside.all() else self.cash.at(inside, self.cash.row[inside], self.cash.rows)
        tables = (self.legs, leg), (kept, cash[inside]), (self.orders, order)
        own = np.full(len(self), -1, np.int64)
        for table, key in tables:
            own[table.row] = key
        words = np.asarray(names, object)
        if all(np.array_equal(own[table.row], key) for table, key in tables):
            return replace(self, cash=kept, pool=words[np.maximum(own, 0)] if len(names) else self.pool)
        keys = [table.row * width + key for table, key in tables]
        pools, number = np.unique(np.concatenate([*keys, np.flatnonzero(own < 0) * width]), return_inverse=True)
        new_leg, new_cash, new_order, _ = np.split(number, np.cumsum([len(k) for k in keys]))
        origin, count = pools // width, len(pools)
        regrouped = zip((self.legs, kept, self.orders), (new_leg, new_cash, new_order), strict=True)
        cut = self._of(origin, *(_regrouped(table, row, count) for table, row in regrouped))
        return replace(cut, pool=words[pools % width]) if len(names) else cut

    @classmethod
    def bare(cls, rows: int, row: Sequence[int], instrument: Sequence[int], quantity: Sequence[float]) -> Book:
        """A book of positions only, for tests and experiments."""
        whole = np.zeros(0, np.int64)
        legs = Legs.of(
            rows, np.asarray(row, np.int64), np.asarray(instrument, np.int64), np.asarray(quantity, np.float64)
        )
        names = np.array([str(r) for r in range(rows)], object)
        return cls(legs, Cash.of(rows, whole, whole, np.zeros(0)), Orders.none(rows), names, np.full(rows, "", object))


def _regrouped(table: Holdings, row: np.ndarray, rows: int) -> Holdings:
    order = slice(None) if np.all(row[1:] >= row[:-1]) else np.argsort(row, kind="stable")
    return table.at(order, row[order], rows)


@dataclass(frozen=True, eq=False)
class Nets:
    """A book cut finer: ``net`` (H,) numbers each leg's net; ``row`` and ``group`` (N,) say whose it is."""

    book: Book
    net: np.ndarray
    row: np.ndarray
    group: np.ndarray

    @classmethod
    def of(cls, book: Book, group: np.ndarray) -> Nets:
        """Nets of legs by row and ``group`` (H,); legs already in order are cut without sorting."""
        width = int(group.max(initial=0)) + 1
        key = book.legs.row * width + group
        step = key[1:] - key[:-1]
        if len(key) and step.min(initial=0) >= 0:
            new = np.ones(len(key), bool)
            np.greater(step, 0, out=new[1:])
            first = np.flatnonzero(new)
            return cls(book, np.cumsum(new) - 1, book.legs.row[first], group[first])
        pools, net = np.unique(key, return_inverse=True)
        return cls(book, net, pools // width, pools % width)

    def __len__(self) -> int:
        return len(self.row)

    @cached_property
    def start(self) -> np.ndarray:
        """First net of each row, (R+1,)."""
        return starts(self.row, len(self.book))

    @cached_property
    def adding(self) -> sparse.csr_matrix:
        """Nets added up by row, as a sparse matrix of ones (R, N)."""
        from scipy import sparse

        ones, own = np.ones(len(self)), np.arange(len(self), dtype=np.int32)
        return sparse.csr_matrix((ones, own, self.start.astype(np.int32)), (len(self.book), len(self)))

    def sum(self, amounts: np.ndarray) -> np.ndarray:
        """Amounts per leg (H,) added up by net (N,)."""
        return added(self.net, amounts, len(self))

    def up(self, amounts: np.ndarray) -> np.ndarray:
        """Amounts per net (N,) added up by row (R,)."""
        return added(self.row, amounts, len(self.book))

    def least(self, values: np.ndarray, start: float = np.inf) -> np.ndarray:
        """The smallest value per leg (H,) of each net (N,)."""
        out = np.full(len(self), start)
        np.minimum.at(out, self.net, values)
        return out
