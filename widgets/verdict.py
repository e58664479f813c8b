"""A margin as the panel looks at it: one of its rows chosen, in detail, with what netting saves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from xlmargin.ledger import Margin
from xlmargin.netting import Benefit, benefit


@dataclass(frozen=True, eq=False)
class Verdict:
    """A margin and the row of it that is looked at; what is derived from it is made once, when asked for."""

    margin: Margin
    row: int = 0

    @classmethod
    def of(cls, margin: Margin, account: str = "", pool: str = "") -> Verdict | None:
        """The row of that account and pool, else the account's first, else the first; None if there is no row."""
        if not len(margin.account):
            return None
        mine = margin.account == account
        both = np.flatnonzero(mine & (margin.pool == pool))
        found = both if len(both) else np.flatnonzero(mine)
        return cls(margin, int(found[0]) if len(found) else 0)

    @property
    def account(self) -> str:
        """Whose row it is."""
        return str(self.margin.account[self.row])

    @property
    def pool(self) -> str:
        """Which of the account's pools."""
        return str(self.margin.pool[self.row])

    @property
    def currency(self) -> str:
        """Currency of the row's figures."""
        return str(self.margin.currency[self.row])

    @cached_property
    def detail(self) -> Margin:
        """The row run again with amounts per holding."""
        return self.margin.detail(self.margin.account[self.row], self.margin.pool[self.row])

    @cached_property
    def saving(self) -> Benefit:
        """What netting saves, by row of the margin."""
        return benefit(self.margin)
