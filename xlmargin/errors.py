"""What can go wrong, and how it is said.

XlmarginError
├── InputError          tables, files and names: carries every Problem found, not only the first
│   └── SymbolError     an instrument name that cannot be read
├── UnknownModel        no such rulebook (the nearest is named)
├── ParameterError      a rulebook's parameters are incomplete or misspelt
└── NoVersion           the date lies before the first published version
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Problem:
    """An input that is wrong: where it stands, what stands there and what is allowed.

    ``row`` is counted as a spreadsheet does: the header is row 1. It is 0 where no row applies.
    """

    table: str
    row: int
    column: str
    value: Any
    message: str
    account: str = ""

    def __str__(self) -> str:
        place = " ".join(filter(None, [self.table, f"row {self.row}" if self.row else ""]))
        column = f"column {self.column}" if self.column else ""
        where = ", ".join(filter(None, [place, column]))
        return f"{where}: {self.message}" if where else self.message


@dataclass(frozen=True, eq=False)
class Note:
    """A doubt or an assumption that a figure rests on; ``where`` (R,) marks the rows it concerns."""

    text: str
    cite: str = ""
    where: np.ndarray | None = None


MOST_TOLD = 200


class XlmarginError(Exception):
    """Root of every error that xlmargin raises on purpose."""


class InputError(XlmarginError):
    """One or more inputs are wrong; ``problems`` holds them all.

    >>> str(InputError([Problem("positions", 2, "quantity", "x", "not a number: 'x'")]))
    "positions row 2, column quantity: not a number: 'x'"
    """

    def __init__(self, problems: Iterable[Problem] | str) -> None:
        if isinstance(problems, str):
            problems = [Problem("", 0, "", None, problems)]
        self.problems = tuple(problems)
        told = [str(problem) for problem in self.problems[:MOST_TOLD]]
        more = len(self.problems) - len(told)
        super().__init__("\n".join([*told, f"… and {more:,} more"] if more else told))


class SymbolError(InputError):
    """An instrument name that no known form can read."""


class UnknownModel(XlmarginError):
    """No rulebook of that name."""


class ParameterError(XlmarginError):
    """A parameter file or override that a rulebook cannot accept."""


class NoVersion(XlmarginError):
    """The date lies before the first version of a rulebook's parameters."""


def nearest(word: str, allowed: Iterable[str]) -> str:
    """The closest of ``allowed`` as a hint, or nothing.

    >>> nearest("derive.portfoli", ["derive.portfolio", "simm"])
    "; did you mean 'derive.portfolio'?"
    """
    allowed = list(allowed)
    folded = {a.casefold(): a for a in allowed}
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.5)
    return f"; did you mean {folded[close[0]]!r}?" if close else ""
