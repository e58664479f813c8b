"""Equity: what the holdings of a row are worth, asset by asset, before and after the venue's haircuts."""

from __future__ import annotations

import numpy as np

from .book import Book
from .ledger import CASH, LEGS, Line
from .market import OPTION, Market
from .pricing import profit


def unrealised(book: Book, market: Market) -> np.ndarray:
    """Result since entry per leg (H,) in its settlement asset, with what is accrued; 0 where no entry is known."""
    legs = book.legs
    i = legs.instrument
    result = profit(legs.quantity, market["contract_size"][i], legs.entry, market["mark"][i], market.inverse[i])
    return np.nan_to_num(np.where(legs.quantity == 0, 0.0, result), nan=0.0) + legs.accrued


def option_value(book: Book, market: Market) -> np.ndarray:
    """Mark value per leg (H,) of options in their settlement asset; 0 for other legs."""
    i = book.legs.instrument
    value = book.legs.quantity * market["contract_size"][i] * market["mark"][i]
    return np.where(market.kind[i] == OPTION, value, 0.0)


def without_entry(book: Book, market: Market) -> np.ndarray:
    """Rows (R,) that hold a future or perpetual with no entry price, so that its result is not in equity."""
    legs = book.legs
    bare = np.isnan(legs.entry) & (market.kind[legs.instrument] != OPTION) & (legs.quantity != 0)
    return book.sum(bare.astype(np.float64)) > 0


def wallet(book: Book, price: np.ndarray, name: str = "Wallet") -> Line:
    """Balances at ``price`` (C,) a unit."""
    return Line.of(name, book, book.cash.amount * price[book.cash.asset], CASH)


def results(name: str, book: Book, amounts: np.ndarray, price: np.ndarray) -> Line:
    """Amounts per leg (H,) times ``price`` (H,) of their settlement asset."""
    return Line.of(name, book, amounts * price, LEGS)


def by_asset(book: Book, market: Market, cash: np.ndarray, legs: np.ndarray) -> np.ndarray:
    """Amounts per balance and per leg added up by row and asset (R, C); legs count under their settlement asset."""
    assets = len(market.assets)
    key = book.cash.row * assets + book.cash.asset
    settle = book.legs.row * assets + market.settle[book.legs.instrument]
    total = np.bincount(key, cash, len(book) * assets) + np.bincount(settle, legs, len(book) * assets)
    return total.reshape(len(book), assets)
