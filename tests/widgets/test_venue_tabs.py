"""Tabs of what may come and of several venues: figures are the core's, tables beside the book are read with it."""

import asyncio
import re

import numpy as np
import pandas as pd
import pytest
from xlmargin.widgets.panel import MarginPanel
from xlmargin.widgets.tabs_venues import MOVE, VIEWS, rulebooks

import xlmargin as xm
from tests import law_books
from tests.report_reading import columns
from tests.widgets import sample
from tests.widgets.test_decide_tabs import column, kinds, opened, paste, words
from tests.widgets.test_panel import MODEL, ids, send
from xlmargin.decide.across import across
from xlmargin.decide.contagion import contagion
from xlmargin.decide.credit import credit
from xlmargin.decide.dynamic import dynamic
from xlmargin.decide.placement import place
from xlmargin.decide.stress import stress
from xlmargin.html import amount

MODELS = {"derive": MODEL, "binance.usdm": "binance.usdm"}


@pytest.fixture
def panel():
    return MarginPanel(*sample.book(), model=MODEL)


@pytest.fixture
def venues():
    return MarginPanel(*sample.venue_book(), model=MODEL)


def tables(blocks):
    return [block for block in blocks if block["kind"] == "table"]


def test_named_stresses_and_their_parts(panel):
    blocks = opened(panel, "stress")
    found = stress(panel.margin)
    shown = tables(blocks)[0]
    assert column(shown, "scenario") == list(found.scenario)
    assert column(shown, "equity after") == [amount(v, "USDC") for v in found.equity[:, 0]]
    worst = found.worst()["scenario"][0]
    parts = found.parts().frame()
    own = parts[parts["scenario"] == worst]
    assert column(tables(blocks)[1], "equity") == [amount(v, "USDC") for v in own["equity"]]
    other = found.scenario[-1]
    again = opened(panel, "stress", explain=other)
    assert other in tables(again)[1]["caption"]


def test_scenarios_of_one_s_own(panel):
    send(panel, {"do": "tab", "id": "stress"}, {"do": "choose", "id": "names", "value": []})
    assert "Pick a scenario" in words(panel._body["blocks"])
    paste(panel, "scenarios", "scenario\ttarget\tprice\tvol\nmine\tBTC\t-20 %\t50 %")
    blocks = panel._body["blocks"]
    found = stress(panel.margin, {"scenario": "mine", "target": "BTC", "price": -0.2, "vol": 0.5})
    assert column(tables(blocks)[0], "headroom") == [amount(found.headroom[0, 0], "USDC")]
    assert "A scenario of your own" in words(blocks)
    row = ids(panel, "scenarios")[0]
    send(panel, {"do": "set", "sheet": "scenarios", "cells": [[row, "price", "-100 %"]]})
    assert "-100 %" in words(panel._body["blocks"])
    assert any(key.startswith(f"{row},") for key in panel._scenarios["errors"])
    assert not panel.stale


def test_scenarios_that_come_with_a_book_are_there(tmp_path):
    own = {"scenario": ["from the file"], "target": ["BTC"], "price": [-0.3]}
    panel = MarginPanel(*xm.tables(**sample.desk(), scenarios=own, as_of=sample.AS_OF), model=MODEL)
    assert "from the file" in panel._scenarios["rows"]
    assert "from the file" in column(tables(opened(panel, "stress"))[0], "scenario")
    again = xm.margin(*sample.book(), MODEL)
    assert panel.margin.initial.value.tolist() == again.initial.value.tolist()


def test_tomorrow_s_margin_from_two_volatilities(panel):
    assert "table history" in words(opened(panel, "dynamic"))
    blocks = opened(panel, "dynamic", vol="80", long="50", cap="1.5")
    found = dynamic(panel.margin, vol={"BTC": 0.8}, reference=0.5, cap=1.5)
    shown = tables(blocks)[0]
    assert column(shown, "tomorrow") == [amount(found.tomorrow.initial.value[0], "USDC")]
    assert column(tables(blocks)[1], "multiplier") == ["1.5"]
    assert "one volatility alone" in words(opened(panel, "dynamic", long=""))
    assert "give both or neither" in words(opened(panel, "dynamic", vol="", long="50"))
    assert "Cap, times: 'x'" in words(opened(panel, "dynamic", cap="x")).replace("not a number: ", "")


def test_a_history_gives_the_course_and_how_procyclical_it_is():
    days = pd.date_range("2026-03-01", "2026-09-21", freq="D")
    rng = np.random.default_rng(5)
    history = {"date": [str(d.date()) for d in days], "BTC": 1e5 * np.exp(np.cumsum(rng.normal(0, 0.02, len(days))))}
    panel = MarginPanel(*xm.tables(**sample.desk(), history=history, as_of=sample.AS_OF), model=MODEL)
    blocks = opened(panel, "dynamic")
    found = dynamic(panel.margin)
    chart = next(b for b in blocks if b["kind"] == "chart")
    dates, courses = found.courses(min(250, len(found.regime.dates)))
    assert len(chart["labels"]) == len(dates)
    assert chart["series"][2]["values"] == courses["dynamic"][:, 0].tolist()
    assert column(tables(blocks)[1], "course") == list(courses)


def test_every_account_under_its_venue_s_rulebook(venues):
    assert rulebooks(venues) == MODELS
    shown = tables(opened(venues, "venues"))[0]
    found = across(venues.book, venues.market, MODELS).frame()
    assert column(shown, "account") == list(found["account"])
    assert column(shown, "model") == list(found["model"])


def test_one_credit_line(venues):
    paste(venues, "lines", "owner\tline\tvenue\nfund\t60000\t\nfund\t30000\tderive")
    blocks = opened(venues, "venues", view="Credit line")
    lines = {"owner": ["fund", "fund"], "line": [60_000.0, 30_000.0], "venue": ["", "derive"]}
    found = credit(venues.book, venues.market, MODELS, lines)
    assert found.words in words(blocks)
    assert column(tables(blocks)[2], "message") == list(found.limits()["message"])
    paste(venues, "lines", "owner\tline\nfnd\t1")
    blocks = opened(venues, "venues")
    assert "did you mean 'fund'" in words(blocks)
    assert f"{ids(venues, 'lines')[2]},0" in venues._lines["errors"]


def test_a_shock_runs_through_all_venues(venues):
    paste(venues, "depth", "underlying\tdepth\nBTC\t500000")
    paste(venues, "funds", "venue\tamount\nbinance.usdm\t50000")
    blocks = opened(venues, "venues", view="Contagion", move="-20")
    how = {"depth": {"underlying": ["BTC"], "depth": [5e5]}, "funds": {"venue": ["binance.usdm"], "amount": [5e4]}}
    found = contagion(venues.book, venues.market, MODELS, {"price": {"BTC": -0.2, "ETH": -0.2}}, **how)
    assert found.words in words(blocks)
    assert column(tables(blocks)[0], "round") == [str(r.number) for r in found.told]
    assert "move" in [f["id"] for f in blocks[0]["fields"]]
    named = opened(venues, "venues", shock="2020-03-12")
    assert "move" not in [f["id"] for f in named[0]["fields"]]
    assert contagion(venues.book, venues.market, MODELS, "2020-03-12", **how).words in words(named)
    opened(venues, "venues", shock=MOVE)
    paste(venues, "funds", "venue\tamount\nbinanc.usdm\t1")
    assert "did you mean 'binance.usdm'" in words(venues._body["blocks"])


def test_where_positions_should_stand(venues):
    blocks = opened(venues, "venues", view="Placement")
    found = place(venues.book, venues.market, MODELS)
    assert found.words in words(blocks)
    assert column(tables(blocks)[0], "to") == list(found.frame()["to"])
    assert set(column(tables(blocks)[0], "moves")) <= {"yes", "no"}


def test_a_venue_without_a_rulebook_is_said_with_those_there_are(venues):
    row = ids(venues, "accounts")[1]
    send(venues, {"do": "set", "sheet": "accounts", "cells": [[row, "venue", "binance"]]})
    assert "no model for 'binance'" in words(opened(venues, "venues"))


def test_the_figures_come_first_and_an_old_answer_never_last(venues):
    """A slow tab is begun when nothing newer was asked, and what it was asked before is dropped."""

    async def session():
        send(venues, {"do": "tab", "id": "venues"}, {"do": "choose", "id": "view", "value": "Placement"})
        assert venues._body["busy"]
        send(venues, {"do": "choose", "id": "view", "value": "Margins"}, seq=2)
        assert venues._status["answers"] == {"v": 2}
        while venues.body.busy:
            await asyncio.sleep(0.01)

    asyncio.run(session())
    assert kinds(venues._body["blocks"]) == ["fields", "text", "table"]


@pytest.mark.parametrize("model", ["aave.v3", "binance.usdm", "deribit.standard", "simm", "span.cme"])
def test_every_tab_that_decides_answers_under_every_kind_of_model(model):
    """Lending, tiers, premiums, sensitivities, arrays: what a verb cannot do is words, never an exception's name."""
    made = law_books.GENERATORS[model](np.random.default_rng(12), 3)
    book, market = xm.tables(**{name: columns(rows) for name, rows in made.items()})
    params = law_books.PARAMS[model](market.as_of) if model in law_books.PARAMS else None
    panel = MarginPanel(book, market, model=model, params=params)
    for tab in [t["id"] for t in panel._tabs if t["group"] == "Decide"]:
        for view in VIEWS if tab == "venues" else [""]:
            said = words(opened(panel, tab, **({"view": view} if view else {})))
            assert not re.search(r"\b\w+Error\b", said), (tab, view, said)
