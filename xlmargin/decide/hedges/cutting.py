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
    upper: float = np.inf
    lower: float = -np.inf
    convex: bool = True
    reruns: int = 0
    scans: list[_Scan] = field(default_factory=list)
    factor: float | None = None
    guessed: list[int] = field(default_factory=list)

    def total(self, x: np.ndarray, need: float) -> float:
        """Margin and cost of trades."""
        return need + float(self.cost @ np.abs(x))

    def solve(self, rounds: int, seconds: float) -> None:
        """Narrow until bound and best agree, rounds or time are used up, or the margin proves not convex."""
        end = time.perf_counter() + seconds
        nothing = np.zeros(len(self.cost))
        self.best = nothing
        self.try_(nothing, False)
        self.cut(nothing)
        self._phase(False, rounds, end)
        if np.isfinite(self.lot).any() or self.most_trades:
            whole = np.where(np.isnan(self.lot), self.best, np.trunc(self.best / self.lot) * self.lot)
            self.best, self.upper = nothing, np.inf
            for x in (nothing, whole):
                self.try_(x)
            self._phase(True, rounds, end)

    def _phase(self, mixed: bool, rounds: int, end: float) -> None:
        """Rounds of programme, exact re-run and a further plane, without or with lots and numbers of trades."""
        for turn in range(rounds):
            left = end - time.perf_counter()
            if left <= 0 or not self.convex:
                return
            try:
                found = self.master(mixed, left)
            except Unfinished:
                return
            self.lower = max(self.lower, found.bound)
            x = self._trades(found.x)
            self.try_(x, mixed)
            if self.upper - self.lower <= TOLERANCE * max(1.0, abs(self.upper)):
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
        good = bool(np.abs(x) @ self.cost <= self.budget * (1.0 + 1e-9))
        good &= bool(np.all(np.abs(x) <= self.most * (1.0 + 1e-9)))
        for _, row, low, high in self.limits:
            slack = 1e-6 * max(1.0, *(abs(v) for v in (low, high) if np.isfinite(v)))
            good &= bool(low - slack <= x @ row <= high + slack)
        if mixed:
            good &= not self.most_trades or np.count_nonzero(x) <= self.most_trades
            own = np.isfinite(self.lot)
            lots = x[own] / self.lot[own]
            good &= bool(np.all(np.abs(lots - np.rint(lots)) < 1e-6))
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
        self.scans.append(_Scan(at, found.need, found.slope, -found.pnl, -found.pnl_slope, found.worst))
        if self.factor is None:
            self.factor = _factor(self.scans)
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
            found = self._programme(mixed).solve(seconds=max(seconds, 0.5))
            k = len(self.cost)
            over = offset + slopes @ (found.x[:k] - found.x[k : 2 * k]) - found.x[2 * k]
            over[self.active] = -np.inf
            worst = np.argsort(-over)[:MANY]
            broken = worst[over[worst] > 0.1 * TOLERANCE * max(1.0, abs(found.value))]
            if mixed or not len(broken):
                return found
            self.active.extend(broken.tolist())

    def _programme(self, mixed: bool) -> Programme:
        """Bought (K), sold (K), margin (1), and lots and switches where they count."""
        k = len(self.cost)
        low = np.concatenate([np.zeros(2 * k), [-np.inf]])
        high = np.concatenate([self.most, self.most, [np.inf]])
        programme = Programme(np.concatenate([self.cost, self.cost, [1.0]]), low, high, np.zeros(2 * k + 1, bool))
        every = np.arange(2 * k + 1)
        for n in self.active:
            offset, slope = self.planes[n]
            programme.add("", every, np.concatenate([-slope, slope, [1.0]]), offset, np.inf)
        for name, row, least, most in self.limits:
            programme.add(name, every[:-1], np.concatenate([row, -row]), least, most)
        if np.isfinite(self.budget):
            programme.add("budget", every[:-1], np.tile(self.cost, 2), -np.inf, self.budget)
        if mixed:
            self._lots(programme, k)
            self._count(programme, k)
        return programme

    def _lots(self, programme: Programme, k: int) -> None:
        for n in np.flatnonzero(np.isfinite(self.lot)):
            for side in (n, n + k):
                at = _more(programme, 0.0, np.floor(self.most[n] / self.lot[n] + 1e-9))
                programme.add(f"lots of candidate {n}", [side, at], [1.0, -self.lot[n]], 0.0, 0.0)

    def _count(self, programme: Programme, k: int) -> None:
        if not self.most_trades:
            return
        on = [_more(programme, 0.0, 1.0) for _ in range(k)]
        for n, z in enumerate(on):
            programme.add(f"switch of candidate {n}", [n, n + k, z], [1.0, 1.0, -self.most[n]], -np.inf, 0.0)
        programme.add("most trades", on, np.ones(k), 0.0, float(self.most_trades))

    def _trades(self, x: np.ndarray) -> np.ndarray:
        """Signed trades, dust left out, lots to the last digit."""
        k = len(self.cost)
        trades = x[:k] - x[k : 2 * k]
        trades[np.abs(trades) < 1e-9 * np.maximum(self.most, 1e-12)] = 0.0
        lots = np.where(np.isfinite(self.lot), self.lot, 1.0)
        near = np.rint(trades / lots) * lots
        return np.where(np.isfinite(self.lot) & (np.abs(near - trades) < 1e-6 * lots), near, trades)


@dataclass(frozen=True, eq=False)
class _Scan:
    """A point (K,), its margin and slopes (K,), the loss (S,) and its slopes (K, S) in every scenario, which bound."""

    at: np.ndarray
    need: float
    slope: np.ndarray
    loss: np.ndarray
    slopes: np.ndarray
    worst: int

    def planes(self, factor: float) -> list[tuple[float, np.ndarray]]:
        """The margin's plane if each other scenario bound instead."""
        made = []
        for s in range(len(self.loss)):
            if s == self.worst:
                continue
            slope = self.slope + factor * (self.slopes[:, s] - self.slopes[:, self.worst])
            value = self.need + factor * (self.loss[s] - self.loss[self.worst])
            made.append((float(value - slope @ self.at), slope))
        return made


def _factor(scans: list[_Scan]) -> float | None:
    """Margin per unit of scenario loss, told by two points that bind in different scenarios; None where unclear.

    Other charges may turn between them too: three candidates or more must agree.
    """
    for n, one in enumerate(scans):
        for other in scans[:n]:
            if one.worst == other.worst:
                continue
            loss = one.slopes[:, one.worst] - other.slopes[:, other.worst]
            moved = np.abs(loss) > 1e-3 * np.abs(loss).max(initial=0.0)
            ratio = (one.slope - other.slope)[moved] / loss[moved]
            middle = float(np.median(ratio)) if len(ratio) else np.nan
            if not middle > 0:
                continue
            same = np.abs(ratio / middle - 1.0) < 1e-3
            if same.sum() > 2 and same.mean() > 0.5:
                return middle
    return None


def _more(programme: Programme, low: float, high: float) -> int:
    """A further whole variable of a programme, without cost."""
    programme.cost, programme.low, programme.high = (
        np.append(v, n) for v, n in ((programme.cost, 0.0), (programme.low, low), (programme.high, high))
    )
    programme.whole = np.append(programme.whole, True)
    return len(programme.cost) - 1
