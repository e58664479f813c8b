"""The tables of one SIMM release at one horizon, looked up by arrays of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import ndtri

from ...params import Params

MILLION = 1e6
OTHERS = "*"


@dataclass(frozen=True, eq=False)
class Calibration:
    """A release (``params``) at a horizon ("10d" or "1d")."""

    params: Params
    horizon: str

    def __getitem__(self, key: str) -> Any:
        """A table of this horizon, or the one that holds at every horizon."""
        own = f"{key}_{self.horizon}"
        return self.params[own if own in self.params else key]

    def cite(self, *keys: str) -> str:
        """Date and source of the first of ``keys``."""
        own = (f"{key}_{self.horizon}" if f"{key}_{self.horizon}" in self.params else key for key in keys)
        return self.params.cite(*own)

    def by(self, key: str, words: Sequence[str]) -> np.ndarray:
        """One number a word (W,): a table by bucket or category, or one number for all. NaN where there is none."""
        table = self[key]
        if isinstance(table, Mapping):
            return np.array([table.get(w, np.nan) for w in words], np.float64)
        return np.full(len(words), float(table))

    def matrix(self, key: str) -> np.ndarray:
        """A square table of correlations."""
        return np.array(self[key], np.float64)

    def grouping(self, key: str, words: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
        """Number of the group of each word (W,), and the groups' names; ``*`` is the group of all others."""
        groups = self[key]
        names = tuple(sorted(groups))
        number = {word: g for g, name in enumerate(names) for word in groups[name]}
        return np.array([number.get(w, number[OTHERS]) for w in words], np.int64), names

    @cached_property
    def volatility_scale(self) -> float:
        """From a risk weight to an annual volatility: √(365/14)/Φ⁻¹(0.99), with 1.4 for the one-day horizon."""
        return float(np.sqrt(self["year_days"] / self["horizon_days"]) / ndtri(self["volatility_quantile"]))

    @cached_property
    def curvature_tail(self) -> float:
        """Φ⁻¹(0.995)² − 1."""
        return float(ndtri(self["curvature_quantile"]) ** 2 - 1.0)

    def scaling(self, tenors: Sequence[str]) -> np.ndarray:
        """Curvature scaling SF(t) = 0.5·min(1, 14/t) of each expiry (T,), t in days."""
        days = np.array([self.days(t) for t in tenors], np.float64)
        return self["scaling"] * np.minimum(1.0, self["horizon_days"] / days)

    def days(self, tenor: str) -> float:
        """Days of a tenor: a week 7, a month a twelfth of 365, a year 365."""
        return int(tenor[:-1]) * {"w": 7.0, "m": self["year_days"] / 12, "y": self["year_days"]}[tenor[-1]]
