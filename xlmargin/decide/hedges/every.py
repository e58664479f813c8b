"""Every list of whole lots, where these are so few that all can be run: the best one and its proof at once."""

from __future__ import annotations

import numpy as np

from .cutting import Search

MOST = 20_000


def every(search: Search) -> bool:
    """Run every allowed list of lots, if there are at most 20,000; whether it was done."""
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
    total = search.margin(rows).need + np.abs(rows) @ search.cost
    search.reruns += len(rows)
    n = int(np.argmin(total))
    search.best, search.upper = rows[n], float(total[n])
    search.tried, search.lower, search.late = True, search.upper, False
    return True
