"""Exposure: sums by slow loops, greeks by bumps, offsets, concentration; bad input."""

import math
from dataclasses import replace

import numpy as np
import pytest

import xlmargin as xm
from tests.test_decide_worlds import law_book
from xlmargin.decide.exposure import Greeks, exposure
from xlmargin.decide.moves import named
from xlmargin.decide.worlds import apply

AS_OF = "2026-11-25T12:00Z"


def desk():
    """Two accounts: futures against perpetuals and options, coins as collateral, inverse and linear."""
    names = ["BTC-PERPETUAL", "BTC-25DEC26", "BTC-25DEC26-90000-P", "ETH_USDC-PERPETUAL"]
    positions = {
        "instrument": [*names, "BTC-PERPETUAL"],
        "quantity": [100_000.0, -60_000.0, -2.0, 10.0, -20_000.0],
        "account": ["a", "a", "a", "a", "b"],
        "entry_price": [90_000.0, 91_000.0, None, 3000.0, 90_000.0],
    }
    instruments = {
        "instrument": names,
        "mark": [90_000.0, 91_000.0, 0.03, 3000.0],
        "forward": [None, None, 91_000.0, None],
        "iv": [None, None, 0.5, None],
        "index": [90_000.0, 90_000.0, 90_000.0, 3000.0],
    }
    balances = {"asset": ["BTC", "USDC", "BTC"], "amount": [0.5, 5000.0, 1.0], "account": ["a", "a", "b"]}
    assets = {"asset": ["BTC", "USDC"], "price": [90_000.0, 1.0]}
    book, market = xm.tables(positions, balances, instruments, assets, as_of=AS_OF, venue="deribit")
    return xm.margin(book, market, "deribit.cross_portfolio")


@pytest.fixture(scope="module")
def found():
    return exposure(desk())


def test_by_underlying_as_by_hand(found):
    table = found.frame().set_index(["account", "underlying"])
    put = (
        -2.0 * Greeks.of(found.margin.run.market).delta[list(found.margin.run.market.name).index("BTC-25DEC26-90000-P")]
    )
    long, short = 100_000 / 90_000 + put, 60_000 / 91_000
    row = table.loc[("a", "BTC")]
    assert row["long"] == pytest.approx(long)
    assert row["short"] == pytest.approx(short)
    assert row["net"] == pytest.approx(long - short)
    assert row["offset"] == pytest.approx(short)
    assert row["collateral"] == 0.5
    assert row["net_usd"] == pytest.approx((long - short) * 90_000)
    assert table.loc[("a", "ETH"), "net_usd"] == pytest.approx(30_000)
    assert table.loc[("b", "BTC"), "with_collateral_usd"] == pytest.approx(90_000 - 20_000)
    assert table.groupby("account")["share"].sum().tolist() == pytest.approx([1.0, 1.0])


def test_greeks_are_the_slopes_of_value(found):
    """Black-76 value of the put by central bumps of the market itself."""
    market = found.margin.run.market
    i = int(np.flatnonzero(market.kind == 3)[0])
    unit = Greeks.of(market)

    def value(price=0.0, vol=0.0, days=0.0):
        return apply(market, named(market, {"BTC": price}, {"BTC": vol}, days=days)).option_value()[i]

    step = 1e-4
    forward = market["forward"][i]
    delta = (value(step) - value(-step)) / (2 * step * forward)
    assert unit.delta[i] == pytest.approx(delta, rel=1e-6)
    gamma = (value(step) - 2 * value() + value(-step)) / (step * forward) ** 2
    assert unit.gamma[i] == pytest.approx(gamma * forward * 90_000 * 0.01, rel=1e-4)
    vega = (value(vol=step) - value(vol=-step)) / (2 * step * 0.5)
    assert unit.vega[i] == pytest.approx(vega * 0.01, rel=1e-6)
    theta = (value(days=step) - value()) / step
    assert unit.theta[i] == pytest.approx(theta, rel=1e-3)


@pytest.mark.parametrize("model", ["deribit.cross_portfolio", "derive.portfolio", "binance.usdm", "okx.portfolio"])
def test_sums_by_slow_loops(model):
    book, market, params = law_book(model, 3)
    margin = xm.margin(book, market, model, params=params)
    made = exposure(margin)
    table, legs, own = made.frame(), margin.run.book.legs, made.greeks
    for n, row in table.iterrows():
        total = gross = vega = 0.0
        for h in range(len(legs)):
            i = legs.instrument[h]
            if margin.run.market.underlying[i] == row["underlying"] and legs.row[h] == made.row[n]:
                total += legs.quantity[h] * own.delta[i]
                gross += abs(legs.quantity[h] * own.delta_usd[i])
                vega += legs.quantity[h] * own.vega[i]
        assert row["net"] == pytest.approx(total, rel=1e-9, abs=1e-9)
        assert row["gross_usd"] == pytest.approx(gross, rel=1e-9, abs=1e-9)
        assert row["vega"] == pytest.approx(vega, rel=1e-9, abs=1e-9)
    assert made.by_expiry()["delta"].sum() == pytest.approx(table["net"].sum())
    assert made.by_expiry()["vega"].sum() == pytest.approx(table["vega"].sum())


def test_offsets_use_up_the_smaller_side(found):
    pairs = found.offsets()
    table = found.frame()
    assert pairs.groupby(["account", "underlying"])["coins"].sum().tolist() == pytest.approx(
        table[table["offset"] > 0]["offset"].tolist()
    )
    first = pairs.iloc[0]
    assert (first["long"], first["short"]) == ("BTC-PERPETUAL", "BTC-25DEC26")


def test_assets_add_up_to_what_is_held(found):
    table = found.by_asset().set_index(["account", "asset"])
    result = 100_000 * (1 / 90_000 - 1 / 90_000) - 60_000 * (1 / 91_000 - 1 / 91_000)
    assert table.loc[("a", "BTC"), "amount"] == pytest.approx(0.5 + result - 2 * 0.03)
    assert table.loc[("a", "USDC"), "usd"] == pytest.approx(5000.0)


def test_concentration_is_one_for_a_single_underlying(found):
    by_account = dict(zip(found.margin.account, found.concentration(), strict=True))
    assert by_account["b"] == pytest.approx(1.0)
    assert 0.5 <= by_account["a"] < 1.0


def test_an_option_that_cannot_be_valued_is_refused():
    positions = {"instrument": ["BTC-25DEC26-90000-C"], "quantity": [1]}
    instruments = {"instrument": ["BTC-25DEC26-90000-C"], "mark": [0.02], "index": [90_000.0]}
    book, market = xm.tables(positions, instruments=instruments, as_of=AS_OF, venue="deribit")
    margin = xm.margin(book, market, "deribit.standard")
    assert exposure(margin).frame()["vega"].iloc[0] > 0, "the mark implies a volatility"
    session = replace(margin.run.session, market=margin.run.market.with_columns(mark=np.full(1, np.nan)))
    with pytest.raises(xm.InputError, match="column iv: missing for BTC-25DEC26-90000-C"):
        exposure(replace(margin, run=replace(margin.run, session=session)))


def test_an_options_delta_is_undiscounted_to_its_forward(found):
    """N(d1) − 1 of the put by hand, whatever rate the market may state; the words say it."""
    market = found.margin.run.market
    i = list(market.name).index("BTC-25DEC26-90000-P")
    v = 0.5 * math.sqrt(market.seconds[i] / (365 * 86_400))
    d1 = math.log(91_000.0 / 90_000.0) / v + 0.5 * v
    assert Greeks.of(market).delta[i] == pytest.approx(0.5 * math.erfc(-d1 / math.sqrt(2)) - 1.0)
    assert all("undiscounted" in one.__doc__ for one in (Greeks, exposure))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_loan_is_owed_whatever_its_sign(sign):
    balances = {"asset": ["WETH", "USDC"], "amount": [10.0, sign * 15_000.0], "kind": ["supplied", "loan"]}
    book, market = xm.tables(
        balances=balances, assets={"asset": ["WETH", "USDC"], "price": [2_500.0, 1.0]}, as_of="2026-09-24"
    )
    table = exposure(book, market, "aave.v3").by_asset().set_index("asset")
    assert table["usd"].to_dict() == {"WETH": 25_000.0, "USDC": -15_000.0}
