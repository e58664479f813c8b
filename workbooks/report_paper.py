"""Cells, styles and page set-up of a report: whatever comes from an input is text and never a formula or a link."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from xlsxwriter.utility import xl_rowcol_to_cell

from ..html import TWO_DIGITS

INK, QUIET, FAINT = "#1F2A36", "#66707C", "#9AA4AF"
BAND, RULE = "#DDE4EC", "#9AA9B8"
AMBER, RED = "#FFE2A0", "#A62B22"
LONGEST_TEXT = 32_000
UNSPEAKABLE = {code: "?" for code in (*range(32), 0xFFFE, 0xFFFF) if chr(code) not in "\t\n\r"}
MADE_A_FORMULA_BY = ("=", "+", "-", "@", "\t", "\r", "\n")
PERCENT, SIGNED_PERCENT = '0.0%;-0.0%;"–"', "+0.0%;-0.0%;0.0%"
HEAD: dict[str, Any] = {"bold": True, "bg_color": BAND, "bottom": 1, "bottom_color": RULE, "valign": "vcenter"}
TOTAL: dict[str, Any] = {"bold": True, "top": 1, "top_color": RULE}
NOTHING = "–"
NEXT_SOURCE = re.compile(r"; (?=\d{4}-\d{2}-\d{2} )")


class Exact(float):
    """A number that a workbook keeps to the last bit: XlsxWriter writes 16 digits, one too few.

    >>> f"{0.34004408017048815:.16G}", f"{Exact(0.34004408017048815):.16G}"
    ('0.3400440801704881', '0.34004408017048815')
    """

    def __format__(self, spec: str) -> str:
        return float.__repr__(self)


class Paper:
    """A workbook being written: styles by their properties, and the only ways in which a cell is filled."""

    def __init__(self, book: Any) -> None:
        self.book = book
        self._styles: dict[tuple[tuple[str, Any], ...], Any] = {}

    def style(self, **properties: Any) -> Any:
        """The format of these properties, made once."""
        key = tuple(sorted(properties.items()))
        if key not in self._styles:
            self._styles[key] = self.book.add_format({"font_color": INK, **properties})
        return self._styles[key]

    def text(self, sheet: Any, r: int, c: int, words: Any, **properties: Any) -> None:
        """Words as text; those that a spreadsheet would take for a formula when typed keep their quote mark."""
        words = plain(words)
        if words.startswith(MADE_A_FORMULA_BY):
            properties["quote_prefix"] = True
        sheet.write_string(r, c, words, self.style(**properties))

    def number(self, sheet: Any, r: int, c: int, value: float, form: str, **properties: Any) -> None:
        """A number, or a dash where there is none."""
        if math.isfinite(value):
            sheet.write_number(r, c, Exact(value), self.style(num_format=form, **properties))
        else:
            self.text(sheet, r, c, NOTHING, **{"align": "right", **properties})

    def formula(self, sheet: Any, r: int, c: int, formula: str, value: Any, form: str, **properties: Any) -> None:
        """A formula of the report's own with the value that it has now."""
        if isinstance(value, float) and not math.isfinite(value):
            value = NOTHING
        sheet.write_formula(r, c, formula, self.style(num_format=form, **properties), value)

    def link(self, sheet: Any, r: int, c: int, target: str, words: Any, **properties: Any) -> None:
        """Words that lead to a cell of this workbook."""
        words = plain(words)
        if words.startswith(MADE_A_FORMULA_BY):
            properties["quote_prefix"] = True
        style = self.style(underline=1, **properties)
        sheet.write_url(r, c, f"internal:{target}", style, words)

    def heads(self, sheet: Any, r: int, heads: Iterable[str], numeric_from: int = 99, c: int = 0) -> None:
        """A row of column headings; from ``numeric_from`` on they stand to the right, over their numbers."""
        for n, words in enumerate(heads):
            self.text(sheet, r, c + n, words, text_wrap=True, align="right" if n >= numeric_from else "left", **HEAD)


def plain(words: Any) -> str:
    r"""Words as a cell can hold them: no control character, no half of a surrogate pair, not longer than Excel takes.

    >>> plain("a\ud800b\x01"), len(plain("x" * 99_999))
    ('a?b?', 32001)
    """
    text = str(words).encode("utf-8", "replace").decode("utf-8").translate(UNSPEAKABLE)
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"


def money(values: Any, currency: str) -> str:
    """A number format for amounts of a currency: cents up to ten million, seven digits of a coin; zero is a dash.

    >>> money([1234.5], "USDC"), money([12_345_678.0], "USD"), money([0.25], "BTC")
    ('#,##0.00;-#,##0.00;"–"', '#,##0;-#,##0;"–"', '#,##0.000000;-#,##0.000000;"–"')
    """
    sizes = np.abs(np.asarray(values, np.float64))
    largest = float(np.max(sizes[np.isfinite(sizes)], initial=0.0))
    digits = math.floor(math.log10(largest)) + 1 if largest > 0 else 1
    if str(currency).upper().split("@")[0] in TWO_DIGITS:
        places = 2 if digits <= 7 else 0
    else:
        places = min(max(7 - max(digits, 1), 2), 8)
    plain_form = "#,##0" + ("." + "0" * places if places else "")
    return f'{plain_form};-{plain_form};"{NOTHING}"'


def total(rows: Iterable[int], column: int) -> str:
    """A SUM over cells of one column, neighbours as a range.

    >>> total([4, 5, 6, 9], 1)
    '=SUM(B5:B7,B10)'
    """
    runs: list[list[int]] = []
    for r in rows:
        if runs and r == runs[-1][1] + 1:
            runs[-1][1] = r
        else:
            runs.append([r, r])
    cells = [cell(a, column) if a == b else f"{cell(a, column)}:{cell(b, column)}" for a, b in runs]
    sums = [",".join(cells[n : n + 200]) for n in range(0, len(cells), 200)]
    return "=" + "+".join(f"SUM({part})" for part in sums)


def cell(r: int, c: int) -> str:
    """A cell's name."""
    return xl_rowcol_to_cell(r, c)


def sources(paper: Paper, sheet: Any, row: int, cites: Iterable[str]) -> int:
    """Every source once and in full below ``row``; returns the last row written."""
    distinct = list(dict.fromkeys(part for cite in cites for part in NEXT_SOURCE.split(cite) if part))
    if distinct:
        row += 1
        paper.text(sheet, row, 0, "Sources in full", bold=True)
    for words in distinct:
        row += 1
        paper.text(sheet, row, 0, words, font_color=QUIET, font_size=9)
    return row


def page(sheet: Any, foot: str, *, repeat: int | None = None, area: tuple[int, int] | None = None) -> None:
    """Paper A4, one page wide, with what the figures rest on at the foot of every page.

    ``area`` is the last row and column to print: words that run over the last column stay on the screen.
    """
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
    sheet.fit_to_pages(1, 0)
    sheet.hide_gridlines(2)
    sheet.set_footer(f"&L&8{plain(foot)[:200].replace('&', '&&')}&R&8&A · &P / &N")
    if repeat is not None:
        sheet.repeat_rows(repeat)
    if area is not None:
        sheet.print_area(0, 0, *area)
