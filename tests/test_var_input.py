"""Histories and options of the VaR rulebooks: what is wrong is refused in words, what is late is not known."""

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests.var_cases import AS_OF, DAY, alternating, book, dates, margin, prices

GOOD = {"date": ["2026-01-01", "2026-01-02"], "BTC": [1.0, 2.0]}
BAD = [
    (None, "history, column date: no price history is given"),
    ({"BTC": [1.0]}, "history row 1, column date: required column is missing"),
    ({"date": ["2026-01-01", "yesterday"], "BTC": [1.0, 2.0]}, "history row 3, column date: not a date: 'yesterday'"),
    ({"date": ["2026-01-01", "2026-01-01"], "BTC": [1.0, 2.0]}, "history row 3, column date: this date stands twice"),
    (
        {"date": ["2026-01-01", "2026-01-02"], "BTC": [1.0, -2.0]},
        "history row 3, column BTC: a price must be above zero",
    ),
    ({"date": ["2026-01-01", "2026-01-02"], "BTC": [1.0, "x"]}, "history row 3, column BTC: not a number: 'x'"),
    ({"date": ["2026-01-01", "2026-01-02"], "BTC": [1.0, float("inf")]}, "must be above zero and finite"),
    (
        {"date": ["2026-01-01", "2026-01-02"], "ETH": [1.0, 2.0]},
        "positions row 2, column instrument: no column BTC in the history",
    ),
    ({"date": ["2026-01-01"], "BTC": [1.0, 2.0]}, "columns of different lengths"),
    (GOOD, "1 days for|at least 100"),
    (
        {"date": ["2026-01-01"] * 2, "name": ["BTC", "BTC"], "price": [1.0, 2.0]},
        "history row 3, column date: BTC stands twice on this date",
    ),
]


@pytest.mark.parametrize(("table", "message"), BAD, ids=range(len(BAD)))
@pytest.mark.parametrize("model", ["var.fhs", "var.ewma"])
def test_a_bad_history_is_refused(table, message, model):
    positions = {"instrument": ["BTC-PERP"], "quantity": [1.0], "mark": [1.0], "settle": ["USD"]}
    more = {} if table is None else {"history": table}
    with pytest.raises(xm.InputError, match=message):
        margin(xm.tables(positions=positions, as_of=AS_OF, **more), model)


def test_a_gap_in_the_lookback_is_refused_and_one_before_is_not():
    held = book(alternating(400, 0.01))
    price = held[1].tables["history"]["BTC"]
    price[390] = np.nan
    with pytest.raises(xm.InputError, match="one is missing on"):
        margin(held)
    price[390], price[5] = price[388], np.nan
    assert margin(held, lookback=300).initial.value[0] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence": 1.0}, "options, column confidence: 1 is not allowed: at least 0.5 and below 1"),
        ({"confidence": 0.999}, "needs at least 1000"),
        ({"horizon": 1.5}, "a whole number of days"),
        ({"decay": 1.0}, "between 0 and 1"),
        ({"lookback": 0}, "a whole number of days"),
        ({"tool": "stress weight"}, "options, column stress_start: the stressed period needs its days"),
        ({"tool": "stress"}, "is not one of none, buffer, stress weight, floor"),
        ({"measure": "cvar"}, "is not one of var, es"),
    ],
)
@pytest.mark.parametrize("model", ["var.fhs", "var.ewma"])
def test_bad_options_are_refused(options, message, model):
    with pytest.raises(xm.InputError, match=message):
        margin(book(alternating(400, 0.01)), model, **options)


def test_long_and_wide_histories_are_one():
    r = np.random.default_rng(3).normal(size=300) * 0.01
    wide = book(r)
    own = wide[1].tables["history"]
    long = {"Date": own["date"], "Underlying": ["btc"] * 301, "Close": own["BTC"]}
    order = np.random.default_rng(0).permutation(301)
    shuffled = {k: [v[i] for i in order] for k, v in long.items()}
    found = [margin(book(r, history=h)).initial.value[0] for h in (own, long, shuffled, pd.DataFrame(long))]
    assert len(set(found)) == 1


def test_what_comes_after_the_moment_is_not_known():
    r = np.random.default_rng(3).normal(size=400) * 0.01
    table = {"date": dates(401, AS_OF + 50 * DAY), "BTC": prices(r)}
    known = {k: v[:351] for k, v in table.items()}
    assert margin(book(r, history=table)).initial.value[0] == margin(book(r, history=known)).initial.value[0]


def outcome(table, model):
    """The margin, or the problems that stand in its way."""
    try:
        return margin(book(np.zeros(160), history=table), model, lookback=100), ()
    except xm.InputError as error:
        return None, error.problems


@pytest.mark.parametrize("seed", range(20))
def test_fuzzed_histories_are_read_or_refused(seed):
    rng = np.random.default_rng(seed)
    odd = [None, "", "x", -1, 0, float("nan"), float("inf"), "1,000.5", True, "2026-01-01", 1e300, 1e-300, "5 %"]
    table = {"date": list(dates(161)), "BTC": list(prices(rng.normal(size=160) * 0.02)), "note": ["?"] * 161}
    for _ in range(int(rng.integers(1, 4))):
        column = str(rng.choice(["date", "BTC"]))
        table[column][int(rng.integers(161))] = odd[int(rng.integers(len(odd)))]
    for model in ("var.fhs", "var.ewma"):
        found, said = outcome(table, model)
        assert (found is None) == bool(said)
        assert all(p.table == "history" for p in said)
        assert found is None or np.isfinite(found.initial.value).all()
