"""The tail of a loss distribution as weights on scenarios, so that a quantile is a sum over positions."""

from __future__ import annotations

import math

import numpy as np

ROUNDING = 1e-9


def depth(count: int, confidence: float) -> int:
    """k = ⌈(1 − α)·n⌉: the order statistic of the loss that is the quantile.

    >>> depth(250, 0.99), depth(100, 0.99), depth(1000, 0.975)
    (3, 1, 25)
    """
    return max(1, math.ceil((1.0 - confidence) * count - ROUNDING))


def tail(pnl: np.ndarray, count: int, shortfall: bool) -> tuple[np.ndarray, np.ndarray]:
    """The loss (R,) at the ``count``-th worst scenario, or the mean of the ``count`` worst, and those scenarios (R, k).

    ``pnl`` is (R, S). The scenarios stand in order of loss, worst first; a quantile has but one.

    >>> loss, which = tail(np.array([[3.0, -5.0, 1.0, -2.0]]), 2, shortfall=True)
    >>> loss.tolist(), which.tolist()
    ([3.5], [[1, 3]])
    """
    rows = np.arange(len(pnl))[:, None]
    worst = np.sort(np.argpartition(pnl, count - 1, axis=1)[:, :count], axis=1)
    order = np.argsort(pnl[rows, worst], axis=1, kind="stable")
    worst = worst[rows, order]
    chosen = worst if shortfall else worst[:, -1:]
    return -pnl[rows, chosen].mean(axis=1), chosen
