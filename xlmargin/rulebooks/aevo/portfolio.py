"""Aevo portfolio margin for options: the worst of fifteen scenarios plus a floor on net short options.

Source: docs.aevo.xyz, Portfolio Margin (archived copy), initial parameters of ETH in 2022. How sure: both worked
examples agree cell by cell to print rounding. Inferred from them: Black-Scholes on spot, rate 0, calendar days of 365,
results measured from the entry price. Not known: today's parameters, perpetuals inside portfolio margin (refused), how
the floor nets calls and puts of one strike (each instrument is taken by itself, which is never lower).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...errors import Note
from ...findings import chain, notes, rows_with
from ...ledger import CASH, Grid, Line, Margin
from ...market import OPTION, Market
from ...params import Params
from ...pricing import YEAR, black76
from ...refusals import foreign_balances, hedge_legs, isolated_legs, lent_elsewhere, one_pool
from ...registry import Ready, margin_model
from ...risk import scan
from ...scopes import Found, mixed_scopes

DOCS = "docs.aevo.xyz Portfolio Margin (2022)"


@margin_model(
    "aevo.portfolio",
    needs={"option": "mark iv scope_index", "balance": "price"},
    payoffs="linear",
    scoped=True,
    evidence="both official worked examples, cell by cell; parameters of 2022",
    title="Aevo portfolio margin (options)",
)
def portfolio(book: Book, ready: Ready) -> Margin:
    """Largest loss over fifteen scenarios plus a floor on short options; initial margin a quarter more."""
    p, market, legs, cash = ready.params, ready.market, book.legs, book.cash
    i = legs.instrument
    size = legs.quantity * market["contract_size"][i]
    entry = np.where(np.isnan(legs.entry), market["mark"][i], legs.entry)
    pnl = scan(book, ready.value) - book.sum(size * entry)[:, None] + book.sum(legs.accrued)[:, None]
    at = pnl.argmin(axis=1)
    loss = np.maximum(-pnl[np.arange(len(book)), at], 0.0)
    each = legs.quantity * ready.value[i, at[legs.row]] - size * entry + legs.accrued
    scanned = Line.of("Scenario loss", book, np.where((loss > 0)[legs.row], -each, 0.0), cite=p.cite("scenarios"))
    short = np.maximum(-size, 0.0) * ready.floor[i] * market.on_scope("index")[market.scope[i]]
    floor = Line.of(
        "Floor on short options", book, short, formula="Σ net short · 1 % of spot", cite=p.cite("unit_floor")
    )
    maintenance = Line.total("Maintenance margin", scanned, floor)
    more = p["initial_multiplier"] - 1.0
    uplift = maintenance.scaled("Uplift", more, book, cite=p.cite("initial_multiplier"))
    initial = Line.total("Initial margin", maintenance, uplift)
    worth = cash.amount * market.price[cash.asset]
    lost = -np.maximum(worth, 0.0) * (1.0 - ready.ratio[cash.asset])
    haircut = Line.of("Collateral haircut", book, lost, CASH, cite=p.cite("collateral"))
    equity = Line.total("Equity", Line.of("Collateral", book, worth, CASH), haircut)
    grid = _grid(book, ready, pnl, np.where(loss > 0, at, -1), entry)
    return Margin(equity, initial, maintenance, currency="USD", worst=grid.worst, grid=grid, notes=_notes(book, ready))


def _grid(book: Book, ready: Ready, pnl: np.ndarray, worst: np.ndarray, entry: np.ndarray) -> Grid:
    legs, market = book.legs, ready.market
    scope = np.full(len(book), -1, np.int64)
    scope[legs.row] = market.scope[legs.instrument]
    moves = np.append(ready.moves, np.zeros((1, *ready.moves.shape[1:])), axis=0)[scope]
    label = np.where(scope[:, None] >= 0, np.arange(moves.shape[1]), -1)
    cells = None
    if book.detail:
        size = legs.quantity * market["contract_size"][legs.instrument]
        cells = legs.quantity[:, None] * ready.value[legs.instrument] - (size * entry)[:, None] + legs.accrued[:, None]
    return Grid(label, moves[:, :, 0], moves[:, :, 1], np.ones(label.shape), pnl, worst, cells)


def _notes(book: Book, ready: Ready) -> tuple[Note, ...]:
    legs = book.legs
    held = rows_with(legs, np.ones(len(legs), bool))
    bare = rows_with(legs, np.isnan(legs.entry) & (legs.quantity != 0))
    nets = book.split(ready.strike_of)
    sign = np.sign(legs.quantity)
    opposite = (nets.sum(np.maximum(sign, 0)) > 0) & (nets.sum(np.maximum(-sign, 0)) > 0)
    mixed = np.zeros(len(book), bool)
    mixed[nets.row[opposite]] = True
    return lent_elsewhere(book) + notes(
        (
            "results are measured from the entry price, as in the published example; equity is collateral alone",
            DOCS,
            held,
        ),
        ("no entry price given: results are measured from the mark", DOCS, bare),
        (
            "long and short options at one strike: whether the floor nets them is not published; each counts by itself",
            DOCS,
            mixed,
        ),
        (
            "open orders are not margined here: the page does not say how they count",
            DOCS,
            rows_with(book.orders, np.ones(len(book.orders), bool)),
        ),
    )


@portfolio.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Value of one contract of each option in every scenario (I, S), the floor, collateral ratios."""
    read, scope = p.on(market.scopes), market.scope
    tables = read("scenarios") if len(market.scopes) else []
    width = max(map(len, tables), default=1)
    moves = np.zeros((len(tables), width, 2))
    for u, table in enumerate(tables):
        moves[u] = [*table, *table[-1:] * (width - len(table))]
    value = np.zeros((len(market), width))
    o = np.flatnonzero(market.kind == OPTION)
    if len(o):
        spot = market.on_scope("index")[scope[o], None] * (1.0 + moves[scope[o], :, 0])
        vol = np.maximum(market["iv"][o, None] + moves[scope[o], :, 1], 0.0)
        total = vol * np.sqrt(market.seconds[o, None] / YEAR)
        value[o] = black76(spot, market["strike"][o, None], total, market.call[o, None])
    return {
        "moves": moves,
        "value": value * market["contract_size"][:, None],
        "floor": read("unit_floor")[scope] if len(market) else np.zeros(0),
        "ratio": np.array([p["collateral"].get(str(a), 0.0) for a in market.assets], np.float64),
        "strike_of": market.group("scope", "expiry", "strike")[0],
    }


@portfolio.pools
def pools(book: Book, market: Market, p: Params, options: dict[str, Any]) -> Book:
    """One pool an account."""
    return one_pool(book, market, "portfolio")


@portfolio.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """One underlying an account, no hedge or isolated legs, collateral that Aevo takes."""
    return chain(
        hedge_legs(book, market, "Aevo"),
        isolated_legs(book, market, "portfolio margin"),
        mixed_scopes(book, market, "Aevo's portfolio margin, as published,"),
        foreign_balances(book, market, p["collateral"], "Aevo"),
    )
