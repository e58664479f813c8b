"""A future without an entry price moves like any other: as if it had been entered at the mark now."""

from dataclasses import replace

import numpy as np
import pytest

import xlmargin as xm
from tests.test_decide_trades import perps
from tests.test_decide_worlds import MODELS, law_book
from xlmargin.decide.subject import entered
from xlmargin.findings import setting_is

MODEL = "binance.usdm"
WORDS = "a position has no entry price: it counts as entered at the mark of the start"


def pair(entry):
    positions = {"instrument": ["BTCUSDT"], "quantity": [1.0], "leverage": [10.0]}
    return perps(positions | ({} if entry is None else {"entry_price": [entry]}), {"asset": ["USDT"], "amount": [7e3]})


@pytest.mark.parametrize("model", MODELS)
def test_moves_count_without_an_entry_price(model):
    book, market, params = law_book(model, 3)
    legs = book.legs
    quoted = setting_is(book, "balance", "quote")[legs.row]
    bare = replace(book, legs=replace(legs, entry=np.where(quoted, legs.entry, np.nan)))
    full = entered(bare, market)
    stressed = [
        xm.stress(each, market, model, {"price": -0.2, "vol": 0.3}, params=params).frame() for each in (bare, full)
    ]
    for column in ("equity before", "equity after", "initial after", "maintenance after"):
        np.testing.assert_allclose(stressed[0][column], stressed[1][column], rtol=1e-12, atol=1e-9, err_msg=column)
    slopes = [xm.sensitivity(each, market, model, params=params).frame() for each in (bare, full)]
    np.testing.assert_allclose(slopes[0]["equity slope"], slopes[1]["equity slope"], rtol=1e-9, atol=1e-6)


def one_perpetual():
    """Four BTC perpetuals on Derive, with dollars of two kinds."""
    return xm.tables(
        {"instrument": ["BTC-PERP"], "quantity": [4.0], "entry_price": [1e5]},
        {"asset": ["USDC", "USDT"], "amount": [2e4, 3e4]},
        {"instrument": ["BTC-PERP"], "mark": [1e5], "index": [1e5]},
        {"asset": ["USDC", "USDT"], "price": [1.0, 1.0]},
        as_of="2026-11-25",
    )


def test_an_account_stays_on_its_manager_when_a_basket_closes_all():
    """Derive takes the manager from the positions; its collateral counts on when they are closed."""
    book, market = one_perpetual()
    trades = {"basket": ["all", "half"], "instrument": ["BTC-PERP"] * 2, "close": [1.0, 0.5]}
    found = xm.what_if(book, market, "derive.portfolio", trades).frame().set_index("basket")
    assert found["remark"].tolist() == ["", ""]
    assert found["equity after"].tolist() == pytest.approx([5e4, 5e4])
    assert 0.0 < found["initial after"]["all"] < found["initial after"]["half"] < found["initial before"]["all"]


def test_every_verb_that_moves_prices_counts_them():
    """Against the same account entered at 60,000, its mark; the first is told to be so."""
    bare, full = pair(None), pair(60_000.0)
    path, fall = {"BTC": [-0.05, -0.14]}, {"BTC": -0.1}
    for made in (
        lambda b, m: xm.liquidation(b, m, MODEL).frame(),
        lambda b, m: xm.health(b, m, MODEL).frame(),
        lambda b, m: xm.surface(b, m, MODEL).frame(),
        lambda b, m: xm.attribution(b, m, MODEL, price=fall).frame(),
        lambda b, m: xm.simulate(b, m, MODEL, path).frame(),
        lambda b, m: xm.prevent(b, m, MODEL, path).frame(),
        lambda b, m: xm.what_if(b, m, MODEL, moves={"price": fall}).frame(),
        lambda b, m: xm.contagion(b, m, MODEL, {"price": fall}).frame(),
    ):
        assert made(*bare).equals(made(*full))
    assert xm.liquidation(*bare, MODEL).down[0] == pytest.approx((60_000 - 7_000) / 60_000 / (1 - 0.004))
    told = [note.text for note in xm.stress(*bare, MODEL, {"price": -0.1}).notes]
    assert any(text.startswith(WORDS) for text in told)
    assert not any(note.text.startswith(WORDS) for note in xm.stress(*full, MODEL, {"price": -0.1}).notes)


def test_shares_of_one_position_are_at_most_all_of_it():
    """A share for every account and one for this account are of the same position."""
    book, market = one_perpetual()
    trades = {"instrument": ["BTC-PERP"] * 2, "close": [0.75, 0.5], "account": ["main", ""]}
    with pytest.raises(xm.InputError, match=r"main: shares to close of one position add up to 125 %; at most 100 %"):
        xm.what_if(book, market, "derive.portfolio", trades)
    whole = xm.what_if(book, market, "derive.portfolio", {**trades, "close": [0.5, 0.5]})
    assert whole.after["initial"][0] == pytest.approx(
        xm.what_if(book, market, "derive.portfolio", {"instrument": ["BTC-PERP"], "close": [1.0]}).after["initial"][0]
    )
