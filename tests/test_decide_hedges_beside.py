"""What an account cannot hold beside what it holds is no candidate for its hedges."""

import time

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests.law_books import GENERATORS
from xlmargin.decide.hedges import hedges
from xlmargin.decide.hedges.every import every
from xlmargin.decide.hedges.lists import Lists
from xlmargin.decide.hedges.probes import probes
from xlmargin.decide.what_if import what_if

MODEL = "derive.portfolio"


@pytest.fixture(scope="module")
def desk():
    """Three accounts of Derive's portfolio manager, each on one of BTC, ETH and HYPE."""
    made = GENERATORS[MODEL](np.random.default_rng(6), 3)
    return xm.tables(**{name: pd.DataFrame(rows) if isinstance(rows, list) else rows for name, rows in made.items()})


@pytest.mark.parametrize("account", ["a0", "a1", "a2"])
def test_another_underlying_is_refused_and_the_trades_can_be_made(desk, account):
    book, market = desk
    own = {market.underlying[i] for i in book.legs.instrument[book.account[book.legs.row] == account]}
    found = hedges(book, market, MODEL, account=account, seconds=2.0, most_trades=2)
    listed = {str(name): u for name, u in zip(market.name, market.underlying, strict=True)}
    assert {listed[name] for name in found.names} == own
    assert all(listed[name] not in own and account in why for name, why in found.refused.items())
    assert len(found.refused) + len(found.names) == len(listed)
    trades = {"account": account, "instrument": found.instrument, "quantity": found.quantity}
    after = what_if(book, market, MODEL, pd.DataFrame(trades))
    assert not after.refused
    assert after.after["initial"][0] == pytest.approx(found.after)


def test_candidates_of_another_underlying_alone_are_no_hedge(desk):
    book, market = desk
    own = {market.underlying[i] for i in book.legs.instrument[book.account[book.legs.row] == "a0"]}
    others = [str(n) for n, u in zip(market.name, market.underlying, strict=True) if u not in own]
    with pytest.raises(xm.InputError, match=r"no candidate that derive\.portfolio takes"):
        hedges(book, market, MODEL, others, account="a0")


@pytest.fixture(scope="module")
def paired():
    """Stock options and shares under the strategy rules, which pair whole contracts."""
    made = GENERATORS["regt.strategy"](np.random.default_rng(6), 3)
    tables = {name: pd.DataFrame(rows) if isinstance(rows, list) else rows for name, rows in made.items()}
    return xm.tables(**tables, as_of=None if "as_of" in made["instruments"][0] else "2026-11-01")


def test_what_is_paired_whole_is_traded_whole(paired):
    book, market = paired
    own = [str(market.name[i]) for i in book.legs.instrument[book.account[book.legs.row] == "a2"]]
    found = hedges(book, market, "regt.strategy", own[:2], account="a2", seconds=60.0, fee=1e-5)
    assert found.saving > 0
    assert np.array_equal(found.quantity, np.rint(found.quantity))
    trades = {"account": "a2", "instrument": found.instrument, "quantity": found.quantity}
    after = what_if(book, market, "regt.strategy", pd.DataFrame(trades))
    assert not after.refused
    assert after.after["initial"][0] == pytest.approx(found.after)


def test_every_list_is_tried_only_where_the_time_is_enough(paired):
    book, market = paired
    own = [str(market.name[i]) for i in book.legs.instrument[book.account[book.legs.row] == "a2"]]
    search = hedges(book, market, "regt.strategy", own[:3], account="a2", seconds=0.1, fee=1e-5).search
    before = search.reruns
    assert not every(search, time.perf_counter())
    assert 0 < search.reruns - before <= 100
    assert not search.tried


def test_lists_are_searched_though_the_proof_ran_out_of_time(paired):
    book, market = paired
    own = [str(market.name[i]) for i in book.legs.instrument[book.account[book.legs.row] == "a0"]]
    search = hedges(book, market, "regt.strategy", own[:2], account="a0", rounds=1, seconds=0.1, fee=1e-5).search
    search.best, search.upper, search.late = np.zeros(2), search.before, True
    Lists(search, probes(search), np.inf).best(1)
    assert search.upper < search.before
