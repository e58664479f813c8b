"""What became of accounts and prices in a contagion: tables, totals that add up, and words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import Note
from ..shown import Shown, tabled
from .cohort import Cohort
from .rounds import FLOWS, Round


@dataclass(frozen=True, eq=False, repr=False)
class Contagion(Shown):
    """What became of every account (A,), round by round; amounts in USD.

    ``broke`` (A,) is the round in which an account fell below maintenance and its owner did not save it: 0 before the
    shock, 1 by the shock, later by sales of others; −1 never. ``before`` and ``after`` (A,) are worth at market before
    any haircut; ``cover`` (A,) is equity / maintenance when it broke. ``shock`` and ``factor`` (U,) are price factors
    by ``name``.
    """

    account: np.ndarray
    venue: np.ndarray
    owner: np.ndarray
    venues: np.ndarray
    broke: np.ndarray
    cover: np.ndarray
    before: np.ndarray
    after: np.ndarray
    name: np.ndarray
    shock: np.ndarray
    factor: np.ndarray
    told: tuple[Round, ...]
    fund: np.ndarray
    notes: tuple[Note, ...]
    cohorts: tuple[Cohort, ...]
    resting: bool
    bound: int

    def __repr__(self) -> str:
        return f"<Contagion: {self.words.partition(chr(10))[0]}>"

    @cached_property
    def flows(self) -> dict[str, np.ndarray]:
        """What each account (A,) gained over all rounds, by reason: before + all of them = after."""
        zero = np.zeros(len(self.account))
        return {f: sum((r.flows[f] for r in self.told), zero) for f in FLOWS}

    @cached_property
    def sold(self) -> np.ndarray:
        """USD of forced sales and purchases of each account (A,)."""
        return sum((r.sold_by for r in self.told), np.zeros(len(self.account)))

    @property
    def totals(self) -> dict[str, float]:
        """What each party gained; they add up to nothing.

        ``counterparties`` stand on the other side of every price move, ``buyers`` of forced sales gain what these lose
        to the mark, ``liquidators`` earn the bonus on repaid debts, ``lost`` went with what failed, ``uncovered`` is
        what neither accounts nor funds could pay.
        """
        gained = {f: float(v.sum()) for f, v in self.flows.items()}
        short = sum(float(r.uncovered.sum()) for r in self.told)
        return {
            "accounts": sum(gained.values()),
            "counterparties": -gained["result"],
            "buyers": -gained["slipped"],
            "liquidators": -gained["bonus"],
            "lost": -gained["lost"],
            "funds": -(gained["fees"] + gained["surrendered"] + gained["deficit"]) + short,
            "uncovered": -short,
        }

    def frame(self) -> Any:
        """A row per account (pandas DataFrame): when it broke, worth before and after, what lay between."""
        import pandas as pd

        who = {"account": self.account, "venue": self.venue, "owner": self.owner, "broke": when(self.broke)}
        worth = {"equity before": self.before, **self.flows, "equity after": self.after}
        return pd.DataFrame(
            who | {"cover": np.where(self.broke >= 0, self.cover, np.nan)} | worth | {"sold": self.sold}
        )

    @tabled
    def rounds(self) -> Any:
        """A row per round (pandas DataFrame): who broke and was liquidated, net sales and moves by name, deficits."""
        import pandas as pd

        return pd.DataFrame([self._round(r) for r in self.told])

    def _round(self, r: Round) -> dict[str, Any]:
        sums = {f: float(r.flows[f].sum()) for f in FLOWS}
        row = {"round": r.number, "broke": int(r.broke.sum()), "liquidated": int(r.liquidated.sum())}
        row |= {"sold": float(r.sold_by.sum()), **sums}
        row |= {"fund left": float(r.fund.sum()), "uncovered": float(r.uncovered.sum())}
        for u in self._traded():
            row[f"sold {self.name[u]}"] = float(r.sold[u] - r.bought[u])
            row[f"move {self.name[u]}"] = float(r.factor[u] - 1.0)
        return row

    def _traded(self) -> np.ndarray:
        """Names that were sold, bought or moved."""
        some = (self.factor != 1.0) | (self.shock != 1.0)
        for r in self.told:
            some |= (r.sold != 0) | (r.bought != 0)
        return np.flatnonzero(some)

    @tabled
    def by_venue(self) -> Any:
        """A row per venue (pandas DataFrame): accounts, how many broke and when the first, deficits, fund."""
        import pandas as pd

        number = np.searchsorted(self.venues.astype(str), self.venue.astype(str))
        count = lambda of: np.bincount(number, of, len(self.venues))  # noqa: E731
        broke, first = self.broke >= 0, np.full(len(self.venues), np.inf)
        np.minimum.at(first, number[broke], self.broke[broke])
        columns = {"venue": self.venues, "accounts": count(None), "broke": count(broke).astype(np.int64)}
        columns |= {"first": when(np.where(np.isfinite(first), first, -1)), "sold": count(self.sold)}
        columns |= {"deficit": count(self.flows["deficit"]), "fund left": self.fund}
        short = sum((r.uncovered for r in self.told), np.zeros(len(self.venues)))
        return pd.DataFrame(columns | {"uncovered": short})

    @tabled
    def prices(self) -> Any:
        """A row per name that moved or was sold (pandas DataFrame): shock, final move, amplification, sales in USD."""
        import pandas as pd

        own = self._traded()
        total = {k: sum((getattr(r, k) for r in self.told), np.zeros(len(self.name)))[own] for k in ("sold", "bought")}
        moves = {"shock": self.shock[own] - 1.0, "move": self.factor[own] - 1.0}
        return pd.DataFrame({"name": self.name[own], **moves, "amplification": self.amplification[own], **total})

    @property
    def amplification(self) -> np.ndarray:
        """Final price move / move of the shock (U,); NaN where the shock does not move the price."""
        move = self.shock - 1.0
        return np.divide(self.factor - 1.0, move, out=np.full(len(move), np.nan), where=move != 0)

    @property
    def first(self) -> str:
        """The account that breaks first; of several in one round the one with the least equity / maintenance."""
        some = np.flatnonzero(self.broke >= 0)
        if not len(some):
            return ""
        return str(self.account[some[np.lexsort((some, self.cover[some], self.broke[some]))[0]]])

    @property
    def words(self) -> str:
        """How far it spread, what deficit is left, by how much the shock grew: a line each."""
        return "\n".join(_told(self))


def when(broke: np.ndarray) -> np.ndarray:
    """Rounds in which accounts broke (A,) in words.

    >>> when(np.array([-1, 0, 1, 3])).tolist()
    ['never', 'before the shock', 'by the shock', 'round 3']
    """
    words = {-1: "never", 0: "before the shock", 1: "by the shock"}
    return np.array([words.get(int(b), f"round {int(b)}") for b in broke], object)


def _told(c: Contagion) -> Iterator[str]:
    broken, count = int((c.broke >= 0).sum()), len(c.account)
    if not broken:
        yield f"All {count:,} accounts stay above maintenance."
    else:
        by = [f"{int((c.broke == k).sum()):,} {text}" for k, text in ((0, "before any shock"), (1, "by the shock"))]
        later = int((c.broke > 1).sum())
        last = int(c.broke.max())
        by.append(f"{later:,} by what followed" + (f" up to round {last}" if later else ""))
        reached = len(set(c.venue[c.broke >= 0].tolist()))
        yield f"{broken:,} of {count:,} accounts at {reached} of {len(c.venues)} venues break: {', '.join(by)}."
        yield f"{c.first} breaks first."
    if (early := int((c.broke == 0).sum())) > 0:
        yield f"{early:,} {'was' if early == 1 else 'were'} below maintenance at the start."
    yield from _deficits(c)
    yield from _amplified(c)
    if not c.resting:
        yield f"It did not come to rest in {len(c.told)} rounds."


def _deficits(c: Contagion) -> Iterator[str]:
    owed, short = float(c.flows["deficit"].sum()), -c.totals["uncovered"]
    if owed > 0:
        yield f"Deficits of {owed:,.2f} USD; {short:,.2f} USD are left once funds have paid."
    stuck = (c.broke >= 0) & (c.after < 0)
    if stuck.any():
        yield f"{int(stuck.sum()):,} accounts owe {-float(c.after[stuck].sum()):,.2f} USD on what nobody buys."


def _amplified(c: Contagion) -> Iterator[str]:
    own = c._traded()
    for u in own[np.argsort(-np.abs(c.factor[own] - c.shock[own]), kind="stable")][:3]:
        if c.factor[u] != c.shock[u]:
            grown = c.amplification[u]
            times = f", {grown:.2f} times the shock" if np.isfinite(grown) else ""
            yield f"{c.name[u]} ends {c.factor[u] - 1.0:+.2%}{times}."
