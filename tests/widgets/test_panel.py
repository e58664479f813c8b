"""The panel at the level of traits: what the browser sends, what it is handed, what a cell sets and reads."""

import json

import numpy as np
import pytest
from xlmargin.widgets.panel import MarginPanel

import xlmargin as xm
from tests.widgets import sample
from xlmargin.html import amount

MODEL = "derive.portfolio"
OWN = ("_model", "_view", "_any", "_dom", "_esm", "_css")


def wire(panel):
    """What the browser reads."""
    return {k: getattr(panel, k) for k in panel.keys if k.startswith("_") and not k.startswith(OWN)}


def send(panel, *actions, view="v", seq=1, buffers=()):
    """A message of the browser, handed over as the kernel does."""
    content = {"view": view, "seq": seq, "actions": list(actions)}
    panel._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": list(buffers)})


def ids(panel, sheet="positions"):
    return list(panel.desk.sheets[sheet].rows)


def tile(panel, id):
    return next(t["text"] for t in panel._figures["tiles"] if t["id"] == id)


def edit(panel, text, row=0, column="quantity", sheet="positions", seq=1):
    send(panel, {"do": "set", "sheet": sheet, "cells": [[ids(panel, sheet)[row], column, text]]}, seq=seq)


def test_figures_on_the_wire_are_the_core_s_own_for_any_quantities():
    random = np.random.default_rng(7)
    panel = MarginPanel(*sample.book(), model=MODEL)
    for seq, row in enumerate(random.integers(0, 10, 12), 1):
        edit(panel, str(round(float(random.normal(0, 5)), 3)), row=int(row), seq=seq)
        alone = xm.margin(panel.book, panel.market, MODEL)
        assert panel.margin.initial.value.tolist() == alone.initial.value.tolist()
        for what in ("equity", "initial", "maintenance"):
            assert tile(panel, what) == amount(getattr(alone, what).value[0], "USDC")
        assert tile(panel, "available") == amount(alone.available[0], "USDC")
        assert tile(panel, "benefit") == amount(xm.benefit(alone).amount[0], "USDC")


def test_every_question_is_answered_even_when_nothing_changes(panel):
    edit(panel, "1.5", seq=4)
    assert panel._status["answers"] == {"v": 4}
    send(panel, {"do": "undo"}, view="other", seq=1)
    assert panel._status["answers"] == {"v": 4, "other": 1}


def test_an_edit_travels_as_one_message(panel, monkeypatch):
    sent = []
    monkeypatch.setattr(type(panel), "_send", lambda self, msg, buffers=None: sent.append(msg))
    edit(panel, "7")
    updates = [m for m in sent if m.get("method") == "update"]
    assert len(updates) == 1
    assert {"_figures", "_positions", "_status", "_body"} <= set(updates[0]["state"])
    assert "_instruments" not in updates[0]["state"]


def test_what_goes_over_the_wire_is_json_without_nan(panel):
    for tab in panel.pages:
        send(panel, {"do": "tab", "id": tab})
        json.dumps(wire(panel), allow_nan=False)
    empty = MarginPanel(model=MODEL)
    json.dumps(wire(empty), allow_nan=False)


def test_an_empty_book_shows_zeros():
    panel = MarginPanel(model=MODEL)
    assert tile(panel, "initial") == "0.00"
    assert panel.margin.initial.value.tolist() == [0.0]
    assert panel._status["message"] == ""


def test_emptied_rows_leave_zeros_too(panel):
    send(panel, {"do": "delete", "sheet": "positions", "rows": ids(panel)})
    send(panel, {"do": "delete", "sheet": "balances", "rows": ids(panel, "balances")})
    assert tile(panel, "equity") == "0.00"
    assert not panel.stale


def test_a_wrong_cell_keeps_the_last_good_figures(panel):
    before, last = tile(panel, "initial"), panel.margin
    edit(panel, "1e999")
    assert tile(panel, "initial") == before
    assert panel.margin is last
    assert panel.stale
    assert [p.message for p in panel.problems] == ["not a number: '1e999'"]
    assert panel._positions["errors"] == {f"{ids(panel)[0]},1": "not a number: '1e999'"}
    assert panel._positions["rows"].split("\x1e")[0].split("\x1f")[2] == "1e999"
    send(panel, {"do": "undo"})
    assert not panel.stale
    assert panel._positions["errors"] == {}


def test_nan_never_passes_for_a_number(panel):
    before = panel.margin.initial.value[0]
    for text in ("nan", "inf", "-", "1_000", "0x10"):
        edit(panel, text)
        assert panel.stale, text
        assert panel.margin.initial.value[0] == before


def test_a_missing_volatility_is_asked_for_at_the_position(panel):
    row = next(i for i, r in enumerate(panel.desk.sheets["instruments"].rows.values()) if r.get("iv"))
    name = list(panel.desk.sheets["instruments"].rows.values())[row]["instrument"]
    edit(panel, "", row=row, column="iv", sheet="instruments")
    assert panel.stale
    messages = list(panel._positions["errors"].values())
    assert any(f"missing for {name}" in m for m in messages)


def test_another_account_goes_on_while_one_is_wrong():
    one, two = sample.desk(4, "one"), sample.desk(4, "two")
    both = {t: {c: one[t][c] + two[t][c] for c in one[t]} for t in ("positions", "balances")}
    panel = MarginPanel(*xm.tables(**{**one, **both}, as_of=sample.AS_OF), model=MODEL, account="two")
    before = tile(panel, "initial")
    edit(panel, "DOGE", row=0, column="asset", sheet="balances")
    assert not panel.stale
    assert tile(panel, "initial") == before
    assert panel.margin.account.tolist() == ["two"]
    assert "Left out: one" in panel._status["message"]
    panel.account = "one"
    assert panel.stale


def test_a_new_tab_is_one_small_class():
    from xlmargin.widgets import Tab, views

    class Own(Tab):
        id, title = "own", "My own"

        def steps(self, panel, verdict):
            yield [views.text(f"initial {verdict.margin.initial.value[0]:.2f}")]

    try:
        panel = MarginPanel(*sample.book(), model=MODEL)
        send(panel, {"do": "tab", "id": "own"})
        assert panel._body["blocks"][0]["text"] == f"initial {panel.margin.initial.value[0]:.2f}"
        assert panel._tabs[-1] == {"id": "own", "title": "My own", "group": "Margin"}
    finally:
        Tab.all.remove(Own)


def test_an_unknown_model_is_refused_with_the_nearest(panel):
    with pytest.raises(xm.UnknownModel, match=r"did you mean 'derive\.portfolio'"):
        panel.model = "derive.portfoli"
    assert panel.model == MODEL
    send(panel, {"do": "field", "id": "model", "value": "deriv.standard"})
    assert "did you mean 'derive.standard'" in panel._status["message"]
    assert panel.model == MODEL


def test_without_a_model_one_that_takes_the_book_is_used():
    book, market = sample.book()
    panel = MarginPanel(book, market)
    assert not panel.stale
    assert panel.margin.initial.value.tolist() == xm.margin(book, market, panel.model).initial.value.tolist()


def test_an_unknown_argument_is_refused():
    with pytest.raises(TypeError, match=r"unknown argument modell; allowed: .*model"):
        MarginPanel(*sample.book(), modell=MODEL)
    with pytest.raises(TypeError, match="the market that it is numbered by"):
        MarginPanel(sample.book()[0], model=MODEL)


def test_new_rows_belong_to_the_account_looked_at():
    two = sample.desk(4, "two")
    panel = MarginPanel(*xm.tables(**two, as_of=sample.AS_OF), model=MODEL)
    assert panel.account == "two"
    text = f"{two['positions']['instrument'][1]}\t-1"
    send(panel, {"do": "paste", "sheet": "positions", "row": None, "column": "instrument", "text": text})
    assert not panel.stale
    assert panel.book.account.tolist() == ["two"]
    assert panel._status["said"] == "Pasted 1 row"


def test_a_view_that_cannot_be_made_is_said_and_the_rest_stands(panel, monkeypatch):
    from xlmargin.widgets import regions

    monkeypatch.setitem(regions.REGIONS, "_shocks", lambda _: 1 / 0)
    edit(panel, "2")
    assert "ZeroDivisionError" in panel._status["message"]
    assert tile(panel, "initial") == amount(panel.margin.initial.value[0], "USDC")


def test_the_decimal_mark_of_pasted_numbers():
    panel = MarginPanel(*sample.book(), model=MODEL, decimal=",")
    send(panel, {"do": "paste", "sheet": "positions", "row": ids(panel)[0], "column": "quantity", "text": "1.000,5"})
    assert panel.desk.sheets["positions"].rows[ids(panel)[0]]["quantity"] == 1000.5


def test_static_views_for_hosts_without_widgets_or_kernel(panel):
    data, _ = panel._repr_mimebundle_()
    assert tile(panel, "initial") in data["text/html"]
    assert data["text/plain"].startswith("MarginPanel(derive.portfolio, 10 positions, equity")
    assert "application/vnd.jupyter.widget-view+json" in data


def test_options_of_a_model_are_fields_of_the_panel():
    optional = [id for id in xm.models() if xm.model(id).options]
    for id in optional[:3]:
        panel = MarginPanel(model=id)
        fields = {f["id"]: f for f in panel._head["fields"]}
        for name, option in xm.model(id).options.items():
            assert fields[f"option:{name}"]["value"] == str(option.default)
            assert [o["id"] for o in fields[f"option:{name}"]["options"]] == list(option.choices)


@pytest.mark.parametrize("model", xm.models())
def test_every_model_has_its_empty_panel(model):
    panel = MarginPanel(model=model)
    assert panel._head["fields"][0]["value"] == model
    json.dumps(wire(panel), allow_nan=False)
