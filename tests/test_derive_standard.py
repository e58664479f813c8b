"""derive.standard against the repository's cases and margins read from the chain."""

import math
from functools import cache

import numpy as np
import pytest

import xlmargin as xm
from tests import derive_cases, evidence, onchain_cases, shared_golden
from tests.derive_cases import net

MODEL = "derive.standard"
LEVELS = {"IM": "initial", "MM": "maintenance"}


@cache
def data():
    return shared_golden.load("defi/derive_srm_cases.json")


def run(cases):
    book, market, params = derive_cases.standard(cases, data()["param_sets"])
    return xm.margin(book, market, MODEL, params=params)


@evidence.suite(MODEL, grade="repository cases, set A: IM, MM, mark-to-market", tolerance=1e-9)
def set_a():
    cases = data()["cases_A"]
    margin = run(cases)
    figures = {key: net(margin, level) for key, level in LEVELS.items()} | {"portfolio_mtm": margin.equity.value}
    return {
        (c["id"], key): evidence.relative(found[r], c["expected"][key])
        for key, found in figures.items()
        for r, c in enumerate(cases)
    }


@evidence.suite(MODEL, grade="repository cases, set B: whole USD, truncated", tolerance=0.0, unit="USD")
def set_b():
    cases = data()["cases_B"]
    margin = run(cases)
    return {
        (c["id"], key): evidence.exactly(
            math.trunc(round(float(net(margin, level)[r]), 9)), int(float(c["expected"][f"{key}_trunc"]))
        )
        for key, level in LEVELS.items()
        for r, c in enumerate(cases)
    }


@evidence.suite(MODEL, grade="own cases on the rulebook's dated parameters", tolerance=1e-6)
def own():
    return onchain_cases.own_errors(MODEL)


def test_set_a():
    evidence.check(set_a)


def test_set_b_truncated():
    evidence.check(set_b)


def test_own_cases():
    evidence.check(own)


def test_ledger_readds():
    margin = run(data()["cases_A"])
    onchain_cases.readds(margin, margin.account)


def test_chain_short_options():
    evidence.check(chain_short_options)


@evidence.suite(MODEL, grade="margins read from the deployed contracts", tolerance=1e-6, unit="USD")
def chain_short_options():
    sm = shared_golden.load("defi/derive_chain_cases.json")["sm"]
    cash, scope = "USDC", sm["underlying"]
    common = {"underlying": scope, "settle": cash, "quote": cash, "index": sm["spot"], "kind": "option"}
    rows = [
        {
            "instrument": f"row {n}",
            "expiry": derive_cases.AS_OF + r["seconds_to_expiry"],
            "strike": r["strike"],
            "option_type": r["type"],
            "iv": r["vol"],
            "forward": r["forward"],
            "quantity": sm["amount"],
            "account": str(n),
            **common,
        }
        for n, r in enumerate(sm["rows"])
    ]
    book, market = xm.tables(
        derive_cases.columns(rows), assets={"asset": [cash], "price": [1.0]}, as_of=derive_cases.AS_OF
    )
    params = xm.model("derive.standard").params(derive_cases.AS_OF).override("chain", by={scope: sm["params"]})
    margin = xm.margin(book, market, "derive.standard", params=params)
    return {
        (n, key): abs(net(margin, level)[n] - float(r["expected"][key]))
        for key, level in LEVELS.items()
        for n, r in enumerate(sm["rows"])
    }


def test_unit_cases():
    unit = shared_golden.load("defi/derive_srm_unit_cases.json")
    params = unit_params(unit["common"])
    for n, case in enumerate(unit["isolated"]["cases"]):
        margin = unit_margin([[case["strike"], case["type"], case["amount"]]], unit["common"], params)
        for level, key in (("initial", "expected_IM"), ("maintenance", "expected_MM")):
            np.testing.assert_allclose(net(margin, level), case[key], rtol=case["rel_tol"], err_msg=f"case {n}")


def test_unit_portfolios():
    """Requirements of option portfolios; an inequality where the repository asserts only that a trade passes."""
    unit = shared_golden.load("defi/derive_srm_unit_cases.json")
    params = unit_params(unit["common"])
    checked = 0
    for case in unit["portfolio"]:
        if "legs" not in case or "oracle" in case:
            continue
        required = -net(unit_margin(case["legs"], unit["common"], params), "initial")[0]
        if "expected_IM_requirement" in case:
            assert required == pytest.approx(case["expected_IM_requirement"], rel=1e-9), case["id"]
        else:
            assert required <= case["expected_IM_requirement_at_most"] + 1e-9, case["id"]
        checked += 1
    assert checked


@pytest.mark.parametrize("kind", ["oracle_option", "oracle_perp"])
def test_unit_oracle_contingencies(kind):
    unit = shared_golden.load("defi/derive_srm_unit_cases.json")
    case = next(c for c in unit["portfolio"] if c["id"] == kind)
    params = unit_params(unit["common"]).override("unit test", by={"ETH": case["oracle"]})
    rows = option_rows(case["legs"], unit["common"]) if "legs" in case else [perp_row(case["perp"], unit["common"])]
    sure = unit_run(rows, params)
    doubtful = unit_run([r | {"index_confidence": case["spot_confidence"]} for r in rows], params)
    assert net(doubtful, "initial") - net(sure, "initial") == pytest.approx([case["expected_IM_change"]])
    assert net(doubtful, "maintenance") - net(sure, "maintenance") == pytest.approx([case["expected_MM_change"]])


def test_unit_base_collateral():
    unit = shared_golden.load("defi/derive_srm_unit_cases.json")
    case = next(c for c in unit["portfolio"] if c["id"] == "base_im_scale")
    for row in case["rows"]:
        own = {"margin_factor": row["margin_factor"], "im_scale": row["im_scale"]}
        if not row["margin_factor"]:
            continue
        margin = base_margin(case["base"], case["base_spot"], own, 1.0)
        assert margin.equity.value[0] == pytest.approx(case["expected_mtm"])
        assert net(margin, "initial")[0] == pytest.approx(row["IM"])
        assert net(margin, "maintenance")[0] == pytest.approx(row["MM"])


def test_unit_base_oracle():
    unit = shared_golden.load("defi/derive_srm_unit_cases.json")
    case = next(c for c in unit["portfolio"] if c["id"] == "oracle_base")
    own = {k: case[k] for k in ("margin_factor", "im_scale", "oc_factor")} | {
        "base_threshold": case["oracle_threshold"]
    }
    margin = base_margin(case["base"], case["base_spot"], own, case["spot_confidence"])
    assert net(margin, "maintenance")[0] == pytest.approx(case["expected_MM"])
    # the repository's doubt is on the base alone: (1 − 0.3)·0.1·2·20000 = 2800 below 20000
    assert net(margin, "initial")[0] == pytest.approx(case["expected_IM"])


def base_margin(amount, price, own, confidence):
    params = xm.model("derive.standard").params(derive_cases.AS_OF).override("unit test", by={"BTC": own})
    book, market = xm.tables(
        balances={"asset": ["BTC"], "amount": [amount]},
        assets={"asset": ["BTC", "USDC"], "price": [price, 1.0], "confidence": [confidence, 1.0]},
        as_of=derive_cases.AS_OF,
    )
    return xm.margin(book, market, "derive.standard", params=params)


def test_unit_depeg():
    unit = shared_golden.load("defi/derive_srm_unit_cases.json")
    case = next(c for c in unit["portfolio"] if c["id"] == "multi_market_depeg")
    own = {"depeg_threshold": case["depeg"]["threshold"], "depeg_factor": case["depeg"]["factor"]}
    for held in case["markets"]:
        common = unit["common"] | {"spot": held["spot"], "forward": held["spot"]}
        legs = [[held["spot"] * 1.5, "call", -held["short_options"]]]
        rows = [*option_rows(legs, common), perp_row(held["abs_perp"], common)]
        params = unit_params(unit["common"]).override("unit test", by={"ETH": own})
        margin = unit_run(rows, params, stable=case["stable"])
        ledger = margin.explain()
        assert ledger[ledger["line"] == "Depeg"]["amount"].iloc[0] == pytest.approx(held["expected_penalty"])


def unit_params(common):
    own = {
        **common["option_params"],
        "perp_im": common["perp"]["im"],
        "perp_mm": common["perp"]["mm"],
        "depeg_threshold": common["depeg"]["threshold"],
        "depeg_factor": common["depeg"]["factor"],
    }
    return xm.model("derive.standard").params(derive_cases.AS_OF).override("unit test", by={"ETH": own})


def option_rows(legs, common):
    base = {
        "kind": "option",
        "underlying": "ETH",
        "settle": "USDC",
        "quote": "USDC",
        "index": common["spot"],
        "forward": common["forward"],
        "iv": 1e-12,
        "expiry": derive_cases.AS_OF + common["seconds_to_expiry"],
    }
    return [
        base | {"instrument": f"leg {n}", "strike": float(strike), "option_type": kind, "quantity": float(amount)}
        for n, (strike, kind, amount) in enumerate(legs)
    ]


def perp_row(quantity, common):
    return {
        "instrument": "ETH-PERP",
        "kind": "perp",
        "underlying": "ETH",
        "settle": "USDC",
        "mark": common["spot"],
        "index": common["spot"],
        "quantity": quantity,
    }


def unit_run(rows, params, stable=1.0):
    book, market = xm.tables(
        derive_cases.columns(rows), assets={"asset": ["USDC"], "price": [stable]}, as_of=derive_cases.AS_OF
    )
    return xm.margin(book, market, "derive.standard", params=params)


def unit_margin(legs, common, params):
    return unit_run(option_rows(legs, common), params)


@pytest.mark.parametrize("field", ["cases_A", "cases_B"])
def test_cases_alone_equal_stacked(field):
    stacked = run(data()[field])
    for n, case in enumerate(data()[field][:5]):
        assert run([case]).initial.value[0] == stacked.initial.value[n]
