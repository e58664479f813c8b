"""What lenders and venues take when debts are repaid out of an account's assets: how much at once, and the bonus."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...book import Book, added
from ...lending import LOAN, SUPPLIED
from ...market import Market
from ...run import Session

BASIS = 10_000
RESERVES, COLLATERAL = "reserves", "collateral"
PAIRS = "debts are repaid and assets seized in proportion; a liquidator would choose one pair, bonus by efficiency mode"
ABSORBED = "assets are seized for what the debts need and the penalty; the lender would absorb the account whole"


@dataclass(frozen=True, eq=False)
class Terms:
    """``share`` of the debts repaid at a time, all of them where health is at or below ``whole_health`` or either
    side is below ``whole_below`` USD; ``told`` what is simpler here than at the lender, empty for venues that are none.
    """

    session: Session
    share: float = 1.0
    whole_health: float = 0.0
    whole_below: float = 0.0
    table: str = ""
    told: str = ""
    cite: str = ""
    _rows: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, session: Session) -> Terms:
        """The terms of a model from its own parameters: lenders have a bonus; venues repay all debts at the mark."""
        p = session.params
        if "close_factor" in p.units:
            terms = (p["close_factor"], p["close_factor_threshold"], p["full_close_below"])
            return cls(session, *terms, RESERVES, PAIRS, p.cite(RESERVES, "close_factor"))
        if "store_front" in p.units:
            return cls(session, table=COLLATERAL, told=ABSORBED, cite=p.cite(COLLATERAL))
        return cls(session)

    def bonus(self, book: Book) -> np.ndarray:
        """Fraction that a liquidator keeps of each balance (B,), as its pool's market has it."""
        if not self.table:
            return np.zeros(len(book.cash))
        names, number = np.unique(book.pool.astype(str), return_inverse=True)
        rows = np.stack([self._row(str(name)) for name in names]) if len(names) else np.zeros((1, 1))
        return rows[number[book.cash.row], book.cash.asset]

    def _row(self, market: str) -> np.ndarray:
        """The bonus of every asset (C,) in one market of the lender."""
        if market not in self._rows:
            p, assets = self.session.params, list(map(str, self.session.market.assets))
            listed = p.by.get(market, {}).get(self.table) or p.common.get(self.table) or {}
            cells = [listed[a][2] if a in listed else 0.0 for a in assets]
            kept = [_above(c / BASIS if self.table == RESERVES else 1.0 / c if c else 0.0) for c in cells]
            self._rows[market] = np.array(kept, np.float64)
        return self._rows[market]


def _above(ratio: float) -> float:
    return max(ratio - 1.0, 0.0)


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
