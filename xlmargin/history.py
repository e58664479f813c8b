"""The user's price history: one row a day, one column a name; or one row a day and name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import Problem
from .parsing import read_number, read_time
from .schemas import folded

TABLE = "history"
DATE = ("date", "time", "day", "timestamp", "asof")
NAME = ("name", "underlying", "asset", "instrument", "symbol")
PRICE = ("price", "close", "mark", "index")
MOST = 100


@dataclass(frozen=True, eq=False)
class History:
    """Prices (T, K) of ``names`` at ``dates`` (T,), epoch seconds in order; NaN where there is none.

    ``rows`` (T,) is where each date stands in its table (the first row of it in the long form).
    """

    dates: np.ndarray
    names: tuple[str, ...]
    price: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.dates)

    def until(self, moment: float) -> History:
        """What was known at ``moment``."""
        known = self.dates <= moment
        return History(self.dates[known], self.names, self.price[known], self.rows[known])

    def numbered(self, names: Sequence[str]) -> np.ndarray:
        """Column of each name; −1 where there is none. Case is forgiven."""
        number = {name.casefold(): k for k, name in enumerate(self.names)}
        return np.array([number.get(str(name).casefold(), -1) for name in names], np.int64)

    def returns(self, columns: np.ndarray) -> np.ndarray:
        """Log returns (T−1, K) from row to row of some columns."""
        return np.diff(np.log(self.price[:, columns]), axis=0)


def read(table: Any, problems: list[Problem], names: Sequence[str] | None = None) -> History:
    """The table ``history`` in its wide or long form; what is wrong is appended to ``problems`` with its row.

    Prices are above zero, dates differ and are put in order; names without a price on some day keep a gap there.
    Only the columns of ``names`` are read where they are given; other columns may hold anything. A history that was
    read already is returned as it is.

    >>> h = read({"date": ["2026-01-02", "2026-01-01"], "BTC": [101.0, 100.0]}, [])
    >>> h.names, h.price.ravel().tolist()
    (('BTC',), [100.0, 101.0])
    """
    if isinstance(table, History):
        return table
    columns = {str(h): _cells(table[h]) for h in table} if table is not None else {}
    found = {folded(h): h for h in columns}
    date = next((found[w] for w in DATE if w in found), None)
    if date is None:
        said = "required column is missing (the day of each price)" if columns else "no price history is given"
        problems.append(Problem(TABLE, 1 if columns else 0, "date", None, said))
        return History(np.zeros(0), (), np.zeros((0, 0)), np.zeros(0, np.int64))
    if len({len(c) for c in columns.values()}) > 1:
        problems.append(Problem(TABLE, 0, "", None, "columns of different lengths"))
        return History(np.zeros(0), (), np.zeros((0, 0)), np.zeros(0, np.int64))
    top = 1 + getattr(table, "header_row", 1)
    filled = np.flatnonzero([_given(c) for c in columns[date]])
    dates = _column(columns[date][filled], "date", filled + top, read_time, problems)
    name, price = (next((found[w] for w in words if w in found), None) for words in (NAME, PRICE))
    if name and price:
        return _long(dates, filled + top, columns[name][filled], columns[price][filled], problems)
    wanted = None if names is None else {str(n).casefold() for n in names}
    rest = {h: c[filled] for h, c in columns.items() if h != date}
    rest = {h: c for h, c in rest.items() if wanted is None or h.strip().casefold() in wanted}
    return _wide(dates, filled + top, rest, problems)


def _cells(column: Any) -> np.ndarray:
    """Numbers as they are, anything else cell by cell."""
    cells = np.asarray(column)
    return cells if cells.dtype.kind in "fiu" else np.array([*column], object)


def _given(cell: Any) -> bool:
    return cell is not None and str(cell).strip() not in ("", "nan", "NaT", "None", "<NA>")


def _column(cells: np.ndarray, column: str, rows: np.ndarray, reader: Any, problems: list[Problem]) -> np.ndarray:
    if cells.dtype.kind in "fiu" and reader is read_number:
        return cells.astype(np.float64)
    out = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells):
        if not _given(cell):
            continue
        try:
            out[i] = reader(cell)
        except ValueError as error:
            if len(problems) < MOST:
                problems.append(Problem(TABLE, int(rows[i]), column, cell, str(error)))
    return out


def _prices(cells: np.ndarray, column: str, rows: np.ndarray, problems: list[Problem]) -> np.ndarray:
    price = _column(cells, column, rows, read_number, problems)
    for i in np.flatnonzero((price <= 0) | np.isinf(price))[:MOST]:
        message = f"a price must be above zero and finite, is {price[i]:g}"
        problems.append(Problem(TABLE, int(rows[i]), column, cells[i], message))
    return np.where((price > 0) & np.isfinite(price), price, np.nan)


def _wide(dates: np.ndarray, rows: np.ndarray, rest: Mapping[str, np.ndarray], problems: list[Problem]) -> History:
    price = [_prices(cells, name, rows, problems) for name, cells in rest.items()]
    known = ~np.isnan(dates)
    order = np.flatnonzero(known)[np.argsort(dates[known], kind="stable")]
    again = order[1:][dates[order][1:] == dates[order][:-1]]
    for i in again[:MOST]:
        problems.append(Problem(TABLE, int(rows[i]), "date", None, "this date stands twice"))
    order = np.setdiff1d(order, again, assume_unique=True) if len(again) else order
    order = order[np.argsort(dates[order], kind="stable")]
    table = np.column_stack(price)[order] if price else np.zeros((len(order), 0))
    return History(dates[order], tuple(name.strip() for name in rest), table, rows[order])


def _long(
    dates: np.ndarray, rows: np.ndarray, named: np.ndarray, cells: np.ndarray, problems: list[Problem]
) -> History:
    price = _prices(cells, "price", rows, problems)
    known = ~np.isnan(dates) & ~np.isnan(price)
    texts = np.array([str(n).strip() for n in named], object)
    days, first, day = np.unique(dates[known], return_index=True, return_inverse=True)
    names = tuple(sorted(set(texts[known])))
    number = {name: k for k, name in enumerate(names)}
    column = np.array([number[n] for n in texts[known]], np.int64)
    table = np.full((len(days), len(names)), np.nan)
    cell, count = np.unique(day * max(len(names), 1) + column, return_counts=True)
    for key in cell[count > 1][:MOST]:
        i = np.flatnonzero(known)[np.flatnonzero(day * len(names) + column == key)[1]]
        problems.append(Problem(TABLE, int(rows[i]), "date", None, f"{texts[i]} stands twice on this date"))
    table[day, column] = price[known]
    return History(days, names, table, rows[np.flatnonzero(known)[first]])
