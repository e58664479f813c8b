"""Sheets of decisions in the report: figures are the core's, sums re-add, results handed over get a sheet each."""

import re
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest
from xlmargin.workbooks import report

import xlmargin as xm
from tests.report_reading import (
    DESK,
    MARGINS,
    OWN_FORMULAS,
    SEGREGATED,
    Written,
    deribit,
    derive,
    formulas,
    recalculated,
    sums,
    table,
    values,
)
from tests.test_report_input import HOSTILE
from tests.widgets.sample import venue_book
from xlmargin.decide.across import across
from xlmargin.decide.collateral import pledges
from xlmargin.decide.contagion import contagion
from xlmargin.decide.credit import credit
from xlmargin.decide.dynamic import dynamic
from xlmargin.decide.placement import place

WHO = {"account": "Mixed collateral", "pool": ""}
MODEL = "derive.portfolio"
TRADES = {"instrument": ["BTC-PERP", "BTC-20261030-85000-C"], "quantity": [-2.0, 4.0]}
FALL = {"BTC": np.linspace(0.0, -0.6, 13)}


@pytest.fixture(scope="module", params=[DESK, SEGREGATED])
def written(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.xlsx"
    return Written.of(MARGINS[request.param](), path)


def own_book():
    book, market = xm.read("workbooks/desk.xlsx")
    return book.take(np.flatnonzero(book.account == WHO["account"])), market


def results():
    m, (book, market) = derive(), own_book()
    held = pledges(m, **WHO)
    return [
        xm.path(book, market, MODEL, TRADES),
        xm.simulate(m, FALL, **WHO),
        xm.surface(m, "BTC", **WHO),
        xm.what_if(book, market, MODEL, TRADES),
        xm.hedges(book, market, MODEL, ["BTC-PERP"], fee=0.0005),
        xm.allocate(held.assets(), held.requirements()),
        xm.attribution(m, price={"BTC": -0.1}, vol={"BTC": 0.3}),
        ("What would have prevented it", xm.prevent(book, market, MODEL, FALL, hedges=["BTC-PERP"])),
        ("Same again", xm.liquidation(m)),
        ("Same again", pd.DataFrame({"account": HOSTILE[:-1], "figure": np.arange(len(HOSTILE) - 1.0)})),
    ]


@pytest.fixture(scope="module")
def decisions(tmp_path_factory):
    path = tmp_path_factory.mktemp("decisions") / "report.xlsx"
    report.write(derive(), path, decisions=results())
    return path


def test_exposure_adds_up_and_is_the_core_s(written):
    rows, found = table(written, "Exposure", "Account"), xm.exposure(written.margin).frame()
    assert [row["Account"] for row in rows[:-1]] == list(found["account"])
    np.testing.assert_array_equal([row["Gross, USD"] for row in rows[:-1]], found["gross_usd"])
    np.testing.assert_allclose([row["Net"] for row in rows[:-1]], found["net"], rtol=1e-12, atol=1e-12)
    assert rows[-1]["Account"] == "Total"
    assert rows[-1]["Net, USD"] == pytest.approx(found["net_usd"].sum())


def test_headroom_is_live_wherever_equity_and_requirement_stand(written):
    for sheet in ("Sensitivity", "Health"):
        live = [f for f in written.formulas[sheet].values() if re.fullmatch(r"[A-Z]+\d+-[A-Z]+\d+", f)]
        assert live, sheet
    rows = table(written, "Health", "Account")
    np.testing.assert_array_equal([row["Headroom"] for row in rows], written.margin.headroom)
    factors, found = table(written, "Sensitivity", "Account"), xm.sensitivity(written.margin).frame()
    np.testing.assert_array_equal([row["Equity up"] for row in factors], found["equity up"])


def test_alerts_and_liquidation_prices_stand_in_health(written):
    found, words = xm.health(written.margin), set(map(str, written.values["Health"].values()))
    alerts = found.alerts()
    assert set(alerts[alerts["severity"] != "note"]["message"]) <= words
    prices = found.price.frame()["down price"].dropna()
    assert set(prices) <= {v for v in written.values["Health"].values() if isinstance(v, float)}


def test_named_stresses_stand_with_the_worst_of_each_account(written):
    found, cells = xm.stress(written.margin), written.values["Stress"]
    rows = table(written, "Stress", "Scenario")
    assert [row["Scenario"] for row in rows] == list(found.worst()["scenario"])
    np.testing.assert_allclose([row["Headroom"] for row in rows], found.worst()["headroom"], rtol=1e-12, atol=1e-9)
    shown = {v for v in cells.values() if isinstance(v, float)}
    assert set(found.equity.ravel()) <= shown
    said = " ".join(str(v) for v in cells.values())
    for note in found.notes[-3:]:
        assert note.text[:60] in said


def test_scenarios_of_the_source_stand_with_the_named_ones(tmp_path):
    own = {"scenario": ["mine"], "target": ["BTC"], "price": [-0.4]}
    book, market = xm.read("workbooks/desk.xlsx", scenarios=own)
    found = Written.of(xm.margin(book, market, MODEL), tmp_path / "report.xlsx")
    again = xm.stress(found.margin, own)
    assert "mine" in found.values["Stress"].values()
    assert set(again.equity.ravel()) <= {v for v in found.values["Stress"].values() if isinstance(v, float)}


def test_what_cannot_be_revalued_is_said_with_the_first_reason(tmp_path):
    positions = {"instrument": ["ABC 2026-12-18 90 C", "ABC 2026-12-18 100 C"], "quantity": [-1.0, 1.0]}
    more = {"kind": ["option"] * 2, "underlying": ["ABC"] * 2, "settle": ["USD"] * 2, "strike": [90.0, 100.0]}
    more |= {"expiry": ["2026-12-18"] * 2, "option_type": ["C", "C"], "mark": [None] * 2, "index": [95.0] * 2}
    balances, assets = {"asset": ["USD"], "amount": [5000.0]}, {"asset": ["USD"], "price": [1.0]}
    instruments = {"instrument": positions["instrument"], **more, "mark": [1.0, 4.0], "contract_size": [100.0] * 2}
    book, market = xm.tables(positions, balances, instruments, assets, as_of="2026-10-20")
    found = Written.of(xm.margin(book, market, "regt.strategy"), tmp_path / "report.xlsx")
    for sheet in ("Exposure", "Sensitivity", "Health"):
        said = " ".join(map(str, found.values[sheet].values()))
        assert "There are no figures" in said, sheet
        assert "missing for ABC" in said, sheet


def test_a_sheet_for_every_result(decisions):
    names = openpyxl.load_workbook(decisions).sheetnames
    own = ["Path", "Simulation", "Surface", "What if", "Hedges", "Allocation", "Attribution"]
    last = ["What would have prevented it", "Same again", "Same again 2"]
    at = names.index("Path")
    assert names[at : at + len(own) + len(last)] == [*own, *last]
    assert names[-3:] == ["Positions", "Parameters", "Notices"]


def test_results_hold_the_core_s_figures(decisions):
    cells, found = values(decisions), results()
    path, run, plane, basket, trades = found[:5]

    def numbers(sheet):
        return {v for v in cells[sheet].values() if isinstance(v, float)}

    assert set(path.initial) <= numbers("Path")
    assert set(run.equity) <= numbers("Simulation")
    assert set(plane.headroom.ravel()) <= numbers("Surface")
    assert set(basket.after["initial"]) <= numbers("What if")
    assert set(trades.quantity) <= numbers("Hedges")
    assert path.words in cells["Path"].values()
    assert {r.words for r in found[7][1]} <= set(cells["What would have prevented it"].values())


def test_parties_of_a_simulation_add_up_to_nothing(decisions):
    cells, live = values(decisions)["Simulation"], formulas(decisions)["Simulation"]
    assert len(live) >= 2
    assert sum(cells[at] for at in live) == pytest.approx(0.0, abs=1e-6)


def test_formulas_are_the_report_s_own_and_calc_agrees(decisions, tmp_path):
    found = Written(decisions, derive(), formulas(decisions), values(decisions))
    for sheet, cells in found.formulas.items():
        for at, formula in cells.items():
            assert any(re.fullmatch(own, formula) for own in OWN_FORMULAS), (sheet, at, formula)
    for sheet, at, parts, value, size in sums(found):
        assert abs(parts - value) <= 1e-9 * size, (sheet, at)
    again = recalculated(decisions, tmp_path)
    for sheet, cells in found.formulas.items():
        for at in cells:
            cached, computed = found.values[sheet][at], again[sheet].get(at, 0.0)
            same = (
                computed == cached if isinstance(cached, str) else computed == pytest.approx(cached, rel=1e-9, abs=1e-8)
            )
            assert same, (sheet, at)


def test_charts_of_decisions_name_cells_only(decisions):
    with zipfile.ZipFile(decisions) as archive:
        charts = [archive.read(n).decode() for n in archive.namelist() if n.startswith("xl/charts/chart")]
    own = [c for c in charts if "Path!" in c or "Simulation!" in c]
    assert len(own) == 2
    for chart in own:
        assert all(
            re.fullmatch(r"\w+!\$[A-Z]+\$\d+(:\$[A-Z]+\$\d+)?", f) for f in re.findall(r"<c:f>(.*?)</c:f>", chart)
        )


def test_words_of_a_result_never_become_formulas(decisions):
    sheet = openpyxl.load_workbook(decisions)["Same again 2"]
    texts = [c for row in sheet for c in row if isinstance(c.value, str) and c.value.startswith(("=", "+", "-", "@"))]
    assert texts
    assert all(c.data_type == "s" and c.quotePrefix for c in texts)


def test_what_has_no_frame_is_refused_by_name(tmp_path):
    with pytest.raises(xm.InputError, match=r"a int has no frame\(\)"):
        report.write(derive(), tmp_path / "report.xlsx", decisions=[3])
    assert not list(tmp_path.iterdir())


def test_results_of_several_venues_have_their_tables(tmp_path):
    book, market = venue_book()
    models = {"derive": MODEL, "binance.usdm": "binance.usdm"}
    fall = {"price": {"BTC": -0.3, "ETH": -0.3}}
    made = [
        across(book, market, models),
        credit(book, market, models, {"owner": ["fund"], "line": [60_000.0]}),
        contagion(book, market, models, fall),
        place(book, market, models),
    ]
    path = report.write_decisions(made, tmp_path / "venues.xlsx")
    cells = values(path)
    assert list(cells) == ["Across", "Credit", "Contagion", "Placement"]
    for name, result in zip(cells, made, strict=True):
        shown = {v for v in cells[name].values() if isinstance(v, float)}
        numbers = result.frame().select_dtypes("float").drop(columns=["worst", "cover"], errors="ignore")
        wanted = {v for v in numbers.to_numpy().ravel() if np.isfinite(v) and v != 0}
        assert wanted <= shown, name
    assert made[2].words.split(".")[0] in " ".join(map(str, cells["Contagion"].values()))


def test_tomorrow_s_margin_has_its_multipliers(tmp_path):
    found = dynamic(derive(), vol={"BTC": [0.5, 0.6, 0.9]}, reference=0.5)
    cells = values(report.write_decisions([found], tmp_path / "dynamic.xlsx"))["Dynamic"]
    assert set(found.frame()["tomorrow"]) <= {v for v in cells.values() if isinstance(v, float)}
    assert set(found.multipliers()["multiplier"]) <= {v for v in cells.values() if isinstance(v, float)}


def test_results_alone_make_a_workbook(tmp_path):
    path = report.write_decisions(results()[:2], tmp_path / "alone.xlsx", foot="derive.portfolio")
    assert openpyxl.load_workbook(path).sheetnames == ["Path", "Simulation"]


def test_many_rows_are_cut_with_their_number(tmp_path):
    long = pd.DataFrame({"account": [f"a{n}" for n in range(1500)], "figure": np.arange(1500.0)})
    path = report.write_decisions([("Long", long)], tmp_path / "long.xlsx")
    assert "500 rows more than the first 1,000" in values(path)["Long"].values()


def test_several_pools_of_a_surface_stand_below_each_other(tmp_path):
    plane = xm.surface(deribit(SEGREGATED), "BTC")
    path = report.write_decisions([plane], tmp_path / "surface.xlsx")
    titles = [v for v in values(path)["Surface"].values() if "headroom as BTC move" in str(v)]
    assert len(titles) == len(plane.account)
