"""Hedges where no programme holds: lists of trades by exact re-runs, in few plain trades, the same again."""

import itertools
from pathlib import Path

import numpy as np
import pytest

import xlmargin as xm
from xlmargin.decide.hedges import every, hedges

DESK = Path(__file__).parents[1] / "workbooks" / "desk.xlsx"


def test_what_is_held_is_closed_in_few_plain_trades_where_that_is_best():
    """Closing the condor was missed by a search from the relaxation alone; free trades were two dozen for the same."""
    book, market = xm.read(DESK)
    found = hedges(book, market, "derive.portfolio", account="Iron condor", fee=0.0003)
    held = book.take([list(map(str, book.account)).index("Iron condor")]).legs
    assert found.after == pytest.approx(0.0, abs=1e-3)
    assert sorted(found.quantity) == sorted(-held.quantity)
    free = hedges(book, market, "derive.portfolio", account="Hedged")
    assert free.after == pytest.approx(0.0, abs=1e-5 * free.before)
    assert len(free.instrument) <= 3
    assert all(float(f"{q:.6g}") == q for q in free.quantity)


def test_a_longer_list_is_no_worse_and_the_answer_is_the_same_again():
    book, market = xm.read(DESK)
    how = {"account": "Call spread", "fee": 0.0003}
    held = set(market.name[book.take([list(map(str, book.account)).index("Call spread")]).legs.instrument])
    names = [str(n) for n in market.name if n not in held]
    found = [hedges(book, market, "derive.portfolio", names, most_trades=n, **how) for n in (1, 2, 3)]
    total = [f.after + f.cost.sum() for f in found]
    assert "not convex" in found[-1].words
    assert np.all(np.diff(total) <= 1e-5 * found[0].before)
    assert all(len(f.instrument) <= n for n, f in enumerate(found, 1))
    again = hedges(book, market, "derive.portfolio", names, most_trades=2, **how)
    assert again.quantity.tolist() == found[1].quantity.tolist()
    assert not found[-1].search.late


def test_few_lists_of_lots_are_all_tried_where_the_rule_is_not_convex():
    book, market = xm.read(DESK)
    names = [str(n) for n in market.name[[3, 10, 17]]]
    table = {"instrument": names, "most": [8.0] * 3, "lot": [1.0] * 3}
    found = hedges(book, market, "derive.portfolio", table, account="Call spread")
    sizes = np.array(list(itertools.product(range(-8, 9), repeat=3)), float)
    least = found.search.margin(sizes).need.min()
    assert found.after == pytest.approx(least, rel=1e-5)
    assert "best: " in found.words


def test_time_that_ran_out_is_said():
    book, market = xm.read(DESK)
    found = hedges(book, market, "derive.portfolio", account="Mixed collateral", fee=0.0003, seconds=0.3)
    assert found.words.endswith("time ran out")
    assert found.after + found.cost.sum() <= found.before


@pytest.mark.parametrize("first", [3, 5, 8])
def test_the_search_finds_the_best_of_a_grid_without_trying_it_whole(first, monkeypatch):
    book, market = xm.read(DESK)
    monkeypatch.setattr(every, "MOST", 0)
    names = [str(n) for n in market.name[[first, first + 7, first + 14]]]
    table = {"instrument": names, "most": [8.0] * 3, "lot": [1.0] * 3, "cost": [20.0, 40.0, 60.0]}
    found = hedges(book, market, "derive.portfolio", table, account="Call spread")
    assert not found.search.tried
    sizes = np.array(list(itertools.product(range(-8, 9), repeat=3)), float)
    total = found.search.margin(sizes).need + np.abs(sizes) @ found.search.cost
    assert found.after + found.cost.sum() <= total.min() + 1e-5 * found.before
    assert total.min() < 0.9 * found.before
