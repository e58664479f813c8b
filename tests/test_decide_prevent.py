"""What would have kept an account: enough, least, of its own positions, in the unit of its currency."""

import numpy as np
import pytest

import xlmargin as xm
from tests.test_decide_simulate import MODEL, account
from tests.test_decide_trades import perps
from xlmargin.decide.moves import named
from xlmargin.decide.simulate import prevent
from xlmargin.decide.simulate.simulate import simulate
from xlmargin.decide.trades import closed
from xlmargin.decide.worlds import moved_session


def test_prevention_is_enough_and_least():
    book, market = account()
    path = {"BTC": [-0.05, -0.14, 0.1]}
    margin = xm.margin(book, market, MODEL)
    assert simulate(margin, path).liquidated
    by = {r.kind: r for r in prevent(book, market, MODEL, path, hedges=["BTCUSDT"])}
    for scale, broken in ((1.0, False), (0.999, True)):
        share = by["reduction"].amount * scale
        less = closed(margin.run.book, margin.run.market, np.full(1, share))
        slack = [
            moved_session(margin.run.session, named(margin.run.market, {"BTC": m})).run(less).headroom[0]
            for m in path["BTC"]
        ]
        assert (min(slack) < -1e-6) == broken
        more = xm.margin(*account(7_000.0 + by["deposit"].amount * scale), MODEL)
        assert simulate(more, path).liquidated == broken
    assert by["hedge"].amount == pytest.approx(-by["reduction"].amount, rel=1e-6)
    assert by["hedge"].words.startswith("sell ")
    assert by["deposit"].words.startswith("deposit USDT worth ")


def test_nothing_is_needed_on_a_calm_path_and_no_hedge_helps_where_equity_is_gone():
    book, market = account()
    calm = prevent(book, market, MODEL, {"BTC": [0.01]})
    assert {r.words for r in calm} == {"nothing is needed"}
    lost = prevent(
        *perps(
            {"instrument": ["BTCUSDT"], "quantity": [1.0], "entry_price": [80_000.0], "leverage": [10.0]},
            {"asset": ["USDT"], "amount": [100.0]},
        ),
        MODEL,
        {"BTC": [0.0]},
        hedges=["ETHUSDT"],
    )
    assert [np.isnan(r.amount) for r in lost] == [True, False, True]
    assert lost[0].words == "not even closing everything suffices"
    assert "holds nothing of ETH" in lost[2].words


def test_prevention_is_of_one_account_with_its_own_hedges_and_its_words_suffice():
    book, market = two = perps(
        {"instrument": ["BTCUSDT", "ETHUSDT"], "quantity": [1.0, 5.0], "entry_price": [60_000.0, 3_000.0]}
        | {"account": ["a", "b"], "leverage": [10.0, 10.0]},
        {"asset": ["USDT", "USDT"], "amount": [7_000.0, 2_000.0], "account": ["a", "b"]},
    )
    path = {"BTC": [-0.14], "ETH": [-0.1]}
    with pytest.raises(xm.InputError, match="say which account: a, b"):
        prevent(*two, MODEL, path)
    found = prevent(book, market, MODEL, path, account="a")
    assert [r.what for r in found if r.kind == "hedge"] == ["BTCUSDT"]
    assert found.frame()["amount"].tolist() == [r.amount for r in found]
    said = float(found[0].words.split("%")[0].removeprefix("close ")) / 100
    assert 0 <= said - found[0].amount < 1.001e-4
    run = simulate(book, market, MODEL, path, account="a")
    assert run.events[0].what == "BTC -14.0 %, ETH -10.0 %"


def coin_options(perpetuals):
    """Ten calls of 1 BTC sold, and contracts of a coin-settled perpetual bought at its mark."""
    names = ["BTC-25DEC26-100000-C", "BTC-PERPETUAL"]
    return xm.tables(
        {"instrument": names, "quantity": [-10.0, perpetuals], "entry_price": [None, 90_000.0]},
        {"asset": ["BTC"], "amount": [2.0]},
        {"instrument": names, "mark": [0.03, 90_000.0], "iv": [0.6, None], "forward": [90_000.0, None]}
        | {"index": [90_000.0] * 2},
        {"asset": ["BTC"], "price": [90_000.0]},
        as_of="2026-11-25",
    )


def test_options_settled_in_coin_are_hedged_by_inverse_futures():
    """Options are counted in coins and perpetuals in dollars: sizes tried are of the same number of coins."""
    path, model = {"BTC": [0.3]}, "deribit.portfolio"
    found = prevent(*coin_options(0.0), model, path, hedges=["BTC-PERPETUAL"])[-1]
    for scale, enough in ((0.999, False), (1.001, True)):
        margin = xm.margin(*coin_options(found.amount * scale), model)
        there = moved_session(margin.run.session, named(margin.run.market, {"BTC": 0.3})).run(margin.run.book)
        assert (there.headroom[0] >= 0) == enough
    said = float(found.words.split()[1].replace(",", ""))
    assert 0 <= said - found.amount < 1.001e-4
