"""The formulas over accounts at several venues: one small function a verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlmargin.cases import models_of
from xlmargin.decide.contagion import contagion
from xlmargin.decide.credit import credit
from xlmargin.decide.placement import place
from xlmargin.errors import InputError
from xlmargin.parsing import read_number

from . import cells
from .cache import digest
from .given_tables import choice, chosen, columns, given, named, told_in, whole, word
from .ranges import KEPT, Ranges
from .registry import function

SEVERAL = "positions* accounts* models balances instruments assets"
BY_VENUE = "Rulebook by venue, as VENUE=MODEL in a range or one text with commas; one alone is that of all"
SUMMARY = "summary"
PLACED = {"positions": "frame", "venues": "venues", "gains": "gains", "refusals": "refusals", SUMMARY: SUMMARY}
PLACING = {"owner": str, "lots": whole, "level": word, "currency": str, "move_cost": read_number, "fees": read_number}
PLACING |= {"transfer_cost": read_number, "exact_up_to": whole}
LINES = {"owners": "frame", "venues": "venues", "limits": "limits", "breaches": "breaches", SUMMARY: SUMMARY}
LENDING = {"portfolio": str, "level": word, "collateral": word, "currency": str}
SPREAD = {"accounts": "frame", "venues": "by_venue", "rounds": "rounds", "prices": "prices", SUMMARY: SUMMARY}
SPREADING = {"scenario": str, "impact": word, "owners": word, "slippage": read_number, "most_rounds": whole}
SHARES = {"lost": "location", "lost_at": "venue", "lost_by": "owner"}
SHOCKS = {f"{n} *": read_number for n in ("price", "vol", "basis", "collateral", *SHARES)}
SHOCKS |= {"rate": read_number, "days": read_number}


@function(
    f"{SEVERAL} movable hedges eligible settings as_of orders output",
    models=BY_VENUE,
    settings="owner, lots, level (initial), currency (USD), move_cost, fees, transfer_cost, exact_up_to (loads)",
    output="venues (what each requires), gains (other arrangements), refusals, summary; left out: the positions",
)
def XM_PLACE(
    ranges: Ranges,
    models: list[str],
    movable: Any,
    hedges: Any,
    eligible: Any,
    settings: Mapping[str, Any],
    output: str,
) -> Any:
    """Which venue or account should hold each position or hedge, so that all of them together require least."""
    which, how = choice(output, PLACED), chosen(settings, PLACING)
    tables = {"movable": movable, "hedges": hedges, "eligible": eligible}
    found = {name: named(name, cells, "instrument") for name, cells in tables.items()}
    key = ("place", tuple(models), digest(list(tables.values())), str(how), ranges.key)
    plain = {name: columns(table) for name, table in found.items()}
    with told_in(ranges, *found.values()):
        told = KEPT.get(key, lambda: place(*ranges.book(), models_of(models), **plain, **how))
    return cells.table(_table(told, which))


@function(
    f"{SEVERAL} lines settings as_of orders output",
    models=BY_VENUE,
    settings="portfolio (rulebook of all accounts as one), level, collateral (equity or none), currency",
    output="venues, limits, breaches (what is over or near) or summary; left out: a row an owner",
)
def XM_CREDIT(ranges: Ranges, models: list[str], lines: Any, settings: Mapping[str, Any], output: str) -> Any:
    """What accounts at several venues require by themselves and as one portfolio under one credit line."""
    which, how, table = choice(output, LINES), chosen(settings, LENDING), given("lines", lines)
    key = ("credit", tuple(models), digest(lines), str(how), ranges.key)
    with told_in(ranges, table):
        told = KEPT.get(key, lambda: credit(*ranges.book(), models_of(models), columns(table), **how))
    return cells.table(_table(told, which))


@function(
    f"{SEVERAL} moves depth funds settings as_of orders output",
    models=BY_VENUE,
    moves="Two columns or text: price BTC=-20%; vol BTC=50%; lost PLACE=100%; lost_at VENUE=…; lost_by OWNER=…",
    settings="scenario (not moves), impact (linear, square_root), owners (apart, together), slippage, most_rounds",
    output="venues, rounds, prices or summary; left out: a row an account",
)
def XM_CONTAGION(
    ranges: Ranges,
    models: list[str],
    moves: Mapping[str, Any],
    depth: Any,
    funds: Any,
    settings: Mapping[str, Any],
    output: str,
) -> Any:
    """A shock that runs through accounts at many venues: forced sales move prices, round by round, to the end."""
    which, how, shock = choice(output, SPREAD), chosen(settings, SPREADING), chosen(moves, SHOCKS, "moves")
    scenario = how.pop("scenario", None)
    if scenario and shock:
        raise InputError("settings: scenario: give it or moves, not both")
    for word_, what in SHARES.items():
        if word_ in shock:
            shock[what] = {name: -share for name, share in shock.pop(word_).items()}
    tables = [given("depth", depth), given("funds", funds)]
    key = ("contagion", tuple(models), str(shock), digest([depth, funds]), scenario, str(how), ranges.key)
    plain = dict(zip(("depth", "funds"), map(columns, tables), strict=True))
    with told_in(ranges, *tables):
        told = KEPT.get(key, lambda: contagion(*ranges.book(), models_of(models), scenario or shock, **plain, **how))
    return cells.table(_table(told, which))


def _table(told: Any, which: str) -> Any:
    """One of a result's tables, or what it says and rests on, a row each."""
    if which != SUMMARY:
        return getattr(told, which)()
    said = [("words", line) for line in told.words.splitlines()]
    said += [("note", text) for text in dict.fromkeys(note.text for note in told.notes)]
    return {"what": [what for what, _ in said], "text": [text for _, text in said]}
