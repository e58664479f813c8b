"""The first sheet: every account with what it has, what it needs, what netting saves, and how it stands."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..registry import model
from . import report_table
from .report_content import Content, joined
from .report_ledger import Ledger
from .report_paper import AMBER, BAND, QUIET, RED, RULE, Paper, page
from .report_table import BELOW_INITIAL, BELOW_MAINTENANCE, FINE, MOST_ROWS, Table, states

NAME = "Summary"
DEFINITIONS = (
    "Available = equity − initial margin: what can still be used.",
    "Headroom = equity − maintenance margin: below zero the venue liquidates.",
    "Ratio: in the venue's own definition; where it gives none, maintenance margin ÷ equity.",
    "Netting benefit = every position margined alone, summed, less the initial margin of all together.",
)
SERIES = {"equity": "#33506F", "initial": "#9DB3CB", "maintenance": "#D8694F"}


def write(paper: Paper, sheet: Any, content: Content, ledger: Ledger) -> None:
    """Write the summary; figures of accounts shown in full are live references to the ledger."""
    table = Table(paper, sheet, content, ledger, _heading(paper, sheet, content))
    report_table.write(table)
    _colours(table)
    left_out = len(content.margin.account) - table.rows
    cut = f"{left_out:,} rows beyond the first {MOST_ROWS:,} do not fit on a sheet." if left_out else ""
    for n, words in enumerate((*DEFINITIONS, content.extent, cut)):
        paper.text(sheet, table.bottom + 2 + n, 0, words, font_color=QUIET, font_size=9)
    if table.rows and not content.partial and len(set(content.margin.currency)) == 1:
        _chart(table)
    sheet.freeze_panes(table.top + 1, 1)
    page(sheet, content.foot)


def _heading(paper: Paper, sheet: Any, content: Content) -> int:
    """Title and stamps; returns the row of the table's headings."""
    rulebook, stamp = model(content.stamp["model"]), content.stamp
    name = f"Margin report · {content.title}" if content.title else "Margin report"
    paper.text(sheet, 0, 0, name, bold=True, font_size=16)
    paper.text(sheet, 1, 0, rulebook.title or rulebook.summary, font_color=QUIET, font_size=11)
    version = f" ({stamp['parameter version']})" if stamp["parameter version"] else ""
    options = ", ".join(f"{k} = {v}" for k, v in stamp["options"].items())
    words = {
        "Result": verdict(content),
        "Model": stamp["model"],
        "Parameters": f"in force since {stamp['parameters']}{version}",
        "Market": f"{stamp['market time']}, from {stamp['market source']}",
        "Options": options,
        "How sure": rulebook.evidence,
    }
    r = 3
    for label, text in words.items():
        if text:
            paper.text(sheet, r, 0, label, bold=True)
            paper.text(sheet, r, 1, text, bold=label == "Result")
            r += 1
    return r + 1


def verdict(content: Content) -> str:
    """How many accounts stand how, in a sentence."""
    margin = content.margin
    worst = np.zeros(len(margin.account), np.int64)
    for severity, word in enumerate((BELOW_INITIAL, BELOW_MAINTENANCE), start=1):
        worst[states(content) == word] = severity
    by_account: dict[str, int] = {}
    for name, severity in zip(map(str, margin.account), worst, strict=True):
        by_account[name] = max(by_account.get(name, 0), int(severity))
    found = [*by_account.values()]
    words = (FINE, BELOW_INITIAL, BELOW_MAINTENANCE)
    counts = ", ".join(f"{found.count(n):,} {word}" for n, word in enumerate(words) if found.count(n))
    out = {name for name in (p.account for p in margin.problems) if name}
    left = f" {len(out) or len(margin.problems)} left out: see Notices." if margin.problems else ""
    named = joined([name for name, severity in by_account.items() if severity == 2], 5)
    return f"{len(found):,} accounts: {counts or 'none'}{f' ({named})' if named else ''}.{left}"


def _colours(table: Table) -> None:
    """States by word and shade: white, light, dark, so that they can be told apart without colour."""
    c, shades = (
        table.column("state"),
        {
            BELOW_MAINTENANCE: {"bg_color": RED, "font_color": "#FFFFFF", "bold": True},
            BELOW_INITIAL: {"bg_color": AMBER, "bold": True},
        },
    )
    for words, style in shades.items():
        made = table.paper.book.add_format(style)
        rule = {"type": "cell", "criteria": "==", "value": f'"{words}"', "format": made}
        table.sheet.conditional_format(table.top + 1, c, max(table.bottom, table.top + 1), c, rule)


def _chart(table: Table) -> None:
    """Equity beside both requirements, a group of columns an account."""
    chart = table.paper.book.add_chart({"type": "column"})
    first, last = table.top + 1, table.bottom
    for name, colour in SERIES.items():
        c = table.column(name)
        chart.add_series(
            {
                "name": [NAME, table.top, c],
                "categories": [NAME, first, 0, last, table.column("currency") - 1],
                "values": [NAME, first, c, last, c],
                "fill": {"color": colour},
                "gap": 70,
            }
        )
    grid = {"visible": True, "line": {"color": BAND}}
    chart.set_y_axis({"num_format": "#,##0", "major_gridlines": grid, "line": {"none": True}})
    chart.set_x_axis({"line": {"color": RULE}, "label_position": "low"})
    chart.set_legend({"position": "top"})
    chart.set_size({"width": 980, "height": 300})
    table.sheet.insert_chart(table.bottom + 9, 0, chart, {"x_offset": 4})
