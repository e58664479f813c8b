"""From cells to typed columns: forgiving in spelling, strict in meaning, every problem listed."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .errors import Problem, nearest
from .schemas import FLAG, NUMBER, REQUIRED, TEXT, TIME, Column, folded, schema

MAX_ROWS = 2_000_000
THOUSANDS = re.compile(r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$")
TRUE, FALSE = {"true", "yes", "y", "1", "1.0"}, {"false", "no", "n", "0", "0.0"}
EXCEL_EPOCH = dt.datetime(1899, 12, 30, tzinfo=dt.UTC)


class Table:
    """A parsed table: typed columns of one length and the sheet row of each record."""

    def __init__(self, name: str, columns: dict[str, np.ndarray], rows: np.ndarray, extra: dict[str, np.ndarray]):
        self.name, self.columns, self.rows, self.extra = name, columns, rows, extra

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, column: str) -> np.ndarray:
        return self.columns[column]

    def problem(self, index: int, column: str, message: str, account: str = "") -> Problem:
        """A problem at record ``index`` in this table's own row numbers."""
        value = self.columns.get(column)
        return Problem(
            self.name, int(self.rows[index]), column, None if value is None else value[index], message, account
        )


def parse(name: str, data: Any, problems: list[Problem], more: Sequence[Column] = ()) -> Table:
    """Typed columns of a table from a mapping of columns or a DataFrame.

    ``more`` are columns that other tables or models declare and that may stand here too. What is wrong is
    appended to ``problems``; blank rows are passed over; unknown columns are kept as they are in ``extra``.
    A mapping may say in ``header_row`` in which row of its sheet the header stands.
    """
    columns = {c.name: c for c in (*schema(name), *more)}
    if data is not None and not hasattr(data, "keys"):
        message = f"a {type(data).__name__} is no table: give a DataFrame or a mapping of columns"
        problems.append(Problem(name, 0, "", None, message))
        data = None
    raw, unknown = _by_column(name, data, columns, problems)
    length = max((len(v) for v in (*raw.values(), *unknown.values())), default=0)
    uneven = {header: len(v) for header, v in (raw | unknown).items() if len(v) != length}
    if uneven:
        message = f"columns differ in length: {length} rows, but {', '.join(f'{k} has {n}' for k, n in uneven.items())}"
        problems.append(Problem(name, 0, next(iter(uneven)), None, message))
        raw, unknown, length = {}, {}, 0
    if length > MAX_ROWS:
        problems.append(Problem(name, 0, "", length, f"{length:,} rows; at most {MAX_ROWS:,} are read"))
        raw, unknown, length = {}, {}, 0
    blank = {column: _blank(cells) for column, cells in raw.items()}
    keep = _filled(blank, length)
    rows = np.flatnonzero(keep) + 1 + getattr(data, "header_row", 1)
    typed = {}
    for column in columns.values():
        cells = raw.get(column.name)
        if cells is None:
            if column.need == REQUIRED and length:
                problems.append(_missing_column(name, column, unknown))
            typed[column.name] = _absent(column, len(rows))
        else:
            typed[column.name] = _typed(name, column, cells[keep], blank[column.name][keep], rows, problems)
    return Table(name, typed, rows, {k: v[keep] for k, v in unknown.items()})


def _by_column(
    name: str, data: Any, columns: Mapping[str, Column], problems: list[Problem]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    known, unknown = {folded(c): c for c in columns}, {}
    raw: dict[str, np.ndarray] = {}
    for header in data if data is not None else ():
        cells = data[header]
        cells = cells.to_numpy() if hasattr(cells, "to_numpy") else _cells(cells)
        target = known.get(folded(header))
        if target is None:
            unknown[str(header)] = cells
        elif target in raw:
            problems.append(Problem(name, 1, target, header, f"column {target!r} stands twice"))
        else:
            raw[target] = cells
    return raw, unknown


def _cells(given: Any) -> np.ndarray:
    """A column as it was given: a list keeps its types, so that one text does not turn numbers into text."""
    if isinstance(given, np.ndarray):
        return given
    cells = np.empty(len(given), object)
    cells[:] = given
    return cells


def _missing_column(name: str, column: Column, unknown: Mapping[str, Any]) -> Problem:
    hint = nearest(column.name, unknown)
    return Problem(name, 1, column.name, None, f"required column is missing ({column.meaning}){hint}")


def _filled(blank: Mapping[str, np.ndarray], length: int) -> np.ndarray:
    """Rows in which any known column holds something."""
    filled = np.zeros(length, bool)
    for empty in blank.values():
        filled |= ~empty
    return filled


def _blank(cells: np.ndarray) -> np.ndarray:
    if cells.dtype.kind in "biu":
        return np.zeros(len(cells), bool)
    if cells.dtype.kind == "f":
        return np.isnan(cells)
    if cells.dtype.kind == "M":
        return np.isnat(cells)
    number, distinct = pd.factorize(cells)
    blank = np.array([*(isinstance(c, str) and not c.strip() for c in distinct), True], bool)
    return blank[number]


def _absent(column: Column, length: int) -> np.ndarray:
    if column.dtype == TEXT:
        return np.full(length, column.default or "", object)
    return np.full(length, np.nan if column.default is None else column.default, np.float64)


def _typed(
    name: str, column: Column, cells: np.ndarray, blank: np.ndarray, rows: np.ndarray, problems: list[Problem]
) -> np.ndarray:
    if column.need == REQUIRED and blank.any():
        problems.extend(
            Problem(name, int(r), column.name, None, f"empty; needed: {column.meaning}") for r in rows[blank]
        )
    if column.dtype == TEXT:
        return _texts(name, column, cells, blank, rows, problems)
    if cells.dtype.kind in "fiu" and (column.dtype == NUMBER or (column.dtype == TIME and _epochs(cells))):
        out = cells.astype(np.float64)
    else:
        out = _each(name, column, cells, blank, rows, problems)
    if blank.any() and column.default is not None:
        out = np.where(blank, column.default, out)
    _check_range(name, column, out, blank, rows, problems)
    return out


def _check_range(
    name: str, column: Column, out: np.ndarray, blank: np.ndarray, rows: np.ndarray, problems: list[Problem]
) -> None:
    for i in np.flatnonzero(np.isinf(out) & ~blank):
        problems.append(Problem(name, int(rows[i]), column.name, out[i], "not a finite number"))
    if column.positive:
        for i in np.flatnonzero(~blank & (out <= 0)):
            message = f"must be above zero, is {out[i]:g}"
            problems.append(Problem(name, int(rows[i]), column.name, out[i], message))


def _texts(
    name: str, column: Column, cells: np.ndarray, blank: np.ndarray, rows: np.ndarray, problems: list[Problem]
) -> np.ndarray:
    """Words, each distinct one read once."""
    number, distinct = pd.factorize(cells.astype(object))
    words = np.empty(len(distinct) + 1, object)
    words[:] = [*(str(word).strip() for word in distinct), ""]
    if column.choices:
        _choose(name, column, words, number, blank, rows, problems)
    words[-1] = column.default or ""
    return np.where(blank, words[-1], words[number]).astype(object)


def _choose(
    name: str,
    column: Column,
    words: np.ndarray,
    number: np.ndarray,
    blank: np.ndarray,
    rows: np.ndarray,
    problems: list[Problem],
) -> None:
    """Each distinct word replaced by the choice it means; what means none is a problem in every row."""
    allowed = {c.casefold(): c for c in column.choices} | {"call": "C", "put": "P"}
    for n, word in enumerate(words[:-1]):
        choice = allowed.get(word.casefold())
        if choice in column.choices:
            words[n] = choice
            continue
        listed = ", ".join(column.choices)
        message = f"{word!r} is not one of {listed}{nearest(word, column.choices)}"
        where = np.flatnonzero((number == n) & ~blank)
        problems.extend(Problem(name, int(rows[i]), column.name, word, message) for i in where)


def _each(
    name: str, column: Column, cells: np.ndarray, blank: np.ndarray, rows: np.ndarray, problems: list[Problem]
) -> np.ndarray:
    read = {NUMBER: read_number, TIME: read_time, FLAG: read_flag}[column.dtype]
    out = np.full(len(cells), np.nan)
    for i in np.flatnonzero(~blank):
        try:
            out[i] = read(cells[i])
        except (TypeError, ValueError) as error:
            problems.append(Problem(name, int(rows[i]), column.name, cells[i], str(error)))
    return out


def read_number(cell: Any) -> float:
    """A number from a cell: numbers, numeric text, 1,234.5 and 12 %; anything else is a ValueError.

    >>> read_number(" 60 %"), read_number("1,234.5")
    (0.6, 1234.5)
    """
    if isinstance(cell, bool | np.bool_):
        raise ValueError(f"not a number: {cell}")
    if isinstance(cell, int | float | np.number):
        try:
            return _finite(float(cell), cell)
        except OverflowError:
            raise ValueError(f"not a finite number: {str(cell)[:40]}…") from None
    text = str(cell).strip().replace("\u2212", "-")
    percent = text.endswith("%")
    text = text.removesuffix("%").strip()
    if THOUSANDS.match(text):
        text = text.replace(",", "")
    if "_" in text:
        raise ValueError(f"not a number: {cell!r}")
    try:
        return _finite(float(text) / (100 if percent else 1), cell)
    except ValueError:
        raise ValueError(f"not a number: {cell!r}") from None


def _finite(value: float, cell: Any) -> float:
    if not math.isfinite(value):
        raise ValueError(f"not a finite number: {cell!r}")
    return value


def read_time(cell: Any) -> float:
    """Epoch seconds from a date, ISO text, Excel serial, epoch seconds or milliseconds; naive is UTC.

    >>> read_time("2026-12-25T08:00:00Z"), read_time(1798185600000.0), read_time(46381 + 8 / 24)
    (1798185600.0, 1798185600.0, 1798185600.0)
    """
    if isinstance(cell, np.datetime64):
        return float(cell.astype("datetime64[ms]").astype(np.int64)) / 1000
    if isinstance(cell, dt.datetime):
        return (cell if cell.tzinfo else cell.replace(tzinfo=dt.UTC)).timestamp()
    if isinstance(cell, dt.date):
        return dt.datetime(cell.year, cell.month, cell.day, tzinfo=dt.UTC).timestamp()
    if isinstance(cell, str):
        return _time_text(cell.strip())
    value = read_number(cell)
    if 20_000 <= value < 110_000:
        return round((EXCEL_EPOCH + dt.timedelta(days=value)).timestamp(), 3)
    if 1e8 <= value < 1e11:
        return value
    if 1e11 <= value < 1e14:
        return value / 1000
    raise ValueError(f"not a date: {cell!r} (ISO text, an Excel date or epoch seconds are read)")


def _epochs(cells: np.ndarray) -> bool:
    """Whether all given numbers are epoch seconds, so that none needs reading by itself."""
    return bool(np.all(np.isnan(cells) | ((cells >= 1e8) & (cells < 1e11))))


def _time_text(text: str) -> float:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        try:
            return read_time(read_number(text))
        except ValueError:
            raise ValueError(f"not a date: {text!r} (write 2026-12-25T08:00Z)") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


def read_flag(cell: Any) -> float:
    """1.0 or 0.0 from TRUE, yes, 1 and their opposites.

    >>> read_flag("Yes"), read_flag(False)
    (1.0, 0.0)
    """
    word = str(cell).strip().casefold()
    if word in TRUE or word in FALSE:
        return float(word in TRUE)
    raise ValueError(f"not yes or no: {cell!r}")
