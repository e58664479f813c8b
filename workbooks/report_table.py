"""The table of the summary: a row an account and pool, live where the ledger stands behind it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from xlsxwriter.utility import xl_col_to_name

from ..frames import scenario_words
from .report_content import Content
from .report_ledger import Ledger
from .report_paper import HEAD, NOTHING, PERCENT, Paper, money

FINE, BELOW_INITIAL, BELOW_MAINTENANCE = "in order", "below initial", "below maintenance"
HEADS = {
    "account": "Account",
    "pool": "Pool",
    "currency": "Currency",
    "equity": "Equity",
    "initial": "Initial margin",
    "maintenance": "Maintenance margin",
    "available": "Available",
    "headroom": "Headroom",
    "ratio": "Ratio",
    "gross": "Initial without netting",
    "benefit": "Netting benefit",
    "percent": "Benefit",
    "state": "State",
    "worst": "Worst scenario",
}
WORDED = ("account", "pool", "currency", "state", "worst")
WIDTHS = {"account": 22, "pool": 10, "currency": 9, "ratio": 8.5, "percent": 9, "state": 20, "worst": 32}
WIDTH, FURTHER = 14.5, "further "
MOST_ROWS, LIVE_ROWS = 1_000_000, 2_000


def states(content: Content) -> np.ndarray:
    """How each row stands, in words (R,)."""
    margin = content.margin
    words = np.full(len(margin.account), FINE, object)
    words[margin.available < 0] = BELOW_INITIAL
    words[margin.headroom < 0] = BELOW_MAINTENANCE
    return words


@dataclass
class Table:
    """The table being written: its headings stand in row ``top`` of the sheet, row r of the margin r + 1 below."""

    paper: Paper
    sheet: Any
    content: Content
    ledger: Ledger
    top: int

    @cached_property
    def names(self) -> list[str]:
        """Columns from the left; levels and further figures of the model come last."""
        margin = self.content.margin
        skip = {"pool": not self.content.pooled, "worst": margin.worst is None}
        further = [FURTHER + name for name in (*margin.levels, *margin.extras)]
        return [*(name for name in HEADS if not skip.get(name)), *further]

    @cached_property
    def rows(self) -> int:
        """Rows that a sheet has room for."""
        return min(len(self.content.margin.account), MOST_ROWS)

    @cached_property
    def shown(self) -> dict[int, int]:
        """Place among the rows shown in full, by row of the margin."""
        return {int(r): d for d, r in enumerate(self.content.rows)}

    @cached_property
    def forms(self) -> list[str]:
        """Number format of each row's amounts, one a currency."""
        margin = self.content.margin
        values = np.stack([self.content.saving.gross_initial, *(line.value for line in margin.lines().values())])
        form = {c: money(values[:, margin.currency == c], str(c)) for c in set(margin.currency)}
        return [form[c] for c in margin.currency]

    @property
    def bottom(self) -> int:
        """The last row on the sheet."""
        return self.top + self.rows

    def column(self, name: str) -> int:
        """Where a column stands."""
        return self.names.index(name)

    def words(self, name: str, words: np.ndarray | list[str], **style: Any) -> None:
        """Fill a column with text."""
        c = self.column(name)
        for r in range(self.rows):
            self.paper.text(self.sheet, self.top + 1 + r, c, words[r], **style)

    def numbers(self, name: str, values: np.ndarray, form: str = "") -> None:
        """Fill a column with numbers, in the format of their currency unless another is given."""
        c = self.column(name)
        for r, value in enumerate(values[: self.rows].tolist()):
            self.paper.number(self.sheet, self.top + 1 + r, c, value, form or self.forms[r])

    def live(self, name: str, values: np.ndarray, formula: str, form: str = "", **style: Any) -> None:
        """Fill a column with a formula, in which {equity} is the row's cell in that column, and its values.

        Rows after the first 2,000 hold the value alone: a bulk report is filtered, and formulas are slow to write.
        """
        c, letters = self.column(name), {n: f"{xl_col_to_name(i)}\0" for i, n in enumerate(self.names)}
        formula = formula.format(**letters)
        for r, value in enumerate(values[: self.rows].tolist()):
            n, own = self.top + 1 + r, form or self.forms[r]
            if r < LIVE_ROWS:
                self.paper.formula(self.sheet, n, c, formula.replace("\0", str(n + 1)), value, own, **style)
            elif isinstance(value, str):
                self.paper.text(self.sheet, n, c, value, **style)
            else:
                self.paper.number(self.sheet, n, c, value, own, **style)


def write(table: Table) -> None:
    """Headings, then every column."""
    for c, name in enumerate(table.names):
        side: dict[str, Any] = {"align": "right"}
        if name in WORDED:
            side = {"align": "left", "indent": int(name in ("state", "worst"))}
        words = HEADS.get(name) or name.removeprefix(FURTHER).capitalize()
        table.paper.text(table.sheet, table.top, c, words, text_wrap=True, **side, **HEAD)
        table.sheet.set_column(c, c, WIDTHS.get(name, WIDTH))
    table.sheet.set_row(table.top, 30)
    _names(table)
    _figures(table)
    _ratio(table)
    _benefit(table)
    _state(table)
    if "worst" in table.names:
        table.words("worst", [_worst(table, r) for r in range(table.rows)], indent=1)
    if table.rows:
        table.sheet.autofilter(table.top, 0, table.bottom, len(table.names) - 1)


def _names(table: Table) -> None:
    margin = table.content.margin
    for r in range(table.rows):
        n, d = table.top + 1 + r, table.shown.get(r)
        if d is None:
            table.paper.text(table.sheet, n, 0, margin.account[r])
        else:
            table.paper.link(table.sheet, n, 0, table.ledger.address(d, "account"), margin.account[r])
    if table.content.pooled:
        table.words("pool", margin.pool)
    table.words("currency", margin.currency)


def _figures(table: Table) -> None:
    """Equity, requirements and what is left: references to the ledger for accounts that are shown in full."""
    margin = table.content.margin
    for heading, line in margin.lines().items():
        name = heading if heading in HEADS else FURTHER + heading
        table.numbers(name, line.value)
        for r, d in table.shown.items():
            formula, n = f"={table.ledger.address(d, heading)}", table.top + 1 + r
            table.paper.formula(table.sheet, n, table.column(name), formula, float(line.value[r]), table.forms[r])
    table.live("available", margin.available, "={equity}-{initial}")
    table.live("headroom", margin.headroom, "={equity}-{maintenance}")


def _ratio(table: Table) -> None:
    """The ratio, live where it is maintenance margin over equity."""
    margin = table.content.margin
    equity, needed = margin.equity.value, margin.maintenance.value
    usage = np.divide(needed, equity, out=np.full(len(equity), np.nan), where=equity > 0)
    if np.array_equal(usage, margin.ratio, equal_nan=True):
        table.live("ratio", usage, f'=IF({{equity}}>0,{{maintenance}}/{{equity}},"{NOTHING}")', PERCENT, align="right")
    else:
        table.numbers("ratio", margin.ratio, PERCENT)


def _benefit(table: Table) -> None:
    """What netting saves; live where it is measured against the initial margin shown."""
    saving = table.content.saving
    table.numbers("gross", saving.gross_initial)
    if np.array_equal(saving.net_initial, table.content.margin.initial.value):
        table.live("benefit", saving.amount, "={gross}-{initial}")
    else:
        table.numbers("benefit", saving.amount)
    table.live("percent", saving.percent, "=IF({gross}=0,0,{benefit}/{gross})", PERCENT)


def _state(table: Table) -> None:
    otherwise = f'IF({{available}}<0,"{BELOW_INITIAL}","{FINE}")'
    formula = f'=IF({{headroom}}<0,"{BELOW_MAINTENANCE}",{otherwise})'
    table.live("state", states(table.content), formula, "General", indent=1)


def _worst(table: Table, r: int) -> str:
    grid, d = table.content.detail.grid, table.shown.get(r)
    if d is None or grid is None:
        worst = table.content.margin.worst[r]
        return worst if isinstance(worst, str) else f"no. {worst}"
    s = int(grid.worst[d])
    return scenario_words(grid, d, s) if s >= 0 else "outside the grid: see the ledger"
