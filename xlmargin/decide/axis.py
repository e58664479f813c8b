"""What a search may move: one underlying, one instrument, all together, prices or volatility."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..book import Book
from ..errors import InputError, nearest
from ..market import OPTION, Market
from .moves import Moves, first_of_scopes, groups, has_price, leads, movable

UNDERLYING, INSTRUMENT, VOLATILITY, COLLATERAL = "underlying", "instrument", "volatility", "collateral"
KINDS = (UNDERLYING, INSTRUMENT, VOLATILITY, COLLATERAL)
ALL = ""


@dataclass(frozen=True, eq=False)
class Axis:
    """T targets by name, the last ("") all of them together; what each moves among groups (T, G) and assets (T, C).

    ``level`` (T,) is the price of a target now: its index, else the first forward or mark; NaN for all together.
    """

    market: Market
    kind: str
    names: np.ndarray
    group: np.ndarray
    hits: np.ndarray
    assets: np.ndarray
    level: np.ndarray

    @classmethod
    def of(cls, market: Market, by: str) -> Axis:
        """Targets of a market: ``by`` underlying (with the assets of that name), instrument, volatility, collateral."""
        if by not in KINDS:
            raise InputError(f"by {by!r}{nearest(str(by), KINDS)}; allowed: {', '.join(KINDS)}")
        if by == COLLATERAL:
            return cls._of_assets(market)
        names, group = groups(market)
        coins = list(map(str, market.leader[movable(market)]))
        if by == INSTRUMENT:
            names, group = market.name, np.arange(len(market))
        own = [*map(str, names)] if by != UNDERLYING else list(dict.fromkeys([*map(str, names), *sorted(coins)]))
        targets = np.array([*own, ALL], object)
        hits = np.zeros((len(targets), len(names)), bool)
        hits[np.arange(len(names)), np.arange(len(names))] = True
        priced = np.isin(targets, market.underlying[has_price(market)])
        assets = (targets[:, None] == market.leader) & (priced[:, None] | movable(market))
        assets[-1] = movable(market)
        hits[-1] = True
        if by != UNDERLYING:
            assets = np.zeros_like(assets)
        return cls(market, by, targets, group, hits, assets, _levels(market, by, targets, group))

    @classmethod
    def _of_assets(cls, market: Market) -> Axis:
        """Every priced asset alone, stablecoins too; no instrument follows."""
        priced = np.flatnonzero(np.isfinite(market.price) & (market.assets != "USD"))
        targets = np.array([*market.assets[priced], ALL], object)
        assets = targets[:, None] == market.assets[None, :]
        hits = np.zeros((len(targets), 1), bool)
        level = np.append(market.price[priced], np.nan)
        return cls(market, COLLATERAL, targets, np.zeros(len(market), np.int64), hits, assets, level)

    @cached_property
    def follows(self) -> np.ndarray:
        """The target that moves each instrument (I,) by itself, −1 where none does."""
        market = self.market
        moved = market.kind == OPTION if self.kind == VOLATILITY else has_price(market) & (self.kind != COLLATERAL)
        return np.where(moved, self.group, -1)

    @cached_property
    def of_index(self) -> np.ndarray:
        """The targets that move the index of each scope (L, U), padded by −1: one, or any perpetual and spot of it."""
        if self.kind != INSTRUMENT:
            return np.append(self.follows, -1)[first_of_scopes(self.market)][None]
        lead, scope = leads(self.market)
        order = np.argsort(scope, kind="stable")
        turn = np.arange(len(order)) - np.searchsorted(scope[order], scope[order])
        out = np.full((int(turn.max(initial=0)) + 1, len(self.market.scopes)), -1)
        out[turn, scope[order]] = self.follows[lead[order]]
        return out

    @cached_property
    def of_asset(self) -> np.ndarray:
        """The target that moves each asset (C+1,) by itself, −1 where none does and for no asset."""
        out = np.full(len(self.market.assets) + 1, -1)
        t, c = np.nonzero(self.assets[:-1])
        out[c] = t
        return out

    def shifts(self, target: np.ndarray, x: np.ndarray) -> AxisShifts:
        """K moves, ``target`` (K,) multiplied by ``x`` (K,), made only where they are taken."""
        return AxisShifts(self, target, x, int(self.assets.sum(axis=1).max(initial=0)), self.hits.shape[1])

    def moves(self, target: np.ndarray, x: np.ndarray) -> Moves:
        """K moves: ``target`` (K,) multiplied by ``x`` (K,)."""
        moves = replace(Moves.none(self.market, len(x), self.group), single=self.kind == INSTRUMENT)
        (moves.vol if self.kind == VOLATILITY else moves.price)[:] = np.where(self.hits[target], x[:, None], 1.0)
        moves.asset[:] = np.where(self.assets[target], x[:, None], 1.0)
        return moves

    def held(self, book: Book) -> tuple[np.ndarray, np.ndarray]:
        """Pairs (row, target) of rows and the targets that move what they hold, by target; all together last."""
        last = len(self.names) - 1
        legs, orders, cash = book.legs, book.orders, book.cash
        own = self.of_asset
        if self.kind == UNDERLYING:  # a currency moves with what an account holds of it, not with what others hold
            own = np.where(np.append(movable(self.market), False), own, -1)
        pairs = [(table.row, self.follows[table.instrument]) for table in (legs, orders)]
        pairs += [(table.row, own[self.market.settle[table.instrument]]) for table in (legs, orders)]
        pairs += [(cash.row, own[cash.asset])]
        row, target = (np.concatenate(v) for v in zip(*pairs, strict=True))
        key = np.unique(target[target >= 0] * len(book) + row[target >= 0])
        target, row = np.divmod(key, max(len(book), 1))
        several = np.flatnonzero(np.bincount(row, minlength=len(book)) > 1)
        if self.kind in (INSTRUMENT, COLLATERAL):
            several = several[:0]
        return np.concatenate([row, several]), np.concatenate([target, np.full(len(several), last)])


@dataclass(frozen=True, eq=False)
class AxisShifts:
    """Moves of one target each (K,), too many to hold as tables of groups."""

    axis: Axis
    target: np.ndarray
    x: np.ndarray
    coins: int
    width: int
    seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.x)

    def take(self, which: np.ndarray) -> Moves:
        """The moves ``which``."""
        return self.axis.moves(self.target[which], self.x[which])


def _levels(market: Market, by: str, targets: np.ndarray, group: np.ndarray) -> np.ndarray:
    level = np.full(len(targets), np.nan)
    if by == VOLATILITY:
        return level
    columns = ("mark",) if by == INSTRUMENT else ("index", "forward", "mark")
    for column in reversed(columns):
        known = np.flatnonzero(np.isfinite(market[column]) & ((market.kind != OPTION) | (column != "mark")))
        level[group[known[::-1]]] = market[column][known[::-1]]
    if by == INSTRUMENT:
        level[:-1] = market["mark"]
        return level
    price = dict(zip(map(str, market.assets), market.price, strict=True))
    own = np.array([price.get(str(t), np.nan) for t in targets[:-1]] + [np.nan])
    return np.where(np.isnan(level), own, level)
