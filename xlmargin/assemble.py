"""From parsed tables to a Book and a Market: names are numbered, facts gathered, lots merged."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from . import crif
from .book import Book, Cash, Legs, Orders
from .crif_book import joined
from .errors import InputError, Problem, nearest
from .facts import asset_prices, instrument_facts, leaders, market_of
from .market import Market
from .parsing import Table, parse, read_time
from .schemas import INSTRUMENT_COLUMNS, MODEL_TABLES, SCHEMAS
from .texts import merged, objects

SIDE = {"long": 1, "short": -1}
CASH_KIND = {"": 0, "wallet": 0, "loan": 1, "supplied": 2}


def tables(
    positions: Any = None,
    balances: Any = None,
    instruments: Any = None,
    assets: Any = None,
    accounts: Any = None,
    orders: Any = None,
    *,
    as_of: Any = None,
    venue: str = "",
    source: str = "tables",
    **more: Any,
) -> tuple[Book, Market]:
    """A book and a market from tables given as DataFrames or mappings of columns.

    ``as_of`` (date, ISO text or epoch seconds, UTC) is when the prices held; without it the newest ``as_of`` of
    the instruments table. ``venue`` says whose spelling of names is meant where two venues share one.
    ``more`` are tables that only some models read (crif, terms, history …); they are kept for them.

    Raises InputError with every problem found.

    >>> book, market = tables({"instrument": ["BTC-PERP"], "quantity": [2]}, as_of="2026-11-25")
    >>> len(book), market.name.tolist(), market.kind.tolist()
    (1, ['BTC-PERP'], [1])
    """
    given = {
        "positions": positions,
        "orders": orders,
        "balances": balances,
        "instruments": instruments,
        "assets": assets,
        "accounts": accounts,
    }
    refuse_misspelt(more)
    problems: list[Problem] = []
    book, market = assemble(given, problems, as_of=as_of, venue=venue, source=source, more=more)
    if problems:
        raise InputError(problems)
    return book, market


def refuse_misspelt(names: Iterable[str]) -> None:
    """Refuse a table whose name is nearly a known one: left aside it would make a book empty without a word."""
    known = (*SCHEMAS, *MODEL_TABLES)
    close = lambda name: difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.8)  # noqa: E731
    wrong = [name for name in names if name not in known and close(name)]
    if wrong:
        raise InputError([Problem(name, 0, "", None, f"no such table{nearest(name, known)}") for name in wrong])


def assemble(
    given: Mapping[str, Any],
    problems: list[Problem],
    *,
    as_of: Any = None,
    venue: str = "",
    source: str = "tables",
    more: Mapping[str, Any] | None = None,
) -> tuple[Book, Market]:
    """As ``tables``, but what is wrong is appended to ``problems`` (with its account) and the rest is built."""
    parsed = {name: parse(name, given.get(name), problems, _extra(name)) for name in SCHEMAS}
    sensitivities = crif.read(more or {}, problems)
    if as_of is None and sensitivities is not None:
        as_of = sensitivities.valued
    moment = _as_of(as_of, (parsed["instruments"], parsed["positions"]), problems)
    names, codes = _numbered(parsed["instruments"], parsed["positions"], parsed["orders"], key="instrument")
    facts = instrument_facts(names, parsed, codes, problems, venue or _venue(parsed["accounts"]))
    asset_names, asset_codes = _numbered(parsed["assets"], parsed["balances"], key="asset", also=facts.settle)
    prices = asset_prices(asset_names, parsed["assets"], asset_codes[0], facts, problems)
    market, renumber = market_of(names, facts, asset_names, prices, moment, source, dict(more or {}))
    market = leaders(market, parsed["assets"], asset_codes[0], problems)
    account_names, (own, legs_of, cash_of, orders_of) = _numbered(
        *(parsed[name] for name in ("accounts", "positions", "balances", "orders")),
        key="account",
        also=sensitivities.accounts() if sensitivities else (),
    )
    rows = len(account_names)
    legs = _legs(parsed["positions"], legs_of, renumber[codes[1]], rows, market, problems)
    locations = tuple(dict.fromkeys(["", *parsed["balances"].texts("location").words]))
    cash = _cash(parsed["balances"], cash_of, asset_codes[1], rows, locations)
    book = Book(
        legs,
        cash,
        _orders(parsed["orders"], orders_of, renumber[codes[2]], rows),
        account_names,
        np.full(rows, "", object),
        _settings(parsed["accounts"], own, rows, problems),
        locations,
    )
    return joined(book, market, sensitivities, problems) if sensitivities else (book, market)


def _extra(name: str) -> tuple:
    return INSTRUMENT_COLUMNS[1:] if name == "positions" else ()


def _venue(accounts: Table) -> str:
    venues = {v.casefold() for v in accounts.texts("venue").words if v}
    return venues.pop() if len(venues) == 1 else ""


def _as_of(given: Any, told: Iterable[Table], problems: list[Problem]) -> float:
    if given is not None:
        try:
            return read_time(given)
        except ValueError as error:
            problems.append(Problem("", 0, "as_of", given, str(error)))
            return np.nan
    times = np.concatenate([table.given.get("as_of", ()) for table in told])
    if len(times) == 0 or np.isnan(times).all():
        message = "no valuation time: give as_of, or fill the column as_of of the instruments table"
        problems.append(Problem("instruments", 0, "as_of", None, message))
        return np.nan
    return float(np.nanmax(times))


def _numbered(*given: Table, key: str, also: Iterable[str] = ()) -> tuple[np.ndarray, list[np.ndarray]]:
    """Distinct names over several tables in order of appearance, and the number of each record's name."""
    known, codes = merged(table.texts(key) for table in given)
    for name in also:
        if name:
            known.setdefault(name, len(known))
    return objects(known), codes


def _legs(
    table: Table, row: np.ndarray, instrument: np.ndarray, rows: int, market: Market, problems: list[Problem]
) -> Legs:
    side = table.texts("side").to(SIDE, 0, np.int8)
    isolated = table.texts("margin_mode").such("isolated")
    raw = Legs(
        rows,
        row,
        instrument,
        side,
        isolated,
        table["quantity"],
        table["entry_price"],
        table["leverage"],
        _or_zero(table["posted_margin"]),
        _or_zero(table["accrued"]),
        table.rows,
    )
    return one_leg_each(raw, market, problems)


def _or_zero(values: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), 0.0, values)


def one_leg_each(lots: Legs, market: Market, problems: list[Problem]) -> Legs:
    """Lots in any order as one leg per row, instrument, side and mode; legs of nothing are left out.

    What offsets is realised at the average prices and accrued. Lots of which only some have an entry price are refused.
    """
    lots = lots.sorted(lots.instrument, lots.side, lots.isolated)
    same = (lots.row, lots.instrument, lots.side, lots.isolated)
    new = np.ones(len(lots), bool)
    if len(lots):
        new[1:] = reduce(np.logical_or, (k[1:] != k[:-1] for k in same))
    if new.all():
        return _without_empty(lots)
    return _without_empty(_merged(lots, np.cumsum(new) - 1, new, market, problems))


def _without_empty(legs: Legs) -> Legs:
    full = (legs.quantity != 0) | (legs.accrued != 0) | (legs.posted != 0)
    if full.all():
        return legs
    kept = np.flatnonzero(full)
    return legs.at(kept, legs.row[kept], legs.rows)


def _merged(lots: Legs, leg: np.ndarray, new: np.ndarray, market: Market, problems: list[Problem]) -> Legs:
    """Lots of one leg as one: what offsets inside it is realised at the average prices and accrued."""
    n = int(leg[-1]) + 1
    inverse = market.inverse[lots.instrument]
    given = ~np.isnan(lots.entry)
    some, all_ = np.bincount(leg, given, n) > 0, np.bincount(leg, ~given, n) == 0
    for i in np.flatnonzero(new)[some & ~all_]:
        message = "some lots of this position have an entry price and others none; give all or none"
        problems.append(Problem("positions", int(lots.sheet_row[i]), "entry_price", None, message))
    cost = np.where(inverse, 1.0 / lots.entry, lots.entry)
    size = market["contract_size"][lots.instrument]
    quantity, average = {}, {}
    for sign in (1, -1):
        q = np.where(lots.quantity * sign > 0, lots.quantity, 0.0)
        quantity[sign] = np.bincount(leg, q, n)
        total = np.bincount(leg, q * np.nan_to_num(cost), n)
        average[sign] = np.divide(total, quantity[sign], out=np.zeros(n), where=quantity[sign] != 0)
    net = quantity[1] + quantity[-1]
    closed = np.minimum(quantity[1], -quantity[-1])
    gain = closed * size[new] * (average[-1] - average[1]) * np.where(inverse[new], -1.0, 1.0)
    entry = np.where(net >= 0, average[1], average[-1])
    with np.errstate(divide="ignore"):
        entry = np.where(inverse[new], 1.0 / entry, entry)
    first = lots.at(new, lots.row[new], lots.rows)
    columns = first.columns() | {
        "quantity": net,
        "entry": np.where(all_, entry, np.nan),
        "posted": np.bincount(leg, lots.posted, n),
        "accrued": np.bincount(leg, lots.accrued, n) + np.where(all_, gain, 0.0),
    }
    return Legs(lots.rows, first.row, **columns)


def _cash(table: Table, row: np.ndarray, asset: np.ndarray, rows: int, locations: tuple[str, ...]) -> Cash:
    kind = table.texts("kind").to(CASH_KIND, 0, np.int8)
    where = table.texts("location").to({name: i for i, name in enumerate(locations)}, 0, np.int64)
    return Cash(rows, row, asset, kind, table["amount"], where, table.rows).sorted(asset, kind, where)


def _orders(table: Table, row: np.ndarray, instrument: np.ndarray, rows: int) -> Orders:
    if not len(table):
        return Orders.none(rows)
    side = table.texts("side").to(SIDE, 0, np.int8)
    raw = Orders(
        rows,
        row,
        instrument,
        side,
        table["quantity"],
        table["limit_price"],
        table["reduce_only"] > 0,
        table.rows,
    )
    return raw.sorted(instrument, side)


def _settings(table: Table, row: np.ndarray, rows: int, problems: list[Problem]) -> dict[str, np.ndarray]:
    """Every further column of the accounts table, one value a row; what models make of them is theirs."""
    seen, twice = np.unique(row, return_counts=True)
    for i in seen[twice > 1]:
        at = np.flatnonzero(row == i)[1]
        problems.append(table.problem(at, "account", "this account stands twice"))
    settings: dict[str, np.ndarray] = {}
    for name, cells in {"venue": table["venue"], **table.extra}.items():
        column = np.full(rows, None, object)
        column[row] = cells
        settings[name.strip().casefold().replace(" ", "_")] = column
    return settings
