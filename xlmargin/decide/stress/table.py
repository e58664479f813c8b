"""Scenarios from names or from a user's table: what moves by how much, every problem in its own row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ...book import Book
from ...errors import InputError, Problem, nearest
from ...market import OPTION, Market
from ...parsing import Table, parse
from ...schemas import SCENARIO_COLUMNS
from ..moves import movable, targets
from .stresses import DOUBT, EACH, REST, SHARES, WHAT, NamedStress, named_stresses

TABLE = "scenarios"
FOR_ALL = ("rate", "days")
FOLLOWS = "; a coin that wraps or stakes another moves with it where the column follows of the assets says so"


class Doubt(NamedTuple):
    """An assumption of a scenario, its source, and the names that it is about; all where none is said."""

    text: str
    cite: str = ""
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Scenario:
    """What moves by how much: ``by[what][target]``, its assumptions, and its row in the user's table."""

    name: str
    by: Mapping[str, Mapping[str, float]]
    doubts: tuple[Doubt, ...] = ()
    row: int = 0

    def rest(self, what: str) -> float:
        """The move of whatever is not named."""
        return self.by[what].get(REST, 0.0)

    def named(self, what: str) -> dict[str, float]:
        """The moves of what is named."""
        return {target: value for target, value in self.by[what].items() if target != REST}


@dataclass
class _Draft:
    row: int
    by: dict[str, dict[str, float]] = field(default_factory=lambda: {what: {} for what in WHAT})
    doubts: list[Doubt] = field(default_factory=list)

    def told(self, name: str) -> Scenario:
        return Scenario(name, self.by, tuple(dict.fromkeys(self.doubts)), self.row)


def places(book: Book) -> tuple[tuple[str, ...], np.ndarray]:
    """Locations by name, and the number of each balance's (H,): its own, else its account's venue, else "" unknown."""
    told = np.array(book.locations, object)[book.cash.location]
    venue = book.settings.get("venue", np.full(len(book), "", object))
    home = np.array([str(v or "") for v in venue], object)[book.cash.row]
    names, number = np.unique(np.where(told == "", home, told).astype(str), return_inverse=True)
    return tuple(map(str, names)), number.astype(np.int64)


def read(given: Any, market: Market, book: Book, known: Iterable[str] = ()) -> tuple[Scenario, ...]:
    """Scenarios from None (all that are named), a name, a list of names and tables, or a table.

    ``known`` are targets that a table may name though nothing here follows them, beside those of the named scenarios.
    Raises InputError with every problem of a table in its own row, or for an unknown name with the nearest.
    """
    where = list(dict.fromkeys(name for name in (*book.locations, *places(book)[0]) if name))
    found: list[Scenario] = []
    problems: list[Problem] = []
    for item in given if isinstance(given, list | tuple) else [given]:
        if item is None or isinstance(item, str):
            made = list(_of_names(item, market, where))
        else:
            made = _of_table(item, market, where, named_stresses().targets() | set(map(str, known)), problems)
        found += [each for scenario in made for each in _everywhere(scenario, where)]
    if problems:
        raise InputError(problems)
    if not found:
        raise InputError([Problem(TABLE, 0, "", None, "no scenario: give names or a table with at least one row")])
    problems += [problem for scenario in found for problem in _shares(scenario)]
    twice = [name for name, count in Counter(s.name for s in found).items() if count > 1]
    problems += [Problem(TABLE, 0, "scenario", n, f"two scenarios are called {n!r}") for n in twice]
    if problems:
        raise InputError(problems)
    return tuple(found)


def _of_names(name: str | None, market: Market, where: list[str]) -> Iterator[Scenario]:
    """The named scenario; all of them for None; one of each location also as ``scenario, location``."""
    named, places = named_stresses(), {place.casefold(): place for place in where}
    if name is None:
        yield from (_of_name(stress, market) for stress in named)
        return
    base, _, place = name.rpartition(",")
    if base in named and place.strip().casefold() in places:
        yield from _everywhere(_of_name(named[base], market), [places[place.strip().casefold()]])
    else:
        yield _of_name(named[name], market)


def _of_name(stress: NamedStress, market: Market) -> Scenario:
    """A named scenario with the doubts that touch this market; case of names is forgiven."""
    held = _held(market)
    spelt = {name.casefold(): name for names in held.values() for name in names}
    draft = _Draft(0)
    for number in stress.numbers:
        target = spelt.get(number.target.casefold(), number.target)
        draft.by[number.what][target] = number.value
    for number in (n for n in stress.numbers if n.sure == DOUBT):
        names = held.get(number.what, set())
        touched = {spelt.get(number.target.casefold(), "")} & names
        if number.target == REST:
            touched = names - set(draft.by[number.what])
        if touched:
            told = f"{', '.join(sorted(touched)[:5])}{' …' * (len(touched) > 5)}, {number.what} {number.value:+.1%}"
            wrapped = FOLLOWS if number.target == REST and touched & set(map(str, market.assets)) else ""
            draft.doubts.append(Doubt(f"{told}: {number.doubt}{wrapped}", number.source, frozenset(touched)))
    if held["vol"] and not draft.by["vol"]:
        text = "volatilities stay as they are: no figure of that day has a source"
        draft.doubts.append(Doubt(text, "", frozenset(held["vol"])))
    return draft.told(stress.name)


def _held(market: Market) -> dict[str, set[str]]:
    """Names that each kind of move can move here."""
    names = {
        "price": [*market.underlying, *market.leader[movable(market)]],
        "vol": market.underlying[market.kind == OPTION],
        "collateral": market.assets,
    }
    return {what: set(map(str, own)) for what, own in names.items()}


def _of_table(data: Any, market: Market, where: list[str], known: set[str], problems: list[Problem]) -> list[Scenario]:
    """The scenarios of a user's table; what is wrong is appended to ``problems`` with its row."""
    if isinstance(data, Mapping) and all(np.ndim(cell) == 0 for cell in data.values()):
        data = {header: [cell] for header, cell in data.items()}
    table = parse(TABLE, data, problems)
    names = [c.name for c in SCENARIO_COLUMNS]
    for header in table.extra:
        text = f"no such column{nearest(header, names)}; columns are {', '.join(names)}"
        problems.append(Problem(TABLE, 1, header, header, text))
    reader = _Reader(table, targets(market) | {what: [*where, EACH] for what in SHARES}, known, problems)
    return reader.scenarios()


@dataclass
class _Reader:
    """A parsed table, the names that each kind of move may have, those known beside them, and what is wrong."""

    table: Table
    allowed: Mapping[str, list[str]]
    known: set[str]
    problems: list[Problem]

    def __post_init__(self) -> None:
        self.spelt = {what: {n.casefold(): n for n in names} for what, names in self.allowed.items()}
        self.drafts: dict[str, _Draft] = {}

    def scenarios(self) -> list[Scenario]:
        table = self.table
        factors = {self.target(str(name), "price") for name in table["factor"] if name}
        for i in range(len(table)):
            draft = self.drafts.setdefault(str(table["scenario"][i]), _Draft(int(table.rows[i])))
            self.moves(i, draft, factors)
            if table["note"][i]:
                draft.doubts.append(Doubt(str(table["note"][i]), "the user's table"))
        self.follow()
        return [draft.told(name) for name, draft in self.drafts.items()]

    def target(self, name: str, what: str) -> str:
        """The target as this book writes it: case is forgiven."""
        return name if name in self.allowed.get(what, ()) else self.spelt.get(what, {}).get(name.casefold(), name)

    def moves(self, i: int, draft: _Draft, factors: set[str]) -> None:
        """The moves of one row; those that cannot be are problems, and so is a name without any."""
        name, told = str(self.table["target"][i]), [self.table[what][i] for what in (*WHAT, "beta")]
        known = {problem.row for problem in self.problems if problem.table == TABLE}
        bare = np.isnan(told).all() and not self.table["factor"][i] and int(self.table.rows[i]) not in known
        if bare and name != REST:
            text = f"{name} is named, but nothing that moves it: give one of {', '.join(WHAT)}"
            self.problems.append(self.table.problem(i, "target", text))
        for what in WHAT:
            value = float(self.table[what][i])
            if np.isnan(value):
                continue
            target = self.target(str(self.table["target"][i]), what)
            message = _range(what, target, value)
            if not message and not (what == "price" and target in factors):
                message = self.unknown(what, target)
            if not message and target in draft.by[what]:
                message = f"{what} of {target} stands twice in this scenario"
            if message:
                self.problems.append(self.table.problem(i, what, message))
            else:
                draft.by[what][target] = value

    def unknown(self, what: str, target: str) -> str:
        """Why nothing here can be moved so, or an empty text."""
        if what in FOR_ALL:
            return "" if target == REST else f"{what} is one number for all: leave the target empty"
        if what == "collateral" and target == REST:
            return "name the asset whose price moves"
        names = self.allowed[what]
        if target == REST or target in names or (what not in SHARES and target in self.known):
            return ""
        if what in SHARES:
            names = names[:-1]
            have = ", ".join(names[:20]) or "none: fill the column location of the balances"
            return f"no balance lies at {target!r}{nearest(target, names)}; there are {have}"
        return f"nothing follows {target!r}{nearest(target, names)}; there are {', '.join(names[:20]) or 'none'}"

    def follow(self) -> None:
        """Price moves by factor: own move + beta × move of the factor, which is named in the same scenario."""
        own = {name: dict(draft.by["price"]) for name, draft in self.drafts.items()}
        led = {(self.table["scenario"][i], self.pair(i)[0]) for i in range(len(self.table)) if self.table["factor"][i]}
        for i in range(len(self.table)):
            scenario, (target, factor) = str(self.table["scenario"][i]), self.pair(i)
            beta = float(self.table["beta"][i])
            if not factor and np.isnan(beta):
                continue
            move = own[scenario].get(target, 0.0) + beta * own[scenario].get(factor, 0.0)
            if not factor or np.isnan(beta):
                column, text = "beta", "a factor and a beta belong together: give both"
            elif text := self.unknown("price", target):
                column = "target"
            elif factor not in own[scenario]:
                column, text = "factor", f"no price move of {factor!r} in this scenario{nearest(factor, own[scenario])}"
            elif (scenario, factor) in led:
                column, text = "factor", f"{factor} follows a factor itself: name that one"
            elif not move > -1.0:
                by = f"{target} by {beta:g} × {own[scenario][factor]:+.0%}"
                column, text = "beta", f"{by} is {move:+.0%} in all; must be above -100 %"
            else:
                self.drafts[scenario].by["price"][target] = move
                continue
            self.problems.append(self.table.problem(i, column, text))

    def pair(self, i: int) -> tuple[str, str]:
        """Target and factor of a row as this book writes them."""
        target, factor = (self.target(str(self.table[column][i]), "price") for column in ("target", "factor"))
        return target, factor


def _range(what: str, target: str, value: float) -> str:
    if what in SHARES:
        return "" if 0.0 <= value <= 1.0 else f"{value:g} of the balances at {target}; a share is between 0 and 1"
    if what == "days":
        return "" if value >= 0.0 else f"{value:g} days; must be zero or more"
    return "" if what == "rate" or value > -1.0 else f"{target} by {value:+.0%}; must be above -100 %"


def _shares(scenario: Scenario) -> Iterator[Problem]:
    """What is lost cannot be frozen as well."""
    lost, frozen = (scenario.by[what] for what in SHARES)
    for target in {*lost, *frozen}:
        both = lost.get(target, lost.get(REST, 0.0)) + frozen.get(target, frozen.get(REST, 0.0))
        if both > 1.0:
            text = f"{scenario.name}: {both:g} of the balances at {target} lost or frozen; together at most 1"
            yield Problem(TABLE, scenario.row, "frozen", both, text)


def _everywhere(scenario: Scenario, where: list[str]) -> Iterator[Scenario]:
    """A scenario that strikes ``each location`` once for every one of them; once without where none is known."""
    if not any(EACH in scenario.by[what] for what in SHARES):
        yield scenario
        return
    bare = {w: {t: v for t, v in by.items() if t != EACH} for w, by in scenario.by.items()}
    if not where:
        text = "no balance says where it lies: nothing is lost or frozen; fill the column location of the balances"
        yield Scenario(scenario.name, bare, (*scenario.doubts, Doubt(text)), scenario.row)
    for place in where:
        struck = {w: {place: scenario.by[w][EACH]} if w in SHARES and EACH in scenario.by[w] else {} for w in WHAT}
        by = {w: bare[w] | struck[w] for w in WHAT}
        yield Scenario(f"{scenario.name}, {place}", by, scenario.doubts, scenario.row)
