"""Strict reading of a file's fields: what is wrong is gathered with its line, and nothing is half loaded."""

from __future__ import annotations

import math
import re
from typing import Any

from ..errors import InputError, Problem

LARGEST = 1e15
MOST = 50
PERIOD = re.compile(r"(?:19|20|21)\d\d(?:0[1-9]|1[0-2])(?:\d\d|[A-Z0-9]{1,2})?|0{6}(?:00)?")


class Faults:
    """The problems of one file; the fiftieth ends the reading. ``line`` is where the reader stands."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.line = 1
        self.problems: list[Problem] = []

    def here(self, field: str, value: Any, message: str) -> None:
        """Note a problem where the reader stands."""
        self.add(self.line, field, value, message)

    def read(self, field: str, text: str, low: float = -LARGEST, high: float = LARGEST) -> float:
        """``number`` where the reader stands."""
        return self.number(self.line, field, text, low, high)

    def read_whole(self, field: str, text: str, low: int, high: int) -> int:
        """``whole`` where the reader stands."""
        return self.whole(self.line, field, text, low, high)

    def read_period(self, field: str, text: str) -> str:
        """``period`` where the reader stands."""
        return self.period(self.line, field, text)

    def add(self, line: int, field: str, value: Any, message: str) -> None:
        """Note a problem at a line (from 1) and field; raises InputError when there are too many."""
        self.problems.append(Problem(self.file, line, field, value, message))
        if len(self.problems) >= MOST:
            self.stop()

    def stop(self) -> None:
        """Raise InputError with everything found, if anything was."""
        if self.problems:
            raise InputError(self.problems)

    def fail(self, line: int, field: str, value: Any, message: str) -> None:
        """A problem after which reading makes no sense."""
        self.problems.append(Problem(self.file, line, field, value, message))
        self.stop()

    def number(self, line: int, field: str, text: str, low: float = -LARGEST, high: float = LARGEST) -> float:
        """A plain decimal number between ``low`` and ``high``; NaN and a problem otherwise."""
        try:
            value = float(text) if "_" not in text else math.nan
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.add(line, field, text, f"not a number: {shown(text)}")
            return math.nan
        if not low <= value <= high:
            self.add(line, field, text, f"{shown(text)} is not between {low:g} and {high:g}")
            return math.nan
        return value

    def whole(self, line: int, field: str, text: str, low: int, high: int) -> int:
        """A whole number between ``low`` and ``high``; ``low`` and a problem otherwise."""
        value = self.number(line, field, text, low, high)
        if value % 1:
            self.add(line, field, text, f"not a whole number: {shown(text)}")
        return low if math.isnan(value) or value % 1 else int(value)

    def period(self, line: int, field: str, text: str) -> str:
        """A contract period YYYYMM, with a day or week code where there is one; zeros where there is none."""
        if not PERIOD.fullmatch(text):
            self.add(line, field, text, f"not a contract period YYYYMM or YYYYMMDD: {shown(text)}")
            return ""
        return text.removesuffix("00") if len(text) == 8 and text.endswith("00") else text


def shown(text: str) -> str:
    """A value for a message, cut where it is long.

    >>> shown("9" * 60)
    "'9999999999999999999999999999999999999999'…"
    """
    return f"{text[:40]!r}…" if len(text) > 40 else repr(text)


def period_number(period: str, end: bool = False) -> int:
    """A period as a number that sorts: YYYYMMDD, day 0 where a month has none (99 at the ``end`` of a range).

    >>> period_number("202506"), period_number("202506", end=True), period_number("20250620")
    (20250600, 20250699, 20250620)
    """
    day = period[6:8]
    return int(period[:6]) * 100 + (int(day) if day.isdigit() else 99 if end else 0)
