"""Things shared out over pots so that the sum of what the pots cost is least: exact where few, by exchange beyond."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

PAIRS_A_LOAD = 512
PAIRS_A_ROUND = 20_000
TIE = 1e-9

Cost = Callable[[np.ndarray], np.ndarray]


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
        """The least sum over all sharings: pots are added one by one, each load keeping its best way to get there.

        best_v(S) = min over T ⊆ S of best_{v−1}(S − T) + cost_v(T): as going through every sharing, but each load of
        each pot is costed once.
        """
        shape = tuple(int(n) + 1 for n in self.lots)
        loads = np.stack(np.unravel_index(np.arange(math.prod(shape)), shape), axis=1).astype(np.int64)
        cost = [of(loads) for of in self.cost]
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
        return Shares(counts, float(best[-1][-1]), len(loads) * len(cost), True)

    def exchange(self, starts: Sequence[np.ndarray]) -> Shares:
        """The best that single moves and exchanges of two reach from any of ``starts`` (V, K).

        One lot or all lots of a thing move at a time; where no single move lowers the sum, two at once between the
        same two pots, either way, are tried, up to 20,000 a round.
        """
        reached = [self._descended(start.copy()) for start in starts]
        counts, cost = min(reached, key=lambda r: r[1]) if reached else (np.zeros((0, 0), np.int64), np.inf)
        return Shares(counts, cost, self.tried, False)

    def total(self, counts: np.ndarray) -> float:
        """The sum of all pots (V, K)."""
        return float(sum(self._costs(v, [row])[0] for v, row in enumerate(counts)))

    def _descended(self, counts: np.ndarray) -> tuple[np.ndarray, float]:
        cost = self.total(counts)
        while np.isfinite(cost):
            changes = list(_moves(counts))
            step, lower = self._best(counts, changes)
            if not lower < -TIE * max(1.0, abs(cost)):
                step, lower = self._best(counts, _exchanges(counts, changes))
            if not lower < -TIE * max(1.0, abs(cost)):
                break
            a, b, change = step
            counts[a] -= change
            counts[b] += change
            cost += lower
        return counts, self.total(counts)

    def _best(self, counts: np.ndarray, steps: Sequence[tuple[int, int, np.ndarray]]) -> tuple[tuple, float]:
        """The step that lowers the sum most, and by how much; +∞ where there is none."""
        if not steps:
            return (), np.inf
        change = np.zeros(len(steps))
        for v, row in enumerate(counts):
            out = [n for n, (a, b, _) in enumerate(steps) if v in (a, b)]
            loads = [row + (steps[n][2] if steps[n][1] == v else -steps[n][2]) for n in out]
            change[out] += np.array(self._costs(v, loads)) - self._costs(v, [row])[0]
        n = int(np.argmin(change))
        return steps[n], float(change[n])

    def _costs(self, v: int, loads: Sequence[np.ndarray]) -> list[float]:
        """What pot v costs under each load; a load is costed once."""
        known, keys = self.known[v], [load.tobytes() for load in loads]
        new = {key: load for key, load in zip(keys, loads, strict=True) if key not in known}
        if new:
            found = self.cost[v](np.stack(list(new.values())))
            known.update(zip(new, found.tolist(), strict=True))
            self.tried += len(new)
        return [known[key] for key in keys]


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


def _moves(counts: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """(from, to, lots (K,)): one lot or all lots of one thing from a pot to another."""
    pots, width = counts.shape
    for a, k in zip(*np.nonzero(counts), strict=True):
        for size in {1, int(counts[a, k])}:
            change = np.zeros(width, np.int64)
            change[k] = size
            yield from ((int(a), b, change) for b in range(pots) if b != a)


def _exchanges(counts: np.ndarray, moves: Sequence[tuple[int, int, np.ndarray]]) -> list[tuple[int, int, np.ndarray]]:
    """Two moves of different things at once between the same two pots, either way; none where they are too many."""
    by: dict[tuple[int, int], list[np.ndarray]] = {}
    for a, b, change in moves:
        by.setdefault((min(a, b), max(a, b)), []).append(change if a < b else -change)
    if sum(len(own) * (len(own) - 1) // 2 for own in by.values()) > PAIRS_A_ROUND:
        return []
    return [
        (a, b, one + other)
        for (a, b), own in by.items()
        for n, one in enumerate(own)
        for other in own[n + 1 :]
        if not (one * other).any()
    ]
