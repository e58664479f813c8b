"""How fast headroom can change at most as one target moves: what a search may leave out between two prices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...book import Book
from ...market import OPTION, SENSITIVITY, Market
from ..axis import VOLATILITY, Axis
from ..valuation import rates

TIMES = 3.0


def steepness(axis: Axis, book: Book, currency: np.ndarray, row: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Largest change of equity less requirement (P,) per unit of the factor of ``target``, in each row's currency.

    Equity changes by no more than the gross size of what moves, and no requirement by more than twice that, as none
    asks for more than what a position is worth and its premium. Infinite where results are not straight in the price
    (inverse contracts, coins as the unit of account, volatility, sensitivities) or a price is not known.

    steepness = 3 · Σ |quantity · size · price| of what the target moves.
    """
    if axis.kind == VOLATILITY or not len(row):
        return np.full(len(row), np.inf)
    rows, every = len(book), len(axis.names) - 1
    owner, moved, size = (np.concatenate(v) for v in zip(*_sizes(axis, book, currency), strict=True))
    some = moved >= 0
    owner, moved, size = owner[some], moved[some], np.where(np.isnan(size), np.inf, size)[some]
    both = np.concatenate([moved, np.full(len(moved), every)]) * rows + np.tile(owner, 2)
    known, number = np.unique(both, return_inverse=True)
    total = np.bincount(number, np.tile(size, 2), len(known))
    return TIMES * total[np.searchsorted(known, target * rows + row)]


def _sizes(axis: Axis, book: Book, currency: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Rows, the targets that move something there (−1: none) and its size: legs, orders, balances, unit of account."""
    market = axis.market
    words, kind = np.unique(currency.astype(str), return_inverse=True)
    rate = np.array([np.append(rates(market, word), np.nan) for word in words])
    unit = _unit(market)
    for table in (book.legs, book.orders):
        i = table.instrument
        settle, own = market.settle[i], axis.follows[i]
        size = np.abs(table.quantity) * unit[i] * rate[kind[table.row], settle]
        yield table.row, own, size
        for index in axis.of_index:
            first = index[market.scope[i]]
            yield table.row, np.where(first == own, -1, first), size
        yield table.row, axis.of_asset[settle], np.full(len(i), np.inf)
    cash = book.cash
    yield cash.row, axis.of_asset[cash.asset], np.abs(cash.amount) * rate[kind[cash.row], cash.asset]
    coin = axis.of_asset[market.asset_numbers(words)[0]]
    yield np.arange(len(book)), coin[kind], np.full(len(book), np.inf)


def _unit(market: Market) -> np.ndarray:
    """Size of a contract (I,) at the largest of its prices; infinite where results are not straight in the price."""
    prices = np.stack([np.where(market.kind == OPTION, np.nan, market["mark"]), market["forward"], market.spot()])
    price = np.fmax.reduce(np.abs(prices))
    return np.where(market.inverse | (market.kind == SENSITIVITY), np.inf, market["contract_size"] * price)
