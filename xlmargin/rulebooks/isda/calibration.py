"""The tables of one SIMM release at one horizon, looked up by arrays of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import ndtri

from ...errors import ParameterError
from ...params import Params

MILLION = 1e6
OTHERS = "*"
GROUPED = {"ir_threshold": ("ir_delta_threshold", "ir_vega_threshold"), "fx_threshold": ("fx_delta_threshold",)}


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
        """A square, symmetric table of correlations; anything else is a ParameterError."""
        try:
            table = np.array(self[key], np.float64)
        except (TypeError, ValueError):
            table = np.zeros(0)
        square = table.ndim == 2 and table.shape[0] == table.shape[1]
        if not square or not np.allclose(table, table.T, rtol=0, atol=1e-12):
            raise ParameterError(f"simm: {key} is not a symmetric square table")
        if not (np.abs(table) <= 1).all():
            raise ParameterError(f"simm: {key} holds a correlation beyond ±1")
        return table

    def grouping(self, key: str, words: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
        """Number of the group of each word (W,), and the groups' names; ``*`` is the group of all others."""
        groups = self[key]
        names = tuple(sorted(groups))
        number = {word: g for g, name in enumerate(names) for word in groups[name]}
        if OTHERS not in number:
            raise ParameterError(f"simm: no group of {key} takes all other currencies ('*')")
        return np.array([number.get(w, number[OTHERS]) for w in words], np.int64), names

    def check(self) -> None:
        """Refuse tables of the wrong shape, lookups that would fail and numbers that are not finite."""
        tenors = len(self["ir_tenors"])
        if self.matrix("ir_tenor_correlation").shape[0] != tenors:
            raise ParameterError("simm: ir_tenor_correlation has not one row a tenor")
        if any(len(row) != tenors for row in self["ir_delta_weight"].values()):
            raise ParameterError("simm: ir_delta_weight has not one number a tenor")
        for prefix in ("cq", "cn", "eq", "co"):
            buckets = self[f"{prefix}_buckets"]
            if self.matrix(f"{prefix}_outer_correlation").shape[0] != len(buckets):
                raise ParameterError(f"simm: {prefix}_outer_correlation has not one row a bucket")
            for table in ("delta_weight", "vega_weight", "delta_threshold", "vega_threshold"):
                self._all_finite(f"{prefix}_{table}", self.by(f"{prefix}_{table}", buckets))
        for group in ("ir_volatility", "ir_threshold", "fx_volatility", "fx_threshold"):
            _, names = self.grouping(f"{group}_groups", ())
            for table in GROUPED.get(group, ()):
                self._all_finite(table, self.by(table, names))
        if self.matrix("class_correlation").shape[0] != 6:
            raise ParameterError("simm: class_correlation has not six rows")

    def _all_finite(self, key: str, values: np.ndarray) -> None:
        if not np.isfinite(values).all():
            raise ParameterError(f"simm: {key} lacks a number for some bucket or group")

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
