"""Named stresses: what markets did on days that are remembered, every number dated, sourced and graded."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...errors import InputError, ParameterError, nearest
from ..shown import Shown, tabled

FILE = Path(__file__).with_name("stresses.toml")
REST, EACH = "*", "each location"
SHARES = ("lost", "frozen")
WHAT = ("price", "vol", "basis", "rate", "days", "collateral", *SHARES)
SURE, DOUBT = "sure", "doubt"
TOP = {"units", "scenario"}
SCENARIO = {"name", "title", "date", "words", "number"}
NUMBER = {"target", "what", "value", "from", "to", "like", "unit", "date", "source", "sure", "doubt"}


@dataclass(frozen=True)
class Number:
    """One published number of a named stress: what it moves, by how much, and how sure that is.

    ``value`` is in the unit that the file declares for ``what``; ``published`` says what it was made of.
    """

    target: str
    what: str
    value: float
    unit: str
    published: str
    date: dt.date
    source: str
    sure: str
    doubt: str = ""


@dataclass(frozen=True)
class NamedStress:
    """A named scenario: its title, first day, what happened in words, and its numbers."""

    name: str
    title: str
    date: dt.date
    words: str
    numbers: tuple[Number, ...]

    @property
    def source(self) -> str:
        """Every source of its numbers, once."""
        return "; ".join(dict.fromkeys(number.source for number in self.numbers))


@dataclass(frozen=True, repr=False)
class NamedStresses(Shown):
    """The named scenarios in the order of their dates."""

    scenarios: tuple[NamedStress, ...]

    def __iter__(self) -> Iterator[NamedStress]:
        return iter(self.scenarios)

    def __len__(self) -> int:
        return len(self.scenarios)

    def __contains__(self, name: object) -> bool:
        return str(name).strip().casefold() in {scenario.name.casefold() for scenario in self.scenarios}

    def __getitem__(self, name: str) -> NamedStress:
        """A scenario by name; raises InputError with the nearest name for an unknown one."""
        known = {scenario.name.casefold(): scenario for scenario in self.scenarios}
        found = known.get(str(name).strip().casefold())
        if found is None:
            names = [scenario.name for scenario in self.scenarios]
            raise InputError(f"no scenario {name!r}{nearest(str(name), names)}; there are {', '.join(names)}")
        return found

    def frame(self) -> Any:
        """A row per scenario: name, title, date, words, source (pandas DataFrame)."""
        import pandas as pd

        columns = ("name", "title", "date", "words", "source")
        return pd.DataFrame([[getattr(s, c) for c in columns] for s in self], columns=list(columns))

    @tabled
    def numbers(self) -> Any:
        """A row per number: scenario, target, what, value, unit, published, date, source, sure, doubt (DataFrame)."""
        import pandas as pd

        columns = tuple(Number.__dataclass_fields__)
        rows = [[s.name, *(getattr(n, c) for c in columns)] for s in self for n in s.numbers]
        return pd.DataFrame(rows, columns=["scenario", *columns])

    @tabled
    def table(self) -> Any:
        """The scenarios as a user writes them, to change and give to ``stress``: a row per number (DataFrame)."""
        import pandas as pd

        rows = [
            {"scenario": s.name, "target": n.target, n.what: n.value, "note": n.doubt} for s in self for n in s.numbers
        ]
        return pd.DataFrame(rows)

    def targets(self) -> set[str]:
        """Every name that one of them moves."""
        return {number.target for scenario in self for number in scenario.numbers}


@lru_cache(maxsize=8)
def named_stresses(path: Path = FILE) -> NamedStresses:
    """The named scenarios with their descriptions and sources.

    Raises ParameterError for a file with an undeclared key, a number without unit, date, source or grade.

    >>> [s.name for s in named_stresses()][0], named_stresses()["2020-03-12"].title
    ('2020-03-12', 'Black Thursday')
    """
    with path.open("rb") as file:
        document = tomllib.load(file)
    _declared(document, TOP, path.name)
    units = document["units"]
    _declared(units, set(WHAT), f"{path.name}, units", required=False)
    found = tuple(_scenario(s, units, path.name) for s in document["scenario"])
    if len({s.name.casefold() for s in found}) < len(found):
        raise ParameterError(f"{path.name}: two scenarios of one name")
    return NamedStresses(tuple(sorted(found, key=lambda s: s.date)))


def _declared(given: Mapping[str, Any], allowed: set[str], where: str, required: bool = True) -> None:
    """Raise ParameterError for keys that are not declared and for those that are missing."""
    for key in given:
        if key not in allowed:
            raise ParameterError(f"{where}: {key!r} is not declared{nearest(key, allowed)}")
    if required and (missing := sorted(allowed - set(given))):
        raise ParameterError(f"{where}: no {', '.join(missing)}")


def _scenario(given: Mapping[str, Any], units: Mapping[str, str], file: str) -> NamedStress:
    where = f"{file}, scenario {given.get('name', '?')!r}"
    _declared(given, SCENARIO, where)
    numbers: dict[tuple[str, str], Number] = {}
    for n, entry in enumerate(given["number"], 1):
        number = _number(entry, numbers, units, f"{where}, number {n}")
        if (number.target, number.what) in numbers:
            raise ParameterError(f"{where}: {number.what} of {number.target} stands twice")
        numbers[number.target, number.what] = number
    own = {k: given[k] for k in ("name", "title", "date", "words")}
    return NamedStress(**own, numbers=tuple(numbers.values()))


def _number(
    given: Mapping[str, Any], before: Mapping[tuple[str, str], Number], units: Mapping[str, str], where: str
) -> Number:
    """A number as it stands: a value, two published levels (to / from − 1), or that of another target (like)."""
    _declared(given, NUMBER, where, required=False)
    missing = [k for k in ("target", "what", "unit", "date", "source", "sure") if k not in given]
    what = given.get("what", "")
    if missing or what not in units:
        need = ", ".join(missing) or f"unit declared for {what!r}{nearest(what, units)}"
        raise ParameterError(f"{where}: no {need}")
    if given["sure"] not in (SURE, DOUBT) or (given["sure"] == DOUBT) != bool(given.get("doubt")):
        raise ParameterError(f"{where}: sure is {SURE!r}, or {DOUBT!r} with a doubt in words")
    if set(given) & {"value", "from", "to", "like"} not in ({"value"}, {"from", "to"}, {"like"}):
        raise ParameterError(f"{where}: give a value, or from and to, or like")
    value, published = _value(given, before, where)
    if not _possible(what, value):
        raise ParameterError(f"{where}: {what} by {value:g} cannot be")
    own = {k: given[k] for k in ("target", "what", "date", "source", "sure")}
    return Number(**own, value=value, unit=units[what], published=published, doubt=given.get("doubt", ""))


def _value(given: Mapping[str, Any], before: Mapping[tuple[str, str], Number], where: str) -> tuple[float, str]:
    """The value of a number and the published figures that it is made of."""
    if "like" in given:
        other = before.get((given["like"], given["what"]))
        if other is None:
            raise ParameterError(f"{where}: like {given['like']!r}, of which no {given['what']} stands before")
        return other.value, f"as {other.target}"
    if "from" in given:
        return given["to"] / given["from"] - 1.0, f"{given['from']:,} to {given['to']:,} {given['unit']}"
    return float(given["value"]), f"{given['value']:g} {given['unit']}"


def _possible(what: str, value: float) -> bool:
    if what in SHARES:
        return 0.0 <= value <= 1.0
    return value >= 0.0 if what == "days" else value > -1.0
