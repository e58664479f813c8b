"""The words of a desk workbook: what to do in each host, on ``#NAME?``, and the notes on the headers."""

from __future__ import annotations

from collections.abc import Iterator

from xlmargin.schemas import Column

from .declared import FUNCTIONS
from .reference import usage

END = "◄ end of the table: insert rows above this line"
CHOICES = {
    "model": "The rulebook; the list is on the sheet lists",
    "account": "The account whose figures, ledger and grid are shown (write account / pool where it has several pools)",
    "as_of": "Valuation time, UTC; left empty: the newest time in the column as_of of instruments",
    "models": "The rulebooks to compare, with commas; left empty: all",
}
HOW = {
    "lite": (
        "This workbook is for xlwings Lite (Windows, macOS, Excel on the web).",
        "1. Insert > Add-ins: xlwings Lite (free). 2. On its tab requirements.txt write: xlmargin",
        "3. On its tab main.py write: from xlmargin.workbooks import *   Then press Restart.",
    ),
    "classic": (
        "This workbook is for classic xlwings (Excel on Windows).",
        "1. In a terminal: pip install xlmargin[excel] and then: xlmargin excel install",
        "2. Save this file as .xlsm and press Import Functions on the ribbon xlwings.",
    ),
    "calc": (
        "This workbook is for LibreOffice Calc (Linux, macOS, Windows).",
        "1. In a terminal: pip install xlmargin and then: xlmargin calc install   2. Start Calc anew.",
        "Calc does not spill: the result sheets are array formulas of a fixed area with spare rows. Calc works array "
        "formulas out on opening: until the functions are loaded they show #NAME?, the sheet desk shows its figures.",
    ),
    "values": (
        "This workbook holds results without formulas.",
        "xlmargin update FILE writes margins into a workbook of positions; xlmargin template makes an empty one.",
        "For live formulas take the file for your host: desk-lite.xlsx, desk-classic.xlsx or desk-calc.xlsx.",
    ),
}
NO_NAME = (
    "All numbers were written with the file: they show before anything is installed, and move once it is.",
    "#NAME? (or text such as _xldudf_XM_MARGIN) means that the functions are not loaded. Do the steps above, then "
    "select the cell, press F2 and Enter, or recalculate all with Ctrl+Alt+F9 (Calc: Ctrl+Shift+F9).",
    "A text that begins with #XM! is a message: it names the table, the row within it, the column and what is wrong.",
    "A formula for another host is spelt otherwise; xlmargin respell FILE --target … converts a whole file.",
)


def readme(title: str, target: str) -> Iterator[tuple[str, str]]:
    """Lines of the README sheet, each with its kind: title, head or text."""
    yield "title", title
    yield "head", "How to make it live"
    yield from (("text", line) for line in HOW[target])
    yield "head", "How to use it"
    yield "text", "Fill the sheets positions … trades (any column order; columns that you do not need may go)."
    yield "text", "Choose model and account on the sheet desk. Rows below the end line of a table are not read."
    yield "head", "If a cell shows an error"
    yield from (("text", line) for line in NO_NAME)
    yield "head", "Functions"


def functions() -> Iterator[tuple[str, str, str]]:
    """Every function: its name, what it answers, how it is typed."""
    for name in sorted(FUNCTIONS):
        yield name, FUNCTIONS[name].description, usage(FUNCTIONS[name])


def note(column: Column) -> str:
    """A header's note: meaning, unit, need and the words allowed.

    >>> from xlmargin.schemas import schema
    >>> note(schema("assets")[1])
    'price of one unit (USD). Required. Above zero.'
    """
    parts = [f"{column.meaning} ({column.unit})" if column.unit else column.meaning, column.need.capitalize()]
    if column.choices:
        parts.append(f"One of {', '.join(column.choices)}")
    if column.positive:
        parts.append("Above zero")
    if column.default is not None:
        parts.append(f"Left out: {column.default}")
    return ". ".join(parts) + "."
