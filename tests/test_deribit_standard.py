"""deribit.standard and deribit.cross_standard against official examples and captured positions."""

import numpy as np
import pytest

import xlmargin as xm
from tests import evidence, onchain_cases, shared_golden


@pytest.fixture(scope="module")
def cases():
    return {c["id"]: c for c in shared_golden.load("deribit_okx/deribit_cases.json")["cases"]}


def one(row, as_of, overrides=None, model="deribit.standard", **tables):
    book, market = xm.tables({k: [v] for k, v in row.items()}, as_of=as_of, **tables)
    params = xm.model(model).params(market.as_of)
    return xm.margin(book, market, model, params=params.override("case", by=overrides) if overrides else params)


def rates(inputs):
    return {k: inputs[k] for k in ("im0", "mm0", "inc")}


def test_inverse_futures_examples(cases):
    tested = [c for c in cases.values() if "size_base" in c["inputs"]]
    assert tested
    for case in tested:
        price = 50_000.0
        row = {
            "instrument": "BTC-PERPETUAL",
            "quantity": case["inputs"]["size_base"] * price,
            "mark": price,
            "index": price,
        }
        margin = one(row, "2025-03-01", {"BTC": rates(case["inputs"])})
        assert round(margin.initial.value[0], 9) == case["expected"]["initial_margin"], case["id"]
        assert round(margin.maintenance.value[0], 9) == case["expected"]["maintenance_margin"], case["id"]
        if "leverage" in case["expected"]:
            assert round(1 / case["inputs"]["im0"]) == case["expected"]["leverage"]


def test_inverse_futures_by_usd_size(cases):
    tested = [c for c in cases.values() if "size_usd" in c["inputs"] and "initial_margin" in c["expected"]]
    for case in tested:
        inputs = case["inputs"]
        coin = inputs.get("currency", "ETH" if "ETH" in case["id"] else "BTC")
        row = {"instrument": f"{coin}-PERPETUAL", "quantity": inputs["size_usd"], "mark": inputs["mark"]}
        margin = one(row | {"index": inputs["mark"]}, "2026-01-01", {coin: rates(inputs)} if "im0" in inputs else None)
        assert round(margin.initial.value[0], 9) == pytest.approx(case["expected"]["initial_margin"], abs=1e-9), case[
            "id"
        ]


def test_published_rates_stand_in_the_rulebook(cases):
    """The official linear examples again, now on the rulebook's own dated parameters."""
    for case in (c for c in cases.values() if "im_usdc" in c["expected"]):
        coin = "SOL" if "SOL" in case["id"] else "BTC"
        params = xm.model("deribit.standard").params(1.75e9)
        assert [params.get(k, coin) for k in ("im0", "mm0", "inc")] == list(rates(case["inputs"]).values())


def test_captured_short_options(cases):
    tested = [c for c in cases.values() if "instrument" in c["inputs"] and "initial_margin" in c["expected"]]
    assert tested
    for case in tested:
        inputs, want = case["inputs"], case["expected"]
        row = {
            "instrument": inputs["instrument"],
            "quantity": inputs["size"],
            "mark": inputs["mark"],
            "index": inputs["index"],
        }
        as_of = "2023-07-13" if "AUG23" in inputs["instrument"] else "2022-04-20"
        margin = one(row, as_of)
        assert round(margin.initial.value[0], 9) == pytest.approx(want["initial_margin"], abs=5e-10), case["id"]
        assert round(margin.maintenance.value[0], 9) == pytest.approx(want["maintenance_margin"], abs=5e-10), case["id"]


def test_long_options_need_no_margin(cases):
    case = cases["DER-SM-OPT-LONG"]
    for name, size in case["inputs"]["instruments"].items():
        as_of = "2021-03-01" if "JUN21" in name else "2023-07-13"
        margin = one({"instrument": name, "quantity": size, "mark": 0.05, "index": 30_000.0}, as_of)
        assert margin.initial.value[0] == case["expected"]["initial_margin"]
        assert margin.maintenance.value[0] == case["expected"]["maintenance_margin"]


def test_account_identities(cases):
    """Balance, session results and option value add up to the venue's own summary."""
    case = cases["DER-ACCOUNT-SSM"]
    inputs, want = case["inputs"], case["expected"]
    results = inputs["futures_session_upl"] + inputs["futures_session_rpl"]
    positions = {
        "instrument": ["BTC-PERPETUAL", "BTC-27DEC24-100000-C"],
        "quantity": [1e-9, -1.0],
        "mark": [50_000.0, -inputs["options_value"]],
        "index": [50_000.0, 50_000.0],
        "accrued": [results, 0.0],
    }
    book, market = xm.tables(
        positions,
        {"asset": ["BTC"], "amount": [inputs["balance"]]},
        accounts={"account": ["main"]},
        as_of="2024-06-01",
    )
    margin = xm.margin(book, market, "deribit.standard")
    # the published inputs are themselves rounded to 8 decimals, so sums may differ by one in the last
    assert margin.equity.value[0] == pytest.approx(want["margin_balance"], abs=1.1e-8)
    assert margin.extras["venue equity"].value[0] == pytest.approx(want["equity"], abs=1.1e-8)
    own = margin.initial.value[0]
    assert margin.available[0] == pytest.approx(want["available_funds"] + inputs["initial_margin"] - own, abs=1.1e-8)
    withdrawable = want["available_withdrawal_funds"] + inputs["initial_margin"] - own
    assert margin.extras["withdrawable"].value[0] == pytest.approx(withdrawable, abs=1.1e-8)


def test_result_of_inverse_contracts(cases):
    from xlmargin.pricing import profit

    for case in (c for c in cases.values() if "size_usd" in c["inputs"] and "total_profit_loss" in c["expected"]):
        inputs = case["inputs"]
        result = profit(inputs["size_usd"], 1.0, inputs["average"], inputs["mark"], True)
        assert round(float(result), 9) == pytest.approx(case["expected"]["total_profit_loss"], abs=1e-9)


def test_cross_pools_in_dollars():
    """X:SM is the sum of the segregated margins, each times its index; haircuts are a line of initial margin only."""
    positions = {
        "instrument": ["BTC-PERPETUAL", "ETH-PERPETUAL", "BTC_USDC-PERPETUAL"],
        "quantity": [90_000.0, -30_000.0, 0.5],
        "mark": [90_000.0, 3_000.0, 90_000.0],
        "index": [90_000.0, 3_000.0, 90_000.0],
    }
    assets = {"asset": ["BTC", "ETH", "USDC", "stETH"], "price": [9e4, 3e3, 1.0, 3e3]}
    balances = {"asset": ["BTC", "stETH"], "amount": [1.0, 2.0]}
    book, market = xm.tables(positions, balances, assets=assets, as_of="2026-10-01")
    cross, own = (xm.margin(book, market, f"deribit.{kind}standard") for kind in ("cross_", ""))
    price = {"BTC": 9e4, "ETH": 3e3, "USDC": 1.0, "stETH": 3e3}
    by_pool = sum(v * price[pool] for v, pool in zip(own.maintenance.value, own.pool, strict=True))
    assert list(cross.pool) == ["cross"]
    assert cross.maintenance.value[0] == pytest.approx(by_pool)
    assert cross.initial.value[0] - cross.extras["venue initial"].value[0] == pytest.approx(2 * 3e3 * 0.075)


def test_unknown_coin_is_refused_with_its_row():
    row = {"instrument": "AVAX_USDC-PERPETUAL", "quantity": 1.0, "mark": 30.0, "index": 30.0}
    with pytest.raises(xm.InputError, match=r"positions row 2, column instrument: no published futures rates") as error:
        one(row, "2026-11-25")
    assert error.value.problems[0].account == "main"


def test_scalar_reading_of_the_option_rule():
    """Every branch of the short-option rule against plain arithmetic."""
    for strike, kind in ((60_000, "P"), (120_000, "C"), (90_000, "C"), (200_000, "P")):
        mark, index = 0.03, 90_000.0
        row = {"instrument": f"BTC-25DEC26-{strike}-{kind}", "quantity": -2.0, "mark": mark, "index": index}
        margin = one(row, "2026-11-25")
        out = max((strike - index if kind == "C" else index - strike), 0) / index
        mm = (0.075 if kind == "C" else max(0.075, 0.075 * mark)) + mark
        im = max(0.15 - out, 0.10) + mark
        im = max(im, mm) if kind == "P" else im
        np.testing.assert_allclose([margin.initial.value[0], margin.maintenance.value[0]], [2 * im, 2 * mm], rtol=1e-14)


def suite_of_own(model, grade):
    def own():
        return onchain_cases.own_errors(model)

    own.__name__ = f"own_{model}"
    return evidence.suite(model, grade=grade, tolerance=5e-10)(own)


OWN = [
    suite_of_own("deribit.standard", "own cases from official examples and captured positions"),
    suite_of_own("deribit.cross_standard", "own cases from official examples, in USD"),
    suite_of_own("deribit.portfolio", "official response example of private/pme/simulate"),
    suite_of_own("deribit.cross_portfolio", "own cases by hand from the official rule"),
]


@pytest.mark.parametrize("suite", OWN, ids=lambda s: s.model)
def test_own_cases(suite):
    evidence.check(suite)


@evidence.suite("deribit.standard", grade="official worked examples of linear perpetuals", tolerance=1e-12)
def linear_examples():
    found = {}
    for case in shared_golden.load("deribit_okx/deribit_cases.json")["cases"]:
        if "im_usdc" not in case["expected"]:
            continue
        inputs, want = case["inputs"], case["expected"]
        coin = "SOL" if "SOL" in case["id"] else "ETH" if "ETH" in case["id"] else "BTC"
        row = {"instrument": f"{coin}_USDC-PERPETUAL", "quantity": inputs["size"], "mark": inputs["price"]}
        margin = one(row | {"index": inputs["price"]}, "2025-06-01", {coin: rates(inputs)})
        found[case["id"], "IM"] = evidence.relative(margin.initial.value[0], want["im_usdc"])
        found[case["id"], "MM"] = evidence.relative(margin.maintenance.value[0], want["mm_usdc"])
    return found


def test_linear_examples():
    evidence.check(linear_examples)
