"""The schedule against two libraries' examples, its terms, its regulations, its refusals."""

import datetime as dt
import math

import pandas as pd
import pytest

import xlmargin as xm
from tests import evidence, onchain_cases, shared_golden

MODEL = "schedule.im"
SIDES = {"secured": "collect", "pledgor": "post", "Call": "collect", "Post": "post"}


def run(crif, as_of=None, **options):
    book, market = xm.tables(crif=pd.DataFrame(crif), as_of=as_of)
    return xm.margin(book, market, MODEL, options=options)


def of_arguments(rows):
    """Rows given as [trade, (notional,) class, type, valuation, end, amount, amount in USD]."""
    names = ("trade_id", "product_class", "risk_type", "valuation_date", "end_date", "amount", "amount_usd")
    out = []
    for row in rows:
        told = {} if len(row) == len(names) else {"notional_trade": row[1]}
        values = row if not told else [row[0], *row[2:]]
        out.append(dict(zip(names, values, strict=True)) | told | {"im_model": "Schedule"})
    return out


@evidence.suite(MODEL, grade="AcadiaSoft/simm-lib tests, as whole numbers", tolerance=0.0, unit="USD")
def simm_lib():
    errors = {}
    for case in shared_golden.load("simm/schedule_im_tests_simmlib.json"):
        crif = case.get("rows") or of_arguments(case["args"])
        expected = case["expected"] if isinstance(case["expected"], dict) else {"secured": case["expected"]}
        for role, value in expected.items():
            found = math.floor(run(crif, side=SIDES[role]).initial.value[0] + 0.5)
            errors[f"{case['name']} {role}"] = evidence.exactly(found, abs(int(value)))
    return errors


@evidence.suite(MODEL, grade="OpenSourceRisk/Engine example, as printed", tolerance=0.00501, unit="USD")
def engine_example():
    data = shared_golden.load("simm/ore_example_schedule.json")
    crif = pd.DataFrame(data["crif"])
    crif["end_date"] = [dt.datetime.strptime(d, "%d/%m/%Y").date().isoformat() for d in crif["end_date"]]
    errors = {}
    for side in ("Call", "Post"):
        margin = run(crif, data["asof"], side=SIDES[side])
        detail = margin.detail()
        for row in (r for r in data["expected"] if r["Side"] == side):
            key = f"{row['#Portfolio']} {row['ProductClass']} {side}"
            if row["GrossIM"] != "#N/A":
                errors[f"{key} gross"] = abs(detail.initial.parts[0].value[0] - float(row["GrossIM"]))
            if row["ProductClass"] == "All":
                errors[f"{key} margin"] = abs(margin.initial.value.sum() - float(row["ScheduleIM"]))
            if row["NetToGrossRatio"] != "#N/A":
                net, gross = (margin.extras[name].value[0] for name in ("net exposure", "gross exposure"))
                errors[f"{key} net"] = abs(net - float(row["NetCurrentRC"]))
                errors[f"{key} gross exposure"] = abs(gross - abs(float(row["GrossCurrentRC"])))
        trades = detail.explain().query("heading == 'initial' and holding != '' and path.str.contains('Gross')")
        for row in data["expected_trades"]:
            mine = trades[trades["holding"].str.contains(rf"{row['#TradeId']} ")]
            errors[f"{row['#TradeId']} {side}"] = abs(mine["amount"].sum() - float(row["GrossIM(Base)"]))
            assert row["Label"].removeprefix("Interest Rate ").replace("-", "–") in mine["line"].iloc[0]
    return errors


@evidence.suite(MODEL, grade="own cases by hand", tolerance=1e-12)
def own():
    return onchain_cases.own_errors(MODEL)


@pytest.mark.parametrize("suite", [simm_lib, engine_example, own], ids=lambda s: s.grade)
def test_suite(suite):
    evidence.check(suite)


def trade(name, amount, end, product="Rates", kind="Notional", **more):
    row = {"trade_id": name, "product_class": product, "risk_type": kind, "amount_usd": amount, "end_date": end}
    return row | {"im_model": "Schedule"} | more


@pytest.mark.parametrize(
    ("product", "end", "rate"),
    [
        ("Rates", "2028-11-25", 1),
        ("Rates", "2028-11-26", 2),
        ("Rates", "2031-11-25", 2),
        ("Rates", "2031-11-26", 4),
        ("Credit", "2027-01-01", 2),
        ("Credit", "2030-01-01", 5),
        ("Credit", "2056-01-01", 10),
        ("Equity", "2027-01-01", 15),
        ("Commodity", "2056-01-01", 15),
        ("FX", "2056-01-01", 6),
        ("Other", "2027-01-01", 15),
    ],
)
def test_rates_by_class_and_term(product, end, rate):
    result = run([trade("T", -1000.0, end, product)], "2026-11-25")
    assert result.initial.value[0] == pytest.approx(rate * 10)
    on_the_edge = end in ("2028-11-25", "2031-11-25")
    assert any("very day" in n.text for n in result.notes) == on_the_edge


def test_a_leap_day_has_its_anniversary():
    assert run([trade("T", 100.0, "2030-02-28")], "2028-02-29").initial.value[0] == pytest.approx(1.0)
    assert run([trade("T", 100.0, "2030-03-01")], "2028-02-29").initial.value[0] == pytest.approx(2.0)


def test_without_exposure_nothing_is_netted():
    rows = [trade("T", 1000.0, "2027-01-01"), trade("T", -5.0, "2027-01-01", kind="PV")]
    assert run(rows, "2026-11-25").initial.value[0] == pytest.approx(10.0)
    banx = [row | {"collect_regulations": "BANX"} for row in rows]
    assert run(banx, "2026-11-25").initial.value[0] == pytest.approx(4.0)


def test_worst_regulation():
    rows = [
        trade("T", 1000.0, "2027-01-01", collect_regulations="ESA,USPR"),
        trade("U", 5000.0, "2027-01-01", collect_regulations="USPR"),
    ]
    result = run(rows, "2026-11-25")
    assert (result.worst[0], result.initial.value[0]) == ("USPR", pytest.approx(60.0))
    assert run(rows, "2026-11-25", regulation="ESA").initial.value[0] == pytest.approx(10.0)


def test_what_is_missing_is_said():
    with pytest.raises(xm.InputError, match="crif row 2, column risk_type: a PV whose trade has no notional"):
        run([trade("T", 5.0, "2027-01-01", kind="PV")], "2026-11-25")
    with pytest.raises(xm.InputError, match="expired before the market's time"):
        run([trade("T", 5.0, "2026-11-24")], "2026-11-25")
    assert run([trade("T", 100.0, "2026-11-25")], "2026-11-25T18:00").initial.value[0] == pytest.approx(1.0)
    result = run([trade("T", 5.0, "2027-01-01")], "2026-11-25")
    assert [n.text for n in result.notes] == ["a trade has no PV row: its value is taken as 0"]


def test_schedule_and_simm_share_a_file():
    rows = [
        trade("T", 5.0, "2027-01-01"),
        {"product_class": "RatesFX", "risk_type": "Risk_FX", "qualifier": "EUR", "amount_usd": 10.0},
    ]
    book, market = xm.tables(crif=pd.DataFrame(rows), as_of="2026-11-25")
    grid, simm = xm.margin(book, market, MODEL), xm.margin(book, market, "simm")
    assert any("run simm" in n.text for n in grid.notes)
    assert any("run schedule.im" in n.text for n in simm.notes)
    assert (grid.initial.value[0], simm.initial.value[0]) == (pytest.approx(0.05), pytest.approx(74.0))
