"""What one contract gains when the underlyings move: full revaluation, and the first-order exposure."""

from __future__ import annotations

import numpy as np

from ...market import OPTION, Market
from ...pricing import YEAR, black76, greeks


def gains(market: Market, moves: np.ndarray, underlying: np.ndarray, settle: np.ndarray) -> np.ndarray:
    """US dollars that one contract (I,) gains in each scenario, (I, S).

    ``moves`` (S, K) are log moves by column; ``underlying`` and ``settle`` (I,) say which column an instrument and
    its settlement asset follow (−1: constant). Linear: size·mark·(f − 1); inverse: size·(1 − 1/f)/mark; options by
    Black-76 at the moved forward and today's volatility and time, inverse ones divided by that forward.
    """
    factor = np.exp(np.hstack([moves, np.zeros((len(moves), 1))])).T
    f, coin = factor[underlying], factor[settle]
    size = (market["contract_size"] * market.settle_price())[:, None]
    mark = market["mark"][:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.where(market.inverse[:, None], (1.0 - 1.0 / f) / mark, mark * (f - 1.0))
    o = np.flatnonzero(market.kind == OPTION)
    if len(o):
        change[o] = _option_gains(market, o, f[o])
    return size * change * coin


def _option_gains(market: Market, o: np.ndarray, f: np.ndarray) -> np.ndarray:
    forward, strike, call = (x[o, None] for x in (market["forward"], market["strike"], market.call))
    total_vol = (market["iv"] * np.sqrt(market.seconds / YEAR))[o, None]
    now = black76(forward, strike, total_vol, call)
    then = black76(forward * f, strike, total_vol, call)
    inverse = market.inverse[o, None]
    return np.where(inverse, then / (forward * f) - now / forward, then - now)


def exposure(market: Market) -> np.ndarray:
    """US dollars that one contract (I,) gains per unit of log move, at first order.

    The slope of ``gains`` at no move: size·mark, inverse size/mark, options size·delta·forward (inverse: less the
    coin value that a higher price takes away).
    """
    size = market["contract_size"] * market.settle_price()
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(market.inverse, 1.0 / market["mark"], market["mark"])
    o = np.flatnonzero(market.kind == OPTION)
    if len(o):
        forward, tau = market["forward"][o], market.seconds[o] / YEAR
        args = (forward, market["strike"][o], market["iv"][o], tau, market.call[o])
        delta = greeks(*args)["delta"]
        value = black76(forward, market["strike"][o], market["iv"][o] * np.sqrt(tau), market.call[o])
        slope[o] = np.where(market.inverse[o], delta - value / forward, delta * forward)
    return size * slope


def values(market: Market) -> np.ndarray:
    """Model value of one option in US dollars (I,); 0 for other kinds."""
    out = np.zeros(len(market))
    o = np.flatnonzero(market.kind == OPTION)
    if len(o):
        vol = market["iv"][o] * np.sqrt(market.seconds[o] / YEAR)
        value = black76(market["forward"][o], market["strike"][o], vol, market.call[o])
        value = np.where(market.inverse[o], value / market["forward"][o], value)
        out[o] = market["contract_size"][o] * value * market.settle_price()[o]
    return out
