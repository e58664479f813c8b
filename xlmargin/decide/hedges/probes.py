"""Trades that a margin is looked at first: they show whether it is convex, and closing what is held is among them."""

from __future__ import annotations

import numpy as np

from .cutting import Search

DRAWN = 96
ALONE = 40  # candidates that are looked at each alone
SIZES = (1.0, 0.25, -0.25, -1.0)


def probes(search: Search) -> np.ndarray:
    """Trades (N, K): what is held closed, whole and half, single trades, and lists of up to three drawn at random."""
    count, rng = len(search.cost), np.random.default_rng(0)
    closed = -search.margin.held * np.array([[1.0], [0.5]])
    first = np.eye(count)[:ALONE] * search.most
    single = [first * share for share in SIZES]
    which = rng.random((DRAWN, count)).argsort(axis=1)[:, : min(3, count)]
    size = search.most[which] * rng.uniform(-1.0, 1.0, which.shape) * rng.choice((1.0, 0.25), (DRAWN, 1))
    drawn = np.zeros((DRAWN, count))
    np.put_along_axis(drawn, which, size, axis=1)
    return search.in_lots(np.vstack([closed, *single, drawn]))
