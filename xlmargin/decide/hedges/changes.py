"""A list of trades with its total, and many changes of one at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class List:
    """Trades (K,) with their requirement and cost together."""

    trades: np.ndarray
    total: float

    @property
    def key(self) -> bytes:
        """Which candidates are traded, which way."""
        return np.sign(self.trades).astype(np.int8).tobytes()


@dataclass(frozen=True, eq=False)
class Moves:
    """Changes (N, C): the candidate numbers that get new sizes, and the sizes."""

    candidate: np.ndarray
    size: np.ndarray

    @classmethod
    def joined(cls, parts: list[Moves]) -> Moves:
        """Several sets as one, the short ones filled up by a size that stays."""
        width = max(p.candidate.shape[1] for p in parts)
        candidate = np.vstack([np.pad(p.candidate, ((0, 0), (0, width - p.candidate.shape[1])), "edge") for p in parts])
        size = np.vstack([np.pad(p.size, ((0, 0), (0, width - p.size.shape[1])), "edge") for p in parts])
        return cls(candidate, size)

    def rows(self, base: np.ndarray, which: slice = slice(None)) -> np.ndarray:
        """The trades (N, K) that the changes make of ``base``."""
        candidate = self.candidate[which]
        out = np.tile(base, (len(candidate), 1))
        out[np.arange(len(out))[:, None], candidate] = self.size[which]
        return out


def distinct(found: list[List]) -> list[List]:
    """The best list of each set of candidates and ways, the best first."""
    out: dict[bytes, List] = {}
    for one in sorted(found, key=lambda found: found.total):
        out.setdefault(one.key, one)
    return list(out.values())
