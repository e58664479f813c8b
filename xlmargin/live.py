"""A live loop without a server: a workbook or a folder is margined again when it is saved, only where it changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .book import Book
from .changes import changed_accounts, changed_instruments, places, same
from .checks import typed_options
from .errors import XlmarginError
from .given import parameters
from .market import Market
from .params import Params
from .reading import read, read_tables
from .registry import Model, Ready
from .registry import model as find
from .repricing import Repricer
from .run import Session, restricted, session

FIGURES = ("equity", "initial", "maintenance", "available", "ratio")
STATES = ("below maintenance", "below initial", "sufficient")


@dataclass(frozen=True)
class Change:
    """What one save changed: rows of the summary by (account, pool), states before and after, or a problem.

    ``touched`` are the accounts that were margined again, ``repriced`` counts the instruments that were priced again
    of the ``listed`` that the book holds.
    """

    frame: Any
    touched: tuple[str, ...]
    states: tuple[tuple[str, str, str, str], ...]
    problem: str = ""
    repriced: int = 0
    listed: int = 0


def watch(
    source: Path | str,
    model: str | Model,
    *,
    as_of: Any = None,
    venue: str = "",
    options: Mapping[str, Any] | None = None,
    params: Params | Path | str | None = None,
    every: float = 0.5,
    rounds: int | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Change]:
    """Yield the whole summary first, then a Change whenever ``source`` (workbook or folder) is saved anew.

    Only instruments that a change touches are priced again (all of them where a rulebook does not price instrument by
    instrument), and only accounts that hold or set something touched are margined again. ``as_of``, ``venue`` and
    ``options`` as in ``read`` and ``margin``; ``params``, parameters or the file of a venue's payload, watched too.
    ``every`` seconds the files are looked at; ``rounds`` bounds how often (for ever if None). A file that cannot be
    read, half-saved perhaps, yields its problem and the last good figures stay.
    Raises UnknownModel, InputError for options that the model does not have and for a source that is not there.
    """
    chosen = find(model)
    asked = Asked(Path(source), chosen, as_of, venue, typed_options(chosen, options or {}), params)
    if not asked.source.exists():
        read_tables(asked.source)
    last, stamp, own, count = Last(), None, None, 0
    while rounds is None or count < rounds:
        count += 1
        seen, payload = _stamp(asked.source), _stamp(Path(params)) if isinstance(params, Path | str) else ()
        last = last if payload == own else replace(last, repricer=None)
        if (seen, payload) != (stamp, own):
            stamp, own = seen, payload
            last, change = _again(last, asked)
            yield change
        pause(every)


def _stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    told = []
    for file in files:
        try:
            stat = file.stat()
        except OSError:
            continue
        told.append((file.name, stat.st_size, stat.st_mtime_ns))
    return tuple(told)


@dataclass(frozen=True, eq=False)
class Asked:
    """What is watched, under which model, how it is read."""

    source: Path
    model: Model
    as_of: Any
    venue: str
    options: Mapping[str, Any]
    params: Params | Path | str | None

    def read(self) -> tuple[Book, Market]:
        """The book as it is saved now, on the part of the market that it holds."""
        book, market = read(self.source, as_of=self.as_of, venue=self.venue or self.model.id)
        return restricted(book, market, self.model)

    def checked(self, book: Book, market: Market) -> tuple[Session, Book]:
        """A session without anything prepared, and accounts checked, numbered as ``market``."""
        own = self.params
        if isinstance(own, Path | str):
            own = parameters(Path(own), self.model, market.as_of)
        bare = replace(self.model, prepare_step=None)
        made, checked = session(book, market, bare, params=own, options=self.options)
        number = places(made.market.name, market.name)
        tables = {k: replace(t, instrument=number[t.instrument]) for k, t in _tables(checked).items()}
        ready = Ready(market, made.params, made.ready.options)
        return replace(made, model=self.model, market=market, ready=ready), replace(checked, **tables)


def _tables(book: Book) -> dict[str, Any]:
    return {"legs": book.legs, "orders": book.orders}


@dataclass(frozen=True, eq=False)
class Last:
    """The book, market and figures of the last good run, and the session that they were made in."""

    book: Book | None = None
    market: Market | None = None
    frame: Any = None
    repricer: Repricer | None = None


def _again(last: Last, asked: Asked) -> tuple[Last, Change]:
    try:
        book, market = asked.read()
        rows, moved = touched(last, book, market)
        made, checked = asked.checked(book.take(np.flatnonzero(rows)), market)
        repricer, count = _repriced(last, made, market, moved)
        fresh = repricer.session.margin(checked).frame() if rows.any() else None
    except XlmarginError as error:
        return last, Change(last.frame, (), (), str(error))
    except (TypeError, ValueError) as error:
        if not isinstance(asked.params, Path | str):
            raise
        words = f"{Path(asked.params).name}: {asked.model.id} cannot use a value in it: {error}"
        return last, Change(last.frame, (), (), words)
    frame, replaced = _laid_over(last.frame, fresh, book, rows)
    changed, names = _state_changes(replaced, fresh), tuple(map(str, book.account[rows]))
    return Last(book, market, frame, repricer), Change(frame, names, changed, "", count, len(market))


def _repriced(last: Last, made: Session, market: Market, moved: np.ndarray) -> tuple[Repricer, int]:
    """The session with what it prepares for this market, and how many instruments were priced for it."""
    if last.repricer is not None and last.market is not None and _one_listing(last.market, market):
        return last.repricer.again(market, moved) if moved.any() else (last.repricer, 0)
    step = made.model.prepare_step
    ready = replace(made.ready, made=step(market, made.params, made.ready.options) if step else {})
    return Repricer.of(replace(made, ready=ready)), len(market)


def touched(last: Last, book: Book, market: Market) -> tuple[np.ndarray, np.ndarray]:
    """Accounts (R,) whose holdings, settings or any price under them differ from the last run; instruments (I,)."""
    every = np.ones(len(book), bool), np.ones(len(market), bool)
    if last.repricer is None or last.book is None or last.market is None or last.market.as_of != market.as_of:
        return every
    before = last.market
    if not np.array_equal(before.assets, market.assets):
        return every
    if not all(np.all(same(v, before.asset_columns[k])) for k, v in market.asset_columns.items()):
        return every
    moved = changed_instruments(before, market)
    rows = changed_accounts(last.book, before, book, market)
    for table in _tables(book).values():
        rows[table.row[moved[table.instrument]]] = True
    return rows, moved


def _one_listing(before: Market, after: Market) -> bool:
    """Whether two markets list the same instruments and scopes, at the same moment."""
    pairs = (before.name, after.name), (before.scopes, after.scopes)
    return before.as_of == after.as_of and all(np.array_equal(one, other) for one, other in pairs)


def _laid_over(before: Any, fresh: Any, book: Book, rows: np.ndarray) -> tuple[Any, Any]:
    """The summary with what was margined again in its place, and the rows of before that it stands for."""
    import pandas as pd

    if before is None:
        return fresh, None
    order = {name: r for r, name in enumerate(book.account)}
    number = np.array([order.get(name, -1) for name in before["account"]], np.int64)
    again = (number >= 0) & np.append(rows, False)[number]
    kept = (number >= 0) & ~again
    if fresh is None:
        return before[kept].reset_index(drop=True), before[again]
    place = np.concatenate([number[kept], np.array([order[name] for name in fresh["account"]], np.int64)])
    joined = pd.concat([before[kept], fresh], ignore_index=True)
    return joined.iloc[np.argsort(place, kind="stable")].reset_index(drop=True), before[again]


def state_of(equity: float, initial: float, maintenance: float) -> str:
    """The account's state in words: what its equity still covers.

    >>> state_of(100.0, 120.0, 80.0)
    'below initial'
    """
    return STATES[int(equity >= maintenance) + int(equity >= maintenance and equity >= initial)]


def _state_changes(before: Any, fresh: Any) -> tuple[tuple[str, str, str, str], ...]:
    """Account, pool, state before ("" where it is new) and state now of rows margined again whose state is another."""

    def states(frame: Any) -> dict[tuple[str, str], str]:
        rows = frame[["account", "pool", "equity", "initial", "maintenance"]].itertuples(index=False)
        return {(str(a), str(p)): state_of(e, i, m) for a, p, e, i, m in rows}

    if fresh is None:
        return ()
    old = {} if before is None else states(before)
    return tuple((*key, old.get(key, ""), now) for key, now in states(fresh).items() if old.get(key, "") != now)
