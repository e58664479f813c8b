"""OKX: random books against slow loops, payloads of its endpoints, what is refused, what is said."""

import numpy as np
import pytest

import xlmargin as xm
from tests import okx_random, tiered_cases
from tests.tiered_cases import AS_OF
from xlmargin.tiers import Tiers, ratios

NOW = 1_795_608_000.0


@pytest.mark.parametrize("seed", range(3))
def test_random_books_against_a_slow_loop(seed):
    book, market, tables = okx_random.random_book(seed)
    margin = xm.margin(book, market, "okx.cross", params=okx_random.parameters(market.as_of))
    got = {(a, p): i for i, (a, p) in enumerate(zip(margin.account, margin.pool, strict=True))}
    wanted = okx_random.slow(tables)
    assert set(wanted) <= set(got)
    for key, figures in wanted.items():
        for name, value in figures.items():
            assert getattr(margin, name).value[got[key]] == pytest.approx(value, rel=1e-9, abs=1e-6), (key, name)
    assert tiered_cases.readds(margin) < 1e-9
    assert tiered_cases.same_alone(margin)


def test_portfolio_accounts_alone_are_as_inside_many():
    book, market, _ = okx_random.random_book(7, isolated=False)
    params = xm.model("okx.portfolio").params(market.as_of)
    discount = {a: [list(t) for t in s] for a, s in okx_random.DISCOUNT.items()}
    margin = xm.margin(book, market, "okx.portfolio", params=params.override("ours", discount=discount))
    assert tiered_cases.readds(margin) < 1e-9
    assert tiered_cases.same_alone(margin)
    assert (margin.initial.value >= margin.maintenance.value - 1e-9).all()


# What OKX serves.

SWAP = {
    "code": "0",
    "instType": "SWAP",
    "data": [
        {"tier": "2", "instFamily": "BTC-USDT", "uly": "BTC-USDT", "minSz": "1000", "maxSz": "5000", "mmr": "0.005",
         "imr": "0.0133", "maxLever": "75", "optMgnFactor": "0"},
        {"tier": "1", "instFamily": "BTC-USDT", "uly": "BTC-USDT", "minSz": "0", "maxSz": "1000", "mmr": "0.004",
         "imr": "0.01", "maxLever": "100", "optMgnFactor": "0"},
    ],
}  # fmt: skip
MARGIN = {
    "code": "0",
    "instType": "MARGIN",
    "ccy": "BTC",
    "data": [
        {"baseMaxLoan": "50", "imr": "0.1", "instId": "", "maxLever": "10", "maxSz": "50", "minSz": "0", "mmr": "0.03",
         "optMgnFactor": "0", "quoteMaxLoan": "500000", "tier": "1", "uly": "", "instFamily": ""},
    ],
}  # fmt: skip
RATES = {
    "code": "0",
    "data": [
        {"ccy": "ETH", "details": [
            {"tier": "1", "minAmt": "0", "maxAmt": "250", "discountRate": "0.98"},
            {"tier": "2", "minAmt": "250", "maxAmt": "", "discountRate": "0.95"},
        ]},
    ],
}  # fmt: skip


def test_position_tiers_payload():
    before = xm.model("okx.cross").params(NOW)
    after = xm.model("okx.cross").load(SWAP, before)
    tiers = Tiers.of(after["tiers"], inclusive=True)
    key = tiers.find(["SWAP BTC-USDT", "SWAP ETH-USDT"])
    assert (key >= 0).all()
    assert tiers.leverage(np.array([1000.0, 1001.0]), key[[0, 0]]).tolist() == [100, 75]
    assert tiers.cap[key[0]] == 5000
    option = {
        **SWAP,
        "instType": "OPTION",
        "data": [{**SWAP["data"][1], "instFamily": "BTC-USD", "optMgnFactor": "1.02"}],
    }
    factors = Tiers.of(xm.model("okx.cross").load(option, before)["option_factor"])
    assert factors.whole(np.ones(1), factors.find(["OPTION BTC-USD"])).tolist() == [1.02]


def test_borrowing_and_discount_payloads():
    for model in ("okx.cross", "okx.portfolio"):
        before = xm.model(model).params(NOW)
        assert xm.model(model).load(MARGIN, before)["borrow"]["BTC"] == [[0, 0.03, 0.1]]
        rates = ratios(xm.model(model).load(RATES, before)["discount"])
        assert rates.marginal(np.array([300.0]), rates.find(["ETH"]))[0] == pytest.approx(250 * 0.98 + 50 * 0.95)


def test_position_builder_payload_teaches_a_unit():
    scenarios = {"volSame": dict.fromkeys(("-0.25", "-0.16", "-0.08", "0", "0.08", "0.16", "0.25"), "0")}
    unit = {"riskUnit": "XYZ", "delta": "-1000", "mr4": "12", "mr7": "9", "mr1Scenarios": scenarios}
    unit |= {"mr6FinalResult": {"pnl": "-500", "spotShock": "0.5"}}
    unit["portfolios"] = [{"instType": "SWAP", "delta": "-1000"}]
    payload = {"code": "0", "data": [{"ts": "1736936801642", "riskUnitData": [unit]}]}
    after = xm.model("okx.portfolio").load(payload, xm.model("okx.portfolio").params(NOW))
    assert after.get("moves", "XYZ") == [0.08, 0.16, 0.25]
    assert (after.get("basis", "XYZ"), after.get("minimum", "XYZ"), after.get("extreme", "XYZ")) == (0.012, 0.009, 0.5)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"code": "0", "data": SWAP["data"]}, "needs the request's instType"),
        ({**MARGIN, "ccy": ""}, "needs the request's ccy"),
        ({"code": "0", "data": [{"x": 1}]}, "neither a position-tiers nor a discount-rate"),
        ({**SWAP, "data": [{**SWAP["data"][0], "maxSz": "many"}]}, "OKX response: ValueError"),
    ],
)
def test_payloads_that_are_refused(payload, message):
    with pytest.raises(xm.InputError, match=message):
        xm.model("okx.cross").load(payload, xm.model("okx.cross").params(NOW))


# What is refused, and what is said.

GOOD = {
    "positions": {"instrument": ["BTC-USDT-SWAP"], "quantity": [100], "entry_price": [60000], "leverage": [20]},
    "balances": {"asset": ["USDT"], "amount": [10000]},
    "instruments": {"instrument": ["BTC-USDT-SWAP"], "mark": [61000], "index": [61000], "contract_size": [0.01]},
    "assets": {"asset": ["USDT"], "price": [1.0]},
    "accounts": {"account": ["main"]},
}
CALL = {
    "instrument": ["call"], "kind": ["option"], "underlying": ["BTC"], "settle": ["BTC"], "quote": ["USD"],
    "inverse": [True], "expiry": ["2026-12-25"], "strike": [60000], "option_type": ["C"], "forward": [61000],
    "mark": [0.05], "iv": [0.5], "index": [61000],
}  # fmt: skip


def refusal(model="okx.cross", **change):
    tables = {name: {**GOOD[name], **change.get(name, {})} for name in GOOD}
    book, market = xm.tables(**tables, as_of=AS_OF, venue="okx")
    with pytest.raises(xm.InputError) as error:
        xm.margin(book, market, model)
    return [str(p) for p in error.value.problems]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"positions": {"quantity": [1001]}},
            "BTC-USDT-SWAP is part of a family held in contracts: 1,001: the top bracket ends at 1,000",
        ),
        (
            {"positions": {"leverage": [125]}},
            "leverage: 125x is above the 100x allowed for 100 of BTC-USDT-SWAP",
        ),
        (
            {"balances": {"asset": ["XYZ"]}, "assets": {"asset": ["USDT", "XYZ"], "price": [1, 1]}},
            "balances row 2, column asset: no discount rate for XYZ in okx.cross",
        ),
        ({"positions": {"margin_mode": ["isolated"]}}, "posted_margin: isolated BTC-USDT-SWAP needs its posted margin"),
        ({"positions": {"side": ["long"]}, "accounts": {"position_mode": ["one-way"]}}, "in one-way mode; allowed"),
        (
            {"positions": {"instrument": ["XRP-USDT-SWAP"]}, "instruments": {"instrument": ["XRP-USDT-SWAP"]}},
            "no okx.cross position tiers for SWAP XRP-USDT",
        ),
        ({"assets": {"asset": ["BTC"]}}, "no price for USDT"),
    ],
)
def test_refused(change, message):
    found = refusal(**change)
    assert any(message in problem for problem in found), found


def test_options_that_cannot_be_margined():
    sol = {**CALL, "underlying": ["SOL"], "settle": ["SOL"]}
    change = {"instruments": sol, "positions": {"instrument": ["call"], "quantity": [-1], "leverage": [None]}}
    tables = {k: {**v, **change.get(k, {})} if k != "instruments" else sol for k, v in GOOD.items()}
    book, market = xm.tables(**tables, as_of=AS_OF, venue="okx")
    with pytest.raises(xm.InputError, match="no option_maintenance"):
        xm.margin(book, market, "okx.cross")
    book, market = xm.tables(**{**tables, "instruments": CALL}, as_of=AS_OF, venue="okx")
    with pytest.raises(xm.InputError, match="volatility shocks"):
        xm.margin(book, market, "okx.portfolio")


def test_portfolio_with_options_by_the_users_own_shocks():
    tables = {**GOOD, "instruments": CALL, "positions": {"instrument": ["call"], "quantity": [-1]}}
    tables["balances"] = {"asset": ["BTC"], "amount": [1]}
    book, market = xm.tables(**tables, as_of=AS_OF, venue="okx")
    params = (
        xm.model("okx.portfolio").params(market.as_of).override("mine", by={"BTC": {"vol_up": 0.5, "vol_down": 0.3}})
    )
    margin = xm.margin(book, market, "okx.portfolio", params=params)
    assert margin.maintenance.value[0] > 0
    assert any("MR2" in n.text and "MR3" in n.text and "MR5" in n.text for n in margin.notes)
    assert tiered_cases.readds(margin) < 1e-9


def test_portfolio_refuses_isolated_legs():
    found = refusal("okx.portfolio", positions={"margin_mode": ["isolated"], "posted_margin": [100]})
    assert any("risk units across; allowed: cross" in p for p in found)


def test_notes():
    book, market = xm.tables(**GOOD, as_of=AS_OF, venue="okx")
    texts = [n.text for n in xm.margin(book, market, "okx.cross").notes]
    assert any("position tiers are old or partial" in t for t in texts)
    tables = {**GOOD, "balances": {"asset": ["USDT", "BTC"], "amount": [10000, 30]}}
    tables["assets"] = {"asset": ["USDT", "BTC"], "price": [1, 61000]}
    book, market = xm.tables(**tables, as_of=AS_OF, venue="okx")
    texts = [n.text for n in xm.margin(book, market, "okx.portfolio").notes]
    assert any("beyond its known discount tiers" in t for t in texts)


@pytest.mark.parametrize("model", ["okx.cross", "okx.portfolio"])
def test_empty_book_is_zero(model):
    book, market = xm.tables(accounts={"account": ["nobody"]}, as_of=AS_OF)
    margin = xm.margin(book, market, model)
    assert [margin.equity.value[0], margin.initial.value[0], margin.maintenance.value[0]] == [0, 0, 0]


@pytest.mark.parametrize(("model", "name"), [("okx.cross", "BTC-USDT-SWAP"), ("bybit.cross", "BTCUSDT")])
def test_leverage_is_not_held_against_a_size_that_is_not_known(model, name):
    """Without a mark no bracket is known: only the mark is asked for, not a leverage "allowed for nan"."""
    given = {"instrument": [name], "quantity": [1.0], "leverage": [10.0]}
    book, market = xm.tables(
        positions=given,
        balances={"asset": ["USDT"], "amount": [5.0]},
        assets={"asset": ["USDT"], "price": [1.0]},
        as_of="2026-06-01",
        venue=model.partition(".")[0],
    )
    with pytest.raises(xm.InputError, match=f"mark: missing for {name}") as caught:
        xm.margin(book, market, model)
    assert len(caught.value.problems) == 1
