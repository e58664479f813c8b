"""What a model takes beside what the account holds: which candidates at all, and which in whole contracts only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...book import Book
from ...errors import Problem
from ...market import Market
from ...registry import Model
from ...run import session
from ..candidates import PROBE, ROW, Reach
from ..trades import Trades, marks, traded


@dataclass(frozen=True, eq=False)
class Beside:
    """An account (one row) under a model, to which candidates are added one by one."""

    book: Book
    market: Market
    model: str | Model
    how: Mapping[str, Any]

    def within(self, wide: Reach) -> Reach:
        """The reach without the candidates of which a contract is taken neither bought nor sold."""
        bad = self._refused(list(wide.number), 1.0)
        number = {name: n for name, n in wide.number.items() if name not in bad}
        return replace(wide, number=number, refused={**wide.refused, **bad})

    def lots(self, names: Sequence[str]) -> np.ndarray:
        """The lot (K,) that the model asks for: 1 where it takes a contract but no half of one, NaN elsewhere."""
        halves = self._refused(list(dict.fromkeys(names)), 0.5)
        return np.array([1.0 if name in halves else np.nan for name in names])

    def _refused(self, names: list[str], size: float) -> dict[str, str]:
        """Why ``size`` contracts of each candidate are taken neither long nor short, by name."""
        if not len(self.book.legs) or not names:
            return {}
        listed = {str(name): i for i, name in enumerate(self.market.name)}
        instrument = np.repeat([listed[name] for name in names], 2)
        price = marks(self.market)[instrument]
        price = np.where(np.isnan(price), 1.0, price)
        rows = np.arange(len(instrument))
        trades = Trades.of(rows, instrument, np.tile([size, -size], len(names)), price=price)
        after = traded(self.book, self.market, trades, np.zeros(len(rows), np.int64))
        account = np.array([f"{PROBE}{r}" for r in rows], object)
        after = replace(after, account=account, settings={**after.settings, ROW: rows})
        problems: list[Problem] = []
        checked = session(after, self.market, self.model, problems=problems, **self.how)[1]
        taken = np.isin(rows, checked.settings[ROW]).reshape(-1, 2).any(axis=1)
        return {names[k]: self._why(problems, account[2 * k], names[k]) for k in np.flatnonzero(~taken)}

    def _why(self, problems: list[Problem], probe: str, name: str) -> str:
        mine = [p.message for p in problems if str(p.account) == probe and name in p.message]
        words = mine[0] if mine else f"refused beside what {probe} holds"
        return words.replace(probe, str(self.book.account[0]))
