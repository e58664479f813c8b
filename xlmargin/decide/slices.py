"""How large a slice should be: depth, fees, volatility, and the time between slices."""

from __future__ import annotations

import numpy as np

from ..errors import InputError, Problem
from ..pricing import YEAR

MOST = 100
PRICE_PER_DEPTH = 0.01


def slices_of(
    quantity: float,
    *,
    depth: float,
    volatility: float,
    seconds: float,
    spread: float = 0.0,
    fee: float = 0.0,
    fixed: float = 0.0,
    aversion: float = 1.0,
) -> tuple[int, dict[str, float]]:
    """How many equal slices cost least, and the parts of that cost as fractions of the notional.

    Parameters: ``quantity`` of the leg; ``depth``, contracts that move the price by 1 % and come back between slices;
    ``volatility`` a year; ``seconds`` from one slice to the next; ``spread`` and ``fee``, fractions of price; ``fixed``
    fraction of the notional that every slice costs besides; ``aversion`` to a standard deviation of the price.
    cost(n) = spread/2 + fee + fixed·n + 0.005·(q/n)/depth + aversion·σ·√(T·(n−1)·(2n−1)/(6n²)), T = n·seconds: half of
    the impact of a slice is paid on average; what is left after k slices stays exposed until the next.
    Source: impact linear in size and exposure of what is left as in Almgren & Chriss, Optimal execution (2000).

    >>> slices_of(10.0, depth=100.0, volatility=0.0, seconds=1.0)[0]
    100
    >>> slices_of(10.0, depth=1e9, volatility=0.5, seconds=60.0)[0]
    1
    """
    if not (depth > 0 and quantity != 0 and seconds >= 0 and volatility >= 0):
        text = "depth must be above 0, quantity not 0, volatility and seconds not below 0"
        raise InputError([Problem("slices", 0, "depth", depth, text)])
    n = np.arange(1, MOST + 1, dtype=np.float64)
    share = np.abs(quantity) / n / depth
    left = seconds * (n - 1.0) * (2.0 * n - 1.0) / (6.0 * n)
    parts = {
        "spread and fee": np.full(len(n), spread / 2.0 + fee),
        "fixed": fixed * n,
        "impact": PRICE_PER_DEPTH / 2.0 * share,
        "risk": aversion * volatility * np.sqrt(left / YEAR),
    }
    best = int(np.argmin(sum(parts.values())))
    return best + 1, {k: float(v[best]) for k, v in parts.items()}
