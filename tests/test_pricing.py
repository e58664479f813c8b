"""Prices against QuantLib, against mathematics, and against loops written another way."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import shared_golden
from xlmargin.pricing import black76, greeks, implied_volatility, profit, svi_volatility

ql = pytest.importorskip("QuantLib", reason="QuantLib is not installed: pip install -e '.[test]'")
FORWARDS, STRIKES = st.floats(1.0, 2e5), st.floats(0.5, 3.0)
VOLS, TAUS = st.floats(0.05, 3.0), st.floats(1 / 365 / 24, 3.0)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(forward=FORWARDS, ratio=STRIKES, vol=VOLS, tau=TAUS, call=st.booleans(), rate=st.floats(0, 0.3))
def test_black76_is_quantlibs_black_formula(forward, ratio, vol, tau, call, rate):
    strike, deviation, discount = forward * ratio, vol * math.sqrt(tau), math.exp(-rate * tau)
    kind = ql.Option.Call if call else ql.Option.Put
    want = ql.blackFormula(kind, strike, forward, deviation, discount)
    assert float(black76(forward, strike, deviation, call, discount)) == pytest.approx(want, abs=1e-12 * forward)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(forward=FORWARDS, ratio=STRIKES, vol=VOLS, tau=TAUS)
def test_put_call_parity(forward, ratio, vol, tau):
    strike, deviation = forward * ratio, vol * math.sqrt(tau)
    gap = black76(forward, strike, deviation, True) - black76(forward, strike, deviation, False)
    assert float(gap) == pytest.approx(forward - strike, abs=1e-10 * forward)


def test_guards():
    assert black76(100.0, 0.0, 0.2, np.array([True, False])).tolist() == [100.0, 0.0]
    assert black76(0.0, 100.0, 0.2, np.array([True, False])).tolist() == [0.0, 100.0]
    assert black76(100.0, 90.0, 24.0, np.array([True, False])).tolist() == [100.0, 90.0]
    assert black76(100.0, 90.0, 0.0, np.array([True, False])).tolist() == [10.0, 0.0]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    forward=FORWARDS, ratio=st.floats(0.7, 1.4), vol=st.floats(0.2, 1.5), tau=st.floats(0.02, 2.0), call=st.booleans()
)
def test_implied_volatility_inverts(forward, ratio, vol, tau, call):
    strike = forward * ratio
    price = black76(forward, strike, vol * math.sqrt(tau), call)
    found = float(implied_volatility(price, forward, strike, tau, call))
    again = black76(forward, strike, found * math.sqrt(tau), call)
    assert float(again) == pytest.approx(float(price), abs=1e-9 * forward)


def test_implied_volatility_outside_the_band_is_nan():
    assert np.isnan(implied_volatility(np.array([101.0, -1.0]), 100.0, 100.0, 1.0, True)).all()


def test_greeks_are_slopes():
    forward, strike, vol, tau, h = 100.0, 110.0, 0.6, 0.4, 1e-4
    for call in (True, False):
        value = lambda f=forward, s=vol, t=tau, c=call: float(black76(f, strike, s * math.sqrt(t), c))  # noqa: E731
        g = {k: float(v) for k, v in greeks(forward, strike, vol, tau, call).items()}
        assert g["delta"] == pytest.approx((value(f=forward + h) - value(f=forward - h)) / (2 * h), rel=1e-6)
        assert g["gamma"] == pytest.approx((value(f=forward + h) - 2 * value() + value(f=forward - h)) / h**2, rel=1e-3)
        assert g["vega"] == pytest.approx((value(s=vol + h) - value(s=vol - h)) / (2 * h), rel=1e-6)
        assert g["theta"] == pytest.approx(-(value(t=tau + h) - value(t=tau - h)) / (2 * h) / 365, rel=1e-6)


def test_published_vectors():
    data = shared_golden.load("defi/derive_math_vectors.json")["black76"]
    for case in data["cases"]:
        wei = {k.removesuffix("_wei"): float(v) / 1e18 for k, v in case.items() if k.endswith("_wei")}
        numbers = {k: float(v) for k, v in case.items() if v is not None} | wei
        deviation = numbers["vol"] * math.sqrt(numbers["seconds"] / 31_536_000)
        for kind, call in (("call", True), ("put", False)):
            if f"expected_{kind}" in numbers:
                value = black76(numbers["forward"], numbers["strike"], deviation, call, numbers["discount"])
                assert float(value) == pytest.approx(numbers[f"expected_{kind}"], rel=1e-11, abs=data["abs_tolerance"])


def test_svi_against_a_scalar_loop():
    slice_ = {"a": 0.0132, "b": 0.0768, "rho": -0.38, "m": -0.095, "sigma": 0.18, "forward": 5673.0, "tau": 0.0635}
    strikes = np.array([1.0, 3000.0, 5673.0, 9616.0, 1e6])
    for strike, got in zip(strikes, svi_volatility(strikes, **slice_), strict=True):
        bound = 4 * math.sqrt(slice_["a"] + slice_["b"] * slice_["sigma"])
        k = max(-bound, min(bound, math.log(strike / slice_["forward"])))
        root = math.sqrt((k - slice_["m"]) ** 2 + slice_["sigma"] ** 2)
        w = slice_["a"] + slice_["b"] * (slice_["rho"] * (k - slice_["m"]) + root)
        assert got == pytest.approx(math.sqrt(min(w, 144) / slice_["tau"]), rel=1e-14)


def test_profit_of_linear_and_inverse():
    linear = profit(np.array([2.0]), np.array([0.1]), np.array([100.0]), np.array([110.0]), np.array([False]))
    inverse = profit(np.array([2.0]), np.array([10.0]), np.array([100.0]), np.array([110.0]), np.array([True]))
    assert linear[0] == pytest.approx(2.0)
    assert inverse[0] == pytest.approx(20 * (1 / 100 - 1 / 110))
