"""Files in and out: what is exported reads back to the same figures, and no text becomes a formula."""

import openpyxl
import pandas as pd
import pytest
from xlmargin.widgets import exchange
from xlmargin.widgets.desk import Desk
from xlmargin.widgets.panel import MarginPanel

import xlmargin as xm
from tests.widgets import sample
from tests.widgets.test_panel import MODEL, edit, ids, send, tile


def test_the_desk_as_a_workbook_gives_the_same_margin(panel, tmp_path):
    edit(panel, "-2.25")
    name, data = exchange.desk(panel)
    path = tmp_path / name
    path.write_bytes(data)
    again = xm.margin(*xm.read(path, as_of=sample.AS_OF), MODEL)
    for what in ("equity", "initial", "maintenance"):
        assert getattr(again, what).value.tolist() == getattr(panel.margin, what).value.tolist()


def test_a_text_never_becomes_a_formula(panel, tmp_path):
    edit(panel, "=1+1", column="instrument")
    edit(panel, "=cmd|' /c calc'!A1", row=1, column="account")
    (tmp_path / "desk.xlsx").write_bytes(exchange.desk(panel)[1])
    book = openpyxl.load_workbook(tmp_path / "desk.xlsx")
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds


def test_the_report_holds_the_figures_on_show(panel, tmp_path):
    path = panel.to_excel(tmp_path / "report.xlsx")
    book = openpyxl.load_workbook(path, data_only=True)
    numbers = [c.value for sheet in book for row in sheet.iter_rows() for c in row if isinstance(c.value, float)]
    assert any(v == pytest.approx(panel.margin.initial.value[0], rel=1e-12) for v in numbers)


def test_no_report_of_figures_that_are_not_current(panel, tmp_path):
    edit(panel, "x")
    with pytest.raises(xm.InputError, match="not current"):
        panel.to_excel(tmp_path / "report.xlsx")
    assert not (tmp_path / "report.xlsx").exists()
    send(panel, {"do": "report"})
    assert "not current" in panel._status["message"]


def test_a_download_goes_to_the_view_that_asked(panel, monkeypatch):
    sent = []
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: sent.append((content, buffers)))
    send(panel, {"do": "save"}, view="a")
    send(panel, {"do": "report"}, view="b")
    assert [content for content, _ in sent] == [
        {"file": "desk.xlsx", "view": "a"},
        {"file": "report.xlsx", "view": "b"},
    ]
    assert all(buffers[0][:2] == b"PK" for _, buffers in sent)


def test_a_workbook_opened_in_the_panel_can_be_undone(panel, tmp_path):
    before = tile(panel, "initial")
    other = MarginPanel(*sample.book(20), model=MODEL)
    send(panel, {"do": "open", "name": "../other.xlsx"}, buffers=[exchange.desk(other)[1]])
    assert tile(panel, "initial") == tile(other, "initial")
    assert panel._status["said"].endswith("from other.xlsx")
    assert panel.margin.stamp["market source"] == "other.xlsx"
    send(panel, {"do": "undo"})
    assert tile(panel, "initial") == before


def test_a_file_that_is_no_workbook_changes_nothing(panel):
    before = panel.desk.sheets
    send(panel, {"do": "open", "name": "desk.xlsx"}, buffers=[b"not a zip"])
    assert "not a workbook or damaged" in panel._status["message"]
    assert panel.desk.sheets is before
    assert not panel.stale


def test_wrong_cells_of_a_workbook_show_at_their_cells(panel, tmp_path):
    table = pd.DataFrame({"instrument": ["BTC-PERP", "BTC-PERP"], "quantity": [1, "two"]})
    with pd.ExcelWriter(tmp_path / "x.xlsx") as writer:
        table.to_excel(writer, sheet_name="Positions", index=False)
    send(panel, {"do": "open", "name": "x.xlsx"}, buffers=[(tmp_path / "x.xlsx").read_bytes()])
    assert panel.stale
    assert panel._positions["errors"] == {f"{ids(panel)[1]},1": "not a number: 'two'"}


def test_frames_are_the_core_s_own(panel):
    made = panel.frames()
    pd.testing.assert_frame_equal(made["summary"], panel.margin.frame())
    pd.testing.assert_frame_equal(made["ledger"], panel.margin.explain())
    assert made["positions"]["instrument"].tolist() == sample.desk()["positions"]["instrument"]
    assert set(made) >= {"summary", "ledger", "contributions", "scenarios", "positions", "balances", "instruments"}


def test_tables_pasted_as_text_replace_those_they_name(panel):
    count = len(panel.desk.sheets["instruments"])
    send(panel, {"do": "replace", "text": "asset\tamount\nUSDC\t1,000\n"})
    assert panel.desk.sheets["balances"].columns["amount"].tolist() == [1000.0]
    assert len(panel.desk.sheets["instruments"]) == count


def test_sensitivities_survive_the_way_through_a_desk():
    crif = {
        "risk_type": ["Risk_IRCurve", "Risk_FX", "Risk_Equity"],
        "product_class": ["RatesFX", "RatesFX", "Equity"],
        "qualifier": ["USD", "EUR", "ISIN:US0378331005"],
        "bucket": ["1", "", "5"],
        "label1": ["5y", "", ""],
        "label2": ["OIS", "", ""],
        "amount_usd": [4_000_000.0, -1_000_000.0, 250_000.0],
    }
    book, market = xm.tables(crif=crif, as_of="2025-01-15")
    before = xm.margin(book, market, "simm")
    again, there, problems = Desk.of(book, market).build(market.as_of)
    assert not problems
    assert xm.margin(again, there, "simm").initial.value.tolist() == before.initial.value.tolist()
    panel = MarginPanel(book, market, model="simm")
    edit(panel, "8,000,000", column="amount_usd", sheet="crif")
    assert not panel.stale
    assert panel.margin.initial.value[0] > before.initial.value[0] > 0
