"""Spreads of any number of legs: FINRA's definition since 2012, margined at their largest netted loss.

A spread is long and short options of one underlying, one style and one multiplier, as many long as short of calls and
of puts, the shorts expiring with the longs or before. The largest loss of two spreads together never exceeds the sum of
their own, so all spreads whose shorts expire by T and whose longs expire at T or later may be one: a pool for each T is
enough for every best cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from scipy import sparse

from .position import Position


@dataclass(frozen=True, eq=False)
class Pool:
    """A spread that was formed: option numbers and contracts (k,), its largest loss and the price where it stands."""

    members: np.ndarray
    contracts: np.ndarray
    loss: float
    price: float


@dataclass(frozen=True, eq=False)
class Pools:
    """A pool per expiry, style and multiplier: ``member`` (v,) options that may stand in ``pool`` (v,)."""

    member: np.ndarray
    pool: np.ndarray
    count: int
    rows: sparse.csr_matrix

    @classmethod
    def of(cls, p: Position) -> Pools:
        """Every pool that could hold a long and a short option."""
        member, pool, losses, balances = [], [], [], []
        for expiry, style, multiplier in sorted({*zip(p.expiry, p.style, p.multiplier, strict=True)}):
            fits = (p.style == style) & (p.multiplier == multiplier)
            fits &= np.where(p.count < 0, p.expiry <= expiry, p.expiry >= expiry)
            here = np.flatnonzero(fits)
            if not (p.count[here] < 0).any() or not (p.count[here] > 0).any():
                continue
            pool.append(np.full(len(here), len(losses)))
            member.append(here)
            losses.append(payoffs(p, here))
            balances.append(np.stack([np.sign(p.count[here]) * (p.call[here] == call) for call in (True, False)]))
        count = len(losses)
        blocks = sparse.block_diag([*losses], format="csr") if count else sparse.csr_matrix((0, 0))
        floors = np.repeat(np.arange(count), [len(x) for x in losses])
        worst = sparse.csr_matrix((np.ones(len(floors)), (np.arange(len(floors)), floors)), (len(floors), count))
        even = sparse.block_diag(balances, format="csr") if count else sparse.csr_matrix((0, 0))
        nothing = sparse.csr_matrix((even.shape[0], count))
        rows = sparse.vstack([sparse.hstack([blocks, worst]), sparse.hstack([even, nothing])], format="csr")
        empty = [np.zeros(0, np.int64)]
        return cls(np.concatenate(member or empty), np.concatenate(pool or empty), count, rows)

    def constraints(
        self, use: sparse.csr_matrix, units: np.ndarray, cost: np.ndarray
    ) -> tuple[list[scipy.optimize.LinearConstraint], np.ndarray, np.ndarray]:
        """Limits, integrality and cost of groups, then pool contracts, then pool losses."""
        v, groups = len(self.member), use.shape[1]
        inside = sparse.csr_matrix((np.ones(v), (self.member, np.arange(v))), (len(units), v))
        placed = sparse.hstack([use, inside, sparse.csr_matrix((len(units), self.count))], format="csr")
        limits = [scipy.optimize.LinearConstraint(placed, units, units)]
        if self.count:
            low = np.zeros(self.rows.shape[0])
            high = np.full(len(low), np.inf)
            high[len(low) - 2 * self.count :] = 0.0
            unused = sparse.csr_matrix((len(low), groups))
            limits.append(scipy.optimize.LinearConstraint(sparse.hstack([unused, self.rows], format="csr"), low, high))
        whole = np.concatenate([np.ones(groups + v), np.zeros(self.count)])
        return limits, whole, np.concatenate([cost, np.zeros(v), np.ones(self.count)])

    def chosen(self, p: Position, values: np.ndarray) -> tuple[Pool, ...]:
        """The pools that hold anything."""
        made = []
        for number in range(self.count):
            here = np.flatnonzero((self.pool == number) & (values[: len(self.member)] > 0))
            if len(here):
                members, contracts = self.member[here], values[here]
                results = payoffs(p, members) @ contracts
                prices = np.unique(np.append(p.strike[members], 0.0))
                worst = int(results.argmin())
                made.append(Pool(members, contracts, max(0.0, -float(results[worst])), float(prices[worst])))
        return tuple(made)


def payoffs(p: Position, members: np.ndarray) -> np.ndarray:
    """Intrinsic results (prices, k) of one contract each, held on its own side, at 0 and at every strike."""
    prices = np.unique(np.append(p.strike[members], 0.0))[:, None]
    reach = np.where(p.call[members], prices - p.strike[members], p.strike[members] - prices)
    return np.maximum(reach, 0.0) * np.sign(p.count[members]) * p.multiplier[members]
