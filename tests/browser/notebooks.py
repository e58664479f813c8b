"""Steps in a real notebook page: open, run, edit a cell of a grid, wait for figures."""

import os
import re

import pytest

try:
    from playwright.sync_api import expect
except ImportError:
    if os.environ.get("CI") == "true":
        raise
    pytest.skip("browser tests need playwright: pip install -e '.[jupyter,test]'", allow_module_level=True)

__all__ = ["cell", "expect", "figure", "open_notebook", "run_all", "run_code", "shut_down", "type_into"]

IDLE = """() => {
  const kernel = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel;
  return kernel?.status === 'idle';
}"""
RUN = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"
PLACE = {"lab": "/lab/tree/{}?reset", "notebook": "/notebooks/{}"}


def open_notebook(page, server, name, app="lab"):
    """Open a notebook and wait until its kernel is idle."""
    origin = server.url
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin)
    page.goto(origin + PLACE[app].format(name))
    page.wait_for_function(IDLE, timeout=60_000)


def run_all(page):
    """Run every cell and wait for the panel."""
    page.evaluate(RUN)
    page.locator(".xlm-panel [data-figure='initial'] b").first.wait_for(timeout=60_000)


def shut_down(page):
    """End the notebook's kernel so that the next starts afresh."""
    page.evaluate(
        "async () => { const w = window.jupyterapp.shell.currentWidget;"
        " await w.context.revert(); await w.sessionContext.shutdown(); }"
    )


def run_code(page, code):
    """Run code in the page's kernel, as a cell would, and return what it prints."""
    return page.evaluate(
        """async (code) => {
          const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
          const future = kernel.requestExecute({ code });
          let text = '';
          future.onIOPub = (msg) => { text += msg.content.text ?? msg.content.evalue ?? ''; };
          await future.done;
          return text;
        }""",
        code,
    )


def figure(page, name, nth=0):
    """The element that shows a figure of the panel."""
    return page.locator(f".xlm-panel [data-figure='{name}'] b").nth(nth)


def cell(page, sheet, row, column):
    """A cell of a grid by the row number shown beside it and the heading of its column."""
    grid = page.locator(f".xlm-grid[aria-label='{sheet}']").first
    heads = grid.locator("thead th").all_inner_texts()
    place = next(i for i, text in enumerate(heads) if re.sub(r"\s*\*$", "", text) == column)
    return grid.locator(f"tr[aria-rowindex='{row}'] > *").nth(place)


def type_into(page, target, text):
    """Type a text into a cell, as a user does."""
    target.click()
    page.keyboard.type(text)
    page.keyboard.press("Enter")
