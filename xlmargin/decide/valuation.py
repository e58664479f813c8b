"""What a pool is worth before any haircut, and its positions' size, in the pool's own currency."""

from __future__ import annotations

import numpy as np

from ..book import Book
from ..collateral import unrealised
from ..errors import InputError, Problem
from ..lending import signed
from ..market import Market
from .trades import PAID_IN_FULL, marks, worth


def rates(market: Market, currency: str) -> np.ndarray:
    """Units of ``currency`` per unit of each asset (C,); NaN where a price is not known."""
    price = dict(zip(map(str, market.assets), market.price, strict=True)) | {"USD": 1.0}
    unit = price.get(currency, np.nan)
    return np.where(market.assets == currency, 1.0, market.price / unit)


def value(book: Book, market: Market, currency: str) -> np.ndarray:
    """Worth of each row (R,): balances less loans, options, spot at their marks, results of futures since entry.

    Raises InputError where an asset that is held has no price in ``currency``.
    """
    legs, rate = book.legs, rates(market, currency)
    mark = marks(market)[legs.instrument]
    full = np.isin(market.kind[legs.instrument], PAID_IN_FULL)
    paid = worth(market, legs.instrument, legs.quantity, legs.entry, mark) + legs.accrued
    amounts = np.where(full, paid, unrealised(book, market))
    settle = np.append(rate, np.nan)[market.settle[legs.instrument]]
    total = book.cash.sum(_times(signed(book), rate[book.cash.asset])) + book.sum(_times(amounts, settle))
    if np.isnan(total).any():
        bare = ", ".join(sorted({str(a) for a in market.assets[np.isnan(rate)]}))
        raise InputError([Problem("assets", 0, "price", None, f"no price in {currency} for {bare}")])
    return total


def _times(amounts: np.ndarray, rate: np.ndarray) -> np.ndarray:
    return np.where(amounts == 0, 0.0, amounts * rate)


def notional(book: Book, market: Market, currency: str) -> np.ndarray:
    """Size of each leg (H,) at the mark in ``currency``, positive: what fees and slippage are a fraction of."""
    i = book.legs.instrument
    size = np.abs(book.legs.quantity) * market["contract_size"][i]
    mark = marks(market)[i]
    turned = market.inverse[i] & ~np.isin(market.kind[i], PAID_IN_FULL)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(turned, size / mark, size * mark)
    return _times(own, np.append(rates(market, currency), np.nan)[market.settle[i]])
