"""occ.portfolio against Cboe's examples, QuantLib and a slow scalar loop."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import QuantLib as ql

import xlmargin as xm
from tests import evidence, shared_golden
from tests.span_cases import columns
from xlmargin.rulebooks.occ import values

AS_OF = "2007-02-23"
DAYS = 57
RATE, DIVIDEND = 0.0525, {"equity": 0.0, "high-cap broad index": 0.02}
OWN = Path(__file__).parent / "golden" / "occ"


def cboe():
    data = shared_golden.load("tradfi/cases_pm_cboe2007.json")
    return data, [c for c in data["cases"] if c["strength"] == "official"]


def stacked(cases):
    """All cases in one book, each an account and class group of its own; rates as the data's compilers fitted."""
    instruments, positions = [], []
    for case in cases:
        scope, own = case["id"], case["underlying"]
        common = {"underlying": scope, "scope": scope, "settle": "USD", "quote": "USD", "class": case["cls"]}
        share = {"kind": "spot", "mark": own.get("spdr_price", own["price"]), "instrument": f"{scope} shares", **common}
        held = [(share, own.get("shares", 0) or own.get("spdr_shares", 0))]
        for right, quantity, strike, price in case["legs"]:
            option = {
                "instrument": f"{scope} {right} {strike}",
                "kind": "option",
                "option_type": right,
                "strike": strike,
                "mark": price,
                "contract_size": 100,
                "expiry": 1172188800 + DAYS * 86400,
                "index": own["price"],
                "rate": RATE,
                "dividend_yield": DIVIDEND[case["cls"]],
                **common,
            }
            held.append((option, quantity))
        for instrument, quantity in held:
            if quantity:
                instruments.append(instrument)
                positions.append({"instrument": instrument["instrument"], "quantity": quantity, "account": scope})
    return xm.tables(columns(positions), instruments=columns(instruments), as_of=AS_OF)


@evidence.suite("occ.portfolio", grade="official: Cboe 2007, rates fitted", tolerance=0.005)
def cboe_cases():
    _, cases = cboe()
    margin = xm.margin(*stacked(cases), "occ.portfolio")
    found = dict(zip(margin.account, margin.initial.value, strict=True))
    expected = {c["id"]: c["expected"]["portfolio_margin"] for c in cases}
    return {name: evidence.relative(found[name], value) for name, value in expected.items()}


def test_cboe_examples():
    evidence.check(cboe_cases)


def test_within_the_datas_own_tolerance():
    data, _ = cboe()
    assert max(cboe_cases.errors().values()) <= data["tolerance_suggested"]


def test_minimum_a_contract_needs_no_model():
    _, cases = cboe()
    margin = xm.margin(*stacked(cases), "occ.portfolio")
    least = {c["id"]: 37.5 * sum(abs(leg[1]) for leg in c["legs"]) for c in cases}
    found = dict(zip(margin.account, margin.extras["minimum"].value, strict=True))
    assert found == pytest.approx(least, abs=1e-9)
    assert all(v >= least[k] for k, v in zip(margin.account, margin.initial.value, strict=True))


def test_published_shocks():
    published = shared_golden.load("tradfi/tims_params.json")
    shocks = sorted(tuple(v) for v in xm.model("occ.portfolio").params(1.8e9)["shocks"].values())
    assert shocks == sorted((s["down"], s["up"]) for s in published["shocks"])
    assert xm.model("occ.portfolio").params(1.8e9)["minimum_per_contract"] == published["minimum_per_contract"]


def quantlib(spot, strike, days, rate, carry, vol, call, steps=None):
    """The same option in QuantLib: its own CRR tree, or Black-Scholes for European exercise."""
    today = ql.Date(23, 2, 2007)
    ql.Settings.instance().evaluationDate = today
    count = ql.Actual365Fixed()
    curve = lambda r: ql.YieldTermStructureHandle(ql.FlatForward(today, r, count))  # noqa: E731
    surface = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), vol, count))
    quote = ql.QuoteHandle(ql.SimpleQuote(spot))
    process = ql.BlackScholesMertonProcess(quote, curve(carry), curve(rate), surface)
    payoff = ql.PlainVanillaPayoff(ql.Option.Call if call else ql.Option.Put, strike)
    exercise = ql.AmericanExercise(today, today + days) if steps else ql.EuropeanExercise(today + days)
    option = ql.VanillaOption(payoff, exercise)
    engine = ql.BinomialCRRVanillaEngine(process, steps) if steps else ql.AnalyticEuropeanEngine(process)
    option.setPricingEngine(engine)
    return option.NPV()


@pytest.mark.parametrize("call", [True, False])
def test_values_against_quantlib(call):
    spots, strikes = np.array([80.0, 97.73, 112.0]), np.array([90.0, 100.0, 105.0])
    for spot in spots:
        for strike in strikes:
            terms = (spot, strike, DAYS / 365, RATE, 0.03, 0.25, call)
            days = (spot, strike, DAYS, RATE, 0.03, 0.25, call)
            assert values.european(values.Terms(*terms)) == pytest.approx(quantlib(*days), abs=1e-9)
            tree = values.american(values.Terms(*(np.array([t]) for t in terms)), 801)[0]
            assert tree == pytest.approx(quantlib(*days, steps=801), abs=6e-3)


def test_american_puts_are_worth_early_exercise():
    terms = [np.array([v]) for v in (60.0, 100.0, 1.0, 0.08, 0.0, 0.2)]
    put = values.Terms(*terms, np.array([False]))
    assert values.american(put, 120)[0] == pytest.approx(40.0, abs=1e-9)
    assert values.european(put)[0] < 40.0


def test_implied_volatility_returns():
    facts = {
        "strike": np.array([95.0, 100.0, 110.0]),
        "tau": np.full(3, 0.3),
        "rate": np.full(3, 0.05),
        "carry": np.zeros(3),
        "call": np.array([True, False, True]),
        "american": np.array([True, True, False]),
    }
    spot, vol = np.full(3, 100.0), np.array([0.2, 0.45, 0.3])
    price = values.theoretical(facts, spot, vol, 120)
    np.testing.assert_allclose(values.implied(facts, spot, price, 120), vol, atol=1e-9)


def indices(offset=None, quantity=(-2.0, 1.0, 3.0), groups=("broad", "broad", "")):
    """Three class groups with published profit and loss, so that every figure can be worked by hand."""
    rng = np.random.default_rng(5)
    profit = np.round(rng.normal(0, 1000, (3, 10)))
    names = ["SPX", "NDX", "ABC"]
    table = {
        "instrument": [f"{n} option" for n in names],
        "kind": ["option"] * 3,
        "underlying": names,
        "settle": ["USD"] * 3,
        "quote": ["USD"] * 3,
        "option_type": ["C"] * 3,
        "strike": [100.0] * 3,
        "mark": [5.0] * 3,
        "contract_size": [100.0] * 3,
        "expiry": ["2026-12-18"] * 3,
        "class": ["high-cap broad index", "high-cap broad index", "equity"],
        **{f"p{n + 1}": profit[:, n] for n in range(10)},
    }
    book, market = xm.tables(
        {"instrument": table["instrument"], "quantity": list(quantity)}, instruments=table, as_of="2026-11-25"
    )
    by = {n: {"product_group": g} for n, g in zip(names, groups, strict=True) if g}
    params = xm.model("occ.portfolio").params(market.as_of).override("test", by=by, product_offset=offset or 0.0)
    return profit, xm.margin(book, market, "occ.portfolio", params=params)


@pytest.mark.parametrize("offset", [0.0, 0.9, 1.0])
def test_offsets_against_a_scalar_loop(offset):
    quantity = (-2.0, 1.0, 3.0)
    profit, margin = indices(offset, quantity)
    worst = 0.0
    for point in range(10):
        results = [quantity[0] * profit[0][point], quantity[1] * profit[1][point]]
        worst = max(worst, -sum(r if r < 0 else offset * r for r in results))
    single = max(0.0, -min(quantity[2] * p for p in profit[2]))
    assert margin.initial.value[0] == pytest.approx(max(worst + single, 37.5 * 6), rel=1e-12)
    detail = margin.detail()
    assert all(tree.gap(detail.run.book) < 1e-9 for tree in detail.lines().values())
    assert any("offset percentages" in n.text for n in margin.notes)


def test_class_groups_without_a_product_group_stand_alone():
    profit, margin = indices(0.9, groups=("", "", ""))
    alone = sum(max(0.0, -min(q * p for p in row)) for q, row in zip((-2.0, 1.0, 3.0), profit, strict=True))
    assert margin.initial.value[0] == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        ({"class": "small"}, "class", "no such class"),
        ({"index": None}, "index", "index is missing for"),
        ({"rate": None}, "rate", "rate is missing for"),
        ({"mark": 500.0}, "mark", "no volatility explains the mark"),
        ({"p3": 1.0}, "p1", "give all or none"),
    ],
)
def test_bad_input_is_named(change, column, words):
    row = {
        "instrument": "my option",
        "kind": "option",
        "underlying": "ABC",
        "settle": "USD",
        "quote": "USD",
        "option_type": "C",
        "strike": 100.0,
        "mark": 5.0,
        "contract_size": 100.0,
        "expiry": "2027-03-19",
        "index": 100.0,
        "rate": 0.04,
        "class": "equity",
    }
    table = {k: [v] for k, v in (row | change).items()}
    book, market = xm.tables({"instrument": ["my option"], "quantity": [-1]}, instruments=table, as_of="2026-11-25")
    with pytest.raises(xm.InputError) as error:
        xm.margin(book, market, "occ.portfolio")
    problem = error.value.problems[0]
    assert (problem.table, problem.row, problem.column) == ("positions", 2, column)
    assert words in problem.message


@pytest.mark.parametrize("path", sorted(OWN.glob("*.toml")), ids=lambda p: p.stem)
def test_own_cases(path):
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    book, market = xm.tables(columns(case["positions"]), instruments=columns(case["instruments"]), as_of=case["as_of"])
    params = xm.model("occ.portfolio").params(market.as_of)
    margin = xm.margin(book, market, "occ.portfolio", params=params.override("case", by=case.get("by", {})))
    assert margin.initial.value[0] == pytest.approx(case["expected"]["initial"], abs=case["tolerance"])
