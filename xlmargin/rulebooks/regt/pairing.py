"""The least-margin way to cut a position into recognised groups, found by linear and integer programming (HiGHS).

Every group is a column, every contract or lot a row that must be used up: min cost·x, A·x = units, x whole. The linear
programme is solved first, adding only columns that can lower it; its value is a bound, and a column whose reduced cost
exceeds what an integer solution lies above that bound cannot be in a better one. So the integer programme runs over few
columns and yet proves the optimum over all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from scipy import sparse

from .blocks import SPREAD, Block
from .groups import candidates, condors, every, irons
from .pools import Pool, Pools
from .position import Position

OPTIMAL, PAIR, ADDED = 0, 2, 10
CENT, WHOLE, START = 1e-2, 1e-6, 1e-4


@dataclass(frozen=True, eq=False)
class Chosen:
    """Groups with how often each stands (k,), and spreads of any number of legs.

    ``proved`` says that no cut asks less; ``gap`` is how far above the least this can be otherwise (USD).
    """

    groups: tuple[tuple[Block, np.ndarray], ...]
    pools: tuple[Pool, ...]
    proved: bool
    gap: float = 0.0

    def total(self, level: str) -> float:
        """Requirement of all groups and what shares are valued down."""
        named = sum(float((getattr(b, level) + b.valued) @ times) for b, times in self.groups)
        return named + sum(pool.loss for pool in self.pools)


def least(p: Position, rules: dict[str, Any], level: str, any_legs: bool = False) -> Chosen:
    """The cut of least ``level`` requirement.

    Groups have up to four options, or with ``any_legs`` any number (FINRA's spread since 2012). Up to ``most_groups``
    candidates the optimum is proved; beyond, groups of four are sought among the spreads of the best cut into pairs,
    and the result carries how far above the least it can be.
    """
    if any_legs:
        return _any_legs(p, rules, level)
    if candidates(p) > rules["most_groups"]:
        return _refined(p, rules, level)
    return _sifted(p, every(p, rules), level, rules)


def _sifted(p: Position, blocks: list[Block], level: str, rules: dict[str, Any]) -> Chosen:
    """The optimum over all columns: the linear bound, then the integer programme over columns near it."""
    use, cost = _columns(p, blocks, level)
    bound, times, reduced = _relaxed(use, cost, p.units)
    if np.all(np.abs(times - np.round(times)) <= WHOLE):
        return _chosen(blocks, np.round(times), True, 0.0)
    reach = max(START * abs(bound), CENT)
    while True:
        near = np.flatnonzero(reduced <= reach + WHOLE)
        x, value, solved = _whole(use[:, near], cost[near], p.units, rules["solver_nodes"])
        if value - bound <= reach + WHOLE or len(near) == len(cost):
            break
        reach = value - bound if np.isfinite(value) else reach * 10.0
    times = np.zeros(len(cost))
    times[near] = x
    return _chosen(blocks, times, solved, 0.0 if solved else value - bound)


def _columns(p: Position, blocks: list[Block], level: str) -> tuple[sparse.csc_matrix, np.ndarray]:
    """Uses of contracts and lots (n + t, columns) and cost of each column."""
    members = [b.members.ravel() for b in blocks]
    widths = [np.full(len(b.initial), b.members.shape[1]) for b in blocks]
    shape = (len(p.units), sum(map(len, widths)))
    column = np.repeat(np.arange(shape[1]), np.concatenate(widths))
    use = sparse.csc_matrix((np.ones(len(column)), (np.concatenate(members), column)), shape)
    return use, np.concatenate([getattr(b, level) + b.valued for b in blocks])


def _relaxed(use: sparse.csc_matrix, cost: np.ndarray, units: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Value, solution and reduced costs of the linear programme, columns added as they can lower it."""
    first = np.flatnonzero(np.diff(use.indptr) <= PAIR)
    active = np.zeros(len(cost), bool)
    active[first] = True
    while True:
        here = np.flatnonzero(active)
        found = scipy.optimize.linprog(cost[here], A_eq=use[:, here], b_eq=units, bounds=(0, None), method="highs")
        reduced = cost - use.T @ found.eqlin.marginals
        better = np.flatnonzero((reduced < -CENT) & ~active)
        if not len(better):
            times = np.zeros(len(cost))
            times[here] = found.x
            return float(found.fun), times, reduced
        active[better[np.argsort(reduced[better], kind="stable")[: ADDED * len(units)]]] = True


def _whole(use: sparse.csc_matrix, cost: np.ndarray, units: np.ndarray, nodes: float) -> tuple[np.ndarray, float, bool]:
    """The integer programme: solution, value (infinite where none was found) and whether it is proved."""
    options = {"mip_rel_gap": 0.0, "node_limit": int(nodes)}
    limits = scipy.optimize.LinearConstraint(use, units, units)
    result = scipy.optimize.milp(
        cost,
        constraints=limits,
        integrality=np.ones(len(cost)),
        bounds=scipy.optimize.Bounds(0, np.inf),
        options=options,
    )
    if result.x is None:
        return np.zeros(len(cost)), np.inf, False
    return np.round(result.x), float(result.fun), result.status == OPTIMAL


def _chosen(blocks: list[Block], times: np.ndarray, proved: bool, gap: float) -> Chosen:
    ends = np.cumsum([len(b.initial) for b in blocks])
    return Chosen(tuple(zip(blocks, np.split(times, ends)[: len(blocks)], strict=True)), (), proved, gap)


def _refined(p: Position, rules: dict[str, Any], level: str) -> Chosen:
    """The best cut into pairs, then the best joining of its spreads; held against the bound of any number of legs."""
    first = _sifted(p, every(p, rules, four=False), level, rules)
    used = [b.take(np.flatnonzero(times)) for b, times in first.groups if times.any()]
    spreads = [b for b in used if b.kind == SPREAD]
    joined = [made for b in spreads for made in (*condors(p, b), *irons(p, b)) if len(made.initial)]
    found = _sifted(p, [*used, *joined], level, rules) if joined else first
    gap = max(found.total(level) - _any_bound(p, rules, level), 0.0)
    return Chosen(found.groups, (), gap < CENT, gap)


def _without_spreads(p: Position, rules: dict[str, Any]) -> list[Block]:
    """Groups that stand beside spreads of any number of legs."""
    return [b for b in every(p, rules, four=False) if b.kind != SPREAD]


def _any_bound(p: Position, rules: dict[str, Any], level: str) -> float:
    """A requirement that no cut can go below: the linear programme with spreads of any number of legs."""
    use, cost = _columns(p, _without_spreads(p, rules), level)
    limits, _, cost = Pools.of(p).constraints(use, p.units, cost)
    return float(scipy.optimize.milp(cost, constraints=limits, bounds=scipy.optimize.Bounds(0, np.inf)).fun)


def _any_legs(p: Position, rules: dict[str, Any], level: str) -> Chosen:
    """The cut with spreads of any number of legs, or that into named groups where the search ends without a better."""
    blocks, pools = _without_spreads(p, rules), Pools.of(p)
    use, cost = _columns(p, blocks, level)
    limits, whole, cost = pools.constraints(use, p.units, cost)
    options = {"mip_rel_gap": 0.0, "node_limit": int(rules["pool_nodes"])}
    result = scipy.optimize.milp(
        cost, constraints=limits, integrality=whole, bounds=scipy.optimize.Bounds(0, np.inf), options=options
    )
    if result.x is not None:
        times = np.round(result.x)
        named = _chosen(blocks, times[: use.shape[1]], result.status == OPTIMAL, 0.0)
        made = pools.chosen(p, times[use.shape[1] :])
        found = Chosen(named.groups, made, named.proved)
        if found.proved:
            return found
        bound = float(result.mip_dual_bound)
    else:
        found, bound = None, _any_bound(p, rules, level)
    other = least(p, rules, level)
    if found is None or other.total(level) < found.total(level):
        found = other
    gap = max(found.total(level) - bound, 0.0)
    return Chosen(found.groups, found.pools, gap < CENT, gap)
