"""Bybit's unified account in cross and isolated margin: risk tiers, the hedged quantity free but for its fees, options.

Sources: Glossary of the Unified Trading Account (2026-03-13: rates, order loss), The New Margin Calculation
(2025-09-18: value at the mark, fee to close), risk-limit endpoint, option articles 1546 and 1735. How sure: rates,
one-way initial margin and options official; the cross maintenance row inferred from the initial one; the hedge rule is
a closed form that reproduces live rows to 1e-8; margin of open orders and of borrowed assets inferred or sampled.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ... import closed_form
from ...book import Book
from ...collateral import split_results, without_entry
from ...errors import Note
from ...findings import chain, notes, on_legs, rows_with, setting_is, setting_number
from ...ledger import ORDERS, Line, Margin
from ...market import OPTION, PERP, Market
from ...orders import loss
from ...params import Params
from ...pools import currency_of_rows, settled
from ...position_checks import hedge_legs, isolated_legs, leverage_above, missing_tables, no_hedge_legs, past_the_top
from ...registry import Ready, Setting, margin_model
from ...scopes import Found
from ...tiers import Tiers, contracts
from . import account, options
from .held import ISOLATED, Held
from .liquidation import liquidation_price
from .payloads import loaded

__all__ = ["cross", "liquidation_price", "liquidation_prices"]

TIER_RULE = "value of the unhedged quantity · MMR − deduction"
HEDGE_RULE = "closed form fitted to ten live rows (2026-05-17) and one of 2023-11; not found in official text"


@margin_model(
    "bybit.cross",
    needs={"perp": "mark", "future": "mark", "option": "mark scope_index", "balance": "price?"},
    settings={
        "mode": Setting("", "margin mode of the account; read from the legs unless given", ("cross", ISOLATED)),
        "position_mode": Setting("", "position mode; read from the legs unless given", ("one-way", "hedge")),
        "leverage": Setting(np.nan, "leverage of legs that state none"),
        "taker": Setting(np.nan, "taker fee of the account (fraction); the regular one unless given"),
    },
    exceptions={
        "merging never raises": "risk tiers are progressive: a larger position pays a higher rate on its top slice",
        "scaling": "risk tiers and collateral ratios are progressive",
    },
    evidence="official formulas; hedge rule fitted to live rows; two risk-limit tables",
    title="Bybit unified account, cross and isolated margin",
)
def cross(book: Book, ready: Ready) -> Margin:
    """Position value at its risk tier less the deduction plus the fee to close, against discounted margin balance."""
    held = Held(book, ready)
    owing, owing_initial = held.account.debts()
    fee = Line.of("Fee to close", book, held.fee * held.rate, formula="(q + hedged) · entry · (1 ∓ 1/leverage) · taker")
    maintenance = Line.total(
        "Maintenance margin",
        Line.of(
            "Risk tiers", book, held.charge * held.rate, formula="value · MMR − deduction", cite=held.cite("tiers")
        ),
        fee,
        Line.of("Short options", book, held.option_maintenance * held.rate, cite=held.cite("option_maintenance")),
        owing,
    )
    initial = Line.total(
        "Initial margin",
        Line.of("Positions", book, held.initial * held.rate, formula="value / leverage"),
        fee,
        Line.of("Short options", book, held.option_initial * held.rate, cite=held.cite("option_most", "option_least")),
        owing_initial,
        *held.orders(),
    )
    wallet, posted, lost = held.account.wallet()
    losing = 0.0 - loss(book, ready.market) * held.order_rate * (held.order_kind != OPTION)
    equity = Line.total(
        "Margin balance",
        wallet,
        posted,
        lost,
        split_results(book, held.result * held.rate),
        Line.of("Order loss", book, losing, ORDERS, formula="Σ min(0, result of a fill at the mark)"),
    )
    currency = currency_of_rows(book, ready.market, held.usd)
    return Margin(equity, initial, maintenance, currency=currency, notes=_notes(held))


def _notes(held: Held) -> tuple[Note, ...]:
    book, market, p = held.book, held.market, held.ready.params
    legs, orders = book.legs, book.orders
    i = legs.instrument
    hedge = rows_with(legs, held.hedged > 0)
    tall = rows_with(legs, (held.hedged > 0) & (held.ready.tiers.cum[held.tier] != 0))
    some, other_coin = held.size > 0, (market.underlying.astype(str) != "BTC")[i]
    turned = rows_with(legs, held.inverse & some) & (p["value_at"] == "mark")
    any_order = rows_with(orders, orders.quantity != 0)
    return notes(
        ("no leverage given: the highest that the tier allows is taken", "", rows_with(legs, held.silent & some)),
        ("a position has no entry price: its fee to close is taken at the mark", "", without_entry(book, market)),
        ("margin of hedged legs is a closed form fitted to live rows", HEDGE_RULE, hedge),
        ("above the first tier the deduction of hedged legs is inferred", HEDGE_RULE, tall),
        ("inverse contracts at the mark are inferred from the linear form", "", turned),
        ("margin of open orders is inferred: the worse side at its leverage with its fee", "", any_order),
        ("option factors are BTC's", held.cite("option_maintenance"), rows_with(legs, held.option & other_coin)),
        *held.account.notes(),
    )


@cross.prepare
def prepare(market: Market, p: Params, options_: dict[str, Any]) -> dict[str, Any]:
    """Risk tiers by instrument, option margins by unit, collateral and borrowing tiers by asset."""
    tiers = Tiers.of(p["tiers"], "bybit.cross tiers", inclusive=True)
    key = tiers.find(contracts(market))
    return {"tiers": tiers, "key": key, "units": options.units(market, p), **account.prepared(market, p)}


@cross.pools
def pools(book: Book, market: Market, p: Params, options_: dict[str, Any]) -> Book:
    """One USD pool; in isolated mode a wallet an asset, every leg its own."""
    mode = np.where(rows_with(book.legs, book.legs.isolated), ISOLATED, book.settings["mode"])
    mode = np.where(mode == "", "cross", mode).astype(object)
    return settled(replace(book, settings={**book.settings, "mode": mode}), market, mode != ISOLATED)


@cross.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Tiers, leverage, hedge legs, one margin mode an account, assets without collateral ratio."""
    names, legs = contracts(market), book.legs
    tiers = Tiers.of(p["tiers"], "bybit.cross tiers", inclusive=True)
    option = market.kind == OPTION
    key = np.where(option, 0, tiers.find(names))
    i = legs.instrument
    mark = market["mark"][i]
    size = np.abs(legs.quantity) * market["contract_size"][i]
    value = np.where(option[i], 0.0, np.where(market.inverse[i], size / mark, size * mark))
    own = np.where(option, -1, key)[i]
    settle = np.append(market.assets, "").astype(str)[market.settle]
    one_way = option | (settle == "USDC") | (market.inverse & (market.kind == PERP))
    isolated = rows_with(legs, legs.isolated) | setting_is(book, "mode", ISOLATED)
    crossing = rows_with(legs, ~legs.isolated) | setting_is(book, "mode", "cross")
    mixed = "the margin mode is one for the whole account, and other legs are cross"
    how = "give them with Model.load(risk-limit response) or Params.override"
    return chain(
        missing_tables(book, market, key, names, tiers, "bybit.cross risk tiers", how),
        past_the_top(book, market, value, tiers, own),
        leverage_above(book, market, value, tiers, own),
        _without_leverage(book, market, tiers, value, own),
        hedge_legs(book, market),
        no_hedge_legs(book, market, one_way, "at Bybit (USDT perpetuals and inverse futures have)"),
        isolated_legs(book, market, isolated & crossing, mixed),
        account.problems(book, market, p, ~isolated),
    )


def _without_leverage(book: Book, market: Market, tiers: Tiers, value: np.ndarray, key: np.ndarray) -> list[Found]:
    """Legs whose leverage nobody gives: not the leg, not the account, not the tier."""
    legs = book.legs
    top = np.where(key < 0, 1.0, tiers.leverage(value, key))
    bare = np.isnan(legs.leverage) & np.isnan(setting_number(book, "leverage")[legs.row]) & np.isnan(top)
    say = "missing for {}: its risk tiers do not say the highest one"
    return list(on_legs(book, market, bare, "leverage", lambda h: say.format(market.name[legs.instrument[h]])))


@cross.loader
def load(payload: Any, p: Params) -> Params:
    """Parameters with a risk-limit, collateral or position-tiers response of Bybit in place."""
    return loaded(payload, p)


def liquidation_prices(margin: Margin) -> np.ndarray:
    """Liquidation price of each isolated leg (H,) of ``margin.run.book``; NaN for others.

    Bybit calls its own cross figure an estimate and shows none for portfolio margin.
    """
    ready, book = margin.run.session.ready, margin.run.book
    held = Held(book, ready)
    nothing = np.zeros(len(book.legs))
    if ready.params["value_at"] == "mark":
        key = ready.key[book.legs.instrument]
        price = closed_form.prices(book, ready.market, margin.headroom, held.charge, ready.tiers, key)
    else:
        price = closed_form.at_rates(book, ready.market, margin.headroom, nothing, nothing, nothing)
    return np.where(book.legs.isolated & (price > 0), price, np.nan)
