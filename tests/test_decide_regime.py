"""The volatility regime: multipliers of a hand series, each bound, exponential volatility from prices."""

from dataclasses import replace

import numpy as np
import pytest

from tests.test_decide_dynamic import DAY, LONG, VOL, account, history, of, prices
from xlmargin.decide.dynamic.regime import AT_CAP, AT_FLOOR, AT_SPEED, IN_BUFFER, Policy, settings


def run(policy, *ratios, start=np.nan):
    multiplier, bound = policy.run(np.array(ratios, np.float64)[:, None], np.full(1, start))
    return multiplier.ravel().tolist(), bound.ravel().tolist()


def test_without_bounds_the_multiplier_is_the_ratio():
    assert run(Policy(), 1.0, 1.5, 0.7) == ([1.0, 1.5, 0.7], ["", "", ""])


def test_floor_and_cap_bind():
    assert run(Policy(floor=0.8, cap=1.2), 0.5, 1.0, 3.0) == ([0.8, 1.0, 1.2], [AT_FLOOR, "", AT_CAP])


def test_the_speed_limit_is_of_the_day_before():
    found, bound = run(Policy(speed=0.1), 1.0, 2.0, 2.0, 1.0)
    assert found == pytest.approx([1.0, 1.1, 1.21, 1.089])
    assert bound == ["", AT_SPEED, AT_SPEED, AT_SPEED]


def test_the_speed_limit_starts_from_what_was_in_force():
    assert run(Policy(speed=0.1), 2.0, start=1.0)[0] == pytest.approx([1.1])


def test_a_speed_limit_never_leaves_floor_and_cap():
    rng = np.random.default_rng(3)
    ratios = np.exp(rng.normal(0, 0.6, (300, 4)))
    found, _ = Policy(floor=0.7, cap=1.6, speed=0.15, buffer=0.25).run(ratios, np.full(4, np.nan))
    assert (found >= 0.7).all()
    assert (found <= 1.6).all()
    change = found[1:] / found[:-1] - 1.0
    assert np.abs(change).max() <= 0.15 + 1e-12


def test_the_buffer_is_drawn_down_and_never_below_the_ratio():
    found, bound = run(Policy(buffer=0.25), 1.0, 1.1, 1.25, 1.4, 1.2, 1.0)
    assert found == [1.25, 1.25, 1.25, 1.4, 1.4, 1.25]
    assert bound == ["", IN_BUFFER, IN_BUFFER, IN_BUFFER, IN_BUFFER, ""]


def test_stressed_weight_counts_the_highest_volatility_so_far():
    book, market = account()
    vol = {"BTC": [0.5, 1.0, 0.5], "ETH": [0.8, 0.8, 0.8]}
    found = of(book, market, vol=vol, reference=LONG, tool="stress weight").regime
    assert found.multiplier[:, 0].tolist() == [1.0, 2.0, 0.75 * 1.0 + 0.25 * 2.0]
    assert found.multiplier[:, 1].tolist() == [1.0, 1.0, 1.0]


def test_the_floor_tool_keeps_to_long_run_volatility():
    book, market = account()
    found = of(book, market, vol={"BTC": [0.5, 0.25], "ETH": [0.8, 1.0]}, reference=LONG, tool="floor")
    assert found.regime.tomorrow == {"BTC": 1.0, "ETH": pytest.approx(1.25)}
    assert found.regime.bound[-1].tolist() == [AT_FLOOR, ""]


def test_the_buffer_tool_is_a_quarter_with_its_source():
    book, market = account()
    found = of(book, market, vol=VOL, reference=LONG, tool="buffer")
    assert found.policy.buffer == 0.25
    assert found.regime.current["ETH"] == 1.25
    assert "153/2013" in settings(market.as_of).cite("buffer")


def test_exponential_volatility_by_hand():
    """λ = 0.97 from a first quarter of 1 % moves; one move of 5 % comes in with 3 % weight."""
    moves = 0.01 * (-1.0) ** np.arange(80)
    moves[-1] = 0.05
    table = history(81, BTC=moves, ETH=None)
    table["ETH"] = prices(0.01 * (-1.0) ** np.arange(80))
    book, market = account()
    found = of(book, market, history=table).regime
    sigma = np.sqrt(0.97 * 0.01**2 + 0.03 * 0.05**2)
    long = np.sqrt((79 * 0.01**2 + 0.05**2) / 80)
    assert found.volatility[-1, 0] == pytest.approx(sigma, rel=1e-12)
    assert found.reference[-1, 0] == pytest.approx(long, rel=1e-12)
    assert found.tomorrow["BTC"] == pytest.approx(sigma / long, rel=1e-12)
    assert found.current["BTC"] == pytest.approx(1.0, rel=1e-12)
    assert len(found.dates) == 81 - 60
    assert found.dates[-1] - found.dates[-2] == DAY
    multipliers = of(book, market, history=table).multipliers()
    assert multipliers["date"].iloc[-1] == "2026-11-26"


def test_a_constant_volatility_is_not_procyclical():
    book, market = account()
    found = of(book, market, history=history(BTC=None, ETH=None))
    for _, row in found.procyclicality().iterrows():
        assert row["peak to trough"] == pytest.approx(1.0, abs=1e-9)
        assert row["rise over 1"] == pytest.approx(0.0, abs=1e-6)
        assert row["deviation"] == pytest.approx(0.0, abs=1e-9)


def test_the_markets_own_history_is_taken():
    book, market = account()
    market = replace(market, tables={"history": history(BTC=None, ETH=None)})
    found = of(book, market)
    assert found.regime.tomorrow["BTC"] == pytest.approx(1.0)
    assert any("fewer than the 2500" in n.text for n in found.notes)


def test_nothing_later_than_the_market_is_seen():
    """A history that goes on after the market's time gives what its first part gives."""
    book, market = account()
    rng = np.random.default_rng(5)
    moves = rng.normal(0, 0.02, 219)
    long = history(220, BTC=moves, ETH=moves)
    early = {k: v[:200] for k, v in long.items()}
    then = replace(market, as_of=market.as_of - 20 * DAY)
    assert of(book, then, history=long).regime.tomorrow == of(book, then, history=early).regime.tomorrow
