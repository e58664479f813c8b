"""How equity, margin and headroom move with price, volatility, time, rates and collateral, by the rule itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError, Problem
from ..ledger import Margin
from ..market import OPTION, Market
from .moves import Moves, fractions, groups, has_price, named
from .shown import Shown
from .subject import level_of, on_margin
from .worlds import figures

DAY, BASIS_POINT = 86400.0, 1e-4
MOST_FACTORS = 12
ORDER = ("price", "volatility", "collateral", "rates", "time")


@dataclass(frozen=True, eq=False, repr=False)
class Sensitivity(Shown):
    """A row per pool and factor (N,): what a bump up and one down change in equity and in a requirement."""

    columns: dict[str, np.ndarray]

    def frame(self) -> Any:
        """A row per pool and factor (pandas DataFrame)."""
        import pandas as pd

        return pd.DataFrame(self.columns)


@on_margin
def sensitivity(
    margin: Margin, level: str = "maintenance", *, bump: float = 0.01, points: float = 0.01, days: float = 1.0
) -> Sensitivity:
    """d(equity), d(requirement) and d(headroom) to every factor, by finite shocks of the whole rule.

    Factors: each underlying's price ± ``bump`` (with the asset of that name), the volatility of each of its options
    ± ``points`` (0.01 is a point; half of it at most), interest rates ± 1 basis point, the price of each other asset
    ± ``bump``, and ``days`` passing. ``up`` and ``down`` are the changes themselves; the slope is their half
    difference, ``bend`` their sum (curvature: what is lost or gained both ways). Raises InputError for options that
    cannot be revalued, and for sizes below zero.
    """
    sizes = (("bump", bump, 1.0), ("points", points, math.inf), ("days", days, math.inf))
    if wrong := [(name, size) for name, size, most in sizes if not 0.0 <= size < most]:
        told = {n: f"{v:g}; must be zero or more, a bump below 1" for n, v in wrong}
        raise InputError([Problem("sensitivity", 0, n, None, text) for n, text in told.items()])
    now = margin.equity.value, level_of(margin, level)
    labels, moves = _bumps(margin, bump, points)
    found = [_changes(margin, moves, now, level)]
    if days:
        later = Moves.none(margin.run.market, 1, seconds=days * DAY)
        aged = _changes(margin, later, now, level)
        found.append({k: np.stack([v[0], np.full_like(v[0], np.nan)]) for k, v in aged.items()})
        labels.append(("time", f"{days:g} day{'s'[: days != 1]}"))
    change = {k: np.concatenate([f[k] for f in found]) for k in found[0]}
    rows, count = len(margin.account), len(labels)
    pick = np.tile(np.arange(rows), count)
    columns = {
        "account": margin.account[pick],
        "pool": margin.pool[pick],
        "currency": margin.currency[pick],
        "factor": np.repeat(np.array([kind for kind, _ in labels], object), rows),
        "name": np.repeat(np.array([name for _, name in labels], object), rows),
    }
    columns["factor"] = _kinds(margin, pick, columns["factor"], columns["name"])
    for figure, values in change.items():
        up, down = values[0::2], values[1::2]
        both = np.isfinite(down)
        columns[f"{figure} up"], columns[f"{figure} down"] = up.ravel(), down.ravel()
        columns[f"{figure} slope"] = np.where(both, (up - down) / 2.0, up).ravel()
        columns[f"{figure} bend"] = (up + down).ravel()
    moved = np.any([columns[f"{k} up"] != 0.0 for k in change], axis=0)
    place = np.array([ORDER.index(kind) for kind in columns["factor"]], np.int64)
    name = np.unique(columns["name"].astype(str), return_inverse=True)[1]
    order = np.lexsort((pick, np.where(place < ORDER.index("rates"), name, 0), place))
    order = order[moved[order]]
    return Sensitivity({k: v[order] for k, v in columns.items()})


def _kinds(margin: Margin, row: np.ndarray, kind: np.ndarray, name: np.ndarray) -> np.ndarray:
    """What each factor is to its row (N,): the price of what it holds nothing of moves but its collateral."""
    legs, market = margin.run.book.legs, margin.run.market
    words, number = np.unique([*map(str, name), *map(str, market.underlying)], return_inverse=True)
    own = has_price(market)[legs.instrument]
    held = (legs.row * len(words) + number[len(name) :][legs.instrument])[own]
    bare = ~np.isin(row * len(words) + number[: len(name)], held)
    return np.where(bare & (kind == "price"), "collateral", kind)


def _bumps(margin: Margin, bump: float, points: float) -> tuple[list[tuple[str, str]], Moves]:
    """Factors by kind and name, and two moves of each: up, then down."""
    market = margin.run.market
    names, group = groups(market)
    labels: list[tuple[str, str]] = []
    moves: list[Moves] = []

    def add(kind: str, name: str, size: float, of: str) -> None:
        labels.append((kind, name))
        moves.extend(_wide(named(market, **{of: {name: sign * size}})) for sign in (1.0, -1.0))

    priced = set(map(str, market.underlying[has_price(market)]))
    for n in sorted(priced):
        add("price", n, bump, "price")
    for g in np.unique(group[market.kind == OPTION]):
        labels.append(("volatility", str(names[g])))
        moves.append(_points(market, (group == g) & (market.kind == OPTION), points))
    for a in market.assets[np.isfinite(market.price)]:
        if str(a) not in priced:
            add("collateral", str(a), bump, "collateral")
    labels.append(("rates", "1 bp"))
    moves += [_wide(named(market, rate=sign * BASIS_POINT)) for sign in (1.0, -1.0)]
    return labels, Moves.stack(moves)


def _wide(moves: Moves) -> Moves:
    """The same moves with a column an instrument."""
    own = {name: getattr(moves, name)[:, moves.group] for name in ("price", "vol", "basis")}
    return replace(moves, group=np.arange(len(moves.group)), **own)


def _points(market: Market, options: np.ndarray, points: float) -> Moves:
    """Volatilities of ``options`` (I,) higher by so many points, then lower: the same for each of them."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(options, np.fmin(points / market["iv"], 0.5), 0.0)
    return replace(Moves.none(market, 2, np.arange(len(market))), vol=1.0 + np.array([share, -share]))


def _changes(margin: Margin, moves: Moves, now: tuple[np.ndarray, np.ndarray], level: str) -> dict[str, np.ndarray]:
    """Change (K, R) of equity, requirement and headroom at each move."""
    rows, count = len(margin.account), len(moves)
    book = margin.run.book.take(np.tile(np.arange(rows), count))
    found = figures(margin.run.session, book, np.repeat(np.arange(count), rows), moves)
    equity = found.equity.reshape(count, rows) - now[0]
    need = found.levels[level].reshape(count, rows) - now[1]
    return {"equity": equity, level: need, "headroom": equity - need}


@dataclass(frozen=True, eq=False, repr=False)
class Attribution(Shown):
    """What each factor (F,) of one combined move adds to the change of equity and of a requirement (F, R)."""

    account: np.ndarray
    pool: np.ndarray
    factor: tuple[str, ...]
    equity: np.ndarray
    requirement: np.ndarray
    level: str

    def frame(self) -> Any:
        """A row per pool and factor, and the sum (pandas DataFrame)."""
        import pandas as pd

        rows = len(self.account)
        table = pd.DataFrame(
            {
                "account": np.tile(self.account, len(self.factor)),
                "pool": np.tile(self.pool, len(self.factor)),
                "factor": np.repeat(np.array(self.factor, object), rows),
                "equity": self.equity.ravel(),
                self.level: self.requirement.ravel(),
                "headroom": (self.equity - self.requirement).ravel(),
            }
        )
        total = table.groupby(["account", "pool"], sort=False, as_index=False).sum(numeric_only=True)
        return pd.concat([table, total.assign(factor="all together")], ignore_index=True)


@on_margin
def attribution(
    margin: Margin,
    level: str = "maintenance",
    *,
    price: Mapping[str, float] | None = None,
    vol: Mapping[str, float] | None = None,
    collateral: Mapping[str, float] | None = None,
    rate: float = 0.0,
) -> Attribution:
    """What each part of a combined move adds to the change of equity and requirement; the parts add up to the whole.

    Shapley value over the factors named: the mean, over all orders in which they could move, of what each adds when
    its turn comes; every coalition is the whole rule on its market. At most 12 factors (4,096 markets).
    Source: L. S. Shapley, A value for n-person games (1953).
    """
    given = fractions({"price": price, "vol": vol, "collateral": collateral})
    factors = [(kind, name) for kind, by in given.items() for name in by] + ([("rate", "")] if rate else [])
    if not 1 <= len(factors) <= MOST_FACTORS:
        text = f"{len(factors)} factors; between 1 and {MOST_FACTORS} can be attributed: name fewer moves"
        raise InputError([Problem("shocks", 0, "factors", len(factors), text)])
    market = margin.run.market
    singles = [named(market, **{kind: {name: move}}) for kind, by in given.items() for name, move in by.items()]
    singles += [named(market, rate=rate)] if rate else []
    inside = (np.arange(2 ** len(factors))[:, None] >> np.arange(len(factors))) & 1 > 0
    moves = Moves.stack(singles).combined(inside)
    now = margin.equity.value, level_of(margin, level)
    change = _changes(margin, moves, now, level)
    parts = {k: shapley(v, inside) for k, v in change.items()}
    names = tuple(f"{kind} {name}".strip() for kind, name in factors)
    return Attribution(margin.account, margin.pool, names, parts["equity"], parts[level], level)


def shapley(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Shapley value (F, R) of a game (2^F, R): Σ over coalitions without f of |S|!(F−|S|−1)!/F! · gain.

    ``inside`` (2^F, F) says who is in coalition c: factor f where bit f of c is set.
    """
    count = inside.shape[1]
    size = inside.sum(axis=1)
    weight = np.array([math.factorial(s) * math.factorial(count - s - 1) for s in range(count)], np.float64)
    weight /= math.factorial(count)
    out = np.zeros((count, values.shape[1]))
    for f in range(count):
        without = np.flatnonzero(~inside[:, f])
        gain = values[without | (1 << f)] - values[without]
        out[f] = weight[size[without]] @ gain
    return out
