"""Backtests and their published tests of coverage; measures of procyclicality."""

import math

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests import evidence
from tests.law_books import var as law_book
from tests.var_cases import alternating, book, dates, margin, prices
from xlmargin.backtest import backtest, christoffersen, independence, kupiec, procyclicality


@evidence.suite(
    "var.fhs", grade="published likelihood ratios (Jorion, Value at Risk, 3rd ed., 6.2)", tolerance=0.005, unit="LR"
)
def published_ratios():
    """JP Morgan 1998: 20 exceptions in 252 days at 95 %, 6 of them after an exception."""
    series = sequence(t00=218, t01=14, t10=14, t11=6)
    return {
        "unconditional": abs(kupiec(20, 252, 0.95).statistic - 3.91),
        "independence": abs(independence(series).statistic - 9.53),
        "conditional": abs(christoffersen(series, 0.95).statistic - 13.44),
    }


def sequence(t00, t01, t10, t11):
    """Hits with those numbers of transitions, starting and ending calm (t01 = t10)."""
    out, runs = [False], t01
    extra = t11
    for run in range(runs):
        length = 1 + (extra if run == 0 else 0)
        out += [True] * length + [False]
    return np.array(out + [False] * t00, bool)


def test_published_ratios():
    series = sequence(218, 14, 14, 6)
    assert (len(series) - 1, series.sum()) == (252, 20)
    evidence.check(published_ratios)


def test_tests_at_their_ends():
    assert kupiec(0, 250, 0.99).statistic == pytest.approx(-2 * 250 * math.log(0.99))
    assert kupiec(250, 250, 0.99).p_value < 1e-100
    assert kupiec(0, 0, 0.99).p_value == 1.0
    assert independence(np.zeros(10, bool)).statistic == 0.0
    assert independence(np.array([True])).p_value == 1.0
    assert kupiec(3, 300, 0.99).p_value == pytest.approx(1.0)


def test_measures_of_procyclicality():
    found = procyclicality(np.array([100.0, 110.0, 90.0, 180.0]), steps=(1, 2, 9))
    assert found.peak_to_trough == 2.0
    assert (found.rise[1], found.rise[2]) == (90.0, 70.0)
    assert found.rise_percent[1] == 1.0
    assert np.isnan(found.rise[9])
    assert found.deviation == pytest.approx(np.std(np.log([1.1, 9 / 11, 2.0])))
    flat = procyclicality(np.full(40, 7.0))
    assert (flat.peak_to_trough, flat.rise[30], flat.deviation) == (1.0, 0.0, 0.0)
    assert np.isnan(procyclicality(np.array([0.0, 1.0])).peak_to_trough)


def test_backtest_of_a_constant_market():
    """Moves of ±1 %: a margin of the constant move is met exactly, never breached, and never moves."""
    result = backtest(*book(alternating(700, 0.01)), "var.fhs", days=100, options={"horizon": 1})
    loss = 100 * (1 - math.exp(-0.01))
    np.testing.assert_allclose(result.margin, loss, rtol=1e-9)
    assert result.loss.max() == pytest.approx(loss)
    assert result.procyclicality()["peak to trough"][0] == pytest.approx(1.0)
    assert len(result.frame()) == 100


def test_backtest_sees_only_what_was_known():
    r = np.random.default_rng(11).normal(size=900) * 0.01
    held = book(r, -2.0)
    result = backtest(*held, "var.ewma", days=60, options={"horizon": 1})
    t = 900 - 60
    past = book(r[:t])
    alone = margin((past[0], past[1]), "var.ewma", horizon=1).initial.value[0]
    assert result.margin[0, 0] == pytest.approx(2 * alone, rel=1e-9)
    assert result.loss[0, 0] == pytest.approx(200 * (math.exp(r[t]) - 1), rel=1e-9)
    wild = r.copy()
    wild[-1] = 0.5
    again = backtest(*book(wild, -2.0), "var.ewma", days=60, options={"horizon": 1})
    np.testing.assert_allclose(again.margin, result.margin, rtol=1e-9)
    assert again.breaches[-1, 0]


def test_backtest_counts_breaches():
    r = np.random.default_rng(4).standard_normal(600) * 0.01
    result = backtest(*book(r), "var.ewma", days=400, options={"horizon": 1, "lookback": 200, "confidence": 0.95})
    told = result.tests().iloc[0]
    assert told["days"] == 400
    assert told["expected"] == pytest.approx(20)
    assert told["breaches"] == result.breaches.sum()
    assert 8 <= told["breaches"] <= 40
    assert told["kupiec"] == kupiec(int(told["breaches"]), 400, 0.95).statistic
    assert told["christoffersen p"] > 0.001
    with pytest.raises(xm.InputError, match="need more"):
        backtest(*book(r[:100]), "var.ewma", days=500)


def test_backtest_steps_by_the_horizon():
    result = backtest(*book(alternating(500, 0.01)), "var.fhs", days=100, options={"scaling": "overlap"})
    assert (result.horizon, len(result.dates)) == (2, 50)


def test_backtest_of_any_model():
    """A rulebook that does not look at history has one margin, held against what came."""
    rng = np.random.default_rng(0)
    history = {"date": dates(301), "BTC": prices(rng.normal(size=300) * 0.03, 83_500.0)}
    frames = {k: pd.DataFrame(v) for k, v in law_book.tables(rng, 2).items() if k != "history"}
    frames["positions"] = frames["positions"].query("instrument.str.startswith('BTC')")
    held = xm.tables(**frames, history=history)
    result = backtest(*held, "deribit.standard", days=50)
    assert result.margin.shape == result.loss.shape
    assert np.ptp(result.margin, axis=0).max() <= 1e-6 * result.margin.max()
