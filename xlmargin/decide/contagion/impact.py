"""How forced sales move prices: a law on what was sold in all, with depths that the user gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...book import added
from ...cells import read_number
from ...errors import InputError, Problem, nearest
from ...market import Market
from ..moves import groups

PER_CENT = 0.01
LEAST = 1e-9
LINEAR, SQUARE_ROOT = "linear", "square_root"
NEEDED = {LINEAR: ("depth",), SQUARE_ROOT: ("daily_volume", "daily_volatility", "coefficient")}
SOURCE = {
    LINEAR: "Kyle, Econometrica 53 (1985) 1315: prices move in proportion to net order flow",
    SQUARE_ROOT: "Tóth et al., Physical Review X 1, 021006 (2011): impact = Y·σ·√(Q/V), Y of order one",
}
NAMES = ("instrument", "underlying", "asset")


@dataclass(frozen=True, eq=False)
class Names:
    """Prices by name (U,): underlyings and the coins that assets follow; ``group`` and ``asset`` number each's.

    ``group`` (G,) is for the groups of instruments by underlying, ``asset`` (C,) for assets, ``instrument`` (I,).
    """

    name: np.ndarray
    group: np.ndarray
    asset: np.ndarray
    instrument: np.ndarray

    @classmethod
    def of(cls, market: Market) -> Names:
        """The names of a market."""
        underlying, number = groups(market)
        leader = market.leader.astype(str)
        name = np.unique(np.concatenate([underlying.astype(str), leader]))
        group = np.searchsorted(name, underlying.astype(str))
        return cls(name.astype(object), group, np.searchsorted(name, leader), group[number])

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, eq=False)
class Impact:
    """A law and its parameters by name (U,), NaN where no depth is given.

    ``scale`` is in USD at the prices of the market before any shock: linear, what moves the price by all of itself;
    square root, what moves it by ``coefficient`` daily volatilities. ``strength`` is that move (1 if linear).
    """

    law: str
    scale: np.ndarray
    strength: np.ndarray

    @classmethod
    def none(cls, law: str, names: Names) -> Impact:
        """No depth is known: nothing moves."""
        return cls(law, np.full(len(names), np.nan), np.full(len(names), np.nan))

    @property
    def known(self) -> np.ndarray:
        """Names (U,) whose price sales move."""
        return np.isfinite(self.scale)

    @property
    def power(self) -> float:
        """Exponent of what was sold."""
        return 1.0 if self.law == LINEAR else 0.5

    def factor(self, flow: np.ndarray) -> np.ndarray:
        """Price factor (U,) once ``flow`` (U,) USD was bought (negative: sold) in all, at prices before the shock.

        linear: 1 + flow / (100 · depth); square root: 1 + sign(flow) · Y · σ · √(|flow| / V). Either is a function of
        the whole flow, so that it does not matter in how many rounds or in which order it came.
        """
        with np.errstate(invalid="ignore"):
            move = np.sign(flow) * self.strength * (np.abs(flow) / self.scale) ** self.power
        return np.where(self.known, np.maximum(1.0 + move, PER_CENT), 1.0)

    def bears(self, flow: np.ndarray, bought: np.ndarray, sold: np.ndarray) -> np.ndarray:
        """Share (U,) of ``sold`` (U,) ≥ 0 that finds a buyer after ``flow``, while ``bought`` (U,) ≥ 0 is bought.

        Depth is told per 1 % of price: nobody buys through the last 1 %, and no price reaches zero.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            most = self.scale * ((1.0 - PER_CENT) / self.strength) ** (1.0 / self.power)
            share = np.clip((most + flow + bought) / sold, 0.0, 1.0)
        return np.where(self.known & (sold > 0), np.where(share < LEAST, 0.0, share), 1.0)


def read(table: Any, law: str, market: Market, names: Names) -> Impact:
    """The law with the depths of a user's table.

    Columns: ``instrument``, or ``underlying`` or ``asset``; linear: ``depth``, USD that move the price by 1 %; square
    root: ``daily_volume`` (USD), ``daily_volatility`` (fraction a day), ``coefficient`` (Y, of order one). Rows of
    one underlying, whatever the instrument, add up: all its prices move together. Raises InputError with every
    problem: an unknown law, name or column, a number that is missing or not above zero.
    """
    if law not in NEEDED:
        raise InputError([Problem("depth", 0, "impact", law, f"no law {law!r}{nearest(str(law), NEEDED)}")])
    if table is None:
        return Impact.none(law, names)
    columns = {str(c).strip().casefold().replace(" ", "_"): np.asarray(table[c], object) for c in table}
    key = next((n for n in NAMES if n in columns), "instrument")
    problems = [_absent(c, columns, law) for c in (key, *NEEDED[law]) if c not in columns]
    if problems:
        raise InputError(problems)
    place = _places(columns[key], key, market, names, problems)
    values = [_positive(columns[c], c, problems) for c in NEEDED[law]]
    if problems:
        raise InputError(problems)
    return _added(law, place, values, len(names))


def _added(law: str, place: np.ndarray, values: list[np.ndarray], count: int) -> Impact:
    """Depths and volumes added up by name; volatility and coefficient as means weighted by volume."""
    size = added(place, values[0], count)
    size[size == 0] = np.nan
    if law == LINEAR:
        return Impact(law, size / PER_CENT, np.where(np.isnan(size), np.nan, 1.0))
    strength = added(place, values[0] * values[1] * values[2], count) / size
    return Impact(law, size, strength)


def _absent(column: str, columns: Mapping[str, Any], law: str) -> Problem:
    hint = nearest(column, columns)
    return Problem("depth", 1, column, None, f"required column is missing (impact {law}){hint}")


def _places(cells: np.ndarray, key: str, market: Market, names: Names, problems: list[Problem]) -> np.ndarray:
    """Number of the name (N,) of each row: an underlying, an instrument's underlying, or what an asset follows."""
    known = {str(n): int(u) for n, u in zip(market.assets, names.asset, strict=True)}
    known |= {str(n): int(u) for n, u in zip(market.name, names.instrument, strict=True)}
    known |= {str(n): u for u, n in enumerate(names.name)}
    out = np.zeros(len(cells), np.int64)
    for n, cell in enumerate(cells):
        word = str(cell).strip()
        out[n] = known.get(word, -1)
        if out[n] < 0:
            text = f"nothing in the market is called {word!r}{nearest(word, known)}"
            problems.append(Problem("depth", n + 2, key, word, text))
    return out


def _positive(cells: np.ndarray, column: str, problems: list[Problem]) -> np.ndarray:
    out = np.array(list(map(number, cells)), np.float64)
    problems.extend(_wrong(cells, out, column))
    return out


def _wrong(cells: np.ndarray, values: np.ndarray, column: str) -> Iterator[Problem]:
    for n in np.flatnonzero(~(np.isfinite(values) & (values > 0))):
        yield Problem("depth", int(n) + 2, column, cells[n], f"{cells[n]!r} is no number above zero")


def number(cell: Any) -> float:
    """A number as tables are read everywhere; NaN for what is none.

    >>> number("50,000"), number("many")
    (50000.0, nan)
    """
    try:
        return read_number(cell)
    except ValueError:
        return np.nan
