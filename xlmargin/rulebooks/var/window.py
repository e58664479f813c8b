"""Which part of the history a run looks at: returns, their dates, the stressed period, and what is wrong with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import history
from ...errors import InputError, Problem
from ...market import Market
from ...params import Params
from ...parsing import read_time
from ...registry import Setting

DAY = 86400.0
TOOLS = ("none", "buffer", "stress weight", "floor")
NONE, BUFFER, STRESS, FLOOR = TOOLS
OPTIONS = {
    "measure": Setting("var", "quantile, or mean of the scenarios beyond it", ("var", "es")),
    "confidence": Setting(np.nan, "probability; the parameters' own unless given"),
    "horizon": Setting(np.nan, "days that a loss may run; the parameters' own unless given"),
    "scaling": Setting("root", "longer horizons by the root of time or by overlapping sums", ("root", "overlap")),
    "decay": Setting(np.nan, "weight of yesterday's variance; the parameters' own unless given"),
    "lookback": Setting(np.nan, "days of history looked at; the parameters' own unless given"),
    "tool": Setting(NONE, "against procyclicality: one of the three of EU 153/2013 Article 28", TOOLS),
    "stress_start": Setting("", "first day of the stressed period (tool: stress weight)"),
    "stress_end": Setting("", "last day of the stressed period"),
}
SETTINGS = {"previous_margin": Setting(np.nan, "margin charged the day before, in USD (tool: buffer)")}


@dataclass(frozen=True, eq=False)
class Window:
    """Daily log returns (T, K) of the names that the market follows, up to its time, and what a run asks of them.

    ``dates`` (T,) is the later day of each return. ``underlying`` and ``settle`` (I,) number each instrument's
    column and that of its settlement asset (−1: it is not in the history and does not move). ``spacing`` is the
    usual number of days between rows, ``age`` how many lie between the last row and the market's time.
    """

    returns: np.ndarray
    dates: np.ndarray
    underlying: np.ndarray
    settle: np.ndarray
    confidence: float
    horizon: int
    decay: float
    lookback: int
    seed: int
    long: int
    stressed: np.ndarray
    spacing: float
    age: float

    @classmethod
    def of(cls, market: Market, params: Params, options: Mapping[str, Any]) -> Window:
        """Read the market's ``history`` under the options; raises InputError where either cannot be used."""
        problems: list[Problem] = []
        table = market.tables.get(history.TABLE) if len(market) else {"date": []}
        known = history.read(table, problems, names(market)).until(market.as_of)
        own = {key: _number(options, key, params[param], problems) for key, param in NUMBERS.items()}
        stressed = _stressed(known.dates[1:], options, problems)
        if problems:
            raise InputError(problems)
        used = known.numbered(market.underlying), known.numbered(_settle(market))
        columns = np.unique(np.concatenate(used))
        columns = columns[columns >= 0]
        place = np.append(np.searchsorted(columns, np.arange(len(known.names))), -1)
        return cls(
            returns=known.returns(columns) if len(known) else np.zeros((0, 0)),
            dates=known.dates[1:],
            underlying=place[used[0]],
            settle=place[used[1]],
            confidence=own["confidence"],
            horizon=int(own["horizon"]),
            decay=own["decay"],
            lookback=int(own["lookback"]),
            seed=int(params["seed_days"]),
            long=int(params["long_days"]),
            stressed=stressed,
            spacing=float(np.median(np.diff(known.dates))) / DAY if len(known) > 1 else 1.0,
            age=(market.as_of - known.dates[-1]) / DAY if len(known) else np.inf,
        )

    def part(self, days: np.ndarray | slice, what: str) -> np.ndarray:
        """The returns of some days; raises InputError where a price is missing there."""
        chosen, dates = self.returns[days], self.dates[days]
        for t in np.flatnonzero(np.isnan(chosen).any(axis=1))[:1]:
            day = dt.datetime.fromtimestamp(dates[t], dt.UTC).date()
            message = f"{what} needs a price of every name on every day; one is missing on {day} or the day before"
            raise InputError([Problem(history.TABLE, 0, "date", str(day), message)])
        return chosen

    def recent(self) -> np.ndarray:
        """The returns looked at, after those that start the recursion."""
        return self.part(slice(max(0, len(self.returns) - self.lookback - self.seed), None), "the lookback")

    def need(self, count: int, what: str) -> None:
        """Refuse fewer scenarios than the confidence asks for."""
        least = int(np.ceil(1.0 / (1.0 - self.confidence) - 1e-9))
        if count < least:
            message = f"{count} days for {what}; a confidence of {self.confidence:.6g} needs at least {least}"
            raise InputError([Problem(history.TABLE, 0, "date", None, message)])


NUMBERS = {"confidence": "confidence", "horizon": "horizon_days", "decay": "decay", "lookback": "lookback_days"}
ALLOWED = {
    "confidence": (lambda x: 0.5 <= x < 1.0, "at least 0.5 and below 1"),
    "horizon": (lambda x: x >= 1 and x == int(x), "a whole number of days"),
    "decay": (lambda x: 0.0 < x < 1.0, "between 0 and 1"),
    "lookback": (lambda x: x >= 2 and x == int(x), "a whole number of days"),
}


def _number(options: Mapping[str, Any], key: str, default: float, problems: list[Problem]) -> float:
    value = float(default if np.isnan(options[key]) else options[key])
    right, words = ALLOWED[key]
    if not np.isfinite(value) or not right(value):
        problems.append(Problem("options", 0, key, value, f"{value:g} is not allowed: {words}"))
    return value


def _stressed(dates: np.ndarray, options: Mapping[str, Any], problems: list[Problem]) -> np.ndarray:
    """Returns (T,) of the stressed period, where the tool asks for one."""
    if options["tool"] != STRESS:
        return np.zeros(len(dates), bool)
    ends = []
    for key in ("stress_start", "stress_end"):
        try:
            ends.append(read_time(options[key]))
        except ValueError as error:
            ends.append(np.nan)
            problems.append(Problem("options", 0, key, options[key], f"the stressed period needs its days: {error}"))
    return (dates >= ends[0]) & (dates < ends[1] + DAY)


def names(market: Market) -> list[str]:
    """What the market's instruments follow: their underlyings and settlement assets."""
    return [*dict.fromkeys([*map(str, market.underlying), *_settle(market)])]


def _settle(market: Market) -> list[str]:
    return [str(a) for a in np.append(market.assets, "")[market.settle]]


def gaps(market: Market) -> tuple[list[Problem], set[str]]:
    """What is wrong with the history table itself, and the underlyings that it has no column for."""
    problems: list[Problem] = []
    known = history.read(market.tables.get(history.TABLE), problems, names(market))
    absent = {name for name in map(str, market.underlying) if known.numbered([name])[0] < 0}
    return problems, absent
