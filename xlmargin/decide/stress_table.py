"""Scenarios from names or from a user's table: what moves by how much, every problem in its own row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..book import Book
from ..errors import InputError, Problem, nearest
from ..market import OPTION, Market
from ..parsing import Table, parse
from ..schemas import SCENARIO_COLUMNS
from .moves import movable, targets
from .stresses import DOUBT, EACH, REST, SHARES, WHAT, NamedStress, chosen

TABLE = "scenarios"
FOR_ALL = ("rate", "days")


@dataclass(frozen=True)
class Scenario:
    """What moves by how much: ``by[what][target]``, assumptions (text, source), and its row in the user's table."""

    name: str
    by: Mapping[str, Mapping[str, float]]
    notes: tuple[tuple[str, str], ...] = ()
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
    notes: list[tuple[str, str]] = field(default_factory=list)

    def told(self, name: str) -> Scenario:
        return Scenario(name, self.by, tuple(dict.fromkeys(self.notes)), self.row)


def places(book: Book) -> tuple[tuple[str, ...], np.ndarray]:
    """Locations by name, and the number of each balance's (H,): its own, else its account's venue, else "" unknown."""
    told = np.array(book.locations, object)[book.cash.location]
    venue = book.settings.get("venue", np.full(len(book), "", object))
    home = np.array([str(v or "") for v in venue], object)[book.cash.row]
    names, number = np.unique(np.where(told == "", home, told).astype(str), return_inverse=True)
    return tuple(map(str, names)), number.astype(np.int64)


def read(given: Any, market: Market, book: Book, known: Iterable[str] = ()) -> tuple[Scenario, ...]:
    """Scenarios from None (all that are named), a name, a list of names and tables, or a table.

    ``known`` are further targets that may be named though nothing here follows them. Raises InputError with every
    problem of a table in its own row, or for an unknown name with the nearest.
    """
    where = [name for name in places(book)[0] if name]
    found: list[Scenario] = []
    problems: list[Problem] = []
    for item in _items(given):
        if item is None or isinstance(item, str):
            made = [_of_name(stress, market) for stress in chosen(None if item is None else [item])]
        else:
            made = _of_table(item, market, where, set(map(str, known)), problems)
        found += made
    if problems:
        raise InputError(problems)
    if not found:
        raise InputError([Problem(TABLE, 0, "", None, "no scenario: give names or a table with at least one row")])
    spread = tuple(each for scenario in found for each in _everywhere(scenario, where))
    twice = sorted({s.name for s in spread if sum(o.name == s.name for o in spread) > 1})
    if twice:
        raise InputError([Problem(TABLE, 0, "scenario", n, f"two scenarios are called {n!r}") for n in twice])
    return spread


def _items(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _of_name(stress: NamedStress, market: Market) -> Scenario:
    """A named scenario with the doubts that touch this market; case of names is forgiven."""
    held = _held(market)
    spelt = {name.casefold(): name for names in held.values() for name in names}
    draft = _Draft(0)
    for number in stress.numbers:
        target = spelt.get(number.target.casefold(), number.target)
        draft.by[number.what][target] = number.value
    for number in (n for n in stress.numbers if n.sure == DOUBT):
        target, rest = spelt.get(number.target.casefold(), number.target), number.target == REST
        names = held.get(number.what, set())
        if names - set(draft.by[number.what]) if rest else target in names:
            told = "the rest" if rest else target
            draft.notes.append((f"{told}, {number.what} {number.value:+.1%}: {number.doubt}", number.source))
    if held["vol"] and not draft.by["vol"]:
        draft.notes.append(("volatilities stay as they are: no figure of that day has a source", ""))
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
    table = parse(TABLE, _columns(data), problems)
    names = [c.name for c in SCENARIO_COLUMNS]
    for header in table.extra:
        text = f"no such column{nearest(header, names)}; columns are {', '.join(names)}"
        problems.append(Problem(TABLE, 1, header, header, text))
    allowed = targets(market)
    drafts: dict[str, _Draft] = {}
    factors = set(map(str, table["factor"]))
    for i in range(len(table)):
        draft = drafts.setdefault(str(table["scenario"][i]), _Draft(int(table.rows[i])))
        own = known | (factors if np.isnan(table["beta"][i]) else set())
        for what, target, value in _moves(table, i, draft, allowed, where, own, problems):
            draft.by[what][target] = value
        if table["note"][i]:
            draft.notes.append((str(table["note"][i]), "the user's table"))
    _follow(table, drafts, problems)
    _check_shares(drafts, problems)
    return [draft.told(name) for name, draft in drafts.items()]


def _columns(data: Any) -> Any:
    """A mapping of single values is a table of one row."""
    if isinstance(data, Mapping) and all(np.ndim(v) == 0 for v in data.values()):
        return {k: [v] for k, v in data.items()}
    return data


def _moves(
    table: Table,
    i: int,
    draft: _Draft,
    allowed: Mapping[str, list[str]],
    where: list[str],
    known: set[str],
    problems: list[Problem],
) -> Iterator[tuple[str, str, float]]:
    """The moves of one row (what, target, value); those that cannot be are problems."""
    for what in WHAT:
        value = float(table[what][i])
        if np.isnan(value):
            continue
        target = _target(str(table["target"][i]), what, where)
        message = _range(what, target, value) or _unknown(what, target, allowed, where, known)
        if not message and target in draft.by[what]:
            message = f"{what} of {target} stands twice in this scenario"
        if message:
            problems.append(table.problem(i, what, message))
        else:
            yield what, target, value


def _target(name: str, what: str, where: list[str]) -> str:
    """The target as this book writes it: case of locations is forgiven."""
    spelt = {n.casefold(): n for n in (*where, EACH)} if what in SHARES else {}
    return spelt.get(name.casefold(), name)


def _range(what: str, target: str, value: float) -> str:
    if what in SHARES:
        return "" if 0.0 <= value <= 1.0 else f"{value:g} of the balances at {target}; a share is between 0 and 1"
    if what == "days":
        return "" if value >= 0.0 else f"{value:g} days; must be zero or more"
    return "" if what == "rate" or value > -1.0 else f"{target} by {value:+.0%}; must be above -100 %"


def _unknown(what: str, target: str, allowed: Mapping[str, list[str]], where: list[str], known: set[str]) -> str:
    """Why nothing here can be moved so, or an empty text."""
    if what in FOR_ALL:
        return "" if target == REST else f"{what} is one number for all: leave the target empty"
    if what in SHARES:
        if target in (REST, EACH, *where):
            return ""
        have = ", ".join(where[:20]) or "none: fill the column location of the balances"
        return f"no balance lies at {target!r}{nearest(target, where)}; there are {have}"
    if what == "collateral" and target == REST:
        return "name the asset whose price moves"
    if target == REST or target in known or target in allowed[what]:
        return ""
    have = ", ".join(allowed[what][:20]) or "none"
    return f"nothing follows {target!r}{nearest(target, allowed[what])}; there are {have}"


def _follow(table: Table, drafts: Mapping[str, _Draft], problems: list[Problem]) -> None:
    """Price moves by factor: own move + beta × move of the factor, which is named in the same scenario."""
    own = {name: dict(draft.by["price"]) for name, draft in drafts.items()}
    led = {(str(s), str(t)) for s, t, f in zip(table["scenario"], table["target"], table["factor"], strict=True) if f}
    for i in range(len(table)):
        name, target, factor = (str(table[c][i]) for c in ("scenario", "target", "factor"))
        beta = float(table["beta"][i])
        if not factor and np.isnan(beta):
            continue
        if not factor or np.isnan(beta):
            problems.append(table.problem(i, "beta", "a factor and a beta belong together: give both"))
        elif factor not in own[name]:
            text = f"no price move of {factor!r} in this scenario{nearest(factor, own[name])}"
            problems.append(table.problem(i, "factor", text))
        elif (name, factor) in led:
            problems.append(table.problem(i, "factor", f"{factor} follows a factor itself: name that one"))
        else:
            move = own[name].get(target, 0.0) + beta * own[name][factor]
            drafts[name].by["price"][target] = move
            if not move > -1.0:
                text = f"{target} by {beta:g} × {own[name][factor]:+.0%} is {move:+.0%}; must be above -100 %"
                problems.append(table.problem(i, "beta", text))


def _check_shares(drafts: Mapping[str, _Draft], problems: list[Problem]) -> None:
    """What is lost cannot be frozen as well."""
    for name, draft in drafts.items():
        lost, frozen = (draft.by[what] for what in SHARES)
        for target in {*lost, *frozen}:
            both = lost.get(target, lost.get(REST, 0.0)) + frozen.get(target, frozen.get(REST, 0.0))
            if both > 1.0:
                text = f"{name}: {both:g} of the balances at {target} lost or frozen; together at most 1"
                problems.append(Problem(TABLE, draft.row, "frozen", both, text))


def _everywhere(scenario: Scenario, where: list[str]) -> Iterator[Scenario]:
    """A scenario that strikes ``each location`` once for every one of them; once without where none is known."""
    if not any(EACH in scenario.by[what] for what in SHARES):
        yield scenario
        return
    bare = {w: {t: v for t, v in by.items() if t != EACH} for w, by in scenario.by.items()}
    if not where:
        text = "no balance says where it lies: nothing is lost or frozen; fill the column location of the balances"
        yield Scenario(scenario.name, bare, (*scenario.notes, (text, "")), scenario.row)
    for place in where:
        struck = {w: {place: scenario.by[w][EACH]} if w in SHARES and EACH in scenario.by[w] else {} for w in WHAT}
        by = {w: bare[w] | struck[w] for w in WHAT}
        yield Scenario(f"{scenario.name}, {place}", by, scenario.notes, scenario.row)
