"""What a decision is about: a margin already known, or a book, a market and a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np

from ..book import Book
from ..errors import InputError, Note, nearest
from ..findings import rows_with, setting_is
from ..ledger import Margin
from ..market import OPTION, Market
from ..pricing import YEAR, implied_volatility
from ..registry import Model
from ..registry import model as find
from ..run import margin
from ..scopes import staying
from .trades import PAID_IN_FULL
from .worlds import remade

ENTERED = "a position has no entry price: it counts as entered at the mark of the start, so that later moves count"
IMPLIED = "an option has no volatility given: the one that its mark implies is used to revalue it"


def on_margin(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``verb(margin, …)`` also be called as ``verb(book, market, model, …, params=, options=, workers=)``.

    ``account`` and ``pool`` narrow it to some rows, whose figures are run again. Raises InputError for what is neither.
    """

    @wraps(verb)
    def call(subject: Any, *rest: Any, account: str | None = None, pool: str | None = None, **how: Any) -> Any:
        if not isinstance(subject, Margin):
            if not (isinstance(subject, Book) and len(rest) >= 2 and isinstance(rest[0], Market)):
                raise InputError(f"{verb.__name__} takes a margin, or a book, a market and a model")
            market, model, *rest = rest
            given = {k: how.pop(k) for k in ("params", "options", "workers") if k in how}
            subject = _margin(subject, market, model, account, given)
        return verb(revaluable(only(subject, account, pool)), *rest, **how)

    return call


def _margin(book: Book, market: Market, model: Any, account: str | None, given: dict[str, Any]) -> Margin:
    """The margin of a book; where one account is asked for, what is wrong with others is passed over."""
    if account is None:
        return margin(book, market, model, **given)
    rows_of(book.account, account)
    result = margin(book, market, model, on_problem="collect", **given)
    if own := [p for p in result.problems if p.account in ("", account)]:
        raise InputError(own)
    return result


def rows_of(accounts: np.ndarray, account: str) -> np.ndarray:
    """The rows of an account by name; InputError with the nearest name where there is none."""
    rows = np.flatnonzero(accounts == account)
    if not len(rows):
        known = list(dict.fromkeys(map(str, accounts)))
        raise InputError(f"no account {account!r}{nearest(str(account), known)}; there are {', '.join(known[:12])}")
    return rows


def only(result: Margin, account: str | None = None, pool: str | None = None) -> Margin:
    """The rows of one account and pool as a margin of their own, without detail; all rows where neither is named."""
    if account is None and pool is None and not result.run.book.detail:
        return result
    rows = np.ones(len(result.account), bool)
    rows &= True if account is None else result.account == account
    rows &= True if pool is None else result.pool == pool
    if not rows.any():
        own = np.arange(len(rows)) if account is None else rows_of(result.account, account)
        known = list(dict.fromkeys(map(str, result.pool[own])))
        raise InputError(f"no pool {pool!r}{nearest(str(pool), known)}; there are {', '.join(known[:12])}")
    book = replace(result.run.book.take(np.flatnonzero(rows)), detail=False)
    return result.run.session.run(book)


def pools_named(result: Margin) -> str:
    """The rows of a margin as words: "main", or "main / USDT" where the pool has a name."""
    return ", ".join(f"{a} / {p}" if p else str(a) for a, p in zip(result.account, result.pool, strict=True))[:300]


def revaluable(result: Margin) -> Margin:
    """The same margin made fit for moves, with a Note on the rows concerned.

    Futures without an entry price count as entered at their marks: what they have gained so far stays unknown, what a
    move gains counts. Options without a volatility, where the model needs none, have the one that their mark implies.
    """
    return _implied(_with_entries(result))


def _with_entries(result: Margin) -> Margin:
    session, before = result.run.session, result.run.book
    book = entered(before, session.market)
    if book is before:
        return result
    note = Note(ENTERED, "", rows_with(before.legs, np.isnan(before.legs.entry) & np.isfinite(book.legs.entry)))
    again = session.run(book)
    return replace(again, notes=(*result.notes, note), problems=result.problems)


def entered(book: Book, market: Market) -> Book:
    """The book with the mark as entry price of every future that has none; itself where all have one.

    Accounts whose balances hold what positions cost (setting balance: quote) need none.
    """
    legs, mark = book.legs, market["mark"][book.legs.instrument]
    bare = np.isnan(legs.entry) & np.isfinite(mark) & (legs.quantity != 0)
    bare &= ~np.isin(market.kind[legs.instrument], PAID_IN_FULL)
    bare &= ~setting_is(book, "balance", "quote")[legs.row]
    return replace(book, legs=replace(legs, entry=np.where(bare, mark, legs.entry))) if bare.any() else book


def held(book: Book, market: Market, model: str | Model, moved: bool) -> Book:
    """The book that what-ifs start from: accounts stay on their scope when all is closed; entries where prices move."""
    kept = staying(book, market, find(model).scope_setting)
    return entered(kept, market) if moved else kept


def _implied(result: Margin) -> Margin:
    session = result.run.session
    market, wanted = session.market, session.model.needs.get("option", "").split()
    gap = (market.kind == OPTION) & np.isnan(market["iv"]) & np.isfinite(market["mark"])
    if not gap.any() or "iv" in wanted or "iv?" in wanted:
        return result
    forward = market.forward()
    value = market["mark"] * np.where(market.inverse, forward, 1.0)
    implied = implied_volatility(value, forward, market["strike"], market.seconds / YEAR, market.call)
    filled = market.with_columns(iv=np.where(gap, implied, market["iv"]))
    session = replace(remade(session, filled), workers=session.workers)
    note = Note(IMPLIED, "Black-76", rows_with(result.run.book.legs, gap[result.run.book.legs.instrument]))
    return replace(result, run=replace(result.run, session=session), notes=(*result.notes, note))


def level_of(result: Margin, level: str) -> np.ndarray:
    """A requirement (R,) by its heading: maintenance, initial or a level of the model's own."""
    known = {"maintenance": result.maintenance, "initial": result.initial, **result.levels}
    if level not in known:
        raise InputError(f"no level {level!r}{nearest(level, known)}; there are {', '.join(known)}")
    return known[level].value
