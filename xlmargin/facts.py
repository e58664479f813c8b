"""The facts of each instrument: from its name, then from the tables; what disagrees is a problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import Problem, nearest
from .market import KIND, SIZE_NOT_GIVEN, SPOT, Market
from .named import take_from_names
from .parsing import Table
from .schemas import INSTRUMENT_COLUMNS, TEXT
from .texts import Texts, objects

NUMBERS = tuple(c.name for c in INSTRUMENT_COLUMNS if c.dtype != TEXT and c.name != "as_of")
WORDS = tuple(c.name for c in INSTRUMENT_COLUMNS if c.dtype == TEXT and c.name != "instrument")
CURRENCY_OF_ACCOUNT = ("USD",)


@dataclass(frozen=True, eq=False)
class Facts:
    """Numbers and words (I,) of each instrument, by column."""

    numbers: dict[str, np.ndarray]
    words: dict[str, Texts]

    @property
    def settle(self) -> np.ndarray:
        """Settlement assets by name, in order of appearance."""
        return self.words["settle"].compact().words


def instrument_facts(
    names: np.ndarray, tables: Mapping[str, Table], codes: list[np.ndarray], problems: list[Problem], venue: str
) -> Facts:
    """Gather the facts of ``names`` from the tables (instruments first, then positions) and from the name."""
    given = [
        Stated(*each, len(names)) for each in zip((tables["instruments"], tables["positions"]), codes, strict=False)
    ]
    numbers = {column: _numbers(given, column, names, problems) for column in NUMBERS}
    words = {column: _words(given, column, names, problems) for column in WORDS}
    stated = Facts(numbers, words)
    _state_extra(stated, given[0].table, codes[0], len(names))
    take_from_names(names, stated, lambda i: _place(i, tables, codes), problems, venue)
    return _with_defaults(stated)


def _with_defaults(facts: Facts) -> Facts:
    """What follows from other facts: the scope is the underlying, results are paid in the quote currency, linear, 1.

    A column of its own says where the contract size was not given, for venues whose contracts are not of 1 unit.
    """
    words, numbers = dict(facts.words), dict(facts.numbers)
    numbers[SIZE_NOT_GIVEN] = np.isnan(numbers["contract_size"]).astype(np.float64)
    for column, source in (("scope", "underlying"), ("settle", "quote")):
        words[column] = words[column].filled(words[source])
    for column, value in (("inverse", 0.0), ("contract_size", 1.0)):
        numbers[column] = np.where(np.isnan(numbers[column]), value, numbers[column])
    return Facts(numbers, words)


class Stated:
    """A table that states facts of instruments (or assets): the number ``code`` of each record's, of ``count``."""

    def __init__(self, table: Table, code: np.ndarray, count: int) -> None:
        self.table, self.code = table, code
        self.each_once = len(code) == count and np.array_equal(code, np.arange(count))


def _numbers(given: list[Stated], column: str, names: np.ndarray, problems: list[Problem]) -> np.ndarray:
    """A number of each instrument (I,): the first that a table states; NaN where none does."""
    said = [stated for stated in given if column in stated.table.given]
    once = said.pop(0) if said and said[0].each_once else None
    target = np.full(len(names), np.nan) if once is None else once.table.given[column].copy()
    for stated in said:
        values, code = stated.table.given[column], stated.code
        for i in _state(target, ~np.isnan(target), code, values, ~np.isnan(values)):
            _disagree(stated.table, int(i), column, target[code[i]], names[code[i]], problems)
    return target


def _words(given: list[Stated], column: str, names: np.ndarray, problems: list[Problem]) -> Texts:
    """A word of each instrument (I,): the first that a table states; "" where none does."""
    said = [stated for stated in given if column in stated.table.given]
    if len(said) == 1 and said[0].each_once:
        texts = said[0].table.given[column]
        if len(set(texts.words)) == len(texts.words):
            return texts
    target, known = np.zeros(len(names), np.int64), {"": 0}
    for stated in said:
        texts, code = stated.table.given[column], stated.code
        values = np.array([known.setdefault(word, len(known)) for word in texts.words], np.int64)[texts.number]
        for i in _state(target, target != 0, code, values, values != 0):
            _disagree(stated.table, int(i), column, list(known)[target[code[i]]], names[code[i]], problems)
    return Texts(target, objects(list(known)))


def _state(target: np.ndarray, had: np.ndarray, code: np.ndarray, values: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Write ``values`` of records whose instrument is ``code`` into ``target`` where it has none, the first wins.

    Returns the records that say something else than what stands there.
    """
    first = given & ~had[code]
    target[code[first][::-1]] = values[first][::-1]
    return np.flatnonzero(given & (target[code] != values))


def _disagree(table: Table, i: int, column: str, there: Any, name: str, problems: list[Problem]) -> None:
    message = f"{table[column][i]} here, {there} elsewhere for {name}"
    problems.append(table.problem(i, column, message))


def _state_extra(facts: Facts, table: Table, code: np.ndarray, count: int) -> None:
    """Columns beyond the schema of the instruments table are kept: rulebooks may declare that they need them."""
    for name, cells in table.extra.items():
        key = name.strip().casefold().replace(" ", "_")
        try:
            target, values = np.full(count, np.nan), cells.astype(np.float64)
            target[code[::-1]] = values[::-1]
            facts.numbers[key] = target
        except (TypeError, ValueError):
            words = np.array(["", *("" if c is None else str(c) for c in cells)], object)
            number = np.zeros(count, np.int64)
            number[code[::-1]] = np.arange(1, len(words))[::-1]
            facts.words[key] = Texts(number, words)


def _place(i: int, tables: Mapping[str, Table], codes: list[np.ndarray]) -> tuple[str, int]:
    """The table and row where name ``i`` first stands, for messages."""
    for name, code in zip(("instruments", "positions", "orders"), codes, strict=True):
        where = np.flatnonzero(code == i)
        if len(where):
            return name, int(tables[name].rows[where[0]])
    return "", 0


def asset_prices(
    names: np.ndarray, table: Table, code: np.ndarray, facts: Facts, problems: list[Problem]
) -> dict[str, np.ndarray]:
    """USD price of each asset: the assets table, 1 for USD itself, else the index of that underlying."""
    stated = [Stated(table, code, len(names))]
    prices = {key: _numbers(stated, key, names, problems) for key in ("price", "confidence")}
    prices |= _extra_numbers(table, code, len(names))
    in_dollars = np.flatnonzero(facts.words["quote"].such("USD", "USDC", "USDT"))
    of = facts.words["underlying"].at(in_dollars)
    index = dict(zip(of.words, of.first(facts.numbers["index"][in_dollars]), strict=True))
    for i, name in enumerate(names):
        if np.isnan(prices["price"][i]):
            prices["price"][i] = 1.0 if name in CURRENCY_OF_ACCOUNT else index.get(name, np.nan)
    return prices


def _extra_numbers(table: Table, code: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """Numeric columns beyond the schema of the assets table: rulebooks may declare that they need them."""
    extra = {}
    for name, cells in table.extra.items():
        try:
            values = cells.astype(np.float64)
        except (TypeError, ValueError):
            continue
        target = extra.setdefault(name.strip().casefold().replace(" ", "_"), np.full(count, np.nan))
        target[code[::-1]] = values[::-1]
    return extra


def market_of(
    names: np.ndarray,
    facts: Facts,
    assets: np.ndarray,
    prices: dict[str, np.ndarray],
    as_of: float,
    source: str,
    tables: dict[str, Any],
) -> tuple[Market, np.ndarray]:
    """The market in its canonical order (scope, expiry, strike, type), and each instrument's number in it."""
    words, numbers = facts.words, dict(facts.numbers)
    numbers["call"] = words["option_type"].such("C").astype(np.float64)
    scopes, scope = words["scope"].sorted()
    order = _canonical(names, scope, numbers["expiry"], numbers["strike"], numbers["call"])
    renumber = np.empty(len(order), np.int64)
    renumber[order] = np.arange(len(order))
    asset = {name: i for i, name in enumerate(assets)}
    settle = words["settle"].to(asset, -1, np.int64)
    kind = words["kind"].to(KIND, SPOT, np.int8)
    kept = ("quote", *(k for k in words if k not in WORDS))
    market = Market(
        as_of=as_of,
        source=source,
        name=names[order],
        kind=kind[order],
        scope=scope[order].astype(np.int64),
        settle=settle[order],
        underlying=words["underlying"].at(order).array,
        columns={k: v[order] for k, v in numbers.items()},
        texts={k: words[k].at(order).array for k in kept},
        scopes=scopes,
        scope_columns={k: _per_scope(scope, numbers[k], len(scopes)) for k in ("index", "index_confidence")},
        assets=assets,
        asset_columns=prices,
        tables=tables,
    )
    return market, renumber


def _canonical(names: np.ndarray, *keys: np.ndarray) -> np.ndarray:
    """The order of instruments by ``keys``, first key first, and by name where those are equal."""
    order = np.lexsort(keys[::-1])
    same = np.ones(max(len(names) - 1, 0), bool)
    for key in keys:
        in_order = key[order]
        before, after = in_order[:-1], in_order[1:]
        same &= (before == after) | ((before != before) & (after != after))
    if not same.any():
        return order
    place = np.append(0, np.cumsum(~same))  # equal ones share a place
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    among = order[tied]
    order[tied] = among[np.lexsort((np.unique(names[among].astype(str), return_inverse=True)[1], place[tied]))]
    return order


def leaders(market: Market, table: Table, code: np.ndarray, problems: list[Problem]) -> Market:
    """The market with the coin that each asset follows (column ``follows``); names of nothing known are problems."""
    given = np.flatnonzero(table["follows"] != "")
    if not len(given):
        return market
    follows = np.full(len(market.assets), "", object)
    follows[code[given]] = table["follows"][given]
    follows[follows == market.assets] = ""
    known = list(dict.fromkeys(map(str, [*market.underlying, *market.assets])))
    led = set(map(str, market.assets[follows != ""]))
    for i in given:
        own, name = str(market.assets[code[i]]), str(table["follows"][i])
        if name not in known:
            text = f"{own} follows {name!r}, which is no underlying and no asset here{nearest(name, known)}"
            problems.append(table.problem(int(i), "follows", text))
        elif name in led and name != own:
            text = f"{own} follows {name}, which follows another itself: name that one"
            problems.append(table.problem(int(i), "follows", text))
    return replace(market, follows=follows)


def _per_scope(scope: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """The first number that any instrument of the scope gives; NaN where none does."""
    out = np.full(count, np.nan)
    given = ~np.isnan(values)
    out[scope[given][::-1]] = values[given][::-1]
    return out
