"""The example notebook in real JupyterLab: every figure on screen is the core's own."""

import re
from dataclasses import replace

import pytest
from xlmargin.widgets.tabs_liquidation import MOVES

import xlmargin as xm
from tests.browser.conftest import PICTURES, picture, watched
from tests.browser.notebooks import cell, expect, figure, open_notebook, run_all, run_code, type_into
from tests.browser.servers import ROOT
from xlmargin.decide.hedges import hedges
from xlmargin.decide.liquidation import surface
from xlmargin.html import amount
from xlmargin.shocks import moved

MODEL = "derive.portfolio"


@pytest.fixture(scope="module")
def desk():
    return xm.read(ROOT / "workbooks" / "desk.xlsx")


@pytest.fixture(scope="module")
def lab(chromium, jupyter):
    """The example notebook, open and run, in a page that all tests of this file share."""
    context = chromium.new_context(viewport={"width": 1500, "height": 1000}, accept_downloads=True)
    context.set_default_timeout(20_000)
    page = watched(context.new_page())
    open_notebook(page, jupyter, "examples/panel.ipynb")
    run_all(page)
    yield page
    context.close()


@pytest.fixture(autouse=True)
def as_read(lab):
    """Every test starts from the desk as it was read."""
    run_code(
        lab,
        "panel.shocks = {}; panel.model = 'derive.portfolio'; panel.as_of = None; panel.tab = 'scenarios'\n"
        "panel.show(book, market); panel.account = 'Hedged'; _ = panel.margin",
    )
    expect(figure(lab, "initial")).to_have_text(shown(xm.margin(*xm.read(ROOT / "workbooks" / "desk.xlsx"), MODEL)))


def shown(margin, account="Hedged", what="initial"):
    """A figure as the panel writes it."""
    row = list(margin.account).index(account)
    value = margin.available[row] if what == "available" else getattr(margin, what).value[row]
    return amount(value, str(margin.currency[row]))


def with_quantity(desk, name, account, quantity):
    """The desk's book with one position at another quantity."""
    book, market = desk
    legs = book.legs
    row = list(book.account).index(account)
    here = (legs.row == row) & (market.name[legs.instrument] == name)
    assert here.sum() == 1
    changed = legs.quantity.copy()
    changed[here] = quantity
    return replace(book, legs=replace(legs, quantity=changed)), market


def test_figures_are_those_of_the_core(lab, desk):
    margin = xm.margin(*desk, MODEL)
    for what in ("equity", "initial", "maintenance", "available"):
        expect(figure(lab, what)).to_have_text(shown(margin, what=what))
    saving = xm.benefit(margin).amount[0]
    expect(figure(lab, "benefit")).to_have_text(amount(saving, "USDC"))


def test_edit_a_quantity(lab, desk):
    type_into(lab, cell(lab, "Positions", 2, "quantity"), "9.5")
    margin = xm.margin(*with_quantity(desk, "BTC-PERP", "Hedged", 9.5), MODEL)
    expect(figure(lab, "initial")).to_have_text(shown(margin))
    expect(figure(lab, "equity")).to_have_text(shown(margin, what="equity"))
    assert run_code(lab, "print(panel.margin.initial.value[0])").strip() == repr(float(margin.initial.value[0]))


def test_paste_a_block_through_the_real_clipboard_and_undo(lab, desk):
    before = figure(lab, "initial").inner_text()
    lab.evaluate("() => navigator.clipboard.writeText('(2)\\t81,000\\r\\n-4\\t\\r\\n')")
    cell(lab, "Positions", 2, "quantity").click()
    lab.keyboard.press("Control+v")
    book, market = with_quantity(desk, "BTC-PERP", "Hedged", -2)
    book, market = with_quantity((book, market), "BTC-20261030-84000-C", "Hedged", -4)
    legs = book.legs
    entry = legs.entry.copy()
    entry[market.name[legs.instrument] == "BTC-PERP"] = 81_000.0
    margin = xm.margin(replace(book, legs=replace(legs, entry=entry)), market, MODEL)
    expect(figure(lab, "initial")).to_have_text(shown(margin))
    expect(figure(lab, "equity")).to_have_text(shown(margin, what="equity"))
    lab.keyboard.press("Control+z")
    expect(figure(lab, "initial")).to_have_text(before)


def test_copy_puts_a_block_on_the_real_clipboard(lab):
    cell(lab, "Balances", 2, "asset").click()
    lab.keyboard.press("Shift+ArrowDown")
    lab.keyboard.press("Shift+ArrowRight")
    lab.keyboard.press("Control+c")
    assert lab.evaluate("() => navigator.clipboard.readText()") == "USDC\t60000\nUSDC\t5000"


def test_switch_the_model(lab, desk):
    lab.locator(".xlm-panel").first.get_by_label("Model").select_option("derive.standard")
    expect(figure(lab, "initial")).to_have_text(shown(xm.margin(*desk, "derive.standard")))
    assert run_code(lab, "print(panel.model)").strip() == "derive.standard"


def test_drag_a_shock(lab, desk):
    slider = lab.locator("[data-shock='price BTC']").first
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    lab.mouse.move(box["x"] + box["width"] / 2, y)
    lab.mouse.down()
    for step in range(1, 25):
        lab.mouse.move(box["x"] + box["width"] * (0.5 + 0.01 * step), y)
    lab.mouse.up()
    percent = float(slider.input_value())
    assert percent > 15
    book, market = desk
    expect(figure(lab, "initial")).to_have_text(shown(xm.margin(book, moved(market, {"BTC": percent / 100}), MODEL)))


def test_setting_a_trait_from_a_cell_moves_the_screen(lab, desk):
    run_code(lab, "panel.shocks = {'vol': {'BTC': 0.3}, 'days': 2}")
    book, market = desk
    expect(figure(lab, "initial")).to_have_text(shown(xm.margin(book, moved(market, vol={"BTC": 0.3}, days=2), MODEL)))
    run_code(lab, "panel.shocks = {}; panel.account = 'Calendar'")
    expect(figure(lab, "initial")).to_have_text(shown(xm.margin(book, market, MODEL), "Calendar"))
    run_code(lab, "import numpy as np; panel.book = book.take(np.array([2]))")
    expect(figure(lab, "initial")).to_have_text(shown(xm.margin(book, market, MODEL), "Naked calls"))


def test_a_bad_cell_and_its_mending(lab, desk):
    before = figure(lab, "initial").inner_text()
    type_into(lab, cell(lab, "Positions", 3, "quantity"), "eight")
    wrong = cell(lab, "Positions", 3, "quantity")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_have_attribute("title", "not a number: 'eight'")
    expect(lab.locator(".xlm-alert").first).to_contain_text("positions row 3, column quantity")
    expect(figure(lab, "initial")).to_have_text(before)
    assert run_code(lab, "print(panel.stale, panel.problems[0].message)").strip() == "True not a number: 'eight'"
    wrong.click()
    lab.keyboard.press("Control+z")
    expect(lab.locator(".xlm-alert").first).to_be_hidden()


def test_an_error_in_the_kernel_is_a_message_in_the_panel(lab):
    run_code(lab, "panel.margin_of = lambda *_: 1 / 0")
    type_into(lab, cell(lab, "Positions", 2, "quantity"), "7")
    expect(lab.locator(".xlm-alert").first).to_contain_text("ZeroDivisionError")
    expect(cell(lab, "Positions", 2, "quantity")).to_have_attribute("title", re.compile("ZeroDivisionError"))
    run_code(lab, "del panel.margin_of; panel.touch()")
    expect(lab.locator(".xlm-alert").first).to_be_hidden()


@pytest.mark.parametrize(("tab", "shows"), [("Price", ".xlm-chart path"), ("Health", ".xlm-page .xlm-table")])
def test_slow_tabs_come_after_the_figures_and_give_way(lab, desk, tab, shows):
    lab.locator(".xlm-panel").first.get_by_role("tab", name=tab).click()
    type_into(lab, cell(lab, "Positions", 2, "quantity"), "4")
    margin = xm.margin(*with_quantity(desk, "BTC-PERP", "Hedged", 4), MODEL)
    expect(figure(lab, "initial")).to_have_text(shown(margin))
    expect(lab.locator(shows).first).to_be_visible()
    expect(lab.locator(".xlm-page").first).to_have_attribute("aria-busy", "false", timeout=20_000)


def test_export_the_desk_and_read_it_back(lab, desk, tmp_path):
    type_into(lab, cell(lab, "Positions", 2, "quantity"), "8.25")
    margin = xm.margin(*with_quantity(desk, "BTC-PERP", "Hedged", 8.25), MODEL)
    expect(figure(lab, "initial")).to_have_text(shown(margin))
    with lab.expect_download() as download:
        lab.locator(".xlm-panel").first.get_by_role("button", name="Desk").click()
    path = tmp_path / "desk.xlsx"
    download.value.save_as(path)
    again = xm.margin(*xm.read(path, as_of=desk[1].as_of), MODEL)
    assert again.account.tolist() == margin.account.tolist()
    assert again.initial.value.tolist() == pytest.approx(margin.initial.value.tolist(), rel=1e-14)


def test_export_the_report_and_read_it_back(lab, desk, tmp_path):
    with lab.expect_download() as download:
        lab.locator(".xlm-panel").first.get_by_role("button", name="Report").click()
    path = tmp_path / "report.xlsx"
    download.value.save_as(path)
    margin = xm.margin(*desk, MODEL)
    numbers = [v for sheet in workbook_values(path) for v in sheet if isinstance(v, float)]
    for value in (*margin.initial.value, *margin.equity.value):
        assert any(v == pytest.approx(value, rel=1e-12) for v in numbers)


def workbook_values(path):
    """Cached values of every sheet of a workbook."""
    import python_calamine

    book = python_calamine.CalamineWorkbook.from_path(str(path))
    for name in book.sheet_names:
        yield [cell for row in book.get_sheet_by_name(name).to_python() for cell in row]


def test_open_a_workbook_in_the_panel(lab, desk, tmp_path):
    path = ROOT / "workbooks" / "desk_eth.xlsx"
    lab.locator(".xlm-panel input[type='file']").first.set_input_files(str(path))
    book, market = xm.read(path)
    margin = xm.margin(book, market, MODEL)
    expect(figure(lab, "initial")).to_have_text(shown(margin, "Hedged"))
    expect(lab.locator(".xlm-said").first).to_contain_text("from desk_eth.xlsx")


def test_decisions_are_made_aside_in_a_real_kernel(lab, desk):
    """Figures stay at hand while a tab works; its answer is the core's, and a button carries it on."""
    panel = lab.locator(".xlm-panel").first
    panel.get_by_role("tab", name="Liquidation").click()
    expect(panel.locator(".xlm-page .xlm-heat td.xlm-worst")).to_have_count(1)
    margin = xm.margin(*desk, MODEL)
    plane = surface(margin, "BTC", account="Hedged", moves=MOVES)
    expect(panel.locator(".xlm-page .xlm-hint").first).to_contain_text(f"headroom {amount(plane.headroom.min())}")
    panel.get_by_role("tab", name="Hedges").click()
    panel.get_by_role("button", name="Put in What-if").click()
    expect(panel.get_by_role("tab", name="What-if")).to_have_attribute("aria-selected", "true")
    found = hedges(*desk, MODEL, account="Hedged", fee=0.0005, most_trades=3)
    row = panel.locator(".xlm-page .xlm-table tr", has_text="Initial margin").first
    expect(row).to_contain_text(amount(found.after))
    type_into(lab, cell(lab, "Positions", 2, "quantity"), "7")
    expect(figure(lab, "initial")).to_have_text(
        shown(xm.margin(*with_quantity(desk, "BTC-PERP", "Hedged", 7.0), MODEL))
    )


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_both_themes_have_their_picture(lab, theme):
    lab.evaluate("(name) => window.jupyterapp.commands.execute('apputils:change-theme', { theme: name })", theme)
    dark = "false" if theme.endswith("Dark") else "true"
    lab.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{dark}'")
    panel = lab.locator(".xlm-panel").first
    lab.mouse.move(1, 1)
    ground = panel.evaluate("node => getComputedStyle(node).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) is theme.endswith("Dark")
    picture(lab, f"lab-{theme.split()[-1].lower()}")
    lab.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    lab.set_viewport_size({"width": 1500, "height": 1250})
    panel.scroll_into_view_if_needed()
    panel.screenshot(path=str(PICTURES / f"panel-{theme.split()[-1].lower()}.png"))
    lab.set_viewport_size({"width": 1500, "height": 1000})
    lab.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")


def test_notebook_shortcuts_stay_out_of_the_grid(lab):
    cells = lab.locator(".jp-Notebook .jp-Cell").count()
    cell(lab, "Positions", 2, "instrument").click()
    for key in "ddabxvmy1":
        lab.keyboard.press(key)
        lab.keyboard.press("Escape")
    lab.get_by_role("tab", name="Ledger").first.focus()
    for key in "dd":
        lab.keyboard.press(key)
    assert lab.locator(".jp-Notebook .jp-Cell").count() == cells


def test_model_names_are_completed_in_the_notebook(lab):
    run_code(lab, "%load_ext xlmargin")
    found = lab.evaluate(
        """async (code) => {
          const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
          return (await kernel.requestComplete({ code, cursor_pos: code.length })).content.matches;
        }""",
        "%margin desk.xlsx derive.p",
    )
    assert found == ["derive.portfolio"]


def test_nothing_was_asked_of_the_outside(lab):
    assert lab.outside == []
