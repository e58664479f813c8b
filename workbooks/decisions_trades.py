"""The formulas of trades that might be done and of falls that might come: one small function a verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xlmargin.decide.hedges import hedges
from xlmargin.decide.path import path as ordered
from xlmargin.decide.reruns import account_row
from xlmargin.decide.simulate import prevent, simulate
from xlmargin.decide.simulate.price_path import read_path
from xlmargin.errors import InputError
from xlmargin.given import between
from xlmargin.parsing import read_number

from . import cells
from .cache import digest
from .decisions_states import subject
from .functions import BOOK, REST
from .given_tables import choice, chosen, columns, given, named, summary, told_in, whole, word
from .ranges import KEPT, Ranges, split_account
from .registry import function

LIMITS = {"level": word, "fee": read_number, "budget": read_number, "most_trades": whole, "seconds": read_number}
HEDGES = LIMITS | {"delta *": between, "vega *": between}
LADDER = {"seconds": read_number, "slippage": read_number, "fund": read_number}
SHOWN = {name: name for name in ("trades", "ranking", "summary")}
ORDER = {name: name for name in ("steps", "summary")}
EVENTS = {name: name for name in ("events", "summary")}


@function(
    f"{BOOK} candidates settings {REST} output",
    settings="level (initial), fee, budget, most_trades, seconds, delta BTC=-1:1, vega BTC=-500:500",
    output="ranking (each candidate alone) or summary (saving, cost, bound); left out: the trades",
)
def XM_HEDGES(ranges: Ranges, candidates: Any, settings: Mapping[str, Any], account: str, output: str) -> Any:
    """The trades among candidates that lower margin most for what they cost, and how sure it is that none do better."""
    which, table, how = choice(output, SHOWN), named("candidates", candidates, "instrument"), chosen(settings, HEDGES)
    ranges.refuse_bad(account)
    name, _ = split_account(account)
    key = ("hedges", digest(candidates), str(how), name, *ranges.asked)
    asked = {"account": name or None, "options": ranges.own_options, **how}
    with told_in(ranges, table):
        found = KEPT.get(key, lambda: hedges(*ranges.book(), ranges.model, columns(table), **asked))
    if which != "summary":
        return cells.table(found.ranking() if which == "ranking" else found.frame())
    figures = {"before": found.before, "after": found.after, "saving": found.saving, "cost": float(found.cost.sum())}
    figures |= {"available": found.available, "bound": found.bound, "currency": found.currency, "words": found.words}
    return cells.table(summary(**figures))


@function(
    f"positions* trades* model* balances instruments assets slices {REST} output",
    output="summary: peak, bound, peak in the order given; left out: a row a step",
)
def XM_PATH(ranges: Ranges, trades: Any, slices: np.ndarray, account: str, output: str) -> Any:
    """The order in which to execute a basket, so that the largest margin on the way is least; figures at every step."""
    which, table = choice(output, ORDER), given("trades", trades, "instrument and quantity")
    ranges.refuse_bad(account)
    name, _ = split_account(account)
    key = ("path", digest(trades), _slices(slices), name, *ranges.asked)
    asked = {"slices": _slices(slices), "account": name or None, "options": ranges.own_options}
    with told_in(ranges, table):
        found = KEPT.get(key, lambda: ordered(*ranges.book(), ranges.model, columns(table), **asked))
    if which == "steps":
        return cells.table(found.frame())
    figures = {"peak": found.peak, "bound": found.bound, "exact": found.exact, "in the order given": found.naive}
    return cells.table(summary(**figures, currency=found.currency, words=found.words))


def _slices(given: np.ndarray) -> int:
    """One whole number; 1 where the cell is blank (or 0, which is how some hosts say nothing)."""
    number = float(given[0, 0])
    if given.size > 1 or not (np.isnan(number) or (number >= 0 and number == int(number))):
        raise InputError(f"slices: one whole number is expected, not {cells.label(given[0, 0])}")
    return 1 if np.isnan(number) or number == 0 else int(number)


@function(
    f"positions* path* model* balances instruments assets settings {REST} output",
    settings="seconds (between points: 60), slippage (fraction of price), fund (held by it), as text or two columns",
    output="summary: what everybody gained in all; left out: a row a thing that happens",
)
def XM_SIMULATE(ranges: Ranges, path: Any, settings: Mapping[str, Any], account: str, output: str) -> Any:
    """One account run through its venue's liquidation ladder along a path; every row's amounts add up to nothing."""
    which, how, margin = choice(output, EVENTS), chosen(settings, LADDER), subject(ranges, account)
    table = given("path", path, "underlyings")
    key = ("simulate", digest(path), str(how), account, *ranges.asked)
    with told_in(ranges, table):
        moves, vols = read_path(columns(table))
        found = KEPT.get(key, lambda: simulate(margin, moves, vol=vols, **how))
    if which == "events":
        return cells.table(found.frame())
    ladder = {"ladder": found.ladder.cite, "doubt": found.ladder.doubt}
    return cells.table(summary(liquidated=found.liquidated, **found.totals, currency=found.currency, **ladder))


@function(
    f"positions* path* model* balances instruments assets candidates {REST} more",
    candidates="Instruments to try as a hedge, each alone: names or a range; left out: what the account holds",
)
def XM_PREVENT(ranges: Ranges, path: Any, candidates: Any, account: str) -> Any:
    """The least reduction, deposit or hedge now that would keep one account from liquidation along a path."""
    table, tried = given("path", path, "underlyings"), named("candidates", candidates, "instrument")
    ranges.refuse_bad(account)
    name, pool = split_account(account)
    key = ("prevent", digest(path), digest(candidates), account, *ranges.asked)
    with told_in(ranges, table, tried):
        moves, vols = read_path(columns(table))
        book, market = ranges.book()
        alone = book.take([account_row(book, name or None)])
        asked = {"vol": vols, "hedges": _instruments(tried), "pool": pool, "options": ranges.own_options}
        found = KEPT.get(key, lambda: prevent(alone, market, ranges.model, moves, **asked))
    return cells.table(found.frame())


def _instruments(tried: Any) -> list[str]:
    if tried is None or isinstance(tried, list):
        return tried or []
    return [str(c) for header, column in tried.columns.items() if header.casefold() == "instrument" for c in column]
