"""Orders of execution against all permutations; slices; the stated heuristic against its bound; bad input."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

import xlmargin as xm
from tests.test_decide_liquidation import iron
from tests.test_decide_trades import perps
from xlmargin.decide.path import path
from xlmargin.decide.slices import slices_of
from xlmargin.decide.what_if import what_if

MODEL = "derive.portfolio"
LEGS = [(2200, "P", -10.0), (2600, "P", 10.0), (3000, "C", -20.0), (2600, "C", 12.0), (3400, "C", 8.0)]


def desk(cash=60_000.0):
    """An empty account on ETH and the market that lists the options of the basket."""
    margin = iron([(k, t) for k, t, _ in LEGS], [q for *_, q in LEGS], cash)
    bare = margin.run.book
    legs = bare.legs.at(slice(0, 0), np.zeros(0, np.int64), 1)
    return replace(bare, legs=legs, settings={"manager": np.array(["ETH"], object)}), margin.run.market


def basket():
    return {"instrument": [f"ETH-20261225-{k}-{t}" for k, t, _ in LEGS], "quantity": [q for *_, q in LEGS]}


def every_state(book, market):
    """Initial margin of each subset of the basket that has been executed, by what_if."""
    names, sizes = basket()["instrument"], basket()["quantity"]
    need = {frozenset(): 0.0}
    for done in itertools.chain.from_iterable(itertools.combinations(range(len(LEGS)), n) for n in range(1, 6)):
        trades = {"instrument": [names[k] for k in done], "quantity": [sizes[k] for k in done]}
        need[frozenset(done)] = what_if(book, market, MODEL, trades, standalone=False).after["initial"][0]
    return need


def test_the_order_is_the_best_of_all_permutations():
    book, market = desk()
    found, need = path(book, market, MODEL, basket()), every_state(book, market)
    orders = itertools.permutations(range(len(LEGS)))
    least = min(max(need[frozenset(o[:n])] for n in range(len(LEGS) + 1)) for o in orders)
    assert found.exact
    assert found.peak == pytest.approx(least)
    assert found.bound == pytest.approx(found.peak)
    assert found.peak <= found.naive
    assert found.frame()["initial"].max() == pytest.approx(found.peak)
    assert "no order has a lower peak" in found.words


def test_slices_never_make_it_worse_and_end_in_the_same_place():
    book, market = desk()
    whole = path(book, market, MODEL, basket())
    cut = path(book, market, MODEL, basket(), slices=2)
    assert cut.exact
    assert cut.peak <= whole.peak + 1e-9
    assert cut.initial[-1] == pytest.approx(whole.initial[-1])
    assert len(cut.instrument) == 10


def test_beyond_twelve_legs_the_beam_is_stated_with_its_bound():
    book, market = desk()
    found = path(book, market, MODEL, basket(), slices=6)
    assert not found.exact
    assert found.bound - 1e-9 <= found.peak <= path(book, market, MODEL, basket()).peak + 1e-9
    assert "best of a beam of 64; no order is below" in found.words


def test_a_hedge_goes_before_what_it_hedges():
    book, market = perps(None, {"asset": ["USDT"], "amount": [1e5]})
    trades = {"instrument": ["BTCUSDT", "ETHUSDT"], "quantity": [1.0, -20.0], "leverage": [5, 5]}
    found = path(book, market, "binance.usdm", trades)
    assert found.peak == pytest.approx(found.initial[-1])
    assert found.available[0] == pytest.approx(1e5)


def test_cost_of_slices_by_hand():
    how = {"volatility": 0.6, "seconds": 30.0, "spread": 0.001, "fee": 0.0004, "fixed": 1e-5}
    found = slices_of({"thick": 1.0, "thin": 100.0}, depth={"thin": 50.0, "thick": 1e9}, **how)
    n = found.by_instrument["thin"]
    year = 365 * 86400

    def cost(k):
        left = sum((1 - j / k) ** 2 for j in range(1, k)) * 30.0
        return 0.0009 + 1e-5 * k + 0.005 * (100 / k) / 50 + 0.6 * np.sqrt(left / year)

    assert 1 < n < 100
    assert found.by_instrument["thick"] == 1
    assert found.cost[1] == pytest.approx(cost(n))
    assert found.frame()["size"].tolist() == [1.0, 100.0 / n]
    assert cost(n) == pytest.approx(min(cost(k) for k in range(1, 101)))


def test_bad_input():
    book, market = desk()
    with pytest.raises(xm.InputError, match="did you mean 'ETH-20261225-2200-P'"):
        path(book, market, MODEL, {"instrument": ["ETH-20261225-2201-P"], "quantity": [1.0]})
    with pytest.raises(xm.InputError, match="give at least one leg"):
        path(book, market, MODEL, {"instrument": [], "quantity": []})
    with pytest.raises(xm.InputError, match="one slice or more"):
        path(book, market, MODEL, basket(), slices=0)
    with pytest.raises(xm.InputError, match="depth of a must be above 0") as told:
        slices_of({"a": 1.0, "b": 2.0}, depth={"a": 0.0, "c": 1.0}, volatility=0.1, seconds=-1.0)
    assert "no leg of 'c'" in str(told.value)
    assert len(told.value.problems) == 5
    two = perps(None, {"asset": ["USDT"] * 2, "amount": [1.0, 1.0], "account": ["a", "b"]})
    with pytest.raises(xm.InputError, match="say which account: a, b"):
        path(*two, "binance.usdm", {"instrument": ["BTCUSDT"], "quantity": [1.0]})
