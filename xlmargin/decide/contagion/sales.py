"""Forced sales carried out: what the depth bears of a plan, what it presses on, who pays what."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...book import Book, added
from ...findings import rows_with
from ..trades import closed
from ..valuation import notional, value
from .cohort import Cohort, paid_in
from .forced import Plan
from .lenders import Sides


@dataclass(frozen=True, eq=False)
class Flow:
    """USD bought and sold by name (U,), both positive, and sold or bought in all by row (S,)."""

    bought: np.ndarray
    sold: np.ndarray
    by_row: np.ndarray

    @classmethod
    def of(cls, number: np.ndarray, amount: np.ndarray, count: int) -> Flow:
        """Signed USD (N,) by name."""
        both = (added(number, np.maximum(sign * amount, 0.0), count) for sign in (1.0, -1.0))
        return cls(*both, np.zeros(0))


@dataclass(frozen=True, eq=False)
class Done:
    """What a plan did: the rows (S,) as a book, and USD by row (S,).

    ``fee`` went to the fund, ``bonus`` to liquidators, ``slipped`` to whoever bought below the mark; ``left`` is the
    worth of rows taken over, which the fund takes (negative: which it owes); ``flow`` what was bought and sold;
    ``acted`` (S,) rows that something was done to.
    """

    book: Book
    flow: Flow
    fee: np.ndarray
    bonus: np.ndarray
    slipped: np.ndarray
    left: np.ndarray
    acted: np.ndarray


@dataclass(frozen=True, eq=False)
class Sale:
    """A plan at the marks of a cohort, of which ``bears`` (U,) of the sales by name finds a buyer (None: all).

    ``share`` (H,) of each leg is closed, ``cut`` (S,) rows could not close everything that they should.
    """

    cohort: Cohort
    plan: Plan
    bears: np.ndarray | None = None

    @property
    def _number(self) -> np.ndarray:
        """Number of the name (H,) that each leg presses on."""
        return self.cohort.names.instrument[self.cohort.number][self.plan.book.legs.instrument]

    def _share(self) -> tuple[np.ndarray, np.ndarray]:
        """Share of each leg (H,) closed, and the rows (S,) whose positions could not all be closed as planned."""
        legs, share = self.plan.book.legs, self.plan.share
        if self.bears is None:
            return share, np.zeros(len(self.plan.rows), bool)
        sells = legs.quantity * self.cohort.delta[legs.instrument] > 0
        borne = np.where(sells, self.bears[self._number], 1.0)
        return share * borne, rows_with(legs, (borne < 1.0) & (share > 0))

    def _fee(self, share: np.ndarray) -> np.ndarray:
        """The planned fee (S,), less what belongs to positions that found no buyer."""
        start = self.plan.book
        size = notional(start, self.cohort.there.market, "USD")
        part, whole = (start.legs.sum(s * np.where(s > 0, size, 0.0)) for s in (share, self.plan.share))
        return self.plan.fee * np.divide(part, whole, out=np.ones(len(whole)), where=whole > 0)

    def done(self, ratio: np.ndarray | None = None) -> Done:
        """Carry it out; ``ratio`` (U,) is by what fraction prices differ from the marks at which sales are booked.

        An account whose sales are cut is not taken over, and keeps what it could not sell.
        """
        made, market, names = self.plan, self.cohort.there.market, self.cohort.names
        legs, purse = made.book.legs, self.cohort.purse[made.rows]
        share, cut = self._share()
        dollars = -legs.quantity * share * self.cohort.delta[legs.instrument]
        slipped = legs.sum(dollars * (0.0 if ratio is None else ratio[self._number]))
        slipped, fee = np.where(purse >= 0, slipped, 0.0), self._fee(share)
        book = paid_in(closed(made.book, market, share), market, purse, -fee - slipped)
        sides, cash = Sides.of(book, market), book.cash
        served = self._served(book, sides, cut)
        sold, repaid = made.sold * served, made.repaid * served
        coins = sides.debt * repaid[cash.row] - sides.asset * sold[cash.row]
        book = replace(book, cash=replace(cash, amount=sides.settled(book, sold, repaid)))
        taken = made.taken & ~cut & (served == 1.0)
        left = np.where(taken, value(book, market, "USD"), 0.0)
        emptied = np.where(taken[cash.row], 0.0, book.cash.amount)
        book = replace(book, cash=replace(book.cash, amount=emptied))
        number = np.concatenate([self._number, names.asset[cash.asset]])
        flow = Flow.of(number, np.concatenate([dollars, coins]), len(names))
        flow = replace(flow, by_row=legs.sum(np.abs(dollars)) + cash.sum(np.abs(coins)))
        acted = made.cancelled | taken | (legs.sum(share) > 0) | (sold > 0)
        return Done(book, flow, fee, -cash.sum(coins), slipped, left, acted)

    def _served(self, book: Book, sides: Sides, cut: np.ndarray) -> np.ndarray:
        """Share of each row's repayment (S,) that goes ahead: none where its positions could not all be closed."""
        out, cash = np.where(cut, 0.0, 1.0), book.cash
        if self.bears is not None:
            sells = (sides.asset > 0) & (self.plan.sold[cash.row] > 0)
            np.minimum.at(out, cash.row[sells], self.bears[self.cohort.names.asset[cash.asset[sells]]])
        return out
