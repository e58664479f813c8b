"""One cell as a number, a moment or a flag: forgiving in spelling, and never a guess."""

from __future__ import annotations

import datetime as dt
import math
import re
from functools import lru_cache
from typing import Any

import numpy as np

THOUSANDS = re.compile(r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$")
TRUE, FALSE = {"true", "yes", "y", "1", "1.0"}, {"false", "no", "n", "0", "0.0"}
EXCEL_EPOCH = dt.datetime(1899, 12, 30, tzinfo=dt.UTC)


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


@lru_cache(maxsize=1 << 14)
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
