"""Black-76 and its kin on arrays: values, greeks, implied volatility, linear and inverse results.

Rates enter only through a discount factor: venues quote options on the forward of their expiry.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

YEAR = 365 * 86400.0
LARGEST_TOTAL_VOL = 24.0
SMALLEST = 1e-18


def black76(
    forward: np.ndarray,
    strike: np.ndarray,
    total_vol: np.ndarray,
    call: np.ndarray,
    discount: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Value of a European option on a forward; all arguments broadcast.

    ``total_vol`` is volatility × √tau. Guards: strike 0, forward 0, total volatility at least 24; results
    stay within [0, forward] for calls and [0, strike] for puts before discounting.

    call = D·(F·N(d1) − K·N(d2)), d1 = v/2 − ln(K/F)/v, d2 = d1 − v; put by parity.
    Source: F. Black, The pricing of commodity contracts (1976); guards as lyra-utils Black76.sol.

    >>> round(float(black76(100.0, 100.0, 0.2, True)), 6)
    7.965567
    """
    v = np.maximum(total_vol, SMALLEST)
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = 0.5 * v - np.log(np.maximum(np.divide(strike, forward), SMALLEST)) / v
        value = forward * ndtr(d1)
        value -= strike * ndtr(d1 - v)
    value = _guarded(np.maximum(value, 0.0), forward, strike, v)
    value = np.where(call, np.minimum(value, forward), _put(value, forward, strike))
    return value * discount


def _put(call_value: np.ndarray, forward: np.ndarray, strike: np.ndarray) -> np.ndarray:
    return np.minimum(np.maximum(call_value + (strike - forward), 0.0), strike)


def _guarded(value: np.ndarray, forward: np.ndarray, strike: np.ndarray, v: np.ndarray) -> np.ndarray:
    at_limit = (np.asarray(strike) <= 0) | (v >= LARGEST_TOTAL_VOL)
    worthless = np.asarray(forward) <= 0
    if at_limit.any() or worthless.any():
        value = np.where(worthless, 0.0, np.where(at_limit, forward, value))
    return value


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
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = 0.5 * v - np.log(np.maximum(np.divide(strike, forward), SMALLEST)) / v
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
