"""Linear and mixed-integer programmes by HiGHS, with the proof of the bound and words where they cannot be met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from ..errors import XlmarginError

RELAXED = 1e-7


class Infeasible(XlmarginError):
    """No solution meets every limit; the message says which limits clash."""


class Unfinished(XlmarginError):
    """Time ran out before any solution was found."""


@dataclass(frozen=True, eq=False)
class Limit:
    """One constraint: low ≤ row · x ≤ high; ``row`` (n,) may be sparse as (columns, values); no name, none is told."""

    name: str
    columns: np.ndarray
    values: np.ndarray
    low: float = -np.inf
    high: float = np.inf


@dataclass(eq=False)
class Programme:
    """min cost · x over limits and bounds; ``whole`` (n,) says which variables are integers."""

    cost: np.ndarray
    low: np.ndarray
    high: np.ndarray
    whole: np.ndarray
    limits: list[Limit] = field(default_factory=list)

    def add(self, name: str, columns: Sequence[int], values: Sequence[float], low: float, high: float) -> None:
        """Add low ≤ Σ values · x[columns] ≤ high under a name."""
        self.limits.append(Limit(name, np.asarray(columns, np.int64), np.asarray(values, np.float64), low, high))

    def solve(self, seconds: float = 20.0, gap: float = 1e-9) -> Solution:
        """The optimum with its bound; raises Infeasible naming limits that clash."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        rows = self._rows(len(self.cost))
        limits = LinearConstraint(rows, [c.low for c in self.limits], [c.high for c in self.limits])
        found = milp(
            self.cost,
            integrality=self.whole.astype(np.int64),
            bounds=Bounds(self.low, self.high),
            constraints=limits if self.limits else (),
            options={"time_limit": seconds, "mip_rel_gap": gap},
        )
        if found.status == 2:
            raise Infeasible(self.clash())
        if found.status == 3:
            raise Infeasible("no solution: unbounded: give limits on the amounts")
        if found.x is None:
            raise Unfinished(f"no solution in {seconds:g} s: {found.message}")
        exact = not self.whole.any()
        bound = float(found.fun) if exact or found.mip_dual_bound is None else float(found.mip_dual_bound)
        return Solution(np.asarray(found.x), float(found.fun), bound, found.status == 0)

    def _rows(self, width: int) -> sparse.csr_matrix:
        counts = [len(c.columns) for c in self.limits]
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        columns = np.concatenate([np.zeros(0, np.int64), *(c.columns for c in self.limits)])
        values = np.concatenate([np.zeros(0), *(c.values for c in self.limits)])
        return sparse.csr_matrix((values, columns, start), (len(self.limits), width))

    def clash(self) -> str:
        """Which limits cannot be met together: the least relaxation of all, weighted by their size."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        n, m = len(self.cost), len(self.limits)
        rows = sparse.hstack([self._rows(n), sparse.eye(m), -sparse.eye(m)], format="csr")
        size = np.array([max(1.0, *(abs(v) for v in (c.low, c.high) if np.isfinite(v))) for c in self.limits] or [1.0])
        low = np.concatenate([self.low, np.zeros(2 * m)])
        high = np.concatenate([self.high, np.full(2 * m, np.inf)])
        found = milp(
            np.concatenate([np.zeros(n), np.tile(1.0 / size[:m], 2)]),
            integrality=np.concatenate([self.whole.astype(np.int64), np.zeros(2 * m)]),
            bounds=Bounds(low, high),
            constraints=LinearConstraint(rows, [c.low for c in self.limits], [c.high for c in self.limits]),
            options={"time_limit": 10.0},
        )
        if found.x is None:
            return "the limits cannot be met together"
        slack = found.x[n : n + m] + found.x[n + m :]
        off = np.flatnonzero(slack > RELAXED * size)
        told = [f"{self.limits[c].name} is missed by {slack[c]:,.6g}" for c in off[:6]]
        others = list(filter(None, (self.limits[c].name for c in self._binding(found.x[:n]) if c not in off)))[:4]
        with_ = f" given {', '.join(others)}" if others else ""
        return f"no solution meets every limit: at best {'; '.join(told)}{with_}"

    def _binding(self, x: np.ndarray) -> np.ndarray:
        """Limits that hold with equality at ``x``."""
        value = self._rows(len(x)) @ x
        ends = np.array([(c.low, c.high) for c in self.limits]).reshape(-1, 2)
        near = np.abs(value[:, None] - ends) <= RELAXED * np.maximum(1.0, np.abs(value[:, None]))
        return np.flatnonzero(near.any(axis=1))


@dataclass(frozen=True, eq=False)
class Solution:
    """An answer and its proof: ``value`` reached, ``bound`` that nothing can go below, whether it was finished."""

    x: np.ndarray
    value: float
    bound: float
    finished: bool

    @property
    def gap(self) -> float:
        """Value less bound, relative to the value."""
        return (self.value - self.bound) / max(1.0, abs(self.value))
