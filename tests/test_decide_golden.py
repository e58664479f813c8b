"""The project's own cases of decisions, from official text and published examples: one room of TOML files a verb."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests import evidence, tiered_cases
from xlmargin.decide.collateral import allocate
from xlmargin.decide.dynamic import dynamic
from xlmargin.decide.liquidation import liquidation
from xlmargin.decide.programme import Infeasible
from xlmargin.decide.simulate import ranking, simulate

GOLDEN = Path(__file__).parent / "golden"
EVERYWHERE = (1e-6, 1e3)


def room(verb):
    """The cases of a verb by file name."""
    paths = sorted((GOLDEN / f"decide_{verb}").glob("*.toml"))
    return {p.stem: tomllib.loads(p.read_text(encoding="utf-8")) for p in paths}


def each(verb):
    cases = room(verb)
    return pytest.mark.parametrize("case", cases.values(), ids=cases.keys())


def margin(case):
    """The margin of a case under its rulebook, with what the case puts in place of its parameters."""
    assert case["source"]
    assert case["evidence"]
    book, market = xm.tables(**case["tables"], as_of=case.get("as_of", tiered_cases.AS_OF), venue=case.get("venue", ""))
    params = xm.model(case["model"]).params(market.as_of)
    if "override" in case:
        params = params.override("golden case", **case["override"])
    return xm.margin(book, market, case["model"], params=params)


def prices(case, wanted):
    """How far the nearest root is from a published price, in units of its tolerance; none where none is expected."""
    found = liquidation(margin(case), by=case.get("by", "instrument"), reach=EVERYWHERE)
    own = found.target[found.pair] == wanted["target"]
    assert wanted["target"] in found.target
    if wanted.get("none"):
        return float(own.any())
    roots = (found.level[found.pair] * found.root)[own]
    return float(np.min(np.abs(roots - wanted["price"]), initial=np.inf)) / wanted["tolerance"]


def suites():
    """A suite a rulebook and grade: every price of its cases against the search."""
    groups = {}
    for name, case in room("liquidation").items():
        groups.setdefault((case["model"], case["evidence"]), {})[name] = case
    for (model, grade), cases in groups.items():

        def errors(cases=cases):
            return {
                (name, wanted["target"]): prices(case, wanted)
                for name, case in cases.items()
                for wanted in case["expected"]
            }

        errors.__name__ = f"liquidation {model} {grade}"
        yield evidence.suite(model, grade=f"liquidation search: {grade}", tolerance=1.0, unit=tiered_cases.STATED)(
            errors
        )


SUITES = list(suites())


@pytest.mark.parametrize("made", SUITES, ids=lambda m: f"{m.model} {m.grade}")
def test_liquidation_prices(made):
    evidence.check(made)


@each("ranking")
def test_rankings(case):
    assert case["source"]
    wanted, account = case["expected"], np.array(case["account"])
    quantity = np.array(case["quantity"], float)
    score = np.array(case.get("score", []), float)
    if "kind" in case:
        names = ("profit", "entry_value", "mark_value", "wallet", "need")
        score = ranking.score(case["kind"], *(np.array(case[n], float) for n in names))
        np.testing.assert_allclose(score, wanted["scores"], rtol=1e-12)
    assert account[ranking.order(score)].tolist() == wanted["order"]
    assert ranking.fills(quantity, score, case["size"]).tolist() == wanted["fills"]
    if "percentile" in wanted:
        assert ranking.percentile(quantity, score).tolist() == wanted["percentile"]


def programmes():
    for file, group in room("collateral").items():
        for case in group["case"]:
            yield pytest.param(group, case, id=f"{file}: {case['name']}")


@pytest.mark.parametrize(("group", "case"), list(programmes()))
def test_collateral(group, case):
    assert group["source"]
    assets, needs = (pd.DataFrame(group[t] | case.get(t, {})) for t in ("assets", "requirements"))
    pairs, groups = (pd.DataFrame(case[t]) if t in case else None for t in ("pairs", "groups"))
    how = {k: case[k] for k in ("haircuts", "as_of") if k in case}
    if "infeasible" in case:
        with pytest.raises(Infeasible) as raised:
            allocate(assets, needs, pairs, groups=groups, **how)
        assert all(words in str(raised.value) for words in case["infeasible"])
        return
    found = allocate(assets, needs, pairs, groups=groups, **how)
    assert found.exact
    assert found.cost == pytest.approx(case["cost"], rel=1e-9)
    posted = dict(zip(found.frame()["asset"], found.frame()["quantity"], strict=True))
    assert posted == pytest.approx(case["posted"], rel=1e-9)


@each("dynamic")
def test_dynamic(case):
    subject = margin(case)
    for tool, wanted in case.get("multipliers", {}).items():
        found = dynamic(subject, tool=tool, **case["how"]).regime
        np.testing.assert_allclose(found.multiplier[:, 0], wanted, rtol=1e-12)
    wanted = case.get("expected", {})
    found = dynamic(subject, **case["how"])
    frame, path = found.frame().iloc[0], found.path()
    moved = found.procyclicality().set_index("course").loc["dynamic"]
    for name, value in wanted.items():
        own = path[name] if name in path and isinstance(value, list) else (frame if name in frame else moved)[name]
        np.testing.assert_allclose(own, value, rtol=1e-9)


@each("simulate")
def test_simulate(case):
    subject = margin(case)
    for run in case["case"]:
        found = simulate(subject, run["path"])
        assert [e.kind for e in found.events] == run["kinds"]
        np.testing.assert_allclose(found.equity, run["equity"], atol=1e-9)
        np.testing.assert_allclose(found.maintenance, run["maintenance"], atol=1e-9)
        assert found.size[-1][0] == pytest.approx(run["left"])
        assert found.fund == pytest.approx(run["fund"])
        assert sum(found.totals.values()) == pytest.approx(0.0, abs=1e-9)
