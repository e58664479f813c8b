"""What netting saves: each position alone in an account of its own against all positions together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .book import Book
from .ledger import Margin
from .market import Market
from .registry import Model
from .run import session


@dataclass(frozen=True, eq=False)
class Benefit:
    """What netting saves per pool: the sum of each position's own margin less the margin of all positions together.

    Both are taken without balances and orders, so that haircuts and order margins are no part of the comparison.
    """

    account: np.ndarray
    pool: np.ndarray
    currency: np.ndarray
    net_initial: np.ndarray
    gross_initial: np.ndarray
    net_maintenance: np.ndarray
    gross_maintenance: np.ndarray

    @property
    def amount(self) -> np.ndarray:
        """Gross less net initial margin (R,)."""
        return self.gross_initial - self.net_initial

    @property
    def percent(self) -> np.ndarray:
        """The amount as a fraction of gross (R,); 0 where nothing is held."""
        return np.divide(self.amount, self.gross_initial, out=np.zeros(len(self.amount)), where=self.gross_initial != 0)

    def frame(self) -> Any:
        """A row per pool (pandas DataFrame)."""
        import pandas as pd

        names = list(self.__dataclass_fields__)
        return pd.DataFrame({k: getattr(self, k) for k in names} | {"benefit": self.amount, "percent": self.percent})


def gross(book: Book, market: Market, model: str | Model, **how: Any) -> Margin:
    """Each position alone in an account of its own, a row each, under the same model."""
    ready, book = session(book, market, model, **how)
    return ready.run(ready.pooled(book).alone())


def benefit(net: Margin) -> Benefit:
    """The saving from netting behind a margin: every position is run alone, and all together, without balances."""
    pooled = replace(net.run.book, detail=False)
    run = net.run.session.run
    alone = run(pooled.alone())
    bare = len(pooled.cash) == 0 and len(pooled.orders) == 0
    together = net if bare else run(pooled.positions_only())
    return Benefit(
        net.account,
        net.pool,
        net.currency,
        together.initial.value,
        pooled.sum(alone.initial.value),
        together.maintenance.value,
        pooled.sum(alone.maintenance.value),
    )
