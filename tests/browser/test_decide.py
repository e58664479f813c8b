"""The tabs that decide in real Chromium: fields and tables typed by hand, buttons pressed, pictures kept."""

import numpy as np
import pytest
from xlmargin.widgets.panel import MarginPanel
from xlmargin.widgets.tabs_liquidation import MOVES

import xlmargin as xm
from tests.browser.conftest import picture
from tests.browser.host import mount, refresh
from tests.browser.notebooks import expect, type_into
from tests.browser.test_views import open_tab
from tests.widgets import sample
from xlmargin.decide.collateral import pledges
from xlmargin.decide.contagion import contagion
from xlmargin.decide.stress import stress
from xlmargin.html import amount

MODEL = "derive.portfolio"


def settled(page, panel):
    """Wait until the open tab has made its blocks."""
    page.wait_for_function("() => !document.querySelector('.xlm-pending')")
    while panel.body.busy:
        page.wait_for_timeout(20)
    refresh(page, panel)


def fill(page, panel, label, text):
    """Type into a field of the open tab."""
    box = page.locator(".xlm-page").get_by_label(label, exact=True)
    box.fill(text)
    box.press("Enter")
    settled(page, panel)


def cell(page, grid, row, column):
    """A cell of a grid in the open tab by the numbers of its row and column."""
    return page.locator(f".xlm-page .xlm-grid[aria-label='{grid}'] tr[aria-rowindex='{row}'] td").nth(column)


def add(page, bar):
    """Press + row of a grid of the open tab."""
    bar = page.locator(".xlm-page .xlm-bar", has_text=bar)
    bar.get_by_role("button", name="Add a row").click()


def test_tabs_stand_in_two_rows_that_the_arrow_keys_walk(shown, panel):
    rows = shown.get_by_role("tablist")
    names = [rows.nth(n).get_attribute("aria-label") for n in range(rows.count())]
    assert names == ["More tables", "Margin", "Decide"]
    first = shown.get_by_role("tab", name="What-if")
    assert first.get_attribute("tabindex") == "0"
    first.focus()
    first.press("ArrowRight")
    settled(shown, panel)
    assert panel.tab == "path"
    expect(shown.get_by_role("tab", name="Path")).to_have_attribute("aria-selected", "true")
    expect(shown.get_by_role("tab", name="Scenarios")).to_have_attribute("aria-selected", "false")


def test_a_cell_of_the_surface_and_a_path_typed_by_hand(shown, panel):
    open_tab(shown, panel, "Liquidation")
    plane = xm.surface(panel.margin, "BTC", moves=MOVES)
    least = plane.headroom[:, :, 0].min()
    expect(shown.locator(".xlm-heat td.xlm-worst")).to_have_attribute(
        "title", f"{_place(plane)}, {amount(least)}, worst"
    )
    shown.locator(".xlm-heat td").first.click()
    settled(shown, panel)
    corner = plane.headroom[0, int(np.argmax(plane.vol)), 0]
    expect(shown.locator(".xlm-page .xlm-hint").first).to_contain_text(f"headroom {amount(corner)}")
    fill(shown, panel, "Price ends at, %", "-80")
    expect(shown.locator(".xlm-page")).to_contain_text("the account is liquidated")
    expect(shown.locator(".xlm-page .xlm-table").last).to_contain_text("deposit")
    fill(shown, panel, "Price ends at, %", "-100")
    expect(shown.locator(".xlm-page")).to_contain_text("-100 is not between -99.9 and 1000")
    expect(shown.locator(".xlm-page").get_by_label("Price ends at, %", exact=True)).to_have_value("-100")


def _place(plane):
    p, v = np.unravel_index(np.argmin(plane.headroom[:, :, 0]), plane.headroom.shape[:2])
    price, vol = (f"{100 * (x - 1):+.4g} %" for x in (plane.price[p], plane.vol[v]))
    return f"{price} price, volatility {vol}"


def test_proposed_trades_go_to_what_if_by_a_button(shown, panel):
    open_tab(shown, panel, "Hedges")
    fill(shown, panel, "Most trades", "1")
    found = xm.hedges(panel.book, panel.market, MODEL, fee=0.0005, most_trades=1)
    expect(shown.locator(".xlm-page .xlm-table").first).to_contain_text(str(found.instrument[0]))
    shown.get_by_role("button", name="Put in What-if").click()
    settled(shown, panel)
    expect(shown.get_by_role("tab", name="What-if")).to_have_attribute("aria-selected", "true")
    row = shown.locator(".xlm-page .xlm-table tr", has_text="Initial margin")
    expect(row).to_contain_text(amount(found.after))
    expect(shown.locator(".xlm-said").first).to_contain_text("Put 1 trades in What-if")


def test_an_order_of_legs_has_its_chart(shown, panel):
    open_tab(shown, panel, "Path")
    add(shown, "Trades")
    add(shown, "Trades")
    for row, (name, size) in enumerate((("BTC-PERP", "-2"), ("BTC-20261225-100500-P", "3")), 2):
        type_into(shown, cell(shown, "Trades on top", row, 0), name)
        type_into(shown, cell(shown, "Trades on top", row, 1), size)
    settled(shown, panel)
    trades = {"instrument": ["BTC-PERP", "BTC-20261225-100500-P"], "quantity": [-2.0, 3.0]}
    found = xm.path(panel.book, panel.market, MODEL, trades)
    expect(shown.locator(".xlm-page")).to_contain_text(found.words)
    assert shown.locator(".xlm-page .xlm-chart path.xlm-line").count() == 2
    chart = shown.get_by_role("slider", name="Margin along this order, USDC")
    chart.press("End")
    expect(shown.locator(".xlm-readout")).to_contain_text(f"Initial margin {amount(found.initial[-1])}")


def test_costs_typed_in_the_grid_decide_what_is_posted(shown, panel):
    open_tab(shown, panel, "Collateral")
    expect(shown.locator(".xlm-page")).to_contain_text("No cost is typed")
    add(shown, "Costs")
    type_into(shown, cell(shown, "Costs", 2, 0), "USDC")
    type_into(shown, cell(shown, "Costs", 2, 1), "5 %")
    settled(shown, panel)
    held = pledges(panel.margin)
    found = xm.allocate(held.assets().assign(cost=[0.0, 0.05]), held.requirements())
    expect(shown.locator(".xlm-page")).to_contain_text(f"Posting costs {amount(found.cost)} USDC a year")
    type_into(shown, cell(shown, "Costs", 2, 0), "USDT")
    settled(shown, panel)
    expect(cell(shown, "Costs", 2, 0)).to_have_attribute("aria-invalid", "true")


def test_scenarios_are_ticked_and_explained(shown, panel):
    open_tab(shown, panel, "Stress")
    found = stress(panel.margin)
    rows = shown.locator(".xlm-page .xlm-table").first.locator("tbody tr")
    expect(rows).to_have_count(len(found.scenario))
    shown.get_by_label("2020-03-12", exact=True).uncheck()
    settled(shown, panel)
    expect(rows).to_have_count(len(found.scenario) - 1)
    shown.get_by_label("What each part adds in").select_option("2025-10-10")
    settled(shown, panel)
    expect(shown.locator(".xlm-page .xlm-table").nth(1).locator("caption")).to_contain_text("2025-10-10")


def test_a_shock_over_several_venues(page):
    panel = MarginPanel(*sample.venue_book(), model=MODEL)
    shown = mount(page, panel)
    open_tab(shown, panel, "Venues")
    shown.get_by_label("Show", exact=True).select_option("Contagion")
    settled(shown, panel)
    models = {"derive": MODEL, "binance.usdm": "binance.usdm"}
    found = contagion(panel.book, panel.market, models, {"price": {"BTC": -0.3, "ETH": -0.3}})
    expect(shown.locator(".xlm-page")).to_contain_text(found.words)
    shown.get_by_label("Shock", exact=True).select_option("2020-03-12")
    settled(shown, panel)
    expect(shown.locator(".xlm-page").get_by_label("Move, %")).to_have_count(0)
    assert page.errors == []


@pytest.mark.parametrize("dark", [False, True])
def test_every_tab_has_its_picture_and_fits_its_width(page, dark):
    panel = MarginPanel(*sample.venue_book(), model=MODEL)
    shown = mount(page, panel, dark)
    for tab in [t for t in panel.pages.values() if t.group == "Decide"]:
        open_tab(shown, panel, tab.title)
        picture(shown, f"decide-{tab.id}-{'dark' if dark else 'light'}")
        wide = shown.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, tab.id
    assert page.errors == []
