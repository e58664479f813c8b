"""Figures, heat map, ledger, chart, market moves and tabs in real Chromium; labels, themes, and what goes wrong."""

import re
import time

import pytest
from xlmargin.widgets import actions
from xlmargin.widgets.pieces import LedgerTree, MarginSummary, PositionsGrid, ProfileChart, ScenarioHeatmap

import xlmargin as xm
from tests.browser.conftest import picture
from tests.browser.host import HOST, mount, refresh, state
from tests.browser.notebooks import cell, expect, figure, type_into
from tests.widgets import sample
from xlmargin import frames
from xlmargin.decide.exposure import exposure
from xlmargin.decide.health import health
from xlmargin.decide.what_if import what_if
from xlmargin.html import amount
from xlmargin.shocks import moved, profile

MODEL = "derive.portfolio"


def open_tab(page, panel, name):
    """Open a tab and wait until its blocks are there."""
    page.get_by_role("tab", name=name).click()
    page.wait_for_function("() => window.asked.length > 0")
    while panel.body.busy:
        page.wait_for_timeout(20)
    refresh(page, panel)


def initial(margin):
    return amount(margin.initial.value[0], "USDC")


def test_dragging_a_shock_gives_the_margin_of_the_moved_market(shown, panel):
    slider = shown.get_by_label("BTC price", exact=True)
    box = slider.bounding_box()
    shown.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    shown.mouse.down()
    for step in range(1, 30):
        shown.mouse.move(box["x"] + box["width"] * (0.5 - 0.01 * step), box["y"] + box["height"] / 2)
    shown.mouse.up()
    percent = float(slider.input_value())
    assert percent < -20
    shown.wait_for_function("() => !document.querySelector('.xlm-pending')")
    there = xm.margin(panel.book, moved(panel.market, {"BTC": percent / 100}), MODEL)
    expect(figure(shown, "initial")).to_have_text(initial(there))
    assert panel.shocks == {"price": {"BTC": percent / 100}}
    expect(shown.locator(".xlm-stamp")).to_contain_text(f"after BTC price {percent:.1f}%")
    shown.get_by_role("button", name="Back to market").click()
    expect(figure(shown, "initial")).to_have_text(initial(xm.margin(panel.book, panel.market, MODEL)))


def test_a_typed_shock_and_one_that_cannot_be(shown, panel):
    number = shown.get_by_label("BTC volatility, %")
    number.fill("12.5")
    number.press("Enter")
    there = xm.margin(panel.book, moved(panel.market, vol={"BTC": 0.125}), MODEL)
    expect(figure(shown, "initial")).to_have_text(initial(there))
    number.fill("-100")
    number.press("Enter")
    expect(shown.get_by_role("alert")).to_contain_text("must be above -100 %")
    expect(figure(shown, "initial")).to_have_text(initial(there))


def test_another_model(shown, panel):
    shown.get_by_label("Model").select_option("derive.standard")
    there = xm.margin(panel.book, panel.market, "derive.standard")
    expect(figure(shown, "initial")).to_have_text(initial(there))
    assert panel.model == "derive.standard"
    expect(shown.locator(".xlm-page")).to_contain_text("does not use a scenario grid")


def test_a_date_before_the_first_version_is_answered_in_words(shown, panel):
    date = shown.get_by_label("Date (UTC)")
    date.fill("2020-01-01")
    date.press("Enter")
    expect(shown.get_by_role("alert")).to_contain_text("no parameters in force on 2020-01-01")
    date.fill("not a date")
    date.press("Enter")
    expect(shown.get_by_role("alert")).to_contain_text("not a date: 'not a date'")
    date.fill("2026-09-22 00:00")
    date.press("Enter")
    expect(shown.get_by_role("alert")).to_have_count(0)
    expect(figure(shown, "initial")).to_have_text(initial(panel.margin))
    assert panel.margin.stamp["market time"] == "2026-09-22 00:00:00Z"


def test_the_worst_scenario_is_marked_and_a_cell_opens_its_positions(shown, panel):
    detail = panel.margin.detail("main")
    worst = int(detail.grid.worst[0])
    marked = shown.locator(".xlm-heat td.xlm-worst")
    expect(marked).to_have_count(1)
    expect(marked).to_have_attribute("data-scenario", str(worst))
    other = shown.locator(".xlm-heat td[data-scenario='5']")
    other.click()
    table = shown.locator(".xlm-page .xlm-table")
    total = amount(detail.grid.pnl[0, 5], "USDC")
    expect(table.locator("caption")).to_contain_text(total)
    said = table.locator("tbody td:last-child").all_inner_texts()
    assert said == [amount(v, "USDC") for v in sorted(frames.scenario(detail, 5)["pnl"])]
    other.press("ArrowRight")
    shown.keyboard.press("Enter")
    expect(table.locator("caption")).not_to_contain_text(total)


def test_the_ledger_opens_to_holdings_and_readds(shown, panel):
    open_tab(shown, panel, "Ledger")
    tree = shown.get_by_role("treegrid")
    line = tree.locator("tr[data-path='equity / Options']")
    line.click()
    expect(line).to_have_attribute("aria-expanded", "true")
    held = tree.locator("tr[data-path^='equity / Options / ']")
    expect(held).to_have_count(9)
    texts = held.locator("td.num").all_inner_texts()
    options = next(part for part in panel.margin.equity.parts if part.name == "Options")
    assert sum(float(t.replace(",", "")) for t in texts) == pytest.approx(options.value[0], abs=0.05)
    line.press("ArrowLeft")
    expect(held).to_have_count(0)
    tree.locator("tr[data-path='initial']").press("ArrowLeft")
    expect(tree.locator("tr[data-path^='initial / ']")).to_have_count(0)
    expect(shown.locator(".xlm-ledger-box .xlm-hint")).to_contain_text("Every line is the sum of its parts")


def test_the_chart_reads_out_the_rule_at_each_price(shown, panel):
    open_tab(shown, panel, "Price")
    line = profile(panel.margin, "BTC")
    chart = shown.get_by_role("slider", name=re.compile("against the price"))
    chart.press("Home")
    expect(shown.locator(".xlm-readout")).to_contain_text(f"Initial margin {amount(line.initial[0, 0], 'USDC')}")
    chart.press("ArrowRight")
    expect(shown.locator(".xlm-readout")).to_contain_text(f"Equity {amount(line.equity[1, 0], 'USDC')}")
    assert shown.locator(".xlm-chart path.xlm-line").count() == 4


def test_what_if_shows_before_after_and_change(shown, panel):
    open_tab(shown, panel, "What-if")
    shown.locator(".xlm-page").get_by_role("button", name="Add a row").click()
    trade = shown.locator(".xlm-grid[aria-label='Trades on top']")
    trade.locator("td").first.click()
    shown.keyboard.type("BTC-PERP")
    shown.keyboard.press("Tab")
    shown.keyboard.type("-1.5")
    shown.keyboard.press("Enter")
    trades = {"instrument": ["BTC-PERP"], "quantity": [-1.5], "account": ["main"]}
    found = what_if(panel.book, panel.market, MODEL, trades)
    row = shown.locator(".xlm-page .xlm-table tr", has_text="Initial margin")
    expect(row).to_contain_text(amount(found.after["initial"][0], "USDC"))
    expect(row).to_contain_text(amount(found.change["initial"][0], "USDC"))
    expect(shown.locator(".xlm-page .xlm-table caption")).to_contain_text(amount(found.benefit[0], "USDC"))
    expect(figure(shown, "initial")).to_have_text(initial(panel.margin))
    trade.locator("td").first.click()
    shown.keyboard.type("BTC-PREP")
    shown.keyboard.press("Enter")
    expect(trade.locator("td").first).to_have_attribute("title", re.compile("BTC-PERP"))
    expect(figure(shown, "initial")).to_have_text(initial(panel.margin))


def test_compare_shows_models_side_by_side_and_why_others_cannot(shown, panel):
    open_tab(shown, panel, "Compare")
    rows = shown.locator(".xlm-page .xlm-table").first
    expect(rows).to_contain_text("derive.standard")
    expect(rows).to_contain_text(initial(xm.margin(panel.book, panel.market, "derive.standard")))
    expect(shown.locator(".xlm-page .xlm-table").nth(1)).to_contain_text("does not margin an option")


def test_how_far_it_is_from_trouble(shown, panel):
    open_tab(shown, panel, "Health")
    found = health(panel.margin)
    page = shown.locator(".xlm-page")
    expect(page.locator(".xlm-table").first).to_contain_text(found.frame()["state"][0])
    expect(page.locator(".xlm-table").nth(1)).to_contain_text(found.alerts()["message"].iloc[0])
    expect(page).to_contain_text(found.price.frame()["status"][0])


def test_what_it_is_exposed_to(shown, panel):
    open_tab(shown, panel, "Exposure")
    net = exposure(panel.margin).frame()["net_usd"][0]
    expect(shown.locator(".xlm-page .xlm-table").first).to_contain_text(amount(float(net)))
    expect(shown.locator(".xlm-page .xlm-table")).to_have_count(3)


def test_silence_is_said_and_a_late_answer_heals_it(shown, panel):
    shown.evaluate("window.deaf = true")
    type_into(shown, cell(shown, "Positions", 2, "quantity"), "2")
    expect(shown.locator(".xlm-answers")).to_have_class("xlm-answers xlm-pending")
    expect(shown.get_by_role("alert")).to_contain_text("No answer from the kernel", timeout=4_000)
    expect(shown.locator(".xlm-answers")).to_have_class(re.compile("xlm-lost"))
    assert "line-through" in figure(shown, "initial").evaluate("node => getComputedStyle(node).textDecoration")
    shown.evaluate("window.deaf = false; window.answer(window.asked[0]).then(window.push)")
    expect(shown.get_by_role("alert")).to_have_count(0)
    expect(figure(shown, "initial")).to_have_text(initial(panel.margin))


def test_an_unexpected_error_is_a_message_at_the_cell_that_caused_it(shown, panel, monkeypatch):
    before = initial(panel.margin)

    def broken(*_):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(panel, "margin_of", broken)
    type_into(shown, cell(shown, "Positions", 2, "quantity"), "2")
    message = "ZeroDivisionError: division by zero"
    expect(shown.get_by_role("alert")).to_contain_text(message)
    expect(cell(shown, "Positions", 2, "quantity")).to_have_attribute("title", message)
    expect(figure(shown, "initial")).to_have_text(before)
    monkeypatch.undo()
    type_into(shown, cell(shown, "Positions", 2, "quantity"), "3")
    expect(shown.get_by_role("alert")).to_have_count(0)
    expect(figure(shown, "initial")).to_have_text(initial(panel.margin))


def test_every_focusable_element_keeps_its_keys_from_the_notebook(shown, panel):
    for name in [tab.title for tab in panel.pages.values()]:
        open_tab(shown, panel, name)
        bare = shown.evaluate(
            """() => [...document.querySelectorAll('.xlm button, .xlm input, .xlm select, .xlm [tabindex]')]
                 .filter((one) => !one.hasAttribute('data-lm-suppress-shortcuts')).map((one) => one.outerHTML)"""
        )
        assert bare == [], name


def test_tab_leaves_the_grid_and_every_part_can_be_reached(shown):
    cell(shown, "Positions", 2, "quantity").click()
    reached = []
    for _ in range(40):
        shown.keyboard.press("Tab")
        reached.append(
            shown.evaluate("document.activeElement.dataset.shock ?? document.activeElement.dataset.tab ?? ''")
        )
    assert "price BTC" in reached
    assert "scenarios" in reached


@pytest.mark.parametrize("dark", [False, True])
def test_no_accessibility_violation(page, panel, dark):
    from axe_playwright_python.sync_playwright import Axe

    shown = mount(page, panel, dark)
    titles = ["Scenarios", "Price", "Compare"] if dark else [tab.title for tab in panel.pages.values()]
    for title in titles:
        open_tab(shown, panel, title)
        found = Axe().run(shown, context=".xlm").response["violations"]
        assert not found, [(v["id"], [n["html"][:200] for n in v["nodes"][:3]]) for v in found]
    picture(shown, f"panel-host-{'dark' if dark else 'light'}")


@pytest.mark.parametrize("kind", ["vscode-dark", "vscode-light"])
def test_a_frame_inside_a_dark_page_is_dark(page, panel, kind):
    """VS Code draws widgets in a frame and names the theme on the page around it."""
    page.expose_function("answer", lambda content: {})
    page.goto("about:blank")
    page.set_content(
        f"<body data-vscode-theme-kind='{kind}'><iframe srcdoc='<body></body>' width=1300></iframe></body>"
    )
    frame = page.frames[1]
    frame.evaluate(HOST, [panel._esm, panel._css, state(panel)])
    ground = frame.locator(".xlm-panel").evaluate("node => getComputedStyle(node).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) is (kind == "vscode-dark")


def test_pieces_stand_alone(page):
    book, market = sample.book()
    margin = xm.margin(book, market, MODEL)
    chart, heat = ProfileChart(margin, underlying="BTC"), ScenarioHeatmap(margin)
    mount(page, heat)
    expect(page.locator(".xlm-heat td.xlm-worst")).to_have_count(1)
    page.locator(".xlm-heat td[data-scenario='3']").click()
    expect(page.locator(".xlm-table caption")).to_contain_text("scenario 3")
    assert heat.scenario == 3
    for widget, selector in (
        (MarginSummary(margin), "[data-figure='initial'] b"),
        (LedgerTree(margin), ".xlm-ledger tr[data-path='initial'] td.num"),
    ):
        page.evaluate("document.body.replaceChildren()")
        _again(page, widget)
        expect(page.locator(selector)).to_have_text(initial(margin))
    page.evaluate("document.body.replaceChildren()")
    _again(page, chart)
    assert page.locator(".xlm-chart path.xlm-line").count() == 4
    assert page.errors == []


def _again(page, widget):
    page.evaluate(HOST, [widget._esm, widget._css, state(widget)])


def test_a_grid_alone_hands_back_its_book(page):
    grid = PositionsGrid(*sample.book())
    mount(page, grid)
    type_into(page, cell(page, "Positions", 2, "quantity"), "8")
    expect(cell(page, "Positions", 2, "quantity")).to_have_text("8")
    assert 8.0 in grid.book.legs.quantity
    type_into(page, cell(page, "Positions", 2, "quantity"), "many")
    expect(cell(page, "Positions", 2, "quantity")).to_have_attribute("aria-invalid", "true")
    assert 8.0 in grid.book.legs.quantity
    assert [p.message for p in grid.problems] == ["not a number: 'many'"]


def test_an_action_that_nobody_knows_is_refused_in_words(shown):
    shown.evaluate("window.fire('x'); window.answer({view: 'v', seq: 1, actions: [{do: 'undoo'}]}).then(window.push)")
    expect(shown.get_by_role("alert")).to_contain_text("did you mean 'undo'")
    assert "undo" in actions.GRID_ACTIONS


def test_an_answer_is_at_once(shown, panel):
    """From Enter to new figures without Jupyter in between; a coarse bound, the benchmark has the figures."""
    start = time.perf_counter()
    before = figure(shown, "initial").inner_text()
    type_into(shown, cell(shown, "Positions", 2, "quantity"), "4")
    expect(figure(shown, "initial")).not_to_have_text(before)
    assert time.perf_counter() - start < 5
