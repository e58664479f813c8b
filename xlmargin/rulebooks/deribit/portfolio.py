"""Deribit portfolio margin, segregated (S:PM) and cross (X:PM): a risk matrix a coin, roll and delta shocks.

Sources: https://support.deribit.com/hc/en-us/articles/25944756247837-Portfolio-Margin (opening part),
private/pme/simulate (response examples), 25944777203869-Cross-collateral-specifications.
How sure: futures cells, extended factors, aggregation, rounding and MM factor are checked to the last digit;
options in the matrix, the dampener, the delta shock and the growing roll shock are third party or inferred and noted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...collateral import option_value, unrealised
from ...errors import Problem
from ...ledger import Grid, Line, Margin
from ...market import OPTION, Market
from ...params import Params
from ...pricing import YEAR
from ...registry import Ready, margin_model
from .accounts import (
    CROSS,
    ORDER_SETTINGS,
    balance_lines,
    crossed,
    haircut_amounts,
    numeraire,
    one_pool_for_settings,
    order_lines,
    segregated,
    shared_notes,
)
from .doubts import doubts
from .matrix import (
    SHOCK_KEYS,
    base_size,
    by_coin,
    coins_of,
    contract_cells,
    contract_delta,
    damper,
    extended_factor,
    landing,
    moves,
)
from .shocks import delta_shock, roll_shock
from .worst import matrix_loss

NEEDS = {"perp": "mark index", "future": "mark index", "option": "mark index forward iv"}
FACTS: dict[str, Any] = {
    "params": "portfolio.toml",
    "settings": ORDER_SETTINGS,
    "scoped": True,
    "exceptions": {"scaling": "worst case is rounded to 9 decimals; dampener and delta shock are not linear"},
}
COIN_KEYS = (
    "price_range",
    "extended_table_factor",
    "extended_dampener",
    "annualised_move_risk",
    "min_annualised_move",
    "m_inc",
    "delta_total_liq_shock_threshold",
    "max_delta_shock",
    "pnl_offset",
    "max_offsetable_pnl",
    *SHOCK_KEYS,
)


@margin_model(
    "deribit.portfolio",
    needs=NEEDS,
    evidence="futures checked to the last published digit; options in the matrix third party",
    title="Deribit portfolio margin, segregated (S:PM)",
    **FACTS,
)
def portfolio(book: Book, ready: Ready) -> Margin:
    """Worst cell of a price × volatility and an extended table, plus roll and delta shocks, per settlement currency."""
    risk, grid, which = _risk_matrix(book, ready)
    initial = Line.total("Initial margin", risk, *order_lines(book), formula="risk matrix margin + order margins")
    return _verdict(book, ready, initial, risk, grid, which)


@margin_model(
    "deribit.cross_portfolio",
    needs=NEEDS | {"balance": "price", "settle": "price"},
    evidence="as deribit.portfolio; equity in the matrix checked against account totals within their rounding",
    title="Deribit portfolio margin, cross collateral (X:PM)",
    **FACTS,
)
def cross_portfolio(book: Book, ready: Ready) -> Margin:
    """One USD pool: each coin's matrix holds its contracts and its equity; worst cases of coins add up."""
    risk, grid, which = _risk_matrix(book, ready)
    cut = haircut_amounts(book, ready.market, ready.params)
    own = Line.total("Venue initial margin", risk, *order_lines(book))
    initial = Line.total("Initial margin", risk, *order_lines(book), cut, formula="risk matrix + orders + haircuts")
    margin = _verdict(book, ready, initial, risk, grid, which)
    margin.extras["venue initial"] = own
    return margin


def _verdict(book: Book, ready: Ready, initial: Line, risk: Line, grid: Grid | None, which: np.ndarray) -> Margin:
    p = ready.params
    relief = risk.scaled("Maintenance relief", p["mm_factor"] - 1.0, book, cite=p.cite("mm_factor"))
    return Margin(
        Line.total("Margin balance", *balance_lines(book, ready.market, with_options=True)),
        initial,
        Line.total("Maintenance margin", risk, relief, formula="mm_factor × risk matrix margin"),
        extras={"risk matrix margin": risk},
        currency=numeraire(book),
        worst=which,
        grid=grid,
        notes=(*shared_notes(book, ready.market), *doubts(book, ready, which)),
    )


def _risk_matrix(book: Book, ready: Ready) -> tuple[Line, Grid | None, np.ndarray]:
    lines, grid, which = matrix_loss(book, ready, equity_delta(book, ready))
    shocks = (roll_shock(book, ready), delta_shock(book, ready))
    formula = "Σ coins worst case (9 decimals) + roll shock + delta shock"
    return Line.total("Risk matrix margin", *lines, *shocks, formula=formula), grid, which


def equity_delta(book: Book, ready: Ready) -> tuple[np.ndarray, np.ndarray]:
    """USD delta of equity per balance (B,) and leg (H,) in a cross pool, of coins whose equity counts both ways."""
    market, cash, legs = ready.market, book.cash, book.legs
    counts = np.append(ready.asset_coin >= 0, False)
    inside = book.pool == CROSS
    balance = cash.amount * market.price[cash.asset] * (counts[cash.asset] & inside[cash.row])
    settle = market.settle[legs.instrument]
    option = market.kind[legs.instrument] == OPTION
    result = np.where(option, legs.accrued, unrealised(book, market)) + option_value(book, market)
    return balance, result * np.append(market.price, 0.0)[settle] * (counts[settle] & inside[legs.row])


def _prepare(market: Market, p: Params, cross: bool) -> dict[str, Any]:
    """Cells of every contract, dampers and shock rates by coin."""
    coins = coins_of(market, p, cross)
    table: dict[str, Any] = by_coin(p, coins, COIN_KEYS)
    reach = table["price_range"]
    table["move"], table["states"], width = moves(p, reach)
    table["factor"] = extended_factor(table["move"], reach, table["extended_table_factor"], width)
    table["land"] = landing(table["move"], reach, width)
    number = {name: u for u, name in enumerate(coins)}
    coin = np.array([number[str(u)] for u in market.scopes], np.int64)[market.scope]
    dollars = {k: _dollar(p, k) for k in ("extended_dampener", "pnl_offset", "max_offsetable_pnl")}
    return {
        "coins": coins,
        "coin": coin,
        "asset_coin": np.array([_equity_coin(p, str(a), number, cross) for a in market.assets], np.int64),
        "table": table,
        "width": width,
        "index": _index_by_coin(market, coins),
        "cells": contract_cells(market, coin, table, p, cross),
        "delta": contract_delta(market),
        "size": base_size(market),
        "damp_coin": damper(table["move"], reach, table["extended_dampener"], width),
        "damp_dollar": damper(table["move"], reach, np.full(len(coins), dollars["extended_dampener"]), width),
        "dollars": dollars,
        "expiry_of": market.group("scope", "expiry", market.settle)[0],
        "roll_rate": _roll_rate(market, coin, table),
        "cross": cross,
    }


def _dollar(p: Params, key: str) -> float:
    return float(p.get(key, "USD"))


def _equity_coin(p: Params, asset: str, number: dict[str, int], cross: bool) -> int:
    """Number of the coin whose matrix holds equity of ``asset``; −1 where equity has no side impact."""
    both = p.by.get(asset, {}).get("equity_side_impact") == "both"
    return number.get(asset, -1) if cross and both else -1


def _index_by_coin(market: Market, coins: list[str]) -> np.ndarray:
    """USD index of each coin in every world (W, U): of its contracts, else the asset's price."""
    index = np.append(market.on_scope("index"), np.nan)[market.scope_numbers(coins)]
    price = np.append(market.price, np.nan)[market.asset_numbers(coins)]
    return np.where(np.isnan(index), price, index)


def _roll_rate(market: Market, coin: np.ndarray, table: dict[str, Any]) -> np.ndarray:
    """max(min_annualised_move, e^(annualised_move_risk·T) − 1) by instrument (I,); T is 0 for perpetuals."""
    tau = np.nan_to_num(market.seconds) / YEAR
    return np.maximum(table["min_annualised_move"][coin], np.expm1(table["annualised_move_risk"][coin] * tau))


@portfolio.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Cells in each pool's own currency."""
    return _prepare(market, p, cross=False)


@cross_portfolio.prepare
def prepare_cross(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Cells in USD."""
    return _prepare(market, p, cross=True)


portfolio.pools(segregated)
cross_portfolio.pools(crossed)


@portfolio.check
def check(book: Book, market: Market, p: Params) -> list[tuple[Problem, np.ndarray]]:
    """A reported order margin belongs to one pool."""
    return one_pool_for_settings(book, market, cross=False)


@portfolio.loader
@cross_portfolio.loader
def load(payload: dict[str, Any], params: Params) -> Params:
    """Parameters with the venue's own ``model_params`` (private/pme/simulate) or ``public/pme/get_params`` in place.

    The JSON-RPC envelope may be there or not; unknown keys are refused with the nearest known one.
    """
    for key in ("result", "model_params"):
        payload = payload.get(key, payload)
    by: dict[str, dict[str, Any]] = {}
    for pair, values in _named(payload, "currency_pair", "currency_pairs").items():
        by.setdefault(pair.split("_")[0].upper(), {}).update(values)
    for currency, values in _named(payload, "currency", "currencies").items():
        by.setdefault(currency.upper(), {}).update(values)
    general = {k: v for k, v in payload.get("general", {}).items() if k in params.units}
    return params.override("venue payload", by=by, **general)


def _named(payload: dict[str, Any], *keys: str) -> dict[str, dict[str, Any]]:
    inner = payload.get("general", {})
    found = next((source[k] for source in (payload, inner) for k in keys if k in source), {})
    if isinstance(found, list):
        found = {item.pop("currency", item.pop("name", "")): item for item in (dict(x) for x in found)}
    return found
