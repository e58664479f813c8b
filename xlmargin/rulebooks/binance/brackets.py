"""What Binance's three models share: brackets per contract, leverage, open orders, checks and the bracket payload."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...book import Book
from ...collateral import notional, unrealised
from ...errors import InputError
from ...findings import rows_with
from ...ledger import ORDERS, Line
from ...market import Market
from ...orders import loss, of_position, opening
from ...orders import notional as order_value
from ...params import Params
from ...position_checks import hedge_legs, leverage_above, missing_tables, past_the_top
from ...registry import Ready, Setting
from ...scopes import Found
from ...symbols import parse
from ...tiers import Tiers, contracts, merged

ORDER_RULE = "Binance FAQ 4f83b65d83654b5e933f85ef12bf769d (2022-12-06)"
LEVERAGE = Setting(np.nan, "leverage of legs that state none")
POSITION_MODE = Setting("", "position mode: one-way or hedge; read from the legs unless given", ("one-way", "hedge"))


class Held:
    """A book under brackets: notional, bracket and leverage per leg and order, in settlement assets.

    ``rate`` (H,) and ``order_rate`` (O,) turn a settlement asset into the currency of the row.
    """

    def __init__(self, book: Book, ready: Ready, usd: np.ndarray) -> None:
        market, tiers, legs, orders = ready.market, ready.tiers, book.legs, book.orders
        self.book, self.market, self.p, self.usd = book, market, ready.params, usd
        self.signed = notional(book, market)
        self.size = np.abs(self.signed)
        at = tiers.bracket(self.size, ready.key[legs.instrument])
        self.charge = np.where(self.size > 0, self.size * tiers.rate[at] - tiers.cum[at], 0.0)
        wished = book.settings["leverage"]
        self.silent = np.isnan(legs.leverage) & np.isnan(wished[legs.row])
        own = np.where(np.isnan(legs.leverage), wished[legs.row], legs.leverage)
        self.leverage = np.where(self.silent, tiers.max_leverage[at], own)
        self.result = unrealised(book, market)
        price = market.settle_price()
        self.rate = np.where(usd[legs.row], price[legs.instrument], 1.0)
        self.order_rate = np.where(usd[orders.row], price[orders.instrument], 1.0)

    def maintenance(self, name: str = "Brackets") -> Line:
        """Notional at its bracket's rate less the cumulative amount, leg by leg."""
        words = {
            "formula": "|notional| · rate − cum",
            "cite": self.p.cite("brackets", "brackets_usdm", "brackets_coinm"),
        }
        return Line.of(name, self.book, self.charge * self.rate, **words)

    def positions(self) -> Line:
        """Initial margin of positions."""
        return Line.of("Positions", self.book, self.size / self.leverage * self.rate, formula="|notional| / leverage")

    def orders(self, ready: Ready) -> Line:
        """Initial margin that open orders add, the worse side counting."""
        book, orders, tiers = self.book, self.book.orders, ready.tiers
        value = order_value(book, self.market)
        wished = book.settings["leverage"][orders.row]
        top = tiers.leverage(np.abs(value), ready.key[orders.instrument])
        leverage = of_position(book, self.market, self.leverage, np.where(np.isnan(wished), top, wished))
        amounts = opening(book, self.market, self.signed, value) / leverage * self.order_rate
        formula = "max(|position + buys|, |position − sells|) − |position|, / leverage"
        return Line.of("Open orders", book, amounts, ORDERS, formula=formula, cite=ORDER_RULE)

    def order_loss(self) -> Line:
        """What open orders would lose at the mark when they fill."""
        amounts = loss(self.book, self.market) * self.order_rate
        cite = "Binance FAQ 87fa7ee33b574f7084d42bd2ce2e463b"
        return Line.of("Open loss of orders", self.book, amounts, ORDERS, cite=cite)


def order_note(book: Book) -> tuple[str, str, np.ndarray]:
    """The doubt about short orders: text, source, rows (R,)."""
    short = rows_with(book.orders, (book.orders.quantity < 0) & ~book.orders.reduce_only)
    text = "short orders are taken at their limit price; Binance may assume a higher one, which needs the last price"
    return text, "Binance FAQ 87fa7ee33b574f7084d42bd2ce2e463b (copy of January 2026)", short


def prepared(market: Market, p: Params) -> dict[str, Any]:
    """The bracket tables and the number of each instrument's (I,)."""
    table = p["brackets"] if "brackets" in p else merged(p["brackets_usdm"], p["brackets_coinm"])
    tiers = Tiers.of(table, f"{p.model} brackets")
    return {"tiers": tiers, "key": tiers.find(contracts(market))}


def problems(book: Book, market: Market, p: Params) -> Iterator[Found]:
    """Missing bracket tables, positions beyond the top one, leverage above what the bracket allows, hedge legs."""
    made, names = prepared(market, p), contracts(market)
    tiers, key, size = made["tiers"], made["key"], np.abs(notional(book, market))
    how = "give them with Model.load(leverageBracket response) or Params.override"
    yield from missing_tables(book, market, key, names, tiers, f"{p.model} brackets", how)
    yield from past_the_top(book, market, size, tiers, key[book.legs.instrument])
    yield from leverage_above(book, market, size, tiers, key[book.legs.instrument])
    yield from hedge_legs(book, market)


def loaded(payload: Any, p: Params, unit: str, table: str = "brackets") -> Params:
    """Parameters with the brackets of a leverageBracket response (USD-M, COIN-M or portfolio margin).

    ``payload`` is the JSON as served: one symbol or a list of them. ``unit`` names the fields of a bracket's ends,
    "notional" or "qty"; ``table`` the parameter that they go to. The brackets are taken as served: a user's own
    ``notionalCoef`` is not applied again.
    Raises InputError where a field is missing, ParameterError where ``cum`` does not follow from the rates.
    """
    columns: dict[str, list[Any]] = {c: [] for c in ("key", "floor", "cap", "rate", "max_leverage", "cum")}
    for entry in payload if isinstance(payload, list) else [payload]:
        try:
            for bracket in entry["brackets"]:
                _append(columns, entry["symbol"], bracket, unit)
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"leverageBracket response: {error} in {str(entry)[:200]}") from None
    names = ", ".join(dict.fromkeys(columns["key"]))
    brackets = merged(p[table], columns)
    Tiers.of(brackets, "leverageBracket response")
    return p.override(f"leverageBracket response: {names[:200]}", **{table: brackets})


def _append(columns: dict[str, list[Any]], symbol: str, b: dict[str, Any], unit: str) -> None:
    floor = b[f"{unit}Floor"] if f"{unit}Floor" in b else b[f"{unit}lFloor"]  # Binance's own spelling in COIN-M
    row = (floor, b[f"{unit}Cap"], b["maintMarginRatio"], b["initialLeverage"], b.get("cum", np.nan))
    columns["key"].append(_contract(symbol))
    for name, cell in zip(list(columns)[1:], row, strict=True):
        columns[name].append(float(cell))


def _contract(symbol: str) -> str:
    """Binance's symbol as the key of the tables: BTCUSDT, BTCUSDT_261225, BTCUSD_PERP."""
    s = parse(symbol, "binance")
    date = symbol.partition("_")[2]
    return f"{s.underlying}/{s.quote}:{s.settle}" + (f"-{date}" if date.isdigit() else "")
