"""Kernels against slow loops that follow the definition."""

import itertools

import numpy as np
import pytest

from xlmargin.book import Book
from xlmargin.risk import fold, low_confidence, max_loss, padded, scan, uncovered, worst


@pytest.fixture
def book():
    rng = np.random.default_rng(7)
    row = np.sort(rng.integers(0, 6, 40))
    instrument = rng.integers(0, 9, 40)
    order = np.lexsort((instrument, row))
    return Book.bare(7, row, instrument[order], rng.normal(size=40))


def test_scan_is_a_double_loop(book):
    unit = np.random.default_rng(1).normal(size=(9, 4))
    want = np.zeros((7, 4))
    for h in range(40):
        want[book.legs.row[h]] += book.legs.quantity[h] * unit[book.legs.instrument[h]]
    np.testing.assert_allclose(scan(book, unit), want, rtol=1e-13, atol=1e-13)


def test_nets_split_and_fold(book):
    group = np.array([0, 0, 1, 1, 2, 2, 0, 1, 2])
    nets = book.split(group)
    unit = np.random.default_rng(2).normal(size=(9, 3))
    by_net = scan(nets, unit)
    for n in range(len(nets)):
        mine = (book.legs.row == nets.row[n]) & (group[book.legs.instrument] == nets.group[n])
        want = (book.legs.quantity[mine, None] * unit[book.legs.instrument[mine]]).sum(axis=0)
        np.testing.assert_allclose(by_net[n], want, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(fold(nets, by_net), scan(book, unit), rtol=1e-12, atol=1e-13)


def test_worst_takes_the_first_of_equals():
    value, which = worst(np.array([[1.0, -3.0, -3.0], [0.0, 0.0, 0.0]]))
    assert value.tolist() == [-3.0, 0.0]
    assert which.tolist() == [1, 0]


def test_uncovered_adds_up_to_the_net_short(book):
    group = np.arange(9) // 2
    shares = uncovered(book, group, book.legs.quantity)
    for r, g in itertools.product(range(7), range(5)):
        mine = (book.legs.row == r) & (group[book.legs.instrument] == g)
        assert shares[mine].sum() == pytest.approx(max(0.0, -book.legs.quantity[mine].sum()), abs=1e-12)


def test_max_loss_is_the_least_payoff():
    rng = np.random.default_rng(3)
    row = np.repeat(np.arange(5), 6)
    book = Book.bare(5, row, np.arange(30), np.round(rng.normal(size=30) * 3))
    strike, call = rng.integers(50, 150, 30).astype(float), rng.random(30) < 0.5
    nets = book.split(np.zeros(30, np.int64))
    value, where = max_loss(nets, strike, book.legs.quantity, call)
    for n in range(5):
        mine = np.flatnonzero(row == n)

        def payoff(x, mine=mine):
            reach = np.where(call[mine], x - strike[mine], strike[mine] - x)
            return float((book.legs.quantity[mine] * np.maximum(reach, 0)).sum())

        want = min(0.0, *(payoff(x) for x in [0.0, *strike[mine]]))
        assert value[n] == pytest.approx(want)
        assert min(0.0, payoff(where[n])) == pytest.approx(want)


def test_padded_keeps_every_leg(book):
    nets = book.split(np.zeros(9, np.int64))
    table = padded(nets, book.legs.quantity)
    np.testing.assert_allclose(table.sum(axis=1), nets.sum(book.legs.quantity), atol=1e-13)


def test_low_confidence():
    assert low_confidence(np.array([0.5, 0.6]), 0.55, 0.4).tolist() == [0.2, 0.0]
