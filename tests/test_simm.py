"""SIMM against ISDA's unit tests, independent engines, third parties and hand calculations."""

import csv
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests import evidence, onchain_cases, shared_golden, simm_cases
from xlmargin.crif_words import PRODUCT_CLASSES

MODEL = "simm"
RANDOM = Path(__file__).parent / "golden" / "simm.ore"
UNIT = simm_cases.files(r"isda_unit_tests_v(.*)_(\d+)d\.csv")
OPTIONAL = simm_cases.files(r"isda_optional_tests_v(.*)_(\d+)d\.csv")
DERIVED = simm_cases.files(r"derived_suite_v(.*)_(\d+)d\.csv")
CLASSES = ("Interest rate", "Credit qualifying", "Credit non-qualifying", "Equity", "Commodity", "FX")
SEGREGATION = {"TOTAL": "total", "SEGREGATED": "segregated", "UNSEGREGATED": "unsegregated"}
SIDES = {"SECURED": "collect", "PLEDGOR": "post", "Call": "collect", "Post": "post"}


def whole(value):
    """Half up, as the official tests round."""
    return math.floor(value + 0.5)


def ids_of(tests):
    return {t["test"]: t["ids"].split() for t in tests}


def by_account(margin):
    return dict(zip(margin.account, margin.initial.value, strict=True))


def need(found):
    if not found:
        shared_golden.load("simm/isda_unit_tests")
    return found


def unit_inputs(version):
    """The official inputs of a release, or the newest ones for releases without."""
    names = simm_cases.files(r"isda_unit_inputs_v(.*)\.csv")
    own = f"isda_unit_inputs_v{version}.csv"
    return simm_cases.inputs(own if own in names else max(names))


@evidence.suite(MODEL, grade="ISDA unit tests, totals as whole numbers", tolerance=0.0, unit="USD")
def isda_totals():
    errors = {}
    for name, (version, horizon) in need(UNIT).items():
        tests = simm_cases.table(name)
        found = by_account(simm_cases.run(simm_cases.stacked(ids_of(tests), unit_inputs(version)), version, horizon))
        errors |= {
            f"{name} {t['test']}": evidence.exactly(whole(found[t["test"]]), int(t["expected_total"])) for t in tests
        }
    return errors


@evidence.suite(MODEL, grade="ISDA unit tests, margin types as whole numbers", tolerance=0.0, unit="USD")
def isda_margin_types():
    errors = {}
    columns = {"Delta": "delta", "Vega": "vega", "Curvature": "curvature", "Base correlation": "base_corr"}
    for name, (version, horizon) in need(UNIT).items():
        tests = [t for t in simm_cases.table(name) if any(t[f"expected_{c}"] for c in columns.values())]
        if not tests:
            continue
        margin = simm_cases.run(simm_cases.stacked(ids_of(tests), unit_inputs(version)), version, horizon)
        for kind, column in columns.items():
            found = dict(zip(margin.account, margin_type(margin, kind), strict=True))
            for t in tests:
                if t[f"expected_{column}"]:
                    expected = int(t[f"expected_{column}"])
                    errors[f"{name} {t['test']} {column}"] = evidence.exactly(whole(found[t["test"]]), expected)
    return errors


def margin_type(margin, kind):
    """Risk classes combined for one margin type, then product classes added, from the standalone amounts."""
    psi = np.array(margin.run.session.params["class_correlation"])
    total = np.zeros(len(margin.account))
    for product in margin.initial.parts[0].parts:
        own = np.zeros((len(total), len(CLASSES)))
        for line in product.parts:
            own[:, CLASSES.index(line.name)] = sum(k.alone for k in line.parts if k.name == kind)
        total += np.sqrt(np.maximum(np.einsum("nr,rs,ns->n", own, psi, own), 0.0))
    return total


@evidence.suite(MODEL, grade="ISDA optional tests: worst regulation, as whole numbers", tolerance=0.0, unit="USD")
def isda_regulations():
    errors = {}
    for name, (version, horizon) in need(OPTIONAL).items():
        tests = simm_cases.table(name)
        crif = simm_cases.stacked(ids_of(tests), simm_cases.inputs(f"isda_optional_inputs_v{version}.csv"))
        asked = [
            {"account": t["test"], "side": SIDES[t["role"]], "segregation": SEGREGATION[t["calc_type"]]} for t in tests
        ]
        found = by_account(simm_cases.run(crif, version, horizon, accounts=pd.DataFrame(asked)))
        errors |= {
            f"{name} {t['test']}": evidence.exactly(whole(found[t["test"]]), int(t["expected_total"])) for t in tests
        }
    return errors


@evidence.suite(MODEL, grade="independent engine (ORE), totals collected and posted", tolerance=0.01, unit="USD")
def independent_engine():
    errors = {}
    for name, (version, horizon) in need(DERIVED).items():
        tests = simm_cases.table(name)
        crif = simm_cases.stacked(ids_of(tests), unit_inputs(version))
        for side, column in (("collect", "ore_total"), ("post", "ore_total_post")):
            found = by_account(simm_cases.run(crif, version, horizon, side=side))
            errors |= {
                f"{name} {t['test']} {side}": abs(found[t["test"]] - float(t[column])) for t in tests if t[column]
            }
    return errors


@evidence.suite(MODEL, grade="independent engine (ORE), calculation currencies", tolerance=0.01, unit="USD")
def calculation_currencies():
    tests = pd.DataFrame(simm_cases.table("ore_suite_calc_currency.csv"))
    errors = {}
    for (version, horizon), group in tests.groupby(["version", "horizon_days"]):
        suite = {t["test"]: t["ids"].split() for t in simm_cases.table(max(n for n in need(UNIT) if "v2.5" in n))}
        names = [f"{t.calc_ccy} {t.side} {t.test}" for t in group.itertuples()]
        crif = simm_cases.stacked(dict(zip(names, map(suite.get, group["test"]), strict=True)), unit_inputs("2.5"))
        asked = pd.DataFrame(
            {"account": names, "calculation_currency": group["calc_ccy"], "side": group["side"].map(SIDES)}
        )
        found = by_account(simm_cases.run(crif, version, horizon, accounts=asked))
        for name, total in zip(names, group["total_usd"], strict=True):
            errors[f"{version} {horizon}d {name}"] = abs(found[name] - float(total))
    return errors


@evidence.suite(MODEL, grade="independent engine (ORE), example with regulations", tolerance=1e-6, unit="USD")
def engine_example():
    data = shared_golden.load("simm/ore_example_simm.json")
    errors = {}
    for title, rows in data["expected_simm"].items():
        version, horizon = title.removeprefix("SIMM").split("_")[:2]
        for side in ("Call", "Post"):
            rows_of_side = [r for r in rows if r["SimmSide"] == side]
            margin = simm_cases.run(pd.DataFrame(data["crif"]), version, horizon.removesuffix("D"), side=SIDES[side])
            for r in rows_of_side:
                errors[f"{title} {' '.join(map(str, r.values()))}"] = abs(told(margin, r) - float(r["InitialMargin"]))
            assert {r["Regulation"] for r in rows_of_side} == {margin.worst[0]}
    return errors


def told(margin, row):
    """The figure of a report row: standalone by product class, risk class, margin type and bucket."""
    total = margin.detail(margin.account[0]).initial.parts[0]
    classes = {"InterestRate": "Interest rate"}
    lines = [c for p in total.parts for c in p.parts if row["RiskClass"] in ("All", *classes) and c.alone[0]]
    kinds = [k for c in lines for k in c.parts if row["MarginType"] in ("All", k.name)]
    if row["Bucket"] != "All":
        kinds = [b for k in kinds for b in k.parts if b.name == row["Bucket"]]
        if row["MarginType"] == "Curvature":
            return kinds[0].alone[0]
    if row["MarginType"] == "All":
        return total.value[0]
    return sum(k.alone[0] for k in kinds)


@evidence.suite(MODEL, grade="third-party implementations, printed figures", tolerance=0.005, unit="USD")
def third_parties():
    errors = {}
    for name in simm_cases.files(r"third_party_.*\.json"):
        data = shared_golden.load(f"simm/{name}")
        crif = pd.DataFrame(data["rows"]).rename(columns={"NettingSet": "account"})
        for column in ("PaymentCurrency", "GroupName"):
            crif["Label2"] += crif.get(column, "")
        crif.loc[crif["RiskType"].str.startswith("Param_"), "ProductClass"] = ""
        currency = data.get("calc_ccy", "USD")
        own = {data["version"]: data["expected"].get("portfolio_total")} | data.get("ours", {})
        for version, expected in own.items():
            margin = simm_cases.run(crif, version, data["horizon_days"], calculation_currency=currency)
            if expected is not None:
                errors[f"{name} {version}"] = abs(margin.initial.value.sum() - expected)
        if "NS_A1_total" in data["expected"]:
            margin = simm_cases.run(crif, data["version"], data["horizon_days"])
            for key, found in printed(margin).items():
                expected = data["expected"]
                for part in key.split("/"):
                    expected = expected[part]
                errors[f"{name} {key}"] = abs(found - expected)
    return errors


def printed(margin):
    detail = margin.detail("NS_A1")
    product = detail.initial.parts[0].parts[0]
    lines = {line.name: line for line in product.parts}
    addons = {line.name: line for line in detail.initial.parts[1:]}
    figures = {"NS_A1_total": detail.initial.value[0], "NS_A1_addon_notional": addons["Notional add-on"].value[0]}
    figures["NS_A1_RatesFX_with_multiplier"] = product.value[0] + addons["Multiplier RatesFX"].value[0]
    for key, line in (("NS_A1_IR", lines["Interest rate"]), ("NS_A1_FX", lines["FX"])):
        figures[f"{key}/total"] = line.alone[0]
        figures |= {f"{key}/{kind.name}": kind.alone[0] for kind in line.parts if kind.alone[0]}
    return figures


@evidence.suite(
    MODEL, grade="independent engine (ORE wheel 1.8.17.0) on random books of all risk types", tolerance=1e-12
)
def random_books():
    """tests/golden/simm.ore: books and totals made once with open-source-risk-engine's SimmCalculator."""
    crif = pd.read_csv(RANDOM / "crif.csv", dtype=str, keep_default_na=False)
    errors = {}
    for row in csv.DictReader((RANDOM / "totals.csv").open(encoding="utf-8")):
        version, days, side = (row.pop(name) for name in ("version", "days", "side"))
        found = by_account(simm_cases.run(crif, version, days, side=side))
        for name, total in row.items():
            errors[f"{version} {days}d {side} {name}"] = evidence.relative(found[name], float(total))
    return errors


@evidence.suite(MODEL, grade="own cases by hand from the published formulas", tolerance=1e-9)
def own():
    return onchain_cases.own_errors(MODEL)


@evidence.suite(MODEL, grade="rulebook's own releases equal the shared parameter files", tolerance=0.0, unit="exact")
def releases():
    from xlmargin.rulebooks.isda.payload import flat

    errors = {}
    model = xm.model(MODEL)
    for name, moment in simm_cases.versions_by_name().items():
        if name not in simm_cases.releases():
            continue
        params = model.params(moment.timestamp())
        for key, value in flat(simm_cases.releases()[name]).items():
            same = (
                sorted(params[key]) == sorted(value) if key == "release_names" else groups(params[key]) == groups(value)
            )
            errors[f"{name} {key}"] = 0.0 if same else math.inf
    return errors


def groups(value):
    """Lists of currencies have no order."""
    if isinstance(value, dict):
        return {k: groups(v) for k, v in value.items()}
    return (
        sorted(value)
        if isinstance(value, list) and value and isinstance(value[0], str) and len(value[0]) == 3
        else value
    )


SUITES = (
    isda_totals,
    isda_margin_types,
    isda_regulations,
    independent_engine,
    calculation_currencies,
    engine_example,
    third_parties,
    random_books,
    own,
    releases,
)


@pytest.mark.parametrize("suite", SUITES, ids=lambda s: s.grade)
def test_suite(suite):
    evidence.check(suite)


@pytest.mark.parametrize("version", sorted(simm_cases.releases()) or ["2.6"])
def test_loader_gives_what_the_rulebook_gives(version):
    names = need(UNIT)
    tests = simm_cases.table(max(n for n in names if "v2.5" in n))[-40:]
    crif = simm_cases.stacked(ids_of(tests), unit_inputs("2.5"))
    for horizon in ("10", "1"):
        loaded = simm_cases.run(crif, version, horizon, loaded=True)
        named = simm_cases.run(crif, version, horizon)
        np.testing.assert_array_equal(loaded.initial.value, named.initial.value)
        assert loaded.stamp["parameter version"].startswith(simm_cases.releases()[version]["simm_version"])


def test_contributions_add_up_on_the_largest_official_case():
    name = max(n for n in need(UNIT) if "v2.5" in n)
    tests = simm_cases.table(name)[-12:]
    margin = simm_cases.run(simm_cases.stacked(ids_of(tests), unit_inputs("2.5")), "2.5", "10")
    for test in tests:
        detail = margin.detail(test["test"])
        assert detail.initial.gap(detail.run.book) < 1e-12
        legs = detail.explain()
        legs = legs[(legs["heading"] == "initial") & (legs["holding"] != "")]
        assert legs["amount"].sum() == pytest.approx(detail.initial.value[0], rel=1e-12)
    assert set(PRODUCT_CLASSES) >= {p.name for p in margin.initial.parts[0].parts}
