"""Positions on the other side that may be deleveraged, and how they absorb one that nobody else takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError, Problem
from ...market import Market
from .ranking import fills, order, score

NEEDED = ("account", "instrument", "quantity", "entry_price", "wallet")


@dataclass(eq=False)
class Rivals:
    """Positions (N,): whose, instrument, signed size left, entry price, wallet behind it."""

    name: np.ndarray
    instrument: np.ndarray
    quantity: np.ndarray
    entry: np.ndarray
    wallet: np.ndarray

    @classmethod
    def read(cls, table: Any, market: Market) -> Rivals:
        """From columns account, instrument, quantity, entry_price, wallet; positions elsewhere are left aside."""
        columns = {str(c).strip().casefold(): np.asarray(table[c]) for c in table}
        missing = [c for c in NEEDED if c not in columns]
        if missing:
            raise InputError([Problem("others", 1, c, None, "required column is missing") for c in missing])
        real = []
        for name in NEEDED[2:]:
            try:
                real.append(np.array(columns[name], np.float64))
            except (TypeError, ValueError):
                raise InputError([Problem("others", 0, name, None, "not all cells are numbers")]) from None
        numbers = market.numbered([str(n) for n in columns["instrument"]])
        return cls(columns["account"], numbers, *real)

    def absorb(
        self, instrument: int, quantity: float, mark: float, ranking: str, rate: float
    ) -> tuple[float, list[str]]:
        """How much of a position of ``quantity`` the other side takes over, the highest score first, and who.

        ``rate`` is maintenance / notional, for rankings that look at the margin ratio.
        """
        facing = np.flatnonzero((self.instrument == instrument) & (self.quantity * quantity < 0))
        size, entry = np.abs(self.quantity[facing]), self.entry[facing]
        gain = -np.sign(quantity) * (mark - entry) * size
        value = size * mark
        scores = score(ranking, gain, size * entry, value, self.wallet[facing], value * rate)
        took = fills(size, scores, abs(quantity))
        self.quantity[facing] += np.sign(quantity) * took
        ranked = order(scores)
        return float(took.sum()), [str(n) for n in self.name[facing[ranked][took[ranked] > 0]]]
