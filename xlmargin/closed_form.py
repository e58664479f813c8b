"""Liquidation prices that venues publish in closed form: equity less maintenance, linear in one price, set to zero.

The general search over any model is another file's work; these are the checks that it must agree with.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .book import Book
from .market import Market
from .tiers import Tiers

ROUNDS = 64


def linear(free: np.ndarray, quantity: np.ndarray, entry: np.ndarray, rate: np.ndarray, cum: np.ndarray) -> np.ndarray:
    """Price at which legs of one linear contract use up their pool.

    Parameters: ``free`` (N,) wallet − maintenance + result of all other positions; ``quantity`` (N, L) signed size in
    the underlying; ``entry``, ``rate``, ``cum`` (N, L), the maintenance of a leg being |q|·price·rate − cum.
    LP = [free + Σ(cum − q·entry)] / Σ(|q|·rate − q). Not positive where no price liquidates.

    >>> linear(np.array([10.0]), *np.array([[[1.0]], [[100.0]], [[0.1]], [[0.0]]]))
    array([100.])
    """
    return _ratio(free + (cum - quantity * entry).sum(-1), (np.abs(quantity) * rate - quantity).sum(-1))


def inverse(free: np.ndarray, quantity: np.ndarray, entry: np.ndarray, rate: np.ndarray, cum: np.ndarray) -> np.ndarray:
    """The same for an inverse contract: ``quantity`` (N, L) in the quote currency, the rest in the coin.

    LP = Σ(|q|·rate + q) / [free + Σ(cum + q/entry)].
    """
    return _ratio((np.abs(quantity) * rate + quantity).sum(-1), free + (cum + quantity / entry).sum(-1))


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom != 0)


def by_bracket(
    price_of: Callable[[np.ndarray, np.ndarray], np.ndarray],
    size_at: Callable[[np.ndarray], np.ndarray],
    tiers: Tiers,
    key: np.ndarray,
    start: np.ndarray,
) -> np.ndarray:
    """Iterate the brackets until each holds the size at the price that it gives.

    ``price_of(rate, cum)`` solves with the brackets' numbers (N, L); ``size_at(price)`` (N, L) is what the brackets
    are looked up by; ``key`` (N, L); ``start`` (N,) the first guess, such as the mark.
    """
    price, at = start, None
    for _ in range(ROUNDS):
        found = tiers.bracket(size_at(np.maximum(np.nan_to_num(price), 0.0)), key)
        if at is not None and np.array_equal(found, at):
            break
        at = found
        price = price_of(tiers.rate[at], tiers.cum[at])
    return price


def prices(
    book: Book,
    market: Market,
    headroom: np.ndarray,
    charge: np.ndarray,
    tiers: Tiers,
    key: np.ndarray,
    fee: float = 0.0,
) -> np.ndarray:
    """Liquidation price of each leg (H,) from a margin already known, all other instruments staying at their marks.

    Parameters: ``headroom`` (R,) equity − maintenance of the pool; ``charge`` (H,) maintenance of each leg that
    moves with its price; ``tiers`` and ``key`` (H,) its brackets, looked up by notional; ``fee`` added to every rate.
    Both legs of a hedge share one price. NaN where no positive price liquidates.
    """
    nets = book.split(np.arange(len(market)))
    i = nets.group
    turned = market.inverse[i]
    mark = market["mark"][i]
    size = book.legs.quantity * market["contract_size"][book.legs.instrument]
    free = headroom[nets.row] + nets.sum(charge)

    def price_of(rate: np.ndarray, cum: np.ndarray) -> np.ndarray:
        slope, fixed, net = nets.sum(np.abs(size) * (rate + fee)), nets.sum(cum), nets.sum(size)
        straight = _ratio(free + fixed - net * mark, slope - net)
        return np.where(turned, _ratio(slope + net, free + fixed + net / mark), straight)

    def size_at(price: np.ndarray) -> np.ndarray:
        at = np.maximum(price, 1e-300)[nets.net]
        return np.where(turned[nets.net], np.abs(size) / at, np.abs(size) * at)

    price = by_bracket(price_of, size_at, tiers, key, mark)
    return np.where(price > 0, price, np.nan)[nets.net]
