"""Dynamic margin in closed forms: constant moves, one shock, order statistics, tools, backtests."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

import xlmargin as xm
from tests import evidence
from tests.law_books import var as law_book
from tests.var_cases import AS_OF, DAY, alternating, book, dates, margin, prices, texts
from xlmargin.pricing import black76
from xlmargin.rulebooks.var.tails import depth, tail
from xlmargin.volatility import buffered, ewma, filtered, summed, weights

Z = float(ndtri(0.99))


@evidence.suite("var.fhs", grade="closed forms", tolerance=1e-12)
def closed_forms_fhs():
    calm = alternating(400, 0.01)
    loss = lambda r: 100.0 * (1.0 - math.exp(-r))  # noqa: E731
    shock = calm.copy()
    shock[-1] = 0.05
    sigma = math.sqrt(0.97 * 0.01**2 + 0.03 * 0.05**2)
    stressed = np.concatenate([alternating(150, 0.03), alternating(400, 0.01)])
    days = dates(551)
    period = {"stress_start": iso(days[1]), "stress_end": iso(days[150])}
    quiet = np.concatenate([alternating(1000, 0.03), alternating(1300, 0.01)])
    long = math.sqrt((1000 * 0.03**2 + 1300 * 0.01**2) / 2300)
    cases = {
        "constant move, long": (margin(book(calm)), loss(0.01 * math.sqrt(2))),
        "constant move, short": (margin(book(calm, -1.0)), 100.0 * (math.exp(0.01 * math.sqrt(2)) - 1)),
        "constant move, one day": (margin(book(calm), horizon=1), loss(0.01)),
        "constant move, shortfall": (margin(book(calm), measure="es"), loss(0.01 * math.sqrt(2))),
        "one shock rescales all": (margin(book(shock), horizon=1), loss(sigma)),
        "overlapping sums cancel": (margin(book(calm), scaling="overlap"), 0.0),
        "stressed weight": (
            margin(book(stressed), horizon=1, tool="stress weight", lookback=300, **period),
            0.75 * loss(0.01) + 0.25 * loss(0.03),
        ),
        "floor at long-run volatility": (margin(book(quiet), horizon=1, tool="floor"), loss(long)),
        "buffer": (margin(book(calm), horizon=1, tool="buffer"), 1.25 * loss(0.01)),
    }
    return {name: evidence.relative(found.initial.value[0], expected) for name, (found, expected) in cases.items()}


@evidence.suite("var.ewma", grade="closed forms", tolerance=1e-12)
def closed_forms_ewma():
    calm = alternating(400, 0.01)
    shock = calm.copy()
    shock[-11] = 0.05
    later = 0.97**10
    sigma = math.sqrt(later * (0.97 * 0.01**2 + 0.03 * 0.05**2) + (1 - later) * 0.01**2)
    shortfall = math.exp(-0.5 * Z * Z) / math.sqrt(2 * math.pi) / 0.01
    stressed = np.concatenate([alternating(150, 0.03), alternating(400, 0.01)])
    days = dates(551)
    period = {"stress_start": iso(days[1]), "stress_end": iso(days[150])}
    run = lambda held, **options: margin(held, "var.ewma", **options)  # noqa: E731
    cases = {
        "constant move": (run(book(calm)), Z * math.sqrt(2) * 1.0),
        "short position": (run(book(calm, -3.0), horizon=1), 3 * Z),
        "shortfall": (run(book(calm), horizon=1, measure="es"), shortfall),
        "a shock decays by λ a day": (run(book(shock), horizon=1), 100 * Z * sigma),
        "stressed weight": (run(book(stressed), horizon=1, tool="stress weight", lookback=300, **period), Z * 1.5),
        "buffer": (run(book(calm), horizon=1, tool="buffer"), 1.25 * Z),
    }
    return {name: evidence.relative(found.initial.value[0], expected) for name, (found, expected) in cases.items()}


def iso(moment):
    return pd.Timestamp(moment, unit="s").isoformat()


@pytest.mark.parametrize("suite", [closed_forms_fhs, closed_forms_ewma], ids=lambda s: s.model)
def test_suite(suite):
    evidence.check(suite)


def test_ewma_is_the_recursion_and_its_weights():
    returns = np.random.default_rng(0).normal(size=(300, 3)) * 0.02
    variance = (returns[:60] ** 2).mean(axis=0)
    slow = [np.sqrt(variance)]
    for r in returns:
        variance = 0.94 * variance + 0.06 * r * r
        slow.append(np.sqrt(variance))
    found = ewma(returns, 0.94, 60)
    np.testing.assert_allclose(found, slow, rtol=1e-14)
    np.testing.assert_allclose(np.sqrt(weights(300, 0.94, 60) @ returns**2), found[-1], rtol=1e-12)
    assert weights(0, 0.94, 60).shape == (0,)


def test_filtered_returns_are_capped_and_blended():
    returns, sigma, today = np.array([[0.01], [0.02]]), np.array([[0.01], [0.002]]), np.array([0.02])
    np.testing.assert_allclose(filtered(returns, sigma, today).ravel(), [0.02, 0.2])
    np.testing.assert_allclose(filtered(returns, sigma, today, cap=2.0).ravel(), [0.02, 0.04])
    np.testing.assert_allclose(filtered(returns, sigma, today, middle=True).ravel(), [0.015, 0.11])
    still = filtered(np.zeros((2, 1)), np.zeros((2, 1)), np.array([0.0]))
    assert still.tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize(
    ("count", "confidence", "k"), [(250, 0.99, 3), (100, 0.99, 1), (1250, 0.99, 13), (500, 0.975, 13)]
)
def test_the_order_statistic(count, confidence, k):
    pnl = np.random.default_rng(count).normal(size=(5, count)).round(1)
    assert depth(count, confidence) == k
    value, which = tail(pnl, k, shortfall=False)
    mean, all_of_them = tail(pnl, k, shortfall=True)
    for r in range(5):
        ordered = sorted(-pnl[r], reverse=True)
        assert value[r] == ordered[k - 1] == -pnl[r, which[r, 0]]
        assert mean[r] == pytest.approx(sum(ordered[:k]) / k, rel=1e-14)
        assert len(set(all_of_them[r])) == k
    assert (mean >= value).all()


@pytest.mark.parametrize("measure", ["var", "es"])
def test_fhs_is_the_slow_loop(measure):
    """Every contract revalued in every scenario by plain loops, linear, inverse and options of both kinds."""
    tables = law_book.tables(np.random.default_rng(5), 3)
    frames = {k: pd.DataFrame(v) for k, v in tables.items()}
    held = xm.tables(**frames)
    result = margin(held, measure=measure)
    history = frames["history"]
    loss = {a: [] for a in result.account}
    scaled = {}
    for coin in law_book.SPOT:
        r = np.diff(np.log(history[coin]))
        variance, sigma = float((r[:60] ** 2).mean()), []
        for x in r:
            sigma.append(math.sqrt(variance))
            variance = 0.97 * variance + 0.03 * x * x
        scaled[coin] = [x / s * math.sqrt(variance) * math.sqrt(2) for x, s in zip(r[60:], sigma[60:], strict=True)]
    facts = {i["instrument"]: i for i in tables["instruments"]}
    market = held[1]
    tau = {n: s / (365 * DAY) for n, s in zip(market.name, market.seconds, strict=True)}
    for s in range(len(scaled["BTC"])):
        total = dict.fromkeys(result.account, 0.0)
        for p in tables["positions"]:
            name, coin = p["instrument"], p["instrument"][:3]
            f, spot = math.exp(scaled[coin][s]), law_book.SPOT[coin]
            total[p["account"]] += p["quantity"] * gain(name, facts[name], f, spot, tau[name])
        for account, value in total.items():
            loss[account].append(-value)
    k = depth(len(scaled["BTC"]), 0.99)
    for account, found in zip(result.account, result.initial.value, strict=True):
        worst = sorted(loss[account], reverse=True)[:k]
        expected = worst[-1] if measure == "var" else sum(worst) / k
        assert found == pytest.approx(max(expected, 0.0), rel=1e-10)


def gain(name, fact, f, spot, tau):
    if not name.endswith(("-C", "-P")):
        mark = fact["mark"]
        return mark * (f - 1) if "USDC" in name else (1 / mark - 1 / (mark * f)) * spot * f
    strike, call, forward = float(name.split("-")[2]), name.endswith("C"), fact["forward"]
    value = lambda x: float(black76(x, strike, fact["iv"] * math.sqrt(tau), call))  # noqa: E731
    return (value(forward * f) / (forward * f) - value(forward) / forward) * spot * f


def test_ewma_var_is_the_covariance_form():
    """z·√h·√(δ'Σδ) with Σ from the recursion on products, and its Euler shares."""
    rng = np.random.default_rng(7)
    r = rng.normal(size=(300, 2)) * [0.02, 0.03]
    history = {"date": dates(301), "BTC": prices(r[:, 0], 50.0), "ETH": prices(r[:, 1], 20.0)}
    positions = {
        "instrument": ["BTC-PERP", "ETH-PERP"],
        "quantity": [2.0, -3.0],
        "mark": [50.0, 20.0],
        "settle": ["USD"] * 2,
    }
    held = xm.tables(positions=positions, history=history, as_of=AS_OF)
    detail = margin(held, "var.ewma", horizon=1).detail()
    covariance = r[:60].T @ r[:60] / 60
    for x in r:
        covariance = 0.97 * covariance + 0.03 * np.outer(x, x)
    delta = np.array([100.0, -60.0])
    sigma = math.sqrt(delta @ covariance @ delta)
    assert detail.initial.value[0] == pytest.approx(Z * sigma, rel=1e-12)
    np.testing.assert_allclose(detail.initial.parts[0].amounts, Z * delta * (covariance @ delta) / sigma, rtol=1e-10)


def test_margin_scales_with_volatility():
    r = np.random.default_rng(1).normal(size=500) * 0.01
    loud = r.copy()
    loud[-40:] *= 3
    for model in ("var.fhs", "var.ewma"):
        calm, after = (margin(book(x), model).initial.value[0] for x in (r, loud))
        assert 1.8 * calm < after < 3.5 * calm


def test_overlapping_sums():
    assert summed(np.arange(5.0)[:, None], 3).ravel().tolist() == [3.0, 6.0, 9.0]
    trend = np.full(300, -0.01)
    found = margin(book(trend), scaling="overlap", horizon=5).initial.value[0]
    assert found == pytest.approx(100 * (1 - math.exp(-0.05)), rel=1e-12)


def test_the_buffer_is_held_released_and_rebuilt():
    p = xm.model("var.fhs").params(AS_OF)
    charged, previous = [], np.array([np.nan])
    for raw in (100.0, 100.0, 110.0, 125.0, 140.0, 140.0, 120.0, 100.0):
        previous = buffered(np.array([raw]), previous, p["buffer"], p["rebuild"])
        charged.append(previous[0])
    assert charged == [125.0, 125.0, 125.0, 125.0, 140.0, 140.0, 140.0, 125.0]
    assert buffered(np.array([140.0]), np.array([140.0]), p["buffer"], 0.1)[0] == pytest.approx(154.0)
    accounts = {"account": ["main"], "previous_margin": [1.1]}
    held = book(alternating(400, 0.01), accounts=accounts)
    raw = 100 * (1 - math.exp(-0.01))
    assert margin(held, horizon=1, tool="buffer").initial.value[0] == pytest.approx(max(raw, 1.1))


def test_ledger_of_every_tool_readds():
    frames = {k: pd.DataFrame(v) for k, v in law_book.tables(np.random.default_rng(2), 3).items()}
    held = xm.tables(**frames)
    first, last = frames["history"]["date"].iloc[[1, 150]]
    for model in ("var.fhs", "var.ewma"):
        for tool in ("none", "buffer", "stress weight", "floor"):
            result = margin(held, model, tool=tool, stress_start=iso(first), stress_end=iso(last))
            for account in result.account:
                detail = result.detail(account)
                for line in detail.lines().values():
                    assert line.gap(detail.run.book) < 1e-9
    assert str(margin(held).worst[0]).startswith("20")


def test_notes():
    assert "fewer than the 250" in texts(margin(book(alternating(200, 0.01))))
    weekly = book(alternating(300, 0.01))
    weekly[1].tables["history"]["date"] = [AS_OF - 7 * DAY * k for k in range(300, -1, -1)]
    assert "7 days apart" in texts(margin(weekly))
    old = book(alternating(300, 0.01))
    old[1].tables["history"]["date"] = dates(301, AS_OF - 30 * DAY)
    assert "30 days old" in texts(margin(old))
    assert "no previous margin" in texts(margin(book(alternating(300, 0.01)), tool="buffer"))
    assert "no entry price" in texts(margin(book(alternating(300, 0.01))))
    assert "less than ten years" in texts(margin(book(alternating(300, 0.01)), tool="floor"))


def test_what_a_part_costs_alone_stands_beside_it_and_is_not_added():
    returns = alternating(300, 0.01)
    floored = margin(book(returns), horizon=1, tool="floor")
    table = floored.explain()
    own = table[table["alone"].notna()]
    assert own["line"].tolist() == ["Floor at long-run volatility"] * 2, "under initial and maintenance"
    raw = float(table.loc[(table["heading"] == "initial") & (table["line"] == "Recent loss"), "amount"].iloc[0])
    assert own["amount"].iloc[0] == pytest.approx(max(own["alone"].iloc[0] - raw, 0.0))
    assert ">alone<" in floored._repr_html_()
    assert "alone" not in margin(book(returns), horizon=1).explain()
