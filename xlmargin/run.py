"""The one place where a rule is looked up, checked for what it needs, cut into blocks, run and stamped."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .book import Book
from .checks import check, typed_options, typed_settings
from .errors import InputError, Note, Problem, XlmarginError
from .ledger import Grid, Line, Margin
from .market import Market
from .params import Params
from .registry import Model, Ready
from .registry import model as find

BLOCK = 4096


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
        count = max(len(pooled), 1)
        blocks = [pooled.slice(low, min(low + BLOCK, len(pooled))) for low in range(0, count, BLOCK)]
        if self.workers > 1 and len(blocks) > 1:
            with ThreadPoolExecutor(self.workers) as pool:
                results = list(pool.map(self._block, blocks))
        else:
            results = [self._block(b) for b in blocks]
        return self._stamped(_stitched(results, [len(b) for b in blocks]), pooled)

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
            notes=(*result.notes, *_doubts(self.params, self.market, pooled)),
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
        touched = (market.scopes[market.scope] == scope)[book.legs.instrument]
        where = book.sum(touched.astype(np.float64)) > 0
        if where.any():
            yield Note(text, params.model, where)


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


def _workers() -> int:
    return 1 if sys.platform == "emscripten" else min(os.cpu_count() or 1, 8)


def restricted(book: Book, market: Market, model: Model) -> tuple[Book, Market]:
    """The instruments and scopes that the book uses, renumbered in both."""
    used = np.zeros(len(market), bool)
    used[book.legs.instrument] = True
    used[book.orders.instrument] = True
    named = book.settings.get(model.scope_setting)
    scopes = np.zeros(len(market.scopes), bool)
    scopes[market.scope[used]] = True
    if named is not None:
        scopes |= np.isin(market.scopes, [n for n in np.unique([str(s) for s in named]) if n])
    if used.all() and scopes.all():
        return book, market
    number = np.cumsum(used) - 1
    rows, kept = np.flatnonzero(used), np.flatnonzero(scopes)
    small = market.take(rows, scopes=kept)
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
    return replace(ready.margin(book), problems=tuple(problems or ()))


@dataclass(frozen=True, eq=False)
class Benefit:
    """What netting saves per pool: the sum of each position's own margin less the margin of all together."""

    account: np.ndarray
    pool: np.ndarray
    currency: np.ndarray
    net_initial: np.ndarray
    gross_initial: np.ndarray
    net_maintenance: np.ndarray
    gross_maintenance: np.ndarray

    @property
    def amount(self) -> np.ndarray:
        """Gross less net initial margin (R,)."""
        return self.gross_initial - self.net_initial

    @property
    def percent(self) -> np.ndarray:
        """The amount as a fraction of gross (R,); 0 where nothing is held."""
        return np.divide(self.amount, self.gross_initial, out=np.zeros(len(self.amount)), where=self.gross_initial != 0)

    def frame(self) -> Any:
        """A row per pool (pandas DataFrame)."""
        import pandas as pd

        names = list(self.__dataclass_fields__)
        return pd.DataFrame({k: getattr(self, k) for k in names} | {"benefit": self.amount, "percent": self.percent})


def gross(book: Book, market: Market, model: str | Model, **how: Any) -> Margin:
    """Each position alone in an account of its own, a row each, under the same model."""
    ready, book = session(book, market, model, **how)
    return ready.run(ready.pooled(book).alone())


def benefit(net: Margin) -> Benefit:
    """The saving from netting behind a margin: every position is run alone and the sum compared."""
    pooled = net.run.book
    alone = net.run.session.run(replace(pooled, detail=False).alone())
    return Benefit(
        net.account,
        net.pool,
        net.currency,
        net.initial.value,
        pooled.sum(alone.initial.value),
        net.maintenance.value,
        pooled.sum(alone.maintenance.value),
    )


def compare(
    book: Book,
    market: Market,
    models: Iterable[str],
    *,
    currency: str = "USD",
    account: str | None = None,
    params: Mapping[str, Params] | None = None,
    **how: Any,
) -> Any:
    """The same book under several models, in one currency (pandas DataFrame): a row per account and model.

    ``pool`` is the tightest pool, whose available funds are shown: headroom is never added over pools.
    ``params`` gives parameters by model id, for those that were loaded from a file or changed.
    A model that cannot take the book says why in ``remark``.
    """
    from .frames import Comparison

    rows: list[dict[str, Any]] = []
    for id in models:
        try:
            own = (params or {}).get(str(id))
            rows.extend(_compared(margin(book, market, id, params=own, **how), currency))
        except XlmarginError as error:
            rows.append({"model": str(id), "remark": str(error)})
    table = Comparison(rows, columns=list(COMPARED))
    if account is not None:
        table = table[(table["account"] == account) | table["account"].isna()]
    return Comparison(table.sort_values(["account", "initial"], ignore_index=True))


COMPARED = (
    "account",
    "model",
    "currency",
    "equity",
    "initial",
    "maintenance",
    "available",
    "pool",
    "benefit",
    "notes",
    "remark",
)


def _compared(result: Margin, currency: str) -> Iterator[dict[str, Any]]:
    rate = in_currency(result, currency)
    saving = benefit(result)
    for name in dict.fromkeys(result.account):
        rows = np.flatnonzero(result.account == name)
        available = (result.available * rate)[rows]
        tightest = rows[int(np.argmin(available))]
        initial, gross_initial = (float((v * rate)[rows].sum()) for v in (result.initial.value, saving.gross_initial))
        yield {
            "account": name,
            "model": result.stamp["model"],
            "currency": currency,
            "equity": float((result.equity.value * rate)[rows].sum()),
            "initial": initial,
            "maintenance": float((result.maintenance.value * rate)[rows].sum()),
            "available": float(available.min()),
            "pool": result.pool[tightest],
            "benefit": gross_initial - initial,
            "notes": len(result.notes),
            "remark": "",
        }


def in_currency(result: Margin, currency: str = "USD") -> np.ndarray:
    """Units of ``currency`` per unit of each row's own (R,); asks that both have a price."""
    market = result.run.market
    price = dict(zip(market.assets[::-1], market.price[::-1], strict=True)) | {"USD": 1.0}
    wanted = dict.fromkeys([*result.currency, currency])
    if len(wanted) == 1:
        return np.ones(len(result.currency))
    missing = [c for c in wanted if not np.isfinite(price.get(c, np.nan))]
    if missing:
        raise InputError([Problem("assets", 0, "price", None, f"no USD price for {', '.join(missing)}")])
    return np.array([price[c] / price[currency] for c in result.currency])


def _stitched(results: Sequence[Margin], sizes: Sequence[int]) -> Margin:
    first = results[0]
    if len(results) == 1:
        return first
    names = lambda part: {k: _lines([getattr(r, part)[k] for r in results]) for k in getattr(first, part)}  # noqa: E731
    return replace(
        first,
        equity=_lines([r.equity for r in results]),
        initial=_lines([r.initial for r in results]),
        maintenance=_lines([r.maintenance for r in results]),
        levels=names("levels"),
        extras=names("extras"),
        ratio=_rows([r.ratio for r in results], sizes),
        currency=_rows([r.currency for r in results], sizes),
        worst=_rows([r.worst for r in results], sizes),
        grid=_grids([r.grid for r in results]),
        notes=_notes([r.notes for r in results], sizes),
    )


def _rows(values: Sequence[Any], sizes: Sequence[int]) -> np.ndarray | None:
    if values[0] is None:
        return None
    return np.concatenate([np.broadcast_to(np.asarray(v), (n,)) for v, n in zip(values, sizes, strict=True)])


def _lines(lines: Sequence[Line]) -> Line:
    first = lines[0]
    return replace(
        first,
        value=np.concatenate([x.value for x in lines]),
        parts=tuple(_lines(same) for same in zip(*(x.parts for x in lines), strict=True)),
        amounts=None if first.amounts is None else np.concatenate([x.amounts for x in lines]),
        alone=None if first.alone is None else np.concatenate([x.alone for x in lines]),
    )


def _grids(grids: Sequence[Grid | None]) -> Grid | None:
    if grids[0] is None:
        return None
    joined = {}
    for name in ("label", "price", "vol", "weight"):
        joined[name] = np.concatenate([np.broadcast_to(getattr(g, name), g.pnl.shape) for g in grids])
    for name in ("pnl", "worst", "cells"):
        values = [getattr(g, name) for g in grids]
        joined[name] = None if values[0] is None else np.concatenate(values)
    return Grid(**joined)


def _notes(notes: Sequence[tuple[Note, ...]], sizes: Sequence[int]) -> tuple[Note, ...]:
    start = np.concatenate([[0], np.cumsum(sizes)])
    merged: dict[tuple[str, str], np.ndarray] = {}
    for block, (low, size) in enumerate(zip(start[:-1], sizes, strict=True)):
        for note in notes[block]:
            where = merged.setdefault((note.text, note.cite), np.zeros(start[-1], bool))
            where[low : low + size] |= True if note.where is None else note.where
    return tuple(Note(text, cite, where) for (text, cite), where in merged.items())
