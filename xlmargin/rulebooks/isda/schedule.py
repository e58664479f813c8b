"""The regulators' schedule of initial margin over CRIF rows of IM model Schedule: notional and PV by trade.

Gross = Σ rate(product class, years to end) · |notional|; NGR = max(Σ PV, 0) / Σ max(PV, 0) of the netting set;
margin = 0.4·Gross + 0.6·NGR·Gross. The pledgor's PV is the secured party's with the sign turned.
Source: BCBS 261 Appendix A (2013). How sure: AcadiaSoft/simm-lib's and OpenSourceRisk/Engine's examples.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from ...book import Book
from ...collateral import wallet
from ...crif_words import REGULATIONS, SCHEDULE
from ...errors import Note
from ...findings import notes, on_legs, rows_with
from ...ledger import Line, Margin
from ...market import Market
from ...params import Params
from ...registry import Ready, margin_model
from ...scopes import Found
from .cases import OPTIONS, SETTINGS, Regimes, cases, chosen
from .labels import Coded

PER_CENT = 0.01


@margin_model(
    "schedule.im",
    needs={"sensitivity": "", "balance": "price"},
    settings=SETTINGS,
    options=OPTIONS,
    exceptions={"merging never raises": "the net-to-gross ratio is one of sums: two netting sets merged can need more"},
    tables=("crif",),
    evidence="published examples of two independent libraries",
    title="Schedule (grid) initial margin",
)
def schedule(book: Book, ready: Ready) -> Margin:
    """Percentages of notional by product class and term, less what netting of present values earns."""
    held, p = Trades(book, ready), ready.params
    best = held.cases.worst(held.margin, len(book))
    gross = held.gross_line(best)
    whole = gross if book.detail else Line(gross.name, gross.value)
    factor = p["gross_share"] + p["net_share"] * held.ratio[best] - 1.0
    formula = "(0.4 + 0.6 × net-to-gross ratio − 1) × gross"
    cite = p.cite("gross_share", "net_share")
    relief = whole.scaled("Netting of present values", factor, book, formula=formula, cite=cite)
    total = Line.total("Initial margin", gross, relief)
    return Margin(
        Line.total("Equity", wallet(book, ready.market.price, "Collateral held")),
        total,
        total,
        extras={
            "net exposure": Line("Net exposure", held.exposures[0][best]),
            "gross exposure": Line("Gross exposure", held.exposures[1][best]),
        },
        currency=np.full(len(book), "USD", object),
        worst=held.cases.names(best) if ready.named else None,
        notes=(*held.cases.notes, *_notes(held)),
    )


@schedule.prepare
def prepare(market: Market, params: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Trades, the cell of the grid and the rate of each notional, and the regulations that each instrument names."""
    empty = np.full(len(market), "", object)
    counts = market.texts.get("im_model", empty) == SCHEDULE
    kind = market.texts.get("risk_type", empty)
    product, trade = (Coded.of(np.where(counts, market.texts.get(c, empty), "")) for c in ("product_class", "trade_id"))
    term, edge = _terms(market, params["limits"])
    grid = [params["rates"].get(word, [0.0]) for word in product.words]
    term = np.minimum(term, np.array([len(row) - 1 for row in grid], np.int64)[product.code])
    width = len(params["limits"]) + 1
    rates = np.array([[*row, *[0.0] * (width - len(row))] for row in grid], np.float64).reshape(-1, width)
    cell = product.code * width + term
    notional = counts & (kind == "Notional")
    regimes = {side: Regimes.of(market, side) for side in ("collect", "post")}
    named = np.unique(np.concatenate([r.regulation for r in regimes.values()]))
    return {
        "counts": counts,
        "notional": notional,
        "value": counts & (kind == "PV"),
        "trade": np.unique(trade.code * len(product.words) + product.code, return_inverse=True)[1],
        "rate": rates[product.code, term] * PER_CENT,
        "cell": cell,
        "cells": {int(c): _cell(product.words[c // width], int(c % width), params) for c in np.unique(cell[notional])},
        "edge": edge & counts,
        "regimes": regimes,
        "named": [REGULATIONS[r] for r in named],
    }


def _terms(market: Market, limits: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Which term each instrument's end falls in (I,), its last day included, and whether it is that very day."""
    today = dt.datetime.fromtimestamp(market.as_of, dt.UTC).date()
    ends = np.nan_to_num(market["expiry"])
    dates = np.array([_moment(_anniversary(today, years)) for years in limits])
    return (ends[:, None] > dates).sum(axis=1), (ends[:, None] == dates).any(axis=1)


def _anniversary(day: dt.date, years: int) -> dt.date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def _moment(day: dt.date) -> float:
    return dt.datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=dt.UTC).timestamp()


def _cell(product: str, term: int, params: Params) -> str:
    limits, terms = params["limits"], len(params["rates"][product])
    if terms == 1:
        return product
    low = limits[term - 1] if term else 0
    return f"{product} {low}–{limits[term]} years" if term < terms - 1 else f"{product} over {low} years"


class Trades:
    """A book seen by the schedule: cases by regulation, their trades' net notional and value."""

    def __init__(self, book: Book, ready: Ready) -> None:
        self.book, self.ready = book, ready
        self.cases = cases(book, ready.counts, ready.regimes, ready.options)
        self.leg, self.case = self.cases.leg, self.cases.case
        self.instrument = book.legs.instrument[self.leg]
        self.amount = book.legs.quantity[self.leg]
        key = self.case * (int(ready.trade.max(initial=0)) + 1) + ready.trade[self.instrument]
        self.trades, self.trade = np.unique(key, return_inverse=True)

    def net(self, which: np.ndarray) -> np.ndarray:
        """Amounts of the instruments ``which`` (I,) by trade of a case."""
        return np.bincount(self.trade, np.where(which[self.instrument], self.amount, 0.0), len(self.trades))

    @cached_property
    def gross(self) -> np.ndarray:
        """What each entry adds to the gross amount: rate × notional, signed as its trade's net notional is."""
        sign = np.sign(self.net(self.ready.notional))[self.trade]
        return np.where(
            self.ready.notional[self.instrument], self.ready.rate[self.instrument] * self.amount * sign, 0.0
        )

    @cached_property
    def exposures(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each case the positive part of the net value, and the sum of the trades' positive values."""
        post = chosen(self.book, self.ready.options, "side") == "post"
        case = np.zeros(len(self.trades), np.int64)
        case[self.trade] = self.case
        value = self.net(self.ready.value) * np.where(post, -1.0, 1.0)[self.cases.row[case]]
        exposed = np.bincount(case, np.maximum(value, 0.0), len(self.cases))
        return np.maximum(np.bincount(case, value, len(self.cases)), 0.0), exposed

    @cached_property
    def ratio(self) -> np.ndarray:
        """Net-to-gross ratio of each case: net over gross exposure."""
        netted, exposed = self.exposures
        p = self.ready.params
        names = self.cases.names(np.arange(len(self.cases)))
        without = np.array([p["ratio_by_regulation"].get(n, p["ratio_without_exposure"]) for n in names], np.float64)
        return np.divide(netted, exposed, out=without, where=exposed > 0)

    @cached_property
    def margin(self) -> np.ndarray:
        """What each case asks for."""
        p = self.ready.params
        gross = np.bincount(self.case, self.gross, len(self.cases))
        return gross * (p["gross_share"] + p["net_share"] * self.ratio)

    def gross_line(self, best: np.ndarray) -> Line:
        """The gross amount of the case that binds, by cell of the grid."""
        due = np.where(self.case == best[self.book.legs.row[self.leg]], self.gross, 0.0)
        lines = []
        for cell, name in self.ready.cells.items():
            mine = np.where(self.ready.cell[self.instrument] == cell, due, 0.0)
            amounts = np.bincount(self.leg, mine, len(self.book.legs))
            lines.append(
                Line.of(name, self.book, amounts, formula="rate × |notional|", cite=self.ready.params.cite("rates"))
            )
        return Line.total("Gross", *lines) if lines else Line("Gross", np.zeros(len(self.book)))


@schedule.check
def check(book: Book, market: Market, params: Params) -> Iterator[Found]:
    """Every trade of the schedule needs a notional."""
    made = prepare(market, params, {})
    key = book.legs.row * (int(made["trade"].max(initial=0)) + 1) + made["trade"][book.legs.instrument]
    value, notional = (made[name][book.legs.instrument] for name in ("value", "notional"))
    bare = value & ~np.isin(key, key[notional])
    yield from on_legs(book, market, bare, "risk_type", lambda h: "a PV whose trade has no notional", "crif")


def _notes(held: Trades) -> tuple[Note, ...]:
    """What the figures leave out or take for granted."""
    book, ready = held.book, held.ready
    instrument = book.legs.instrument
    width = int(ready.trade.max(initial=0)) + 1
    key = book.legs.row * width + ready.trade[instrument]
    valueless = ready.notional[instrument] & ~np.isin(key, key[ready.value[instrument]])
    return notes(
        ("rows of SIMM are not in this figure: run simm", "", rows_with(book.legs, ~ready.counts[instrument])),
        ("a trade has no PV row: its value is taken as 0", "as ORE does", rows_with(book.legs, valueless)),
        (
            "a trade ends on the very day that parts two terms: it is counted in the shorter one",
            "AcadiaSoft/simm-lib",
            rows_with(book.legs, ready.edge[instrument] & ready.notional[instrument]),
        ),
        ("collateral is counted before haircuts", "", rows_with(book.cash, book.cash.amount != 0)),
    )
