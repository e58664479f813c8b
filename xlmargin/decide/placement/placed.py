"""Where positions should stand: the answer of a placement, as tables and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import Note
from ...html import amount
from ..shown import Shown, tabled
from .pots import Items, Pot

MEETS, MOST_TOLD = 1e-9, 5


@dataclass(frozen=True, eq=False, repr=False)
class Placement(Shown):
    """Positions (K) over pots (V): ``counts`` (V, K) lots of each that stand there, and what each pot requires.

    ``before``, ``after`` (V,) are what is required as held (hedges nowhere) and as placed; ``equity`` (V,) what stands
    at the pot now; ``short`` (V,) what it lacks as placed, pool by pool. ``bound`` is what no placement can go below,
    NaN where none is known; ``exact`` says that no placement costs less. ``arrangements`` are (name, requirement,
    remark) for comparison, NaN where the remark says why there is none. ``notes`` are what the figures rest on, each
    for the pots (V,) that it concerns.
    """

    items: Items
    pots: tuple[Pot, ...]
    counts: np.ndarray
    before: np.ndarray
    after: np.ndarray
    equity: np.ndarray
    short: np.ndarray
    cost: float
    exact: bool
    bound: float
    tried: int
    level: str
    currency: str
    arrangements: tuple[tuple[str, float, str], ...]
    why: Mapping[tuple[int, int], str]
    notes: tuple[Note, ...]

    @property
    def required(self) -> float:
        """The requirement of all pots together as placed."""
        return float(self.after.sum())

    @property
    def saved(self) -> float:
        """What is required as held less what is required as placed; below zero where hedges cost more than is saved."""
        return float(self.before.sum()) - self.required

    def frame(self) -> Any:
        """A row per position and pot that should hold it (pandas DataFrame)."""
        import pandas as pd

        columns = ["instrument", "quantity", "from", "to", "venue", "model", "as", "moves"]
        return pd.DataFrame(list(self._rows()), columns=columns)

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        items = self.items
        for k in range(len(items)):
            home = self.pots[items.home[k]].account if items.home[k] >= 0 else "(hedge)"
            for v in np.flatnonzero(self.counts[:, k]):
                pot, share = self.pots[v], self.counts[v, k] / items.lots[k]
                there = str(pot.session.market.name[pot.instrument[k]])
                size = float(items.quantity[k] * pot.size[k] * share)
                yield items.name[k], size, home, pot.account, pot.venue, pot.model, there, bool(v != items.home[k])

    @tabled
    def venues(self) -> Any:
        """A row per pot (pandas DataFrame): required now and then, the change, equity there, what it lacks."""
        import pandas as pd

        return pd.DataFrame(
            {
                "account": [p.account for p in self.pots],
                "venue": [p.venue for p in self.pots],
                "model": [p.model for p in self.pots],
                "currency": self.currency,
                "required now": self.before,
                "required then": self.after,
                "change": self.after - self.before,
                "equity": self.equity,
                "to bring": self.short,
            }
        )

    @tabled
    def gains(self) -> Any:
        """A row per arrangement (pandas DataFrame): what it requires, what it saves against now, and a remark."""
        import pandas as pd

        table = pd.DataFrame(self.arrangements, columns=["arrangement", "required", "remark"])
        saved = float(table["required"].iloc[0]) - table["required"]
        return table.assign(currency=self.currency, saved=saved)[
            ["arrangement", "currency", "required", "saved", "remark"]
        ]

    @tabled
    def refusals(self) -> Any:
        """A row per position and pot that cannot hold it, with the reason (pandas DataFrame)."""
        import pandas as pd

        rows = [(self.items.name[k], self.pots[v].account, self.pots[v].venue, why) for (v, k), why in self.why.items()]
        return pd.DataFrame(rows, columns=["instrument", "account", "venue", "reason"])

    @property
    def words(self) -> str:
        """What the best placement requires, what it saves, what must be brought where, and how sure that is."""
        now, count = float(self.before.sum()), len({k for v, k in zip(*np.nonzero(self._moving()), strict=True)})
        less = f"{self._money(abs(self.saved))} {'less' if self.saved >= 0 else 'more'} than as held"
        some = f"{count} position{'s'[: count != 1]} move{'s'[: count == 1]}" if count else "nothing moves"
        head = (
            f"{self._money(self.required)} {self.currency} of {self.level} margin, {less} ({self._money(now)}); {some}"
        )
        fees = f", at a cost of {self._money(self.cost)}" if self.cost else ""
        doubts = f"; {len(self.notes)} note{'s'[: len(self.notes) != 1]} on what this rests on" if self.notes else ""
        return f"{head}{fees}{self._brought()}; {self.proof}{doubts}"

    def _brought(self) -> str:
        """The equity that accounts lack as placed, the largest lack first."""
        order = [v for v in np.argsort(-self.short, kind="stable") if self._money(self.short[v]).strip("-0.")]
        if not order:
            return ""
        told = [f"{self._money(self.short[v])} to {self.pots[v].account}" for v in order[:MOST_TOLD]]
        more = [f"the rest to {len(order) - MOST_TOLD} more"] if len(order) > MOST_TOLD else []
        total = f"{self._money(self.short.sum())} {self.currency} of " if len(order) > 1 else ""
        return f"; {total}equity to bring: {', '.join([*told, *more])}"

    def _money(self, value: float) -> str:
        return amount(float(value), self.currency)

    @property
    def proof(self) -> str:
        """How sure it is that no placement requires less."""
        if self.exact:
            return "proved least: every placement was gone through"
        if self.required + self.cost <= self.bound * (1 + MEETS):
            return f"proved least: no placement is below {self._money(self.bound)}"
        found = f"best found by exchanges from several starts ({self.tried:,} loads tried)"
        if np.isfinite(self.bound):
            return f"{found}; no placement is below {self._money(self.bound)}"
        return f"{found}; no bound is known"

    def _moving(self) -> np.ndarray:
        """Lots (V, K) that stand elsewhere than where they are held."""
        away = self.items.home[None, :] != np.arange(len(self.pots))[:, None]
        return np.where(away, self.counts, 0)
