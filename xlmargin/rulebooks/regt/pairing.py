"""The least-margin way to cut a position into recognised groups, found by an integer programme (HiGHS)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp

from .groups import FOUR_LEGS, SPREAD, Block, condors, every, irons
from .pools import Pool, Pools
from .position import Position

OPTIMAL = 0
CENT = 1e-2


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
        blocks = [b for b in every(p, rules, four=False) if b.kind != SPREAD]
        return _solve(p, blocks, level, rules, Pools.of(p))
    blocks = every(p, rules)
    if sum(len(b.initial) for b in blocks) <= rules["most_groups"]:
        found = _solve(p, blocks, level, rules)
        if found.proved:
            return found
    return _refined(p, rules, level)


def _refined(p: Position, rules: dict[str, Any], level: str) -> Chosen:
    """The best cut into pairs, then the best joining of its spreads; compared with spreads of any number of legs."""
    pairs = [b for b in every(p, rules, four=False) if b.kind not in FOUR_LEGS]
    first = _solve(p, pairs, level, rules)
    used = [b.take(np.flatnonzero(times)) for b, times in first.groups]
    spreads = [b for b in used if b.kind == SPREAD]
    joined = [made for b in spreads for made in (*condors(p, b), *irons(p, b)) if len(made.initial)]
    found = _solve(p, [*used, *joined], level, rules) if joined else first
    bound = least(p, rules, level, any_legs=True)
    gap = max(found.total(level) - bound.total(level) + bound.gap, 0.0)
    return Chosen(found.groups, (), gap < CENT, gap)


def _solve(p: Position, blocks: list[Block], level: str, rules: dict[str, Any], pools: Pools | None = None) -> Chosen:
    """Integers x ≥ 0 with every contract and lot in exactly one group and Σ cost·x least."""
    members = [b.members.ravel() for b in blocks]
    widths = [np.full(len(b.initial), b.members.shape[1]) for b in blocks]
    column = np.repeat(np.arange(sum(map(len, widths))), np.concatenate(widths))
    shape = (len(p.units), sum(map(len, widths)))
    use = sparse.csr_matrix((np.ones(len(column)), (np.concatenate(members), column)), shape)
    cost = np.concatenate([getattr(b, level) + b.valued for b in blocks])
    if pools is None:
        limits, whole = LinearConstraint(use, p.units, p.units), np.ones(len(cost))
    else:
        limits, whole, cost = pools.constraints(use, p.units, cost)
    options = {"mip_rel_gap": 0.0, "node_limit": int(rules["solver_nodes"])}
    result = milp(cost, constraints=limits, integrality=whole, bounds=Bounds(0, np.inf), options=options)
    if result.x is None:
        return Chosen((), (), False, np.inf)
    times = np.round(result.x)
    ends = np.cumsum([len(b.initial) for b in blocks])
    cut = tuple(zip(blocks, np.split(times, ends)[: len(blocks)], strict=True))
    made = pools.chosen(p, times[shape[1] :]) if pools is not None else ()
    return Chosen(cut, made, result.status == OPTIMAL, _gap(result))


def _gap(result: OptimizeResult) -> float:
    """How far the solver's bound lies below what it found."""
    return 0.0 if result.status == OPTIMAL else max(float(result.fun - result.mip_dual_bound), 0.0)
