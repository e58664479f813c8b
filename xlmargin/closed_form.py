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
TINY = 1e-300


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


def at_rates(
    book: Book, market: Market, headroom: np.ndarray, charge: np.ndarray, rate: np.ndarray, cum: np.ndarray
) -> np.ndarray:
    """Price of each leg (H,) at which its pool is used up, at known rates, all other instruments at their marks.

    Parameters: ``headroom`` (R,) equity − maintenance of the pool; ``charge`` (H,) what each leg adds to maintenance
    and moves with its price; ``rate`` and ``cum`` (H,) of that charge. Both legs of a hedge share one price.
    """
    nets = book.split(np.arange(len(market)))
    mark, turned = market["mark"][nets.group], market.inverse[nets.group]
    size = book.legs.quantity * market["contract_size"][book.legs.instrument]
    free = headroom[nets.row] + nets.sum(charge) + nets.sum(cum)
    slope, net = nets.sum(np.abs(size) * rate), nets.sum(size)
    straight = _ratio(free - net * mark, slope - net)
    return np.where(turned, _ratio(slope + net, free + net / mark), straight)[nets.net]


def prices(
    book: Book, market: Market, headroom: np.ndarray, charge: np.ndarray, tiers: Tiers, key: np.ndarray
) -> np.ndarray:
    """The same with brackets ``tiers`` looked up by notional in table ``key`` (H,), iterated until they hold.

    NaN where no positive price liquidates.
    """
    i = book.legs.instrument
    size = np.abs(book.legs.quantity * market["contract_size"][i])

    def size_at(price: np.ndarray) -> np.ndarray:
        at = np.maximum(price, TINY)
        return np.where(market.inverse[i], size / at, size * at)

    def price_of(rate: np.ndarray, cum: np.ndarray) -> np.ndarray:
        return at_rates(book, market, headroom, charge, rate, cum)

    price = by_bracket(price_of, size_at, tiers, key, market["mark"][i])
    return np.where(price > 0, price, np.nan)
