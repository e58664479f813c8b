"""A rule run on many moved markets at once: every world has its own copies of what its rows hold.

A shock is another market and a row stands in one world, so that prices may differ by account without a second rule.
What a row gives here is what ``xlmargin.margin`` gives on the market moved the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from ..book import Book
from ..errors import InputError, Problem
from ..ledger import Margin
from ..market import Market
from ..params import Params
from ..registry import Ready
from ..run import BLOCK, Session
from .moves import Moves, unpriced

DENSE = 1 << 20
COPIES = 1 << 17


@dataclass(frozen=True, eq=False)
class Figures:
    """Figures by row (N,): equity and every requirement by its heading."""

    equity: np.ndarray
    levels: dict[str, np.ndarray]

    def headroom(self, level: str = "maintenance") -> np.ndarray:
        """Equity less a requirement (N,)."""
        return self.equity - self.levels[level]


def figures(session: Session, book: Book, world: np.ndarray, moves: Moves) -> Figures:
    """What rows ``book`` (pools) give, row n on the market moved by ``moves`` number ``world[n]``.

    Rows of one world should stand together. Raises InputError where an option cannot be revalued.
    """
    _refuse(session.market, book, moves)
    session = at_time(session, moves.seconds)
    cuts = list(_cuts(session, world, len(moves)))
    step = lambda cut: _cut(session, book, world, moves, *cut)  # noqa: E731
    if session.workers > 1 and len(cuts) > 1:
        with ThreadPoolExecutor(session.workers) as pool:
            results = list(pool.map(step, cuts))
    else:
        results = [step(cut) for cut in cuts]
    levels = {k: np.concatenate([r[1][k] for r in results]) for k in results[0][1]}
    return Figures(np.concatenate([r[0] for r in results]), levels)


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


def apply(market: Market, moves: Moves, world: np.ndarray | None = None, origin: np.ndarray | None = None) -> Market:
    """A market after its moves: ``world`` (I,) is each instrument's move, ``origin`` (I,) its number in groups."""
    world = np.zeros(len(market), np.int64) if world is None else world
    group = moves.group if origin is None else moves.group[origin]
    asset = moves.asset[0] if market.asset_world is None else moves.asset.ravel()
    return market.shocked(
        price=moves.price[world, group],
        vol=moves.vol[world, group],
        basis=moves.basis[world, group],
        rate=moves.rate[world],
        asset=asset,
        seconds=moves.seconds,
    )


def _refuse(market: Market, book: Book, moves: Moves) -> None:
    used = np.zeros(len(market), bool)
    used[book.legs.instrument] = used[book.orders.instrument] = True
    problems = unpriced(market, used)
    late = used & (market["expiry"] < market.as_of + moves.seconds)
    for i in np.flatnonzero(late)[:50]:
        text = f"{market.name[i]} expires before: close or settle it first"
        problems.append(Problem("shocks", 0, "days", None, text))
    if problems:
        raise InputError(problems)


def _cuts(session: Session, world: np.ndarray, count: int) -> Iterator[tuple[int, int]]:
    """Row ranges that keep rows × assets and instruments × worlds of one private market bounded."""
    assets, width = max(len(session.market.assets), 1), max(len(session.market), 1)
    if not len(world):
        yield 0, 0
    new = np.flatnonzero(np.diff(world, prepend=-1))
    low = 0
    while low < len(world):
        high = min(low + BLOCK, len(world))
        starts = new[np.searchsorted(new, low, "right") : np.searchsorted(new, high, "left")]
        worlds = 1 + np.arange(len(starts))
        fits = ((starts - low) * worlds * assets <= DENSE) & (worlds * width <= COPIES)
        room = (high - low) * (len(starts) + 1) * assets <= DENSE and (len(starts) + 1) * width <= COPIES
        if not room and fits.any():
            high = int(starts[np.flatnonzero(fits)[-1]])
        yield low, high
        low = high


def _cut(
    session: Session, book: Book, world: np.ndarray, moves: Moves, low: int, high: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    here, local = np.unique(world[low:high], return_inverse=True)
    rows, market, of_world, origin = private(book.slice(low, high), session, local, len(here))
    ready = remade(session, apply(market, moves.take(here), of_world, origin))
    result = ready.model.rule(rows, ready.ready)
    return result.equity.value, requirements(result)


def requirements(result: Margin) -> dict[str, np.ndarray]:
    """Every requirement of a margin by its heading."""
    levels = {name: line.value for name, line in result.levels.items()}
    return {"initial": result.initial.value, "maintenance": result.maintenance.value, **levels}


def private(book: Book, session: Session, world: np.ndarray, count: int) -> tuple[Book, Market, np.ndarray, np.ndarray]:
    """The book on a market in which every world has its own instruments, scopes and assets.

    ``world`` (R,) is each row's of ``count``. Returns the book, the market, and the world and former number of each
    of its instruments (I',). Within a world everything keeps its order, so that a row adds up as it did before.
    """
    market = session.market
    legs, orders, cash, width = book.legs, book.orders, book.cash, len(market)
    held = world[legs.row] * width + legs.instrument
    wanted = world[orders.row] * width + orders.instrument
    number, kept = _numbered(count * width, held, wanted)
    of_world, origin = np.divmod(kept, max(width, 1))
    scopes, named = len(market.scopes), _named_scopes(book, session, world)
    of_scope = of_world * scopes + market.scope[origin]
    scope_number, scope = _numbered(count * scopes, of_scope, named)
    assets = len(market.assets)
    every = np.arange(count * assets)
    settle = market.settle[origin]
    fresh = market.take(origin, scopes=scope % max(scopes, 1), assets=every % max(assets, 1))
    fresh = replace(
        fresh,
        scope=scope_number[of_scope],
        settle=np.where(settle < 0, -1, of_world * assets + settle),
        scope_world=scope // max(scopes, 1),
        asset_world=every // max(assets, 1),
    )
    moved = replace(
        book,
        legs=replace(legs, instrument=number[held]),
        orders=replace(orders, instrument=number[wanted]),
        cash=replace(cash, asset=world[cash.row] * assets + cash.asset),
        detail=False,
    )
    return moved, fresh, of_world, origin


def _numbered(size: int, *keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """New number of each key that is used (size,), and the keys used in order."""
    used = np.zeros(size, bool)
    for key in keys:
        used[key] = True
    return np.cumsum(used) - 1, np.flatnonzero(used)


def _named_scopes(book: Book, session: Session, world: np.ndarray) -> np.ndarray:
    """Scopes that rows name in a setting without holding anything of them, in their worlds."""
    given = book.settings.get(session.model.scope_setting)
    if given is None:
        return np.zeros(0, np.int64)
    number = {str(name): u for u, name in enumerate(session.market.scopes)}
    scope = np.array([number.get(str(name or ""), -1) for name in given], np.int64)
    return (world * len(session.market.scopes) + scope)[scope >= 0]
