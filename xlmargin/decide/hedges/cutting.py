"""The least of a convex margin over trades: cuts from exact re-runs under a linear or mixed-integer programme.

Every re-run gives a plane below the margin (its value and slopes there); the programme over all planes gives a bound
that no trade can go below, and its answer is run again exactly. The two meet where the margin is convex, as it is for
scenario losses, tiers and sums of charges; a re-run below a plane shows that it is not, and the bound is dropped.
Source: J. E. Kelley, The cutting-plane method for solving convex programs (1960).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from ..programme import Programme, Solution, Unfinished
from ..reruns import Reruns, Slopes
from .planned import planned
from .scans import Scan, factor_of

TOLERANCE = 1e-6
STEP = 1e-7
MANY = 20


@dataclass(eq=False)
class Search:
    """A margin over K candidates: cost a contract, most each way, lots (NaN: none), most trades, further limits.

    ``unit`` (K,) is how many contracts are worth what the account is: steps for slopes are 1e-7 of it. ``limits`` are
    (name, coefficients (K,), low, high) on the trades.
    """

    margin: Reruns
    cost: np.ndarray
    most: np.ndarray
    lot: np.ndarray
    unit: np.ndarray
    most_trades: int = 0
    budget: float = np.inf
    limits: list[tuple[str, np.ndarray, float, float]] = field(default_factory=list)
    planes: list[tuple[float, np.ndarray]] = field(default_factory=list)
    active: list[int] = field(default_factory=list)
    points: list[tuple[np.ndarray, float]] = field(default_factory=list)
    best: np.ndarray = field(default_factory=lambda: np.zeros(0))
    relaxed: np.ndarray = field(default_factory=lambda: np.zeros(0))
    before: float = np.nan
    late: bool = False
    tried: bool = False
    upper: float = np.inf
    lower: float = -np.inf
    convex: bool = True
    reruns: int = 0
    scans: list[Scan] = field(default_factory=list)
    factor: float | None = None
    guessed: list[int] = field(default_factory=list)

    def total(self, x: np.ndarray, need: float) -> float:
        """Margin and cost of trades."""
        return need + float(self.cost @ np.abs(x))

    @property
    def mixed(self) -> bool:
        """Whether lots or a number of trades are to be kept."""
        return bool(np.isfinite(self.lot).any() or self.most_trades)

    @property
    def bound(self) -> float:
        """What requirement and cost cannot go below: by the planes, by every list, or nothing; NaN where none holds."""
        if self.tried or (self.convex and np.isfinite(self.lower)):
            return self.lower
        return 0.0 if self.upper <= 10 * TOLERANCE * self.scale else np.nan

    @property
    def proved(self) -> bool:
        """Whether the bound meets the best trades."""
        return self.convex and self.upper - self.lower <= TOLERANCE * self.scale

    @property
    def scale(self) -> float:
        """What figures are small against: the requirement without trades."""
        return max(self.before, abs(self.upper) if np.isfinite(self.upper) else 0.0)

    def solve(self, rounds: int, seconds: float, probes: np.ndarray) -> None:
        """Narrow until bound and best agree, rounds or time are used up, or the margin proves not convex.

        ``probes`` (N, K) are further trades that planes are held against, so that a margin that is not convex shows.
        """
        end = time.perf_counter() + seconds
        nothing = np.zeros(len(self.cost))
        self.best = self.relaxed = nothing
        self.before = float(self.margin(nothing[None]).need[0])
        self.try_(nothing, False)
        self._probe(probes)
        self.cut(nothing)
        self._phase(False, rounds, end)
        self.relaxed = self.best
        if self.mixed:
            self.best, self.upper = nothing, np.inf
            for x in (nothing, self.in_lots(self.relaxed[None])[0]):
                self.try_(x)
            self._phase(True, rounds, end)
        if self.proved:
            near = self.best + 0.25 * (probes[len(probes) // 2 :] - self.best)
            self._probe(np.clip(np.vstack([0.5 * (self.best + probes), near]), -self.most, self.most))
            self.convex &= self._agree()

    def _probe(self, probes: np.ndarray) -> None:
        need = self.margin(probes).need
        self.reruns += len(probes)
        self.points.extend(zip(probes, need.tolist(), strict=True))

    def in_lots(self, trades: np.ndarray) -> np.ndarray:
        """Trades (N, K) cut to whole lots, where there are lots, and to the most of each."""
        kept = self.margin.within(np.clip(trades, -self.most, self.most))
        lots = np.where(np.isfinite(self.lot), self.lot, 1.0)
        whole = np.trunc(kept / lots + np.sign(kept) * 1e-9) * lots
        return np.where(np.isfinite(self.lot), whole, kept)

    def _phase(self, mixed: bool, rounds: int, end: float) -> None:
        """Rounds of programme, exact re-run and a further plane, without or with lots and numbers of trades."""
        for turn in range(rounds):
            left = end - time.perf_counter()
            if left <= 0 or not self.convex:
                self.late |= self.convex
                return
            try:
                found = self.master(mixed, left)
            except Unfinished:
                self.late |= time.perf_counter() > end
                return
            self.late |= not found.finished
            self.lower = max(self.lower, found.bound)
            x = self.trades(found.x)
            self.try_(x, mixed)
            if self.proved:
                return
            self.cut(x if turn % 2 or mixed else 0.5 * (x + self.best))

    def try_(self, x: np.ndarray, mixed: bool = True) -> None:
        """Run trades again and keep them if they are the best so far and within the limits."""
        need = float(self.margin(x[None]).need[0])
        self.reruns += 1
        self._seen(x, need)
        if self.total(x, need) < self.upper and self.keeps(x, mixed):
            self.best, self.upper = x, self.total(x, need)

    def keeps(self, x: np.ndarray, mixed: bool = True) -> bool:
        """Whether trades (K,) keep within every limit; lots and number of trades count where ``mixed``."""
        return bool(self.allowed(x[None], self.most_trades if mixed else 0, mixed)[0])

    def allowed(self, trades: np.ndarray, most_trades: int, lots: bool = True) -> np.ndarray:
        """Whether trades (N, K) keep within every limit, in number (0: any) and in whole lots (N,)."""
        size = np.abs(trades)
        good = (size @ self.cost <= self.budget * (1.0 + 1e-9)) & np.all(size <= self.most * (1.0 + 1e-9), axis=1)
        for _, row, low, high in self.limits:
            slack = 1e-6 * max(1.0, *(abs(v) for v in (low, high) if np.isfinite(v)))
            good &= (low - slack <= trades @ row) & (trades @ row <= high + slack)
        if most_trades:
            good &= np.count_nonzero(trades, axis=1) <= most_trades
        if lots and np.isfinite(self.lot).any():
            own = np.isfinite(self.lot)
            whole = trades[:, own] / self.lot[own]
            good &= np.all(np.abs(whole - np.rint(whole)) < 1e-6, axis=1)
        return good

    def cut(self, x: np.ndarray) -> None:
        """Planes below the margin near ``x``: value and slopes at a point just beside it, where it has no kink."""
        side = np.where(np.arange(len(x)) % 2, 1.0, -1.0)
        at = x + 3.0 * STEP * self.unit * np.where(x == 0, side, -np.sign(x))
        found = self._told(at)
        self.active.append(len(self.planes))
        self.planes.append((float(found.need - found.slope @ at), found.slope))
        self._seen(at, found.need)
        if found.pnl is not None and found.pnl_slope is not None and found.worst >= 0:
            self._scan(at, found)

    def _told(self, at: np.ndarray) -> Slopes:
        """Slopes by the ledger where a step in two directions agrees with them, else by a step of each candidate."""
        step = STEP * self.unit
        told = self.margin.slopes(at)
        ways = np.array([np.where(np.arange(len(at)) % n, 1.0, -1.0) for n in (2, 3)]) * 0.5 * step
        found = self.margin(at + ways).need - told.need
        self.reruns += 3
        if np.all(np.abs(found - ways @ told.slope) <= 1e-4 * (np.abs(ways) @ np.abs(told.slope)) + 1e-12 * told.need):
            return told
        need = self.margin(np.vstack([at, at + np.diag(step)])).need
        self.reruns += len(need)
        return Slopes(float(need[0]), (need[1:] - need[0]) / step)

    def _scan(self, at: np.ndarray, found: Slopes) -> None:
        """Planes of all scenarios at once, once it is known what the margin makes of a unit of scenario loss.

        Where two points bind in different scenarios, slopes of margin differ by that factor times those of the loss.
        """
        assert found.pnl is not None
        assert found.pnl_slope is not None
        if self.factor is not None and np.isnan(self.factor):
            return
        self.scans.append(Scan(at, found.need, found.slope, -found.pnl, -found.pnl_slope, found.worst))
        if self.factor is None:
            self.factor = factor_of(self.scans)
        if self.factor is not None:
            made = [plane for scan in self.scans for plane in scan.planes(self.factor)]
            self.scans.clear()
            self.guessed.extend(range(len(self.planes), len(self.planes) + len(made)))
            self.planes.extend(made)
            if made and not self._agree(len(self.planes) - len(made)):
                self._withdraw()

    def _seen(self, x: np.ndarray, need: float) -> None:
        """A point lies above every plane of a convex margin, and every plane below every point."""
        self.points.append((x, need))
        if not self.planes or (self._agree(len(self.planes) - 1) and self._agree(0, len(self.points) - 1)):
            return
        if self.guessed:
            self._withdraw()
        self.convex &= self._agree()

    def _agree(self, plane: int = 0, point: int = 0) -> bool:
        """Whether no plane from number ``plane`` on lies above a point from number ``point`` on."""
        points, needs = np.array([p for p, _ in self.points[point:]]), np.array([n for _, n in self.points])
        spread = 1e-5 * max(1.0, np.abs(needs).max())
        return bool(np.all(self._below(points, plane) <= needs[point:] + spread))

    def _withdraw(self) -> None:
        """Take back the planes of scenarios that did not bind, and the bound that may rest on them."""
        for n in self.guessed:
            self.planes[n] = (-np.inf, np.zeros(len(self.cost)))
        self.guessed.clear()
        self.lower, self.factor = -np.inf, np.nan

    def _below(self, x: np.ndarray, start: int = 0) -> np.ndarray:
        """The highest plane from number ``start`` on at points (N, K)."""
        offset = np.array([o for o, _ in self.planes[start:]])
        return (offset + x @ np.array([s for _, s in self.planes[start:]]).T).max(axis=1)

    def master(self, mixed: bool, seconds: float) -> Solution:
        """The programme over the planes that matter: those that its answer breaks are taken in until none is left."""
        offset = np.array([o for o, _ in self.planes])
        slopes = np.array([s for _, s in self.planes])
        while True:
            found = self.answer(planned(self, mixed), max(seconds, 0.5))
            k = len(self.cost)
            over = offset + slopes @ (found.x[:k] - found.x[k : 2 * k]) - found.x[2 * k]
            over[self.active] = -np.inf
            worst = np.argsort(-over)[:MANY]
            broken = worst[over[worst] > 0.1 * TOLERANCE * max(1.0, abs(found.value))]
            if mixed or not len(broken):
                return found
            self.active.extend(broken.tolist())

    @property
    def measure(self) -> np.ndarray:
        """What a unit of each variable of the programme is (2K + 1,): the most of a trade, the margin without any."""
        return np.concatenate([self.most, self.most, [self.before or 1.0]])

    def answer(self, programme: Programme, seconds: float) -> Solution:
        """What a programme finds, in contracts and money."""
        found, money = programme.solve(seconds=seconds), self.measure[-1]
        x = found.x[: len(self.measure)] * self.measure
        return Solution(x, found.value * money, found.bound * money, found.finished)

    def trades(self, x: np.ndarray) -> np.ndarray:
        """Signed trades, dust left out, lots to the last digit."""
        k = len(self.cost)
        trades = x[:k] - x[k : 2 * k]
        trades[np.abs(trades) < 1e-9 * np.maximum(self.most, 1e-12)] = 0.0
        lots = np.where(np.isfinite(self.lot), self.lot, 1.0)
        near = np.rint(trades / lots) * lots
        return np.where(np.isfinite(self.lot) & (np.abs(near - trades) < 1e-6 * lots), near, trades)
