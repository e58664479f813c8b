"""An account's balances as collateral to post: what each counts for under the rule, and what they must cover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...errors import InputError
from ...frames import amounts_on
from ...ledger import CASH, Margin
from ...lending import signed
from ..subject import level_of, on_margin
from ..valuation import rates


@dataclass(frozen=True, eq=False)
class Pledges:
    """Balances (A,) above zero of one pool, in its currency: price, haircut now, and what they must cover in all.

    ``required`` is the requirement less what equity has besides these balances; ``counted`` what they count for now.
    """

    margin: Margin
    asset: np.ndarray
    quantity: np.ndarray
    price: np.ndarray
    haircut: np.ndarray
    required: float
    level: str

    @property
    def counted(self) -> np.ndarray:
        """What each balance counts for (A,)."""
        return self.quantity * self.price * (1.0 - self.haircut)

    def assets(self) -> Any:
        """The balances as the assets table of ``allocate`` (pandas DataFrame)."""
        import pandas as pd

        columns = {"asset": self.asset, "quantity": self.quantity, "price": self.price, "haircut": self.haircut}
        return pd.DataFrame(columns)

    def requirements(self) -> Any:
        """What they must cover as the requirements table of ``allocate`` (pandas DataFrame)."""
        import pandas as pd

        return pd.DataFrame({"requirement": [self.level], "required": [self.required]})

    def posted(self, units: Mapping[str, float]) -> Margin:
        """The pool again with only ``units`` of these balances in it, everything else as it is."""
        book, market = self.margin.run.book, self.margin.run.market
        held = dict(zip(map(str, self.asset), self.quantity, strict=True))
        names = market.assets[book.cash.asset].astype(str)
        share = np.array([units.get(n, 0.0) / held[n] if n in held else 1.0 for n in names])
        kept = np.where(signed(book) > 0, share, 1.0)
        cash = replace(book.cash, amount=book.cash.amount * kept)
        return self.margin.run.session.run(replace(book, cash=cash, detail=False))


@on_margin
def pledges(margin: Margin, level: str = "initial") -> Pledges:
    """The balances of one pool as collateral: what the rule counts each for, and what must be covered by them.

    A balance's haircut is what it lacks of its worth in the ledger: 1 − (equity − requirement) ÷ worth over the lines
    that it stands in, at its present size (a tiered haircut by its average). Loans stay with the account.
    Raises InputError for several pools.
    """
    if len(margin.account) != 1:
        names = ", ".join(f"{a} / {p}" for a, p in zip(margin.account, margin.pool, strict=True))
        raise InputError(f"collateral is looked at by pool; say which account and pool: {names[:300]}")
    session, currency = margin.run.session, str(margin.currency[0])
    own = session.run(replace(margin.run.book, detail=True))
    book, market = own.run.book, session.market
    worth = np.nan_to_num(signed(book) * rates(market, currency)[book.cash.asset])
    lines = {"initial": own.initial, "maintenance": own.maintenance, **own.levels}
    need = float(level_of(own, level)[0])
    count = len(book.cash)
    counted = amounts_on(own.equity, CASH, count) - amounts_on(lines[level], CASH, count)
    held = np.flatnonzero(worth > 0)
    names, place = np.unique(market.assets[book.cash.asset[held]].astype(str), return_inverse=True)
    total = lambda values: np.bincount(place, values[held], len(names))  # noqa: E731
    value, counts, units = total(worth), total(counted), total(book.cash.amount)
    cut = np.clip(1.0 - counts / value, 0.0, 1.0)
    rest = float(own.equity.value[0]) - need - float(np.sum(value * (1.0 - cut)))
    return Pledges(margin, names.astype(object), units, value / units, cut, max(0.0, -rest), level)
