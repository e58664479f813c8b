"""An editable table as the user sees it: columns of a schema, rows with lasting ids, cells as typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np

from xlmargin.errors import InputError, Problem
from xlmargin.parsing import read_number, read_time
from xlmargin.run import moment
from xlmargin.schemas import INSTRUMENT_COLUMNS, NUMBER, REQUIRED, TEXT, TIME, Column, schema

from . import beside

TITLES = {
    "positions": "Positions",
    "balances": "Balances",
    "instruments": "Instruments",
    "assets": "Assets",
    "accounts": "Accounts",
    "orders": "Orders",
    "crif": "Sensitivities",
    **beside.TITLES,
}
USUAL = {
    "positions": ("instrument", "quantity", "entry_price", "account"),
    "balances": ("asset", "amount", "account"),
    "instruments": ("instrument", "mark", "iv", "forward", "index"),
    "assets": ("asset", "price"),
    "accounts": ("account", "venue"),
    "orders": ("instrument", "quantity", "limit_price", "account"),
    "crif": ("account", "product_class", "risk_type", "qualifier", "bucket", "label1", "label2", "amount_usd"),
    **beside.USUAL,
}
FIRST_ROW = 2
_ids = count(1)

Row = Mapping[str, Any]


def columns_of(name: str) -> tuple[Column, ...]:
    """The columns that a sheet may have: its schema, and those of an instrument where one stands in it."""
    if name in beside.BESIDE:
        return beside.BESIDE[name]
    return (*schema(name), *INSTRUMENT_COLUMNS[1:]) if name == "positions" else schema(name)


@dataclass(frozen=True, eq=False)
class Sheet:
    """One table: ``rows`` by id in their order. Every change returns a new sheet; rows are shared, never altered.

    ``extra`` are columns beyond the schema, kept as they came.
    """

    name: str
    rows: Mapping[int, Row]
    extra: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, columns: Mapping[str, Sequence[Any]]) -> Sheet:
        """A sheet from columns of cells."""
        known = {c.name: c for c in columns_of(name)}
        length = max(map(len, columns.values()), default=0)
        rows = {}
        for i in range(length):
            cells = {c: _given(known.get(c), values[i]) for c, values in columns.items()}
            rows[next(_ids)] = {c: v for c, v in cells.items() if v is not None}
        return cls(name, rows, tuple(c for c in columns if c not in known))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def schema(self) -> dict[str, Column]:
        """Every column that may be filled here, by name."""
        extra = (Column(name, "given with the book", dtype=TEXT) for name in self.extra)
        return {c.name: c for c in (*columns_of(self.name), *extra)}

    def shown(self) -> list[Column]:
        """The columns to show: the usual ones, and whatever else has a value."""
        filled = {c for row in self.rows.values() for c in row}
        return [c for name, c in self.schema.items() if name in USUAL[self.name] or name in filled]

    def put(self, cells: Iterable[tuple[int, str, Any]]) -> Sheet:
        """The sheet with cells replaced: (row id, column, text typed). Raises InputError for a row that is gone."""
        rows, known = dict(self.rows), self.schema
        for id, name, typed in cells:
            if id not in rows:
                raise InputError([Problem(self.name, 0, name, typed, "this row has been deleted meanwhile")])
            value = typed_cell(known[name], typed)
            rest = {c: v for c, v in rows[id].items() if c != name}
            rows[id] = rest if value is None else rest | {name: value}
        return replace(self, rows=rows)

    def inserted(self, after: int | None, rows: Sequence[Row]) -> Sheet:
        """The sheet with rows put in after the row of that id, or at the end."""
        fresh = {next(_ids): dict(row) for row in rows}
        if after not in self.rows:
            return replace(self, rows={**self.rows, **fresh})
        ids = list(self.rows)
        cut = ids.index(after) + 1
        head, tail = ({i: self.rows[i] for i in part} for part in (ids[:cut], ids[cut:]))
        return replace(self, rows={**head, **fresh, **tail})

    def without(self, ids: Iterable[int]) -> Sheet:
        """The sheet without some rows."""
        gone = set(ids)
        return replace(self, rows={i: row for i, row in self.rows.items() if i not in gone})

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """Columns of cells for the tables: numbers as an array where every cell is one, else as they stand."""
        filled = {c for row in self.rows.values() for c in row}
        names = [n for n, c in self.schema.items() if n in filled or c.need == REQUIRED]
        return {name: _array([row.get(name) for row in self.rows.values()]) for name in names} if self.rows else {}

    def place(self, problem: Problem) -> tuple[int, str] | None:
        """Row id and shown column of a problem; None where it stands in no row here."""
        ids = list(self.rows)
        index = problem.row - FIRST_ROW
        if not 0 <= index < len(ids):
            return None
        names = [c.name for c in self.shown()]
        return ids[index], problem.column if problem.column in names else names[0]


def _array(cells: list[Any]) -> np.ndarray:
    if all(c is None or isinstance(c, float) for c in cells):
        return np.array([np.nan if c is None else c for c in cells], np.float64)
    out = np.empty(len(cells), object)
    out[:] = cells
    return out


def _given(column: Column | None, value: Any) -> Any:
    """A cell handed over by code: blanks as None, numbers and moments as float, anything else as it is."""
    if value is None or value == "" or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | float | np.number):
        value = float(value)
        return None if np.isnan(value) else value
    if column is not None and column.dtype == TIME and not isinstance(value, str):
        return read_time(value)
    return typed_cell(column, value) if isinstance(value, str) and column is not None else value


def typed_cell(column: Column, text: Any) -> Any:
    """What a typed text means: a number where the column holds numbers and it is one, else the text; None if blank.

    A text that is no number stays as typed, so that the tables can say what is wrong with it.

    >>> from xlmargin.schemas import schema
    >>> quantity = schema("positions")[1]
    >>> typed_cell(quantity, "1,234.5"), typed_cell(quantity, "abc"), typed_cell(quantity, " ")
    (1234.5, 'abc', None)
    """
    text = "" if text is None else str(text).strip()
    if not text:
        return None
    read = {NUMBER: read_number, TIME: read_time}.get(column.dtype)
    if read is None:
        return text
    try:
        return read(text)
    except ValueError:
        return text


def cell_text(column: Column, value: Any) -> str:
    """A cell as text that reads back to the same value.

    >>> from xlmargin.schemas import schema
    >>> expiry = next(c for c in schema("instruments") if c.name == "expiry")
    >>> cell_text(expiry, 1798185600.0), cell_text(schema("positions")[1], -3.0)
    ('2026-12-25 08:00:00Z', '-3')
    """
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    if column.dtype == TIME and value.is_integer():
        return moment(value)
    return repr(value).removesuffix(".0")
