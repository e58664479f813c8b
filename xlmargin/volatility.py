"""Volatility that follows the market, scenarios filtered by it, and a margin buffered against it.

Source: J.P. Morgan/Reuters, RiskMetrics Technical Document (4th ed., 1996) for the recursion; Barone-Adesi,
Giannopoulos, Vosper, "VaR without correlations for portfolios of derivative securities" (1999) for filtering.
"""

from __future__ import annotations

import itertools

import numpy as np


def ewma(returns: np.ndarray, decay: float, seed: int) -> np.ndarray:
    """Standard deviation per step as known before each step, (T+1, K); the last is that of tomorrow.

    σ²_{t+1} = λσ²_t + (1 − λ)r²_t, from the mean square of the first ``seed`` returns.

    >>> ewma(np.full((3, 1), 0.01), 0.97, 2).ravel().round(12).tolist()
    [0.01, 0.01, 0.01, 0.01]
    """
    squares = returns * returns
    variance = np.empty((len(returns) + 1, returns.shape[1]))
    variance[0] = squares[:seed].mean(axis=0)
    variance[1:] = (1.0 - decay) * squares
    for before, after in itertools.pairwise(variance):
        after += decay * before
    return np.sqrt(variance)


def weights(count: int, decay: float, seed: int) -> np.ndarray:
    """What each squared return of ``count`` weighs in tomorrow's EWMA variance (T,); they add up to 1.

    (1 − λ)λ^(T−1−t), and λ^T spread over the first ``seed``: the same recursion unrolled.

    >>> float(round(weights(500, 0.97, 60).sum(), 12))
    1.0
    """
    age = np.arange(count - 1, -1, -1, dtype=np.float64)
    out = (1.0 - decay) * decay**age
    out[:seed] += decay**count / max(min(seed, count), 1)
    return out


def filtered(
    returns: np.ndarray, sigma: np.ndarray, today: np.ndarray, cap: float = np.inf, middle: bool = False
) -> np.ndarray:
    """Past returns (T, K) as they would be at today's volatility: r_s·σ̂/σ_s.

    ``sigma`` (T, K) is what was known before each return, ``today`` (K,) what is known now. σ̂ is ``today``, or
    with ``middle`` the mean of both; the ratio stays within 1/``cap`` and ``cap``. A name that never moved stays.
    """
    target = 0.5 * (today + sigma) if middle else np.broadcast_to(today, sigma.shape)
    ratio = np.divide(target, sigma, out=np.ones_like(sigma), where=sigma > 0)
    return returns * np.clip(ratio, 1.0 / cap, cap)


def summed(returns: np.ndarray, steps: int) -> np.ndarray:
    """Overlapping sums of ``steps`` successive returns (T−steps+1, K).

    >>> summed(np.array([[1.0], [2.0], [4.0]]), 2).ravel().tolist()
    [3.0, 6.0]
    """
    out = np.zeros((len(returns) - steps + 1, returns.shape[1]))
    for step in range(steps):
        out += returns[step : len(returns) - steps + 1 + step]
    return out


def buffered(raw: np.ndarray, previous: np.ndarray, buffer: float, rebuild: float) -> np.ndarray:
    """What is charged with a buffer on ``raw`` (R,): held in calm, released while ``raw`` rises.

    max(raw, min((1 + b)·raw, previous·(1 + rebuild))); NaN as ``previous`` is a first day.
    Source: (EU) No 153/2013 Article 28(1)(a) for the buffer; its release rule is left to the clearing house.

    >>> buffered(np.array([100.0, 100.0]), np.array([110.0, np.nan]), 0.25, 0.0).tolist()
    [110.0, 125.0]
    """
    full = (1.0 + buffer) * raw
    kept = np.where(np.isnan(previous), full, np.minimum(full, previous * (1.0 + rebuild)))
    return np.maximum(raw, kept)
