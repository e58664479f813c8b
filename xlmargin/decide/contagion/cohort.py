"""All accounts under one model as a contagion goes on: their pools, the market as it is now, who stands where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...book import Book, Cash
from ...comparison import conversion
from ...errors import InputError, Note, Problem
from ...findings import rows_with, setting_is
from ...lending import WALLET, signed
from ...market import SENSITIVITY, Market
from ...params import Params
from ...registry import Model
from ...registry import model as find
from ...run import Session, session
from ...scopes import staying
from ..across import Models, told_of, venues_of
from ..exposure import Greeks
from ..moves import Moves
from ..subject import revaluable
from ..trades import PAID_IN_FULL, paid
from ..valuation import value
from ..venues import Ladder, ladder
from ..worlds import moved_session, unready
from .impact import Names

ROW = "_account_row"


@dataclass(eq=False)
class Cohort:
    """Pools (R,) of one model's accounts, and their last known figures.

    ``base`` is the session on the market before the shock, ``there`` on the market of this round; ``account`` (R,)
    numbers the accounts; ``number`` (I,) the instruments of the whole market; ``rate`` (R,) USD a unit of the pool's
    currency; ``worth`` (R,) in USD; ``purse`` (R,) the asset in which a pool pays and is paid, −1 where it has none.
    ``steps`` (R,) counts the rounds in which a pool was liquidated, ``margined`` the rows that the rule was run on.
    """

    base: Session
    there: Session
    book: Book
    account: np.ndarray
    names: Names
    number: np.ndarray
    currency: np.ndarray
    ladder: Ladder
    equity: np.ndarray
    initial: np.ndarray
    need: np.ndarray
    worth: np.ndarray
    purse: np.ndarray
    notes: tuple[Note, ...] = ()
    margined: int = 0
    changed: np.ndarray = field(init=False)
    steps: np.ndarray = field(init=False)
    rate: np.ndarray = field(init=False)
    _delta: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.changed, self.steps = np.zeros(len(self.book), bool), np.zeros(len(self.book), np.int64)
        self.rate = conversion(self.there.market, self.currency)

    @classmethod
    def of(cls, made: Session, book: Book, market: Market, names: Names, rules: Ladder | None) -> Cohort:
        """Accounts under a session, margined on the market as it is."""
        first = revaluable(made.margin(_counted(_signed(book), made.market)))
        base = first.run.session
        pooled = staying(first.run.book, base.market, base.model.scope_setting)
        index = {str(n): i for i, n in enumerate(market.name)}
        return cls(
            base=base,
            there=base,
            book=pooled,
            account=pooled.settings[ROW].astype(np.int64),
            names=names,
            number=np.array([index[str(n)] for n in base.market.name], np.int64),
            currency=first.currency,
            ladder=rules or ladder(base.model.id, base.market.as_of),
            equity=first.equity.value.copy(),
            initial=first.initial.value.copy(),
            need=first.maintenance.value.copy(),
            worth=value(pooled, base.market, "USD"),
            purse=_purses(pooled, base.market, first.currency),
            notes=tuple(first.notes),
            margined=len(pooled),
        )

    def __len__(self) -> int:
        return len(self.book)

    def name_of(self, what: str) -> np.ndarray:
        """Number of the name that each leg, order, balance or settlement asset (of legs) follows."""
        book, instrument = self.book, self.names.instrument[self.number]
        if what == "cash":
            return self.names.asset[book.cash.asset]
        if what == "settle":
            return np.append(self.names.asset, 0)[self.base.market.settle[book.legs.instrument]]
        return instrument[getattr(book, what).instrument]

    def moved(self, moves: Moves, names: np.ndarray) -> None:
        """Go to a market after ``moves`` of the whole market; ``names`` (U,) are those whose price changed since."""
        touched = self._touched(names)
        if not touched.any():
            return
        own = replace(moves, group=moves.group[self.number])
        unready(self.base.market, self.book, own)
        self.there = moved_session(self.base, own)
        self.rate, self._delta = conversion(self.there.market, self.currency), None
        self.changed |= touched

    def _touched(self, names: np.ndarray) -> np.ndarray:
        """Rows (R,) that hold anything whose price follows one of ``names`` (U,)."""
        book = self.book
        out = rows_with(book.legs, names[self.name_of("legs")] | names[self.name_of("settle")])
        return (
            out
            | rows_with(book.cash, names[self.name_of("cash")])
            | rows_with(book.orders, names[self.name_of("orders")])
        )

    def measure(self) -> np.ndarray:
        """Margin the rows that changed; returns what prices gave each row (R,) in USD since worth was last booked."""
        rows = np.flatnonzero(self.changed)
        gain = np.zeros(len(self))
        if len(rows):
            part = self.book.take(rows)
            result = self.there.run(part)
            self.margined += len(rows)
            self.equity[rows], self.need[rows] = result.equity.value, result.maintenance.value
            self.initial[rows] = result.initial.value
            self._refuse_none(rows)
            now = value(part, self.there.market, "USD")
            gain[rows] = now - self.worth[rows]
            self.worth[rows] = now
            self.changed[rows] = False
        return gain

    def _refuse_none(self, rows: np.ndarray) -> None:
        """Raise InputError where a row (N,) has no figure on the market as it is now."""
        known = np.isfinite(self.equity[rows]) & np.isfinite(self.need[rows]) & np.isfinite(self.initial[rows])
        if not known.all():
            account = self.book.account[rows[np.flatnonzero(~known)[0]]]
            raise InputError(f"account {account}: no figure on the moved market; a price or a parameter is missing")

    @property
    def delta(self) -> np.ndarray:
        """USD delta a contract (I,) now; 0 where none is known."""
        if self._delta is None:
            self._delta = np.nan_to_num(Greeks.of(self.there.market).delta_usd)
        return self._delta

    @property
    def unsafe(self) -> np.ndarray:
        """Rows (R,) below what starts a liquidation."""
        return self.equity < self.ladder.trigger * self.need

    @property
    def fixed(self) -> np.ndarray:
        """Rows (R,) whose positions are given as sensitivities, of which a venue can sell nothing."""
        return rows_with(self.book.legs, self.base.market.kind[self.book.legs.instrument] == SENSITIVITY)

    def put(self, rows: np.ndarray, part: Book) -> None:
        """Put rows back that were taken out as ``part`` and changed."""
        book, own = self.book, np.zeros(len(self.book), bool)
        own[rows] = True
        tables = {}
        for name in ("legs", "cash", "orders"):
            old, new = getattr(book, name), getattr(part, name)
            kept = ~own[old.row]
            rest = old.at(kept, old.row[kept], old.rows)
            tables[name] = rest.joined(new.at(slice(None), rows[new.row], old.rows))
        self.book = replace(book, **tables)
        self.changed[rows] = True


def paid_in(book: Book, market: Market, purse: np.ndarray, amount: np.ndarray) -> Book:
    """The book after USD ``amount`` (R,) paid into each row's ``purse`` (R,)."""
    some = np.flatnonzero((amount != 0.0) & (purse >= 0))
    units = amount[some] / market.price[purse[some]]
    return replace(book, cash=paid(book.cash, len(market.assets), some, purse[some], units))


def cohorts(
    book: Book,
    market: Market,
    models: Models,
    params: Mapping[str, Params] | None,
    options: Mapping[str, Mapping[str, Any]] | None,
    rules: Mapping[str, Ladder] | None,
    workers: int | None,
) -> tuple[list[Cohort], np.ndarray]:
    """The accounts of each model, and the venue (A,) of every account as it is shown.

    Raises InputError with every problem of every venue.
    """
    venue, chosen = venues_of(book, models)
    id = {name: find(chosen[name]).id for name in dict.fromkeys(venue.tolist())}
    model_of = np.array([id[name] for name in venue], object)
    marked = replace(book, settings={**book.settings, ROW: np.arange(len(book))})
    problems: list[Problem] = []
    made = []
    for name in dict.fromkeys(model_of.tolist()):
        rows = np.flatnonzero(model_of == name)
        how = told_of(name, params, options) | {"workers": workers}
        made.append(session(marked.take(rows), market, _model(chosen, id, name), problems=problems, **how))
    if problems:
        raise InputError(problems)
    names, rules = Names.of(market), rules or {}
    found = [Cohort.of(s, b, market, names, rules.get(s.model.id)) for s, b in made]
    return found, np.where(venue == "", model_of, venue)


def _model(chosen: Mapping[str, str | Model], id: Mapping[str, str], name: str) -> str | Model:
    return next(chosen[v] for v, own in id.items() if own == name)


def _signed(book: Book) -> Book:
    """The book with loans as debts, whatever the sign that they were written with."""
    return replace(book, cash=replace(book.cash, amount=signed(book)))


def _counted(book: Book, market: Market) -> Book:
    """The book with an entry price of 0 for futures whose cost the balances hold, so that each is worth its mark."""
    legs = book.legs
    future = ~np.isin(market.kind[legs.instrument], PAID_IN_FULL)
    inside = setting_is(book, "balance", "quote")[legs.row] & future
    return replace(book, legs=replace(legs, entry=np.where(inside, 0.0, legs.entry)))


def _purses(book: Book, market: Market, currency: np.ndarray) -> np.ndarray:
    """The asset of each pool (R,) in which it pays: its currency, else a wallet's, else what a position settles in."""
    index = {str(a): c for c, a in enumerate(market.assets)}
    own = np.array([index.get(str(c), -1) for c in currency], np.int64)
    settles, holds = np.full(len(book), -1, np.int64), np.full(len(book), -1, np.int64)
    settles[book.legs.row] = market.settle[book.legs.instrument]
    wallet = np.flatnonzero(_wallets(book.cash))[::-1]
    holds[book.cash.row[wallet]] = book.cash.asset[wallet]
    pledged = rows_with(book.cash, book.cash.kind != WALLET) & (settles < 0) & (holds < 0)
    return np.where(pledged, -1, np.where(own >= 0, own, np.where(holds >= 0, holds, settles)))


def _wallets(cash: Cash) -> np.ndarray:
    return (cash.kind == WALLET) & (cash.amount > 0)
