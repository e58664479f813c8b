"""What other scenarios would make of a margin: planes of all of them at once, from one re-run with its grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Scan:
    """A point (K,), its margin and slopes (K,), the loss (S,) and its slopes (K, S) in every scenario, which bound."""

    at: np.ndarray
    need: float
    slope: np.ndarray
    loss: np.ndarray
    slopes: np.ndarray
    worst: int

    def planes(self, factor: float) -> list[tuple[float, np.ndarray]]:
        """The margin's plane if each other scenario bound instead."""
        made = []
        for s in range(len(self.loss)):
            if s == self.worst:
                continue
            slope = self.slope + factor * (self.slopes[:, s] - self.slopes[:, self.worst])
            value = self.need + factor * (self.loss[s] - self.loss[self.worst])
            made.append((float(value - slope @ self.at), slope))
        return made


def factor_of(scans: list[Scan]) -> float | None:
    """Margin per unit of scenario loss, told by two points that bind in different scenarios; None where unclear.

    Other charges may turn between them too: three candidates or more must agree.
    """
    for n, one in enumerate(scans):
        for other in scans[:n]:
            if one.worst == other.worst:
                continue
            loss = one.slopes[:, one.worst] - other.slopes[:, other.worst]
            moved = np.abs(loss) > 1e-3 * np.abs(loss).max(initial=0.0)
            ratio = (one.slope - other.slope)[moved] / loss[moved]
            middle = float(np.median(ratio)) if len(ratio) else np.nan
            if not middle > 0:
                continue
            same = np.abs(ratio / middle - 1.0) < 1e-3
            if same.sum() > 2 and same.mean() > 0.5:
                return middle
    return None
