"""Theoretical values of American and European options on a share or index with a dividend yield."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...pricing import black76

LOWEST, HIGHEST, FORGIVEN = 1e-4, 8.0, 1e-3
TRIES, CLOSE = 100, 1e-13
CHUNK = 4096


class Terms(NamedTuple):
    """What a value depends on, all (N,): prices, years, rate and dividend yield a year, volatility, call or put."""

    spot: np.ndarray
    strike: np.ndarray
    tau: np.ndarray
    rate: np.ndarray
    carry: np.ndarray
    vol: np.ndarray
    call: np.ndarray

    def at(self, index: np.ndarray | slice) -> Terms:
        """Some of them."""
        return Terms(*(np.asarray(a)[index] for a in self))


def european(t: Terms) -> np.ndarray:
    """Black–Scholes–Merton through the forward: D·B76(S·e^((r−q)τ), K, σ√τ).

    >>> round(float(european(Terms(100.0, 100.0, 1.0, 0.05, 0.0, 0.2, True))), 4)
    10.4506
    """
    forward = t.spot * np.exp((t.rate - t.carry) * t.tau)
    return black76(forward, t.strike, t.vol * np.sqrt(t.tau), t.call, np.exp(-t.rate * t.tau))


def american(t: Terms, steps: int) -> np.ndarray:
    """Cox–Ross–Rubinstein tree with early exercise (N,).

    u = e^(σ√(τ/n)), p = (e^((r−q)τ/n) − 1/u)/(u − 1/u), kept within [0, 1].
    Source: Cox, Ross, Rubinstein, Option pricing: a simplified approach (1979).
    """
    out = np.empty(len(t.spot))
    for low in range(0, len(out), CHUNK):
        out[low : low + CHUNK] = _tree(t.at(slice(low, low + CHUNK)), steps)
    return out


def _tree(t: Terms, steps: int) -> np.ndarray:
    spot, strike, tau, rate, carry, vol, call = t
    step = np.maximum(tau, 1e-9) / steps
    move = np.maximum(vol, LOWEST) * np.sqrt(step)
    up, discount = np.exp(move), np.exp(-rate * step)
    chance = np.clip((np.exp((rate - carry) * step) - 1.0 / up) / (up - 1.0 / up), 0.0, 1.0)
    weights = [(discount * c)[:, None] for c in (chance, 1.0 - chance)]
    side = np.where(call, 1.0, -1.0)[:, None]
    level = spot[:, None] * np.exp(move[:, None] * np.arange(-steps, steps + 1, 2))
    value = np.maximum(side * (level - strike[:, None]), 0.0)
    for n in range(steps - 1, -1, -1):
        level = level[:, : n + 1] * up[:, None]
        value = weights[0] * value[:, 1:] + weights[1] * value[:, :-1]
        np.maximum(value, side * (level - strike[:, None]), out=value)
    return value[:, 0]


def theoretical(facts: dict[str, np.ndarray], spot: np.ndarray, vol: np.ndarray, steps: int) -> np.ndarray:
    """Values (N,) at ``spot`` and ``vol``; ``facts`` are strike, tau, rate, carry, call and american, all (N,)."""
    terms = Terms(spot, *(facts[k] for k in ("strike", "tau", "rate", "carry")), vol, facts["call"])
    out = european(terms)
    early = np.flatnonzero(facts["american"])
    if len(early):
        out[early] = american(terms.at(early), steps)
    return out


def explained(facts: dict[str, np.ndarray], spot: np.ndarray, price: np.ndarray, steps: int) -> np.ndarray:
    """Whether some volatility between 0.01 % and 800 % gives ``price`` (N,), 0.1 % below it forgiven."""
    floor, ceiling = (theoretical(facts, spot, np.full(len(price), v), steps) for v in (LOWEST, HIGHEST))
    return (price >= floor * (1.0 - FORGIVEN)) & (price <= ceiling)


def implied(facts: dict[str, np.ndarray], spot: np.ndarray, price: np.ndarray, steps: int) -> np.ndarray:
    """Volatility (N,) at which the theoretical value is ``price``: the lowest for a deep option at its floor.

    Regula falsi (Illinois) between 0.01 % and 800 %, to 1e-13 of the underlying.
    """
    low, high = np.full(len(price), LOWEST), np.full(len(price), HIGHEST)
    below, above = (theoretical(facts, spot, v, steps) - price for v in (low, high))
    last, answer, left = np.zeros(len(price)), np.full(len(price), LOWEST), np.ones(len(price), bool)
    for _ in range(TRIES):
        with np.errstate(divide="ignore", invalid="ignore"):
            middle = high - above * (high - low) / (above - below)
        middle = np.where((middle > low) & (middle < high), middle, 0.5 * (low + high))
        found = theoretical(facts, spot, middle, steps) - price
        side = np.where(found < 0, -1.0, 1.0)
        halved = np.where(side == last, 0.5, 1.0)
        below, above = np.where(side < 0, found, below * halved), np.where(side < 0, above * halved, found)
        low, high, last = np.where(side < 0, middle, low), np.where(side < 0, high, middle), side
        answer = np.where(left, middle, answer)
        left &= (np.abs(found) > CLOSE * spot) & (high - low > CLOSE)
        if not left.any():
            break
    return answer
