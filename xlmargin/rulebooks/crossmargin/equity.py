"""What an account at two clearing houses holds: balances, and those that lie at one of them."""

from __future__ import annotations

import numpy as np

from ...book import Book
from ...collateral import unrealised
from ...ledger import CASH, Line
from ...market import ASSET, OPTION
from ...registry import Ready
from ...scopes import world_of_rows


def account_equity(book: Book, ready: Ready) -> Line:
    """Balances in the currency of the requirement and results of futures not yet settled."""
    market, legs = ready.market, book.legs
    kind = market.kind[legs.instrument]
    results = np.where((kind == OPTION) | (kind == ASSET), legs.accrued, unrealised(book, market))
    worth = book.cash.amount * market.price[book.cash.asset] / _price(book, ready)[book.cash.row]
    return Line.total("Equity", Line.of("Balances", book, worth, CASH), Line.of("Unsettled results", book, results))


def equity_at(book: Book, ready: Ready, house: str) -> np.ndarray:
    """Balances (R,) whose location is this house."""
    here = np.array([name == house for name in book.locations], bool)[book.cash.location]
    worth = book.cash.amount * ready.market.price[book.cash.asset] / _price(book, ready)[book.cash.row]
    return book.cash.sum(np.where(here, worth, 0.0))


def _price(book: Book, ready: Ready) -> np.ndarray:
    """USD price (R,) of the currency in which requirements stand; 1 where no instrument or balance names it."""
    market = ready.market
    asset = market.asset_numbers([ready.params["currency"]])[world_of_rows(book, market), 0]
    found = np.append(market.price, np.nan)[asset]
    return np.where(np.isfinite(found), found, 1.0)
