"""The best lists of trades by exact re-runs, where no bound holds: of one trade, then of two, of three …

A list of n trades starts from the best shorter ones and one trade more, from what is held closed and from the
relaxation's answer, and is changed as long as a change helps: sizes alone and in pairs, a trade left out, put in or
put in another's place. Lists up to n are made in the same way whatever the most allowed: a longer list is no worse.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field

import numpy as np

from .changes import List, Moves, distinct
from .cutting import Search

KICKED, SHARE = 24, 0.04  # times that the best list of a length is made anew by chance; share of the work for it
KEPT = 3  # lists of every length that longer ones grow from
FRESH = 4  # new lists of every length that are improved
NEAREST = 40  # candidates, the best ones to put in, that are put in another's place and of which every pair is tried
VARIED = 8  # the largest trades of a list, whose sizes are changed in pairs
DRAWN = 12  # directions in which all sizes are changed at once
SHORT = 5  # trades of the relaxation that are left out one by one
IDLE = 2  # lengths without gain after which no longer ones are tried
ROWS = 4096
LEGS, MORE_LEGS = 4_500_000, 15_000  # positions in all re-runs of a search, and more for each candidate: 2–3 seconds
NEAR = 1e-6
HALVINGS = 2.0 ** -np.arange(14)
SWAPPED = (1.0, 0.5, -0.5, -1.0)
TRIED = (1.0, 0.25, 0.0625, -0.0625, -0.25, -1.0)


@dataclass(eq=False)
class Lists:
    """A search of lists until ``end``, from trades ``probes`` (N, K) too that were looked at already.

    ``late`` says that its own time has run out: what the proof of a bound was given may be used up before it starts.
    """

    search: Search
    probes: np.ndarray
    end: float
    spent: int = 0
    late: bool = False
    known: dict[bytes, List] = field(default_factory=dict)
    singles: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    nearest: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def work(self) -> int:
        """What a search may spend, in positions of all its re-runs: fixed, so that each run gives the same answer."""
        return LEGS + MORE_LEGS * len(self.search.cost)

    @property
    def over(self) -> bool:
        """Whether time or work is used up."""
        return self.late or self.spent > self.work

    def best(self, most: int) -> None:
        """Keep the best list of at most ``most`` trades (0: any number) in the search."""
        search = self.search
        kept = [self.of(np.zeros(len(search.cost)))]
        idle, shorter = 0, self._shortened(kept[0])
        for count in range(1, min(most or len(search.cost), len(search.cost)) + 1):
            starts = [*self._grown(kept, count), *self._given(count), *self._looked_at(count)]
            starts += [shorter[count]] if count in shorter else []
            found = [self.improved(start, count) for start in distinct(starts)]
            if count <= VARIED // 2:
                found.append(self._kicked(min([*kept, *found], key=lambda one: one.total), count))
            last, kept = kept[0].total, distinct([*kept, *found])[:KEPT]
            idle = 0 if kept[0].total < last - NEAR * search.scale else idle + 1
            if self.over or idle == IDLE or kept[0].total <= NEAR * search.scale:
                break
        if kept[0].total > NEAR * search.scale:
            starts = [] if most else self._given(len(search.cost))
            starts.append(List(search.best, search.upper))
            kept += [self.improved(start, most or len(search.cost)) for start in distinct(starts)]
        best = min(kept, key=lambda found: found.total)
        if best.total < search.upper and search.keeps(best.trades):
            search.best, search.upper = best.trades, best.total

    def of(self, trades: np.ndarray) -> List:
        """A list of trades with its total; infinite where it is not allowed."""
        every = np.arange(len(trades))[None]
        return List(trades, float(self.totals(trades, Moves(every, trades[None]), len(trades))[0]))

    def totals(self, base: np.ndarray, moves: Moves, most: int) -> np.ndarray:
        """Requirement and cost (N,) of changed trades, infinite where not allowed or where time has run out."""
        search, out = self.search, np.full(len(moves.size), np.inf)
        for low in range(0, len(out), ROWS):
            if time.perf_counter() > self.end:
                self.late = search.late = True
            if self.over:
                break
            rows = moves.rows(base, slice(low, low + ROWS))
            good = np.flatnonzero(search.allowed(rows, most))
            if len(good):
                out[low + good] = search.margin(rows[good]).need + np.abs(rows[good]) @ search.cost
                search.reruns += len(good)
                self.spent += len(good) * (len(search.margin.book.legs) + np.count_nonzero(base))
        return out

    def improved(self, start: List, most: int) -> List:
        """A list of at most ``most`` trades after every change that helps, the best one each time.

        What became of a start is remembered unless it was as long as it might be: longer lists start from it again.
        """
        start_key = start.trades.tobytes()
        if start_key in self.known and np.count_nonzero(self.known[start_key].trades) <= most:
            return self.known[start_key]
        drawn, last, full = np.random.default_rng(0), np.zeros(len(start.trades)), False
        while not self.over and start.total > NEAR * self.search.scale:
            full |= np.count_nonzero(start.trades) >= most
            for changes in (self._resized, self._exchanged):
                moves = changes(start.trades, last, drawn, most)
                total = self.totals(start.trades, moves, most)
                n = int(np.argmin(total))
                if total[n] < start.total - NEAR * self.search.scale:
                    fresh = moves.rows(start.trades, slice(n, n + 1))[0]
                    last, start = fresh - start.trades, List(fresh, float(total[n]))
                    break
            else:
                break
        if not full:
            self.known[start_key] = start
        return start

    def _given(self, count: int) -> list[List]:
        """What is held closed, and the relaxation's answer in lots, the largest ``count`` trades of each."""
        out = []
        for x in (-self.search.margin.held, self.search.relaxed):
            small = np.argsort(-np.abs(x) / self.search.unit, kind="stable")[count:]
            kept = x.copy()
            kept[small] = 0.0
            kept = self.search.in_lots(kept[None])[0]
            if kept.any():
                out.append(self.of(kept))
        return out

    def _kicked(self, best: List, most: int) -> List:
        """The best list after some were made from it by chance, in sizes and in what is traded, and improved."""
        search, drawn, end = self.search, np.random.default_rng(most), self.spent + SHARE * self.work
        for _ in range(KICKED):
            used = np.flatnonzero(best.trades)
            more = drawn.choice(len(search.cost), min(2, len(search.cost)), replace=False)
            chosen = np.union1d(used[drawn.random(len(used)) < 0.7], more)[None]
            chosen = drawn.permutation(chosen[0])[:most][None]
            size = best.trades[chosen] + search.most[chosen] * drawn.normal(0.0, 0.3, chosen.shape)
            every = np.arange(len(search.cost))[None]
            rows = Moves(chosen, _in_lots(search, chosen, size)).rows(np.zeros(len(search.cost)))
            start = List(rows[0], float(self.totals(rows[0], Moves(every, rows), most)[0]))
            best = min(best, self.improved(start, most), key=lambda found: found.total)
            if self.over or self.spent > end or best.total <= NEAR * search.scale:
                break
        return best

    def _shortened(self, nothing: List) -> dict[int, List]:
        """The relaxation's answer with ever fewer trades, the one that is missed least left out each time."""
        self._put_in(nothing, 1)
        out, count = {}, SHORT
        best = min(self._given(count), key=lambda found: found.total, default=nothing)
        while count and not self.over:
            out[count] = best = self.improved(best, count)
            used, count = np.flatnonzero(best.trades), min(count, np.count_nonzero(best.trades)) - 1
            moves = Moves(used[:, None], np.zeros((len(used), 1)))
            total = self.totals(best.trades, moves, 0)
            if not len(used):
                break
            n = int(np.argmin(total))
            best = List(moves.rows(best.trades, slice(n, n + 1))[0], float(total[n]))
        return out

    def _looked_at(self, count: int) -> list[List]:
        """The best of the trades that were looked at first, of just so many."""
        rows = self.probes[np.count_nonzero(self.probes, axis=1) == count]
        if not len(rows):
            return []
        every = Moves(np.tile(np.arange(rows.shape[1]), (len(rows), 1)), rows)
        total = self.totals(rows[0], every, count)
        return [List(rows[n], float(total[n])) for n in np.argsort(total, kind="stable")[:FRESH]]

    def _grown(self, kept: list[List], count: int) -> list[List]:
        """The best of the shorter lists and one trade more, each more trade once; of two trades also every pair."""
        self.nearest = np.zeros(0, np.int64)
        grown = [self._put_in(short, count) for short in kept if np.count_nonzero(short.trades) < count]
        if count == 1:
            self.singles = self.nearest
        if count == 2:
            grown.append(distinct(self._pairs(kept[0])))
        return [one for some in grown for one in some[: FRESH if count == 1 else FRESH // 2]]

    def _put_in(self, short: List, count: int) -> list[List]:
        """One trade more, at the best of the sizes tried."""
        other = np.flatnonzero(short.trades == 0)
        moves, width = Moves(*_one(other, self.search)), len(TRIED)
        total = self.totals(short.trades, moves, count).reshape(-1, width)
        best = np.argmin(total, axis=1) + np.arange(len(other)) * width
        order = np.argsort(total.flat[best], kind="stable")
        self.nearest = np.union1d(self.nearest, other[order[:NEAREST]])
        return [List(moves.rows(short.trades, slice(n, n + 1))[0], float(total.flat[n])) for n in best[order[:FRESH]]]

    def _pairs(self, short: List) -> list[List]:
        """Two trades at once, at a share of the most each way."""
        search, nothing = self.search, np.zeros(len(self.search.cost))
        pair = np.array(list(itertools.combinations(self.singles, 2)), np.int64).reshape(-1, 2)
        ways = np.array(list(itertools.product((1.0, 0.25, -0.25, -1.0), repeat=2)))
        candidate = np.repeat(pair, len(ways), axis=0)
        size = search.most[candidate] * np.tile(ways, (len(pair), 1))
        moves = Moves(candidate, _in_lots(search, candidate, size))
        total = self.totals(nothing, moves, 2)
        first = np.argsort(total, kind="stable")[: FRESH * 4]
        return [List(moves.rows(nothing, slice(n, n + 1))[0], float(total[n])) for n in first]

    def _resized(self, x: np.ndarray, last: np.ndarray, drawn: np.random.Generator, most: int) -> Moves:
        """The sizes of a list changed: each, pairs by their sizes and by equal worth, all in step, all as drawn."""
        search = self.search
        used = np.flatnonzero(x)
        if not len(used):
            return self._exchanged(x, last, drawn, most)
        used = used[np.argsort(-np.abs(x[used]) / search.unit[used], kind="stable")]
        own, unit = np.abs(x[used]), search.unit[used]
        ways = [np.diag(own), own[None] * np.sign(x[used]), last[used][None]]
        for a, b in itertools.combinations(range(min(len(used), VARIED)), 2):
            even = min(own[a] / unit[a], own[b] / unit[b]) * unit
            pair = np.zeros((4, len(used)))
            pair[:, a] = own[a], own[a], even[a], even[a]
            pair[:, b] = own[b], -own[b], even[b], -even[b]
            ways.append(pair)
        if len(used) > 1:
            ways.append(drawn.standard_normal((DRAWN, len(used))) * own)
        step = np.vstack(ways)
        shares = np.concatenate([HALVINGS, -HALVINGS])
        size = x[used] + (shares[:, None, None] * step).reshape(-1, len(used))
        lots = search.lot[used]
        whole = np.diag(lots[np.isfinite(lots)]) if np.isfinite(lots).all() else np.zeros((0, len(used)))
        size = np.vstack([size, x[used] + whole, x[used] - whole])
        candidate = np.tile(used, (len(size), 1))
        size = _in_lots(search, candidate, size)
        if np.isfinite(lots).all():
            size = np.unique(size, axis=0)
        return Moves(candidate[: len(size)], size)

    def _exchanged(self, x: np.ndarray, last: np.ndarray, drawn: np.random.Generator, most: int) -> Moves:
        """A trade left out, put in, or put in another's place at a share of its worth."""
        search = self.search
        used, other = np.flatnonzero(x), self.nearest[x[self.nearest] == 0]
        parts = [Moves(used[:, None], np.zeros((len(used), 1)))]
        if len(used) < most:
            parts.append(Moves(*_one(other, search)))
        old, new, share = (v.ravel() for v in np.meshgrid(used, other, SWAPPED, indexing="ij"))
        candidate = np.column_stack([old, new]).astype(np.int64)
        worth = x[candidate[:, 0]] / search.unit[candidate[:, 0]] * share
        size = np.column_stack([np.zeros(len(old)), worth * search.unit[candidate[:, 1]]])
        parts.append(Moves(candidate, _in_lots(search, candidate, size)))
        return Moves.joined([p for p in parts if len(p.size)])


def _one(candidate: np.ndarray, search: Search) -> tuple[np.ndarray, np.ndarray]:
    """One candidate at shares of its most, each way."""
    at = np.repeat(candidate, len(TRIED))[:, None]
    size = search.most[at] * np.tile(TRIED, len(candidate))[:, None]
    return at, _in_lots(search, at, size)


def _in_lots(search: Search, candidate: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Sizes of candidates (N, C) within the most of each, to the nearest lot."""
    size = np.clip(size, -search.most[candidate], search.most[candidate])
    lot = search.lot[candidate]
    whole = np.isfinite(lot)
    lot = np.where(whole, lot, 1.0)
    near = np.rint(size / lot) * lot
    over = np.abs(near) > search.most[candidate] * (1.0 + 1e-9)
    return np.where(whole, np.where(over, near - np.sign(near) * lot, near), size)
