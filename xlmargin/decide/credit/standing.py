"""What every owner's accounts require at each venue by themselves, and what stands there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...book import Book
from ...comparison import in_currency
from ..across import Across
from ..subject import level_of


@dataclass(frozen=True)
class Shortfall:
    """A pool whose equity is below what it requires, in the currency of the result."""

    owner: int
    where: str
    level: str
    equity: float
    required: float


@dataclass(frozen=True, eq=False)
class Standing:
    """Owners (O) at venues (V): accounts held, requirement, equity, and requirement beyond equity pool by pool."""

    names: tuple[str, ...]
    models: tuple[str, ...]
    held: np.ndarray
    required: np.ndarray
    equity: np.ndarray
    short: np.ndarray
    shortfalls: tuple[Shortfall, ...]

    @classmethod
    def of(cls, made: Across, book: Book, owner: np.ndarray, owners: int, level: str, currency: str) -> Standing:
        """``owner`` (R,) numbers the owner of each account of the book."""
        number = {str(name): int(o) for name, o in zip(book.account, owner, strict=True)}
        held, required, equity, short = (np.zeros((owners, len(made))) for _ in range(4))
        lacking: list[Shortfall] = []
        for v, m in enumerate(made.values()):
            rate, who = in_currency(m, currency), np.array([number[str(a)] for a in m.account], np.int64)
            need, have = level_of(m, level) * rate, m.equity.value * rate
            for table, amounts in ((required, need), (equity, have), (short, np.maximum(0.0, need - have))):
                table[:, v] = np.bincount(who, amounts, owners)
            held[:, v] = np.bincount([number[a] for a in dict.fromkeys(map(str, m.account))], minlength=owners)
            lacking.extend(_lacking(m, who, rate))
        models = tuple(str(m.stamp["model"]) for m in made.values())
        return cls(tuple(made), models, held.astype(np.int64), required, equity, short, tuple(lacking))


def _lacking(m: object, who: np.ndarray, rate: np.ndarray) -> Iterator[Shortfall]:
    """Pools below maintenance, and pools below initial margin alone."""
    maintenance, initial, equity = (line.value * rate for line in (m.maintenance, m.initial, m.equity))
    for r in np.flatnonzero(equity < np.maximum(initial, maintenance)):
        pool = f" ({m.pool[r]})" if m.pool[r] else ""
        deep = equity[r] < maintenance[r]
        level, need = ("maintenance", maintenance[r]) if deep else ("initial", initial[r])
        yield Shortfall(int(who[r]), f"{m.account[r]}{pool}", level, float(equity[r]), float(need))
