"""Every list of whole lots, where these are so few that all can be run: the best one and its proof at once."""

from __future__ import annotations

import time

import numpy as np

from .cutting import Search

MOST = 20_000
ROWS = 100


def every(search: Search, end: float) -> bool:
    """Run every allowed list of lots, if there are at most 20,000 and they take no longer than ``end``; whether so."""
    if not np.isfinite(search.lot).all():
        return False
    count = np.floor(search.most / search.lot + 1e-9)
    if np.prod(2.0 * count + 1.0) > MOST:
        return False
    sizes = [np.arange(-n, n + 1) * lot for n, lot in zip(count, search.lot, strict=True)]
    rows = np.stack(np.meshgrid(*sizes, indexing="ij")).reshape(len(sizes), -1).T
    rows = rows[search.allowed(rows, search.most_trades)]
    if not len(rows):
        return False
    need = _needs(search, rows, end)
    if need is None:
        return False
    total = need + np.abs(rows) @ search.cost
    n = int(np.argmin(total))
    search.best, search.upper = rows[n], float(total[n])
    search.tried, search.lower, search.late = True, search.upper, False
    return True


def _needs(search: Search, rows: np.ndarray, end: float) -> np.ndarray | None:
    """Requirements of trades (N, K); None once the rows that were run tell that all would end after ``end``."""
    start, need = time.perf_counter(), np.zeros(len(rows))
    for low in range(0, len(rows), ROWS):
        part = search.margin(rows[low : low + ROWS]).need
        need[low : low + ROWS] = part
        search.reruns += len(part)
        each = (time.perf_counter() - start) / (low + len(part))
        if start + each * len(rows) > end:
            return None
    return need
