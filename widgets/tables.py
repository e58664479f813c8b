"""From a book and a market back to the tables that they were read from, so that a user can edit them."""

from __future__ import annotations

from typing import Any

import numpy as np

from xlmargin.book import Book
from xlmargin.crif_book import IDENTITY, REGULATIONS
from xlmargin.facts import NUMBERS
from xlmargin.market import KIND, OPTION, SENSITIVITY, SIZE_NOT_GIVEN, Market

SIDE = {0: "", 1: "long", -1: "short"}
CASH = ("wallet", "loan", "supplied")
KIND_NAME = {number: name for name, number in KIND.items()}

Columns = dict[str, list[Any]]


def tables_of(book: Book, market: Market) -> dict[str, Columns]:
    """Tables that give the same book and market again; positions in the order in which the user had them."""
    return {
        "positions": _positions(book, market),
        "balances": _balances(book, market),
        "instruments": _instruments(market),
        "assets": _assets(market),
        "accounts": _accounts(book),
        "orders": _orders(book, market),
        "crif": _sensitivities(book, market),
    }


def _positions(book: Book, market: Market) -> Columns:
    legs = book.legs
    order = np.argsort(legs.sheet_row, kind="stable")
    order = order[market.kind[legs.instrument[order]] != SENSITIVITY]
    return {
        "instrument": market.name[legs.instrument][order].tolist(),
        "quantity": legs.quantity[order].tolist(),
        "entry_price": _numbers(legs.entry[order]),
        "account": book.account[legs.row][order].tolist(),
        "side": [SIDE[int(s)] for s in legs.side[order]],
        "margin_mode": ["isolated" if i else "" for i in legs.isolated[order]],
        "leverage": _numbers(legs.leverage[order]),
        "posted_margin": _filled(legs.posted[order]),
        "accrued": _filled(legs.accrued[order]),
    }


def _sensitivities(book: Book, market: Market) -> Columns:
    """Sensitivities as rows of a CRIF, already in USD and netted."""
    legs = book.legs
    held = np.flatnonzero(market.kind[legs.instrument] == SENSITIVITY)
    if not len(held):
        return {}
    factor = legs.instrument[held]
    return {
        "account": book.account[legs.row[held]].tolist(),
        **{name: market.texts[name][factor].tolist() for name in (*IDENTITY, *REGULATIONS)},
        "amount_usd": legs.quantity[held].tolist(),
        "end_date": _numbers(market["expiry"][factor]),
    }


def _orders(book: Book, market: Market) -> Columns:
    orders = book.orders
    order = np.argsort(orders.sheet_row, kind="stable")
    return {
        "instrument": market.name[orders.instrument][order].tolist(),
        "quantity": orders.quantity[order].tolist(),
        "limit_price": orders.price[order].tolist(),
        "account": book.account[orders.row][order].tolist(),
        "side": [SIDE[int(s)] for s in orders.side[order]],
        "reduce_only": ["yes" if r else "" for r in orders.reduce_only[order]],
    }


def _balances(book: Book, market: Market) -> Columns:
    cash = book.cash
    order = np.argsort(cash.sheet_row, kind="stable")
    return {
        "asset": market.assets[cash.asset][order].tolist(),
        "amount": cash.amount[order].tolist(),
        "kind": ["" if k == 0 else CASH[int(k)] for k in cash.kind[order]],
        "account": book.account[cash.row][order].tolist(),
        "location": [book.locations[int(w)] for w in cash.location[order]],
    }


def _instruments(market: Market) -> Columns:
    market = market.take(np.flatnonzero(market.kind != SENSITIVITY))
    option = market.kind == OPTION
    scope = market.scopes[market.scope] if len(market) else np.zeros(0, object)
    words = {
        "instrument": market.name,
        "kind": [KIND_NAME[int(k)] for k in market.kind],
        "underlying": market.underlying,
        "settle": np.append(market.assets, "")[market.settle],
        "option_type": np.where(option, np.where(market.call, "C", "P"), ""),
        "scope": np.where(scope == market.underlying, "", scope),
        **{name: cells for name, cells in market.texts.items() if name not in (*IDENTITY, *REGULATIONS)},
    }
    sized = np.where(market.column(SIZE_NOT_GIVEN, 0.0) > 0, np.nan, market["contract_size"])
    columns = {**market.columns, "contract_size": sized}
    numbers = {name: _numbers(values) for name, values in columns.items() if name not in ("call", SIZE_NOT_GIVEN)}
    known = [*(n for n in NUMBERS if n in numbers), *(n for n in numbers if n not in NUMBERS)]
    return {name: list(cells) for name, cells in words.items()} | {name: numbers[name] for name in known}


def _assets(market: Market) -> Columns:
    priced = np.isfinite(market.price)
    columns = {name: _numbers(values[priced]) for name, values in market.asset_columns.items()}
    follows = {} if market.follows is None else {"follows": market.follows[priced].tolist()}
    return {"asset": market.assets[priced].tolist(), **columns, **follows}


def _accounts(book: Book) -> Columns:
    return {"account": book.account.tolist(), **{name: list(cells) for name, cells in book.settings.items()}}


def _numbers(values: np.ndarray) -> list[float | None]:
    """Numbers with None for what is missing."""
    return [None if v != v else v for v in values.tolist()]


def _filled(values: np.ndarray) -> list[float | None]:
    """Numbers with None for zero, where zero is what an empty cell means."""
    return [v or None for v in values.tolist()]
