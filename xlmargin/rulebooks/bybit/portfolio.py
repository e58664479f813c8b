"""Bybit portfolio margin: the largest loss of each risk unit over 33 scenarios, contingencies, and borrowing.

unit MM = largest loss + contingencies, IM = MM · factor. Sources: bybit-exchange/docs portfolio-margin endpoint and
its sample of March 2026, Margin Calculations under Portfolio Margin (2024-09-04), Glossary (2026-03-13). How sure: the
BTC grid, the factor and the futures contingency reproduce the official sample; option, vega, delta and USDT-USDC
contingencies are not published as formulas: give the venue's own figures (accounts table or the endpoint's payload),
else they are left out and noted; other coins than BTC are not known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...collateral import option_value, split_results, unrealised, without_entry
from ...errors import Note
from ...findings import chain, notes, rows_with
from ...ledger import ORDERS, Line, Margin
from ...market import OPTION, Market
from ...orders import loss
from ...params import Params
from ...position_checks import isolated_legs
from ...registry import Ready, Setting, margin_model
from ...scopes import Found
from . import account, stress
from .account import Account
from .payloads import CONTINGENCIES, loaded
from .stress import DAY, REFERENCE_DAYS, Stress, several, short_calls_or_puts

SAYS = {
    "option_contingency": "contingency of short options",
    "vega_contingency": "contingency of vega over expiries",
    "delta_contingency": "contingency of delta over expiries",
    "usdt_usdc_contingency": "contingency of USDT against USDC",
}


@margin_model(
    "bybit.portfolio",
    needs={
        "perp": "mark scope_index",
        "future": "mark scope_index",
        "option": "mark forward iv scope_index",
        "balance": "price",
        "settle": "price",
    },
    settings={
        "spot_hedging": Setting("off", "whether spot of the underlying hedges its unit", ("on", "off")),
        **{name: Setting(np.nan, f"{text} as the venue shows it, in USD") for name, text in SAYS.items()},
    },
    exceptions={"scaling": "collateral ratios are progressive"},
    scoped=True,
    evidence="BTC grid exact to the official sample; other contingencies the user's",
    title="Bybit portfolio margin",
)
def portfolio(book: Book, ready: Ready) -> Margin:
    """Largest loss over prices and volatilities, contingencies, and margin on what is borrowed."""
    held = Account(book, ready, np.ones(len(book), bool))
    risk = Stress(held, book.settings["spot_hedging"] == "on")
    p = ready.params
    units = Line.total("Risk units", risk.line(cite=p.cite("moves", "vol_up", "vol_down")), *_contingencies(risk))
    owing, owing_initial = held.debts()
    maintenance = Line.total("Maintenance margin", units, owing)
    uplift = units.scaled("Initial factor", p["initial_factor"] - 1.0, book, cite=p.cite("initial_factor"))
    initial = Line.total("Initial margin", units, uplift, owing_initial)
    first, which = risk.largest()
    currency = np.full(len(book), "USD", object)
    return Margin(
        _equity(held),
        initial,
        maintenance,
        currency=currency,
        worst=which,
        grid=risk.grid(first, which),
        notes=_notes(risk, held),
    )


def _contingencies(risk: Stress) -> list[Line]:
    """Futures by rate; the others as the account or the loaded payload states them, laid on the legs by value."""
    book, market, p = risk.book, risk.market, risk.ready.params
    legs, i = book.legs, book.legs.instrument
    size = np.abs(legs.quantity) * market["contract_size"][i]
    index = market.on_scope("index")[market.scope[i]]
    worth = np.where(market.inverse[i], size, size * index)
    futures = np.where(market.kind[i] == OPTION, 0.0, worth) * p["futures_contingency"]
    lines = [Line.of("Futures contingency", book, futures, formula="Σ |size| · index · rate")]
    total = book.sum(worth)
    for name in CONTINGENCIES:
        stated = _stated(risk, name)
        each = np.divide(stated, total, out=np.zeros(len(book)), where=total > 0)
        lines.append(Line.of(SAYS[name].capitalize(), book, worth * each[legs.row], cite=p.cite(name)))
    return lines


def _stated(risk: Stress, name: str) -> np.ndarray:
    """A contingency (R,): the account's figure, else the sum of its units' loaded ones; 0 where nobody states it."""
    loaded_ones = np.nan_to_num(risk.ready.read(name))[risk.group] if len(risk.nets) else np.zeros(0)
    own = risk.book.settings[name]
    return np.where(np.isnan(own), risk.nets.up(loaded_ones), own)


def _equity(held: Account) -> Line:
    """Equity after the collateral ratio: wallet, results, options at their marks, what open orders would lose."""
    book, market = held.book, held.market
    option = market.kind[book.legs.instrument] == OPTION
    price = market.settle_price()
    rate = price[book.legs.instrument]
    wallet, _, lost = held.wallet()
    losing = 0.0 - loss(book, market) * price[book.orders.instrument]
    result = np.where(option, book.legs.accrued, unrealised(book, market))
    return Line.total(
        "Equity",
        wallet,
        lost,
        split_results(book, result * rate),
        Line.of("Options at their marks", book, option_value(book, market) * rate),
        Line.of("Order loss", book, losing, ORDERS),
    )


def _notes(risk: Stress, held: Account) -> tuple[Note, ...]:
    book, market, p = risk.book, risk.market, risk.ready.params
    legs, i = book.legs, book.legs.instrument
    option = market.kind[i] == OPTION
    expiry = np.nan_to_num(market["expiry"], nan=0.0)[i]
    touched = {
        "option_contingency": short_calls_or_puts(risk.ready, risk),
        "vega_contingency": several(risk, np.where(option, expiry, np.nan)),
        "delta_contingency": several(risk, expiry),
        "usdt_usdc_contingency": several(risk, market.settle[i].astype(np.float64)),
    }
    near = option & (np.nan_to_num(market.seconds)[i] < REFERENCE_DAYS * DAY)
    hedging = np.zeros(len(book), bool)
    hedging[risk.row[risk.owned != 0]] = True
    missing = [
        (
            f"{SAYS[name]} has no published formula and is left out; give the venue's figure as {name}",
            p.cite(name),
            rows & np.isnan(book.settings[name]) & ~_is_loaded(risk, name),
        )
        for name, rows in touched.items()
    ]
    return notes(
        ("a position has no entry price: its result since entry is not in equity", "", without_entry(book, market)),
        *missing,
        ("volatility moves below 30 days to expiry are inferred", p.cite("vol_power"), rows_with(legs, near)),
        ("spot counts only where it offsets a loss (one observation)", "", hedging),
        (
            "inverse contracts are inferred from the linear form",
            "",
            rows_with(legs, market.inverse[i] & (legs.quantity != 0)),
        ),
        (
            "margin of open orders is not known; only their loss at the mark is in equity",
            "",
            rows_with(book.orders, book.orders.quantity != 0),
        ),
        *held.notes(),
    )


def _is_loaded(risk: Stress, name: str) -> np.ndarray:
    """Rows (R,) whose units all have a loaded figure."""
    if not len(risk.nets):
        return np.ones(len(risk.book), bool)
    bare = np.isnan(risk.ready.read(name))[risk.group]
    return risk.nets.up(bare.astype(np.float64)) == 0


@portfolio.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Scenario results of every instrument, collateral ratios and borrowing tiers by asset."""
    return {**account.prepared(market, p), **stress.prepared(market, p)}


@portfolio.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Isolated legs and assets without collateral ratio."""
    everywhere = np.ones(len(book), bool)
    return chain(
        isolated_legs(book, market, everywhere, "the margin mode is one for the whole account"),
        account.problems(book, market, p, everywhere),
    )


@portfolio.loader
def load(payload: Any, p: Params) -> Params:
    """Parameters with a response of Bybit in place; that of portfolio-margin states the contingencies by coin."""
    return loaded(payload, p)
