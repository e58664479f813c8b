"""Balances as collateral: haircuts are the ledger's, what must be covered re-adds, the answer holds when run again."""

import numpy as np
import pytest

import xlmargin as xm
from tests import law_books
from tests.report_reading import columns, derive
from xlmargin.decide.collateral import pledges

WHO = {"account": "Mixed collateral", "pool": ""}
TAKERS = ("derive.portfolio", "derive.standard", "binance.usdm", "paradex.cross", "drift.cross", "okx.cross")


def test_haircuts_are_those_of_the_rulebook():
    """Derive's BTC counts 1 − 0.28 of its worth and USDT 1 − 0.04, at its own price: what the ledger counts."""
    held = pledges(derive(), **WHO)
    cut = dict(zip(held.asset, held.haircut, strict=True))
    assert cut["USDC"] == pytest.approx(0.0, abs=1e-12)
    assert (cut["BTC"], cut["cbBTC"]) == pytest.approx((0.28, 0.28), abs=1e-9)
    assert dict(zip(held.asset, held.quantity, strict=True))["BTC"] == 0.4


@pytest.mark.parametrize("level", ["initial", "maintenance"])
def test_what_must_be_covered_readds(level):
    margin = derive()
    for account in margin.account:
        held = pledges(margin, level, account=str(account))
        r = list(margin.account).index(account)
        room = margin.equity.value[r] - getattr(margin, level).value[r]
        if held.required > 0:
            assert held.counted.sum() - held.required == pytest.approx(room, rel=1e-9, abs=1e-6)
        else:
            assert room >= held.counted.sum() - 1e-6


def test_all_of_it_posted_is_the_margin_itself():
    margin = derive()
    held = pledges(margin, **WHO)
    again = held.posted(dict(zip(map(str, held.asset), held.quantity, strict=True)))
    r = list(margin.account).index(WHO["account"])
    assert again.equity.value[0] == pytest.approx(margin.equity.value[r], rel=1e-12)
    assert again.initial.value[0] == pytest.approx(margin.initial.value[r], rel=1e-12)


def test_what_is_posted_at_least_cost_covers_exactly_when_run_again():
    held = pledges(derive(), **WHO)
    cost = {"BTC": 0.01, "USDC": 0.05, "USDT": 0.04, "cbBTC": 0.02}
    found = xm.allocate(held.assets().assign(cost=[cost[a] for a in held.asset]), held.requirements())
    again = held.posted(dict(zip(found.pairs["asset"], found.pairs["quantity"], strict=True)))
    assert again.equity.value[0] == pytest.approx(again.initial.value[0], rel=1e-9)
    assert list(found.pairs["asset"]) == ["BTC", "cbBTC"]


@pytest.mark.parametrize("model", TAKERS)
def test_counted_collateral_under_further_rulebooks(model):
    """Haircuts lie within 0 and 1, and all of the balances posted again is the pool as it was."""
    made = law_books.GENERATORS[model](np.random.default_rng(3), 4)
    book, market = xm.tables(**{name: columns(rows) for name, rows in made.items()})
    params = law_books.PARAMS[model](market.as_of) if model in law_books.PARAMS else None
    margin = xm.margin(book, market, model, params=params)
    for account, pool, equity in zip(margin.account, margin.pool, margin.equity.value, strict=True):
        held = pledges(margin, account=str(account), pool=str(pool))
        assert np.all((held.haircut >= 0) & (held.haircut <= 1))
        again = held.posted(dict(zip(map(str, held.asset), held.quantity, strict=True)))
        assert again.equity.value[0] == pytest.approx(equity, rel=1e-9, abs=1e-6)


def test_several_pools_are_asked_which():
    with pytest.raises(xm.InputError, match="collateral is looked at by pool; say which account and pool"):
        pledges(derive())


def test_a_fee_is_what_candidates_without_a_cost_cost():
    """USD worth of the underlying × fee a contract; a cost of its own stands."""
    book, market = xm.read("workbooks/desk.xlsx")
    own = book.take(np.flatnonzero(book.account == WHO["account"]))
    names = ["BTC-PERP", "BTC-20261030-85000-C"]
    given = {"instrument": names, "cost": [None, 7.0], "most": [2.0, 2.0]}
    found = xm.hedges(own, market, "derive.portfolio", given, fee=0.001)
    index, usdc = 83_502.90258702965, 0.9998985318386667
    assert found.search.cost == pytest.approx([0.001 * index / usdc, 7.0], rel=1e-9)
    free = xm.hedges(own, market, "derive.portfolio", given)
    assert free.search.cost.tolist() == [0.0, 7.0]
