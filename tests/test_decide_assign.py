"""Sharing out over pots: exact against every sharing, exchanges against the exact."""

import itertools

import numpy as np
import pytest

from xlmargin.decide.placement.assign import Pots


def test_exchanges_find_the_least_of_random_costs():
    """Two pots whose cost is any function of ten things: within a percent of the least, and never below it."""
    rng = np.random.default_rng(1)
    lots = np.ones(10, np.int64)
    for _ in range(5):
        pull, pair = rng.normal(size=(2, 10)), rng.normal(size=(2, 10, 10))
        cost = [
            lambda n, p=p, q=q: 50 + n @ p + np.einsum("nk,kl,nl->n", n, q, n) for p, q in zip(pull, pair, strict=True)
        ]
        exact = Pots(cost, lots).exact()
        start = np.stack([lots, 0 * lots])
        found = Pots(cost, lots).exchange([start])
        assert exact.cost - 1e-9 <= found.cost <= exact.cost + 0.01 * abs(exact.cost)
        assert not found.exact


def test_sharing_out_is_exact_against_every_sharing():
    """Random costs of loads, two pots and three, things in lots: as the plain minimum over all sharings."""
    rng = np.random.default_rng(5)
    lots = np.array([2, 1, 3])
    shape = tuple(lots + 1)
    for pots in (1, 2, 3):
        tables = [rng.normal(size=shape) for _ in range(pots)]
        tables[0][1, 0, 2] = np.inf
        found = Pots([lambda n, t=t: t[tuple(n.T)] for t in tables], lots).exact()
        ways = itertools.product(itertools.product(*(range(n + 1) for n in lots)), repeat=pots)
        whole = [w for w in ways if tuple(np.sum(w, axis=0)) == tuple(lots)]
        assert found.cost == pytest.approx(min(sum(t[x] for t, x in zip(tables, w, strict=True)) for w in whole))
        assert (found.counts.sum(axis=0) == lots).all()
        assert sum(t[tuple(c)] for t, c in zip(tables, found.counts, strict=True)) == pytest.approx(found.cost)
