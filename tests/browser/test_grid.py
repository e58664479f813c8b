"""The editable grid in real Chromium: typing, pasting, undo, messages at the cell, keyboard, many rows."""

import re

from xlmargin.widgets.panel import MarginPanel

import xlmargin as xm
from tests.browser.host import mount, refresh
from tests.browser.notebooks import cell, expect, figure, type_into
from tests.widgets import sample
from xlmargin.html import amount

MODEL = "derive.portfolio"
PASTE = """(text) => {
  const data = new DataTransfer();
  data.setData('text/plain', text);
  const event = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
  document.activeElement.dispatchEvent(event);
}"""
COPY = """() => {
  const data = new DataTransfer();
  const event = new ClipboardEvent('copy', { clipboardData: data, bubbles: true, cancelable: true });
  document.activeElement.dispatchEvent(event);
  return data.getData('text/plain');
}"""


def initial(panel):
    return amount(panel.margin.initial.value[0], "USDC")


def test_typing_over_a_cell_moves_the_figures(shown, panel):
    before = initial(panel)
    type_into(shown, cell(shown, "Positions", 2, "quantity"), "-4")
    expect(figure(shown, "initial")).not_to_have_text(before)
    expect(figure(shown, "initial")).to_have_text(initial(panel))
    assert panel.book.legs.quantity[panel.market.name[panel.book.legs.instrument] == "BTC-PERP"] == -4
    expect(cell(shown, "Positions", 3, "quantity")).to_be_focused()


def test_escape_leaves_the_cell_as_it_was(shown):
    cell(shown, "Positions", 2, "quantity").dblclick()
    shown.keyboard.type("99")
    shown.keyboard.press("Escape")
    expect(cell(shown, "Positions", 2, "quantity")).to_have_text("1.5")
    assert shown.evaluate("window.asked") == []


def test_one_question_in_flight_and_none_lost(shown, panel):
    shown.evaluate("window.deaf = true")
    for row, text in ((2, "7"), (3, "8"), (4, "9")):
        type_into(shown, cell(shown, "Positions", row, "quantity"), text)
    assert shown.evaluate("window.asked.length") == 1
    expect(cell(shown, "Positions", 4, "quantity")).to_have_text("9")
    shown.evaluate("window.deaf = false; window.answer(window.asked[0]).then(window.push)")
    expect(figure(shown, "initial")).to_have_text(initial(panel))
    shown.wait_for_function("window.asked.length === 2")
    assert [len(m["actions"]) for m in shown.evaluate("window.asked")] == [1, 2]
    rows = list(panel.desk.sheets["positions"].rows.values())
    assert [row["quantity"] for row in rows[:3]] == [7.0, 8.0, 9.0]


def test_a_wrong_cell_says_why_and_the_figures_stay(shown, panel):
    before = initial(panel)
    type_into(shown, cell(shown, "Positions", 3, "quantity"), "abc")
    wrong = cell(shown, "Positions", 3, "quantity")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_have_text("abc")
    expect(wrong).to_have_attribute("title", "not a number: 'abc'")
    expect(figure(shown, "initial")).to_have_text(before)
    expect(shown.locator(".xlm-answers")).to_have_class("xlm-answers xlm-stale")
    expect(shown.get_by_role("alert")).to_contain_text("positions row 3, column quantity: not a number: 'abc'")
    wrong.click()
    expect(shown.locator(".xlm-problem").first).to_have_text("not a number: 'abc'")
    type_into(shown, wrong, "2")
    expect(shown.locator(".xlm-answers")).to_have_class("xlm-answers")
    expect(shown.get_by_role("alert")).to_have_count(0)


def test_an_unknown_instrument_is_answered_at_its_cell(shown):
    type_into(shown, cell(shown, "Positions", 2, "instrument"), "BTC-PREP")
    expect(cell(shown, "Positions", 2, "instrument")).to_have_attribute("title", re.compile("BTC-P"))


def test_paste_a_block_from_a_spreadsheet_and_undo(shown, panel):
    before = initial(panel)
    cell(shown, "Positions", 2, "quantity").click()
    shown.evaluate(PASTE, "(2)\t99,000\r\n3\t\r\n")
    expect(cell(shown, "Positions", 2, "quantity")).to_have_text("-2")
    expect(cell(shown, "Positions", 2, "entry price")).to_have_text("99000")
    expect(cell(shown, "Positions", 3, "quantity")).to_have_text("3")
    expect(figure(shown, "initial")).to_have_text(initial(panel))
    assert initial(panel) != before
    shown.keyboard.press("Control+z")
    expect(figure(shown, "initial")).to_have_text(before)
    shown.keyboard.press("Control+Shift+z")
    expect(cell(shown, "Positions", 2, "quantity")).to_have_text("-2")


def test_paste_a_table_with_its_header_past_the_end(shown, panel):
    count = len(panel.desk.sheets["balances"])
    cell(shown, "Balances", 2, "asset").click()
    shown.keyboard.press("ArrowDown")
    shown.evaluate(PASTE, "Amount\tAsset\n2.5\tBTC\n1000\tUSDC\n")
    expect(cell(shown, "Balances", 4, "asset")).to_have_text("USDC")
    assert len(panel.desk.sheets["balances"]) == count + 1


def test_copy_gives_back_what_a_spreadsheet_reads(shown):
    cell(shown, "Positions", 2, "instrument").click()
    shown.keyboard.press("Shift+ArrowRight")
    assert shown.evaluate(COPY) == "BTC-PERP\t1.5"


def test_rows_are_added_and_deleted_with_the_keyboard(shown, panel):
    count = len(panel.desk.sheets["positions"])
    cell(shown, "Positions", 2, "instrument").click()
    shown.keyboard.press("Insert")
    expect(cell(shown, "Positions", 3, "instrument")).to_have_text("")
    shown.keyboard.press("Control+Delete")
    expect(shown.locator(".xlm-said")).to_have_text("Deleted 1 row")
    assert len(panel.desk.sheets["positions"]) == count


def test_a_thousand_rows_keep_few_in_the_page(page):
    panel = MarginPanel(*sample.book(999), model=MODEL)
    shown = mount(page, panel)
    grid = shown.locator(".xlm-grid[aria-label='Positions']")
    expect(grid).to_have_attribute("aria-rowcount", "1001")
    assert grid.locator("tbody tr:not(.xlm-gap)").count() < 60
    cell(shown, "Positions", 2, "quantity").click()
    shown.keyboard.press("Control+ArrowDown")
    last = cell(shown, "Positions", 1001, "quantity")
    expect(last).to_be_focused()
    shown.keyboard.type("5")
    shown.keyboard.press("Enter")
    expect(last).to_have_text("5")
    expect(figure(shown, "initial")).to_have_text(initial(panel))
    shown.keyboard.press("Control+Home")
    expect(cell(shown, "Positions", 2, "instrument")).to_be_focused()


def test_a_row_that_scrolls_away_leaves_the_keyboard_in_the_grid(page):
    panel = MarginPanel(*sample.book(999), model=MODEL)
    shown = mount(page, panel)
    cell(shown, "Positions", 2, "quantity").click()
    shown.evaluate("document.querySelector('.xlm-scroll').scrollTop = 9000")
    shown.wait_for_function("document.activeElement.classList.contains('xlm-scroll')")
    shown.keyboard.press("ArrowDown")
    expect(cell(shown, "Positions", 3, "quantity")).to_be_focused()


def test_an_empty_grid_takes_a_pasted_table(page):
    panel = MarginPanel(model=MODEL)
    shown = mount(page, panel)
    expect(figure(shown, "initial")).to_have_text("0.00")
    shown.locator(".xlm-empty").first.focus()
    shown.evaluate(PASTE, "instrument\tquantity\tmark\tindex\nBTC-PERP\t1\t100000\t100000\n")
    expect(shown.get_by_role("alert")).to_contain_text("no price for USDC")
    shown.locator(".xlm-empty:visible").first.focus()
    shown.get_by_role("tab", name="Assets").click()
    shown.locator("#" + shown.get_by_role("tab", name="Assets").get_attribute("aria-controls") + " .xlm-empty").focus()
    shown.evaluate(PASTE, "asset\tprice\nUSDC\t1\n")
    expect(figure(shown, "initial")).to_have_text(initial(panel))
    assert panel.margin.initial.value[0] > 0


def test_two_views_share_one_undo(shown, panel):
    before = initial(panel)
    shown.evaluate("window.view()")
    type_into(shown, cell(shown, "Positions", 2, "quantity"), "3")
    expect(figure(shown, "initial", nth=1)).to_have_text(initial(panel))
    second = shown.locator(".xlm-grid[aria-label='Positions']").nth(1)
    second.locator("td").first.click()
    shown.keyboard.press("Control+z")
    for nth in (0, 1):
        expect(figure(shown, "initial", nth=nth)).to_have_text(before)


def test_what_python_changes_is_shown_and_the_cursor_keeps_its_row(shown, panel):
    cell(shown, "Positions", 4, "quantity").click()
    first = next(iter(panel.desk.sheets["positions"].rows))
    panel.desk.delete("positions", [first])
    panel.touch()
    _ = panel.margin
    refresh(shown, panel)
    expect(figure(shown, "initial")).to_have_text(initial(panel))
    shown.keyboard.press("Shift+ArrowDown")
    assert shown.evaluate(COPY).count("\n") == 1


def test_the_book_follows_and_equals_one_read_anew(shown, panel):
    type_into(shown, cell(shown, "Positions", 3, "quantity"), "-6")
    expect(figure(shown, "initial")).to_have_text(initial(panel))
    tables = sample.desk()
    tables["positions"]["quantity"][1] = -6
    margin = xm.margin(*xm.tables(**tables, as_of=sample.AS_OF), MODEL)
    expect(figure(shown, "initial")).to_have_text(amount(margin.initial.value[0], "USDC"))
