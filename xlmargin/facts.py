"""The facts of each instrument: from its name, then from the tables; what disagrees is a problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import Problem, SymbolError, nearest
from .market import KIND, SPOT, Market
from .parsing import Table
from .schemas import INSTRUMENT_COLUMNS, TEXT
from .symbols import Symbol, known, parse

NUMBERS = tuple(c.name for c in INSTRUMENT_COLUMNS if c.dtype != TEXT and c.name != "as_of")
WORDS = tuple(c.name for c in INSTRUMENT_COLUMNS if c.dtype == TEXT and c.name != "instrument")
FIXED_BY_NAME = ("strike", "option_type")
CURRENCY_OF_ACCOUNT = ("USD",)


@dataclass(frozen=True, eq=False)
class Facts:
    """Numbers and words (I,) of each instrument, by column."""

    numbers: dict[str, np.ndarray]
    words: dict[str, np.ndarray]

    @property
    def settle(self) -> np.ndarray:
        """Settlement asset by name (I,)."""
        return self.words["settle"]


def instrument_facts(
    names: np.ndarray, tables: Mapping[str, Table], codes: list[np.ndarray], problems: list[Problem], venue: str
) -> Facts:
    """Gather the facts of ``names`` from the tables (instruments first, then positions) and from the name."""
    stated = Facts(
        {k: np.full(len(names), np.nan) for k in NUMBERS},
        {k: np.full(len(names), "", object) for k in WORDS},
    )
    for table, code in zip((tables["instruments"], tables["positions"]), codes, strict=False):
        for column in NUMBERS:
            _state(stated.numbers[column], table, code, column, names, problems)
        for column in WORDS:
            _state(stated.words[column], table, code, column, names, problems)
        _state_extra(stated, table, code, len(names))
    for i, name in enumerate(names):
        symbol = known(str(name), venue)
        if symbol is not None:
            _take_from_name(i, symbol, stated, lambda i=i: _place(i, tables, codes), problems)
        elif not stated.words["kind"][i] or not stated.words["underlying"][i]:
            place = _place(i, tables, codes)
            problems.append(Problem(*place, "instrument", name, _unreadable(str(name), venue)))
    return _with_defaults(stated)


def _with_defaults(facts: Facts) -> Facts:
    """What follows from other facts: the scope is the underlying, results are paid in the quote currency, linear, 1."""
    words, numbers = dict(facts.words), dict(facts.numbers)
    for column, source in (("scope", "underlying"), ("settle", "quote")):
        words[column] = np.where(words[column] == "", words[source], words[column]).astype(object)
    for column, value in (("inverse", 0.0), ("contract_size", 1.0)):
        numbers[column] = np.where(np.isnan(numbers[column]), value, numbers[column])
    return Facts(numbers, words)


def _state(
    target: np.ndarray, table: Table, code: np.ndarray, column: str, names: np.ndarray, problems: list[Problem]
) -> None:
    values = table.columns.get(column)
    if values is None:
        return
    given = (values != "") if values.dtype == object else ~np.isnan(values)
    if not given.any():
        return
    had = (target != "") if target.dtype == object else ~np.isnan(target)
    before = target.copy()
    target[code[given][::-1]] = values[given][::-1]
    target[had] = before[had]
    for i in np.flatnonzero(given & (target[code] != values)):
        message = f"{values[i]} here, {target[code[i]]} elsewhere for {names[code[i]]}"
        problems.append(table.problem(int(i), column, message))


def _state_extra(facts: Facts, table: Table, code: np.ndarray, count: int) -> None:
    """Columns beyond the schema of the instruments table are kept: rulebooks may declare that they need them."""
    if table.name != "instruments":
        return
    for name, cells in table.extra.items():
        key = name.strip().casefold().replace(" ", "_")
        try:
            target, values = np.full(count, np.nan), cells.astype(np.float64)
        except (TypeError, ValueError):
            target, values = np.full(count, "", object), np.array(["" if c is None else str(c) for c in cells], object)
        target[code[::-1]] = values[::-1]
        (facts.words if target.dtype == object else facts.numbers)[key] = target


def _place(i: int, tables: Mapping[str, Table], codes: list[np.ndarray]) -> tuple[str, int]:
    """The table and row where name ``i`` first stands, for messages."""
    for name, code in zip(("instruments", "positions", "orders"), codes, strict=True):
        where = np.flatnonzero(code == i)
        if len(where):
            return name, int(tables[name].rows[where[0]])
    return "", 0


def _unreadable(name: str, venue: str) -> str:
    try:
        parse(name, venue)
    except SymbolError as error:
        return f"{error.problems[0].message} (or fill kind, underlying and settle in the instruments table)"
    return f"cannot read {name!r}"


def _take_from_name(
    i: int, symbol: Symbol, facts: Facts, place: Callable[[], tuple[str, int]], problems: list[Problem]
) -> None:
    """Fill what the tables leave open from the name; a strike or type that the name contradicts is a problem."""
    for column in ("kind", "underlying", "settle", "quote", "option_type"):
        said, stated = getattr(symbol, column), facts.words[column][i]
        if stated and said and stated != said and column in FIXED_BY_NAME:
            message = f"{stated} here, but the name {symbol.text} says {said}"
            problems.append(Problem(*place(), column, stated, message))
        if not stated:
            facts.words[column][i] = said
    for column in ("expiry", "strike", "inverse"):
        said, stated = float(getattr(symbol, column)), float(facts.numbers[column][i])
        if stated != stated:
            facts.numbers[column][i] = said
        elif column in FIXED_BY_NAME and said == said and said != stated:
            message = f"{stated:g} here, but the name {symbol.text} says {said:g}"
            problems.append(Problem(*place(), column, stated, message))


def asset_prices(
    names: np.ndarray, table: Table, code: np.ndarray, facts: Facts, problems: list[Problem]
) -> dict[str, np.ndarray]:
    """USD price of each asset: the assets table, 1 for USD itself, else the index of that underlying."""
    prices = {key: np.full(len(names), np.nan) for key in ("price", "confidence")}
    for column in prices:
        _state(prices[column], table, code, column, names, problems)
    prices |= _extra_numbers(table, code, len(names))
    in_dollars = np.isin(facts.words["quote"], ("USD", "USDC", "USDT"))
    index = dict(
        zip(facts.words["underlying"][in_dollars][::-1], facts.numbers["index"][in_dollars][::-1], strict=True)
    )
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
    numbers["call"] = (words["option_type"] == "C").astype(np.float64)
    scopes, scope = np.unique(words["scope"].astype(str), return_inverse=True)
    order = np.lexsort((names.astype(str), numbers["call"], numbers["strike"], numbers["expiry"], scope))
    renumber = np.empty(len(order), np.int64)
    renumber[order] = np.arange(len(order))
    asset = {name: i for i, name in enumerate(assets)}
    settle = np.array([asset.get(s, -1) for s in words["settle"]], np.int64)
    kind = np.array([KIND.get(k, SPOT) for k in words["kind"]], np.int8)
    kept = ("quote", *(k for k in words if k not in WORDS))
    market = Market(
        as_of=as_of,
        source=source,
        name=names[order],
        kind=kind[order],
        scope=scope[order].astype(np.int64),
        settle=settle[order],
        underlying=words["underlying"][order],
        columns={k: v[order] for k, v in numbers.items()},
        texts={k: words[k][order] for k in kept},
        scopes=scopes.astype(object),
        scope_columns={k: _per_scope(scope, numbers[k], len(scopes)) for k in ("index", "index_confidence")},
        assets=assets,
        asset_columns=prices,
        tables=tables,
    )
    return market, renumber


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
