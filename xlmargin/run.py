"""The one place where a rule is looked up, checked for what it needs, cut into blocks, run and stamped."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from .book import Book
from .checks import check, typed_options, typed_settings
from .errors import InputError, Note, Problem
from .findings import once, rows_with
from .ledger import Margin
from .market import OPTION, Market
from .memory import keep
from .params import Params
from .registry import Model, Ready
from .registry import model as find
from .stitch import stitched
from .texts import numbered

BLOCK = 2048
ODD_VOLATILITY = 5.0
MOST_NAMED = 20
keep()


@dataclass(frozen=True, eq=False)
class Session:
    """A model made ready for one market: run it on as many books as you like.

    ``book`` of a run is numbered as ``market``; what needs no holdings is made once, here.
    """

    model: Model
    market: Market
    ready: Ready
    workers: int = 1

    @property
    def params(self) -> Params:
        """The parameters in force."""
        return self.ready.params

    def pooled(self, book: Book) -> Book:
        """The book whose rows are the model's pools."""
        step = self.model.pools_step
        return step(book, self.market, self.params, self.ready.options) if step else book

    def margin(self, book: Book) -> Margin:
        """The margin of every pool of a checked book."""
        return self.run(self.pooled(book))

    def run(self, pooled: Book) -> Margin:
        """The rule over rows that are already pools, in blocks that the workers share."""
        count = len(pooled)
        lows = range(0, count, BLOCK) if count > BLOCK else ()
        blocks = [pooled.slice(low, min(low + BLOCK, count)) for low in lows] or [pooled]
        if self.workers > 1 and len(blocks) > 1:
            with ThreadPoolExecutor(self.workers) as pool:
                results = list(pool.map(self._block, blocks))
        else:
            results = [self._block(b) for b in blocks]
        return self._stamped(stitched(results, [len(b) for b in blocks]), pooled)

    def _block(self, block: Book) -> Margin:
        result = self.model.rule(block, self.ready)
        return result if block.detail or result.grid is None else replace(result, grid=None)

    def _stamped(self, result: Margin, pooled: Book) -> Margin:
        usage = np.full(len(pooled), np.nan)
        np.divide(result.maintenance.value, result.equity.value, out=usage, where=result.equity.value > 0)
        currency = np.broadcast_to(np.asarray(result.currency, object), (len(pooled),))
        stamp = {
            "model": self.model.id,
            "parameters": f"{self.params.effective:%Y-%m-%d %H:%M}".removesuffix(" 00:00"),
            "parameter version": self.params.version,
            "options": dict(self.ready.options),
            "market time": moment(self.market.as_of),
            "market source": self.market.source,
        }
        return replace(
            result,
            notes=once((*result.notes, *_doubts(self.params, self.market, pooled))),
            ratio=usage if result.ratio is None else result.ratio,
            currency=currency,
            account=pooled.account,
            pool=pooled.pool,
            stamp=stamp,
            run=Run(self, pooled),
        )


def _doubts(params: Params, market: Market, book: Book) -> Iterator[Note]:
    """A note on every row that holds a scope whose published parameters are in doubt."""
    for scope, text in params.doubts.items():
        doubted = market.scopes == scope
        if doubted.any():
            where = np.zeros(len(book), bool)
            where[book.legs.row[doubted[market.scope[book.legs.instrument]]]] = True
            if where.any():
                yield Note(text, params.model, where)
    yield from _odd_volatilities(market, book)


def _odd_volatilities(market: Market, book: Book) -> Iterator[Note]:
    """A note on rows with options whose volatility looks like a percentage: nothing here is refused."""
    odd = np.flatnonzero((market.kind == OPTION) & (market["iv"] > ODD_VOLATILITY))
    if not len(odd):
        return
    of_legs = book.legs.instrument
    for i in odd[:MOST_NAMED]:
        iv = market["iv"][i]
        text = f"the volatility of {market.name[i]}, {iv:g}, is read as {100 * iv:,.0f} %; was {iv:g} % meant?"
        where = rows_with(book.legs, of_legs == i)
        if where.any():
            yield Note(text, "", where)
    more = rows_with(book.legs, np.isin(of_legs, odd[MOST_NAMED:]))
    if more.any():
        text = f"volatilities above {ODD_VOLATILITY:g} are read as fractions (46 as 4,600 %); were percentages meant?"
        yield Note(text, "", more)


@dataclass(frozen=True, eq=False)
class Run:
    """What a margin was made of, kept by reference so that one account can be run again in detail."""

    session: Session
    book: Book

    @property
    def market(self) -> Market:
        """The market that the book is numbered by."""
        return self.session.market

    def detail(self, account: str | None = None, pool: str | None = None) -> Margin:
        """The pools of one account (all of them unless ``pool`` is given) with amounts per holding."""
        rows = np.ones(len(self.book), bool)
        if account is None and len(set(self.book.account)) > 1:
            names = ", ".join(map(str, dict.fromkeys(self.book.account)))
            raise InputError(f"several accounts; say which: {names[:500]}")
        if account is not None:
            rows &= self.book.account == account
        if pool is not None:
            rows &= self.book.pool == pool
        if account is not None and not rows.any():
            raise InputError(f"no account {account!r}" + (f" with pool {pool!r}" if pool else ""))
        chosen = replace(self.book.take(np.flatnonzero(rows)), detail=True)
        return replace(self.session, workers=1).run(chosen)


def moment(as_of: float) -> str:
    """Epoch seconds as UTC text.

    >>> moment(1798185600.0)
    '2026-12-25 08:00:00Z'
    """
    return f"{dt.datetime.fromtimestamp(as_of, dt.UTC):%Y-%m-%d %H:%M:%S}Z"


def session(
    book: Book,
    market: Market,
    model: str | Model,
    *,
    params: Params | None = None,
    options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    problems: list[Problem] | None = None,
) -> tuple[Session, Book]:
    """A session on the part of ``market`` that ``book`` uses, and the book in its numbers, checked.

    With a list of ``problems`` bad accounts are appended to it and left out; without one they raise InputError.
    """
    if workers is not None and workers < 1:
        raise InputError(f"workers {workers}: give 1 or more")
    chosen = find(model)
    settled = typed_options(chosen, options or {})
    in_force = params if params is not None else chosen.in_force(market.as_of, settled)
    book, market = restricted(book, market, chosen)
    found, bad = check(book, market, chosen, in_force)
    settings, more = typed_settings(book, chosen, bad)
    found += more
    if found and problems is None:
        raise InputError(found)
    if problems is not None:
        problems.extend(found)
    book = replace(book, settings=settings)
    if bad.any():
        book, market = restricted(book.take(np.flatnonzero(~bad)), market, chosen)
    made = chosen.prepare_step(market, in_force, settled) if chosen.prepare_step else {}
    ready = Ready(market, in_force, settled, made)
    return Session(chosen, market, ready, workers or _workers()), book


@cache
def _workers() -> int:
    return 1 if sys.platform == "emscripten" else min(os.cpu_count() or 1, 8)


def restricted(book: Book, market: Market, model: Model) -> tuple[Book, Market]:
    """The instruments and scopes that the book uses, renumbered in both."""
    used = np.zeros(len(market), bool)
    used[book.legs.instrument] = True
    used[book.orders.instrument] = True
    scopes = np.zeros(len(market.scopes), bool)
    scopes[market.scope[used]] = True
    if used.all() and scopes.all():
        return book, market
    named = book.settings.get(model.scope_setting)
    if named is not None:
        words = set(map(str, numbered(named.tolist())[1]))
        scopes |= np.array([bool(scope) and str(scope) in words for scope in market.scopes], bool)
    if used.all() and scopes.all():
        return book, market
    number = np.cumsum(used) - 1
    small = market.take(np.flatnonzero(used), scopes=None if scopes.all() else np.flatnonzero(scopes))
    if not scopes.all():
        small = replace(small, scope=(np.cumsum(scopes) - 1)[small.scope])
    legs = replace(book.legs, instrument=number[book.legs.instrument])
    orders = replace(book.orders, instrument=number[book.orders.instrument])
    return replace(book, legs=legs, orders=orders), small


def margin(
    book: Book,
    market: Market,
    model: str | Model,
    *,
    params: Params | None = None,
    options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    on_problem: str = "raise",
) -> Margin:
    """What margin these accounts need under a model.

    Parameters: a book and a market (from ``read`` or ``tables``); a model id; ``params`` to replace the rulebook's
    own at the market's date; ``options`` that the model declares; ``on_problem`` "raise", or "collect" to leave bad
    accounts out and list them in ``problems``. Returns a Margin, a row per account and pool.
    Raises UnknownModel, NoVersion, ParameterError, and InputError with every problem found.
    """
    problems: list[Problem] | None = [] if on_problem == "collect" else None
    ready, book = session(book, market, model, params=params, options=options, workers=workers, problems=problems)
    result = ready.margin(book)
    return replace(result, problems=tuple(problems)) if problems else result
