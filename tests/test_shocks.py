"""Moves by underlying and the profile along a price: every point is the rule itself on a shocked market."""

import numpy as np
import pytest

import xlmargin as xm
from tests.widgets import sample
from xlmargin import frames
from xlmargin.shocks import moved, profile

MODEL = "derive.portfolio"


@pytest.fixture(scope="module")
def desk():
    book, market = sample.book()
    return book, market, xm.margin(book, market, MODEL)


def test_a_move_carries_every_price_that_follows_the_underlying(desk):
    _, market, _ = desk
    after = moved(market, {"BTC": 0.1}, {"BTC": 0.2}, days=1.0)
    np.testing.assert_allclose(after["index"], market["index"] * 1.1)
    np.testing.assert_allclose(after["iv"], market["iv"] * 1.2)
    assert after.as_of == market.as_of + 86400
    price = dict(zip(after.assets, after.price, strict=True))
    assert price == pytest.approx({"USDC": 1.0, "BTC": 1.1 * sample.INDEX})


def test_no_move_changes_nothing(desk):
    _, market, _ = desk
    still = moved(market)
    assert all(np.array_equal(still[c], market[c], equal_nan=True) for c in market.columns)


def test_bad_moves_are_listed_together(desk):
    _, market, _ = desk
    with pytest.raises(xm.InputError) as caught:
        moved(market, {"BTX": 0.1}, {"BTC": -1.0}, days=-2.0)
    text = str(caught.value)
    assert "did you mean 'BTC'" in text
    assert "must be above -100 %" in text
    assert "-2 days; must be zero or more" in text


def test_profile_is_the_rule_on_each_shocked_market(desk):
    book, market, margin = desk
    line = profile(margin, "BTC", np.array([-0.2, 0.0, 0.1]))
    for k, move in enumerate(line.move):
        there = xm.margin(book, moved(market, {"BTC": move}), MODEL)
        for name in ("equity", "initial", "maintenance"):
            assert getattr(line, name)[k, 0] == pytest.approx(getattr(there, name).value[0], rel=1e-12)
    assert line.pnl[1, 0] == 0.0
    assert line.level.tolist() == pytest.approx([80_000, 100_000, 110_000])
    assert len(line.frame()) == 3
    halves = profile(margin, "BTC", line.move[:1]).joined(profile(margin, "BTC", line.move[1:]))
    assert halves.frame().equals(line.frame())


def test_scenario_breakdown_adds_up(desk):
    margin = desk[2].detail("main")
    for column in range(margin.grid.pnl.shape[1]):
        table = frames.scenario(margin, column)
        assert table["pnl"].sum() == pytest.approx(margin.grid.pnl[0, column], rel=1e-12)
    assert frames.scenario(margin, 0)["position"].iloc[-1] == "collateral and offsets"


def test_an_unknown_account_is_refused(desk):
    with pytest.raises(xm.InputError, match="no account 'x'"):
        profile(desk[2], "BTC", account="x")
