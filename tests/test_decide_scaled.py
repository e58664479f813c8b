"""Parameters times a multiplier: by scope, once for all, by bracket key; extremes and bounds."""

import datetime as dt

import numpy as np
import pytest

import xlmargin as xm
from tests.test_decide_dynamic import account
from xlmargin.decide.scaled import Scale, scaled
from xlmargin.params import Params


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
