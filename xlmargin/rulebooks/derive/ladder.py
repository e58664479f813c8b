"""The portfolio manager's scenarios as its rule reads them: made of the parameters alone, once for the same scopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ...params import Params
from ...scenarios import SHOWN, Scenarios


@dataclass(frozen=True, eq=False)
class Ladder:
    """Scenarios of each scope, one row a scope and a last one, without effect, for accounts on none (U+1, …).

    ``move``, ``weight``, ``label``, ``vol`` (U+1, S) are the published rows, ``published`` (U+1,) how many there are.
    ``factor``, ``log`` and ``state`` (U+1, S+3) are forward factors, their logarithms and which volatility each column
    takes; the last three columns are the basis moves up and down and the mark. The last ``skewed`` of S are skews.
    """

    move: np.ndarray
    weight: np.ndarray
    label: np.ndarray
    vol: np.ndarray
    published: np.ndarray
    factor: np.ndarray
    log: np.ndarray
    state: np.ndarray
    skewed: int

    @classmethod
    def of(cls, p: Params, scopes: Sequence[str]) -> Ladder:
        """The ladders of ``scopes``, whose names may repeat."""
        place = {name: n for n, name in enumerate(dict.fromkeys(map(str, scopes)))}
        made = p.once(_made, tuple(place))
        return made if len(place) == len(scopes) else made._at([place[str(s)] for s in scopes])

    def _at(self, rows: Sequence[int]) -> Ladder:
        rows = np.array([*rows, -1], np.int64)
        tables = (getattr(self, f.name) for f in fields(self)[:-1])
        return Ladder(*(table[rows] for table in tables), self.skewed)

    @property
    def width(self) -> int:
        """Number of scenarios."""
        return self.move.shape[1]


def _made(p: Params, names: tuple[str, ...]) -> Ladder:
    read = p.on(names)
    found = Scenarios.of([*(read("scenarios") if names else ()), ()])
    up, down = (np.append(read(key), 1.0) for key in ("scenario_spot_up", "scenario_spot_down"))
    factor = np.column_stack([found.price, up, down, np.ones(len(up))])
    plain = found.width - found.skewed
    state = np.zeros(factor.shape, np.int64)
    state[:, :plain] = found.vol[:, :plain]
    state[:, plain : found.width] = np.arange(3, 3 + found.skewed)
    label, vol = found.label, SHOWN[found.vol]
    vol[-1] = 0
    published = (label >= 0).sum(axis=1)
    tables = (found.price - 1.0, found.weight, label, vol, published, factor, np.log(factor), state)
    for table in tables:
        table.flags.writeable = False
    return Ladder(*tables, found.skewed)
