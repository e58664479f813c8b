"""Equity and requirement over price × volatility."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...cells import read_number
from ...errors import InputError, Problem, nearest
from ...ledger import Margin
from ..axis import ALL, UNDERLYING, Axis
from ..shown import Shown
from ..subject import level_of, on_margin
from ..worlds import figures
from .liquidation import percent


@dataclass(frozen=True, eq=False, repr=False)
class Surface(Shown):
    """Equity and a requirement (P, V, R) at price factors (P,) × volatility factors (V,) of rows (R,)."""

    account: np.ndarray
    pool: np.ndarray
    currency: np.ndarray
    target: str
    price: np.ndarray
    vol: np.ndarray
    equity: np.ndarray
    requirement: np.ndarray

    @property
    def headroom(self) -> np.ndarray:
        """Equity less requirement (P, V, R)."""
        return self.equity - self.requirement

    def frame(self) -> Any:
        """A row per account, pool, price and volatility move (pandas DataFrame)."""
        import pandas as pd

        p, v, r = np.indices(self.equity.shape).reshape(3, -1)
        return pd.DataFrame(
            {
                "account": self.account[r],
                "pool": self.pool[r],
                "price": self.price[p] - 1.0,
                "vol": self.vol[v] - 1.0,
                "equity": self.equity.ravel(),
                "requirement": self.requirement.ravel(),
                "headroom": self.headroom.ravel(),
            }
        )

    def shown(self) -> Any:
        """Headroom, a row a move of the price, a column a volatility move."""
        return self.crossed().rename(columns={"price": "move"})

    def crossed(self, figure: str = "headroom") -> Any:
        """A row per account, pool and price move, a column per volatility move, of one figure (pandas DataFrame)."""
        import pandas as pd

        values, rows, prices = getattr(self, figure), len(self.account), len(self.price)
        named = {"account": np.repeat(self.account, prices), "pool": np.repeat(self.pool, prices)}
        names = [percent(f - 1.0) if f != 1.0 else "as it is" for f in self.vol]
        moved = {f"volatility {name}": values[:, v].T.ravel() for v, name in enumerate(names)}
        return pd.DataFrame(named | {"price": np.tile(np.round(self.price - 1.0, 12), rows)} | moved)


@on_margin
def surface(
    margin: Margin,
    underlying: str | None = None,
    level: str = "maintenance",
    *,
    moves: np.ndarray | None = None,
    vols: np.ndarray | None = None,
) -> Surface:
    """Equity and requirement over price × volatility moves of one underlying, or of all together.

    ``moves`` (P,) and ``vols`` (V,) are fractions; the whole rule is run at each of the P × V points.
    Raises InputError for an underlying that nothing follows, and for moves that are no numbers above −1.
    """
    level_of(margin, level)
    axis = Axis.of(margin.run.market, UNDERLYING)
    name = ALL if underlying is None else underlying
    if name not in axis.names:
        known = list(map(str, axis.names[:-1]))
        raise InputError(f"nothing follows {name!r}{nearest(name, known)}; there are {', '.join(known) or 'none'}")
    price = 1.0 + _fractions("moves", np.arange(-10, 11) / 20.0 if moves is None else moves)
    vol = 1.0 + _fractions("vols", [-0.3, 0.0, 0.3, 0.6, 1.0] if vols is None else vols)
    target = int(np.flatnonzero(axis.names == name)[0])
    points = len(price) * len(vol)
    shocks = axis.moves(np.full(points, target), np.repeat(price, len(vol)))
    shocks = replace(shocks, vol=np.where(axis.hits[target], np.tile(vol, len(price))[:, None], 1.0))
    rows = len(margin.account)
    book = margin.run.book.take(np.tile(np.arange(rows), points))
    found = figures(margin.run.session, book, np.repeat(np.arange(points), rows), shocks)
    shape = (len(price), len(vol), rows)
    return Surface(
        margin.account,
        margin.pool,
        margin.currency,
        name,
        price,
        vol,
        found.equity.reshape(shape),
        found.levels[level].reshape(shape),
    )


def _fractions(what: str, given: Any) -> np.ndarray:
    """Moves of one axis (N,); InputError where there is none, or one is no number above −1."""
    cells = [given] if np.ndim(given) == 0 else list(given)
    if not cells:
        raise InputError([Problem("surface", 0, what, None, "give at least one move")])
    try:
        moves = np.array([read_number(cell) for cell in cells])
    except ValueError as error:
        raise InputError([Problem("surface", 0, what, None, str(error))]) from None
    if moves.min() <= -1.0:
        raise InputError([Problem("surface", 0, what, float(moves.min()), f"{moves.min():+.0%}; must be above -100 %")])
    return moves
