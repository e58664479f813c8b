"""Deribit's account identities: pools, margin balance, haircuts.

Source: https://support.deribit.com/hc/en-us/articles/25944811317149-Margin-types-and-usage and
25944777203869-Cross-collateral-specifications; payloads of get_account_summary.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...collateral import option_value, unrealised, without_entry
from ...errors import Note, Problem
from ...ledger import CASH, Line
from ...market import OPTION, Market
from ...params import Params
from ...registry import Setting

CROSS = "cross"
ORDER_SETTINGS = {
    "open_orders_margin": Setting(0.0, "margin of open orders that the venue reports, in the pool's currency"),
    "mmp_margin": Setting(0.0, "margin of market-maker protection that the venue reports, in the pool's currency"),
    "spot_margin": Setting(0.0, "margin of spot orders that the venue reports, in the pool's currency"),
}


def segregated(book: Book, market: Market, p: Params, options: Any = None) -> Book:
    """One pool per settlement currency."""
    names = [str(a) for a in market.assets]
    order = market.settle[book.orders.instrument]
    return book.pooled(market.settle[book.legs.instrument], book.cash.asset, order, names)


def crossed(book: Book, market: Market, p: Params, options: Any = None) -> Book:
    """One USD pool of all cross-collateral currencies; any other asset is a pool of its own."""
    inside = np.array([_is_cross(p, str(a)) for a in market.assets], bool)
    names = [CROSS, *(str(a) for a in market.assets)]
    key = np.where(inside, 0, np.arange(1, len(inside) + 1))
    legs, orders = (key[market.settle[t.instrument]] for t in (book.legs, book.orders))
    return book.pooled(legs, key[book.cash.asset], orders, names)


def _is_cross(p: Params, asset: str) -> bool:
    return "haircut" in p.by.get(asset, {})


def price_of_assets(book: Book, market: Market) -> np.ndarray:
    """Value of each asset in a row's numeraire as a function of the row: (R, C), USD in a cross pool, else 1."""
    cross = (book.pool == CROSS)[:, None]
    return np.where(cross, market.price[None, :], 1.0)


def numeraire(book: Book) -> np.ndarray:
    """Currency of each row (R,)."""
    return np.where(book.pool == CROSS, "USD", book.pool)


def balance_lines(book: Book, market: Market, with_options: bool) -> list[Line]:
    """Wallet and results of futures (and options at mark) in the pool's currency."""
    value = price_of_assets(book, market)
    crow, row, settle = book.cash.row, book.legs.row, market.settle[book.legs.instrument]
    rate = value[row, settle]
    is_option = market.kind[book.legs.instrument] == OPTION
    result = np.where(is_option, book.legs.accrued, unrealised(book, market))
    lines = [
        Line.of("Balance", book, book.cash.amount * value[crow, book.cash.asset], CASH),
        Line.of("Session result of futures", book, result * rate),
    ]
    return [*lines, option_line(book, market)] if with_options else lines


def option_line(book: Book, market: Market) -> Line:
    """Options at mark in the pool's currency: an asset where long, a debt where short."""
    row, settle = book.legs.row, market.settle[book.legs.instrument]
    return Line.of("Options value", book, option_value(book, market) * price_of_assets(book, market)[row, settle])


def haircut_amounts(book: Book, market: Market, p: Params) -> Line:
    """What haircuts take from positive balances in a cross pool, as a requirement of initial margin."""
    rate = np.array([p.by.get(str(a), {}).get("haircut", 0.0) for a in market.assets], np.float64)
    worth = book.cash.amount * price_of_assets(book, market)[book.cash.row, book.cash.asset]
    inside = book.pool[book.cash.row] == CROSS
    cut = np.where(inside, np.maximum(worth, 0.0) * rate[book.cash.asset], 0.0)
    return Line.of("Collateral haircut", book, cut, CASH, cite=p.cite("haircut"))


def order_lines(book: Book) -> list[Line]:
    """What the venue reports beside positions: open orders, market-maker protection, spot orders."""
    titles = {
        "open_orders_margin": "Open orders",
        "mmp_margin": "Market-maker protection",
        "spot_margin": "Spot orders",
    }
    return [Line(title, book.settings[key].astype(np.float64)) for key, title in titles.items()]


def shared_notes(book: Book, market: Market) -> list[Note]:
    """Notes of both kinds of account."""
    notes = []
    bare = without_entry(book, market)
    if bare.any():
        notes.append(Note("a future has no entry price: its session result is not in the margin balance", "", bare))
    ordered = (book.orders.sum(np.ones(len(book.orders))) > 0) & (book.settings["open_orders_margin"] == 0)
    if ordered.any():
        text = "how open orders are margined is not published: give open_orders_margin in the accounts table"
        notes.append(Note(text, "", ordered))
    return notes


def one_pool_for_settings(book: Book, market: Market, cross: bool) -> list[tuple[Problem, np.ndarray]]:
    """A reported order margin belongs to one pool: an account with several must be split."""
    found = []
    settle = market.settle[book.legs.instrument]
    for name in ORDER_SETTINGS:
        given = book.settings.get(name)
        if given is None or cross:
            continue
        for r in range(len(book)):
            if given[r] in (None, "", 0, 0.0) or given[r] != given[r]:
                continue
            pools = set(settle[book.legs.row == r]) | set(book.cash.asset[book.cash.row == r])
            if len(pools) > 1:
                words = ", ".join(sorted(str(market.assets[c]) for c in pools))
                message = f"{name} is one number, but {book.account[r]} has the pools {words}: split the account"
                problem = Problem("accounts", 0, name, given[r], message, str(book.account[r]))
                found.append((problem, r))
    return found
