"""Whole numbers as contracts on chain keep them: exact products, quotients with a stated rounding, exact sums.

Amounts are int64 while the bound of a product stays below 2⁶²; past it the same code runs on Python integers in
object arrays, so that nothing ever wraps unseen. A `Tally` is a ledger line that remembers its exact integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .ledger import LEGS, Line

FLOOR, CEIL, TRUNC, HALF_UP = "floor", "ceil", "trunc", "half up"
FITS = 2**62
EXACT_FLOAT = 2**53
QUOTIENT_FITS = 2**50
DIGITS = 15
POWERS = 10 ** np.arange(19, dtype=np.int64)
_root = np.frompyfunc(math.isqrt, 1, 1)


def bound(x: np.ndarray) -> int:
    """The largest size in ``x`` as a Python integer, at least 1."""
    x = np.asarray(x)
    return max(int(x.max(initial=0)), -int(x.min(initial=0)), 1)


def wide(*factors: np.ndarray) -> tuple[np.ndarray, ...]:
    """The factors as they are while their product fits into int64, else as Python integers."""
    product = 1
    for factor in factors:
        product *= bound(factor)
    arrays = tuple(np.asarray(f) for f in factors)
    return arrays if product < FITS else tuple(a.astype(object) for a in arrays)


def narrow(x: np.ndarray) -> np.ndarray:
    """int64 again where every value fits."""
    return x.astype(np.int64) if x.dtype == object and bound(x) < FITS else x


def multiply(*factors: np.ndarray) -> np.ndarray:
    """The exact product of whole numbers.

    >>> int(multiply(np.array([10**12]), np.array([10**12]))[0])
    1000000000000000000000000
    """
    first, *rest = wide(*factors)
    for factor in rest:
        first = first * factor
    return first


def divide(a: np.ndarray, c: np.ndarray | int, rounding: str = FLOOR) -> np.ndarray:
    """``a`` ÷ ``c`` > 0 in whole numbers.

    >>> [int(divide(np.array([-7]), 2, r)[0]) for r in (FLOOR, CEIL, TRUNC, HALF_UP)]
    [-4, -3, -3, -3]
    """
    if rounding == CEIL:
        return -(-a // c)
    if rounding == HALF_UP:
        return (a + c // 2) // c
    quotient = a // c
    if rounding == FLOOR or not (a < 0).any():
        return quotient
    return quotient + ((quotient < 0) & (quotient * c != a)).astype(np.int64)


def muldiv(a: np.ndarray, b: np.ndarray | int, c: np.ndarray | int, rounding: str = FLOOR) -> np.ndarray:
    """``a``·``b`` ÷ ``c`` with one rounding at the end; ``c`` > 0, all broadcast.

    Where the product does not fit but the quotient does, the quotient is estimated in float64 and mended by the
    remainder, which int64 gives exactly even when the product wraps.

    >>> muldiv(np.array([5 * 10**17, -1]), 10**10, 10**18, TRUNC).tolist()
    [5000000000, 0]
    >>> muldiv(np.array([5 * 10**18]), 10**19, 10**18).tolist()
    [50000000000000000000]
    """
    a, b, c = (np.asarray(x) for x in (a, b, c))
    sizes = bound(a), bound(b), bound(c)
    plain = object not in (a.dtype, b.dtype, c.dtype)
    if plain and sizes[0] * sizes[1] < FITS:
        return divide(a * b, c, rounding)
    least = int(c.min(initial=sizes[2]))
    if plain and max(*sizes[:2], 4 * sizes[2]) < FITS and sizes[0] * sizes[1] < QUOTIENT_FITS * least:
        return _rounded(*_mended(a, b, c), c, rounding)
    return narrow(divide(a.astype(object) * b.astype(object), c.astype(object), rounding))


def _mended(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Floored quotient and remainder of a·b ÷ c whose product may wrap; the estimate is off by at most 1."""
    quotient = np.floor(a.astype(np.float64) * b.astype(np.float64) / c.astype(np.float64)).astype(np.int64)
    with np.errstate(over="ignore"):
        rest = a * b - quotient * c
    low, high = rest < 0, rest >= c
    return quotient + high - low, rest - c * high + c * low


def _rounded(quotient: np.ndarray, rest: np.ndarray, c: np.ndarray, rounding: str) -> np.ndarray:
    """A floored quotient moved up by one where the rounding asks for it."""
    if rounding == FLOOR:
        return quotient
    up = {CEIL: rest > 0, TRUNC: (quotient < 0) & (rest > 0), HALF_UP: rest >= c - rest}[rounding]
    return quotient + up


def isqrt(x: np.ndarray) -> np.ndarray:
    """The whole square root, rounded down.

    >>> isqrt(np.array([15, 16, 10**16 - 1])).tolist()
    [3, 4, 99999999]
    """
    if x.dtype == object or bound(x) >= EXACT_FLOAT:
        return narrow(_root(x.astype(object)))
    root = np.sqrt(x.astype(np.float64)).astype(np.int64)
    root += (root + 1) ** 2 <= x
    return root - (root**2 > x)


def whole(x: np.ndarray) -> np.ndarray:
    """Floats rounded to whole numbers, as Python integers where int64 does not hold them.

    >>> whole(np.array([2.5, 1e30])).tolist(), whole(np.array([2.7])).dtype
    ([2, 1000000000000000019884624838656], dtype('int64'))
    """
    near = np.rint(x)
    if np.abs(near).max(initial=0.0) < FITS:
        return near.astype(np.int64)
    return np.array([int(v) for v in near.ravel()], object).reshape(near.shape)


def quanta(x: np.ndarray, decimals: np.ndarray | int) -> np.ndarray:
    """Numbers as whole multiples of 10^−decimals, read to the 15 significant digits that float64 keeps as typed.

    >>> quanta(np.array([0.1, 6.147540983]), 9), int(quanta(np.array([123.456]), 18)[0])
    (array([ 100000000, 6147540983]), 123456000000000000000)
    """
    mantissa, keep, decimals = _digits(np.asarray(x, np.float64), decimals)
    rest = decimals - keep
    scale = POWERS[rest] if rest.max(initial=0) < len(POWERS) else 10 ** rest.astype(object)
    return multiply(mantissa, scale)


def parts(x: np.ndarray, decimals: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers ≥ 0 as whole units and a rest in quanta of 10^−decimals: both fit int64 for up to 18 decimals.

    >>> whole, rest = parts(np.array([1000.25]), 18)
    >>> int(whole[0]), int(rest[0])
    (1000, 250000000000000000)
    """
    mantissa, keep, decimals = _digits(np.asarray(x, np.float64), decimals)
    unit, above = POWERS[np.maximum(keep, 0)], POWERS[np.maximum(-keep, 0)]
    return mantissa // unit * above, mantissa % unit * POWERS[decimals - np.maximum(keep, 0)]


def decimal(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mantissa and exponent of numbers as typed: x = mantissa·10^exponent, the mantissa without trailing zeros.

    >>> [m.tolist() for m in decimal(np.array([50000.0, 0.00125]))]
    [[5, 125], [4, -5]]
    """
    mantissa, keep, _ = _digits(np.asarray(x, np.float64), 300)
    exponent = -keep
    for _ in range(DIGITS):
        even = (mantissa % 10 == 0) & (mantissa != 0)
        mantissa = np.where(even, mantissa // 10, mantissa)
        exponent = exponent + even
    return mantissa, np.where(mantissa == 0, 0, exponent)


def _digits(x: np.ndarray, decimals: np.ndarray | int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mantissa of at most 15 digits, how many of them stand after the point, and ``decimals`` of the same shape."""
    decimals = np.broadcast_to(np.asarray(decimals, np.int64), x.shape)
    size = np.floor(np.log10(np.maximum(np.abs(x), 1e-200))).astype(np.int64)
    keep = np.minimum(DIGITS - 1 - size, decimals)
    shifted = np.where(keep > 0, x * 10.0 ** np.maximum(keep, 0), x / 10.0 ** np.maximum(-keep, 0))
    return np.rint(shifted).astype(np.int64), keep, decimals


def added(number: np.ndarray, amounts: np.ndarray, count: int) -> np.ndarray:
    """Whole amounts added up exactly by number (count,).

    >>> added(np.array([0, 0, 2]), np.array([2**60, 2**60, 1]), 3).tolist()
    [2305843009213693952, 0, 1]
    """
    most = bound(amounts) * max(int(np.bincount(number).max(initial=0)), 1)
    if most < EXACT_FLOAT:
        return np.bincount(number, amounts.astype(np.float64), count).astype(np.int64)
    out = np.zeros(count, np.int64 if most < FITS else object)
    np.add.at(out, number, amounts if most < FITS else amounts.astype(object))
    return out


def as_float(amounts: np.ndarray, per: int) -> np.ndarray:
    """Whole amounts of 1/per as float64, rounded once."""
    if amounts.dtype == object or bound(amounts) >= EXACT_FLOAT or per >= EXACT_FLOAT:
        return (amounts.astype(object) / per).astype(np.float64) if len(amounts) else np.zeros(0)
    return amounts / per


@dataclass(frozen=True, eq=False)
class Tally:
    """A ledger line and the whole numbers (R,) of 1/``per`` that it stands for."""

    line: Line
    quanta: np.ndarray
    per: int

    @classmethod
    def of(cls, name: str, book: Any, amounts: np.ndarray, per: int, on: str = LEGS, **words: str) -> Tally:
        """A leaf from whole amounts per holding (H,) of ``book``'s table ``on``."""
        table = getattr(book, on)
        total = added(table.row, amounts, len(book))
        shown = as_float(amounts, per) if book.detail else None
        return cls(Line(name, as_float(total, per), amounts=shown, on=on, **words), total, per)

    @classmethod
    def row(cls, name: str, amounts: np.ndarray, per: int, **words: str) -> Tally:
        """A line that belongs to the row as a whole (R,)."""
        return cls(Line(name, as_float(amounts, per), **words), amounts, per)

    @classmethod
    def total(cls, name: str, *tallies: Tally, **words: str) -> Tally:
        """The exact sum of tallies of one unit."""
        amounts = [t.quanta for t in tallies]
        if sum(map(bound, amounts)) >= FITS:
            amounts = [a.astype(object) for a in amounts]
        total = sum(amounts[1:], amounts[0])
        line = Line(name, as_float(total, tallies[0].per), tuple(t.line for t in tallies), **words)
        return cls(line, total, tallies[0].per)
