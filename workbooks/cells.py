"""Cells in and out: what each host hands over is made plain, what a function returns is made safe.

In: one cell may come as a scalar or as a 1×1 range; an empty cell as None, "" or (in some Office.js builds) 0;
numbers as int or float; TRUE as 1.0; dates as serial numbers, datetimes or text; error cells as text.
Out: only text, finite numbers and TRUE/FALSE, in rows of equal length.
"""

from __future__ import annotations

import datetime as dt
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from xlmargin.errors import InputError, Problem, XlmarginError
from xlmargin.parsing import read_number

ERROR = "#XM! "
NOT_AVAILABLE = "#N/A"
HOST_ERRORS = frozenset(
    ("#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!", "#GETTING_DATA")
    + ("#BUSY!", "#FIELD!", "#BLOCKED!", "#UNKNOWN!", "#CONNECT!", "#EXTERNAL!", "#PYTHON!", "#TIMEOUT!")
)
LONGEST_TEXT = 32_000
LARGEST_WHOLE = 2**53
SHOWN_PROBLEMS = 4


def on_officejs() -> bool:
    """Whether this is xlwings Lite or Server, some builds of which hand blank cells over as 0."""
    return sys.platform == "emscripten" or os.environ.get("XLWINGS_ON_SERVER") == "true"


def rows_of(cells: Any) -> Sequence[Sequence[Any]]:
    """Any of scalar, list or list of lists as rows.

    >>> rows_of(5), rows_of(["a", "b"]), rows_of([["a"], ["b"]])
    (((5,),), (['a', 'b'],), [['a'], ['b']])
    """
    if not isinstance(cells, list | tuple):
        return ((cells,),)
    if cells and isinstance(cells[0], list | tuple):
        return cells
    return (cells,)


def is_blank(cell: Any) -> bool:
    """Whether a cell holds nothing (None, empty or white text, NaN)."""
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def is_error(cell: Any) -> bool:
    """Whether a cell holds an error of the host or of ours."""
    return (
        isinstance(cell, str)
        and cell.startswith(("#", "Err:"))
        and (cell in HOST_ERRORS or cell.startswith(("#XM!", "Err:")))
    )


def scalar(name: str, cells: Any) -> Any:
    """The one cell of an argument; None when blank. A larger range or an error cell is refused."""
    rows = rows_of(cells)
    if len(rows) != 1 or len(rows[0]) != 1:
        raise InputError(f"{name}: one cell is expected, not a range of {len(rows)} × {len(rows[0])}")
    cell = rows[0][0]
    if is_error(cell):
        raise InputError(f"{name}: the cell holds {cell}")
    return None if is_blank(cell) else cell


def text(name: str, cells: Any) -> str:
    """A word; "" when blank (a bare 0 is a blank cell of Calc and Office.js). 12345.0 reads as 12345.

    >>> text("account", [[12345.0]]), text("account", 0.0), text("account", " main ")
    ('12345', '', 'main')
    """
    cell = scalar(name, cells)
    if cell is None or (type(cell) in (int, float) and cell == 0):
        return ""
    return label(cell)


def label(cell: Any) -> str:
    """A cell as text, whole numbers without a decimal point."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < LARGEST_WHOLE:
        return str(int(cell))
    return str(cell).strip()


def moment(name: str, cells: Any) -> Any:
    """A date or time as ``xlmargin.tables`` takes it; None when blank."""
    cell = scalar(name, cells)
    return None if type(cell) in (int, float) and cell == 0 else cell


def numbers(name: str, cells: Any) -> np.ndarray:
    """An argument of one cell or a range of numbers as an array of its shape; blanks are NaN.

    >>> numbers("iv", [["60 %"], [0.5]]).tolist()
    [[0.6], [0.5]]
    """
    rows = rows_of(cells)
    out = np.full((len(rows), max(map(len, rows))), np.nan)
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            if not is_blank(cell):
                out[i, j] = _number(name, cell, i + 1 if len(rows) > 1 else 0)
    return out


def _number(name: str, cell: Any, row: int) -> float:
    try:
        return read_number(cell)
    except ValueError as error:
        raise InputError([Problem(name, row, "", cell, str(error))]) from None


def words(name: str, cells: Any) -> list[str]:
    """Names in a range, or in one cell separated by commas or semicolons.

    >>> words("models", "simm, derive.portfolio"), words("models", [["simm"], [""]])
    (['simm', 'derive.portfolio'], ['simm'])
    """
    found = []
    for row in rows_of(cells):
        for cell in row:
            if is_error(cell):
                raise InputError(f"{name}: a cell holds {cell}")
            if not is_blank(cell):
                found.extend(w.strip() for w in label(cell).replace(";", ",").split(",") if w.strip())
    return found


def pairs(name: str, cells: Any) -> dict[str, Any]:
    """Settings from two columns (name, value), or from one cell as ``name=value; name=value``.

    >>> pairs("options", [["venue", "deribit"], ["", ""]]), pairs("options", "a=1; b=x")
    ({'venue': 'deribit'}, {'a': '1', 'b': 'x'})
    """
    found: dict[str, Any] = {}
    for row in rows_of(cells):
        if len(row) == 1 and isinstance(row[0], str) and "=" in row[0]:
            for part in filter(str.strip, row[0].split(";")):
                key, _, value = part.partition("=")
                found[key.strip()] = value.strip()
        elif len(row) == 1 and not is_blank(row[0]) and row[0] != 0:
            raise InputError(f"{name}: two columns (name, value) are expected, or text such as name=value; name=value")
        elif len(row) > 1 and not is_blank(row[0]):
            if is_error(row[0]) or is_error(row[1]):
                raise InputError(f"{name}: a cell holds an error")
            found[label(row[0])] = row[1]
    return found


def told(error: XlmarginError) -> str:
    """An error as the text of one cell: the first problems, and how many more there are."""
    if not isinstance(error, InputError):
        return ERROR + " ".join(str(error).split())
    shown = [" ".join(str(p).split()) for p in error.problems[:SHOWN_PROBLEMS]]
    more = len(error.problems) - len(shown)
    return (ERROR + " | ".join(shown) + (f" | and {more} more" if more else ""))[:LONGEST_TEXT]


def safe(value: Any) -> Any:
    """A value that every host can show: text, finite number, TRUE or FALSE; nothing is "".

    >>> safe(np.float64(1.5)), safe(float("nan")), safe(None), safe(np.bool_(True)), safe(2**60)
    (1.5, '', '', True, 1.152921504606847e+18)
    """
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value) if abs(int(value)) < LARGEST_WHOLE else float(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else ""
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}{'Z' if value.tzinfo else ''}" if value == value else ""
    return str(value)[:LONGEST_TEXT]


def column(values: Iterable[Any]) -> list[Any]:
    """A column of safe values; an array of finite floats is taken as it is.

    >>> column(np.array([1.0, np.nan])), column(["x", None])
    ([1.0, ''], ['x', ''])
    """
    array = values.to_numpy() if hasattr(values, "to_numpy") else values
    if isinstance(array, np.ndarray) and array.dtype == np.float64:
        out = array.tolist()
        return out if np.isfinite(array).all() else [v if math.isfinite(v) else "" for v in out]
    return [safe(v) for v in array]


def table(columns: Mapping[str, Iterable[Any]]) -> list[list[Any]]:
    """A header row and the rows beneath it from columns or a DataFrame, every cell safe.

    >>> table({"a": [1, 2], "b": ["x", None]})
    [['a', 'b'], [1, 'x'], [2, '']]
    """
    body = zip(*(column(columns[name]) for name in columns), strict=True)
    return [[str(name) for name in columns], *map(list, body)]


def emitted(result: Any) -> list[list[Any]]:
    """What a function returned as rows of safe cells: a table is passed on, a scalar that is nothing is #N/A."""
    if isinstance(result, list):
        return result
    value = safe(result)
    return [[NOT_AVAILABLE if value == "" and not isinstance(result, str) else value]]
