"""A range of cells as a table of columns: where its header stands, which cells are blank, what cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from xlmargin.decide.baskets import TRADE_COLUMNS
from xlmargin.decide.hedges.hedges import COLUMNS as CANDIDATE_COLUMNS
from xlmargin.errors import Problem
from xlmargin.schemas import FLAG, INSTRUMENT_COLUMNS, REQUIRED, SCHEMAS, TEXT, TIME, Column, folded, schema

from .cells import is_blank, is_error, label, on_officejs, rows_of

MOST_PROBLEMS = 100
OWN = {"trades": TRADE_COLUMNS, "candidates": CANDIDATE_COLUMNS}
DECIDED = ("scenarios", "lines", "movable", "hedges", "eligible")


@dataclass(frozen=True, eq=False)
class Tabular:
    """Columns by header as arrays, how many rows stood above the header, and what is wrong with the range."""

    name: str
    columns: dict[str, np.ndarray]
    above: int = 0
    problems: tuple[Problem, ...] = field(default=())

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def moved(self, problem: Problem) -> Problem:
        """A problem of this table in the row numbers of the range."""
        return replace(problem, row=problem.row + self.above) if problem.row and self.above else problem


def tabular(name: str, cells: Any) -> Tabular | None:
    """The table that a range holds, or None where the range holds nothing.

    The header row is the first that names a known column; a title (also a merged one) and empty rows may stand above
    it, empty rows below. Rows and columns are counted within the range.
    """
    rows = _trimmed(rows_of(cells))
    if not rows:
        return None
    known = _known(name)
    above = _header_at(rows, known)
    if above is None:
        return Tabular(name, {}, 0, (_no_header(name, rows),))
    header, body = rows[above], rows[above + 1 :]
    columns: dict[str, np.ndarray] = {}
    problems: list[Problem] = []
    for number, (title, values) in enumerate(_by_column(header, body), 1):
        if is_blank(title) or title == 0:
            problems.extend(_headless(name, above, number, values))
            continue
        text = label(title)
        column = known.get(folded(text))
        while text in columns:
            text += " "
        columns[text] = _typed(column, values)
        if column is not None:
            problems.extend(_errors(name, above, column, values))
    problems.extend(_incomplete(name, above, columns, len(body)))
    return Tabular(name, columns, above, tuple(problems))


def columns_of(name: str) -> dict[str, Column]:
    """The columns of a table by name: trades have those of positions and their own, tables of few models none."""
    if name in OWN:
        return {c.name: c for c in (*OWN[name], *schema("positions"))}
    return {c.name: c for c in (schema(name) if name in (*SCHEMAS, *DECIDED) else ())}


def _known(name: str) -> dict[str, Column]:
    """Columns that may stand in a table, by folded header."""
    more = {c.name: c for c in INSTRUMENT_COLUMNS} if name == "positions" else {}
    return {folded(n): c for n, c in (more | columns_of(name)).items()}


def _trimmed(rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """The rows without those at the end that hold nothing (or only zeros, which is how some hosts say nothing)."""
    end = len(rows)
    while end and not any(rows[end - 1]):
        end -= 1
    while end and all(is_blank(c) or c == 0 for c in rows[end - 1]):
        end -= 1
    return rows[:end]


def _header_at(rows: Sequence[Sequence[Any]], known: dict[str, Column]) -> int | None:
    """Index of the row that names known columns; only empty rows and one-cell titles may stand above it."""
    for index, row in enumerate(rows):
        filled = [c for c in row if not is_blank(c) and c != 0]
        if any(folded(c) in known for c in filled if isinstance(c, str)):
            return index
        if not known and (len(filled) > 1 or (filled and len(row) == 1)):
            return index
        if len(filled) > 1 or (len(filled) == 1 and not isinstance(filled[0], str)):
            return None
    return None


def _no_header(name: str, rows: Sequence[Sequence[Any]]) -> Problem:
    needed = ", ".join(c.name for c in columns_of(name).values() if c.need == REQUIRED)
    seen = ", ".join(label(c) for c in rows[0][:6] if not is_blank(c))
    return Problem(name, 1, "", None, f"no header row: a row with {needed} is needed, found {seen or 'nothing'}")


def _by_column(header: Sequence[Any], body: Sequence[Sequence[Any]]) -> list[tuple[Any, tuple[Any, ...]]]:
    width = len(header)
    if any(len(row) != width for row in body):
        body = [(*row[:width], *[None] * (width - len(row))) for row in body]
    columns = list(zip(*body, strict=True)) if body else [()] * width
    return list(zip(header, columns, strict=True))


def _typed(column: Column | None, values: tuple[Any, ...]) -> np.ndarray:
    """Numbers with NaN for blanks where all is numeric, else the cells themselves with None for blanks."""
    kinds = set(map(type, values))
    if str in kinds:
        blanks = {v for v in set(values) if type(v) is str and not v.strip()}
        values = tuple(None if v in blanks else v for v in values) if blanks else values
        kinds = set(map(type, values))
    if column is not None and on_officejs():
        values, kinds = _without_zeros(column, values, kinds)
    if kinds <= {float, int, type(None)} and (column is None or column.dtype != TEXT):
        return np.array(values, np.float64)
    if column is not None and column.dtype == TEXT and (float in kinds or int in kinds):
        values = tuple(label(v) if type(v) in (float, int) else v for v in values)
    out = np.empty(len(values), object)
    out[:] = values
    return out


def _without_zeros(column: Column, values: tuple[Any, ...], kinds: set[type]) -> tuple[tuple[Any, ...], set[type]]:
    """Zeros that can only mean an empty cell as None: Office.js hands empty cells over as 0 in some builds."""
    numeric_ids = column.dtype == TEXT and kinds <= {float, int} and any(values)
    cannot_be_zero = column.positive or column.dtype in (TEXT, TIME, FLAG) or column.name == "strike"
    if cannot_be_zero and not numeric_ids and (int in kinds or float in kinds):
        values = tuple(None if type(v) in (int, float) and v == 0 else v for v in values)
        kinds = set(map(type, values))
    return values, kinds


def _headless(name: str, above: int, number: int, values: tuple[Any, ...]) -> list[Problem]:
    filled = next((i for i, v in enumerate(values) if not is_blank(v) and v != 0), None)
    if filled is None:
        return []
    message = (
        f"row {above + filled + 2} of column {number} holds {label(values[filled])!r}, but the header is empty "
        "(a merged header?): give every column a name"
    )
    return [Problem(name, 1, f"number {number}", values[filled], message)]


def _errors(name: str, above: int, column: Column, values: tuple[Any, ...]) -> list[Problem]:
    """A problem for every error cell; a column of numbers is passed over at once."""
    if str not in set(map(type, values)):
        return []
    errors = {v for v in set(values) if is_error(v)}
    at = [i for i, v in enumerate(values) if v in errors] if errors else []
    return [
        Problem(name, i + 2, column.name, values[i], f"the cell holds {values[i].split(':')[0]}")
        for i in at[:MOST_PROBLEMS]
    ]


def _incomplete(name: str, above: int, columns: dict[str, np.ndarray], length: int) -> list[Problem]:
    """Required columns that a table without rows lacks (with rows the core says so)."""
    if length or name not in SCHEMAS:
        return []
    have = set(map(folded, columns))
    missing = [c for c in schema(name) if c.need == REQUIRED and folded(c.name) not in have]
    return [Problem(name, 1, c.name, None, f"required column is missing ({c.meaning})") for c in missing]
