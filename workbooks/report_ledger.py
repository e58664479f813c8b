"""The ledger as an outline: every parent is a live SUM over its direct children, down to positions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..frames import holding_name
from ..ledger import Line
from .report_content import HOLDINGS_IN_FULL, Content, largest
from .report_paper import BAND, FAINT, HEAD, QUIET, Paper, cell, money, page, sources, total

NAME = "Ledger"
WIDTHS = (42, 17, 66, 44)
AMOUNT, HOW, SOURCE = 1, 2, 3
SHOWN_DEPTH = 1
DEEPEST = 7
HELP = (
    "Every bold figure is the sum of the lines that belong to it: open them with + or 1 2 3 4 at the left; "
    "where a line is changed, the totals follow."
)


@dataclass
class Ledger:
    """The sheet being written: where it stands, and in which row each figure of each account went."""

    paper: Paper
    sheet: Any
    content: Content
    row: int = 0
    form: str = ""
    at: dict[tuple[int, str], int] = field(default_factory=dict)

    def address(self, d: int, heading: str) -> str:
        """The cell of a figure, as another sheet names it."""
        return f"{NAME}!{cell(self.at[d, heading], AMOUNT)}"


def write(paper: Paper, sheet: Any, content: Content) -> Ledger:
    """Write every account shown in full, and tell where its figures stand."""
    ledger = Ledger(paper, sheet, content)
    for c, width in enumerate(WIDTHS):
        sheet.set_column(c, c, width)
    paper.text(sheet, 0, 0, "Ledger", bold=True, font_size=14)
    paper.text(sheet, 1, 0, f"{HELP} {content.extent}".strip(), font_color=QUIET)
    for c, words in enumerate(("Line", "Amount", "How", "Source")):
        paper.text(sheet, 3, c, words, align="right" if c == AMOUNT else "left", indent=int(c == HOW), **HEAD)
    sheet.freeze_panes(4, 1)
    sheet.outline_settings(True, False, True, False)
    ledger.row = 4
    for d in range(len(content.rows)):
        _account(ledger, d)
    cites = [line.cite for top in content.detail.lines().values() for _, line in top.walk()]
    last = sources(paper, sheet, ledger.row, cites)
    page(sheet, content.foot, repeat=3, area=(last, SOURCE))
    return ledger


def _account(ledger: Ledger, d: int) -> None:
    detail, paper, sheet = ledger.content.detail, ledger.paper, ledger.sheet
    lines = detail.lines()
    ledger.form = money([line.value[d] for line in lines.values()], str(detail.currency[d]))
    for c in range(len(WIDTHS)):
        paper.text(sheet, ledger.row, c, ledger.content.who(d) if c == 0 else "", bold=True, bg_color=BAND)
    ledger.at[d, "account"] = ledger.row
    ledger.row += 1
    seen: set[str] = set()
    for heading, line in lines.items():
        again = line.name in seen
        seen.add(line.name)
        ledger.at[d, heading] = _line(ledger, line.named(f"{line.name} ({heading})") if again else line, d, 0)
    for name, requirement in (("Available", "initial"), ("Headroom", "maintenance")):
        _difference(ledger, d, name, requirement)
    ledger.row += 1


def _difference(ledger: Ledger, d: int, name: str, requirement: str) -> None:
    """Equity less a requirement, as a formula over both cells."""
    detail, r = ledger.content.detail, ledger.row
    equity, needed = (cell(ledger.at[d, k], AMOUNT) for k in ("equity", requirement))
    value = float(detail.equity.value[d] - getattr(detail, requirement).value[d])
    ledger.paper.text(ledger.sheet, r, 0, name, bold=True)
    ledger.paper.formula(ledger.sheet, r, AMOUNT, f"={equity}-{needed}", value, ledger.form, bold=True)
    ledger.paper.text(ledger.sheet, r, HOW, f"equity − {requirement} margin", font_color=QUIET, indent=1)
    ledger.row += 1


def _line(ledger: Ledger, line: Line, d: int, depth: int) -> int:
    """Write a line and what it is made of; returns its row."""
    own = ledger.row
    ledger.row += 1
    if line.parts:
        children = [_line(ledger, part, d, depth + 1) for part in line.parts if depth == 0 or _counts(part, d)]
    else:
        children = _holdings(ledger, line, d, depth + 1)
    value, style = float(line.value[d]), _style(depth, bool(children), float(line.value[d]))
    if children:
        formula = total(children, AMOUNT)
        ledger.paper.formula(ledger.sheet, own, AMOUNT, formula, value, ledger.form, **style)
    else:
        ledger.paper.number(ledger.sheet, own, AMOUNT, value, ledger.form, **style)
    ledger.paper.text(ledger.sheet, own, 0, line.name, indent=min(2 * depth, 15), **style)
    ledger.paper.text(ledger.sheet, own, HOW, line.formula, font_color=QUIET, indent=1)
    ledger.paper.text(ledger.sheet, own, SOURCE, line.cite, font_color=QUIET, font_size=8)
    _outline(ledger, own, depth, collapsed=depth >= SHOWN_DEPTH and bool(children))
    return own


def _counts(line: Line, d: int) -> bool:
    """Whether anything of a line is not zero: deeper down, what only other accounts have is left out."""
    return any(part.value[d] != 0 for _, part in line.walk())


def _style(depth: int, parent: bool, value: float) -> dict[str, Any]:
    if depth == 0:
        return {"bold": True}
    if value == 0:
        return {"font_color": FAINT}
    return {"bold": True} if parent and depth == 1 else {}


def _outline(ledger: Ledger, r: int, depth: int, collapsed: bool) -> None:
    hidden = depth > SHOWN_DEPTH
    ledger.sheet.set_row(r, None, None, {"level": min(depth, DEEPEST), "hidden": hidden, "collapsed": collapsed})


def _holdings(ledger: Ledger, line: Line, d: int, depth: int) -> list[int]:
    """A row for each holding that moves a leaf; of very many the largest, and one row for the others together."""
    if line.amounts is None:
        return []
    detail, first = ledger.content.detail, ledger.row
    mine = np.flatnonzero(getattr(detail.run.book, line.on).row == d)
    amounts = line.amounts[mine]
    shown = largest(amounts)
    for i in shown:
        _holding(ledger, holding_name(detail, line.on, int(mine[i])), float(amounts[i]), depth)
    others = np.count_nonzero(amounts) - len(shown)
    if others:
        rest = float(line.value[d] - amounts[shown].sum())
        _holding(ledger, f"{others:,} further, each smaller than the {HOLDINGS_IN_FULL} above", rest, depth)
    return list(range(first, ledger.row))


def _holding(ledger: Ledger, name: str, amount: float, depth: int) -> None:
    ledger.paper.text(ledger.sheet, ledger.row, 0, name, indent=min(2 * depth, 15), italic=True)
    ledger.paper.number(ledger.sheet, ledger.row, AMOUNT, amount, ledger.form)
    _outline(ledger, ledger.row, depth, collapsed=False)
    ledger.row += 1
