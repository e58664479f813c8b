"""Bybit: random books against slow loops, payloads of its endpoints, what is refused, what is said."""

import numpy as np
import pytest

import xlmargin as xm
from tests import bybit_random, tiered_cases
from tests.tiered_cases import AS_OF
from xlmargin.tiers import Tiers, ratios

NOW = 1_795_608_000.0


@pytest.mark.parametrize("seed", range(3))
def test_random_books_against_a_slow_loop(seed):
    book, market, tables = bybit_random.random_book(seed)
    margin = xm.margin(book, market, "bybit.cross", params=bybit_random.parameters(market.as_of))
    got = {(a, p): i for i, (a, p) in enumerate(zip(margin.account, margin.pool, strict=True))}
    wanted = bybit_random.slow(tables)
    assert set(wanted) <= set(got)
    for key, figures in wanted.items():
        for name, value in figures.items():
            assert getattr(margin, name).value[got[key]] == pytest.approx(value, rel=1e-9, abs=1e-6), (key, name)
    assert tiered_cases.readds(margin) < 1e-9
    assert tiered_cases.same_alone(margin)


# What Bybit serves.

RISK = {
    "retCode": 0,
    "result": {
        "category": "linear",
        "list": [
            {"id": 2, "symbol": "BTCUSDT", "riskLimitValue": "2600000", "maintenanceMargin": "0.0056",
             "initialMargin": "0.0111", "isLowestRisk": 0, "maxLeverage": "90.00", "mmDeduction": "1200"},
            {"id": 1, "symbol": "BTCUSDT", "riskLimitValue": "2000000", "maintenanceMargin": "0.005",
             "initialMargin": "0.01", "isLowestRisk": 1, "maxLeverage": "100.00", "mmDeduction": ""},
        ],
    },
}  # fmt: skip
OLD_RISK = {
    "result": {
        "category": "inverse",
        "list": [
            {"id": 1, "symbol": "BTCUSD", "riskLimitValue": "150", "maintenanceMargin": "0.5", "initialMargin": "1",
             "isLowestRisk": 1, "maxLeverage": "100.00"},
        ],
    },
}  # fmt: skip
COLLATERAL = {
    "result": {
        "list": [
            {"currency": "BTC", "collateralRatioList": [
                {"minQty": "0", "maxQty": "1000000", "collateralRatio": "0.85"},
                {"minQty": "1000000", "maxQty": "", "collateralRatio": "0"},
            ]},
        ],
    },
}  # fmt: skip
BORROW = {
    "result": {
        "list": [
            {"currency": "ETH", "positionTiersRatioList": [
                {"tier": "2", "borrowLimit": "391", "positionMMR": "0.05", "positionIMR": "0.25", "maxLeverage": "4"},
                {"tier": "1", "borrowLimit": "390", "positionMMR": "0.04", "positionIMR": "0.2", "maxLeverage": "5"},
            ]},
        ],
    },
}  # fmt: skip


def load(payload, model="bybit.cross"):
    return xm.model(model).load(payload, xm.model(model).params(NOW))


def test_risk_limit_payloads():
    tiers = Tiers.of(load(RISK)["tiers"], inclusive=True)
    btc = tiers.find(["BTC/USDT:USDT", "LTC/USDT:USDT"])
    assert (btc >= 0).all()
    assert tiers.leverage(np.array([2e6, 2.1e6]), btc[[0, 0]]).tolist() == [100, 90]
    assert tiers.cap[btc[0]] == 2_600_000
    old = Tiers.of(load(OLD_RISK)["tiers"], inclusive=True)
    assert old.whole(np.ones(1), old.find(["BTC/USD:BTC"])).tolist() == [0.005]


def test_wrong_deduction_is_refused():
    rows = [{**RISK["result"]["list"][0], "mmDeduction": "1300"}, RISK["result"]["list"][1]]
    with pytest.raises(xm.ParameterError, match="cumulative amount 1300 of BTC/USDT:USDT"):
        load({"result": {"list": rows}})


def test_collateral_and_borrowing_payloads():
    for model in ("bybit.cross", "bybit.portfolio"):
        table = ratios(load(COLLATERAL, model)["collateral"])
        assert table.marginal(np.array([10.0, 2e6]), table.find(["BTC", "BTC"])).tolist() == [8.5, 850_000]
        assert load(BORROW, model)["borrow"]["ETH"] == [[0, 0.04, 0.2], [390, 0.05, 0.25]]


@pytest.mark.parametrize("payload", [{"result": {"list": [{"x": 1}]}}, {}, [1]])
def test_unknown_payloads_are_refused(payload):
    with pytest.raises(xm.InputError, match="no response of Bybit that is known"):
        load(payload)


def test_broken_payload_is_refused():
    rows = [{**RISK["result"]["list"][0], "maintenanceMargin": "low"}]
    with pytest.raises(xm.InputError, match="Bybit response: ValueError"):
        load({"result": {"list": rows}})


# What is refused, and what is said.

GOOD = {
    "positions": {"instrument": ["LTCUSDT"], "quantity": [100], "entry_price": [60], "leverage": [10]},
    "balances": {"asset": ["USDT"], "amount": [10000]},
    "instruments": {"instrument": ["LTCUSDT"], "mark": [61], "index": [61]},
    "assets": {"asset": ["USDT"], "price": [1.0]},
    "accounts": {"account": ["main"]},
}


def refusal(model="bybit.cross", params=None, **change):
    tables = {name: {**GOOD[name], **change.get(name, {})} for name in GOOD}
    book, market = xm.tables(**tables, as_of=AS_OF, venue="bybit")
    with pytest.raises(xm.InputError) as error:
        xm.margin(book, market, model, params=params)
    return [str(p) for p in error.value.problems]


TWO = {"instrument": ["LTCUSDT", "BTCUSDT"], "quantity": [1, 1], "entry_price": [60, 60000], "leverage": [10, 10]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"positions": {"leverage": [60]}},
            "positions row 2, column leverage: 60x is above the 50x allowed for 6,100 of LTCUSDT",
        ),
        (
            {"positions": {"instrument": ["XRPUSDT"]}, "instruments": {"instrument": ["XRPUSDT"]}},
            "no bybit.cross risk tiers for XRP/USDT:USDT",
        ),
        (
            {"balances": {"asset": ["XYZ"]}, "assets": {"asset": ["USDT", "XYZ"], "price": [1, 1]}},
            "balances row 2, column asset: no collateral ratio for XYZ in bybit.cross",
        ),
        (
            {
                "positions": {**TWO, "margin_mode": ["isolated", "cross"], "posted_margin": [10, None]},
                "instruments": {"instrument": TWO["instrument"], "mark": [61, 61000], "index": [61, 61000]},
            },
            "LTCUSDT is isolated, but the margin mode is one for the whole account",
        ),
        ({"positions": {"margin_mode": ["isolated"]}}, "posted_margin: isolated LTCUSDT needs its posted margin"),
        ({"positions": {"side": ["long"]}, "accounts": {"position_mode": ["one-way"]}}, "in one-way mode; allowed"),
        (
            {
                "positions": {"instrument": ["BTCUSDT"], "leverage": [None]},
                "instruments": {"instrument": ["BTCUSDT"], "mark": [61000]},
            },
            "positions row 2, column leverage: missing for BTCUSDT: its risk tiers do not say the highest one",
        ),
        ({"assets": {"asset": ["BTC"]}}, "no price for USDT: add it to the assets table"),
    ],
)
def test_refused(change, message):
    found = refusal(**change)
    assert any(message in problem for problem in found), found


def test_no_hedge_mode_for_usdc_contracts_and_inverse_perpetuals():
    for name, asset in (("BTCPERP", "USDC"), ("BTCUSD", "BTC")):
        change = {"positions": {"instrument": [name], "side": ["long"], "quantity": [1]}}
        change |= {"instruments": {"instrument": [name]}, "assets": {"asset": ["USDT", asset], "price": [1, 1]}}
        assert any(f"{name} has no hedge mode at Bybit" in p for p in refusal(**change))


def test_beyond_the_top_tier():
    tiers = {"key": ["LTC/USDT:USDT"], "floor": [0.0], "rate": [0.01], "cap": [5000.0], "max_leverage": [50.0]}
    params = xm.model("bybit.cross").params(NOW).override("mine", tiers=tiers)
    assert any("LTCUSDT is worth 6,100: the top bracket ends at 5,000" in p for p in refusal(params=params))


def test_portfolio_refuses_other_coins_and_isolated_legs():
    found = refusal("bybit.portfolio", positions={"margin_mode": ["isolated"], "posted_margin": [10]})
    assert any("no parameters in bybit.portfolio for LTCUSDT; it has BTC, ETH" in p for p in found)
    assert any("LTCUSDT is isolated, but the margin mode is one for the whole account" in p for p in found)


def test_notes():
    orders = {"instrument": ["LTCUSDT"], "quantity": [1], "limit_price": [60]}
    book, market = xm.tables(**GOOD, orders=orders, as_of=AS_OF, venue="bybit")
    texts = [n.text for n in xm.margin(book, market, "bybit.cross").notes]
    assert any("margin of open orders is inferred" in t for t in texts)
    assert any("collateral ratios are illustrations" in t for t in texts)
    held = {"instrument": ["ETHUSDT"], "quantity": [1], "entry_price": [3000]}
    tables = {**GOOD, "positions": held, "instruments": {"instrument": ["ETHUSDT"], "mark": [3000], "index": [3000]}}
    book, market = xm.tables(**tables, as_of=AS_OF, venue="bybit")
    texts = [n.text for n in xm.margin(book, market, "bybit.portfolio").notes]
    assert any("known for BTC only" in t for t in texts)


@pytest.mark.parametrize("model", ["bybit.cross", "bybit.portfolio"])
def test_empty_book_is_zero(model):
    book, market = xm.tables(accounts={"account": ["nobody"]}, as_of=AS_OF)
    margin = xm.margin(book, market, model)
    assert [margin.equity.value[0], margin.initial.value[0], margin.maintenance.value[0]] == [0, 0, 0]
