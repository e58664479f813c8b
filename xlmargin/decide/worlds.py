"""A rule run on many moved markets at once: every world has its own copies of what its rows hold.

A shock is another market and a row stands in one world, so that prices may differ by account without a second rule.
What a row gives here is what ``xlmargin.margin`` gives on the market moved the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ..book import Book
from ..errors import InputError, Problem
from ..ledger import Margin
from ..market import Market
from ..params import Params
from ..registry import Ready
from ..run import BLOCK, Session
from .moves import Moves, unpriced
from .private import private

DENSE = 1 << 21
GROUPS = 1 << 22
COPIES = 1 << 18


class Shifts(Protocol):
    """Many moves of ``width`` groups made only where they are taken; one moves ``coins`` assets at most."""

    seconds: float
    coins: int
    width: int

    def __len__(self) -> int: ...

    def take(self, which: np.ndarray) -> Moves:
        """The moves ``which``."""


@dataclass(frozen=True, eq=False)
class Figures:
    """Figures by row (N,): equity and every requirement by its heading."""

    equity: np.ndarray
    levels: dict[str, np.ndarray]

    def headroom(self, level: str = "maintenance") -> np.ndarray:
        """Equity less a requirement (N,)."""
        return self.equity - self.levels[level]


def figures(
    session: Session, book: Book, world: np.ndarray, moves: Moves | Shifts, rows: np.ndarray | None = None
) -> Figures:
    """What rows ``book`` (pools) give, row n on the market moved by ``moves`` number ``world[n]``.

    ``rows`` (N,) says which row of the book stands in each place, every row once unless given. Rows of one world
    should stand together. Raises InputError where an option cannot be revalued.
    """
    unready(session.market, book, moves)
    session = at_time(session, moves.seconds)
    cuts = list(_cuts(session, book, rows, world, moves))
    step = lambda cut: _cut(session, book, rows, world, moves, *cut)  # noqa: E731
    results = mapped(step, cuts, session.workers)
    levels = {k: np.concatenate([r[1][k] for r in results]) for k in results[0][1]}
    return Figures(np.concatenate([r[0] for r in results]), levels)


def mapped(step: Callable[[Any], Any], items: Sequence[Any], workers: int) -> list[Any]:
    """``step`` of every item in order, shared by threads where there are several of both."""
    if workers < 2 or len(items) < 2:
        return [step(item) for item in items]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(step, items))


def at_time(session: Session, seconds: float) -> Session:
    """The session with the parameters in force ``seconds`` later, unless they were replaced by the user."""
    params = session.params
    if not seconds or params.version:
        return session
    later = session.model.in_force(session.market.as_of + seconds, session.ready.options)
    return replace(session, ready=replace(session.ready, params=later))


def remade(session: Session, market: Market, params: Params | None = None) -> Session:
    """The same model and options made ready for another market of the same kind."""
    params = session.params if params is None else params
    step, options = session.model.prepare_step, session.ready.options
    made = step(market, params, options) if step else {}
    return replace(session, market=market, ready=Ready(market, params, options, made), workers=1)


def moved_session(session: Session, moves: Moves, which: int = 0) -> Session:
    """A session on the market moved by one of ``moves``: for few moves and whole margins."""
    later = at_time(session, moves.seconds)
    return replace(remade(later, apply(session.market, moves.take(np.array([which])))), workers=session.workers)


def apply(market: Market, moves: Moves) -> Market:
    """A whole market after the first of ``moves``."""
    group = moves.group
    return market.shocked(
        price=moves.price[0, group],
        vol=moves.vol[0, group],
        basis=moves.basis[0, group],
        rate=moves.rate[0],
        asset=moves.asset[0],
        seconds=moves.seconds,
    )


def unready(market: Market, book: Book, moves: Moves | Shifts) -> None:
    """Raise InputError for what ``book`` holds that cannot be valued after ``moves``: blind options, what expires."""
    used = np.zeros(len(market), bool)
    used[book.legs.instrument] = used[book.orders.instrument] = True
    problems = unpriced(market, used)
    late = used & (market["expiry"] < market.as_of + moves.seconds)
    for i in np.flatnonzero(late)[:50]:
        text = f"{market.name[i]} expires before: close or settle it first"
        problems.append(Problem("shocks", 0, "days", None, text))
    if problems:
        raise InputError(problems)


def _cuts(
    session: Session, book: Book, rows: np.ndarray | None, world: np.ndarray, moves: Moves | Shifts
) -> Iterator[tuple[int, int]]:
    """Row ranges that bound what one private market holds: rows × assets, worlds × groups, copies of instruments."""
    assets, width, own = len(session.market.assets), max(moves.width, 1), moves.coins
    count = np.bincount(np.concatenate([book.legs.row, book.orders.row]), minlength=len(book))
    held = np.concatenate([[0], np.cumsum(count if rows is None else count[rows])])
    new = np.flatnonzero(np.diff(world, prepend=-1))
    low = 0
    while low < len(world):
        high = min(low + BLOCK, len(world))
        starts = new[np.searchsorted(new, low, "right") : np.searchsorted(new, high, "left")]
        ends, worlds = np.append(starts, high), 1 + np.arange(len(starts) + 1)
        fits = ((ends - low) * (assets + worlds * own) <= DENSE) & (worlds * width <= GROUPS)
        fits &= held[ends] - held[low] <= COPIES
        high = int(ends[max(np.flatnonzero(fits).max(initial=0), 0)])
        yield low, high
        low = high
    if not len(world):
        yield 0, 0


def _cut(
    session: Session,
    book: Book,
    rows: np.ndarray | None,
    world: np.ndarray,
    moves: Moves | Shifts,
    low: int,
    high: int,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    here, local = np.unique(world[low:high], return_inverse=True)
    some = book.slice(low, high) if rows is None else book.take(rows[low:high])
    some, market = private(some, session, local, moves.take(here))
    ready = remade(session, market)
    result = ready.model.rule(some, ready.ready)
    return result.equity.value, requirements(result)


def requirements(result: Margin) -> dict[str, np.ndarray]:
    """Every requirement of a margin by its heading."""
    levels = {name: line.value for name, line in result.levels.items()}
    return {"initial": result.initial.value, "maintenance": result.maintenance.value, **levels}
