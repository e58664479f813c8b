"""How large a slice should be: depth, fees, volatility, and the time between slices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, Problem, nearest
from ..pricing import YEAR
from .shown import Shown

MOST = 100
PRICE_PER_DEPTH = 0.01
LIMITS = {"depth": "above 0", "volatility": "0 or more", "seconds": "0 or more", "quantity": "not 0"}
Given = float | Mapping[str, float]


@dataclass(frozen=True, eq=False, repr=False)
class Slices(Shown):
    """How many equal slices of each leg (N,) cost least; ``parts`` of that cost (N,) as fractions of the notional."""

    instrument: np.ndarray
    quantity: np.ndarray
    count: np.ndarray
    parts: Mapping[str, np.ndarray]

    @property
    def by_instrument(self) -> dict[str, int]:
        """The number of slices of each leg, as ``path`` takes it."""
        return {str(n): int(c) for n, c in zip(self.instrument, self.count, strict=True)}

    @property
    def cost(self) -> np.ndarray:
        """Cost of each leg (N,) as a fraction of its notional."""
        return np.sum(list(self.parts.values()), axis=0)

    @property
    def words(self) -> str:
        """Slices and cost of each leg in a line."""
        told = zip(self.instrument, self.count, self.quantity / self.count, self.cost, strict=True)
        return "; ".join(f"{n}: {c} of {abs(q):,.6g}, cost {10_000 * cost:,.3g} bp" for n, c, q, cost in told)

    def frame(self) -> Any:
        """A row per leg (pandas DataFrame): quantity, slices, size of one, parts of the cost and their sum."""
        import pandas as pd

        columns = {"instrument": self.instrument, "quantity": self.quantity, "slices": self.count}
        columns |= {"size": self.quantity / self.count, **self.parts, "cost": self.cost}
        return pd.DataFrame(columns)


def slices_of(
    quantity: Given,
    *,
    depth: Given,
    volatility: Given,
    seconds: Given,
    spread: Given = 0.0,
    fee: Given = 0.0,
    fixed: Given = 0.0,
    aversion: float = 1.0,
) -> Slices:
    """How many equal slices of a leg cost least.

    Parameters: ``quantity`` of the leg, or of several by instrument; the others are a number, or numbers by
    instrument: ``depth``, contracts that move the price by 1 % and come back between slices; ``volatility`` a year;
    ``seconds`` from one slice to the next; ``spread`` and ``fee``, fractions of price; ``fixed``, fraction of the
    notional that every slice costs besides; ``aversion`` to a standard deviation of the price.
    cost(n) = spread/2 + fee + fixed·n + 0.005·(q/n)/depth + aversion·σ·√(T·(n−1)·(2n−1)/(6n²)), T = n·seconds: half of
    the impact of a slice is paid on average; what is left after k slices stays exposed until the next. n ≤ 100.
    Raises InputError with every number that is missing or out of range.
    Source: impact linear in size and exposure of what is left as in Almgren & Chriss, Optimal execution (2000).

    >>> slices_of({"BTC-PERP": -10.0, "ETH-PERP": 10.0}, depth=100.0, volatility=0.0, seconds=1.0).by_instrument
    {'BTC-PERP': 100, 'ETH-PERP': 100}
    >>> slices_of(10.0, depth=1e9, volatility=0.5, seconds=60.0).words
    '10: 1 of 10, cost 5e-07 bp'
    """
    legs = dict(quantity) if isinstance(quantity, Mapping) else {f"{quantity:,.6g}": quantity}
    given = {"quantity": legs, "depth": depth, "volatility": volatility, "seconds": seconds}
    read = _columns(legs, {**given, "spread": spread, "fee": fee, "fixed": fixed})
    size, deep, vol, wait, half, charge, each = (column[:, None] for column in read.values())
    n = np.arange(1, MOST + 1, dtype=np.float64)
    left = wait * (n - 1.0) * (2.0 * n - 1.0) / (6.0 * n)
    parts = {
        "spread and fee": np.broadcast_to(half / 2.0 + charge, (len(legs), MOST)),
        "fixed": each * n,
        "impact": PRICE_PER_DEPTH / 2.0 * np.abs(size) / n / deep,
        "risk": aversion * vol * np.sqrt(left / YEAR),
    }
    best = np.argmin(sum(parts.values()), axis=1)
    at = {name: values[np.arange(len(legs)), best] for name, values in parts.items()}
    return Slices(np.array(list(legs), object), read["quantity"], best + 1, at)


def _columns(legs: Mapping[str, float], given: Mapping[str, Given]) -> dict[str, np.ndarray]:
    """Every number by leg (N,); what is missing or out of range is refused, all of it together."""
    columns, problems = {}, []
    for what, told in given.items():
        by = told if isinstance(told, Mapping) else dict.fromkeys(legs, told)
        for name in set(by) - set(legs):
            text = f"no leg of {name!r}{nearest(str(name), legs)}"
            problems.append(Problem("slices", 0, what, name, text))
        columns[what] = np.array([by.get(name, np.nan) for name in legs], np.float64)
        for n, name in enumerate(legs):
            value, needs = columns[what][n], LIMITS.get(what, "0 or more")
            good = {"above 0": value > 0, "not 0": value != 0}.get(needs, value >= 0)
            if not (np.isfinite(value) and good):
                problems.append(Problem("slices", 0, what, by.get(name), f"{what} of {name} must be {needs}"))
    if problems:
        raise InputError(problems)
    return columns
