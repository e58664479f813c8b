"""From cells to typed columns: forgiving in spelling, strict in meaning, every problem listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from .cells import read_flag, read_number, read_time
from .errors import Problem, nearest
from .schemas import FLAG, NUMBER, REQUIRED, TEXT, TIME, Column, folded, schema
from .texts import Texts, is_blank

MAX_ROWS = 2_000_000
PLAIN = {float, int, type(None)}
Cells = np.ndarray | Texts


class Table:
    """A parsed table: typed columns of one length and the sheet row of each record.

    Columns that were not given are made when they are asked for.
    """

    def __init__(
        self,
        name: str,
        given: dict[str, Cells],
        rows: np.ndarray,
        extra: dict[str, np.ndarray],
        declared: Mapping[str, Column],
    ):
        self.name, self.given, self.rows, self.extra, self.declared = name, given, rows, extra, declared
        self._arrays = {k: v for k, v in given.items() if isinstance(v, np.ndarray)}

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, column: str) -> np.ndarray:
        if column not in self._arrays:
            declared = self.declared[column]
            if declared.dtype == TEXT:
                self._arrays[column] = self.texts(column).array
            else:
                empty = np.nan if declared.default is None else declared.default
                self._arrays[column] = np.full(len(self), empty, np.float64)
        return self._arrays[column]

    def texts(self, column: str) -> Texts:
        """A column of text as numbered words."""
        found = self.given.get(column)
        return Texts.same(self.declared[column].default or "", len(self)) if found is None else found

    def problem(self, index: int, column: str, message: str, account: str = "") -> Problem:
        """A problem at record ``index`` in this table's own row numbers."""
        value = self[column][index] if column in self.declared else None
        return Problem(self.name, int(self.rows[index]), column, value, message, account)


def no_table(name: str, data: Any) -> Problem:
    """What is said of a value that stands where a table should."""
    message = f"a {type(data).__name__} is no table: give a DataFrame or a mapping of columns"
    return Problem(name, 0, "", None, message)


def parse(name: str, data: Any, problems: list[Problem], more: Sequence[Column] = ()) -> Table:
    """Typed columns of a table from a mapping of columns or a DataFrame.

    ``more`` are columns that other tables or models declare and that may stand here too. What is wrong is
    appended to ``problems``; blank rows are passed over; unknown columns are kept as they are in ``extra``.
    A mapping may say in ``header_row`` in which row of its sheet the header stands, and give texts as ``Texts``.
    """
    columns, spelt = _declared(name)
    if more:
        columns = columns | {c.name: c for c in more}
        spelt = {folded(c): c for c in columns}
    if data is not None and not hasattr(data, "keys"):
        problems.append(no_table(name, data))
        data = None
    if data is None:
        return Table(name, {}, np.zeros(0, np.int64), {}, columns)
    raw, unknown = _by_column(name, data, columns, spelt, problems)
    if not _one_length(name, [*raw.items(), *unknown.items()], problems):
        raw, unknown = {}, {}
    length = max((len(v) for v in (*raw.values(), *unknown.values())), default=0)
    blank = {column: _blank(cells) for column, cells in raw.items()}
    keep = _filled(blank.values(), length)
    rows = np.arange(1, length + 1) if keep is None else np.flatnonzero(keep) + 1
    rows += 1 if hasattr(data, "iloc") else getattr(data, "header_row", 1)
    given = {}
    for column in columns.values():
        cells = raw.get(column.name)
        if cells is not None:
            here, empty = _kept(cells, keep), _kept(blank[column.name], keep)
            given[column.name] = _typed(name, column, here, empty, rows, problems)
        elif column.need == REQUIRED and length:
            problems.append(_missing_column(name, column, unknown))
    return Table(name, given, rows, {k: _kept(v, keep) for k, v in unknown.items()}, columns)


@lru_cache(maxsize=64)
def _declared(name: str) -> tuple[dict[str, Column], dict[str, str]]:
    """The columns of a table by name, and their names as headers are compared."""
    columns = {c.name: c for c in schema(name)}
    return columns, {folded(c): c for c in columns}


def _by_column(
    name: str, data: Any, columns: Mapping[str, Column], spelt: Mapping[str, str], problems: list[Problem]
) -> tuple[dict[str, Cells], dict[str, np.ndarray]]:
    raw: dict[str, Cells] = {}
    unknown: dict[str, np.ndarray] = {}
    for header, cells in data.items() if hasattr(data, "items") else ((h, data[h]) for h in data):
        target = spelt.get(folded(header))
        if getattr(cells, "ndim", 1) > 1:
            cells = _array(cells)[:, 0]
        if target is None:
            unknown[str(header)] = _array(cells)
        elif target in raw:
            problems.append(Problem(name, 1, target, header, f"column {target!r} stands twice"))
        else:
            raw[target] = _texts(cells) if columns[target].dtype == TEXT else _plain(_array(cells))
    return raw, unknown


def _texts(cells: Any) -> Texts:
    """Words of a column; a pandas column that numbers its words itself (categories, Arrow) is taken as it is."""
    own = isinstance(cells, Texts) or (hasattr(cells, "array") and not isinstance(cells.dtype, np.dtype))
    return Texts.of(cells if own else _array(cells))


def _array(cells: Any) -> np.ndarray:
    """A column as it was given: a list keeps its types, so that one text does not turn numbers into text.

    A single value is a column of one row.
    """
    if isinstance(cells, np.ndarray):
        return cells
    if isinstance(cells, Texts):
        return cells.array
    if hasattr(cells, "to_numpy"):
        return cells.to_numpy()
    cells = cells if hasattr(cells, "__len__") and not isinstance(cells, str) else [cells]
    out = np.empty(len(cells), object)
    out[:] = cells
    return out


def _plain(cells: np.ndarray) -> np.ndarray:
    """Objects that are all numbers or None as float64; anything else as it is."""
    if cells.dtype != object:
        return cells
    listed = cells.tolist()
    if not set(map(type, listed)) <= PLAIN:
        return cells
    try:
        out = np.array(listed, np.float64)
    except OverflowError:
        return cells
    return cells if np.isinf(out).any() else out


def _one_length(name: str, columns: list[tuple[str, Cells]], problems: list[Problem]) -> bool:
    """Whether all columns have one length and no more rows than are read; else a problem."""
    length = max((len(v) for _, v in columns), default=0)
    uneven = {header: len(v) for header, v in columns if len(v) != length}
    if uneven:
        message = f"columns differ in length: {length} rows, but {', '.join(f'{k} has {n}' for k, n in uneven.items())}"
        problems.append(Problem(name, 0, next(iter(uneven)), None, message))
    elif length > MAX_ROWS:
        problems.append(Problem(name, 0, "", length, f"{length:,} rows; at most {MAX_ROWS:,} are read"))
    return not uneven and length <= MAX_ROWS


def _missing_column(name: str, column: Column, unknown: Mapping[str, Any]) -> Problem:
    hint = nearest(column.name, unknown)
    return Problem(name, 1, column.name, None, f"required column is missing ({column.meaning}){hint}")


def _blank(cells: Cells) -> np.ndarray | None:
    """The rows that hold nothing; None if all hold something."""
    if isinstance(cells, Texts):
        if all(cells.words.tolist()):
            return None
        blank = cells.such("")
    elif cells.dtype.kind == "f":
        blank = np.isnan(cells)
    elif cells.dtype.kind == "M":
        blank = np.isnat(cells)
    elif cells.dtype.kind in "biu":
        return None
    else:
        blank = np.array([is_blank(cell) for cell in cells], bool)
    return blank if blank.any() else None


def _filled(blank: Iterable[np.ndarray | None], length: int) -> np.ndarray | None:
    """Rows in which any known column holds something; None if that is all."""
    filled = np.zeros(length, bool)
    for empty in blank:
        if empty is None:
            return None
        filled |= ~empty
    return None if filled.all() else filled


def _kept(cells: Any, keep: np.ndarray | None) -> Any:
    if keep is None or cells is None:
        return cells
    return cells.at(keep).compact() if isinstance(cells, Texts) else cells[keep]


def _typed(
    name: str, column: Column, cells: Cells, blank: np.ndarray | None, rows: np.ndarray, problems: list[Problem]
) -> Cells:
    if column.need == REQUIRED and blank is not None:
        problems.extend(
            Problem(name, int(r), column.name, None, f"empty; needed: {column.meaning}") for r in rows[blank]
        )
    if isinstance(cells, Texts):
        return _chosen(name, column, cells, rows, problems)
    if cells.dtype.kind in "fiu" and (column.dtype == NUMBER or (column.dtype == TIME and _epochs(cells))):
        out = cells.astype(np.float64)
    elif cells.dtype.kind == "M" and column.dtype == TIME:
        out = np.where(np.isnat(cells), np.nan, cells.astype("datetime64[ms]").astype(np.int64) / 1000)
    else:
        out = _each(name, column, cells, blank, rows, problems)
    if blank is not None and column.default is not None:
        out = np.where(blank, column.default, out)
    _check_range(name, column, out, rows, problems)
    return out


def _check_range(name: str, column: Column, out: np.ndarray, rows: np.ndarray, problems: list[Problem]) -> None:
    least, most = np.fmin.reduce(out, initial=np.inf), np.fmax.reduce(out, initial=-np.inf)
    if least > (0.0 if column.positive else -np.inf) and most < np.inf:
        return
    for i in np.flatnonzero(np.isinf(out)):
        problems.append(Problem(name, int(rows[i]), column.name, out[i], "not a finite number"))
    if column.positive:
        for i in np.flatnonzero(out <= 0):
            message = f"must be above zero, is {out[i]:g}"
            problems.append(Problem(name, int(rows[i]), column.name, out[i], message))


def _chosen(name: str, column: Column, texts: Texts, rows: np.ndarray, problems: list[Problem]) -> Texts:
    """Each word replaced by the choice it means, a blank by the default; what means none is a problem in every row."""
    if not column.choices:
        gaps = column.default and "" in texts.words.tolist()
        return texts.renamed(lambda word: word or column.default) if gaps else texts
    allowed = {c.casefold(): c for c in column.choices} | {"call": "C", "put": "P"}
    meant = {word: allowed.get(word.casefold()) for word in texts.words if word}
    for n, word in enumerate(texts.words):
        if word and meant[word] not in column.choices:
            listed = ", ".join(column.choices)
            message = f"{word!r} is not one of {listed}{nearest(word, column.choices)}"
            where = np.flatnonzero(texts.number == n)
            problems.extend(Problem(name, int(rows[i]), column.name, word, message) for i in where)
            meant[word] = word
    return texts.renamed(lambda word: meant[word] if word else column.default or "")


def _each(
    name: str,
    column: Column,
    cells: np.ndarray,
    blank: np.ndarray | None,
    rows: np.ndarray,
    problems: list[Problem],
) -> np.ndarray:
    read = {NUMBER: read_number, TIME: read_time, FLAG: read_flag}[column.dtype]
    out = np.full(len(cells), np.nan)
    for i in range(len(cells)) if blank is None else np.flatnonzero(~blank):
        try:
            out[i] = read(cells[i])
        except (TypeError, ValueError) as error:
            problems.append(Problem(name, int(rows[i]), column.name, cells[i], str(error)))
    return out


def _epochs(cells: np.ndarray) -> bool:
    """Whether all given numbers are epoch seconds, so that none needs reading by itself."""
    return bool(np.all(np.isnan(cells) | ((cells >= 1e8) & (cells < 1e11))))
