"""Things shared out over pots so that the sum of what the pots cost is least: exact where few, by exchange beyond."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

PAIRS_A_LOAD = 512
PAIRS_A_ROUND = 2_000
LOADS_ANEW = 256
MOST_KNOWN = 1 << 23
ORDERS = 4
TIE = 1e-9

Cost = Callable[[np.ndarray], np.ndarray]
Step = tuple[int, int, np.ndarray]


@dataclass(frozen=True, eq=False)
class Shares:
    """Lots of each thing (V, K) in each pot, their cost, loads that were costed, and whether no sharing costs less."""

    counts: np.ndarray
    cost: float
    tried: int
    exact: bool


@dataclass(eq=False)
class Pots:
    """What pot v costs with ``counts`` (N, K) lots in it, infinite where it cannot hold them; ``lots`` (K,) in all."""

    cost: Sequence[Cost]
    lots: np.ndarray
    known: list[dict[bytes, float]] = field(default_factory=list)
    tried: int = 0

    def __post_init__(self) -> None:
        self.known = [{} for _ in self.cost]

    def few(self, most: int) -> bool:
        """Whether a pot has so few loads that every sharing can be gone through."""
        loads = math.prod(int(n) + 1 for n in self.lots)
        pairs = math.prod((int(n) + 1) * (int(n) + 2) // 2 for n in self.lots)
        return loads <= most and pairs <= PAIRS_A_LOAD * most

    def exact(self) -> Shares:
        """The least sum over all sharings, each load of each pot costed once."""
        loads = _loads(self.lots)
        counts, cost = _least([of(loads) for of in self.cost], loads, tuple(self.lots + 1))
        return Shares(counts, cost, len(loads) * len(self.cost), True)

    def exchange(self, starts: Sequence[np.ndarray]) -> Shares:
        """The best that exchanges reach from any of ``starts`` (V, K).

        One lot or all lots of a thing move at a time; where no single move lowers the sum, two at once between the
        same two pots, either way, are tried, up to 2,000 a round. The best of all is then shared out anew a few things
        at a time, each few exactly, in several fixed orders until none lowers the sum.
        """
        reached = [self._descended(start.copy()) for start in starts]
        counts, cost = min(reached, key=lambda r: r[1]) if reached else (np.zeros((0, 0), np.int64), np.inf)
        if np.isfinite(cost):
            counts, cost = self._shared_anew(counts, cost)
        return Shares(counts, cost, self.tried, False)

    def _shared_anew(self, counts: np.ndarray, cost: float) -> tuple[np.ndarray, float]:
        order, idle = np.random.default_rng(ORDERS), 0
        while idle < ORDERS:
            idle += 1
            for few in _cut(order.permutation(len(self.lots)), self.lots):
                lots, rest = self.lots[few], counts.copy()
                rest[:, few] = 0
                loads = _loads(lots)
                whole = np.repeat(rest[:, None, :], len(loads), axis=1)
                whole[:, :, few] = loads
                costs = [np.array(self._costs(v, list(rows))) for v, rows in enumerate(whole)]
                found, lower = _least(costs, loads, tuple(lots + 1))
                if lower < cost - TIE * max(1.0, abs(cost)):
                    counts, cost, idle = rest, lower, 0
                    counts[:, few] = found
        return counts, self.total(counts)

    def total(self, counts: np.ndarray) -> float:
        """The sum of all pots (V, K)."""
        return float(sum(self._costs(v, [row])[0] for v, row in enumerate(counts)))

    def _descended(self, counts: np.ndarray) -> tuple[np.ndarray, float]:
        cost = self.total(counts)
        while np.isfinite(cost):
            steps = list(_moves(counts))
            change = self._changes(counts, steps)
            if not _lowers(change, cost):
                steps = _exchanges(steps, change)
                change = self._changes(counts, steps)
            if not _lowers(change, cost):
                break
            counts, cost = self._taken(counts, steps, change)
        return counts, cost

    def _taken(self, counts: np.ndarray, steps: Sequence[Step], change: np.ndarray) -> tuple[np.ndarray, float]:
        """The best of the first, the first two, four, eight … of the steps that lower the sum, a thing moved once."""
        reached, moved, done = counts.copy(), np.zeros(counts.shape[1], bool), 0
        tried = []
        for n in np.argsort(change, kind="stable"):
            a, b, lots = steps[n]
            if not change[n] < 0:
                break
            if not (moved & (lots != 0)).any():
                reached[a] -= lots
                reached[b] += lots
                moved |= lots != 0
                done += 1
                tried += [reached.copy()] if done & (done - 1) == 0 else []
        tried.append(reached)
        total = np.sum([self._costs(v, [c[v] for c in tried]) for v in range(len(counts))], axis=0)
        return tried[int(np.argmin(total))], float(total.min())

    def _changes(self, counts: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
        """By how much each step (N,) changes the sum."""
        change = np.zeros(len(steps))
        for v, row in enumerate(counts):
            out = [n for n, (a, b, _) in enumerate(steps) if v in (a, b)]
            loads = [row + (steps[n][2] if steps[n][1] == v else -steps[n][2]) for n in out]
            change[out] += np.array(self._costs(v, loads)) - self._costs(v, [row])[0]
        return change

    def _costs(self, v: int, loads: Sequence[np.ndarray]) -> list[float]:
        """What pot v costs under each load; a load is costed once."""
        known, keys = self.known[v], [load.tobytes() for load in loads]
        if len(known) * len(self.lots) > MOST_KNOWN:
            known.clear()
        new = {key: load for key, load in zip(keys, loads, strict=True) if key not in known}
        if new:
            found = self.cost[v](np.stack(list(new.values())))
            known.update(zip(new, found.tolist(), strict=True))
            self.tried += len(new)
        return [known[key] for key in keys]


def _loads(lots: np.ndarray) -> np.ndarray:
    """Every load (S, K) of a pot, in the order of its number."""
    shape = tuple(lots + 1)
    return np.stack(np.unravel_index(np.arange(math.prod(shape)), shape), axis=1).astype(np.int64)


def _least(cost: Sequence[np.ndarray], loads: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, float]:
    """The sharing (V, K) of least cost, from what each pot costs under each load (S,).

    best_v(S) = min over T ⊆ S of best_{v−1}(S − T) + cost_v(T): as going through every sharing, pot by pot.
    """
    whole, part, start = _inclusions(shape)
    best = [cost[0]]
    for own in cost[1:]:
        best.append(np.minimum.reduceat(best[-1][whole - part] + own[part], start[:-1]))
    counts, left = np.zeros((len(cost), len(shape)), np.int64), len(loads) - 1
    for v in range(len(cost) - 1, 0, -1):
        here = slice(start[left], start[left + 1])
        taken = part[here][np.argmin(best[v - 1][left - part[here]] + cost[v][part[here]])]
        counts[v], left = loads[taken], left - taken
    counts[0] = loads[left]
    return counts, float(best[-1][-1])


def _cut(order: np.ndarray, lots: np.ndarray) -> Iterator[np.ndarray]:
    """Things in ``order`` a few at a time, so that a pot has no more than 256 loads of them."""
    few: list[int] = []
    for k in order[lots[order] < LOADS_ANEW]:
        if few and math.prod(int(lots[n]) + 1 for n in (*few, k)) > LOADS_ANEW:
            yield np.array(few)
            few = []
        few.append(int(k))
    if few:
        yield np.array(few)


def _inclusions(shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers (P,) of every load and of every load inside it, sorted by the first; where each load starts (S+1,)."""
    whole, part = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for width in shape:
        s, t = np.tril_indices(width)
        whole = (whole[:, None] * width + s).ravel()
        part = (part[:, None] * width + t).ravel()
    order = np.argsort(whole, kind="stable")
    count = np.bincount(whole, minlength=math.prod(shape))
    return whole[order], part[order], np.concatenate([[0], np.cumsum(count)])


def _moves(counts: np.ndarray) -> Iterator[Step]:
    """(from, to, lots (K,)): one lot or all lots of one thing from a pot to another."""
    pots, width = counts.shape
    for a, k in zip(*np.nonzero(counts), strict=True):
        for size in {1, int(counts[a, k])}:
            change = np.zeros(width, np.int64)
            change[k] = size
            yield from ((int(a), b, change) for b in range(pots) if b != a)


def _exchanges(moves: Sequence[Step], change: np.ndarray) -> list[Step]:
    """Two moves of different things at once between the same two pots, either way.

    Where that would be too many, the moves that by themselves raise the sum least are combined.
    """
    by: dict[tuple[int, int], list[np.ndarray]] = {}
    for n in np.argsort(change, kind="stable"):
        a, b, lots = moves[n]
        by.setdefault((min(a, b), max(a, b)), []).append(lots if a < b else -lots)
    most = int(math.sqrt(2 * PAIRS_A_ROUND / max(len(by), 1)))
    return [
        (a, b, one + other)
        for (a, b), own in by.items()
        for n, one in enumerate(own[:most])
        for other in own[n + 1 : most]
        if not (one * other).any()
    ]


def _lowers(change: np.ndarray, cost: float) -> bool:
    return bool(change.min(initial=0.0) < -TIE * max(1.0, abs(cost)))
