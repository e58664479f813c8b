"""A live loop without a server: a workbook or a folder is margined again when it is saved, only where it changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .book import Book
from .errors import XlmarginError
from .market import Market
from .reading import read
from .run import margin

FIGURES = ("equity", "initial", "maintenance", "available", "ratio")
STATES = ("below maintenance", "below initial", "sufficient")


@dataclass(frozen=True)
class Change:
    """What one save changed: rows of the summary by (account, pool), states before and after, or a problem."""

    frame: Any
    touched: tuple[str, ...]
    states: tuple[tuple[str, str, str, str], ...]
    problem: str = ""


def watch(
    source: Path | str,
    model: str,
    *,
    as_of: Any = None,
    options: Mapping[str, Any] | None = None,
    every: float = 0.5,
    rounds: int | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Change]:
    """Yield the whole summary first, then a Change whenever ``source`` (workbook or folder) is saved anew.

    Only accounts that a change touches are margined again, on a market of just the instruments that they hold.
    ``every`` seconds the files are looked at; ``rounds`` bounds how often (for ever if None). A file that cannot be
    read, half-saved perhaps, yields its problem and the last good figures stay.
    """
    state, stamp, count = Last(), None, 0
    while rounds is None or count < rounds:
        count += 1
        seen = _stamp(Path(source))
        if seen != stamp:
            stamp = seen
            yield _again(state, source, model, as_of, options)
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


class Last:
    """The book, market and figures of the last good run."""

    def __init__(self) -> None:
        self.book: Book | None = None
        self.market: Market | None = None
        self.frame: Any = None


def _again(last: Last, source: Path | str, model: str, as_of: Any, options: Mapping[str, Any] | None) -> Change:
    try:
        book, market = read(source, as_of=as_of, venue=model)
        rows = touched_rows(last, book, market)
        fresh = margin(book.take(np.flatnonzero(rows)), market, model, options=options).frame() if rows.any() else None
    except XlmarginError as error:
        return Change(last.frame, (), (), str(error))
    frame = _laid_over(last.frame, fresh, book)
    changed = _state_changes(last.frame, frame)
    last.book, last.market, last.frame = book, market, frame
    return Change(frame, tuple(map(str, book.account[rows])), changed)


def touched_rows(last: Last, book: Book, market: Market) -> np.ndarray:
    """Accounts (R,) whose holdings, settings or any price under them differ from the last run."""
    if last.book is None or last.market is None or last.market.as_of != market.as_of:
        return np.ones(len(book), bool)
    if not np.array_equal(last.market.assets, market.assets) or _assets(last.market) != _assets(market):
        return np.ones(len(book), bool)
    before = dict(zip(last.market.name, _facts(last.market), strict=True))
    facts = _facts(market)
    moved = np.array([before.get(n) != f for n, f in zip(market.name, facts, strict=True)], bool)
    rows = book.sum(moved[book.legs.instrument].astype(np.float64)) > 0
    rows |= book.orders.sum(moved[book.orders.instrument].astype(np.float64)) > 0
    old = {name: _holdings(last.book, last.market, r) for r, name in enumerate(last.book.account)}
    return rows | np.array([old.get(n) != _holdings(book, market, r) for r, n in enumerate(book.account)], bool)


def _assets(market: Market) -> bytes:
    return b"".join(values.tobytes() for values in market.asset_columns.values())


def _facts(market: Market) -> list[bytes]:
    """Every number and word of each instrument (I,) as bytes that are equal only where all are."""
    numbers = np.stack([market.columns[k] for k in sorted(market.columns)], axis=1)
    words = [market.texts[k] for k in sorted(market.texts)]
    scope = market.on_scope("index")[market.scope]
    told = zip(numbers, scope, *words, strict=True)
    return [row.tobytes() + s.tobytes() + repr(more).encode() for row, s, *more in told]


def _holdings(book: Book, market: Market, r: int) -> tuple[Any, ...]:
    told: list[Any] = [tuple(str(v[r]) for v in book.settings.values())]
    for table in (book.legs, book.cash, book.orders):
        mine = table.row == r
        for name, column in table.columns().items():
            if name == "sheet_row":
                continue
            names = {"instrument": market.name, "asset": market.assets}.get(name)
            told.append((names[column[mine]].tolist()) if names is not None else column[mine].tobytes())
    return tuple(map(str, told))


def _laid_over(before: Any, fresh: Any, book: Book) -> Any:
    import pandas as pd

    if before is None or fresh is None:
        return before if fresh is None else fresh
    kept = before[~before["account"].isin(fresh["account"]) & before["account"].isin(book.account)]
    order = {name: r for r, name in enumerate(book.account)}
    joined = pd.concat([kept, fresh], ignore_index=True)
    return joined.sort_values("account", key=lambda c: c.map(order), kind="stable", ignore_index=True)


def state_of(equity: float, initial: float, maintenance: float) -> str:
    """The account's state in words: what its equity still covers.

    >>> state_of(100.0, 120.0, 80.0)
    'below initial'
    """
    return STATES[int(equity >= maintenance) + int(equity >= maintenance and equity >= initial)]


def _state_changes(before: Any, after: Any) -> tuple[tuple[str, str, str, str], ...]:
    def states(frame: Any) -> dict[tuple[str, str], str]:
        if frame is None:
            return {}
        rows = frame[["account", "pool", "equity", "initial", "maintenance"]].itertuples(index=False)
        return {(str(a), str(p)): state_of(e, i, m) for a, p, e, i, m in rows}

    old, new = states(before), states(after)
    return tuple((*key, old.get(key, ""), now) for key, now in new.items() if old.get(key, "") != now)
