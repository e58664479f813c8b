"""Equity: what the holdings of a row are worth, asset by asset, before and after the venue's haircuts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .book import Book, added
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
    total = added(key, cash, len(book) * assets) + added(settle, legs, len(book) * assets)
    return total.reshape(len(book), assets)


def notional(book: Book, market: Market) -> np.ndarray:
    """Signed value (H,) of each leg at the mark in its settlement asset (inverse: contracts ÷ mark)."""
    i = book.legs.instrument
    size = book.legs.quantity * market["contract_size"][i]
    mark = market["mark"][i]
    return np.where(market.inverse[i], size / mark, size * mark)


def split_results(book: Book, amounts: np.ndarray) -> Line:
    """Results per leg (H,) as what profit carries other positions and what loss they must carry."""
    return Line.total(
        "Unrealised result",
        Line.of("Profit, carrying other positions", book, np.maximum(amounts, 0.0)),
        Line.of("Loss, carried by the rest", book, np.minimum(amounts, 0.0)),
    )


def haircut(
    book: Book,
    market: Market,
    cash: np.ndarray,
    legs: np.ndarray,
    price: np.ndarray,
    counted: Callable[[np.ndarray], np.ndarray],
    where: np.ndarray,
    **words: str,
) -> Line:
    """What is not counted of each asset's positive sum, a line ≤ 0; a negative sum counts in full.

    Parameters: ``cash`` (B,) and ``legs`` (H,) amounts in their assets; ``price`` (C,); ``counted`` takes positive
    sums (R, C) and returns how much of each counts; ``where`` (R,) the rows with a haircut. Each balance and
    result bears its share of its asset's sum: −Σ amount · (X − counted(X)) / X · price, X > 0.
    """
    held = by_asset(book, market, cash, legs)
    lost = np.zeros_like(held)
    if where.any():
        np.divide(held - counted(np.maximum(held, 0.0)), held, out=lost, where=(held > 0) & where[:, None])
    np.multiply(lost, -price, out=lost, where=lost != 0)
    return spread("Collateral haircut", book, market, cash, legs, lost, **words)


def spread(
    name: str, book: Book, market: Market, cash: np.ndarray, legs: np.ndarray, unit: np.ndarray, **words: str
) -> Line:
    """An amount per unit of each row's assets (``unit`` (R, C)) laid on the balances and results that make them up.

    ``cash`` (B,) and ``legs`` (H,) are amounts in their assets; a line of two, on balances and on results.
    """
    on_cash, on_legs = np.zeros(len(cash)), np.zeros(len(legs))
    if unit.any():
        asset = market.settle[book.legs.instrument]
        on_cash = np.where(cash == 0, 0.0, cash * unit[book.cash.row, book.cash.asset])
        on_legs = np.where(legs == 0, 0.0, legs * unit[book.legs.row, asset])
    parts = (Line.of("On balances", book, on_cash, CASH, **words), Line.of("On results", book, on_legs, **words))
    return Line.total(name, *parts)


def owed(held: np.ndarray, charge: Callable[[np.ndarray], np.ndarray], where: np.ndarray) -> np.ndarray:
    """Charge per unit (R, C) of assets that are owed: ``charge`` takes debts (R, C) ≥ 0, ``held`` are the sums.

    charge(debt) / held where held < 0 and ``where`` (R,), else 0; times the holdings it adds up to the charge.
    """
    unit = np.zeros_like(held)
    debt = np.maximum(-held, 0.0)
    if where.any() and debt.any():
        np.divide(charge(debt), held, out=unit, where=(held < 0) & where[:, None])
    return unit
