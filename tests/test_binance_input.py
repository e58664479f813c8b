"""Binance: payloads of its endpoints, what is refused, what is said."""

import numpy as np
import pytest

import xlmargin as xm
from tests.tiered_cases import AS_OF
from xlmargin.rulebooks.binance import coinm, usdm
from xlmargin.tiers import Tiers

NOW = 1_795_608_000.0

# What Binance serves.

LEVERAGE_BRACKET = [
    {
        "symbol": "ETHUSDT",
        "brackets": [
            {
                "bracket": 1,
                "initialLeverage": 75,
                "notionalCap": 10000,
                "notionalFloor": 0,
                "maintMarginRatio": 0.0065,
                "cum": 0.0,
            },
            {
                "bracket": 2,
                "initialLeverage": 50,
                "notionalCap": 50000,
                "notionalFloor": 10000,
                "maintMarginRatio": 0.01,
                "cum": 35.0,
            },
        ],
    }
]
COLLATERAL_V1 = [{"asset": "USDC", "collateralRate": "1.0000"}, {"asset": "ETH", "collateralRate": "0.9500"}]
COLLATERAL_V2 = [
    {
        "asset": "BNB",
        "collateralInfo": [
            {"tierFloor": "0.0000", "tierCap": "1000.0000", "collateralRate": "1.0000", "cum": "0.0000"},
            {"tierFloor": "1000.0000", "tierCap": "2000.0000", "collateralRate": "0.9000", "cum": "0.0000"},
        ],
    }
]


def test_bracket_payload_replaces_only_its_symbols():
    before = usdm.usdm.params(NOW)
    after = xm.model("binance.usdm").load(LEVERAGE_BRACKET, before)
    tiers = Tiers.of(after["brackets"])
    assert after.version.startswith("leverageBracket response: ETH/USDT:USDT")
    eth, btc = tiers.find(["ETH/USDT:USDT", "BTC/USDT:USDT"])
    assert tiers.marginal(np.array([20000.0]), np.array([eth]))[0] == 165.0
    assert tiers.cap[eth] == 50000
    assert tiers.marginal(np.array([20000.0]), np.array([btc]))[0] == 80.0


def test_bracket_payload_of_coinm_in_its_own_spelling():
    payload = {
        "symbol": "ETHUSD_PERP",
        "brackets": [
            {"bracket": 1, "initialLeverage": 125, "qtyCap": 50, "qtylFloor": 0, "maintMarginRatio": 0.004, "cum": 0.0}
        ],
    }
    after = xm.model("binance.coinm").load(payload, coinm.coinm.params(NOW))
    assert "ETH/USD:ETH" in Tiers.of(after["brackets"]).names


def test_bracket_payload_with_a_wrong_cum_is_refused():
    wrong = [{**LEVERAGE_BRACKET[0], "brackets": [*LEVERAGE_BRACKET[0]["brackets"]]}]
    wrong[0]["brackets"][1] = {**wrong[0]["brackets"][1], "cum": 36.0}
    with pytest.raises(xm.ParameterError, match="cumulative amount 36 of ETH/USDT:USDT"):
        xm.model("binance.usdm").load(wrong, usdm.usdm.params(NOW))


def test_collateral_payloads():
    before = xm.model("binance.portfolio").params(NOW)
    assert xm.model("binance.portfolio").load(COLLATERAL_V1, before)["collateral"]["ETH"] == 0.95
    tiered = xm.model("binance.portfolio").load(COLLATERAL_V2, before)
    assert tiered["collateral_pro"]["BNB"] == [[0, 1], [1000, 0.9], [2000]]
    assert "ETH/USDT:USDT" in xm.model("binance.portfolio").load(LEVERAGE_BRACKET, before)["brackets_usdm"]["key"]
    with pytest.raises(xm.InputError, match="neither a leverageBracket nor a collateralRate"):
        xm.model("binance.portfolio").load([{"symbol": "X"}], before)
    with pytest.raises(xm.InputError, match=r"leverageBracket response: .* in "):
        xm.model("binance.usdm").load([{"symbol": "BTCUSDT", "brackets": [{"bracket": 1}]}], usdm.usdm.params(NOW))


# What is refused, and what is said.

GOOD = {
    "positions": {"instrument": ["BTCUSDT"], "quantity": [1], "entry_price": [60000], "leverage": [20]},
    "balances": {"asset": ["USDT"], "amount": [10000]},
    "instruments": {"instrument": ["BTCUSDT"], "mark": [61000]},
    "accounts": {"account": ["main"]},
}


def refusal(model="binance.usdm", **change):
    tables = {name: {**GOOD[name], **change.get(name, {})} for name in GOOD}
    book, market = xm.tables(**tables, assets=change.get("assets"), as_of=AS_OF, venue="binance")
    with pytest.raises(xm.InputError) as error:
        xm.margin(book, market, model)
    return [str(p) for p in error.value.problems]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"positions": {"quantity": [50000]}},
            "positions row 2, column quantity: BTCUSDT is worth 3,050,000,000: the top bracket ends at 1,800,000,000",
        ),
        (
            {"positions": {"quantity": [100], "leverage": [75]}},
            "positions row 2, column leverage: 75x is above the 50x allowed for 6,100,000 of BTCUSDT",
        ),
        (
            {"balances": {"asset": ["DOGE"]}},
            "balances row 2, column asset: DOGE is not collateral of Binance USD-M",
        ),
        (
            {
                "positions": {"margin_mode": ["isolated"], "posted_margin": [3000]},
                "accounts": {"mode": ["multi-assets"]},
                "assets": {"asset": ["USDT"], "price": [1]},
            },
            "column margin_mode: BTCUSDT is isolated, but multi-assets mode is cross only; allowed: cross",
        ),
        (
            {"positions": {"margin_mode": ["isolated"]}},
            "positions row 2, column posted_margin: isolated BTCUSDT needs its posted margin",
        ),
        (
            {"positions": {"side": ["long"]}, "accounts": {"position_mode": ["one-way"]}},
            "positions row 2, column side: a long leg of BTCUSDT in one-way mode",
        ),
        ({"positions": {"side": ["short"]}}, "positions row 2, column quantity: 1 on the short leg of BTCUSDT"),
        (
            {"positions": {"instrument": ["PEPEUSDT"]}, "instruments": {"instrument": ["PEPEUSDT"]}},
            "positions row 2, column instrument: no binance.usdm brackets for PEPE/USDT:USDT",
        ),
        (
            {"accounts": {"mode": ["multi-assets"]}},
            "balances row 2, column asset: no price for USDT; add it to the assets table",
        ),
        ({"accounts": {"mode": ["multi"]}}, "'multi' is not one of single-asset, multi-assets"),
    ],
)
def test_refused(change, message):
    assert any(message in problem for problem in refusal(**change)), refusal(**change)


def test_one_way_and_hedge_legs_of_one_contract_are_refused():
    legs = {"instrument": ["BTCUSDT"] * 2, "quantity": [1, 1], "entry_price": [1, 1], "leverage": [1, 1]}
    change = {"positions": {**legs, "side": [None, "long"]}}
    assert "positions row 3, column side: a long leg of BTCUSDT in one-way mode" in refusal(**change)[0]


def test_portfolio_refuses_isolated_and_unrated():
    prices = {"asset": ["USDT", "XYZ"], "price": [1, 1]}
    change = {"positions": {"margin_mode": ["isolated"]}, "balances": {"asset": ["XYZ"]}, "assets": prices}
    refused = refusal("binance.portfolio", **change)
    assert any("BTCUSDT is isolated, but the unified account is cross only" in p for p in refused)
    assert any("no collateral rate for XYZ" in p and "Params.override(collateral={…})" in p for p in refused)


def test_before_the_first_bracket_table_contracts_are_refused():
    book, market = xm.tables(**GOOD, as_of="2025-06-01", venue="binance")
    with pytest.raises(xm.InputError, match=r"no binance\.usdm brackets for BTC/USDT:USDT"):
        xm.margin(book, market, "binance.usdm")


def test_notes():
    silent = {k: v for k, v in GOOD["positions"].items() if k not in ("leverage", "entry_price")}
    book, market = xm.tables(**{**GOOD, "positions": silent}, as_of=AS_OF, venue="binance")
    texts = [n.text for n in xm.margin(book, market, "binance.usdm").notes]
    assert any("no leverage given" in t for t in texts)
    assert any("no entry price" in t for t in texts)
    coin = {"instrument": ["BTCUSD_PERP"], "quantity": [1], "entry_price": [60000], "leverage": [10]}
    book, market = xm.tables(
        positions=coin, instruments={"instrument": ["BTCUSD_PERP"], "mark": [61000]}, as_of=AS_OF, venue="binance"
    )
    texts = [n.text for n in xm.margin(book, market, "binance.coinm").notes]
    assert any("Binance's contract is larger" in t for t in texts)
    assert any("about 2023-2024" in t for t in texts)


@pytest.mark.parametrize("model", ["binance.usdm", "binance.coinm", "binance.portfolio"])
def test_empty_book_is_zero(model):
    book, market = xm.tables(accounts={"account": ["nobody"]}, as_of=AS_OF)
    margin = xm.margin(book, market, model)
    assert [margin.equity.value[0], margin.initial.value[0], margin.maintenance.value[0]] == [0, 0, 0]
