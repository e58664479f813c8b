"""What a formula was given besides a book: further tables and settings, problems told in the range's own rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xlmargin.errors import InputError, Problem, nearest
from xlmargin.parsing import read_number
from xlmargin.schemas import folded

from .cells import is_blank, label, on_officejs, rows_of, words
from .ranges import Ranges
from .tabular import tabular

Read = Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class Given:
    """A further table: columns without blank rows, and the row of the range in which each record stands."""

    name: str
    columns: Mapping[str, np.ndarray]
    rows: np.ndarray
    called: str = ""

    def moved(self, problem: Problem) -> Problem:
        """A problem of this table under the name and in the row numbers of the range."""
        place, problem = problem.row - 2, replace(problem, table=self.called or problem.table)
        if not problem.row and problem.value is not None:
            place = self._place(problem.column, problem.value)
        if place >= 0:
            return replace(problem, row=int(self.rows[place]) if place < len(self.rows) else problem.row)
        return replace(problem, row=int(self.rows[0]) - 1) if problem.row and len(self.rows) else problem

    def _place(self, column: str, value: Any) -> int:
        """The first record with that value in that column, -1 where there is none."""
        cells = next((c for header, c in self.columns.items() if folded(header) == folded(column)), [])
        return next((n for n, cell in enumerate(cells) if str(cell) == str(value)), -1)


def given(name: str, cells: Any, needed: str = "", called: str = "") -> Given | None:
    """The table that a range holds, None where it holds nothing; ``needed`` says what its header must name.

    ``called`` is the argument's name where it is another. On Office.js a column of nothing but zeros is an empty one.
    Raises InputError for a range that cannot be read, or that is empty where something is needed.
    """
    table = tabular(name, cells) if cells is not None else None
    if table is None:
        if needed:
            raise InputError(f"{called or name}: the range is empty; a header row with {needed} is needed")
        return None
    if table.problems:
        raise InputError([replace(table.moved(p), table=called or name) for p in table.problems])
    filled = [~np.array([is_blank(c) for c in column], bool) for column in table.columns.values()]
    kept = np.flatnonzero(np.any(filled, axis=0)) if filled else np.zeros(0, np.int64)
    columns = {header: column[kept] for header, column in table.columns.items()}
    if on_officejs():
        columns = {h: c for h, c in columns.items() if not all(is_blank(v) or v == 0 for v in c)}
    return Given(name, columns, kept + 2 + table.above, called)


def named(name: str, cells: Any, *headers: str) -> Given | list[str] | None:
    """A table where a cell says one of ``headers``, else names in a range or in one cell with commas; None for nothing.

    >>> named("candidates", "BTC-PERP, ETH-PERP", "instrument"), named("candidates", [[None]], "instrument")
    (['BTC-PERP', 'ETH-PERP'], None)
    """
    if cells is None:
        return None
    if any(isinstance(c, str) and folded(c) in headers for row in rows_of(cells) for c in row):
        return given(name, cells)
    return [word for word in words(name, cells) if word != "0"] or None


@contextmanager
def told_in(ranges: Ranges | None, *tables: Given | list[str] | None) -> Iterator[None]:
    """Problems in the row numbers of the ranges in which their tables stand."""
    by = {table.name: table for table in tables if isinstance(table, Given)}
    try:
        yield
    except InputError as error:
        if not error.problems:
            raise
        own = ranges.moved if ranges is not None else lambda p: p
        raise InputError([by[p.table].moved(p) if p.table in by else own(p) for p in error.problems]) from None


def columns(table: Given | list[str] | None) -> Any:
    """What a verb takes: columns, names, or nothing."""
    return table.columns if isinstance(table, Given) else table


def chosen(given: Mapping[str, Any], known: Mapping[str, Read], argument: str = "settings") -> dict[str, Any]:
    """Settings by name, each read as ``known`` says; a name that ends in `` *`` there takes a further word.

    >>> from xlmargin.given import between
    >>> chosen({"Budget": 5000.0, "delta BTC": "-1:2"}, {"budget": read_number, "delta *": between})
    {'budget': 5000.0, 'delta': {'BTC': (-1.0, 2.0)}}
    """
    by = {name.removesuffix(" *"): read for name, read in known.items() if name.endswith(" *")}
    found: dict[str, Any] = {}
    for key, value in given.items():
        if is_blank(value):
            continue
        first, _, rest = key.strip().partition(" ")
        name = "_".join(key.casefold().split())
        if first.casefold() in by and rest:
            found.setdefault(first.casefold(), {})[rest.strip()] = _read(argument, key, value, by[first.casefold()])
        elif name in known:
            found[name] = _read(argument, key, value, known[name])
        else:
            allowed = [n.replace("*", "NAME") for n in known]
            raise InputError(f"{argument}: no {key!r}; there are {', '.join(allowed)}{nearest(key, allowed)}")
    return found


def _read(argument: str, key: str, value: Any, read: Read) -> Any:
    try:
        return read(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{argument}: {key}: {error}") from None


def listed(cell: Any) -> list[str]:
    """Words separated by commas.

    >>> listed("floor, cap")
    ['floor', 'cap']
    """
    return words("", cell)


def whole(cell: Any) -> int:
    """A whole number."""
    number = read_number(cell)
    if number != int(number):
        raise ValueError(f"not a whole number: {cell!r}")
    return int(number)


def word(cell: Any) -> str:
    """A word, case forgiven."""
    return label(cell).casefold()


def choice(output: str, allowed: Mapping[str, Any]) -> Any:
    """What ``output`` stands for, the first of ``allowed`` where nothing is given."""
    name = output.strip().casefold()
    if not name:
        return next(iter(allowed.values()))
    if name not in allowed:
        raise InputError(f"output: {output!r} is not one of {', '.join(allowed)}{nearest(name, allowed)}")
    return allowed[name]


def summary(**figures: Any) -> dict[str, list[Any]]:
    """Two columns: figure and value."""
    return {"figure": [name.replace("_", " ") for name in figures], "value": list(figures.values())}
