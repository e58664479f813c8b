"""What an account at two clearing houses holds: balances, and those that lie at one of them."""

from __future__ import annotations

import numpy as np

from ...book import Book
from ...collateral import unrealised
from ...ledger import CASH, Line
from ...market import ASSET, OPTION
from ...registry import Ready


def account_equity(book: Book, ready: Ready) -> Line:
    """Balances in the currency of the requirement and results of futures not yet settled."""
    market, legs = ready.market, book.legs
    kind = market.kind[legs.instrument]
    results = np.where((kind == OPTION) | (kind == ASSET), legs.accrued, unrealised(book, market))
    worth = book.cash.amount * market.price[book.cash.asset] / _price(ready)
    return Line.total("Equity", Line.of("Balances", book, worth, CASH), Line.of("Unsettled results", book, results))


def equity_at(book: Book, ready: Ready, house: str) -> np.ndarray:
    """Balances (R,) whose location is this house."""
    here = np.array([name == house for name in book.locations], bool)[book.cash.location]
    worth = book.cash.amount * ready.market.price[book.cash.asset] / _price(ready)
    return book.cash.sum(np.where(here, worth, 0.0))


def _price(ready: Ready) -> float:
    """USD price of the currency in which requirements stand; 1 where no instrument or balance names it."""
    price = dict(zip(ready.market.assets, ready.market.price, strict=True))
    found = float(price.get(ready.params["currency"], 1.0))
    return found if np.isfinite(found) else 1.0
