"""What stands in a desk workbook: the input tables, the choices, the formulas and what they give now.

Formulas name their ranges (``positions``, ``model`` …), so that the same text serves every host; their results are made
here by the functions themselves, from the very cells that the workbook will hold.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlmargin.cells import EXCEL_EPOCH

from .declared import FUNCTIONS
from .tabular import columns_of

INPUTS = ("positions", "balances", "instruments", "assets", "accounts", "orders", "trades")
TRADES = ("basket", "account", "instrument", "quantity", "close", "price", "fee")
CHOICES = ("model", "account", "as_of", "models")
FIGURES = (
    "currency",
    "equity",
    "initial",
    "maintenance",
    "available",
    "headroom",
    "ratio",
    "gross_initial",
    "benefit",
    "benefit_percent",
    "worst",
    "market_time",
    "parameters",
    "notes",
)
DAY = 86400.0


@dataclass(frozen=True)
class Formula:
    """A call of a function on named ranges; ``given`` replaces an argument by a literal or leaves it out ("")."""

    function: str
    given: tuple[tuple[str, str], ...] = ()

    def arguments(self) -> list[str]:
        """Texts of the positional arguments, without the empty ones at the end."""
        own = dict(self.given)
        names = (*INPUTS, *CHOICES)
        texts = [own.get(a.name, a.name if a.name in names else "") for a in FUNCTIONS[self.function].arguments]
        while texts and not texts[-1]:
            texts.pop()
        return texts

    def text(self, name: str) -> str:
        """The formula with the function spelt ``name``.

        >>> Formula("XM_MARGIN", (("output", '"initial"'), ("accounts", ""), ("orders", ""))).text("XM_MARGIN")
        '=XM_MARGIN(positions,model,balances,instruments,assets,"initial",account,as_of)'
        """
        return f"={name}({','.join(self.arguments())})"

    def result(self, cells: Mapping[str, Any]) -> list[list[Any]]:
        """What the function gives on the named ``cells``."""
        values = [cells[t] if t in cells else t.strip('"') or None for t in self.arguments()]
        return FUNCTIONS[self.function].call(*values)


@dataclass(frozen=True)
class Page:
    """A sheet that shows one result table: its name, what it shows and the formula."""

    name: str
    caption: str
    formula: Formula


def figure(name: str) -> Formula:
    """The formula of one figure of the chosen account."""
    return Formula("XM_MARGIN", (("output", f'"{name}"'),))


PAGES = (
    Page("margin", "Every account and pool", Formula("XM_MARGIN", (("account", ""),))),
    Page("ledger", "Why: every line of the chosen account with its parts", Formula("XM_EXPLAIN")),
    Page("contribution", "What each position of the chosen account adds", Formula("XM_POSITIONS")),
    Page("scenarios", "The scenario grid of the chosen account", Formula("XM_MATRIX")),
    Page("benefit", "What netting saves", Formula("XM_BENEFIT", (("account", ""),))),
    Page("exposure", "What the chosen account is exposed to", Formula("XM_EXPOSURE")),
    Page("health", "How far every account is from trouble", Formula("XM_HEALTH", (("account", ""),))),
    Page("liquidation", "At which prices the chosen account meets its maintenance margin", Formula("XM_LIQUIDATION")),
    Page("comparison", "The chosen account under several rulebooks", Formula("XM_COMPARE")),
    Page("what if", "The baskets of the sheet trades on top of the positions", Formula("XM_WHATIF")),
    Page("rulebooks", "Every rulebook that this version knows", Formula("XM_MODELS")),
)


@dataclass(frozen=True)
class Desk:
    """A workbook's content: a header and rows for every input table, and the choices."""

    title: str
    headers: Mapping[str, Sequence[str]]
    rows: Mapping[str, Sequence[Sequence[Any]]]
    choices: Mapping[str, Any]

    @classmethod
    def filled(cls, title: str, tables: Mapping[str, Sequence[Mapping[str, Any]]], **choices: Any) -> Desk:
        """A desk with rows given as mappings; columns stand in the order of the schema, others after them."""
        headers = {name: _header(name, tables.get(name, ())) for name in INPUTS}
        rows = {n: [[row.get(h) for h in headers[n]] for row in tables.get(n, ())] for n in INPUTS}
        return cls(title, headers, rows, {c: choices.get(c) for c in CHOICES})

    @classmethod
    def empty(cls, title: str, **choices: Any) -> Desk:
        """A desk ready to fill: every column of every table."""
        headers = {name: list(columns_of(name)) for name in INPUTS} | {"trades": list(TRADES)}
        return cls(title, headers, {n: [] for n in INPUTS}, {c: choices.get(c) for c in CHOICES})

    def cells(self) -> dict[str, Any]:
        """Every named range as a host would hand it over: dates as serial numbers, blanks as ""."""
        found: dict[str, Any] = {}
        for name in INPUTS:
            body = [[_cell(c) for c in row] for row in self.rows[name]]
            found[name] = [list(self.headers[name]), *body]
        return found | {name: _cell(value) for name, value in self.choices.items()}


def _header(name: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    given = dict.fromkeys(key for row in rows for key in row)
    columns = columns_of(name).values()
    known = [c.name for c in columns if c.name in given or (not given and c.need == "required")]
    return [*known, *(k for k in given if k not in known)]


def _cell(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return serial(value)
    return "" if value is None else value


def serial(moment: dt.datetime) -> float:
    """A moment (UTC, with or without zone) as Excel's number of days.

    >>> serial(dt.datetime(2026, 12, 25, 12))
    46381.5
    """
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return (aware - EXCEL_EPOCH).total_seconds() / DAY
