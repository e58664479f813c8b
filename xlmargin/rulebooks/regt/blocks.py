"""Many groups of one kind as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

NAKED, LONG, SPREAD, STRADDLE, CONDOR, IRON, SHARES, COVERED, PROTECTIVE, COLLAR, CONVERSION = range(11)


@dataclass(frozen=True, eq=False)
class Block:
    """Groups of one kind: members (k, w) by number, initial and maintenance requirement, shares valued down (k,).

    Requirements leave out what long options cost; ``valued`` is how far shares count below or above the market because
    an option covers them at its exercise price.
    """

    kind: int
    members: np.ndarray
    initial: np.ndarray
    maintenance: np.ndarray
    valued: np.ndarray

    def take(self, rows: np.ndarray) -> Block:
        """Some of the groups."""
        return Block(self.kind, self.members[rows], self.initial[rows], self.maintenance[rows], self.valued[rows])


def block(kind: int, members: np.ndarray, initial: Any, maintenance: Any = None, valued: Any = None) -> Block:
    """A block; maintenance is as initial and nothing is valued down unless said."""
    initial = np.asarray(initial, np.float64)
    maintenance = initial if maintenance is None else np.asarray(maintenance, np.float64)
    return Block(kind, members, initial, maintenance, np.zeros(len(initial)) if valued is None else valued)


def couples(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every one of the first with every one of the second."""
    one, other = np.meshgrid(first, second, indexing="ij")
    return one.ravel(), other.ravel()
