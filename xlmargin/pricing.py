"""Black-76 and its kin on arrays: values, greeks, implied volatility, linear and inverse results.

Rates enter only through a discount factor: venues quote options on the forward of their expiry.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr

YEAR = 365 * 86400.0
LARGEST_TOTAL_VOL = 24.0
SMALLEST = 1e-18
CELLS_AT_ONCE = 40_000


def blocks(rows: int, width: int) -> Iterator[slice]:
    """Slices of rows so small that a grid of so many columns stays in the processor's cache while it is priced.

    >>> list(blocks(5, 20_000))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(1, CELLS_AT_ONCE // max(width, 1))
    return (slice(low, low + step) for low in range(0, rows, step))


def black76(
    forward: np.ndarray,
    strike: np.ndarray,
    total_vol: np.ndarray,
    call: np.ndarray,
    discount: np.ndarray | float = 1.0,
    moneyness: np.ndarray | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Value of a European option on a forward; all arguments broadcast.

    ``total_vol`` is volatility × √tau; ``moneyness`` is ln(strike / forward) where the caller has it already;
    ``out`` is where the values go, of the shape that all have together.
    Guards: strike 0, forward 0, total volatility at least 24 give the limits; results are never negative.

    value = D·w·(F·N(w·d1) − K·N(w·d2)), d1 = v/2 − ln(K/F)/v, d2 = d1 − v, w = 1 for calls and −1 for puts.
    Source: F. Black, The pricing of commodity contracts (1976); guards as lyra-utils Black76.sol.

    >>> round(float(black76(100.0, 100.0, 0.2, True)), 6)
    7.965567
    """
    if moneyness is None:
        moneyness = _moneyness(forward, strike)
    side = np.where(call, 1.0, -1.0)
    share = side * discount
    # Three arrays of the whole grid are worked in place: fresh memory costs as much as the arithmetic.
    shape = np.broadcast_shapes(*map(np.shape, (forward, strike, total_vol, call, discount, moneyness)))
    v, first, second = np.empty(shape) if out is None else out, np.empty(shape), np.empty(shape)
    np.maximum(total_vol, SMALLEST, out=v)
    certain = _certain(forward, strike, v)
    v *= side
    np.multiply(v, 0.5, out=first)
    first -= np.divide(moneyness, v, out=second)
    np.subtract(first, v, out=second)
    value = ndtr(first, out=v)
    value *= forward
    value *= share
    ndtr(second, out=second)
    second *= strike * share
    value -= second
    np.maximum(value, 0.0, out=value)
    if certain is not None:
        value[...] = _limits(value, forward, strike, certain, call, discount)
    return value


def _moneyness(forward: np.ndarray, strike: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(np.maximum(np.divide(strike, forward), SMALLEST))


def _certain(forward: np.ndarray, strike: np.ndarray, v: np.ndarray) -> np.ndarray | None:
    """Where the strike is 0 or the total volatility 24 or more; None if nowhere, and no forward is 0."""
    usual = np.min(strike, initial=1.0) > 0 and np.min(forward, initial=1.0) > 0
    if usual and np.max(v, initial=0.0) < LARGEST_TOTAL_VOL:
        return None
    return np.less_equal(strike, 0) | np.greater_equal(v, LARGEST_TOTAL_VOL)


def _limits(
    value: np.ndarray,
    forward: np.ndarray,
    strike: np.ndarray,
    certain: np.ndarray,
    call: np.ndarray,
    discount: np.ndarray | float,
) -> np.ndarray:
    """The value where nothing is left to chance: at strike 0, forward 0 and total volatility of 24 or more."""
    value = np.where(certain, np.where(call, forward, strike) * discount, value)
    return np.where(np.less_equal(forward, 0), np.where(call, 0.0, strike) * discount, value)


def greeks(
    forward: np.ndarray, strike: np.ndarray, vol: np.ndarray, tau: np.ndarray, call: np.ndarray
) -> dict[str, np.ndarray]:
    """Delta and gamma to the forward, vega per 1.00 of volatility, theta per day; undiscounted.

    delta = N(d1) (call) or N(d1) − 1 (put); gamma = n(d1)/(F·v); vega = F·n(d1)·√tau;
    theta = −F·n(d1)·vol/(2·√tau)/365.

    >>> round(float(greeks(100.0, 100.0, 0.2, 1.0, True)["vega"]), 4)
    39.6953
    """
    root = np.sqrt(np.maximum(tau, SMALLEST))
    v = np.maximum(vol * root, SMALLEST)
    d1 = 0.5 * v - _moneyness(forward, strike) / v
    with np.errstate(divide="ignore", invalid="ignore"):
        density = np.exp(-0.5 * d1 * d1) / np.sqrt(2 * np.pi)
        gamma = density / (forward * v)
    vega = forward * density * root
    delta = np.where(call, ndtr(d1), ndtr(d1) - 1.0)
    return {"delta": delta, "gamma": gamma, "vega": vega, "theta": -0.5 * vega * vol / np.maximum(tau, SMALLEST) / 365}


def implied_volatility(
    price: np.ndarray, forward: np.ndarray, strike: np.ndarray, tau: np.ndarray, call: np.ndarray
) -> np.ndarray:
    """Volatility at which ``black76`` gives ``price`` (undiscounted); NaN outside the no-arbitrage band.

    Bisection on the total volatility in [1e-9, 24] to the last bit that moves the price.

    >>> p = black76(100.0, 110.0, 0.5 * np.sqrt(0.25), False)
    >>> round(float(implied_volatility(p, 100.0, 110.0, 0.25, False)), 12)
    0.5
    """
    price, forward, strike, tau, call = np.broadcast_arrays(price, forward, strike, tau, call)
    low, high = np.full(price.shape, 1e-9), np.full(price.shape, LARGEST_TOTAL_VOL)
    for _ in range(100):
        middle = 0.5 * (low + high)
        below = black76(forward, strike, middle, call) < price
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    floor = np.maximum(np.where(call, forward - strike, strike - forward), 0.0)
    ceiling = np.where(call, forward, strike)
    inside = (price >= floor) & (price <= ceiling) & (tau > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(inside, 0.5 * (low + high) / np.sqrt(tau), np.nan)


def svi_volatility(
    strike: np.ndarray, a: float, b: float, rho: float, m: float, sigma: float, forward: float, tau: float
) -> np.ndarray:
    """Volatility of an SVI slice at ``strike``; the forward and tau are those stored with the slice.

    w = a + b·(rho·(k−m) + √((k−m)²+sigma²)), k = ln(K/F) within ±4·√(a+b·sigma), w ≤ 144; vol = √(w/tau).
    Source: lyra-utils SVI.sol; Gatheral & Jacquier (2014) for the form.

    >>> round(float(svi_volatility(100.0, 0.04, 0.1, 0.0, 0.0, 0.1, 100.0, 0.25)), 6)
    0.447214
    """
    bound = 4 * np.sqrt(a + b * sigma)
    k = np.clip(np.log(np.maximum(strike, SMALLEST) / forward), -bound, bound)
    w = a + b * (rho * (k - m) + np.sqrt((k - m) ** 2 + sigma**2))
    return np.where(np.asarray(strike) == 0, 0.0, np.sqrt(np.minimum(w, 144.0) / tau))


def profit(
    quantity: np.ndarray, size: np.ndarray, entry: np.ndarray, mark: np.ndarray, inverse: np.ndarray
) -> np.ndarray:
    """Result since entry in the settlement currency, linear or inverse.

    linear: q·size·(mark − entry); inverse: q·size·(1/entry − 1/mark).

    >>> profit(np.array([1.0]), np.array([1.0]), np.array([2074.25]), np.array([1963.31]), np.array([True])).round(9)
    array([-2.7242e-05])
    """
    with np.errstate(divide="ignore"):
        return quantity * size * np.where(inverse, 1.0 / entry - 1.0 / mark, mark - entry)
