"""Holdings in order: sorted in one piece or key by key, cut into rows and nets, the same either way."""

import numpy as np
import pytest

from xlmargin.book import Book
from xlmargin.holdings import ordered, starts
from xlmargin.pricing import black76


@pytest.mark.parametrize("largest", [3, 1 << 40])
def test_order_is_that_of_a_stable_sort_by_every_key(largest):
    """Small keys are packed into one number; keys too wide for that are sorted one after the other."""
    rng = np.random.default_rng(0)
    keys = [rng.integers(-largest, largest, 500), rng.integers(0, 4, 500).astype(np.int8), rng.random(500) < 0.5]
    assert ordered(*keys).tolist() == np.lexsort(keys[::-1]).tolist()


def test_order_of_nothing():
    assert ordered(np.zeros(0, np.int64), np.zeros(0, np.int8)).tolist() == []


def test_starts_of_rows_that_hold_nothing():
    assert starts(np.array([1, 1, 4]), 6).tolist() == [0, 0, 2, 2, 2, 3, 3]
    assert starts(np.zeros(0, np.int64), 2).tolist() == [0, 0, 0]


def test_nets_are_the_same_in_order_and_out_of_it():
    rng = np.random.default_rng(1)
    row, instrument = np.sort(rng.integers(0, 20, 300)), rng.integers(0, 40, 300)
    group, quantity = np.arange(40) // 5, rng.normal(size=300).round(3)
    order = np.lexsort((instrument, row))
    mixed = Book.bare(20, row, instrument, quantity).split(group)
    sorted_ = Book.bare(20, row[order], instrument[order], quantity[order]).split(group)
    assert (mixed.row.tolist(), mixed.group.tolist()) == (sorted_.row.tolist(), sorted_.group.tolist())
    assert mixed.net[order].tolist() == sorted_.net.tolist()
    np.testing.assert_allclose(mixed.sum(mixed.book.legs.quantity), sorted_.sum(sorted_.book.legs.quantity), atol=1e-12)
    assert mixed.start.tolist() == np.searchsorted(mixed.row, np.arange(21)).tolist()


def test_pricing_leaves_what_it_is_given_alone():
    rng = np.random.default_rng(2)
    given = [rng.uniform(50, 150, (7, 5)), rng.uniform(50, 150, (7, 1)), rng.uniform(0.1, 2, (7, 5)), np.ones(5, bool)]
    before = [a.copy() for a in given]
    grid = black76(*given, discount=0.9)
    assert all(np.array_equal(a, b) for a, b in zip(given, before, strict=True))
    cells = [
        black76(f, k, v, True, 0.9)
        for f, k, v in zip(*(np.broadcast_to(a, (7, 5)).flat for a in given[:3]), strict=True)
    ]
    assert grid.ravel().tolist() == [float(c) for c in cells]
