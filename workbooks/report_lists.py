"""Positions with their contribution, parameters with date and source, notices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..frames import amounts_on, holding_name
from ..ledger import CASH, LEGS, ORDERS
from .report_content import Content, joined, largest
from .report_paper import BAND, HEAD, NOTHING, QUIET, TOTAL, Paper, money, page, sources, total

POSITIONS, PARAMETERS, NOTICES = "Positions", "Parameters", "Notices"
POSITION_HEADS = ("Holding", "Kind", "Quantity", "Price", "Equity", "Initial margin", "Maintenance margin")
EQUITY, INITIAL, MAINTENANCE = 4, 5, 6
PARAMETER_HEADS = ("Parameter", "Scope", "Value", "Unit", "In force since", "How sure", "Source")
MOST_ENTRIES, NOISE = 400, 1e-12
NOTICE_WIDTHS = (64, 38, 46, 10, 16, 26)
KIND_WORDS = {LEGS: "position", CASH: "balance", ORDERS: "order"}


def positions(paper: Paper, sheet: Any, content: Content) -> None:
    """What every holding adds to equity and to both requirements; each account adds up to its figures."""
    for c, width in enumerate((42, 12, 14, 16, 18, 18, 20)):
        sheet.set_column(c, c, width)
    paper.text(sheet, 0, 0, POSITIONS, bold=True, font_size=14)
    words = "What each holding adds to equity and to the requirements; a minus lowers a requirement."
    paper.text(sheet, 1, 0, f"{words} {content.extent}".strip(), font_color=QUIET)
    paper.heads(sheet, 3, POSITION_HEADS, numeric_from=2)
    sheet.freeze_panes(4, 1)
    row = 4
    for d in range(len(content.rows)):
        row = _account(paper, sheet, content, d, row) + 1
    page(sheet, content.foot, repeat=3)


def _account(paper: Paper, sheet: Any, content: Content, d: int, row: int) -> int:
    detail = content.detail
    lines = {EQUITY: detail.equity, INITIAL: detail.initial, MAINTENANCE: detail.maintenance}
    form = money([line.value[d] for line in lines.values()], str(detail.currency[d]))
    for c in range(len(POSITION_HEADS)):
        paper.text(sheet, row, c, content.who(d) if c == 0 else "", bold=True, bg_color=BAND)
    first = row = row + 1
    for name, kind, quantity, price, adds in _holdings(content, d):
        paper.text(sheet, row, 0, name, indent=1)
        paper.text(sheet, row, 1, kind, font_color=QUIET)
        paper.number(sheet, row, 2, quantity, "#,##0.########")
        paper.number(sheet, row, 3, price, "#,##0.00##")
        for c, amount in zip(lines, adds, strict=True):
            paper.number(sheet, row, c, float(amount), form)
        row += 1
    for c in range(len(POSITION_HEADS)):
        paper.text(sheet, row, c, "Total" if c == 0 else "", **TOTAL)
    for c, line in lines.items():
        if row > first:
            paper.formula(sheet, row, c, total(range(first, row), c), float(line.value[d]), form, **TOTAL)
        else:
            paper.number(sheet, row, c, float(line.value[d]), form, **TOTAL)
    return row + 1


def _holdings(content: Content, d: int) -> Iterator[tuple[str, str, float, float, np.ndarray]]:
    """Name, kind, quantity, price and contributions (3,) of each holding, then of what no holding carries."""
    detail, tops = content.detail, (content.detail.equity, content.detail.initial, content.detail.maintenance)
    left = np.array([line.value[d] for line in tops])
    size = np.maximum(1.0, np.abs(left))
    for on in (LEGS, CASH, ORDERS):
        table = getattr(detail.run.book, on)
        mine = np.flatnonzero(table.row == d)
        adds = np.stack([amounts_on(line, on, len(table))[mine] for line in tops], axis=1)
        shown = largest(np.abs(adds).max(axis=1, initial=0.0))
        for i in shown:
            left = left - adds[i]
            yield holding_name(detail, on, int(mine[i])), KIND_WORDS[on], *_held(content, on, int(mine[i])), adds[i]
        size = np.maximum(size, np.abs(adds).sum(axis=0))
    left = np.where(np.abs(left) > NOISE * size, left, 0.0)
    if left.any():
        yield "floors, charges, rounding, further holdings", "", np.nan, np.nan, left


def _held(content: Content, on: str, h: int) -> tuple[float, float]:
    """Quantity and price of a holding."""
    book, market = content.detail.run.book, content.detail.run.market
    if on == CASH:
        return float(book.cash.amount[h]), float(market.price[book.cash.asset[h]])
    table = getattr(book, on)
    price = market["mark"][table.instrument[h]] if on == LEGS else table.price[h]
    return float(table.quantity[h]), float(price)


def parameters(paper: Paper, sheet: Any, content: Content) -> None:
    """Every parameter that these accounts can touch: value, unit, first day in force, source, evidence."""
    for c, width in enumerate((28, 9, 26, 32, 17, 40, 60)):
        sheet.set_column(c, c, width)
    params = content.margin.run.session.params
    paper.text(sheet, 0, 0, PARAMETERS, bold=True, font_size=14)
    scopes = _scopes(content)
    which = f"common values and those of {joined(sorted(scopes))}" if scopes else "all values"
    paper.text(sheet, 1, 0, f"{params.model}, in force since {content.stamp['parameters']}: {which}.", font_color=QUIET)
    paper.heads(sheet, 3, PARAMETER_HEADS)
    sheet.freeze_panes(4, 1)
    row, cites = 4, []
    for entry in (e for e in params.rows() if _touched(e, scopes, params.by)):
        cites.append(entry["source"])
        for name, value in _entries(entry["parameter"], entry["value"]):
            _parameter(paper, sheet, row, name, value, entry)
            row += 1
    sheet.autofilter(3, 0, max(row - 1, 4), len(PARAMETER_HEADS) - 1)
    last = sources(paper, sheet, row, cites)
    page(sheet, content.foot, repeat=3, area=(last, len(PARAMETER_HEADS) - 1))


def _touched(entry: dict[str, Any], scopes: set[str], by: dict[str, dict[str, Any]]) -> bool:
    """Whether a value applies to a scope shown: its own, or a common one that not all of them replace."""
    if not scopes:
        return True
    if entry["scope"]:
        return entry["scope"] in scopes
    return any(entry["parameter"] not in by[scope] for scope in scopes)


def _scopes(content: Content) -> set[str]:
    """Scopes of the instruments and assets held, where the rulebook has values for them; none says: show all."""
    market, params = content.margin.run.market, content.margin.run.session.params
    named = {*map(str, market.scopes), *map(str, market.assets), *map(str, content.margin.pool), "USD"}
    return named & set(params.by) if set(map(str, market.scopes)) <= set(params.by) else set()


def _entries(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A value by rows: a list or a table entry by entry, a long one by its size."""
    if isinstance(value, dict) and value and all(isinstance(v, np.ndarray) for v in value.values()):
        count = len(next(iter(value.values())))
        yield name, f"table of {count:,} rows: {', '.join(value)}"
    elif isinstance(value, dict) and len(value) <= MOST_ENTRIES:
        yield from ((f"{name} · {key}", entry) for key, entry in value.items())
    elif isinstance(value, list) and value and isinstance(value[0], list | dict) and len(value) <= MOST_ENTRIES:
        yield from ((f"{name} · {n}", entry) for n, entry in enumerate(value))
    else:
        yield name, value


def _parameter(paper: Paper, sheet: Any, row: int, name: str, value: Any, entry: dict[str, Any]) -> None:
    paper.text(sheet, row, 0, name)
    paper.text(sheet, row, 1, entry["scope"])
    if isinstance(value, float) and not np.isfinite(value):
        paper.text(sheet, row, 2, "not published" if np.isnan(value) else "no limit")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        paper.number(sheet, row, 2, float(value), "General", align="left")
    else:
        paper.text(sheet, row, 2, _words(value))
    for c, key in enumerate(("unit", "effective", "evidence", "source"), start=3):
        paper.text(sheet, row, c, entry[key], font_color=QUIET)


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{k} = {_words(v)}" for k, v in value.items())
    if isinstance(value, list | tuple | np.ndarray):
        return ", ".join(map(_words, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def notices(paper: Paper, sheet: Any, content: Content, absent: str = "") -> None:
    """What the figures rest on and whom it concerns; what was left out and why, sheets that are ``absent`` too."""
    for c, width in enumerate(NOTICE_WIDTHS):
        sheet.set_column(c, c, width)
    margin = content.margin
    paper.text(sheet, 0, 0, NOTICES, bold=True, font_size=14)
    paper.text(sheet, 1, 0, "Doubts and assumptions that figures of this report rest on.", font_color=QUIET)
    wrap: dict[str, Any] = {"text_wrap": True, "valign": "top"}
    row = 3
    paper.heads(sheet, row, ("Notice", "Source", "Accounts"))
    for note in margin.notes:
        row += 1
        who = margin.account if note.where is None else margin.account[note.where]
        cells = (note.text, note.cite, joined([*who]))
        for c, words in enumerate(cells):
            paper.text(sheet, row, c, words, **wrap)
        sheet.set_row(row, _height(cells, NOTICE_WIDTHS))
    if not margin.notes:
        row += 1
        paper.text(sheet, row, 0, f"{NOTHING} none", font_color=QUIET)
    row = _about(paper, sheet, (content.extent, absent), row + 2)
    if margin.problems:
        _problems(paper, sheet, margin.problems, row + 2)
    page(sheet, content.foot)


def _about(paper: Paper, sheet: Any, more: Iterable[str], row: int) -> int:
    """How to read the workbook; returns the last row written."""
    paper.text(sheet, row, 0, "About this report", bold=True)
    told = (
        "Requirements are positive; the test is equity ≥ requirement. Amounts are in the currency of the pool.",
        "Summary, ledger, totals and headroom are live formulas; scenarios, price moves, sensitivities, liquidation "
        "prices and stresses are values of this run.",
        "Contributions add up to the figure; what a position would need alone is in 'Initial without netting'.",
        *more,
    )
    for words in filter(None, told):
        row += 1
        paper.text(sheet, row, 0, words, font_color=QUIET)
    return row


def _problems(paper: Paper, sheet: Any, found: Any, row: int) -> None:
    paper.text(sheet, row, 0, "Left out: what was wrong with the input", bold=True)
    heads = ("Problem", "Value", "Account", "Row", "Table", "Column")
    for c, words in enumerate(heads):
        paper.text(sheet, row + 1, c, words, **HEAD)
    for r, problem in enumerate(found, start=row + 2):
        value = "" if problem.value is None else problem.value
        cells = (problem.message, value, problem.account, problem.row or "", problem.table, problem.column)
        for c, words in enumerate(cells):
            paper.text(sheet, r, c, words, text_wrap=True, valign="top")
        sheet.set_row(r, _height(cells, NOTICE_WIDTHS))


def _height(cells: Iterable[Any], widths: Iterable[int]) -> float:
    """Height of a row of wrapped words, in points: no reader of workbooks measures it for us."""
    lines = max(1 + len(str(words)) // max(width - 4, 1) for words, width in zip(cells, widths, strict=False))
    return 14.0 * min(lines, 25)
