"""When the panel works: settings from code, stale answers, slow and heavy tabs, what fails."""

import asyncio
import threading

from xlmargin.widgets.panel import MarginPanel
from xlmargin.widgets.state import PanelState

import xlmargin as xm
from tests.widgets import sample
from tests.widgets.test_panel import MODEL, edit, send, tile
from xlmargin.html import amount, share
from xlmargin.shocks import moved


def test_setting_inputs_from_code_gives_a_new_margin(panel):
    book, market = sample.book(5)
    panel.show(book, market)
    assert panel.margin.initial.value.tolist() == xm.margin(book, market, MODEL).initial.value.tolist()
    panel.model = "derive.standard"
    assert panel.margin.stamp["model"] == "derive.standard"
    panel.model = MODEL
    panel.shocks = {"price": {"BTC": -0.1}}
    there = xm.margin(book, moved(market, {"BTC": -0.1}), MODEL)
    assert panel.margin.initial.value.tolist() == there.initial.value.tolist()


def test_moves_of_what_is_no_longer_held_can_be_taken_back(panel):
    panel.shocks = {"price": {"BTC": 0.1}}
    eth = {"instrument": ["ETH-PERP"], "quantity": [1], "mark": [4_000.0], "index": [4_000.0]}
    panel.show(*xm.tables(eth, assets={"asset": ["USDC"], "price": [1.0]}, as_of=sample.AS_OF))
    assert "nothing follows 'BTC'" in panel._status["message"]
    assert panel._shocks["moved"]
    send(panel, {"do": "still"})
    assert not panel.stale
    assert panel.margin.initial.value[0] > 0


def test_observers_hear_of_every_new_margin(panel):
    heard = []
    panel.observe(lambda change: heard.append(change.new.initial.value[0]), names="margin")
    books = []
    panel.observe(lambda change: books.append(change.new), names="book")
    edit(panel, "9")
    assert heard == [panel.margin.initial.value[0]]
    assert books[-1] is panel.book


def test_two_settings_in_one_cell_are_one_computation(monkeypatch):
    first, second = sample.book(9), sample.book(20)
    panel = MarginPanel(*first, model=MODEL)
    calls = []
    compute = PanelState._compute
    monkeypatch.setattr(PanelState, "_compute", lambda self: (calls.append(1), compute(self))[1])

    async def cell():
        panel.book = second[0]
        panel.market = second[1]
        panel.shocks = {"days": 1.0}
        assert not calls
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(cell())
    assert len(calls) == 1
    there = xm.margin(second[0], moved(second[1], days=1.0), MODEL)
    assert panel.margin.initial.value.tolist() == there.initial.value.tolist()


def test_a_result_read_at_once_is_never_the_old_one(panel):
    async def cell():
        panel.model = "derive.standard"
        return panel.margin.stamp["model"]

    assert asyncio.run(cell()) == "derive.standard"


def test_a_stale_answer_never_overwrites_a_newer_one(panel):
    """The steps of a slow tab are dropped as soon as something newer is asked."""

    async def session():
        send(panel, {"do": "tab", "id": "price"})
        assert panel._body["busy"]
        await asyncio.sleep(0.02)
        edit(panel, "4", seq=2)
        assert panel._status["answers"] == {"v": 2}
        while panel.body.busy:
            await asyncio.sleep(0.005)

    asyncio.run(session())
    chart = panel._body["blocks"][1]
    still = chart["x"].index(0.0)
    initial = next(s for s in chart["series"] if s["id"] == "initial")["texts"]
    assert initial[still] == tile(panel, "initial")


def test_figures_come_before_a_slow_tab(panel):
    async def session():
        edit(panel, "3")
        send(panel, {"do": "tab", "id": "compare"}, seq=2)
        return panel._body["busy"], tile(panel, "initial")

    busy, initial = asyncio.run(session())
    assert busy
    assert initial == amount(panel.margin.initial.value[0], "USDC")


def test_heavy_work_leaves_the_kernel_free_and_is_dropped_for_newer(panel, monkeypatch):
    """While a tab works aside, edits are answered; its outdated result never shows."""
    from xlmargin.widgets import tabs_decide

    monkeypatch.setattr(tabs_decide, "QUIET", 0.0)
    begun, go = threading.Event(), threading.Event()
    plain = tabs_decide.health
    seen = []

    def slow(margin, **where):
        seen.append(margin)
        begun.set()
        go.wait(10)
        return plain(margin, **where)

    monkeypatch.setattr(tabs_decide, "health", slow)

    async def session():
        send(panel, {"do": "tab", "id": "health"})
        while not begun.is_set():
            await asyncio.sleep(0.005)
        edit(panel, "4", seq=2)
        assert panel._status["answers"] == {"v": 2}
        assert tile(panel, "initial") == amount(panel.margin.initial.value[0], "USDC")
        go.set()
        while panel.body.busy:
            await asyncio.sleep(0.005)

    asyncio.run(session())
    assert [m is panel.margin for m in seen] == [False, True]
    cover = panel._body["blocks"][0]["rows"][0][1]
    assert cover == share(float(panel.margin.cover[0]))


def test_a_failing_tab_says_so_and_the_figures_stand(panel, monkeypatch):
    from xlmargin.widgets import tabs

    monkeypatch.setattr(tabs.views, "ledger", lambda *_: 1 / 0)
    send(panel, {"do": "tab", "id": "ledger"})
    assert panel._body["blocks"] == [{"kind": "text", "text": "ZeroDivisionError: division by zero"}]
    assert not panel.stale
