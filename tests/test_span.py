"""span.cme and span.nse against official examples, a real NSE array, and slow scalar loops."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from tests import evidence, shared_golden
from tests.span_cases import Cases, flat_array, line, over_file, row
from xlmargin import spanfiles

OWN = Path(__file__).parent / "golden" / "span"
CME, NSE = "tradfi/cases_span.json", "tradfi/cases_nse.json"


def usable(name, kind):
    """Cases of one kind that the data vouches for."""
    cases = [c for c in shared_golden.load(name)["cases"] if c["kind"] == kind and c.get("expected")]
    return [c for c in cases if c.get("verified") in (True, "trivial") and "blocked" not in c]


def drawn(case):
    """Whether a case says what is held: contracts with their arrays, or a net quantity and a price scan range."""
    return "contracts" in case["inputs"] or {"psr", "net_qty"} <= set(case["inputs"])


def scans(name, model):
    cases, made = [c for c in usable(name, "scan") if drawn(c)], Cases(model)
    for case in cases:
        inputs = case["inputs"]
        for contract in inputs.get("contracts", ()):
            made.add(case["id"], contract["array"], contract["qty"])
        if "net_qty" in inputs:
            made.add(case["id"], flat_array(inputs["psr"]), inputs["net_qty"])
    return cases, made


def scan_errors(name, model, **more):
    cases, made = scans(name, model)
    margin = made.margin(**more)
    errors = {}
    for case in cases:
        expected, at = case["expected"], row(margin, case["id"])
        errors[case["id"]] = evidence.relative(line(margin, "Scan risk", case["id"]), expected["scan_risk"])
        if "active_scenario" in expected:
            assert margin.worst[at] == expected["active_scenario"], case["id"]
        if "summary_array" in expected:
            summary = -margin.detail(case["id"]).grid.pnl[0]
            np.testing.assert_allclose(summary, expected["summary_array"], rtol=0, atol=1e-9)
    return errors


@evidence.suite("span.cme", grade="official and textbook: scan risk", tolerance=0.0)
def scan_cases():
    return scan_errors(CME, "span.cme")


def test_scan_risk():
    evidence.check(scan_cases)


@evidence.suite("span.nse", grade="third party, real array: scan risk", tolerance=1e-12)
def nse_scan_cases():
    return scan_errors(NSE, "span.nse")


def test_nse_scan_risk():
    evidence.check(nse_scan_cases)


def test_parts_of_scan_risk():
    """Time, volatility and price risk of the official sugar example as derived from its own array."""
    cases, made = scans(CME, "span.cme")
    margin = made.margin()
    sugar = next(c for c in cases if "summary_array" in c["expected"])
    at, array = row(margin, sugar["id"]), sugar["expected"]["summary_array"]
    active, pair = max(array), array[12]
    time = (array[0] + array[1]) / 2
    assert margin.extras["time risk"].value[at] == time
    assert margin.extras["volatility risk"].value[at] == (active - pair) / 2
    assert margin.extras["price risk"].value[at] == (active + pair) / 2 - time


def calendar(made, case, months, tiers, spreads):
    """A case whose net deltas by month form the published spreads."""
    for month, delta in months.items():
        made.add(case, flat_array(0.0), delta, month=month)
    made.commodity(
        case,
        intra_tiers=tiers,
        intra_spreads=[
            {"priority": n, "rate": rate, "charge": "F", "legs": [["tier", a, 1.0, "A"], ["tier", b, 1.0, "B"]]}
            for n, (a, b, rate) in enumerate(spreads)
        ],
    )


@evidence.suite("span.cme", grade="official: calendar, delivery, short option minimum, ratio", tolerance=1e-12)
def charge_cases():
    errors, made = {}, Cases()
    one = [[1, "202607", "202612"]]
    for case in usable(CME, "intra"):
        i = case["inputs"]
        calendar(made, case["id"], {"202607": i["long_delta"], "202612": -i["short_delta"]}, one, [(1, 1, i["rate"])])
    for case in usable(CME, "intra_tiers"):
        spreads = [(*s["tiers"], s["rate"]) for s in case["inputs"]["spreads"]]
        calendar(made, case["id"], *tiered(case["inputs"]["spreads"]), spreads)
    for case in usable(CME, "spot"):
        i = case["inputs"]
        months = {"202607": i["front_month_spreads"] + i["front_month_outrights"], "202612": -i["front_month_spreads"]}
        calendar(made, case["id"], months, one, [(1, 1, i["spread_rate"])])
        made.commodity(case["id"], spot=[["202607", 0.0, float(i["delivery_rate"])]])
    for case in usable(CME, "som"):
        i, option = case["inputs"], {"kind": "option", "strike": 100.0, "option_type": "C", "mark": 1e-9}
        made.add(case["id"], np.zeros(16), -i["short_options"], **option)
        made.commodity(case["id"], som_rate=float(i["rate"]))
    for case in usable(CME, "ratio"):
        i = case["inputs"]
        made.add(case["id"], flat_array(i["maintenance"]), 1.0)
        made.commodity(case["id"], initial_ratio={"member": i["ratio"], "hedger": 1.0, "speculator": 1.0})
    margin = made.margin()
    for case in [c for kind in ("intra", "intra_tiers", "spot", "som", "ratio") for c in usable(CME, kind)]:
        for key, found in charged(margin, case).items():
            errors[f"{case['id']} {key}"] = evidence.relative(found, case["expected"][key])
    return errors


def tiered(spreads):
    """Months and tiers whose deltas form the stated number of spreads in each pair of tiers, in order.

    Tier n has ``same`` deltas on both sides, and what the cross spreads need on top: long in A, short in B.
    """
    months, numbers = {}, sorted({t for s in spreads for t in s["tiers"]})
    tiers = [[n, f"20{26 + n}01", f"20{26 + n}12"] for n in numbers]
    for n in numbers:
        same = sum(s["n"] for s in spreads if s["tiers"] == [n, n])
        long = same + sum(s["n"] for s in spreads if s["tiers"][0] == n != s["tiers"][1])
        short = same + sum(s["n"] for s in spreads if s["tiers"][1] == n != s["tiers"][0])
        months |= {f"20{26 + n}01": long, f"20{26 + n}06": -short}
    return months, tiers


def charged(margin, case):
    """What the margin says for each expected key of a case."""
    name = case["id"]
    return {
        "intra": lambda: {"charge": line(margin, "Calendar spreads", name)},
        "intra_tiers": lambda: {"charge": line(margin, "Calendar spreads", name)},
        "spot": lambda: {
            "intra_charge": line(margin, "Calendar spreads", name),
            "delivery_charge": line(margin, "Delivery months", name),
        },
        "som": lambda: {"som": line(margin, "Short option minimum", name)},
        "ratio": lambda: {"initial": margin.initial.value[row(margin, name)]},
    }[case["kind"]]()


def test_charges():
    evidence.check(charge_cases)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    shared_golden.load(NSE)
    return spanfiles.read(shared_golden.ROOT / "tradfi" / "sample_nse_reconstructed.spn")


@evidence.suite("span.nse", grade="constructed file, cross-checked with third-party code", tolerance=1e-12)
def file_cases():
    errors = {}
    for case in usable(NSE, "file"):
        file = spanfiles.read(shared_golden.ROOT / "tradfi" / case["inputs"]["file"])
        held = [{"instrument": " ".join(p[:-1]), "quantity": p[-1]} for p in case["inputs"]["positions"]]
        margin = over_file(file, "span.nse", held)
        found = {
            "scan_risk": line(margin, "Scan risk", "main"),
            "calendar": line(margin, "Calendar spreads", "main"),
            "span": sum(p.value[0] for p in margin.maintenance.parts[:-4]),
            "active_scenario": margin.worst[0],
        }
        for key, expected in case["expected"].items():
            errors[f"{case['id']} {key}"] = evidence.relative(found[key], expected)
    return errors


def test_file_cases():
    evidence.check(file_cases)


@evidence.suite("span.nse", grade="broker's example: exposure margin", tolerance=1e-12)
def exposure_cases():
    errors = {}
    for case in usable(NSE, "exposure"):
        i, made = case["inputs"], Cases("span.nse")
        made.add(case["id"], np.zeros(16), i["qty"], mark=i["price"])
        made.commodity(case["id"], elm=i["rate"])
        found = line(made.margin(), "Exposure margin", case["id"])
        errors[case["id"]] = evidence.relative(found, case["expected"]["exposure"])
    return errors


def test_exposure():
    evidence.check(exposure_cases)


def test_result_carries_the_files_revision(sample):
    margin = over_file(sample, "span.nse", [{"instrument": "NIFTY FUT 20260630", "quantity": 75}])
    assert sample.sha256[:12] in margin.stamp["parameter version"]
    assert "i01" in margin.stamp["parameter version"]
    assert sample.revision == margin.stamp["market source"]
    assert not [n for n in margin.notes if "different files" in n.text]


def own_cases():
    return [pytest.param(tomllib.loads(p.read_text(encoding="utf-8")), id=p.stem) for p in sorted(OWN.glob("*.toml"))]


def run_own(case):
    spreads = [
        dict(s, legs=[[f"case {leg[0]}", *leg[1:]] for leg in s["legs"]], target=f"case {s['target']}")
        for s in case.get("spreads", ())
    ]
    made = Cases(case["model"], inter_spreads=spreads, **case.get("common", {}))
    for contract in case["contracts"]:
        made.add("case", **contract)
    for values in case.get("commodities", ()):
        made.commodity("case", **values)
    return made.margin()


@pytest.mark.parametrize("case", own_cases())
def test_own_cases(case):
    margin, expected = run_own(case), case["expected"]
    for heading in ("initial", "maintenance"):
        if heading in expected:
            assert getattr(margin, heading).value[0] == pytest.approx(expected[heading], abs=1e-9)
        for name, value in expected.get(f"{heading}_lines", {}).items():
            assert line(margin, name, "case", heading) == pytest.approx(value, abs=1e-9), (heading, name)
