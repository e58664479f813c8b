"""A market in which every world has its own copies of what it moves, so that prices may differ by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..book import Book
from ..market import Market
from ..registry import Model
from ..run import Session
from .moves import Moves, index_factors

DENSE = 1 << 20


def private(book: Book, session: Session, world: np.ndarray, moves: Moves) -> tuple[Book, Market]:
    """The book on a moved market in which every world has its own copies of the instruments, scopes, assets moved.

    ``world`` (R,) is each row's of ``moves``. What a world does not move it shares with the others. Copies stand
    beside their originals, so that a row adds up in the order in which it did before.
    """
    market, legs, orders, cash = session.market, book.legs, book.orders, book.cash
    own, stride = _Owned.of_moves(session, moves), len(moves) + 1
    held, wanted = (own.key(own.instruments, world[t.row], t.instrument) for t in (legs, orders))
    (held, wanted), kept = _numbered(len(market) * stride, held, wanted)
    origin, whose = kept // stride, kept % stride - 1
    scopes = own.key(own.scopes, whose, market.scope[origin])
    (scopes, _), scope = _numbered(len(market.scopes) * stride, scopes, _named(book, session, world, own))
    w, c = np.nonzero(own.asset)
    every = np.concatenate([np.arange(len(market.assets)) * stride, c * stride + w + 1])
    settle = own.key(own.assets, whose, np.maximum(market.settle[origin], 0))
    balances = own.key(own.assets, world[cash.row], cash.asset)
    (settle, balances, _), asset = _numbered(len(market.assets) * stride, settle, balances, every)
    market = market.with_columns(index=market.spot()) if session.model.index_by == "instrument" else market
    fresh = replace(
        market.take(origin, scopes=scope // stride, assets=asset // stride),
        scope=scopes,
        settle=np.where(market.settle[origin] < 0, -1, settle),
        scope_world=scope % stride - 1,
        asset_world=asset % stride - 1,
    )
    rows = replace(
        book,
        legs=replace(legs, instrument=held),
        orders=replace(orders, instrument=wanted),
        cash=replace(cash, asset=balances),
        detail=False,
    )
    index = index_factors(market, moves, fresh.scope_world, scope // stride)
    return rows, _shocked(fresh, moves, whose, origin, asset // stride, index)


@dataclass(frozen=True, eq=False)
class _Owned:
    """What each world moves: groups (W, G), scopes (W, U) and assets (W, C + 1); what hangs together moves together.

    Where the model reads no index of a scope, a scope holds nothing that could move, and all worlds share it.
    """

    market: Market
    of: np.ndarray
    group: np.ndarray
    scope: np.ndarray
    asset: np.ndarray

    @classmethod
    def of_moves(cls, session: Session, moves: Moves) -> _Owned:
        market = session.market
        asset = np.hstack([moves.asset != 1.0, np.zeros((len(moves), 1), bool)])
        group = (moves.price != 1.0) | (moves.vol != 1.0) | (moves.basis != 1.0) | (moves.rate != 0.0)[:, None]
        scope = np.zeros((len(moves), len(market.scopes)), bool)
        if _reads_scopes(session.model):
            within = np.zeros((group.shape[1] + asset.shape[1], len(market.scopes)), np.float32)
            within[moves.group, market.scope] = 1.0
            within[group.shape[1] + market.settle % asset.shape[1], market.scope] = 1.0
            within[group.shape[1] : -1] += market.assets[:, None] == market.scopes[None, :]
            scope = np.hstack([group, asset]).astype(np.float32) @ within > 0
        return cls(market, moves.group, group, scope, asset)

    def instruments(self, world: np.ndarray, item: np.ndarray) -> np.ndarray:
        """Whether each world moves an instrument, or what hangs together with it."""
        market = self.market
        own = self.group[world, self.of[item]] | self.asset[world, market.settle[item]]
        return own | self.scope[world, market.scope[item]]

    def scopes(self, world: np.ndarray, item: np.ndarray) -> np.ndarray:
        """Whether each world moves a scope."""
        return self.scope[world, item]

    def assets(self, world: np.ndarray, item: np.ndarray) -> np.ndarray:
        """Whether each world moves an asset."""
        return self.asset[world, item]

    def key(
        self, moves: Callable[[np.ndarray, np.ndarray], np.ndarray], world: np.ndarray, item: np.ndarray
    ) -> np.ndarray:
        """Item × (worlds + 1), plus its world's number from 1 where that world moves it; world −1 moves nothing."""
        stride = len(self.group) + 1
        if stride == 1:
            return item
        return item * stride + np.where((world >= 0) & moves(world, item), world + 1, 0)


def _reads_scopes(model: Model) -> bool:
    return model.index_by == "scope" and any("index" in columns for columns in model.needs.values())


def _shocked(
    market: Market, moves: Moves, world: np.ndarray, origin: np.ndarray, asset: np.ndarray, index: np.ndarray
) -> Market:
    """The private market after its moves; world −1 is not moved.

    ``index`` (U,) multiplies the index of each scope.
    """
    group = moves.group[origin]
    still, at = world < 0, np.maximum(world, 0)
    asset_world = np.maximum(market.asset_world, 0)
    factor = lambda table: np.where(still, 1.0, table[at, group])  # noqa: E731
    return market.shocked(
        price=factor(moves.price),
        vol=factor(moves.vol),
        basis=factor(moves.basis),
        rate=np.where(still, 0.0, moves.rate[at]),
        scope=index,
        asset=np.where(market.asset_world < 0, 1.0, moves.asset[asset_world, asset]),
        seconds=moves.seconds,
    )


def _numbered(size: int, *keys: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Keys below ``size`` as numbers of the keys that are used, and those in order."""
    if size > DENSE:
        used, number = np.unique(np.concatenate(keys), return_inverse=True)
        return np.split(number, np.cumsum([len(k) for k in keys])[:-1]), used
    there = np.zeros(size, bool)
    for key in keys:
        there[key] = True
    number = np.cumsum(there) - 1
    return [number[key] for key in keys], np.flatnonzero(there)


def _named(book: Book, session: Session, world: np.ndarray, own: _Owned) -> np.ndarray:
    """Keys of scopes that rows name in a setting without holding anything of them: their world's, and the shared."""
    given = book.settings.get(session.model.scope_setting)
    if given is None:
        return np.zeros(0, np.int64)
    number = {str(name): u for u, name in enumerate(session.market.scopes)}
    scope = np.array([number.get(str(name or ""), -1) for name in given], np.int64)
    known, stride = scope >= 0, len(own.group) + 1
    return np.concatenate([own.key(own.scopes, world[known], scope[known]), scope[known] * stride])
