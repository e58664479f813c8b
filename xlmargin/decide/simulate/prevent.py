"""What would have kept an account from being liquidated along a path: least reduction, least deposit, least hedge."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...book import Book
from ...errors import InputError
from ...html import TWO_DIGITS
from ...html import amount as amount_of
from ...ledger import Margin
from ...market import OPTION, Market
from ...registry import Model
from ...run import Session
from ...scopes import staying
from ..candidates import reach
from ..moves import Moves
from ..reruns import account_row
from ..shown import Shown
from ..subject import entered, only, pools_named
from ..trades import Trades, closed, marks, paid, traded
from ..valuation import rates
from ..venues import Ladder, ladder
from ..worlds import figures
from .price_path import along

GRID = 24
ROUNDS = 40


@dataclass(frozen=True)
class Remedy:
    """The least of one kind that would have sufficed: what, how much, its unit; NaN where none does."""

    kind: str
    what: str
    amount: float
    unit: str
    words: str


class Remedies(Shown, tuple[Remedy, ...]):
    """What would have sufficed, the least of each kind."""

    def frame(self) -> Any:
        """A row per remedy: kind, what, amount and its unit, the words (pandas DataFrame)."""
        import pandas as pd

        return pd.DataFrame([vars(remedy) for remedy in self])


def prevent(
    book: Book,
    market: Market,
    model: str | Model,
    path: Mapping[str, Any],
    *,
    vol: Mapping[str, Any] | None = None,
    hedges: Sequence[str] = (),
    account: str | None = None,
    pool: str | None = None,
    rules: Ladder | None = None,
    **how: Any,
) -> Remedies:
    """The least uniform reduction now, the least deposit now, the least hedge now, that keep an account above trigger.

    Parameters as ``simulate``; ``hedges`` names instruments to try, each alone, both ways (else those that the
    account holds). Each candidate is the account again with the trade or the money, run on every market of the path;
    the least is found on a grid of 24 sizes and narrowed between the last that fails and the first that does.
    In hedge mode a hedge closes the leg of the opposite direction first; an isolated position is only reduced, and what
    is closed of it frees its share of the margin, as in a what-if.
    Returns a Remedy of each kind, one for every hedge; their words round up. Raises InputError where several accounts
    or pools could be meant, and for unknown names.
    """
    hedges = [hedges] if isinstance(hedges, str) else hedges
    book = book.take([account_row(book, account)])
    held = [str(n) for n in dict.fromkeys(market.name[book.legs.instrument])]
    wide = reach(book, market, model, list(hedges) or held, how)
    one = only(wide.session.margin(entered(wide.book, wide.session.market)), str(book.account[0]), pool)
    if len(one.account) != 1:
        raise InputError(f"say which pool is to be kept: {pools_named(one)}")
    own = rules or ladder(one.stamp["model"], market.as_of)
    moves = along(market, path, vol)
    moves = replace(moves, group=_grouped(moves, market, wide.session.market))
    test = _Test(wide.session, one, moves, own.trigger)
    found = [test.reduction(), test.deposit()]
    for name in list(hedges) or held:
        if name in wide.number:
            found.append(test.hedge(name, wide.number[name]))
        else:
            found.append(Remedy("hedge", name, np.nan, "contracts", f"{name}: {wide.refused[name]}"))
    return Remedies(found)


def _grouped(moves: Moves, wide: Market, narrow: Market) -> np.ndarray:
    """Groups of the narrow market's instruments in moves made for the wide one."""
    by = dict(zip(wide.name, moves.group, strict=True))
    return np.array([by[n] for n in narrow.name], np.int64)


@dataclass(frozen=True, eq=False)
class _Test:
    session: Session
    margin: Margin
    moves: Moves
    trigger: float

    def worst(self, books: Book) -> np.ndarray:
        """The least headroom over the path of each row (N,)."""
        rows, points = len(books), len(self.moves)
        found = figures(
            self.session, books.take(np.tile(np.arange(rows), points)), np.repeat(np.arange(points), rows), self.moves
        )
        slack = found.equity - self.trigger * found.levels["maintenance"]
        return slack.reshape(points, rows).min(axis=0)

    def least(self, make: Callable[[np.ndarray], Book], top: float) -> float:
        """The least amount in 0 … ``top`` for which the path is survived; NaN where none of the grid is."""
        sizes = np.concatenate([[0.0], top * np.linspace(0, 1, GRID + 1)[1:] ** 2])
        good = np.flatnonzero(self.worst(make(sizes)) >= 0)
        if not len(good):
            return np.nan
        if good[0] == 0:
            return 0.0
        low, high = sizes[good[0] - 1], sizes[good[0]]
        for _ in range(ROUNDS):
            middle = 0.5 * (low + high)
            enough = self.worst(make(np.array([middle])))[0] >= 0
            low, high = (low, middle) if enough else (middle, high)
        return float(high)

    def reduction(self) -> Remedy:
        """Closing the same share of every position at its mark."""
        market = self.session.market
        book = staying(self.margin.run.book, market, self.session.model.scope_setting)

        def make(shares: np.ndarray) -> Book:
            if _isolated(book):
                return _left(book, shares)
            copies = book.take(np.zeros(len(shares), np.int64))
            return closed(copies, market, shares[copies.legs.row])

        share = self.least(make, 1.0)
        told = f"close {_up(share, 4):.2%} of every position now" if share else "nothing is needed"
        words = told if np.isfinite(share) else "not even closing everything suffices"
        return Remedy("reduction", "every position", share, "share", words)

    def deposit(self) -> Remedy:
        """Money in the pool's currency (its first asset where it has none of that name)."""
        book, market, currency = self.margin.run.book, self.session.market, str(self.margin.currency[0])
        own = np.flatnonzero(market.assets == currency)
        asset = int(own[0]) if len(own) else int(book.cash.asset[0]) if len(book.cash) else -1
        if asset < 0:
            return Remedy("deposit", currency, np.nan, currency, f"no asset is known that pays {currency}")
        unit = 1.0 / float(rates(market, currency)[asset])

        def make(amounts: np.ndarray) -> Book:
            rows = np.arange(len(amounts))
            copies = book.take(np.zeros(len(amounts), np.int64))
            flow = paid(copies.cash, len(market.assets), rows, np.full(len(rows), asset), amounts * unit)
            return replace(copies, cash=flow)

        short = max(0.0, -float(self.worst(book)[0]))
        amount = self.least(make, 4.0 * short) if short else 0.0
        name = str(market.assets[asset])
        told = f"deposit {name} worth {_money(amount, currency)} {currency} now" if amount else "nothing is needed"
        return Remedy("deposit", name, amount, currency, told if np.isfinite(amount) else "no deposit suffices")

    def hedge(self, name: str, instrument: int) -> Remedy:
        """Contracts of one instrument traded at its mark, bought or sold, whichever is less."""
        book, market = self.margin.run.book, self.session.market
        legs = book.legs
        alone = _isolated(book)
        same = market.underlying[legs.instrument] == market.underlying[instrument]
        same &= (legs.instrument == instrument) | (not alone)
        if not same.any():
            why = f"this pool holds nothing of {market.underlying[instrument]}, so that it is no hedge here"
            why = "an isolated position is margined by itself: nothing else is a hedge there" if alone else why
            return Remedy("hedge", name, np.nan, "contracts", f"{name}: {why}")
        size = _coins(market)
        reach = 1.0 if alone else 2.0
        top = float(reach * np.abs(legs.quantity * size[legs.instrument])[same].sum() / size[instrument])
        signs = (1.0, -1.0) if not alone else (-float(np.sign(legs.quantity[same][0])),)
        best = (np.nan, 0.0)
        for sign in signs:

            def make(sizes: np.ndarray, sign: float = sign) -> Book:
                if alone:
                    return _left(book, np.minimum(sizes / np.abs(legs.quantity[same]).sum(), 1.0))
                copies = book.take(np.zeros(len(sizes), np.int64))
                some = np.flatnonzero(sizes)
                trades = Trades.of(some, np.full(len(some), instrument), sign * sizes[some])
                return traded(copies, market, trades)

            size = self.least(make, top) if top else np.nan
            if np.isfinite(size) and not size >= best[0]:
                best = (size, sign)
        size, sign = best
        if not np.isfinite(size):
            return Remedy("hedge", name, np.nan, "contracts", f"{name}: no size up to {top:,.6g} contracts suffices")
        words = f"{'buy' if sign > 0 else 'sell'} {_up(size, 4):,.12g} {name} now" if size else "nothing is needed"
        return Remedy("hedge", name, sign * size, "contracts", words)


def _isolated(book: Book) -> bool:
    """Whether a pool is an isolated position."""
    return len(book.legs) > 0 and bool(book.legs.isolated.all())


def _left(book: Book, share: np.ndarray) -> Book:
    """What is left of an isolated position, a row for each share (N,) that is closed; its margin shrinks with it."""
    copies, left = book.take(np.zeros(len(share), np.int64)), 1.0 - share
    legs, cash = copies.legs, copies.cash
    scaled = {name: getattr(legs, name) * left[legs.row] for name in ("quantity", "accrued", "posted")}
    kept = left[legs.row] > 0.0
    legs = replace(legs, **scaled).at(kept, legs.row[kept], legs.rows)
    return replace(copies, legs=legs, cash=replace(cash, amount=cash.amount * left[cash.row]))


def _coins(market: Market) -> np.ndarray:
    """Coins that a contract (I,) is of: its size, of an inverse future its size in money ÷ its mark."""
    turned = market.inverse & (market.kind != OPTION)
    return market["contract_size"] / np.where(turned, marks(market), 1.0)


def _money(amount: float, currency: str) -> str:
    """An amount of money rounded up, in the digits of its currency."""
    return amount_of(_up(amount, 2 if currency in TWO_DIGITS else 6), currency)


def _up(amount: float, digits: int) -> float:
    """An amount rounded up, so that what is said suffices.

    >>> _up(0.335425, 4), _up(2.0, 2), _up(28276.041, 2)
    (0.3355, 2.0, 28276.05)
    """
    whole = 10**digits
    return math.ceil(amount * whole - 1e-9) / whole if math.isfinite(amount) else amount
