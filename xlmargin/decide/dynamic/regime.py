"""How high volatility stands: today's against the long run by underlying, and the multiplier that follows from it.

Sources: (EU) No 153/2013 Article 28 for buffer, stressed weight and long-run floor; RiskMetrics Technical Document
(1996) for the volatility. Floor, cap and speed limit are the user's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...errors import InputError, Problem, nearest
from ...params import Params
from ...volatility import buffered

FILE = Path(__file__).with_name("dynamic.toml")
TOOLS = ("none", "buffer", "stress weight", "floor")
NONE, BUFFER, STRESS, FLOOR = TOOLS
FREE, AT_FLOOR, AT_CAP, AT_SPEED, IN_BUFFER = "", "floor", "cap", "speed limit", "buffer in use"


def settings(as_of: float) -> Params:
    """What of the regime is measured how, and its tools, in force at a time."""
    return Params.load(FILE, as_of)


@dataclass(frozen=True)
class Policy:
    """What bounds a multiplier: ``floor``, ``cap``, ``speed`` (fraction of yesterday's a day), ``buffer`` (fraction).

    ``rebuild`` is the growth a day of what is charged while the buffer is used up; ``stress`` the share of the highest
    volatility of the lookback. The buffer stands on the multiplier: a fraction of the margin where that is linear.
    """

    floor: float = 0.0
    cap: float = np.inf
    speed: float = np.inf
    buffer: float = 0.0
    rebuild: float = 0.0
    stress: float = 0.0

    @classmethod
    def of(
        cls,
        known: Params,
        tool: str,
        floor: float | None,
        cap: float | None,
        speed: float | None,
        buffer: float | None,
    ) -> Policy:
        """The bounds asked for, those of the tool filled in; raises InputError for what makes no sense."""
        problems = []
        if tool not in TOOLS:
            message = f"no tool {tool!r}{nearest(str(tool), TOOLS)}; there are {', '.join(TOOLS)}"
            problems.append(Problem("dynamic", 0, "tool", tool, message))
        for name, value in {"floor": floor, "cap": cap, "speed": speed, "buffer": buffer}.items():
            least = "above zero" if name == "cap" else "zero or more"
            if value is not None and not (value > 0 if name == "cap" else value >= 0):
                problems.append(Problem("dynamic", 0, name, value, f"{name} is {value}; it must be {least}"))
        low = max(floor or 0.0, known["long_run_floor"] if tool == FLOOR else 0.0)
        if not problems and cap is not None and low > cap:
            problems.append(Problem("dynamic", 0, "floor", low, f"the floor {low:g} is above the cap {cap:g}"))
        if problems:
            raise InputError(problems)
        return cls(
            floor=float(low),
            cap=np.inf if cap is None else float(cap),
            speed=np.inf if speed is None else float(speed),
            buffer=float(known["buffer"] if tool == BUFFER and buffer is None else buffer or 0.0),
            rebuild=float(known["rebuild"]),
            stress=float(known["stress_weight"]) if tool == STRESS else 0.0,
        )

    def step(self, ratio: np.ndarray, previous: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The multiplier (K,) of one day and what bound it, from the ratio and yesterday's (NaN: there is none).

        m = clip(clip(buffered ratio, floor, cap), yesterday·(1 − speed), yesterday·(1 + speed)).

        >>> Policy(cap=2.0, speed=0.5).step(np.array([3.0, 1.2]), np.array([1.0, 1.0]))[0].tolist()
        [1.5, 1.2]
        """
        wanted = buffered(ratio, previous, self.buffer, self.rebuild) if self.buffer else ratio
        inside = np.clip(wanted, self.floor, self.cap)
        first = np.isnan(previous)
        low = np.where(first, -np.inf, previous * (1.0 - self.speed)) if np.isfinite(self.speed) else -np.inf
        high = np.where(first, np.inf, previous * (1.0 + self.speed)) if np.isfinite(self.speed) else np.inf
        out = np.clip(inside, low, high)
        used = (self.buffer > 0) & (wanted < (1.0 + self.buffer) * ratio)
        bound = np.select(
            [out != inside, wanted > self.cap, wanted < self.floor, used], [AT_SPEED, AT_CAP, AT_FLOOR, IN_BUFFER], FREE
        )
        return out, bound

    def run(self, ratio: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Multipliers (T, K) and what bound each, day after day from yesterday's ``start`` (K,)."""
        rows = []
        for day in ratio:
            rows.append(self.step(day, rows[-1][0] if rows else start))
        return np.array([m for m, _ in rows]), np.array([b for _, b in rows], object)


@dataclass(frozen=True, eq=False)
class Regime:
    """Volatility, its reference, their ratio and the multiplier (T, K) of each day in force, by underlying ``names``.

    ``dates`` (T,) are epoch seconds of the days on which a multiplier holds; the last ``ahead`` are still to come.
    ``bound`` says what held each multiplier: floor, cap, speed limit, buffer in use, or nothing.
    """

    names: tuple[str, ...]
    dates: np.ndarray
    volatility: np.ndarray
    reference: np.ndarray
    ratio: np.ndarray
    multiplier: np.ndarray
    bound: np.ndarray
    ahead: int
    doubts: tuple[str, ...] = field(default=())

    @property
    def current(self) -> dict[str, float]:
        """Multiplier in force now by underlying; 1 where nothing is known of the past."""
        row = len(self.dates) - self.ahead - 1
        values = self.multiplier[row] if row >= 0 else np.ones(len(self.names))
        return dict(zip(self.names, map(float, values), strict=True))

    @property
    def tomorrow(self) -> dict[str, float]:
        """Multiplier after the days asked for, by underlying."""
        return dict(zip(self.names, map(float, self.multiplier[-1]), strict=True))

    def words(self) -> tuple[str, ...]:
        """A sentence an underlying: how its volatility stands, its multiplier and what bound it."""
        told = []
        for k, name in enumerate(self.names):
            bound = f" ({self.bound[-1, k]})" if self.bound[-1, k] else ""
            held = f"{self.current[name]:.4g} now, {self.tomorrow[name]:.4g} tomorrow{bound}"
            told.append(f"{name}: volatility at {self.ratio[-1, k]:.0%} of the long run's; multiplier {held}")
        return tuple(told)


def regime(
    names: Sequence[str],
    dates: np.ndarray,
    volatility: np.ndarray,
    reference: np.ndarray,
    policy: Policy,
    lookback: int,
    ahead: int,
    start: float,
    doubts: Sequence[str] = (),
) -> Regime:
    """Multipliers of each day from volatilities known before it (T, K); the last row is tomorrow's, held for ``ahead``.

    With a stressed share σ* = (1 − w)·σ + w·max σ over the ``lookback`` known then. ``start`` is yesterday's multiplier
    on the first day, NaN where there was none.
    """
    used = volatility
    if policy.stress:
        used = (1.0 - policy.stress) * used + policy.stress * _highest(used, lookback)
    more = ahead - 1
    held = lambda table: np.concatenate([table, np.repeat(table[-1:], more, axis=0)])  # noqa: E731
    ratio = held(used / reference)
    multiplier, bound = policy.run(ratio, np.full(len(names), start))
    days = np.concatenate([dates, dates[-1] + 86400.0 * np.arange(1, more + 1)])
    return Regime(tuple(names), days, held(volatility), held(reference), ratio, multiplier, bound, ahead, tuple(doubts))


def _highest(values: np.ndarray, lookback: int) -> np.ndarray:
    """The largest of the last ``lookback`` values (T, K) up to each."""
    if len(values) <= lookback:
        return np.maximum.accumulate(values, axis=0)
    padded = np.concatenate([np.full((lookback - 1, values.shape[1]), -np.inf), values])
    return np.lib.stride_tricks.sliding_window_view(padded, lookback, axis=0).max(axis=-1)
