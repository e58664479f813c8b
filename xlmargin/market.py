"""What it is worth: one row an instrument, an asset, a scope; the only place where prices live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .errors import InputError, Problem
from .pricing import YEAR, black76

SPOT, PERP, FUTURE, OPTION, ASSET, SENSITIVITY = range(6)
KIND = {"spot": SPOT, "perp": PERP, "future": FUTURE, "option": OPTION, "asset": ASSET, "sensitivity": SENSITIVITY}
SIZE_NOT_GIVEN = "size_not_given"


@dataclass(frozen=True, eq=False)
class Market:
    """Instruments (I,), scopes (U,) and assets (C,) at one moment (epoch seconds UTC).

    ``columns`` are instrument numbers by name (``market["strike"]``), ``texts`` instrument words; a missing
    number is NaN. ``scope`` and ``settle`` number the scopes and assets; −1 where there is none.
    Names may repeat: in a private market every world has its own copies of what is moved there, and a rule cannot
    tell. ``scope_world`` (U,) and ``asset_world`` (C,) say whose they are, −1 for what all worlds share; None in an
    ordinary market, which is one world. ``follows`` (C,) names the coin that an asset wraps or stakes, "" for none.
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
    scope_world: np.ndarray | None = None
    asset_world: np.ndarray | None = None
    follows: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.name)

    def __repr__(self) -> str:
        size = f"{len(self)} instruments on {len(self.scopes)} scopes, {len(self.assets)} assets"
        return f"<Market of {size}, as of {self.as_of:.0f} ({self.source})>"

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

    def beyond_months(self, months: int) -> np.ndarray:
        """Instruments (I,) that expire more than so many calendar months after this market's date."""
        today = np.datetime64(int(self.as_of // 86400), "D")
        month = today.astype("datetime64[M]")
        limit = (month + months).astype("datetime64[D]") + (today - month.astype("datetime64[D]"))
        return np.nan_to_num(self.columns["expiry"] // 86400) > limit.astype(np.int64)

    @property
    def price(self) -> np.ndarray:
        """USD price of each asset (C,)."""
        return self.asset_columns["price"]

    @property
    def leader(self) -> np.ndarray:
        """Name whose price moves each asset's (C,): the coin that it wraps or stakes, else its own."""
        return self.assets if self.follows is None else np.where(self.follows == "", self.assets, self.follows)

    def settle_price(self) -> np.ndarray:
        """USD price of each instrument's settlement asset (I,)."""
        return np.append(self.price, np.nan)[self.settle]

    def on_scope(self, column: str) -> np.ndarray:
        """A column (U,) that is one number a scope, such as the index."""
        return self.scope_columns[column]

    def spot(self) -> np.ndarray:
        """Index of each instrument (I,): its own, else its scope's."""
        return np.where(np.isnan(self["index"]), self.on_scope("index")[self.scope], self["index"])

    def group(self, *keys: str | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Number of each instrument's group (I,) and one instrument of each group (G,).

        Groups are numbered in the order of the keys given (names of columns or arrays (I,)).
        """
        columns = [self._key(key) for key in keys]
        new = np.zeros(len(self), bool)
        ordered = np.ones(max(len(self) - 1, 0), bool)
        for column in columns:
            before, after, none = column[:-1], column[1:], np.isnan(column)
            rises, changes = after >= before, after != before
            if none.any():
                rises |= none[1:]
                changes &= ~(none[1:] & none[:-1])
            ordered &= new[1:] | rises
            new[1:] |= changes
        if len(self) and ordered.all():
            new[0] = True
            return np.cumsum(new) - 1, np.flatnonzero(new)
        _, first, number = np.unique(_codes(columns), return_index=True, return_inverse=True)
        return number, first

    def _key(self, key: str | np.ndarray) -> np.ndarray:
        values = self.scope if isinstance(key, str) and key == "scope" else key
        return (self.columns[values] if isinstance(values, str) else values).astype(np.float64, copy=False)

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
            fresh |= {"scope_world": None if self.scope_world is None else self.scope_world[scopes]}
        if assets is not None:
            fresh |= {"assets": self.assets[assets]}
            fresh |= {"asset_columns": {k: v[assets] for k, v in self.asset_columns.items()}}
            fresh |= {"asset_world": None if self.asset_world is None else self.asset_world[assets]}
            fresh |= {"follows": None if self.follows is None else self.follows[assets]}
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
        basis: np.ndarray | float = 1.0,
        rate: np.ndarray | float = 0.0,
    ) -> Market:
        """The same market after moves given as factors.

        ``price`` (I,) multiplies mark, forward and index; ``vol`` (I,) the volatility; ``seconds`` pass;
        ``scope`` (U,) multiplies the index of a scope (defaults to its instruments' first factor);
        ``asset`` (C,) the price of assets; ``basis`` (I,) multiplies mark and forward on top, but not the index;
        ``rate`` (I,) is added to the interest rate. Option marks are revalued by Black-76 at the new inputs.
        """
        price = np.broadcast_to(np.asarray(price, np.float64), (len(self),))
        columns = dict(self.columns)
        columns["index"] = self.columns["index"] * price
        columns["forward"] = self.columns["forward"] * (price * basis)
        columns["iv"] = self.columns["iv"] * vol
        columns["rate"] = self.columns["rate"] + rate
        moved = replace(self, as_of=self.as_of + seconds, columns=columns)
        marks = self.columns["mark"] * (price * basis)
        still = (price * basis == 1.0) & (vol == np.ones(1)) & (seconds == 0) & (rate == np.zeros(1))
        columns["mark"] = np.where(self.kind == OPTION, _option_marks(self, moved, still), marks)
        if scope is None:
            scope = np.ones(len(self.scopes))
            scope[self.scope[::-1]] = price[::-1]
        scope_columns = {**self.scope_columns, "index": self.scope_columns["index"] * scope}
        asset_columns = {**self.asset_columns, "price": self.price * asset}
        return replace(moved, columns=columns, scope_columns=scope_columns, asset_columns=asset_columns)

    def forward(self) -> np.ndarray:
        """Forward price (I,); where none is given the index carried at the interest rate (0 if unknown) to expiry."""
        carried = self["index"] * np.exp(np.nan_to_num(self["rate"]) * self.seconds / YEAR)
        return np.where(np.isnan(self["forward"]), carried, self["forward"])

    def option_value(self) -> np.ndarray:
        """Black-76 value per unit of the underlying in the quote currency (I,); NaN for other kinds."""
        tau = self.seconds / YEAR
        with np.errstate(invalid="ignore"):
            value = black76(self.forward(), self["strike"], self["iv"] * np.sqrt(tau), self.call)
        return np.where(self.kind == OPTION, value, np.nan)

    def asset_of_scope(self, names: Sequence[str]) -> np.ndarray:
        """Number of the asset of each name in the world of each scope (U,); −1 where there is none."""
        words, which = np.unique(np.asarray(names, object).astype(str), return_inverse=True)
        world = np.zeros(len(which), np.int64) if self.scope_world is None else self.scope_world
        return self.asset_numbers(words)[world, which]

    def asset_numbers(self, names: Sequence[str]) -> np.ndarray:
        """Number of the asset of each name in every world, what all share last (W+1, N); −1 where there is none."""
        return self._numbers(self.assets, self.asset_world, names)

    def scope_numbers(self, names: Sequence[str]) -> np.ndarray:
        """Number of the scope of each name in every world, what all share last (W+1, N); −1 where there is none."""
        return self._numbers(self.scopes, self.scope_world, names)

    def _numbers(self, own: np.ndarray, world: np.ndarray | None, names: Sequence[str]) -> np.ndarray:
        worlds = [w.max(initial=0) for w in (self.scope_world, self.asset_world) if w is not None]
        out = np.full((2 + int(max(worlds, default=0)), len(names)), -1, np.int64)
        for n, name in enumerate(names):
            c = np.flatnonzero(own == name)
            at = np.full(len(c), -1) if world is None else world[c]
            out[:, n] = c[at < 0][-1] if (at < 0).any() else -1
            out[at[at >= 0], n] = c[at >= 0]
        return out

    def numbered(self, names: Sequence[str]) -> np.ndarray:
        """Numbers of instruments by name; −1 where there is none."""
        index = {name: i for i, name in enumerate(self.name)}
        return np.array([index.get(name, -1) for name in names], np.int64)


def _option_marks(before: Market, after: Market, still: np.ndarray) -> np.ndarray:
    """Marks of options moved by the change of their Black-76 value, in the venue's unit (coin for inverse).

    Raises InputError where a marked option that does not stand ``still`` lacks what its value needs.
    """
    if not (before.kind == OPTION).any():
        return before["mark"]
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = [np.where(m.inverse, 1.0 / m.forward(), 1.0) * m.option_value() for m in (before, after)]
    change = np.where(still, 0.0, unit[1] - unit[0])
    blind = (before.kind == OPTION) & ~np.isnan(before["mark"]) & np.isnan(change)
    if blind.any():
        raise InputError(
            Problem("instruments", 0, "iv", None, f"missing for {name}: its value after a move is not known")
            for name in dict.fromkeys(before.name[blind])
        )
    return np.maximum(before["mark"] + change, 0.0)


def _codes(columns: Sequence[np.ndarray]) -> np.ndarray:
    """One whole number (I,) per combination of keys, in their order."""
    code = np.zeros(len(columns[0]), np.int64)
    for values in columns:
        _, number = np.unique(values, return_inverse=True)
        code = code * (int(number.max(initial=0)) + 1) + number
    return code
