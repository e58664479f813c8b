"""Sensitivities are differences of plain margins; attributions add up and are exact where factors do not mix."""

import itertools

import numpy as np
import pytest

import xlmargin as xm
from tests.test_decide_exposure import desk
from tests.test_decide_worlds import MODELS, law_book
from xlmargin.decide.moves import named
from xlmargin.decide.sensitivity import attribution, sensitivity
from xlmargin.decide.worlds import moved_session, remade


def there(margin, **moves):
    """Plain margin of the same rows on the moved market."""
    return moved_session(margin.run.session, named(margin.run.market, **moves)).run(margin.run.book)


@pytest.fixture(scope="module")
def margin():
    return desk()


def test_slopes_are_differences_of_plain_margins(margin):
    table = sensitivity(margin).frame()
    asked = {
        ("price", "BTC"): {"price": {"BTC": 0.01}},
        ("price", "ETH"): {"price": {"ETH": 0.01}},
        ("collateral", "USDC"): {"collateral": {"USDC": 0.01}},
    }
    for (factor, name), up in asked.items():
        down = {k: {n: -v for n, v in by.items()} for k, by in up.items()}
        high, low = there(margin, **up), there(margin, **down)
        rows = table[(table["factor"] == factor) & (table["name"] == name)]
        assert len(rows)
        for _, row in rows.iterrows():
            r = int(np.flatnonzero(margin.account == row["account"])[0])
            assert row["equity slope"] == pytest.approx((high.equity.value[r] - low.equity.value[r]) / 2)
            assert row["headroom up"] == pytest.approx(high.headroom[r] - margin.headroom[r])
            bend = high.maintenance.value[r] + low.maintenance.value[r] - 2 * margin.maintenance.value[r]
            assert row["maintenance bend"] == pytest.approx(bend, abs=1e-6)


def test_a_point_of_volatility_is_the_same_for_every_option_and_account(margin):
    """Plain margins with every volatility of an underlying a point higher and lower; alone as among many."""
    table, market, book = sensitivity(margin).frame(), margin.run.market, margin.run.book
    share = np.where((market.kind == 3) & (market.underlying == "BTC"), 0.01 / market["iv"], 0.0)
    high, low = (remade(margin.run.session, market.shocked(vol=1.0 + sign * share)).run(book) for sign in (1, -1))
    rows = table[(table["factor"] == "volatility") & (table["name"] == "BTC")]
    assert len(rows)
    for _, row in rows.iterrows():
        r = int(np.flatnonzero(margin.account == row["account"])[0])
        assert row["headroom up"] == pytest.approx(high.headroom[r] - margin.headroom[r])
        assert row["maintenance slope"] == pytest.approx((high.maintenance.value[r] - low.maintenance.value[r]) / 2)


@pytest.mark.parametrize("model", ["deribit.portfolio", "paradex.portfolio", "aevo.portfolio"])
def test_alone_as_inside_many(model):
    book, market, params = law_book(model, 11)
    every = sensitivity(xm.margin(book, market, model, params=params)).frame()
    for n, account in enumerate(book.account):
        alone = sensitivity(xm.margin(book.take([n]), market, model, params=params)).frame()
        own = every[every["account"] == account].reset_index(drop=True)
        assert own.drop(columns="bend", errors="ignore").equals(alone), account


def test_time_passes_one_way(margin):
    table = sensitivity(margin, days=2.0).frame()
    row = table[(table["factor"] == "time") & (table["account"] == "a")].iloc[0]
    later = there(margin, days=2.0)
    assert row["name"] == "2 days"
    assert row["equity slope"] == pytest.approx(later.equity.value[0] - margin.equity.value[0])
    assert np.isnan(row["equity down"])


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_sensitivities_that_are_finite(model):
    book, market, params = law_book(model, 4)
    margin = xm.margin(book, market, model, params=params)
    table = sensitivity(margin, days=0.0).frame()
    for column in ("equity up", "equity down", "maintenance up", "headroom slope"):
        assert np.all(np.isfinite(table[column])), column
    np.testing.assert_allclose(table["headroom up"], table["equity up"] - table["maintenance up"], rtol=1e-9, atol=1e-6)


def test_attribution_adds_up_to_the_whole(margin):
    moves = {"price": {"BTC": -0.2, "ETH": 0.1}, "vol": {"BTC": 0.5}, "collateral": {"USDC": -0.1}, "rate": 0.01}
    found = attribution(margin, **moves)
    after = there(margin, **moves)
    np.testing.assert_allclose(found.equity.sum(axis=0), after.equity.value - margin.equity.value, rtol=1e-9)
    np.testing.assert_allclose(
        found.requirement.sum(axis=0), after.maintenance.value - margin.maintenance.value, rtol=1e-9
    )
    frame = found.frame()
    total = frame[frame["factor"] == "all together"].set_index("account")["equity"]
    assert total["a"] == pytest.approx(after.equity.value[0] - margin.equity.value[0])


def test_attribution_by_all_orders_one_after_another(margin):
    """The mean over all six orders of three moves, each step by plain margin."""
    moves = {("price", "BTC"): -0.3, ("vol", "BTC"): 0.6, ("collateral", "USDC"): -0.2}
    found = attribution(margin, price={"BTC": -0.3}, vol={"BTC": 0.6}, collateral={"USDC": -0.2})
    share = np.zeros((3, len(margin.account)))
    for order in itertools.permutations(range(3)):
        before, on = margin.maintenance.value, {}
        for f in order:
            kind, name = list(moves)[f]
            on = {**on, kind: {name: moves[kind, name]}}
            now = there(margin, **on).maintenance.value
            share[f] += (now - before) / 6.0
            before = now
    np.testing.assert_allclose(found.requirement, share, rtol=1e-9, atol=1e-6)


def test_bad_input(margin):
    with pytest.raises(xm.InputError, match="0 factors; between 1 and 12"):
        attribution(margin)
    with pytest.raises(xm.InputError, match="must be above -100 %"):
        attribution(margin, price={"BTC": -1.0})
    with pytest.raises(xm.InputError, match="no level 'initail'; did you mean 'initial'"):
        sensitivity(margin, "initail")
