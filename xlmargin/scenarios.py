"""What may happen: price and volatility moves by scope, as (U, S) arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NONE, UP, DOWN, LINEAR, ABS = range(5)
SHOWN = np.array([0, 1, -1, 2, 3])
VOL_WORDS = {0: "unchanged", 1: "up", -1: "down", 2: "skew, linear", 3: "skew, absolute"}
DIRECTION = {"none": NONE, "up": UP, "down": DOWN, "linear": LINEAR, "abs": ABS}


@dataclass(frozen=True, eq=False)
class Scenarios:
    """A ladder per scope (U, S): price factor, direction of volatility, weight, and published number.

    Shorter ladders are padded with a harmless row (factor 1, weight 0, label −1). Rows whose volatility
    is skewed stand in the last ``skewed`` columns.
    """

    price: np.ndarray
    vol: np.ndarray
    weight: np.ndarray
    label: np.ndarray
    skewed: int = 0

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.price.shape[1]

    @classmethod
    def of(cls, ladders: Sequence[Sequence[tuple[float, str, float]]]) -> Scenarios:
        """From published rows (price factor, direction, weight), one list a scope, skew rows moved to the end.

        >>> s = Scenarios.of([[(1.1, "up", 1), (1, "abs", 1), (0.9, "down", 0.5)]])
        >>> s.label.tolist(), s.price.tolist(), s.skewed
        ([[0, 2, -1, 1]], [[1.1, 0.9, 1.0, 1.0]], 2)
        """
        distinct = {id(ladder): ladder for ladder in ladders}
        place = {key: n for n, key in enumerate(distinct)}
        which = [place[id(ladder)] for ladder in ladders]
        ladders = list(distinct.values())
        plain = [[(i, *row) for i, row in enumerate(ladder) if DIRECTION[row[1]] < LINEAR] for ladder in ladders]
        width = max(map(len, plain), default=0)
        table = np.zeros((len(ladders), width + 2, 4))
        table[:, :, 0], table[:, :, 1] = -1, 1.0
        table[:, width, 2], table[:, width + 1, 2] = LINEAR, ABS
        for u, ladder in enumerate(ladders):
            for column, (i, price, vol, weight) in enumerate(plain[u]):
                table[u, column] = i, price, DIRECTION[vol], weight
            for i, (price, vol, weight) in enumerate(ladder):
                if DIRECTION[vol] >= LINEAR:
                    table[u, width + DIRECTION[vol] - LINEAR] = i, price, DIRECTION[vol], weight
        label, price, vol, weight = np.moveaxis(table[which], -1, 0)
        return cls(price.copy(), vol.astype(np.int64), weight.copy(), label.astype(np.int64), skewed=2)

    @classmethod
    def grid(cls, reach: np.ndarray, steps: int, directions: Sequence[int] = (UP, NONE, DOWN)) -> Scenarios:
        """Price moves −reach … +reach in ``steps`` each side, every direction at each; price first.

        >>> Scenarios.grid(np.array([0.16]), 2).price.round(2).tolist()[0][::3]
        [0.84, 0.92, 1.0, 1.08, 1.16]
        """
        reach = np.asarray(reach, np.float64)
        moves = np.arange(-steps, steps + 1, dtype=np.float64) / steps
        price = np.repeat(1.0 + reach[:, None] * moves, len(directions), axis=1)
        vol = np.broadcast_to(np.tile(np.asarray(directions, np.int64), len(moves)), price.shape)
        label = np.broadcast_to(np.arange(price.shape[1], dtype=np.int64), price.shape)
        return cls(price, vol, np.ones_like(price), label)


def vol_words(vol: float) -> str:
    """A volatility move of a Grid in words: a whole number is a direction, a fraction a relative move.

    >>> vol_words(np.int64(2)), vol_words(-1.0), vol_words(0.25)
    ('skew, linear', 'down', '+25 %')
    """
    whole = isinstance(vol, int | np.integer)
    if whole or vol in (-1.0, 0.0, 1.0):
        return VOL_WORDS[int(vol)]
    return f"{100 * float(vol):+.4g} %"


def move_words(move: float) -> str:
    """A price move as a signed per cent.

    >>> move_words(0.14), move_words(0.0), move_words(-0.105)
    ('+14 %', '0 %', '-10.5 %')
    """
    words = f"{100 * float(move):+.4g} %"
    return "0 %" if words in ("+0 %", "-0 %") else words
