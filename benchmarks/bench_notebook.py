"""The notebook face: from Enter in a cell of the grid to the new figure on screen in JupyterLab, and start-up."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import Row

EDITS = 25
SAMPLE = """
import sys; sys.path.insert(0, {root!r})
from tests.widgets import sample
from xlmargin import widgets
book, market = sample.book({count})
"""
PANEL = "panel = widgets.MarginPanel(book, market, model='derive.portfolio')\npanel"
FLOOR = """
import anywidget, traitlets
class Echo(anywidget.AnyWidget):
    _esm = '''export default {{ render({{ model, el }}) {{
      window.echo = () => new Promise((heard) => {{
        const start = performance.now();
        const listen = () => {{ model.off('change:n', listen); heard(performance.now() - start); }};
        model.on('change:n', listen);
        model.send({{}});
      }});
      el.textContent = 'echo';
    }} }};'''
    n = traitlets.Int(0).tag(sync=True)
    def __init__(self):
        super().__init__()
        self.on_msg(lambda *_: setattr(self, 'n', self.n + 1))
Echo()
"""
EDIT = """([text, selector]) => new Promise((done) => {
  const figure = document.querySelector(selector);
  const before = figure.textContent;
  const grid = document.querySelector(".xlm-grid[aria-label='Positions']");
  const cell = grid.querySelector("tr[aria-rowindex='2'] td:nth-of-type(2)");
  cell.dispatchEvent(new MouseEvent('mousedown', { bubbles: true, cancelable: true }));
  cell.dispatchEvent(new KeyboardEvent('keydown', { key: 'F2', bubbles: true, cancelable: true }));
  const input = cell.querySelector('input');
  input.value = text;
  const watcher = new MutationObserver(() => {
    if (figure.textContent === before) return;
    watcher.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
  });
  watcher.observe(figure, { childList: true, characterData: true, subtree: true });
  const start = performance.now();
  input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
})"""
INITIAL = ".xlm-panel [data-figure='initial'] b"
STARTED = """(code) => new Promise((done) => {
  const start = performance.now();
  const watcher = new MutationObserver(() => {
    const figure = document.querySelector(INITIAL);
    if (!figure?.textContent) return;
    watcher.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
  });
  watcher.observe(document.body, { childList: true, subtree: true });
  window.jupyterapp.commands.execute('notebook:run-cell');
})""".replace("INITIAL", f'"{INITIAL}"')


def rows() -> Iterator[Row]:
    """Edit to screen for 50 and 1,000 positions against the floor of the host, and panel start-up."""
    from playwright.sync_api import sync_playwright

    from tests.browser.servers import CHROMIUM, FLAGS, lab_server

    with (
        tempfile.TemporaryDirectory() as folder,
        lab_server(Path(folder)) as server,
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(60_000)
        floor = _floor(page, server)
        yield Row("host: message to Python and back (JupyterLab)", floor, remark="median; nothing computed")
        for count, aim in ((50, "≤ 0.1 s"), (1_000, "≤ 0.25 s")):
            yield from _panel(page, server, count, aim, floor)
        browser.close()


def _floor(page: Any, server: Any) -> float:
    from tests.browser.notebooks import open_notebook

    open_notebook(page, server, server.write("floor.ipynb", FLOOR.replace("{{", "{").replace("}}", "}")))
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function("() => window.echo")
    return statistics.median(page.evaluate("() => window.echo()") for _ in range(EDITS)) / 1000


def _panel(page: Any, server: Any, count: int, aim: str, floor: float) -> Iterator[Row]:
    from tests.browser.notebooks import open_notebook, run_code
    from tests.browser.servers import ROOT

    name = server.write(f"bench{count}.ipynb", SAMPLE.format(root=str(ROOT), count=count - 1), PANEL)
    open_notebook(page, server, name)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell-and-select-next')")
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex === 1")
    started = page.evaluate(STARTED) / 1000
    yield Row(f"panel of {count:,} positions: run cell to first figure", started, aim="≤ 1 s")
    edits = sorted(page.evaluate(EDIT, [str(n + 2), INITIAL]) / 1000 for n in range(EDITS))
    took = float(run_code(page, "print(panel.took)"))
    remark = f"slowest of {EDITS} {edits[-1] * 1000:.0f} ms; Python {took * 1000:.0f} ms of it"
    middle = statistics.median(edits)
    yield Row(f"edit to new figure, {count:,} positions", middle, "host floor", middle / floor, aim, remark)
