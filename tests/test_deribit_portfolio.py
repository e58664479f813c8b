"""deribit.portfolio and deribit.cross_portfolio against the venue's response examples and captured accounts."""

import numpy as np
import pytest

import xlmargin as xm
from tests import shared_golden
from xlmargin.symbols import parse


@pytest.fixture(scope="module")
def cases():
    return {c["id"]: c for c in shared_golden.load("deribit_okx/deribit_cases.json")["cases"]}


@pytest.fixture(scope="module")
def parameter_sets():
    return {s["id"]: s for s in shared_golden.load("deribit_okx/deribit_pm_params.json")["sets"]}


def payload(own: dict) -> dict:
    """A parameter set in the shape that the venue's API gives."""
    keys = [
        "price_range",
        "volatility_range_up",
        "volatility_range_down",
        "min_volatility_for_shock_up",
        "short_term_vega_power",
        "long_term_vega_power",
        "extended_table_factor",
        "m_inc",
        "delta_total_liq_shock_threshold",
        "max_delta_shock",
    ]
    pair = {own["pair"]: {k: own[k] for k in keys}}
    return {
        "result": {"model_params": {"currency_pair": pair, "currency": own["currency"], "general": {"mm_factor": 0.8}}}
    }


def matrix_cases(cases):
    return [c for c in cases.values() if "positions_base" in c["inputs"] and "risk_matrix_margin" in c["expected"]]


def run(case, own):
    inputs = case["inputs"]
    coin = own["pair"].split("_")[0].upper()
    names = list(inputs["positions_base"])
    positions = {
        "instrument": names,
        "quantity": [
            base * (inputs["mark"][n] if parse(n).inverse else 1.0) for n, base in inputs["positions_base"].items()
        ],
        "mark": [inputs["mark"][n] for n in names],
        "index": [inputs["index"][own["pair"]]] * len(names),
    }
    settings = {k: [inputs.get(k, 0.0)] for k in ("mmp_margin", "open_orders_margin", "spot_margin")}
    as_of = inputs["timestamp_ms"]
    book, market = xm.tables(
        positions,
        balances={"asset": [coin], "amount": [0.0]},
        accounts={"account": ["main"], **settings},
        as_of=as_of,
    )
    model = xm.model("deribit.portfolio")
    params = model.load(payload(own), model.params(market.as_of))
    return xm.margin(book, market, model, params=params)


def test_response_examples_to_the_last_digit(cases, parameter_sets):
    tested = matrix_cases(cases)
    assert tested
    for case in tested:
        margin, want = run(case, parameter_sets[case["params"]]), case["expected"]
        risk = margin.extras["risk matrix margin"]
        named = {line.name: line.value[0] for line in risk.parts}
        worst = next(v for k, v in named.items() if k.startswith("Worst case"))
        assert worst == round(want["worst_case"], 9), case["id"]
        assert named["Roll shock"] == pytest.approx(want["roll_shock"], rel=1e-14)
        assert named["Delta shock"] == want["delta_shock"]
        assert risk.value[0] == pytest.approx(want["risk_matrix_margin"], abs=1e-15)
        assert round(margin.initial.value[0], 9) == round(want["initial_margin"], 9)
        assert margin.maintenance.value[0] == pytest.approx(want["maintenance_margin"], abs=1e-15)
        if "worst_case_bucket" in want:
            assert margin.worst[0] == want["worst_case_bucket"]["index"]


def test_every_cell_of_the_examples(cases, parameter_sets):
    for case in matrix_cases(cases):
        detail = run(case, parameter_sets[case["params"]]).detail()
        session, want = detail.run.session, case["expected"]
        ready, legs = session.ready, detail.run.book.legs
        for h, i in enumerate(legs.instrument):
            name, cells = str(session.market.name[i]), legs.quantity[h] * ready.cells[i]
            if name in want.get("initial_standard_by_bucket", {}):
                by_bucket = cells[: ready.width : 3]
                np.testing.assert_allclose(by_bucket, want["initial_standard_by_bucket"][name], rtol=1e-13, atol=1e-17)
            if name in want.get("initial_extended", {}):
                np.testing.assert_allclose(cells[ready.width :], want["initial_extended"][name], rtol=1e-13)
        final = detail.grid.pnl[0]
        np.testing.assert_allclose(
            final[: ready.width : 3], want["aggregated_standard_by_bucket"], rtol=1e-13, atol=1e-17
        )
        np.testing.assert_allclose(final[ready.width :], want["aggregated_extended"], atol=1e-12)


def cross(balances, prices, positions=None, overrides=None, as_of="2026-05-06T00:00Z"):
    assets = {"asset": list(prices), "price": list(prices.values())}
    book, market = xm.tables(
        positions, {"asset": list(balances), "amount": list(balances.values())}, assets=assets, as_of=as_of
    )
    params = xm.model("deribit.cross_portfolio").params(market.as_of)
    if overrides:
        params = params.override("case", by=overrides)
    return xm.margin(book, market, "deribit.cross_portfolio", params=params)


def test_equity_enters_the_matrix(cases):
    """Captured totals; the band allows for the rounding of the published equities (see the case)."""
    case = cases["DER-XPM-COLLATERAL-2026-05"]
    prices = case["inputs"]["price_usd_inferred"] | {"USDT": 1.0, "SOL": 100.0}
    ranges = {coin: {"price_range": value} for coin, value in case["inputs"]["price_range"].items()}
    equity = {k: v for k, v in case["inputs"]["equity"].items() if v}
    margin = cross(equity, prices, overrides=ranges)
    assert margin.maintenance.value[0] == pytest.approx(case["expected"]["total_maintenance_margin_usd"], abs=3e-4)
    assert 0.26700 <= margin.maintenance.value[0] <= 0.26745


def test_mixed_contracts_net_by_coin_but_not_in_the_roll_shock(cases):
    case = cases["DER-XPM-MIXED-2026-02-A"]
    inputs = case["inputs"]
    eth = 1958.0
    positions = {
        "instrument": ["ETH-PERPETUAL", "ETH_USDC-PERPETUAL"],
        "quantity": [inputs["positions"]["ETH-PERPETUAL_usd"], inputs["positions"]["ETH_USDC-PERPETUAL"]],
        "mark": [eth, eth],
        "index": [eth, eth],
    }
    prices = {"BTC": inputs["BTC_price_inferred"], "ETH": eth, "USDC": 1.0}
    ranges = {coin: {"price_range": value} for coin, value in inputs["price_range"].items()}
    margin = cross(inputs["equity"], prices, positions, ranges, as_of="2026-02-16T00:00Z")
    matrix = margin.maintenance.value[0] / 0.8
    assert 0.56942 <= matrix <= 0.56977
    assert matrix == pytest.approx(case["expected"]["total_maintenance_margin_usd"] / 0.8, abs=2e-4)


def test_maintenance_is_a_fixed_share(cases):
    case = cases["DER-XPM-MM-RATIO"]
    factor = xm.model("deribit.cross_portfolio").params(1.77e9)["mm_factor"]
    assert case["inputs"]["total_initial_margin_usd"] * factor == pytest.approx(
        case["expected"]["total_maintenance_margin_usd"], abs=1e-9
    )


def option_book(quantity, **more):
    row = {
        "instrument": "BTC-25DEC26-90000-C",
        "quantity": quantity,
        "mark": 0.05,
        "iv": 0.5,
        "forward": 90_500.0,
        "index": 90_000.0,
    }
    return xm.tables({k: [v] for k, v in (row | more).items()}, as_of="2026-11-25T08:00Z")


def test_options_carry_a_notice():
    margin = xm.margin(*option_book(-1.0), "deribit.portfolio")
    texts = " ".join(n.text for n in margin.notes)
    assert "options in the risk matrix" in texts
    assert "third party" in texts


def test_short_option_cell_against_a_scalar_reading():
    """One cell recomputed by hand: volatility up, price up by the whole range, turned to coin at the moved forward."""
    import math

    margin = xm.margin(*option_book(-1.0), "deribit.portfolio").detail()
    p = margin.run.session.params
    get = lambda key: p.get(key, "BTC")  # noqa: E731
    days, move = 30.0, get("price_range")
    tau, sigma, forward, strike = days / 365, 0.5, 90_500.0, 90_000.0
    up = max(sigma * (1 + get("volatility_range_up")), get("min_volatility_for_shock_up"))

    def call(f, s):
        d1 = (math.log(f / strike) + s * s * tau / 2) / (s * math.sqrt(tau))
        n = lambda x: 0.5 * math.erfc(-x / math.sqrt(2))  # noqa: E731
        return f * n(d1) - strike * n(d1 - s * math.sqrt(tau))

    moved = forward * (1 + move)
    want = -(call(moved, up) / moved - call(forward, sigma) / forward)
    column = 24
    assert margin.grid.pnl[0, column] == pytest.approx(want, rel=1e-12)


def test_ledger_readds():
    detail = xm.margin(*option_book(-3.0), "deribit.portfolio").detail()
    for line in detail.lines().values():
        assert line.gap(detail.run.book) < 1e-9


def test_delta_shock_above_the_threshold():
    """|D|·S − threshold times |D|·m_inc, capped; 1,000 BTC short perpetual at 90,000."""
    positions = {"instrument": ["BTC-PERPETUAL"], "quantity": [-9e7], "mark": [9e4], "index": [9e4]}
    margin = xm.margin(*xm.tables(positions, as_of="2026-11-25"), "deribit.portfolio")
    shock = {line.name: line.value[0] for line in margin.extras["risk matrix margin"].parts}["Delta shock"]
    assert shock == pytest.approx(min((9e7 - 2e7) * 1000 * 5e-5, 0.1 * 9e7) / 9e4)
    assert any("delta shock" in n.text for n in margin.notes)


def test_loader_refuses_unknown_keys():
    model = xm.model("deribit.portfolio")
    with pytest.raises(xm.ParameterError, match="price_rnge"):
        model.load({"currency_pair": {"btc_usd": {"price_rnge": 0.1}}}, model.params(1.79e9))


def test_the_entry_price_of_an_option_does_not_matter():
    """Options are worth their mark: what was paid for one is in the wallet already."""
    name = "BTC-25DEC26-90000-C"

    def margin(entry):
        position = {"instrument": [name], "quantity": [-1], "entry_price": [entry]}
        listed = {"instrument": [name], "mark": [0.02], "index": [9e4], "forward": [9e4], "iv": [0.5]}
        cash = {"asset": ["BTC"], "amount": [1.0]}
        prices = {"asset": ["BTC"], "price": [9e4]}
        book, market = xm.tables(position, cash, listed, prices, as_of="2026-11-25", venue="deribit")
        return xm.margin(book, market, "deribit.cross_portfolio")

    without, paid = margin(None), margin(0.05)
    for line, same in zip(without.lines().values(), paid.lines().values(), strict=True):
        np.testing.assert_allclose(line.value, same.value, rtol=1e-12)
