"""Parameters times a multiplier: by scope, once for all, by bracket key; extremes and bounds."""

import datetime as dt

import numpy as np
import pytest

import xlmargin as xm
from tests import bybit_cases, okx_cases
from tests.test_decide_dynamic import account
from xlmargin.decide.dynamic import dynamic
from xlmargin.decide.dynamic.scaled import Scale, scaled
from xlmargin.params import Params

CONTINGENCIES = ("option_contingency", "vega_contingency", "delta_contingency", "usdt_usdc_contingency")


def test_a_parameter_that_no_list_names_reaches_rules_of_either_kind():
    """Read once for all (im0 of no scope) or by scope: an underlying that stays calm keeps its value."""
    p = Params("m", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), {"x": 0.1}, {"ETH": {"x": 0.2}}, {}, {"x": "fraction"})
    _, market = account()
    made, bare = scaled(p, market, {"BTC": 1.5, "ETH": 1.0}, [Scale("x", "times", unsure=True)], "test")
    assert (made["x"], made.get("x", "BTC"), made.get("x", "ETH")) == (pytest.approx(0.15), pytest.approx(0.15), 0.2)
    assert not bare


def test_what_does_not_scale_is_said():
    """Brackets that name no such underlying leave it as it is, with a note."""
    _, market = account()
    p = xm.model("binance.usdm").params(market.as_of)
    brackets = {c: np.asarray(v) for c, v in p["brackets"].items()}
    own = [str(k).replace("ETH/", "ETHER/") for k in brackets["key"]]
    made, bare = scaled(
        p.override("other names", brackets={**brackets, "key": np.array(own, object)}),
        market,
        {"BTC": 1.0, "ETH": 2.0},
        [Scale("brackets", "table")],
        "test",
    )
    assert bare == {"ETH"}
    np.testing.assert_array_equal(made["brackets"]["rate"], brackets["rate"])


def test_extreme_scenarios_are_left_as_they_are():
    p = xm.model("derive.portfolio").params(1.79e9)
    scale = Scale("scenarios", "factor", (0,), weight=2)
    before, after = p.get("scenarios", "BTC"), scale(p.get("scenarios", "BTC"), 1.5)
    for old, new in zip(before, after, strict=True):
        assert new[1:] == old[1:]
        assert new[0] == pytest.approx(1 + 1.5 * (old[0] - 1) if old[2] == 1 else old[0])


def test_volatility_falls_to_zero_at_most():
    down = Scale("vol_down", "down")
    assert (down(0.25, 2.0), down(0.25, 9.0)) == (0.5, 1.0)


def change(margin):
    """By how much initial and maintenance margin rise as volatility rises by a fifth."""
    found = dynamic(margin, vol={"BTC": [0.5, 0.6]}, reference=0.5)
    return [
        float((after.value - before.value)[0])
        for after, before in (
            (found.tomorrow.initial, margin.initial),
            (found.tomorrow.maintenance, margin.maintenance),
        )
    ]


def test_short_options_of_bybit():
    """A fifth of 15 % and of 3 % of the index; the out-of-the-money amount, the mark and the fee stay."""
    margin = bybit_cases.option({"index": 30_000.0, "mark": 300.0, "strike": 31_000.0}, position=-1.0)
    assert change(margin) == pytest.approx([0.03 * 30_000.0, 0.006 * 30_000.0])


def test_short_options_of_okx():
    """Rates of one value for all, read without a scope, and the maintenance rate by scope; in coins, 0.1 a contract."""
    book, market, params = okx_cases.option({"ctMult": 0.1}, position=-1.0)
    margin = xm.margin(book, market, "okx.cross", params=params)
    assert change(margin) == pytest.approx([0.03 * 0.1, 0.006 * 0.1])


def test_volatility_moves_of_the_scenario_models():
    """A straddle's need rises with the volatility shocks alone where Bybit's price moves are left as they are."""
    names = ["BTC-25DEC26-60000-C", "BTC-25DEC26-60000-P"]
    more = {"forward": [60_000.0] * 2, "iv": [0.6] * 2, "mark": [2_000.0] * 2, "index": [60_000.0] * 2}
    book, market = xm.tables(
        positions={"instrument": names, "quantity": [-1.0, -1.0], "entry_price": [2_000.0] * 2},
        instruments={"instrument": names} | more,
        balances={"asset": ["USDT"], "amount": [50_000.0]},
        assets={"asset": ["USDT", "USDC"], "price": [1.0, 1.0]},
        accounts={"account": ["main"]} | {key: [0.0] for key in CONTINGENCIES},
        as_of="2026-11-25 12:00",
        venue="bybit",
    )
    margin = xm.margin(book, market, "bybit.portfolio")
    need = [margin.maintenance.value[0]]
    for names in (["vol_down"], ["vol_up"], ["vol_up", "vol_down", "moves"]):
        found = dynamic(margin, vol={"BTC": [0.5, 0.6]}, reference=0.5, scale=names)
        need.append(found.tomorrow.maintenance.value[0])
    assert need[1] == need[0]
    assert need[0] < need[2] < need[3]
