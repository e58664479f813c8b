"""One account with many sets of further trades, run again under the rule: what a search asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..book import Book
from ..comparison import in_currency
from ..errors import InputError
from ..frames import amounts_on
from ..ledger import LEGS, Margin
from ..run import Run, Session
from .sides import reached
from .subject import level_of, rows_of
from .trades import Trades, traded

LEGS_AT_ONCE = 1 << 19
STEP = "_rerun"


@dataclass(frozen=True, eq=False)
class Reruns:
    """An account (one row before pooling), candidates (K,) by instrument, and the requirement that is looked at.

    ``side`` (K,) says which leg of an instrument held in hedge mode a candidate is; what would close more than is held
    closes all of it.
    """

    session: Session
    book: Book
    instrument: np.ndarray
    price: np.ndarray
    level: str = "initial"
    side: np.ndarray | None = None

    def __call__(self, quantity: np.ndarray) -> Found:
        """What the account needs with trades ``quantity`` (N, K) on top."""
        step = max(1, LEGS_AT_ONCE // (len(self.book.legs) + 8))
        parts = [self._part(quantity[low : low + step]) for low in range(0, len(quantity), step)]
        every = (np.concatenate([getattr(f, k) for f in parts]) for k in ("need", "equity"))
        return Found(*every, parts[0].currency)

    @cached_property
    def dollars(self) -> bool:
        """Whether pools are of several currencies with some candidate or none: all is counted in USD then."""
        return several(self._result(np.vstack([np.zeros(len(self.instrument)), np.eye(len(self.instrument))])))

    @cached_property
    def sides(self) -> np.ndarray:
        """Which leg each candidate (K,) is: 1 long, −1 short, 0 of one-way mode."""
        return np.zeros(len(self.instrument), np.int8) if self.side is None else self.side

    @cached_property
    def held(self) -> np.ndarray:
        """What the account holds of each candidate's leg (K,), the one that a trade goes to."""
        legs = self.book.legs
        own = (legs.instrument == self.instrument[:, None]) & (legs.side == self.sides[:, None]) & reached(legs)
        return own @ legs.quantity

    def within(self, quantity: np.ndarray) -> np.ndarray:
        """Trades (N, K) that leave no leg of hedge mode on the other side."""
        if self.side is None or not self.side.any():
            return quantity
        low = np.where(self.side == 1, 0.0 - self.held, -np.inf)
        high = np.where(self.side == -1, 0.0 - self.held, np.inf)
        return np.clip(quantity, low, high)

    def _part(self, quantity: np.ndarray) -> Found:
        result = self._result(quantity)
        return Found(*summed(result, level_of(result, self.level), len(quantity), self.dollars))

    def _result(self, quantity: np.ndarray) -> Margin:
        rows = len(quantity)
        quantity = self.within(quantity)
        row, k = np.nonzero(quantity)
        trades = Trades.of(row, self.instrument[k], quantity[row, k], price=self.price[k], side=self.sides[k])
        book = traded(self.book, self.session.market, trades, np.zeros(rows, np.int64))
        pooled = self.session.pooled(replace(book, settings={**book.settings, STEP: np.arange(rows)}))
        return self._run(pooled)

    def slopes(self, quantity: np.ndarray) -> Slopes:
        """Requirement and its slopes at one set of trades (K,), none of them zero: what the ledger says each adds.

        A line is the sum of what positions add, and that over the quantity is the slope wherever a requirement is
        straight between kinks; where it is not, a step in some direction shows it (see ``cutting``).
        """
        k = np.arange(len(quantity))
        trades = Trades.of(np.zeros(len(k), np.int64), self.instrument, quantity, price=self.price, side=self.sides)
        book = traded(self.book, self.session.market, trades)
        pooled = self.session.pooled(replace(book, settings={**book.settings, STEP: np.zeros(1)}, detail=True))
        result = self._run(pooled)
        lines = {"initial": result.initial, "maintenance": result.maintenance, **result.levels}
        legs, rate = pooled.legs, _rates(result, self.dollars)
        amounts = amounts_on(lines[self.level], LEGS, len(legs)) * rate[legs.row]
        place = np.full((len(self.session.market), 3), -1)
        cross = np.flatnonzero(~legs.isolated)
        place[legs.instrument[cross], legs.side[cross] + 1] = cross
        at = place[self.instrument, self.sides + 1]
        held = np.where(at >= 0, legs.quantity[at], np.nan)
        grid = result.grid if len(pooled) == 1 and result.grid is not None else None
        scan = (
            ()
            if grid is None or grid.cells is None
            else (grid.pnl[0], grid.cells[at] / held[:, None], int(grid.worst[0]))
        )
        need = summed(result, level_of(result, self.level), 1, self.dollars)[0]
        return Slopes(float(need[0]), amounts[at] / held, *scan)

    def _run(self, pooled: Book) -> Margin:
        result = self.session.model.rule(pooled, self.session.ready)
        money = np.broadcast_to(np.asarray(result.currency, object), (len(pooled),))
        return replace(result, currency=money, run=Run(self.session, pooled))


@dataclass(frozen=True, eq=False)
class Slopes:
    """A requirement, its slopes (K,), and of a single pool's grid the results (S,), their slopes (K, S), the worst."""

    need: float
    slope: np.ndarray
    pnl: np.ndarray | None = None
    pnl_slope: np.ndarray | None = None
    worst: int = -1


@dataclass(frozen=True, eq=False)
class Found:
    """Requirement and equity (N,) over all pools, and their currency."""

    need: np.ndarray
    equity: np.ndarray
    currency: str


def several(result: Margin) -> bool:
    """Whether pools are of several currencies."""
    return len(set(result.currency)) > 1


def summed(result: Margin, need: np.ndarray, rows: int, dollars: bool) -> tuple[np.ndarray, np.ndarray, str]:
    """A requirement and equity added up over the pools of each row (rows,), and the currency: USD for ``dollars``."""
    step, rate = result.run.book.settings[STEP].astype(np.int64), _rates(result, dollars)
    total = [np.bincount(step, v * rate, rows) for v in (need, result.equity.value)]
    return total[0], total[1], str(result.currency[0]) if len(result.currency) and not dollars else "USD"


def _rates(result: Margin, dollars: bool) -> np.ndarray:
    """What a unit of each pool's currency counts for (R,): its price in USD for ``dollars``, else 1."""
    return in_currency(result) if dollars else np.ones(len(result.currency))


def account_row(book: Book, account: str | None) -> int:
    """The row of the account named, or of the only one; InputError lists them otherwise."""
    if account is None and len(book) == 1:
        return 0
    if account is None:
        raise InputError(f"say which account: {', '.join(map(str, book.account[:12]))}")
    return int(rows_of(book.account, account)[0])
