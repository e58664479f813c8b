"""Brackets: every venue's table of sizes and rates as one type, looked up for many holdings at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import ParameterError, nearest
from .market import Market

COLUMNS = ("key", "floor", "rate")
TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Tiers:
    """The brackets of many keys laid end to end.

    ``names`` (T,) are the keys, ``first`` (T,) the place of each one's first bracket, ``cap`` (T,) the size at
    which its last one ends. ``floor``, ``rate``, ``max_leverage`` and ``cum`` (B+1,) hold a row a bracket and
    NaN in the last place, which a key of −1 (unknown) points to; ``steps`` are the distinct floors and ``place`` the
    bracket that holds each of them, table by table. A size that stands on a floor belongs to the
    bracket above, or to the one below where ``inclusive``.
    """

    names: np.ndarray
    first: np.ndarray
    cap: np.ndarray
    floor: np.ndarray
    rate: np.ndarray
    max_leverage: np.ndarray
    cum: np.ndarray
    steps: np.ndarray
    place: np.ndarray
    inclusive: bool = False

    @classmethod
    def of(cls, table: Mapping[str, Any], what: str = "brackets", inclusive: bool = False) -> Tiers:
        """Brackets from columns key, floor, rate and, where known, max_leverage, cum and cap.

        Parameters: ``table``, columns of one length, the brackets of a key together and rising; ``what``, for
        messages; ``inclusive``, whether a bracket contains its own upper end.
        Raises ParameterError where a column is missing, a floor does not rise or a published ``cum`` is not
        the sum that the rates give: cum₁ = 0, cumₙ = cumₙ₋₁ + floorₙ·(rateₙ − rateₙ₋₁).

        >>> t = Tiers.of({"key": ["BTC"] * 2, "floor": [0, 100], "rate": [0.01, 0.02]})
        >>> t.marginal(np.array([50.0, 150.0]), t.find(["BTC", "BTC"]))
        array([0.5, 2. ])
        """
        for column in COLUMNS:
            if column not in table:
                raise ParameterError(f"{what}: no column {column!r}{nearest(column, table)}")
        key = np.asarray(table["key"], object)
        floor, rate = (np.asarray(table[c], np.float64) for c in ("floor", "rate"))
        new = np.ones(len(key), bool)
        new[1:] = key[1:] != key[:-1]
        _check_order(what, key, floor, rate, new)
        cum = _cumulative(floor, rate, new)
        _check_cumulative(what, key, cum, table.get("cum"))
        steps = np.unique(floor)
        place = _places(floor, np.flatnonzero(new), steps)
        leverage = _optional(table, "max_leverage", len(key))
        last = np.append(new[1:], True)[: len(key)]
        cap = np.nan_to_num(_optional(table, "cap", len(key))[last], nan=np.inf, posinf=np.inf)
        rows = [np.append(column, np.nan) for column in (floor, rate, leverage, cum)]
        return cls(key[new], np.flatnonzero(new), cap, *rows, steps, place, inclusive)

    def find(self, names: Iterable[str]) -> np.ndarray:
        """Number of each name's table (N,); −1 where there is none."""
        number = {name: i for i, name in enumerate(self.names)}
        return np.array([number.get(name, -1) for name in names], np.int64)

    def bracket(self, size: np.ndarray, key: np.ndarray) -> np.ndarray:
        """Place of the bracket (N,) that holds ``size`` (N,) ≥ 0 in the table ``key`` (N,); −1 for key −1."""
        side = "left" if self.inclusive else "right"
        step = np.maximum(np.searchsorted(self.steps, size, side) - 1, 0)
        return self.place[key, step]

    def marginal(self, size: np.ndarray, key: np.ndarray) -> np.ndarray:
        """Each slice of ``size`` (N,) at its own bracket's rate: size·rate − cum (N,); NaN for key −1."""
        at = self.bracket(size, key)
        return size * self.rate[at] - self.cum[at]

    def whole(self, size: np.ndarray, key: np.ndarray, value: np.ndarray | None = None) -> np.ndarray:
        """All of ``value`` (N,; ``size`` unless given) at the rate of the bracket that holds ``size``."""
        return (size if value is None else value) * self.rate[self.bracket(size, key)]

    def leverage(self, size: np.ndarray, key: np.ndarray) -> np.ndarray:
        """Highest leverage (N,) that the bracket holding ``size`` allows; NaN where not published."""
        return self.max_leverage[self.bracket(size, key)]

    def beyond(self, size: np.ndarray, key: np.ndarray) -> np.ndarray:
        """True (N,) where ``size`` is past the end of the last bracket."""
        return (size > np.append(self.cap, np.inf)[key]) & (key >= 0)


def ratios(given: Mapping[str, Any], what: str = "collateral") -> Tiers:
    """Collateral ratios by asset: one number, or slices [[floor, ratio], …], the last [cap] where the table ends.

    >>> t = ratios({"BTC": [[0, 0.98], [20, 0.9], [50]], "USDT": 1.0})
    >>> t.marginal(np.array([30.0]), t.find(["BTC"])), t.cap
    (array([28.6]), array([50., inf]))
    """
    columns: dict[str, list[Any]] = {"key": [], "floor": [], "rate": [], "cap": []}
    for asset, value in given.items():
        slices = [[0.0, value]] if isinstance(value, int | float) else list(value)
        end = slices.pop()[0] if len(slices[-1]) == 1 else np.nan
        for n, (floor, rate) in enumerate(slices):
            last = n == len(slices) - 1
            for column, cell in zip(columns, (asset, floor, rate, end if last else slices[n + 1][0]), strict=True):
                columns[column].append(cell)
    return Tiers.of(columns, what)


def quotes(market: Market) -> np.ndarray:
    """Quote currency of each instrument (I,): as named, else its settlement; USD where an inverse one names none."""
    named, settle = market.texts["quote"], np.append(market.assets, "")[market.settle]
    unnamed = (named == "") | (market.inverse & (named == settle))
    return np.where(unnamed, np.where(market.inverse, "USD", settle), named)


def contracts(market: Market) -> list[str]:
    """A name for each instrument (I,) to find its brackets by, as ccxt writes it: BTC/USDT:USDT, ETH/USD:ETH-261225."""
    settle = np.append(market.assets, "")[market.settle]
    quote = quotes(market)
    dates = [f"-{dt.datetime.fromtimestamp(e, dt.UTC):%y%m%d}" if e == e else "" for e in market["expiry"]]
    rows = zip(market.underlying, quote, settle, dates, strict=True)
    return [f"{coin}/{price}:{pay}{date}" for coin, price, pay, date in rows]


def merged(table: Mapping[str, Any], fresh: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """``table`` with the keys of ``fresh`` replaced or added; columns that either lacks are NaN there.

    >>> old = {"key": np.array(["A", "B"], object), "floor": np.zeros(2), "rate": np.array([0.1, 0.2])}
    >>> merged(old, {"key": ["B"], "floor": [0.0], "rate": [0.3]})["rate"]
    array([0.1, 0.3])
    """
    kept = ~np.isin(np.asarray(table["key"], object), list(fresh["key"]))
    sizes = int(kept.sum()), len(fresh["key"])
    out = {}
    for name in dict.fromkeys([*table, *fresh]):
        old = np.asarray(table[name])[kept] if name in table else np.full(sizes[0], np.nan)
        new = np.asarray(fresh[name]) if name in fresh else np.full(sizes[1], np.nan)
        text = old.dtype == object or new.dtype.kind in "OU"
        out[name] = np.concatenate([old.astype(object), new.astype(object)]) if text else np.concatenate([old, new])
    return out


def _optional(table: Mapping[str, Any], column: str, count: int) -> np.ndarray:
    values = table.get(column)
    return np.full(count, np.nan) if values is None else np.asarray(values, np.float64)


def _check_order(what: str, key: np.ndarray, floor: np.ndarray, rate: np.ndarray, new: np.ndarray) -> None:
    for i in np.flatnonzero(np.isnan(floor) | np.isnan(rate)):
        raise ParameterError(f"{what}: {key[i]} has a bracket without floor or rate")
    for i in np.flatnonzero(new & (floor != 0)):
        raise ParameterError(f"{what}: the first bracket of {key[i]} starts at {floor[i]:g}, not at 0")
    falls = np.flatnonzero(~new[1:] & (np.diff(floor) <= 0))
    for i in falls:
        raise ParameterError(f"{what}: floors of {key[i]} do not rise: {floor[i]:g}, then {floor[i + 1]:g}")
    names, times = np.unique(key[new].astype(str), return_counts=True)
    for name in names[times > 1]:
        raise ParameterError(f"{what}: the brackets of {name} do not stand together")


def _places(floor: np.ndarray, start: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Place of the bracket (T+1, U) that each table holds each distinct floor in; −1 in the last row, for key −1."""
    place = np.full((len(start) + 1, max(len(steps), 1)), -1, np.int64)
    for table, (low, high) in enumerate(zip(start, np.append(start, len(floor))[1:], strict=True)):
        place[table] = low + np.searchsorted(floor[low:high], steps, "right") - 1
    return place


def _cumulative(floor: np.ndarray, rate: np.ndarray, new: np.ndarray) -> np.ndarray:
    """cumₙ = cumₙ₋₁ + floorₙ·(rateₙ − rateₙ₋₁) (B,), starting afresh at each key."""
    step = floor * np.diff(rate, prepend=0.0)
    cum = np.empty(len(floor))
    start = np.flatnonzero(new)
    for low, high in zip(start, np.append(start, len(floor))[1:], strict=True):
        cum[low:high] = np.cumsum(step[low:high])
    return cum


def _check_cumulative(what: str, key: np.ndarray, cum: np.ndarray, published: Any) -> None:
    if published is None:
        return
    published = np.asarray(published, np.float64)
    wrong = np.abs(published - cum) > TOLERANCE * np.maximum(1.0, np.abs(cum))
    for i in np.flatnonzero(wrong):
        raise ParameterError(
            f"{what}: cumulative amount {published[i]:g} of {key[i]} is not what its rates give ({cum[i]:g})"
        )
