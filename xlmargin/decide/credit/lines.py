"""Credit lines and limits of owners, read from one table and converted into one currency."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...comparison import conversion
from ...errors import InputError, Problem, nearest
from ...market import Market
from ...parsing import Table, parse

REQUIREMENT, NET, GROSS = "requirement", "net", "gross"


@dataclass(frozen=True)
class Limit:
    """A limit of one owner (by number) on a venue or an underlying, in the currency of the result."""

    owner: int
    venue: str
    underlying: str
    measure: str
    most: float
    warn: float


@dataclass(frozen=True, eq=False)
class Lines:
    """Each owner's line (O,), NaN where there is none, the amounts that may be used and warned at (O,), and limits."""

    line: np.ndarray
    most: np.ndarray
    warn: np.ndarray
    limits: tuple[Limit, ...]


def lines_of(owners: Sequence[str], market: Market, given: Any, currency: str) -> Lines:
    """Lines and limits from a table: owner, line, currency, limit, warn, and venue or underlying (with measure).

    A row without venue and underlying is the owner's line, others are limits. ``limit`` and ``warn`` are fractions of
    the amount. Raises InputError for unknown owners, negative amounts, two lines of one owner, with every problem.
    """
    problems: list[Problem] = []
    table = parse("lines", given, problems)
    number = {str(name): o for o, name in enumerate(owners)}
    sole = next(iter(number)) if len(number) == 1 else ""
    names = [str(name) or sole for name in table["owner"]]
    problems.extend(_wrong(table, names, number))
    if problems:
        raise InputError(problems)
    line, most, warn = (np.full(len(number), np.nan) for _ in range(3))
    limits = []
    rate = conversion(market, list(table["currency"]), currency)
    for n, name in enumerate(names):
        o, amount = number[name], float(table["line"][n] * rate[n])
        usable = amount * (1.0 if np.isnan(table["limit"][n]) else float(table["limit"][n]))
        warned = amount * float(table["warn"][n])
        venue, underlying = str(table["venue"][n]), str(table["underlying"][n])
        if venue or underlying:
            limits.append(Limit(o, venue, underlying, str(table["measure"][n]), usable, warned))
        else:
            line[o], most[o], warn[o] = amount, usable, warned
    return Lines(line, most, warn, tuple(limits))


def _wrong(table: Table, names: Sequence[str], number: dict[str, int]) -> Iterator[Problem]:
    seen: set[str] = set()
    for n, name in enumerate(names):
        where = str(table["venue"][n]), str(table["underlying"][n])
        if name not in number:
            said = f"no owner {name!r}{nearest(name, number)}" if name else "no owner is given"
            yield table.problem(n, "owner", f"{said}; there are {', '.join(list(number)[:20])}")
        if table["line"][n] < 0:
            yield table.problem(n, "line", f"a line cannot be below zero, is {table['line'][n]:g}")
        if all(where):
            yield table.problem(n, "underlying", "a limit is on a venue or on an underlying, not on both")
        if not any(where) and name in seen:
            yield table.problem(n, "owner", f"{name} has two lines")
        seen |= set() if any(where) else {name}
