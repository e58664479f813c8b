"""crossmargin.two_pot and crossmargin.one_pot: published amounts, constructed examples, and real rulebooks inside."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

import xlmargin as xm
from tests import evidence, shared_golden
from tests.law_books.clearing import span_instruments, span_params
from tests.span_cases import columns

AS_OF = "2026-06-25"
OWN = Path(__file__).parent / "golden" / "crossmargin"


def cases():
    return {c["id"]: c for c in shared_golden.load("tradfi/cases_crossmargin.json")["cases"]}


def two_pot(accounts, positions=None, instruments=None, **params):
    book, market = xm.tables(positions, accounts=accounts, instruments=instruments, as_of=AS_OF)
    p = xm.model("crossmargin.two_pot").params(market.as_of).override("case", **params)
    return xm.margin(book, market, "crossmargin.two_pot", params=p)


def stated(name, standalone, combined):
    """An account for which both houses state their figures."""
    return {
        "account": [name],
        "standalone_a": [standalone["A"]],
        "standalone_b": [standalone["B"]],
        "combined_a": [combined["A"]],
        "combined_b": [combined["B"]],
    }


@evidence.suite("crossmargin.two_pot", grade="constructed from the FICC–CME rule text", tolerance=1e-12)
def lesser_cases():
    errors = {}
    for name, case in cases().items():
        i, expected = case["inputs"], case["expected"]
        if "combined_by_model" not in i:
            continue
        combined = {h: i["combined_by_model"][f"{h}_model"] for h in "AB"}
        margin = two_pot(stated(name, i["standalone"], combined))
        errors[f"{name} saving"] = evidence.relative(margin.extras["saving"].value[0], expected["applied"])
        for h in "AB":
            found = margin.extras[f"requirement {h}"].value[0]
            errors[f"{name} {h}"] = evidence.relative(found, expected["requirement"][h])
            total = sum(i["standalone"].values())
            assert 1 - combined[h] / total == pytest.approx(expected["reduction_pct"][h])
        errors[f"{name} total"] = evidence.relative(margin.initial.value[0], sum(expected["requirement"].values()))
    return errors


def test_lesser_saving():
    evidence.check(lesser_cases)


@evidence.suite("crossmargin.two_pot", grade="official amounts of the CFTC, percentage inferred", tolerance=1e-4)
def official_amounts():
    errors = {}
    for name, case in cases().items():
        i = case["inputs"]
        if "reduction_pct_inferred" in i:
            total, kept = i["standalone_total"], 1 - i["reduction_pct_inferred"] / 100
            figures = stated(name, {"A": total, "B": 0.0}, {"A": total * kept, "B": total * kept})
            found = two_pot(figures).initial.value[0]
            errors[name] = evidence.relative(found, case["expected"]["cross_margined"])
    return errors


def test_official_amounts():
    evidence.check(official_amounts)


@evidence.suite("crossmargin.two_pot", grade="constructed from the CME–NYMEX clause", tolerance=1e-12)
def spread_cases():
    errors = {}
    for name, case in cases().items():
        for n, spread in enumerate(case["inputs"].get("spreads", ())):
            table = {"instrument": [f"{name} {n}"], "kind": ["asset"], "underlying": ["X"], "settle": ["USD"]}
            table |= {f"margin_{h}": [spread[f"margin_{h}_per_spread"]] for h in "ab"}
            table |= {"quote": ["USD"], "credit": [spread["credit_pct"] / 100]}
            outright = {h.upper(): spread["n"] * spread[f"margin_{h}_per_spread"] for h in "ab"}
            held = {"instrument": table["instrument"], "quantity": [spread["n"]], "account": [name]}
            margin = two_pot(stated(name, outright, outright), held, table, agreement="recognised spreads")
            credit = outright["A"] - margin.extras["requirement A"].value[0]
            errors[name] = evidence.relative(credit, case["expected"]["credit"])
            assert min(outright.values()) == case["expected"]["reduction_each_side_basis"]
    return errors


def test_recognised_spreads():
    evidence.check(spread_cases)


def joint_book(model, seed=4, accounts=6):
    """Futures cleared at A, options at B, margined by SPAN at A and by a second SPAN with dearer spreads at B."""
    rng = np.random.default_rng(seed)
    instruments = [i | {"house": "A" if i["kind"] == "future" else "B"} for i in span_instruments()]
    positions = [
        {"instrument": instruments[n]["instrument"], "quantity": float(rng.integers(-9, 10) or 1), "account": f"a{a}"}
        for a in range(accounts)
        for n in rng.choice(len(instruments), size=6, replace=False)
    ]
    balances = {"asset": ["USD", "USD"], "amount": [500.0, 70.0], "account": ["a0", "a0"], "location": ["A", "B"]}
    book, market = xm.tables(columns(positions), balances, columns(instruments), as_of=AS_OF)
    at = span_params("span.cme")(market.as_of)
    params = xm.model(model).params(market.as_of)
    return book, market, params.override("both", model_b="span.cme", parameters_a=at, parameters_b=at), at


def by_hand(book, market, at, clears):
    """Margin of a part of every account under plain span.cme (R,)."""
    house = np.array(market.texts["house"], object)
    keep = np.isin(house[book.legs.instrument].astype(str), clears)
    part = xm.Book(
        book.legs.at(np.flatnonzero(keep), book.legs.row[keep], len(book)),
        book.cash.at(slice(0, 0), book.cash.row[:0], len(book)),
        book.orders,
        book.account,
        book.pool,
        book.settings,
    )
    found = xm.margin(part, market, "span.cme", params=at)
    value = dict(zip(found.account, found.initial.value, strict=True))
    return np.array([value[a] for a in book.account])


def test_two_pots_of_real_rulebooks():
    book, market, params, at = joint_book("crossmargin.two_pot")
    margin = xm.margin(book, market, "crossmargin.two_pot", params=params)
    alone = {h: by_hand(book, market, at, [h]) for h in "AB"}
    combined, total = by_hand(book, market, at, ["A", "B"]), alone["A"] + alone["B"]
    saving = np.maximum(0.0, 1.0 - combined / total)
    np.testing.assert_allclose(margin.extras["saving"].value, saving, rtol=1e-12)
    np.testing.assert_allclose(margin.initial.value, total * (1 - saving), rtol=1e-12)
    assert (margin.initial.value <= total + 1e-9).all()
    assert margin.extras["equity A"].value[0] == 500.0
    assert margin.extras["equity B"].value[0] == 70.0
    detail = margin.detail("a1")
    assert all(tree.gap(detail.run.book) < 1e-9 for tree in detail.lines().values())
    assert any("made up" in n.text for n in margin.notes)


def test_one_pot_is_the_rulebook_on_the_union():
    book, market, params, at = joint_book("crossmargin.one_pot")
    margin = xm.margin(book, market, "crossmargin.one_pot", params=params)
    union = by_hand(book, market, at, ["A", "B"])
    alone = {h: by_hand(book, market, at, [h]) for h in "AB"}
    np.testing.assert_array_equal(margin.initial.value, union)
    np.testing.assert_allclose(margin.extras["saving"].value, alone["A"] + alone["B"] - union, rtol=1e-12)
    shares = margin.extras["share A"].value + margin.extras["share B"].value
    np.testing.assert_allclose(shares, union, rtol=1e-12)
    np.testing.assert_allclose(
        margin.extras["share A"].value, union * alone["A"] / (alone["A"] + alone["B"]), rtol=1e-12
    )
    detail = margin.detail("a2")
    assert all(tree.gap(detail.run.book) < 1e-9 for tree in detail.lines().values())


def test_saving_is_never_negative_and_never_more_than_the_requirement():
    worse = two_pot(stated("worse", {"A": 100.0, "B": 60.0}, {"A": 200.0, "B": 90.0}))
    assert worse.extras["saving"].value[0] == 0.0
    assert worse.initial.value[0] == 160.0


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        ({"house": ""}, "house", "does not say where it is cleared: A or B"),
        ({"a5": None}, "a5", "array value of scenario 5 is missing"),
        ({"kind": "perp"}, "instrument", "does not margin a perp"),
    ],
)
def test_bad_input_is_named(change, column, words):
    row = span_instruments()[0] | {"house": "A"} | change
    table = {k: [v] for k, v in row.items()}
    book, market = xm.tables({"instrument": table["instrument"], "quantity": [1]}, instruments=table, as_of=AS_OF)
    at = span_params("span.cme")(market.as_of)
    p = xm.model("crossmargin.one_pot").params(market.as_of).override("both", parameters_a=at, parameters_b=at)
    with pytest.raises(xm.InputError) as error:
        xm.margin(book, market, "crossmargin.one_pot", params=p)
    assert any(q.column == column and words in q.message and q.row == 2 for q in error.value.problems)


@pytest.mark.parametrize("path", sorted(OWN.glob("*.toml")), ids=lambda p: p.stem)
def test_own_cases(path):
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    margin = two_pot({k: [v] for k, v in case["account"].items()} | {"account": ["case"]})
    for name, value in case["expected"].items():
        found = margin.initial if name == "initial" else margin.extras[name]
        assert found.value[0] == pytest.approx(value, abs=case["tolerance"])
