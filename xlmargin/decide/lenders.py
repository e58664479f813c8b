"""What lenders and venues take when debts are repaid out of an account's assets: how much at once, and the bonus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..book import Book, added
from ..lending import LOAN, SUPPLIED
from ..market import Market
from ..params import Params
from ..run import Session

BASIS = 10_000
PAIRS = "debts are repaid and assets seized in proportion; a liquidator would choose one pair, bonus by efficiency mode"
ABSORBED = "assets are seized for what the debts need and the penalty; the lender would absorb the account whole"


@dataclass(frozen=True, eq=False)
class Terms:
    """``share`` of the debts repaid at a time, all of them where health is at or below ``whole_health`` or either
    side is below ``whole_below`` USD; ``bonus`` (C,) that a liquidator keeps of each asset, as a fraction;
    ``told`` what is simpler here than at the lender, empty for venues that are none.
    """

    share: float
    whole_health: float
    whole_below: float
    bonus: np.ndarray
    told: str = ""
    cite: str = ""

    @classmethod
    def of(cls, session: Session) -> Terms:
        """The terms of a model from its own parameters: lenders have a bonus; venues repay all debts at the mark."""
        p, assets = session.params, list(map(str, session.market.assets))
        if "close_factor" in p.units:
            bonus = np.array([_largest(p, "reserves", a, lambda row: row[2] / BASIS - 1.0) for a in assets])
            terms = (p["close_factor"], p["close_factor_threshold"], p["full_close_below"])
            return cls(*terms, bonus, PAIRS, p.cite("reserves", "close_factor"))
        if "store_front" in p.units:
            bonus = np.array([_largest(p, "collateral", a, lambda row: 1.0 / row[2] - 1.0) for a in assets])
            return cls(1.0, 0.0, 0.0, bonus, ABSORBED, p.cite("collateral"))
        return cls(1.0, 0.0, 0.0, np.zeros(len(assets)))


def _largest(p: Params, table: str, asset: str, bonus: Callable[[Any], float]) -> float:
    """The largest bonus on an asset in any market of a lender; 0 where none lists it."""
    tables = [own.get(table) or {} for own in (p.common, *p.by.values())]
    return max((bonus(t[asset]) for t in tables if asset in t and t[asset][2] > 0), default=0.0)


@dataclass(frozen=True, eq=False)
class Sides:
    """Balances of a book as assets and debts in USD (B,): what offsets within one asset of a pool is neither."""

    asset: np.ndarray
    debt: np.ndarray
    sides: np.ndarray

    @classmethod
    def of(cls, book: Book, market: Market) -> Sides:
        """The sides of a book's balances; loans and supplied balances do not offset each other."""
        cash, price = book.cash, np.nan_to_num(market.price)
        apart = np.where(cash.kind == LOAN, 1, np.where(cash.kind == SUPPLIED, 2, 0))
        key, place = np.unique((cash.row * len(market.assets) + cash.asset) * 3 + apart, return_inverse=True)
        up, down = np.maximum(cash.amount, 0.0), np.maximum(-cash.amount, 0.0)
        long, short = (added(place, v, len(key))[place] for v in (up, down))
        net = long - short
        weight = lambda own, total: np.divide(own, total, out=np.zeros(len(own)), where=total > 0)  # noqa: E731
        asset = weight(up, long) * np.maximum(net, 0.0) * price[cash.asset]
        debt = weight(down, short) * np.maximum(-net, 0.0) * price[cash.asset]
        return cls(asset, debt, np.sign(net))

    def settled(self, book: Book, sold: np.ndarray, repaid: np.ndarray) -> np.ndarray:
        """Amounts (B,) once shares ``sold`` of each row's assets and ``repaid`` of its debts (R,) are gone."""
        cash, row = book.cash, book.cash.row
        share = np.where(self.sides > 0, sold[row], np.where(self.sides < 0, repaid[row], 0.0))
        return cash.amount * (1.0 - share)
