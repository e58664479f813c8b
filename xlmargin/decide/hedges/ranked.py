"""Candidates one by one: what each saves alone at its best size, every figure an exact re-run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .cutting import Search

SHARES = np.array([1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125])
NEAR = (1.0, 0.25, 0.0625)  # how far either way a size is looked at again, in doublings


@dataclass(frozen=True, eq=False)
class Alone:
    """The best size (K,) of each candidate by itself to about 1 %, what it saves and costs; 0 where none saves."""

    size: np.ndarray
    saving: np.ndarray
    cost: np.ndarray


def sizes(search: Search) -> np.ndarray:
    """Sizes that are tried of each candidate (K, T): shares of the most, both ways, in lots."""
    shares = np.concatenate([SHARES, -SHARES])
    return search.in_lots((search.most[:, None] * shares).T).T


def alone(search: Search, start: float) -> Alone:
    """Each candidate by itself on the account as it is, whose requirement is ``start``; sizes near the best again."""
    size, need, paid = _best(search, sizes(search))
    for doublings in NEAR:
        near = size[:, None] * 2.0 ** (doublings * np.linspace(-1.0, 1.0, 9))
        size, need, paid = _best(search, np.hstack([size[:, None], search.in_lots(near.T).T]))
    saving = start - need
    good = saving > paid
    return Alone(np.where(good, size, 0.0), np.where(good, saving, 0.0), np.where(good, paid, 0.0))


def _best(search: Search, tried: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The size (K,) of those tried (K, T) whose requirement and cost together are least, with both."""
    need = _moved(search, np.zeros(len(tried)), tried)
    cost = search.cost[:, None] * np.abs(tried)
    k, best = np.arange(len(tried)), np.argmin(need + cost, axis=1)
    return tried[k, best], need[k, best], cost[k, best]


def _moved(search: Search, x: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Requirement (K, T) after ``change`` of one candidate at a time on top of trades ``x``."""
    count, width = change.shape
    out = np.empty((count, width))
    per = max(1, 4096 // width)
    for low in range(0, count, per):
        k = np.arange(low, min(low + per, count))
        rows = np.tile(x, (len(k) * width, 1))
        rows[np.arange(len(rows)), np.repeat(k, width)] += change[k].ravel()
        out[k] = search.margin(rows).need.reshape(len(k), width)
        search.reruns += len(rows)
    return out
