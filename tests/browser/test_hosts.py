"""The same panel in Notebook 7, in Voilà, after a kernel restart, in saved and in untrusted notebooks."""

import json
import re
import shutil
import subprocess
import sys

import pytest

import xlmargin as xm
from tests.browser.conftest import lacking, picture, watched
from tests.browser.notebooks import cell, expect, figure, open_notebook, run_all, run_code, shut_down, type_into
from tests.browser.servers import ROOT, free_port, fresh, serve, stop
from xlmargin.html import amount

MODEL = "derive.portfolio"
CODE = (
    "import xlmargin as xm\nfrom xlmargin import widgets\nbook, market = xm.read('workbooks/desk.xlsx')",
    "panel = widgets.MarginPanel(book, market, model='derive.portfolio')\npanel",
)


@pytest.fixture(scope="module")
def margin():
    return xm.margin(*xm.read(ROOT / "workbooks" / "desk.xlsx"), MODEL)


def hedged(margin, what="initial"):
    return amount(getattr(margin, what).value[0], "USDC")


@pytest.fixture
def visit(chromium):
    """Pages that are closed at the end."""
    contexts = []

    def opened(**how):
        context = chromium.new_context(viewport={"width": 1360, "height": 900}, **how)
        context.set_default_timeout(20_000)
        contexts.append(context)
        return watched(context.new_page())

    yield opened
    for context in contexts:
        context.close()


def test_notebook_7_edits_and_keeps_its_cells(jupyter, visit, margin):
    page = visit()
    open_notebook(page, jupyter, jupyter.write("seven.ipynb", *CODE), app="notebook")
    run_all(page)
    expect(figure(page, "initial")).to_have_text(hedged(margin))
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    cell(page, "Positions", 2, "instrument").click()
    for key in "ddabxvmy1":
        page.keyboard.press(key)
        page.keyboard.press("Escape")
    page.locator(".xlm-panel [role='tab']").first.focus()
    for key in "dd":
        page.keyboard.press(key)
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    type_into(page, cell(page, "Positions", 2, "quantity"), "9")
    expect(figure(page, "initial")).not_to_have_text(hedged(margin))
    there = float(run_code(page, "print(panel.margin.initial.value[0])"))
    expect(figure(page, "initial")).to_have_text(amount(there, "USDC"))
    assert page.outside == []
    shut_down(page)


def test_after_a_restart_the_figures_are_struck_and_the_cell_heals_them(jupyter, visit, margin):
    page = visit()
    open_notebook(page, jupyter, jupyter.write("restart.ipynb", *CODE))
    run_all(page)
    page.evaluate(
        "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
    )
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'", timeout=30_000
    )
    expect(figure(page, "initial")).to_have_text(hedged(margin))
    type_into(page, cell(page, "Positions", 2, "quantity"), "9")
    expect(page.locator(".xlm-alert").first).to_contain_text("No answer from the kernel", timeout=6_000)
    decoration = figure(page, "initial").evaluate("node => getComputedStyle(node).textDecoration")
    assert "line-through" in decoration
    expect(figure(page, "initial")).to_have_text(hedged(margin))
    run_all(page)
    expect(page.locator(".xlm-alert").first).to_be_hidden()
    type_into(page, cell(page, "Positions", 2, "quantity"), "9")
    expect(figure(page, "initial")).not_to_have_text(hedged(margin))
    shut_down(page)


@pytest.fixture(scope="module")
def saved(jupyter):
    """A notebook executed outside, saved with its widget state."""
    name = jupyter.write("saved.ipynb", *CODE)
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", name]
    env = fresh(jupyter.folder.parent / "nbconvert")
    subprocess.run(command, cwd=jupyter.folder, env=env, check=True, capture_output=True)
    return name


def test_an_untrusted_notebook_shows_the_figures_as_a_table(jupyter, visit, saved, margin):
    page = visit()
    shutil.copy(jupyter.folder / saved, jupyter.folder / "untrusted.ipynb")
    open_notebook(page, jupyter, "untrusted.ipynb")
    output = page.locator(".jp-OutputArea-output table").first
    expect(output).to_contain_text(hedged(margin))
    expect(page.locator(".xlm-panel")).to_have_count(0)
    assert page.outside == []


def test_a_trusted_notebook_shows_the_panel_without_its_kernel(jupyter, visit, saved, margin):
    page = visit()
    shutil.copy(jupyter.folder / saved, jupyter.folder / "trusted.ipynb")
    open_notebook(page, jupyter, "trusted.ipynb")
    page.evaluate(
        """async () => {
          const { context } = window.jupyterapp.shell.currentWidget;
          const { cells } = context.model;
          for (let i = 0; i < cells.length; i += 1) cells.get(i).trusted = true;
          await context.save();
          await context.revert();
        }"""
    )
    expect(figure(page, "initial")).to_have_text(hedged(margin), timeout=20_000)
    type_into(page, cell(page, "Positions", 2, "quantity"), "9")
    expect(page.locator(".xlm-alert").first).to_contain_text("No answer from the kernel", timeout=6_000)
    assert page.outside == []


def test_results_convert_to_html_that_needs_nothing(jupyter, visit, margin):
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--execute", "examples/results.ipynb"]
    env = fresh(jupyter.folder.parent / "nbconvert")
    subprocess.run(command, cwd=jupyter.folder, env=env, check=True, capture_output=True)
    page = visit(java_script_enabled=False)
    page.goto((jupyter.folder / "examples" / "results.html").as_uri())
    tables = page.locator(".jp-OutputArea-output table")
    expect(tables.first).to_contain_text(hedged(margin))
    assert tables.count() >= 4


@pytest.fixture(scope="module")
def dashboard(chromium, tmp_path_factory):
    """`xlmargin dash` on the sample desk."""
    try:
        import voila  # noqa: F401
    except ImportError:
        lacking("browser tests need voila")
    base, port = tmp_path_factory.mktemp("voila"), free_port()
    shutil.copy(ROOT / "workbooks" / "desk.xlsx", base)
    command = [sys.executable, "-m", "xlmargin.cli", "dash", "desk.xlsx", "-m", MODEL, f"--port={port}", "--no-browser"]
    server = serve([*command, "--theme=dark"], port, base, fresh(base), base / "log")
    yield f"http://127.0.0.1:{port}/"
    stop(server)


def test_a_stand_alone_dashboard(dashboard, visit, margin):
    page = visit()
    page.goto(dashboard, timeout=60_000)
    expect(figure(page, "initial")).to_have_text(hedged(margin), timeout=60_000)
    type_into(page, cell(page, "Positions", 2, "quantity"), "9")
    expect(figure(page, "initial")).not_to_have_text(hedged(margin))
    cell(page, "Positions", 3, "quantity").click()
    page.keyboard.press("Control+z")
    expect(figure(page, "initial")).to_have_text(hedged(margin))
    type_into(page, cell(page, "Positions", 3, "quantity"), "x")
    expect(page.locator(".xlm-alert").first).to_contain_text("not a number: 'x'")
    picture(page, "dashboard-dark")
    assert page.outside == []


def test_stored_scripts_hold_no_address_of_the_outside(jupyter, saved):
    notebook = json.loads((jupyter.folder / saved).read_text())
    models = notebook["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    code = [m["state"][name] for m in models for name in ("_esm", "_css") if name in m["state"]]
    assert len(code) == 2
    assert set(re.findall(r"https?://[\w.]+", " ".join(code))) == {"http://www.w3.org"}
