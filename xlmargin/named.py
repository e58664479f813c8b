"""What instrument names say fills what the tables leave open; a name neither readable nor stated is a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from .errors import Problem, SymbolError
from .symbols import Symbol, known, parse
from .texts import Texts, numbered

if TYPE_CHECKING:
    from .facts import Facts

FIXED_BY_NAME = ("strike", "option_type")
NUMBERS = ("expiry", "strike", "inverse")
SAID = ("kind", "underlying", "settle", "quote", "option_type", *NUMBERS)
TOLD = attrgetter(*SAID)
MOST_REMEMBERED = 1 << 14


def _unreadable(name: str, venue: str) -> str:
    try:
        parse(name, venue)
    except SymbolError as error:
        return f"{error.problems[0].message} (or fill kind, underlying and settle in the instruments table)"
    return f"cannot read {name!r}"


def take_from_names(
    names: np.ndarray,
    facts: Facts,
    place: Callable[[int], tuple[str, int]],
    problems: list[Problem],
    venue: str,
) -> None:
    """Fill what the tables leave open from the names; what can neither be read nor is stated is a problem."""
    told = _told if len(names) <= MOST_REMEMBERED else _told.__wrapped__
    read, said = told(tuple(names.tolist()), venue)
    clash = ~read & (facts.words["kind"].such("") | facts.words["underlying"].such(""))
    for column in SAID if read.any() else ():
        differs = _fill(facts, column, said[column])
        if column in FIXED_BY_NAME:
            clash |= differs
    for i in np.flatnonzero(clash):
        name = str(names[i])
        if read[i]:
            problems.extend(_contradictions(int(i), known(name, venue), facts, place(i)))
        else:
            problems.append(Problem(*place(i), "instrument", names[i], _unreadable(name, venue)))


@lru_cache(maxsize=16)
def _told(names: tuple[str, ...], venue: str) -> tuple[np.ndarray, dict[str, np.ndarray | Texts]]:
    """Which names can be read (I,), and what they say by column (I,): NaN or "" where nothing. Not to be changed."""
    symbols = list(map(known, names, repeat(venue)))
    read = np.array([symbol is not None for symbol in symbols], bool)
    at, said = np.flatnonzero(read), {}
    for column, cells in zip(SAID, zip(*map(TOLD, filter(None, symbols)), strict=True), strict=False):
        if column in NUMBERS:
            said[column] = np.full(len(names), np.nan)
            said[column][at] = cells
        else:
            said[column] = Texts(*numbered(list(cells))).spread(at, len(names))
    for kept in (read, *(said[column] for column in NUMBERS if column in said)):
        kept.flags.writeable = False
    return read, said


def _fill(facts: Facts, column: str, said: np.ndarray | Texts) -> np.ndarray:
    """Write what names say (I,) where nothing is stated; returns where another thing is (I,)."""
    if isinstance(said, np.ndarray):
        own = facts.numbers[column]
        gap = np.isnan(own)
        facts.numbers[column] = np.where(gap, said, own)
        return ~(gap | np.isnan(said)) & (own != said)
    own = facts.words[column]
    gap = own.such("")
    facts.words[column] = own.filled(said)
    return ~gap if gap.all() else ~(gap | said.such("")) & (own.array != said.array)


def _contradictions(i: int, symbol: Symbol, facts: Facts, place: tuple[str, int]) -> Iterator[Problem]:
    """What the tables state of an instrument though its name says another thing."""
    stated, said = facts.words["option_type"].array[i], symbol.option_type
    if stated and said and stated != said:
        yield Problem(*place, "option_type", stated, f"{stated} here, but the name {symbol.text} says {said}")
    strike = float(facts.numbers["strike"][i])
    if symbol.strike == symbol.strike and strike != symbol.strike:
        message = f"{strike:g} here, but the name {symbol.text} says {symbol.strike:g}"
        yield Problem(*place, "strike", strike, message)
