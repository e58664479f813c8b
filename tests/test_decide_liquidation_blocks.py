"""Liquidation prices of many accounts: blocks, progress, nothing skipped, alone as among others."""

import sys

import numpy as np
import pytest

import xlmargin as xm
from tests.binance_random import random_book
from tests.test_decide_worlds import MODELS, law_book
from xlmargin.decide.liquidation import search
from xlmargin.decide.liquidation.liquidation import Liquidation, liquidation
from xlmargin.market import OPTION


@pytest.mark.parametrize("by", ["underlying", "instrument", "collateral"])
def test_blocks_tell_their_progress_and_change_no_bit(by, monkeypatch):
    book, market = random_book(1)[0]
    margin, told = xm.margin(book, market, "binance.usdm"), []
    whole = liquidation(margin, by=by)
    monkeypatch.setattr(sys.modules[Liquidation.__module__], "PAIRS", 7)
    cut = liquidation(margin, by=by, progress=lambda done, total: told.append((done, total)))
    for name in ("target", "account", "down", "up", "pair", "root", "gap"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name))
    assert [done for done, _ in told] == [*range(0, len(whole.row), 7), len(whole.row)]
    assert {total for _, total in told} == {len(whole.row)}


def test_an_interrupted_search_leaves_nothing_behind():
    book, market = random_book(1)[0]
    margin = xm.margin(book, market, "binance.usdm")
    before = liquidation(margin)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        liquidation(margin, progress=stop)
    np.testing.assert_array_equal(liquidation(margin).root, before.root)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("by", ["underlying", "instrument", "collateral"])
def test_prices_passed_over_hold_no_root(model, by, monkeypatch):
    """The same search where headroom may be as steep as it likes, so that every price of the grid is looked at.

    One option moved alone breaks its expiry's forward in two, and rules that read one forward an expiry would differ.
    """
    for seed in (3, 8):
        book, market, params = law_book(model, seed)
        if by == "instrument" and (market.kind == OPTION).any():
            pytest.skip("options move by underlying")
        margin = xm.margin(book, market, model, params=params)
        found = liquidation(margin, by=by)
        with monkeypatch.context() as patch:
            patch.setattr(search, "steepness", lambda axis, book, currency, row, target: np.full(len(row), np.inf))
            every = liquidation(margin, by=by)
        np.testing.assert_array_equal(found.pair, every.pair)
        np.testing.assert_array_equal(found.root, every.root)


@pytest.mark.parametrize("model", MODELS)
def test_an_account_alone_has_the_prices_that_it_has_among_others(model):
    book, market, params = law_book(model, 6)
    margin = xm.margin(book, market, model, params=params)
    for roots in ("all", "nearest"):
        every = liquidation(margin, roots=roots)
        for name in dict.fromkeys(map(str, margin.account)):
            alone, mine = liquidation(margin, roots=roots, account=name), np.flatnonzero(every.account == name)
            np.testing.assert_array_equal(alone.target, every.target[mine])
            np.testing.assert_array_equal(alone.root, every.root[np.isin(every.pair, mine)])
            np.testing.assert_array_equal(alone.gap, every.gap[np.isin(every.pair, mine)])


@pytest.mark.parametrize("name", ["BTC-20261225-100000-C", "BTC-20261225-110000-P"])
def test_an_instruments_price_does_not_depend_on_what_others_hold(name):
    """The index follows the perpetual of its scope; no dated contract that another account holds keeps it in place."""

    def prices(accounts, names):
        held = {"account": accounts, "instrument": names, "quantity": [1.0] * len(names)}
        terms = {"instrument": ["BTC-PERP", name], "mark": [100_000.0, 3_000.0], "index": [100_000.0] * 2}
        terms |= {"iv": [None, 0.5], "forward": [None, 101_000.0], "rate": [None, 0.0]}
        book, market = xm.tables(
            held | {"entry_price": [100_000.0, 3_000.0][: len(names)]},
            {"account": ["a"], "asset": ["USDC"], "amount": [20_000.0]},
            terms,
            {"asset": ["USDC"], "price": [1.0]},
            as_of="2026-11-25",
            venue="derive",
        )
        found = liquidation(xm.margin(book, market, "derive.portfolio"), by="instrument").frame()
        return found[found["account"] == "a"].set_index("target")

    alone, among = prices(["a"], ["BTC-PERP"]), prices(["a", "z"], ["BTC-PERP", name])
    assert among["down price"]["BTC-PERP"] == alone["down price"]["BTC-PERP"] < 100_000.0
    assert np.isnan(among["up price"]["BTC-PERP"])
