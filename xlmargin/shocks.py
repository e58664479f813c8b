"""A market after moves named by underlying, and what equity and margin become along one price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import InputError, Problem, nearest
from .ledger import Margin
from .market import Market

DAY = 86400.0
MOVES = np.arange(-15, 16) / 50.0


def moved(
    market: Market,
    price: Mapping[str, float] | None = None,
    vol: Mapping[str, float] | None = None,
    days: float = 0.0,
) -> Market:
    """The market after price and volatility moves by underlying, ``days`` later.

    Moves are fractions: 0.05 is +5 %, of every price that follows the underlying and of the asset of that
    name; of every option's volatility. Days pass for all. Raises InputError for an unknown underlying, a move
    of −100 % or below, or days below zero.

    >>> from xlmargin import tables
    >>> _, market = tables({"instrument": ["BTC-PERP"], "quantity": [1], "mark": [100.0]}, as_of="2026-11-25")
    >>> moved(market, {"BTC": 0.05})["mark"].tolist()
    [105.0]
    """
    factor = {"price": dict(price or {}), "volatility": dict(vol or {})}
    _refuse(market, factor, days)
    on = lambda names, moves: 1.0 + np.array([moves.get(str(n), 0.0) for n in names], np.float64)  # noqa: E731
    return market.shocked(
        price=on(market.underlying, factor["price"]),
        vol=on(market.underlying, factor["volatility"]),
        seconds=days * DAY,
        asset=1.0 + coin_moves(market, factor["price"]),
    )


def coin_moves(market: Market, price: Mapping[str, float]) -> np.ndarray:
    """Move of each asset's price (C,) as a fraction: of the coin itself, else of the one that it follows."""
    pairs = zip(map(str, market.assets), map(str, market.leader), strict=True)
    return np.array([price.get(own, price.get(leader, 0.0)) for own, leader in pairs], np.float64)


def _refuse(market: Market, moves: Mapping[str, Mapping[str, float]], days: float) -> None:
    known = list(dict.fromkeys(map(str, [*market.underlying, *market.assets, *market.leader])))
    problems = []
    for what, by in moves.items():
        for name, move in by.items():
            if name not in known:
                problems.append(Problem("shocks", 0, what, name, f"nothing follows {name!r}{nearest(name, known)}"))
            elif not move > -1.0 or not np.isfinite(move):
                problems.append(Problem("shocks", 0, what, move, f"{name} by {move:+.0%}; must be above -100 %"))
    if not days >= 0.0 or not np.isfinite(days):
        problems.append(Problem("shocks", 0, "days", days, f"{days:g} days; must be zero or more"))
    if problems:
        raise InputError(problems)


@dataclass(frozen=True, eq=False)
class Profile:
    """Equity, its change and both requirements (M, R) at each price move (M,) of one underlying.

    ``level`` (M,) is the price of the underlying at each move; NaN where all move together.
    """

    underlying: str
    move: np.ndarray
    level: np.ndarray
    account: np.ndarray
    pool: np.ndarray
    currency: np.ndarray
    equity: np.ndarray
    pnl: np.ndarray
    initial: np.ndarray
    maintenance: np.ndarray

    def joined(self, other: Profile) -> Profile:
        """This profile and, after it, one of the same accounts over further moves."""
        along = ("move", "level", "equity", "pnl", "initial", "maintenance")
        return replace(self, **{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in along})

    def frame(self) -> Any:
        """A row per account, pool and move (pandas DataFrame)."""
        import pandas as pd

        rows = len(self.account)
        columns = {"account": np.tile(self.account, len(self.move)), "pool": np.tile(self.pool, len(self.move))}
        columns |= {"move": np.repeat(self.move, rows), "price": np.repeat(self.level, rows)}
        names = ("equity", "pnl", "initial", "maintenance")
        return pd.DataFrame(columns | {name: getattr(self, name).ravel() for name in names})


def profile(
    margin: Margin,
    underlying: str | None = None,
    moves: np.ndarray = MOVES,
    *,
    account: str | None = None,
    pool: str | None = None,
) -> Profile:
    """What equity and margin become as the price of one underlying (of all, if none is named) moves.

    ``moves`` (M,) are fractions. The whole rule is run at each: result and requirement move together. Raises
    InputError for an unknown account or underlying, a move of −100 % or below, options that cannot be revalued.
    """
    from .decide.moves import Moves, named
    from .decide.subject import only, revaluable
    from .decide.worlds import figures

    moves = np.asarray(moves, np.float64)
    chosen = revaluable(only(margin, account, pool))
    market, rows, points = chosen.run.market, len(chosen.account), len(moves) + 1
    names = [underlying] if underlying else list(dict.fromkeys(map(str, market.underlying)))
    worlds = Moves.stack([named(market, price=dict.fromkeys(names, float(move))) for move in (*moves, 0.0)])
    book = chosen.run.book.take(np.tile(np.arange(rows), points))
    found = figures(chosen.run.session, book, np.repeat(np.arange(points), rows), worlds)
    values = {"equity": found.equity, **{name: found.levels[name] for name in ("initial", "maintenance")}}
    values = {name: by_row.reshape(points, rows) for name, by_row in values.items()}
    return Profile(
        underlying=underlying or "",
        move=moves,
        level=_level(market, underlying) * (1.0 + moves),
        account=chosen.account,
        pool=chosen.pool,
        currency=chosen.currency,
        pnl=values["equity"][:-1] - values["equity"][-1],
        **{name: by_point[:-1] for name, by_point in values.items()},
    )


def _level(market: Market, underlying: str | None) -> float:
    """The index of an underlying; the first forward or mark where no index is given; NaN for all together."""
    if underlying is None:
        return np.nan
    of = market.underlying == underlying
    known = [market[c][of][np.isfinite(market[c][of])] for c in ("index", "forward", "mark")]
    return next((float(v[0]) for v in known if len(v)), np.nan)
