"""Desk workbooks for each host: the same sheets, the formulas spelt as that host stores them, every result cached."""

from __future__ import annotations

import datetime as dt
import io
import os
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

import xlmargin as xm
from xlmargin.schemas import Column

from . import book_words, spelling
from .layout import FIGURES, INPUTS, PAGES, Desk, Formula, figure
from .report_paper import HEAD, QUIET, Paper
from .tabular import columns_of

CREATED = dt.datetime(2026, 1, 1)
SPARE_ROWS, SPARE_RESULTS = 100, 20
TOP = 2
MOMENT = "yyyy-mm-dd hh:mm:ss"
AMOUNT, PERCENT, PLAIN = "#,##0.00;-#,##0.00", "0.0%;-0.0%", "General"
PERCENTS = ("ratio", "percent", "benefit_percent", "iv", "rate")
PLAINS = ("quantity", "depth", "scenario", "price", "vol", "weight", "worst", "notes")
RED, AMBER, GREEN = {"bg_color": "#F4B6B0"}, {"bg_color": "#FFE2A0"}, {"bg_color": "#CFE8CF"}
WIDE = {"instrument": 26, "line": 46, "formula": 44, "source": 50, "notes": 60, "remark": 60, "rule": 60, "title": 34}
INPUT_CELL = {"bg_color": "#FFFBE6", "border": 1, "border_color": "#D8D0A8"}
WAITING = '"#XM! a cell in the tables holds an error"'


def write(desk: Desk, path: Path, target: str) -> Path:
    """Write a desk for ``target`` (lite, classic, calc or values); an existing file is replaced when all is done."""
    writer = Writer(desk, spelling.checked(target))
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"created": CREATED, "title": desk.title, "comments": f"xlmargin {xm.__version__}"})
        writer.fill(book)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content.getvalue())
    os.replace(part, path)
    return path


class Writer:
    """One workbook being written: where each named range lies and what its cells hold."""

    def __init__(self, desk: Desk, target: str) -> None:
        self.desk, self.target, self.cells = desk, target, desk.cells()

    def fill(self, book: Any) -> None:
        """All sheets: words, choices and figures, results, inputs, lists."""
        self.book, self.paper = book, Paper(book)
        self.readme(book.add_worksheet("README"))
        front = book.add_worksheet("desk")
        for name in INPUTS:
            self.input(name, book.add_worksheet(name))
        self.front(front)
        for page in PAGES:
            self.result(page.name, page.caption, page.formula, book.add_worksheet(page.name))
        self.lists(book.add_worksheet("lists"))
        for sheet in book.worksheets():
            sheet.set_landscape()
            sheet.fit_to_pages(1, 0)
        front.activate()

    def readme(self, sheet: Any) -> None:
        """What this is, what to do on #NAME?, and every function."""
        sheet.set_column(0, 0, 18)
        sheet.set_column(1, 1, 100)
        sheet.set_column(2, 2, 120)
        sheet.hide_gridlines(2)
        row = 0
        for kind, words in book_words.readme(self.desk.title, self.target):
            style = {"title": {"bold": True, "font_size": 16}, "head": {"bold": True}, "text": {}}[kind]
            self.paper.text(sheet, row, 0, words, **style)
            row += 1
        for function in book_words.functions():
            for c, words in enumerate(function):
                self.paper.text(sheet, row, c, words, **({"font_color": QUIET} if c else {"bold": True}))
            row += 1

    def front(self, sheet: Any) -> None:
        """The choices and the figures of the chosen account."""
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 34)
        sheet.set_column(2, 2, 90)
        self.paper.text(sheet, 0, 0, self.desk.title, bold=True, font_size=16)
        for row, (name, words) in enumerate(book_words.CHOICES.items(), 2):
            self.paper.text(sheet, row, 0, name.replace("_", " "), bold=True)
            self.choice(sheet, row, name)
            self.paper.text(sheet, row, 2, words, font_color=QUIET)
            self.book.define_name(name, f"=desk!{xl_rowcol_to_cell(row, 1, True, True)}")
        at = {}
        for row, name in enumerate(FIGURES, 8):
            self.paper.text(sheet, row, 0, name.replace("_", " "))
            at[name] = xl_rowcol_to_cell(row, 1, True, True)
            self.scalar(sheet, row, 1, figure(name), _form(name))
        self.scalar(sheet, 8 + len(FIGURES) + 1, 1, Formula("XM_VERSION"), PLAIN)
        cells = ":".join((at["equity"], at["ratio"])).replace("$", "")
        for column, shade in (("headroom", RED), ("available", AMBER)):
            rule = f"AND(ISNUMBER({at[column]}),{at[column]}<0)"
            self.shade(sheet, cells, rule, shade)
        self.shade(sheet, cells, f"ISNUMBER({at['available']})", GREEN)

    def choice(self, sheet: Any, row: int, name: str) -> None:
        """A choice's cell with its drop-down."""
        value = self.desk.choices[name]
        style = self.paper.style(**INPUT_CELL, num_format=MOMENT if name == "as_of" else PLAIN)
        if value is None:
            sheet.write_blank(row, 1, None, style)
        else:
            sheet.write_string(row, 1, str(value), style)
        source = {"model": f"=lists!$A$2:$A${len(xm.models()) + 1}", "account": self.accounts()}.get(name)
        if source:
            sheet.data_validation(row, 1, row, 1, {"validate": "list", "source": source, "error_type": "information"})

    def accounts(self) -> str:
        """The cells that name the accounts."""
        column = xl_col_to_name(list(self.desk.headers["accounts"]).index("account"))
        return f"=accounts!${column}$2:${column}${self.last('accounts') + 1}"

    def last(self, name: str) -> int:
        """The last row (from 0) of a table's range, spare rows included."""
        return len(self.desk.rows[name]) + SPARE_ROWS

    def input(self, name: str, sheet: Any) -> None:
        """An input table: header with notes, typed cells, drop-downs, spare rows, and where it ends."""
        header, known = self.desk.headers[name], columns_of(name)
        last = self.last(name)
        sheet.freeze_panes(1, 1)
        for c, title in enumerate(header):
            column = known.get(title)
            sheet.set_column(c, c, WIDE.get(title, 14), self.paper.style(num_format=_input_form(column)))
            self.paper.text(sheet, 0, c, title, **HEAD)
            if column is not None:
                sheet.write_comment(0, c, book_words.note(column), {"x_scale": 1.6})
            if column is not None and column.choices:
                rule = {"validate": "list", "source": list(column.choices), "error_type": "warning"}
                sheet.data_validation(1, c, last, c, rule)
        for r, row in enumerate(self.desk.rows[name], 1):
            for c, cell in enumerate(row):
                self.value(sheet, r, c, cell, _input_form(known.get(header[c])))
        for c in range(len(header)):
            sheet.write_blank(last + 1, c, None, self.paper.style(bg_color="#DDDDDD"))
        self.paper.text(sheet, last + 1, len(header), book_words.END, italic=True, font_color=QUIET)
        area = f"{name}!$A$1:{xl_rowcol_to_cell(last, len(header) - 1, True, True)}"
        self.book.define_name(name, f"={area}")

    def value(self, sheet: Any, r: int, c: int, cell: Any, form: str) -> None:
        """A cell of an input or a result: numbers and dates as such, everything else as text."""
        if cell is None or cell == "":
            return
        if isinstance(cell, dt.datetime):
            sheet.write_datetime(r, c, cell.replace(tzinfo=None), self.paper.style(num_format=MOMENT))
        elif isinstance(cell, bool):
            sheet.write_boolean(r, c, cell)
        elif isinstance(cell, int | float):
            sheet.write_number(r, c, cell, self.paper.style(num_format=form))
        else:
            self.paper.text(sheet, r, c, cell)

    def cached(self, sheet: Any, r: int, c: int, cell: Any, form: str) -> None:
        """A cell of a formula's area: an empty text too, where the library would put a zero."""
        if cell == "":
            sheet.write_string(r, c, "")
        else:
            self.value(sheet, r, c, cell, form)

    def formula(self, formula: Formula) -> str:
        """The text that this target stores."""
        return formula.text(spelling.respelt(f"{formula.function}(", self.target).removesuffix("("))

    def scalar(self, sheet: Any, r: int, c: int, formula: Formula, form: str) -> None:
        """One figure in one cell with the value that it has now."""
        value = formula.result(self.cells)[0][0]
        style = self.paper.style(num_format=form, align="left")
        if self.target == "values":
            self.value(sheet, r, c, value, form)
        elif self.target == "calc":
            text = f"=IFERROR({self.formula(formula)[1:]},{WAITING})"
            sheet.write_formula(r, c, text, style, value)
        else:
            sheet.write_dynamic_array_formula(r, c, r, c, self.formula(formula), style, value)

    def result(self, name: str, caption: str, formula: Formula, sheet: Any) -> None:
        """A sheet that one formula fills: caption, the formula at A3, its whole result."""
        rows = formula.result(self.cells)
        header, width = rows[0], len(rows[0])
        self.paper.text(sheet, 0, 0, caption, bold=True, font_size=12)
        sheet.freeze_panes(TOP + 1, 0)
        for c, title in enumerate(header):
            sheet.set_column(c, c, WIDE.get(str(title), 15))
        bottom = TOP + len(rows) - 1 + (SPARE_RESULTS if self.target == "calc" else 0)
        self.spill(sheet, formula, bottom, width, rows[0][0])
        for r, row in enumerate([*rows, *[[""] * width] * (bottom - TOP + 1 - len(rows))], TOP):
            for c, cell in enumerate(row):
                if self.target == "values":
                    self.value(sheet, r, c, cell, _form(str(header[c])))
                elif (r, c) != (TOP, 0):
                    self.cached(sheet, r, c, cell, _form(str(header[c])))
        area = f"A{TOP + 1}:{xl_rowcol_to_cell(max(bottom, TOP + 200), width - 1)}"
        self.shade(sheet, area, f"ROW()={TOP + 1}", HEAD_SHADE)
        self.shade(sheet, area, f"ISNA(A{TOP + 1})", {"font_color": "#FFFFFF"})
        if name == "margin" and "equity" in header:
            self.health(sheet, header, bottom)

    def spill(self, sheet: Any, formula: Formula, bottom: int, width: int, first: Any) -> None:
        """The array formula: dynamic for Excel, of a fixed area with room for more rows for Calc."""
        if self.target == "values":
            return
        area = (TOP, 0, bottom, width - 1)
        write = sheet.write_array_formula if self.target == "calc" else sheet.write_dynamic_array_formula
        write(*area, self.formula(formula), None, first)

    def health(self, sheet: Any, header: list[Any], bottom: int) -> None:
        """Red below maintenance margin, amber below initial margin."""
        equity, initial, maintenance = (xl_col_to_name(header.index(n)) for n in ("equity", "initial", "maintenance"))
        row = TOP + 2
        cells = f"A{row}:{xl_col_to_name(len(header) - 1)}{bottom + 200}"
        for column, shade in ((maintenance, RED), (initial, AMBER)):
            self.shade(sheet, cells, f"AND(ISNUMBER(${equity}{row}),${equity}{row}<${column}{row})", shade)

    def shade(self, sheet: Any, cells: str, rule: str, look: dict[str, Any]) -> None:
        """A conditional format by formula; the first that applies stays."""
        style = self.book.add_format(look)
        sheet.conditional_format(
            cells, {"type": "formula", "criteria": f"={rule}", "format": style, "stop_if_true": True}
        )

    def lists(self, sheet: Any) -> None:
        """The words behind the drop-downs."""
        sheet.set_column(0, 1, 34)
        self.paper.heads(sheet, 0, ["model", "title"])
        for r, id in enumerate(xm.models(), 1):
            self.paper.text(sheet, r, 0, id)
            self.paper.text(sheet, r, 1, xm.model(id).title)


HEAD_SHADE = {"bold": True, "bg_color": HEAD["bg_color"]}


def _form(name: str) -> str:
    """The number format of a result column."""
    if name in PERCENTS:
        return PERCENT
    return PLAIN if name in PLAINS else AMOUNT


def _input_form(column: Column | None) -> str:
    if column is None:
        return PLAIN
    if column.dtype == "time":
        return MOMENT
    return PERCENT if column.name in PERCENTS else PLAIN
