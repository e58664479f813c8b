"""What it is worth: one row an instrument, an asset, a scope; the only place where prices live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .pricing import YEAR, black76

SPOT, PERP, FUTURE, OPTION, ASSET, SENSITIVITY = range(6)
KIND = {"spot": SPOT, "perp": PERP, "future": FUTURE, "option": OPTION, "asset": ASSET, "sensitivity": SENSITIVITY}


@dataclass(frozen=True, eq=False)
class Market:
    """Instruments (I,), scopes (U,) and assets (C,) at one moment (epoch seconds UTC).

    ``columns`` are instrument numbers by name (``market["strike"]``), ``texts`` instrument words; a missing
    number is NaN. ``scope`` and ``settle`` number the scopes and assets; −1 where there is none.
    Names may repeat: a private market gives every row its own copy, and a rule cannot tell.
    """

    as_of: float
    source: str
    name: np.ndarray
    kind: np.ndarray
    scope: np.ndarray
    settle: np.ndarray
    underlying: np.ndarray
    columns: dict[str, np.ndarray]
    texts: dict[str, np.ndarray]
    scopes: np.ndarray
    scope_columns: dict[str, np.ndarray]
    assets: np.ndarray
    asset_columns: dict[str, np.ndarray]
    tables: dict[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.name)

    def __getitem__(self, column: str) -> np.ndarray:
        return self.columns[column]

    def __contains__(self, column: str) -> bool:
        return column in self.columns

    def column(self, name: str, default: float = np.nan) -> np.ndarray:
        """A column (I,), or ``default`` throughout where nobody gave it; gaps take the default too."""
        values = self.columns.get(name)
        if values is None:
            return np.full(len(self), default)
        return values if np.isnan(default) else np.where(np.isnan(values), default, values)

    @property
    def call(self) -> np.ndarray:
        """True for calls (I,)."""
        return self.columns["call"] > 0

    @property
    def inverse(self) -> np.ndarray:
        """True where results are paid in the coin (I,)."""
        return self.columns["inverse"] > 0

    @property
    def seconds(self) -> np.ndarray:
        """Seconds to expiry (I,), at least 0; NaN without expiry."""
        return np.maximum(self.columns["expiry"] - self.as_of, 0.0)

    @property
    def price(self) -> np.ndarray:
        """USD price of each asset (C,)."""
        return self.asset_columns["price"]

    def settle_price(self) -> np.ndarray:
        """USD price of each instrument's settlement asset (I,)."""
        return np.append(self.price, np.nan)[self.settle]

    def on_scope(self, column: str) -> np.ndarray:
        """A column (U,) that is one number a scope, such as the index."""
        return self.scope_columns[column]

    def group(self, *keys: str | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Number of each instrument's group (I,) and one instrument of each group (G,).

        Groups are numbered in the order of the keys given (names of columns or arrays (I,)).
        """
        code = np.zeros(len(self), np.int64)
        for key in keys:
            values = self.scope if isinstance(key, str) and key == "scope" else key
            values = self.columns[values] if isinstance(values, str) else values
            _, number = np.unique(values, return_inverse=True)
            code = code * (int(number.max(initial=0)) + 1) + number
        _, first, number = np.unique(code, return_index=True, return_inverse=True)
        return number, first

    def take(self, rows: np.ndarray, scopes: np.ndarray | None = None, assets: np.ndarray | None = None) -> Market:
        """Instruments ``rows`` (and scopes, assets if given) repeated, reordered or dropped.

        Scope and asset numbers stay as they are unless the caller renumbers them.
        """
        fresh = {
            "name": self.name[rows],
            "kind": self.kind[rows],
            "scope": self.scope[rows],
            "settle": self.settle[rows],
            "underlying": self.underlying[rows],
            "columns": {k: v[rows] for k, v in self.columns.items()},
            "texts": {k: v[rows] for k, v in self.texts.items()},
        }
        if scopes is not None:
            fresh |= {"scopes": self.scopes[scopes]}
            fresh |= {"scope_columns": {k: v[scopes] for k, v in self.scope_columns.items()}}
        if assets is not None:
            fresh |= {"assets": self.assets[assets]}
            fresh |= {"asset_columns": {k: v[assets] for k, v in self.asset_columns.items()}}
        return replace(self, **fresh)

    def with_columns(self, **columns: np.ndarray) -> Market:
        """The same market with instrument columns replaced or added."""
        return replace(self, columns={**self.columns, **columns})

    def shocked(
        self,
        price: np.ndarray | float = 1.0,
        vol: np.ndarray | float = 1.0,
        seconds: float = 0.0,
        scope: np.ndarray | float | None = None,
        asset: np.ndarray | float = 1.0,
    ) -> Market:
        """The same market after moves given as factors.

        ``price`` (I,) multiplies mark, forward and index; ``vol`` (I,) the volatility; ``seconds`` pass;
        ``scope`` (U,) multiplies the index of a scope (defaults to its instruments' first factor);
        ``asset`` (C,) the price of assets. Option marks are revalued by Black-76 at the new inputs.
        """
        price = np.broadcast_to(np.asarray(price, np.float64), (len(self),))
        columns = dict(self.columns)
        for key in ("forward", "index"):
            columns[key] = self.columns[key] * price
        columns["iv"] = self.columns["iv"] * vol
        moved = replace(self, as_of=self.as_of + seconds, columns=columns)
        columns["mark"] = np.where(self.kind == OPTION, _option_marks(self, moved), self.columns["mark"] * price)
        if scope is None:
            scope = np.ones(len(self.scopes))
            scope[self.scope[::-1]] = price[::-1]
        scope_columns = {**self.scope_columns, "index": self.scope_columns["index"] * scope}
        asset_columns = {**self.asset_columns, "price": self.price * asset}
        return replace(moved, columns=columns, scope_columns=scope_columns, asset_columns=asset_columns)

    def option_value(self) -> np.ndarray:
        """Black-76 value per unit of the underlying in the quote currency (I,); NaN for other kinds."""
        tau = self.seconds / YEAR
        with np.errstate(invalid="ignore"):
            value = black76(self["forward"], self["strike"], self["iv"] * np.sqrt(tau), self.call)
        return np.where(self.kind == OPTION, value, np.nan)

    def numbered(self, names: Sequence[str]) -> np.ndarray:
        """Numbers of instruments by name; −1 where there is none."""
        index = {name: i for i, name in enumerate(self.name)}
        return np.array([index.get(name, -1) for name in names], np.int64)


def _option_marks(before: Market, after: Market) -> np.ndarray:
    """Marks of options moved by the change of their Black-76 value, in the venue's unit (coin for inverse)."""
    if not (before.kind == OPTION).any():
        return before["mark"]
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = [np.where(m.inverse, 1.0 / m["forward"], 1.0) * m.option_value() for m in (before, after)]
    return np.maximum(before["mark"] + (unit[1] - unit[0]), 0.0)
