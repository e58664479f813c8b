"""Which accounts can be margined under SPAN, how they split by currency, and how a file becomes parameters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ... import spanfiles
from ...book import Book
from ...errors import Problem
from ...market import Market
from ...params import Params
from ...registry import Setting
from ...scopes import Found
from ...spanfiles.model import SCENARIOS, SpanFile
from .plan import premium_options

SETTINGS = {
    "account_type": Setting("speculator", "whose account it is", ("member", "hedger", "speculator")),
    "netting": Setting("net", "net; gross (omnibus) margins each contract by itself", ("net", "gross")),
}
FILES = (".spn", ".xml", ".pa2", ".gz", ".zip")
ARRAY_NEEDS = " ".join(["contract_size", "delta", "a1", *(f"a{n}?" for n in range(2, SCENARIOS + 1))])


def pools(book: Book, market: Market, p: Params, options: dict[str, Any]) -> Book:
    """A pool per currency in which an account is margined or holds a balance."""
    currencies = [p.get("currency", code) for code in market.scopes]
    names = sorted({*currencies, *map(str, market.assets[np.unique(book.cash.asset)])})
    number = {name: i for i, name in enumerate(names)}
    of_scope = np.array([number[c] for c in currencies], np.int64)
    of_asset = np.array([number.get(str(a), -1) for a in market.assets], np.int64)
    scope_of = lambda table: of_scope[market.scope[table.instrument]]  # noqa: E731
    return book.pooled(scope_of(book.legs), of_asset[book.cash.asset], scope_of(book.orders), names)


def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Arrays whole, parameters known, option prices there, and no charge whose formula nobody published."""
    return list(_found(book, market, p))


def _found(book: Book, market: Market, p: Params) -> Iterator[Found]:
    for wrong, column, message in _wrong(market, p):
        for h in np.flatnonzero(wrong[book.legs.instrument]):
            i = book.legs.instrument[h]
            words = message.format(name=market.name[i], scope=market.scopes[market.scope[i]])
            row = book.legs.row[h]
            problem = Problem("positions", int(book.legs.sheet_row[h]), column, None, words, str(book.account[row]))
            yield problem, row


def _wrong(market: Market, p: Params) -> Iterator[tuple[np.ndarray, str, str]]:
    """Instruments (I,) that cannot be margined, the column that says so and why."""
    known = [p.by.get(code) for code in market.scopes]
    of_scope = lambda flags: np.array(flags, bool)[market.scope]  # noqa: E731
    hint = f"load the clearing house's file with xm.model({p.model!r}).load(path, params)"
    unread = of_scope(["currency" not in (v or {}) for v in known])
    yield unread, "scope", f"no parameters of {{scope}}, to which {{name}} belongs: {hint}"
    for n in range(2, SCENARIOS + 1):
        gap = np.isnan(market.column(f"a{n}")) & ~np.isnan(market.column("a1"))
        yield gap, f"a{n}", f"array value of scenario {n} is missing for {{name}}"
    unpriced = np.isnan(market.column("settlement")) & np.isnan(market["mark"]) & premium_options(market)
    yield unpriced, "mark", "no settlement price for {name}, whose value counts against the margin"
    weighted = [any(s["charge"] == "W" for s in (v or {}).get("intra_spreads", ())) for v in known]
    message = "calendar charge method W (weighted price) of {scope} is not published; {name} cannot be margined"
    yield of_scope(weighted), "scope", message
    basis = [(v or {}).get("spot_method") == "11" for v in known]
    message = "delivery charge method 11 (basis risk) of {scope} is not published; {name} cannot be margined"
    yield of_scope(basis), "scope", message


def loaded(payload: SpanFile | Path | str, p: Params) -> Params:
    """The parameters of a clearing house's file (a path or what ``spanfiles.read`` gave) laid over the rulebook's own.

    Every value carries the file's name, date, time of creation and SHA-256 as its source, and so does every result.
    """
    file = payload if isinstance(payload, SpanFile) else spanfiles.read(payload)
    by = {code: {k: v for k, v in own.items() if k in p.units} for code, own in file.commodities.items()}
    for code, cap in _caps(file).items():
        by[code]["wfpr_cap"] = cap
    more = {"inter_spreads": file.spreads, "file_remarks": list(file.remarks)}
    rates = [s["rate"] for s in file.spreads if not s["flat"] and s["rate"] > 0]
    if file.format.startswith("spn") and rates and max(rates) <= 1.0:
        more["credit_unit"] = 1
    return p.override(file.revision, by=by, **more)


def _caps(file: SpanFile) -> dict[str, float]:
    """Price scan range a delta of each commodity's nearest future: the cap of weighted price risk."""
    c = file.contracts
    caps: dict[str, float] = {}
    future = (c["type"] == "FUT") & np.isfinite(c["scan_range"])
    for i in sorted(np.flatnonzero(future), key=lambda i: str(c["period"][i])):
        code = c["commodity"][i]
        if code in file.commodities:
            money = c["scan_range"][i] * 10.0 ** file.commodities[code]["exponent"]
            caps.setdefault(code, float(money / c["scaling"][i]))
    return caps
