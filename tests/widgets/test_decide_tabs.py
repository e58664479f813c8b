"""The tabs that decide: figures are the core's own, fields and tables are read, what is wrong is said in words."""

import numpy as np
import openpyxl
import pytest
from xlmargin.widgets.panel import MarginPanel
from xlmargin.widgets.tabs_liquidation import MOVES

import xlmargin as xm
from tests.widgets import sample
from tests.widgets.test_panel import MODEL, ids, send
from xlmargin.decide.collateral import pledges
from xlmargin.html import amount

WHERE = {"account": "main", "pool": ""}


def opened(panel, id, **chosen):
    """The blocks of a tab with what is typed in its fields."""
    send(panel, {"do": "tab", "id": id}, *({"do": "choose", "id": k, "value": v} for k, v in chosen.items()))
    return panel._body["blocks"]


def paste(panel, sheet, text):
    send(panel, {"do": "paste", "sheet": sheet, "row": None, "column": "", "text": text})


def kinds(blocks):
    return [block["kind"] for block in blocks]


def words(blocks):
    return " ".join(block["text"] for block in blocks if block["kind"] == "text")


def column(block, name):
    place = block["headers"].index(name)
    return [row[place] for row in block["rows"]]


def test_headings_stand_in_two_groups(panel):
    groups = {tab["group"] for tab in panel._tabs}
    assert groups == {"Margin", "Decide"}
    titles = [tab["title"] for tab in panel._tabs if tab["group"] == "Decide"]
    assert titles[:3] == ["What-if", "Path", "Hedges"]
    assert {"Liquidation", "Collateral"} <= set(titles)


def test_the_surface_is_the_core_s_headroom(panel):
    heat = opened(panel, "liquidation")[1]
    found = xm.surface(panel.margin, "BTC", moves=MOVES)
    room = found.headroom[:, :, 0]
    assert heat["kind"] == "heatmap"
    assert heat["columns"][0] == "-50 %"
    assert [row[0]["value"] for row in heat["cells"]] == room[0, np.argsort(-found.vol)].tolist()
    worst = [c for row in heat["cells"] for c in row if c["worst"]]
    assert [c["value"] for c in worst] == [room.min()]
    picked = heat["cells"][2][3]
    again = opened(panel, "liquidation", cell=picked["scenario"])[1]
    assert picked["text"] in again["worst"]


def test_a_path_runs_through_the_ladder_and_says_what_would_have_prevented_it(panel):
    blocks = opened(panel, "liquidation", end="-80", slippage="1 %")
    path = {"BTC": -0.8 * np.linspace(0.0, 1.0, 21)}
    run = xm.simulate(panel.margin, path, slippage=0.01)
    assert run.liquidated
    chart = next(b for b in blocks if b["kind"] == "chart")
    assert chart["series"][0]["values"] == run.equity.tolist()
    assert "is liquidated" in words(blocks)
    found = xm.prevent(panel.book, panel.market, MODEL, path, hedges=["BTC-PERP"])
    assert column(blocks[-1], "least") == [remedy.words for remedy in found]


def test_an_account_that_survives_is_not_told_how_to_be_saved(panel):
    blocks = opened(panel, "liquidation", end="1")
    assert "is not liquidated" in words(blocks)
    assert kinds(blocks) == ["fields", "heatmap", "text", "chart"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [("x", "not a number: 'x'"), ("", "Price ends at, %: not a number"), ("-100", "not between -99.9 and 1000")],
)
def test_a_wrong_field_is_said_below_the_fields(panel, typed, said):
    blocks = opened(panel, "liquidation", end=typed)
    assert kinds(blocks) == ["fields", "text"]
    assert said in blocks[1]["text"]
    assert blocks[0]["fields"][1]["value"] == typed
    assert not panel.stale


def test_hedges_are_the_core_s_and_go_to_what_if(panel):
    paste(panel, "candidates", "instrument\tmost\tcost\nBTC-PERP\t5\t10\nBTC-20261225-100500-P\t4\t20")
    blocks = opened(panel, "hedges")
    table = {"instrument": ["BTC-PERP", "BTC-20261225-100500-P"], "most": [5, 4], "cost": [10, 20]}
    found = xm.hedges(panel.book, panel.market, MODEL, table, most_trades=3)
    assert found.words in words(blocks)
    proposed = next(b for b in blocks if b["kind"] == "table")
    assert column(proposed, "instrument") == list(found.frame()["instrument"])
    assert [b["id"] for b in blocks[0]["buttons"]] == ["take"]
    send(panel, {"do": "press", "id": "take"})
    assert panel._body["tab"] == "what-if"
    rows = panel.desk.sheets["trades"].rows.values()
    assert [row["quantity"] for row in rows] == found.quantity.tolist()
    assert amount(found.after, "USDC") in str(panel._body["blocks"][1]["rows"])
    assert "Put" in panel._status["said"]
    send(panel, {"do": "tab", "id": "hedges"}, {"do": "press", "id": "take"})
    assert len(panel.desk.sheets["trades"]) == len(found.quantity)
    send(panel, {"do": "undo"}, {"do": "undo"})
    assert len(panel.desk.sheets["trades"]) == 0


def test_a_candidate_that_nobody_lists_is_marked_in_its_row(panel):
    paste(panel, "candidates", "instrument\tmost\nBTC-PERP\t5\nBTC-PREP\t5")
    blocks = opened(panel, "hedges")
    assert "did you mean 'BTC-PERP'" in words(blocks)
    assert blocks[0]["buttons"] == []
    paste(panel, "candidates", "instrument\tmost\nBTC-PERP\tmany")
    opened(panel, "hedges")
    assert f"{ids(panel, 'candidates')[2]},1" in panel._candidates["errors"]


def test_limits_that_clash_are_named(panel):
    paste(panel, "candidates", "instrument\tmost\nBTC-PERP\t0.01")
    blocks = opened(panel, "hedges", delta="0")
    assert "delta of BTC within" in words(blocks)


def test_pressing_what_is_not_there_is_refused_in_words(panel):
    opened(panel, "ledger")
    send(panel, {"do": "press", "id": "take"})
    assert "Ledger has no button 'take'" in panel._status["message"]


def test_the_order_of_legs_is_the_core_s(panel):
    assert "two legs or more" in words(opened(panel, "path"))
    paste(panel, "trades", "instrument\tquantity\nBTC-PERP\t-2\nBTC-20261225-100500-P\t3\nBTC-20261002-100500-P\t2")
    blocks = opened(panel, "path", slices="2")
    trades = {"instrument": ["BTC-PERP", "BTC-20261225-100500-P", "BTC-20261002-100500-P"], "quantity": [-2, 3, 2]}
    found = xm.path(panel.book, panel.market, MODEL, trades, slices=2)
    assert found.words in words(blocks)
    table = blocks[-1]
    assert column(table, "initial") == [amount(float(v), "USDC") for v in found.initial]
    assert column(table, "instrument")[1:] == found.instrument.tolist()
    paste(panel, "trades", "instrument\tquantity\tbasket\nBTC-PERP\t-1\tother")
    assert blocks[0]["fields"][0]["id"] == "slices"
    names = panel._body["blocks"][0]["fields"][0]
    assert [o["id"] for o in names["options"]] == ["basket", "other"]
    other = opened(panel, "path", basket="other")
    assert len(other[-1]["rows"]) == 3
    edit_row = ids(panel, "trades")[3]
    send(panel, {"do": "set", "sheet": "trades", "cells": [[edit_row, "instrument", "BTC-PREP"]]})
    assert f"{edit_row},0" in panel._trades["errors"]


def test_collateral_is_posted_where_it_costs_least(panel):
    assert "No cost is typed" in words(opened(panel, "collateral"))
    paste(panel, "costs", "asset\tcost\nUSDC\t5%\nBTC\t1%")
    blocks = opened(panel, "collateral", level="maintenance")
    held = pledges(panel.margin, "maintenance")
    assets = held.assets().assign(cost=[{"USDC": 0.05, "BTC": 0.01}[str(a)] for a in held.asset])
    found = xm.allocate(assets, held.requirements())
    assert amount(found.cost, "USDC") in words(blocks)
    again = held.posted(dict(zip(found.pairs["asset"], found.pairs["quantity"], strict=True)))
    assert f"equity {amount(again.equity.value[0], 'USDC')}" in words(blocks)


def test_a_cost_of_what_is_not_held_is_marked_at_its_cell(panel):
    paste(panel, "costs", "asset\tcost\nUSDT\t5%\nBTC\tcheap")
    blocks = opened(panel, "collateral")
    assert "holds no USDT" in words(blocks)
    first, second = ids(panel, "costs")
    assert set(panel._costs["errors"]) == {f"{first},0", f"{second},1"}


def test_what_balances_cannot_cover_is_said_with_the_gap():
    tables = sample.desk()
    tables["balances"]["amount"] = [1_000.0, 0.1]
    panel = MarginPanel(*xm.tables(**tables, as_of=sample.AS_OF), model=MODEL)
    assert "no solution meets every limit" in words(opened(panel, "collateral"))


def test_tabs_that_decide_answer_an_empty_book_in_words():
    panel = MarginPanel(model=MODEL)
    for tab in [t["id"] for t in panel._tabs if t["group"] == "Decide"]:
        blocks = opened(panel, tab)
        assert "Error" not in words(blocks), (tab, words(blocks))


def test_tables_beside_the_book_are_no_part_of_it(panel, tmp_path):
    from xlmargin.widgets import exchange

    paste(panel, "costs", "asset\tcost\nUSDC\t5%")
    paste(panel, "candidates", "instrument\tmost\nBTC-PERP\t5")
    assert not panel.stale
    (tmp_path / "desk.xlsx").write_bytes(exchange.desk(panel)[1])
    again = xm.margin(*xm.read(tmp_path / "desk.xlsx", as_of=sample.AS_OF), MODEL)
    assert again.initial.value.tolist() == panel.margin.initial.value.tolist()


def test_what_the_tabs_found_is_in_the_report_while_it_holds(panel, tmp_path):
    paste(panel, "trades", "instrument\tquantity\nBTC-PERP\t-2\nBTC-20261225-100500-P\t3")
    for tab in ("what-if", "path", "liquidation", "collateral"):
        opened(panel, tab)
    names = openpyxl.load_workbook(panel.to_excel(tmp_path / "report.xlsx")).sheetnames
    own = ["What-if", "Path", "Surface", "Liquidation", "Collateral"]
    assert [n for n in names if n in own] == own
    send(panel, {"do": "set", "sheet": "positions", "cells": [[ids(panel)[0], "quantity", "2"]]})
    names = openpyxl.load_workbook(panel.to_excel(tmp_path / "report.xlsx")).sheetnames
    assert [n for n in names if n in own] == ["Collateral"]


def test_a_large_account_is_asked_before_many_runs(panel, monkeypatch):
    from xlmargin.widgets import tabs_liquidation

    monkeypatch.setattr(tabs_liquidation, "FEW_LEGS", 3)
    blocks = opened(panel, "liquidation", end="-80")
    assert [b["id"] for b in blocks[0]["buttons"]] == ["prevent"]
    assert "least" not in blocks[-1]["headers"]
    send(panel, {"do": "press", "id": "prevent"})
    assert "least" in panel._body["blocks"][-1]["headers"]
    assert panel._body["blocks"][0]["buttons"] == []
    send(panel, {"do": "set", "sheet": "positions", "cells": [[ids(panel)[0], "quantity", "2"]]})
    assert [b["id"] for b in panel._body["blocks"][0]["buttons"]] == ["prevent"]
