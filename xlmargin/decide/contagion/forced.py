"""The venue's ladder on many accounts at once: what it closes of each at the marks of one round."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...book import Book, Orders
from ..simulate.simulate import MOST_STEPS
from ..trades import closed
from ..valuation import notional, value
from .cohort import Cohort, paid_in
from .lenders import Sides, Terms


@dataclass(eq=False)
class Plan:
    """What is done to rows (S,) of ``book`` (H legs): share of each leg closed, shares of assets sold and debts repaid.

    ``fee`` (S,) in USD goes to the fund; ``taken`` (S,) rows are taken over whole; ``cancelled`` (S,) had orders.
    """

    rows: np.ndarray
    book: Book
    share: np.ndarray
    sold: np.ndarray
    repaid: np.ndarray
    fee: np.ndarray
    taken: np.ndarray
    cancelled: np.ndarray


def plan(cohort: Cohort, rows: np.ndarray, terms: Terms) -> Plan:
    """Run the ladder on ``rows`` (S,) until each is safe again, taken over, or has nothing left, at one set of marks.

    Orders are cancelled first. As in ``simulate``, a step closes the ladder's share of every position, everything
    where the size is small; at or below the backstop, or without equity, the account is taken over. Accounts without
    positions repay debts out of their assets. After MOST_STEPS steps or rounds everything is closed at once.
    """
    return _Work(cohort, rows, terms).run()


class _Work:
    """A plan in the making."""

    def __init__(self, cohort: Cohort, rows: np.ndarray, terms: Terms) -> None:
        self.cohort, self.rows, self.terms = cohort, rows, terms
        self.there, self.ladder = cohort.there, cohort.ladder
        start = cohort.book.take(rows)
        self.cancelled = np.bincount(start.orders.row, minlength=len(rows)) > 0
        self.start = replace(start, orders=Orders.none(len(rows)))
        self.book, self.number = self.start, np.arange(len(start.legs))
        self.left = np.ones(len(start.legs))
        count = len(rows)
        self.kept_assets, self.kept_debts, self.fee = np.ones(count), np.ones(count), np.zeros(count)
        self.taken, self.live = np.zeros(count, bool), np.arange(count)
        self.need = cohort.need[rows]

    def run(self) -> Plan:
        """The steps until no row is left to work on."""
        step = 0
        while True:
            have = self._still_unsafe(first=step == 0)
            if not len(self.live):
                break
            holds = np.bincount(self.book.legs.row, minlength=len(self.rows))[self.live] > 0
            over = holds & ((have <= self.ladder.backstop * self.need[self.live]) | (have <= 0))
            self._take_over(self.live[over])
            bare = self.live[~holds]
            self.live = self.live[holds & ~over]
            late = self.cohort.steps[self.rows] + step >= MOST_STEPS
            self._close(self.live, late[self.live])
            self.live = np.sort(np.concatenate([self.live, self._repay(bare, late[bare])]))
            step += 1
        shares = (1.0 - self.left, 1.0 - self.kept_assets, 1.0 - self.kept_debts)
        return Plan(self.rows, self.start, *shares, self.fee, self.taken, self.cancelled)

    def _still_unsafe(self, first: bool) -> np.ndarray:
        """Keep the live rows that are still below what ends a liquidation; returns their equity."""
        live = self.live
        if not len(live):
            return np.zeros(0)
        if first and not self.cancelled.any():
            return self.cohort.equity[self.rows]
        result = self.there.run(self.book.take(live))
        self.cohort.margined += len(live)
        have, need = result.equity.value, result.maintenance.value
        safe = have >= self.ladder.trigger * need
        safe &= first | (have >= need / self.ladder.target)
        self.live = live[~safe]
        self.need[self.live] = need[~safe]
        return have[~safe]

    def _take_over(self, rows: np.ndarray) -> None:
        """Close everything of ``rows`` and repay their debts out of what they hold."""
        if not len(rows):
            return
        self.taken[rows] = True
        share = np.zeros(len(self.rows))
        share[rows] = 1.0
        self._closed(share)
        self._settled(rows, np.ones(len(rows)))

    def _close(self, rows: np.ndarray, whole: np.ndarray) -> None:
        """A step of the ladder on ``rows`` with its fee."""
        if not len(rows):
            return
        own, market = self.ladder, self.there.market
        size = self.book.sum(notional(self.book, market, "USD"))[rows]
        unit = self.cohort.rate[self.rows[rows]]
        step = np.where(whole | (own.step >= 1.0) | (size <= own.whole_below * unit), 1.0, own.step)
        share = np.zeros(len(self.rows))
        share[rows] = step
        self._closed(share)
        eased = self._eased(rows) * unit if own.fee_of_margin else 0.0
        after = value(self.book.take(rows), market, "USD")
        fee = np.minimum(own.fee * step * size + own.fee_of_margin * eased, np.maximum(after, 0.0))
        fee = np.where(self.cohort.purse[self.rows[rows]] >= 0, fee, 0.0)
        self.fee[rows] += fee
        paid = np.zeros(len(self.rows))
        paid[rows] = -fee
        self.book = paid_in(self.book, market, self.cohort.purse[self.rows], paid)

    def _eased(self, rows: np.ndarray) -> np.ndarray:
        """By how much the maintenance of ``rows`` has fallen, in their currency."""
        now = self.there.run(self.book.take(rows)).maintenance.value
        self.cohort.margined += len(rows)
        return np.maximum(self.need[rows] - now, 0.0)

    def _closed(self, share: np.ndarray) -> None:
        """Close a share of every leg by row (S,) at its mark."""
        of_leg = share[self.book.legs.row]
        self.left[self.number] *= 1.0 - of_leg
        self.book = closed(self.book, self.there.market, of_leg)
        self.number = self.number[of_leg < 1.0]

    def _repay(self, rows: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """Repay debts of ``rows`` out of their assets; returns those that were served and may still be unsafe."""
        if not len(rows):
            return rows
        sides, cash = Sides.of(self.book, self.there.market), self.book.cash
        owned, owed = cash.sum(sides.asset)[rows], cash.sum(sides.debt)[rows]
        self.taken[rows[(owed > 0) & (owned <= 0)]] = True
        can = (owed > 0) & (owned > 0)
        rows, owned, owed = rows[can], owned[can], owed[can]
        equity = self._equity(rows)
        health = (equity + owed - self.need[rows] * self.cohort.rate[self.rows[rows]]) / owed
        terms = self.terms
        full = whole[can] | (health <= terms.whole_health) | (np.minimum(owned, owed) < terms.whole_below)
        self._settled(rows, np.where(full, 1.0, terms.share))
        return rows

    def _equity(self, rows: np.ndarray) -> np.ndarray:
        """Worth of ``rows`` in USD: assets less debts."""
        return value(self.book.take(rows), self.there.market, "USD") if len(rows) else np.zeros(0)

    def _settled(self, rows: np.ndarray, share: np.ndarray) -> None:
        """Repay ``share`` of the debts of ``rows``: every asset is sold in the same proportion, less the bonus."""
        sides, cash = Sides.of(self.book, self.there.market), self.book.cash
        owed = cash.sum(sides.debt)[rows]
        pays = cash.sum(sides.asset / (1.0 + self.terms.bonus(self.book)))[rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            sold = np.where(pays > 0, np.minimum(share * owed / pays, 1.0), 0.0)
            repaid = np.where(sold < 1.0, np.where(pays > 0, share, 0.0), np.minimum(pays / owed, 1.0))
        repaid = np.where(owed > 0, repaid, 0.0)
        sold = np.where(owed > 0, sold, 0.0)
        gone = {"sold": np.zeros(len(self.rows)), "repaid": np.zeros(len(self.rows))}
        gone["sold"][rows], gone["repaid"][rows] = sold, repaid
        amount = sides.settled(self.book, **gone)
        self.book = replace(self.book, cash=replace(cash, amount=amount))
        self.kept_assets *= 1.0 - gone["sold"]
        self.kept_debts *= 1.0 - gone["repaid"]
