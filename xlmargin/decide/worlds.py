"""A rule run on many moved markets at once: every world has its own copies of what its rows hold.

A shock is another market and a row stands in one world, so that prices may differ by account without a second rule.
What a row gives here is what ``xlmargin.margin`` gives on the market moved the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..book import Book
from ..errors import InputError, Problem
from ..ledger import Margin
from ..market import Market
from ..params import Params
from ..registry import Model, Ready
from ..run import BLOCK, Session
from .moves import Moves, first_of_scopes, unpriced

DENSE = 1 << 21
COPIES = 1 << 22


class Shifts(Protocol):
    """Many moves that are made only where they are taken; ``coins`` is how many assets one of them moves at most."""

    seconds: float
    coins: int

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
    cuts = list(_cuts(session, world, moves))
    step = lambda cut: _cut(session, book, rows, world, moves, *cut)  # noqa: E731
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


def _cuts(session: Session, world: np.ndarray, moves: Moves | Shifts) -> Iterator[tuple[int, int]]:
    """Row ranges that keep rows × assets and worlds × instruments of one private market bounded."""
    assets, width, own = len(session.market.assets), max(len(session.market), 1), moves.coins
    new = np.flatnonzero(np.diff(world, prepend=-1))
    low = 0
    while low < len(world):
        high = min(low + BLOCK, len(world))
        starts = new[np.searchsorted(new, low, "right") : np.searchsorted(new, high, "left")]
        ends, worlds = np.append(starts, high), 1 + np.arange(len(starts) + 1)
        fits = ((ends - low) * (assets + worlds * own) <= DENSE) & (worlds * width <= COPIES)
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


def private(book: Book, session: Session, world: np.ndarray, moves: Moves) -> tuple[Book, Market]:
    """The book on a moved market in which every world has its own copies of the instruments, scopes, assets moved.

    ``world`` (R,) is each row's of ``moves``. What a world does not move it shares with the others. Copies stand
    beside their originals, so that a row adds up in the order in which it did before.
    """
    market = session.market
    legs, orders, cash = book.legs, book.orders, book.cash
    of, of_scope, of_asset = _owned(session, moves)
    stride = len(moves) + 1
    held, wanted = (_key(of, world[t.row], t.instrument, stride) for t in (legs, orders))
    number, kept = _numbered(len(market) * stride, held, wanted)
    origin, own = kept // stride, kept % stride - 1
    scopes = _key(of_scope, own, market.scope[origin], stride)
    scope_number, scope = _numbered(len(market.scopes) * stride, scopes, _named(book, session, world, of_scope))
    every = np.arange(len(market.assets)) * stride
    w, c = np.nonzero(of_asset)
    asset_number, asset = _numbered(len(market.assets) * stride, every, c * stride + w + 1)
    settle = np.where(market.settle[origin] < 0, -1, _key(of_asset, own, market.settle[origin], stride))
    market = market.with_columns(index=market.spot()) if session.model.index_by == "instrument" else market
    fresh = replace(
        market.take(origin, scopes=scope // stride, assets=asset // stride),
        scope=scope_number[scopes],
        settle=np.append(asset_number, -1)[settle],
        scope_world=scope % stride - 1,
        asset_world=asset % stride - 1,
    )
    rows = replace(
        book,
        legs=replace(legs, instrument=number[held]),
        orders=replace(orders, instrument=number[wanted]),
        cash=replace(cash, asset=asset_number[_key(of_asset, world[cash.row], cash.asset, stride)]),
        detail=False,
    )
    first = first_of_scopes(session.market)[scope // stride]
    return rows, _shocked(fresh, moves, own, origin, asset // stride, np.append(moves.group, -1)[first])


def _owned(session: Session, moves: Moves) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Instruments (W, I), scopes (W, U) and assets (W, C) that each world moves; what hangs together moves together.

    Where the model reads no index of a scope, a scope holds nothing that could move, and all worlds share it.
    """
    market, asset = session.market, moves.asset != 1.0
    group = (moves.price != 1.0) | (moves.vol != 1.0) | (moves.basis != 1.0) | (moves.rate != 0.0)[:, None]
    own = group[:, moves.group] | np.hstack([asset, np.zeros((len(moves), 1), bool)])[:, market.settle]
    scope = np.zeros((len(moves), len(market.scopes)), bool)
    if _reads_scopes(session.model):
        w, i = np.nonzero(own)
        scope[w, market.scope[i]] = True
        w, u = np.nonzero(asset @ (market.assets[:, None] == market.scopes[None, :]))
        scope[w, u] = True
    return own | scope[:, market.scope], scope, asset


def _reads_scopes(model: Model) -> bool:
    return model.index_by == "scope" and any("index" in columns for columns in model.needs.values())


def _key(own: np.ndarray, world: np.ndarray, item: np.ndarray, stride: int) -> np.ndarray:
    """Item × stride, plus its world's number from 1 where that world owns it."""
    if not own.size:
        return item * stride
    return item * stride + np.where(own[world, item] & (world >= 0), world + 1, 0)


def _shocked(
    market: Market, moves: Moves, world: np.ndarray, origin: np.ndarray, asset: np.ndarray, index: np.ndarray
) -> Market:
    """The private market after its moves; world −1 is not moved.

    ``index`` (U,) is the group that the index of each scope follows: of the whole market's first instrument there,
    whoever holds it.
    """
    group = moves.group[origin]
    still, at = world < 0, np.maximum(world, 0)
    asset_world, scope_world = np.maximum(market.asset_world, 0), np.maximum(market.scope_world, 0)
    factor = lambda table: np.where(still, 1.0, table[at, group])  # noqa: E731
    return market.shocked(
        price=factor(moves.price),
        vol=factor(moves.vol),
        basis=factor(moves.basis),
        rate=np.where(still, 0.0, moves.rate[at]),
        scope=np.where((index < 0) | (market.scope_world < 0), 1.0, moves.price[scope_world, index]),
        asset=np.where(market.asset_world < 0, 1.0, moves.asset[asset_world, asset]),
        seconds=moves.seconds,
    )


def _numbered(size: int, *keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """New number of each key that is used (size,), and the keys used in order."""
    used = np.zeros(size, bool)
    for key in keys:
        used[key] = True
    return np.cumsum(used) - 1, np.flatnonzero(used)


def _named(book: Book, session: Session, world: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Keys of scopes that rows name in a setting without holding anything of them: their world's, and the shared."""
    given = book.settings.get(session.model.scope_setting)
    if given is None:
        return np.zeros(0, np.int64)
    number = {str(name): u for u, name in enumerate(session.market.scopes)}
    scope = np.array([number.get(str(name or ""), -1) for name in given], np.int64)
    known, stride = scope >= 0, len(own) + 1
    return np.concatenate([_key(own, world[known], scope[known], stride), scope[known] * stride])
