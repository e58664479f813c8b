"""Integer kernels against Python's own integers and fractions."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmargin.book import Book
from xlmargin.integers import (
    CEIL,
    FLOOR,
    HALF_UP,
    TRUNC,
    Tally,
    added,
    as_float,
    decimal,
    divide,
    isqrt,
    muldiv,
    multiply,
    parts,
    quanta,
)

ROUND = {
    FLOOR: math.floor,
    CEIL: math.ceil,
    TRUNC: math.trunc,
    HALF_UP: lambda x: math.floor(x + Fraction(1, 2)),
}
signed = st.integers(-(2**61), 2**61)
positive = st.integers(1, 2**61)
typed = st.decimals(min_value=0, max_value=10**9, places=5).filter(lambda d: d.is_finite())


@pytest.mark.parametrize("rounding", ROUND)
@given(st.lists(st.tuples(signed, signed, positive), min_size=1, max_size=8))
def test_muldiv_is_exact(rounding, rows):
    a, b, c = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    expected = [ROUND[rounding](Fraction(x * y, z)) for x, y, z in rows]
    assert muldiv(a, b, c, rounding).tolist() == expected


@pytest.mark.parametrize("rounding", ROUND)
@given(st.lists(st.tuples(st.integers(-(10**18), 10**18), st.integers(0, 10**13)), min_size=1, max_size=8))
def test_muldiv_mends_a_wrapped_product(rounding, rows):
    a, b = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    expected = [ROUND[rounding](Fraction(x * y, 10**18)) for x, y in rows]
    assert muldiv(a, b, 10**18, rounding).tolist() == expected


@given(st.lists(st.tuples(signed, positive), min_size=1, max_size=8))
def test_divide_rounds_as_said(rows):
    a, c = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    for rounding, rule in ROUND.items():
        assert divide(a, c, rounding).tolist() == [rule(Fraction(x, y)) for x, y in rows]


@given(st.lists(st.integers(0, 2**70), min_size=1, max_size=8))
def test_isqrt(values):
    x = np.array(values, np.int64 if max(values) < 2**62 else object)
    assert isqrt(x).tolist() == [math.isqrt(v) for v in values]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-(2**80), 2**80)), min_size=1, max_size=12))
def test_sums_are_exact_at_any_size(rows):
    number, amounts = zip(*rows, strict=True)
    expected = [sum(a for n, a in rows if n == i) for i in range(4)]
    assert added(np.array(number), np.array(amounts, object), 4).tolist() == expected


def test_products_beyond_the_bound_turn_to_python_integers():
    big = np.array([2**40, 3], np.int64)
    assert multiply(big, big).tolist() == [2**80, 9]
    assert multiply(big, np.array([2, 2])).dtype == np.int64


@given(typed, st.integers(5, 18))
def test_typed_numbers_are_read_exactly(number, decimals):
    x = np.array([float(number)])
    expected = int(number * 10**decimals)
    assert int(quanta(x, decimals)[0]) == expected
    whole, rest = parts(x, decimals)
    assert int(whole[0]) * 10**decimals + int(rest[0]) == expected


def test_resolution_above_one():
    assert quanta(np.array([10000.0, -1e16]), -4).tolist() == [1, -(10**12)]


@given(st.decimals(min_value=Decimal("1e-9"), max_value=10**9, places=9).filter(lambda d: d.is_finite() and d > 0))
def test_mantissa_and_exponent(number):
    number = Decimal(f"{number:.12g}")
    mantissa, exponent = decimal(np.array([float(number)]))
    assert Decimal(int(mantissa[0])).scaleb(int(exponent[0])) == number
    assert mantissa[0] % 10 != 0


def test_as_float_rounds_once():
    huge = 3402823669209384634264811192843492
    assert as_float(np.array([huge], object), 10**6)[0] == huge / 10**6
    assert as_float(np.array([2776], np.int64), 10**6)[0] == 0.002776


def test_a_tally_adds_up_and_keeps_its_integers():
    book = Book.bare(2, [0, 0, 1], [0, 1, 0], [1.0, 1.0, 1.0])
    first = Tally.of("a", book, np.array([1, 2, 2**60]), 10**6)
    total = Tally.total("both", first, Tally.row("b", np.array([5, 2**60]), 10**6))
    assert total.quanta.tolist() == [8, 2**61]
    assert total.line.value.tolist() == [8 / 1e6, 2**61 / 10**6]
    assert total.line.gap(book) < 1e-12
