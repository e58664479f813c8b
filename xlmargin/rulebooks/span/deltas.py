"""Net deltas by month, and the spreads that they form: a loop over published spreads, a vector over accounts."""

from __future__ import annotations

import numpy as np

from ...book import Book, Nets
from .plan import Leg, Plan, Spread


class Deltas:
    """What is left of each commodity's monthly net deltas as spreads consume them.

    ``left[u]`` (N_u, M_u) belongs to the accounts that hold scope ``u``; ``member[u]`` (N_u,) are their nets and
    ``place[u]`` (R,) says where each account stands there (−1: it holds none); ``base`` (N,) is every net's delta
    before spreads.
    """

    def __init__(self, book: Book, nets: Nets, plan: Plan, delta: np.ndarray) -> None:
        by_month = book.split(plan.month)
        net = by_month.sum(delta)
        scopes = len(plan.width)
        key = nets.row * max(scopes, 1) + nets.group
        owner = np.searchsorted(key, by_month.row * max(scopes, 1) + plan.month_scope[by_month.group])
        self.nets = nets
        self.member = [np.flatnonzero(nets.group == u) for u in range(scopes)]
        self.place = [np.full(len(book), -1, np.int64) for _ in range(scopes)]
        self.left = [np.zeros((len(m), w)) for m, w in zip(self.member, plan.width, strict=True)]
        for u, member in enumerate(self.member):
            self.place[u][nets.row[member]] = np.arange(len(member))
            here = np.flatnonzero(nets.group[owner] == u) if len(owner) else owner
            self.left[u][np.searchsorted(member, owner[here]), plan.column[by_month.group[here]]] = net[here]
        self.start = [left.copy() for left in self.left]
        self.base = self.net()

    def calendar(self, spread: Spread) -> np.ndarray:
        """How many times a calendar spread forms (N_u,), A long against B short and then the other way round."""
        u = spread.legs[0].scope
        count = np.zeros(len(self.left[u]))
        for turn in (1.0, -1.0):
            reach = [self._reach(u, leg.columns, turn * leg.side) / leg.ratio for leg in spread.legs]
            formed = np.minimum.reduce(reach)
            if formed.any():
                for leg in spread.legs:
                    self._take(self.left[u], leg.columns, turn * leg.side, formed * leg.ratio)
                count += formed
        return count

    def _reach(self, u: int, columns: np.ndarray, sign: float) -> np.ndarray:
        """Deltas of one sign over some months (N_u,); months of the other sign do not net against them."""
        return np.maximum(sign * self.left[u][:, columns], 0.0).sum(axis=1)

    @staticmethod
    def _take(left: np.ndarray, columns: np.ndarray, sign: np.ndarray | float, amount: np.ndarray) -> None:
        """Consume ``amount`` (N,) of the deltas of one sign, nearest month first."""
        sign = np.broadcast_to(np.asarray(sign, np.float64), (len(left),))[:, None]
        here = np.maximum(sign * left[:, columns], 0.0)
        before = np.cumsum(here, axis=1) - here
        left[:, columns] -= sign * np.clip(amount[:, None] - before, 0.0, here)

    def used(self, u: int) -> np.ndarray:
        """Deltas that spreads have consumed (N_u, M_u)."""
        return np.abs(self.start[u]) - np.abs(self.left[u])

    def net(self) -> np.ndarray:
        """Net delta of every net (N,) as it stands."""
        out = np.zeros(len(self.nets))
        for member, left in zip(self.member, self.left, strict=True):
            out[member] = left.sum(axis=1)
        return out

    def holders(self, legs: tuple[Leg, ...]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Accounts that hold every leg, and where they stand in each leg's scope."""
        rows = np.flatnonzero(np.logical_and.reduce([self.place[leg.scope] >= 0 for leg in legs]))
        return rows, [self.place[leg.scope][rows] for leg in legs]

    def between(self, legs: tuple[Leg, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Accounts (K,) in which a spread between commodities forms, and how often (K,); consumes its deltas.

        All A legs must be of one sign and all B legs of the other.
        """
        rows, at = self.holders(legs)
        nets = [self.left[g.scope][i][:, g.columns].sum(axis=1) * g.side for g, i in zip(legs, at, strict=True)]
        lowest, highest = np.minimum.reduce(nets), np.maximum.reduce(nets)
        formed = np.minimum.reduce([np.abs(n) / leg.ratio for n, leg in zip(nets, legs, strict=True)])
        formed = np.where((lowest > 0) | (highest < 0), formed, 0.0)
        does = np.flatnonzero(formed > 0)
        for leg, net, i in zip(legs, nets, at, strict=True):
            left = self.left[leg.scope]
            part = left[i[does]]
            self._take(part, leg.columns, np.sign(net[does]) * leg.side, formed[does] * leg.ratio)
            left[i[does]] = part
        return rows[does], formed[does]

    def move(self, source: Leg, rows: np.ndarray, target: int, factor: float) -> None:
        """Move all deltas of a leg to the nearest month of another scope where it is held; elsewhere they lapse."""
        part = self.place[source.scope][rows]
        moved = self.left[source.scope][part].sum(axis=1) * factor
        self.left[source.scope][part] = 0.0
        self.base[self.member[source.scope][part]] = 0.0
        if target >= 0:
            there = self.place[target][rows]
            self.left[target][there[there >= 0], 0] += moved[there >= 0]
            self.base[self.member[target][there[there >= 0]]] += moved[there >= 0]
