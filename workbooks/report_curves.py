"""What equity and margin become as prices move: the rule run again at every move, as a table and a chart an account."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..market import OPTION
from ..shocks import Profile, profile
from .report_content import Content
from .report_paper import BAND, HEAD, QUIET, RED, RULE, SIGNED_PERCENT, Paper, cell, money, page

NAME = "Price moves"
MOVES = np.concatenate([[-0.3, -0.25, -0.2], np.arange(-6, 7) / 40.0, [0.2, 0.25, 0.3]])
HEADS = ("Price move", "Price", "Profit and loss", "Equity", "Initial margin", "Maintenance margin")
HELP = (
    "The whole rule run again as all underlyings (and assets of their names) move together, volatilities unchanged. "
    "Where equity falls below maintenance margin (dark) the venue liquidates."
)
MOVE, PRICE, PNL, EQUITY, INITIAL, MAINTENANCE = range(6)
LINES = {
    EQUITY: {"color": "#1F3A5A", "width": 2.5},
    INITIAL: {"color": "#C98A1B", "width": 1.75, "dash_type": "long_dash"},
    MAINTENANCE: {"color": RED, "width": 1.75, "dash_type": "square_dot"},
    PNL: {"color": "#8A949E", "width": 1.25},
}
CHART_ROWS = len(MOVES) + 1


def curves(content: Content) -> tuple[Profile | None, str]:
    """The curves of every account shown in full; where there can be none, the reason in words instead."""
    if not len(content.rows):
        return None, ""
    market = content.detail.run.market
    known = np.isfinite(market["iv"]) & np.isfinite(market["forward"])
    if np.any((market.kind == OPTION) & ~known & np.isfinite(market["mark"])):
        return None, "There is no sheet of price moves: options without volatility or forward cannot be repriced."
    found = profile(content.detail, _underlying(content), MOVES)
    figures = np.stack([found.equity, found.initial, found.maintenance])
    if not np.any(figures != figures[:, :1]):
        return None, "There is no sheet of price moves: no figure of this report follows a price."
    return found, ""


def write(paper: Paper, sheet: Any, content: Content, found: Profile) -> None:
    """Write the curves of every account shown in full, each with its chart beside it."""
    for c, width in enumerate((12, 14, 16, 16, 16, 21, 3)):
        sheet.set_column(c, c, width)
    paper.text(sheet, 0, 0, NAME, bold=True, font_size=14)
    paper.text(sheet, 1, 0, f"{HELP} {content.extent}".strip(), font_color=QUIET)
    sheet.freeze_panes(2, 0)
    row, breaks = 3, []
    for d in range(len(content.rows)):
        breaks.append(row)
        row = _block(paper, sheet, content, d, found, row) + 2
    sheet.set_h_pagebreaks(breaks[2::2])
    page(sheet, content.foot)


def _underlying(content: Content) -> str | None:
    """The only underlying, so that its price can stand beside the move; None where there are several."""
    names = set(map(str, content.detail.run.market.underlying))
    return names.pop() if len(names) == 1 else None


def _block(paper: Paper, sheet: Any, content: Content, d: int, found: Profile, row: int) -> int:
    """One account: table and chart; returns the first row below."""
    for c in range(18):
        paper.text(sheet, row, c, content.who(d) if c == 0 else "", bold=True, bg_color=BAND)
    paper.text(sheet, row + 1, 0, crossings(found, d), bold=True)
    row += 1
    for c, words in enumerate(HEADS):
        paper.text(sheet, row + 1, c, words, align="right", **HEAD)
    columns = {PNL: found.pnl, EQUITY: found.equity, INITIAL: found.initial, MAINTENANCE: found.maintenance}
    form = money([v[:, d] for v in columns.values()], str(content.detail.currency[d]))
    first, last = row + 2, row + 1 + len(found.move)
    for m, r in enumerate(range(first, last + 1)):
        paper.number(sheet, r, MOVE, float(found.move[m]), SIGNED_PERCENT, bold=True)
        paper.number(sheet, r, PRICE, float(found.level[m]), "#,##0.00")
        for c, values in columns.items():
            paper.number(sheet, r, c, float(values[m, d]), form)
    below = paper.book.add_format({"bg_color": RED, "font_color": "#FFFFFF", "bold": True})
    rule = {"type": "formula", "criteria": f"=${cell(first, EQUITY)}<${cell(first, MAINTENANCE)}", "format": below}
    sheet.conditional_format(first, EQUITY, last, EQUITY, rule)
    _chart(paper, sheet, row - 1, first, last, max(float(np.abs(v[:, d]).max()) for v in columns.values()))
    return last + 1


def crossings(found: Profile, d: int) -> str:
    """Between which moves equity falls below maintenance margin, in words."""
    below = found.equity[:, d] < found.maintenance[:, d]
    today = int(np.argmin(np.abs(found.move)))
    if below[today]:
        return "Equity is below maintenance margin already at today's prices."
    reach = 100 * found.move
    down = next((m for m in range(today, -1, -1) if below[m]), None)
    up = next((m for m in range(today, len(below)) if below[m]), None)
    words = [f"{reach[a]:+.4g} % and {reach[b]:+.4g} %" for a, b in _pairs(down, up)]
    if not words:
        return f"Equity stays above maintenance margin from {reach[0]:+.4g} % to {reach[-1]:+.4g} %."
    return f"Equity falls below maintenance margin between {', and between '.join(words)}."


def _pairs(down: int | None, up: int | None) -> list[tuple[int, int]]:
    """The moves on either side of each crossing, the nearer one first."""
    pairs = [(down + 1, down)] if down is not None else []
    return pairs + ([(up - 1, up)] if up is not None else [])


def _chart(paper: Paper, sheet: Any, row: int, first: int, last: int, largest: float) -> None:
    """Equity, both requirements and the result against the move; names come from cells, never from an input's text."""
    chart = paper.book.add_chart({"type": "scatter", "subtype": "straight"})
    for c, line in LINES.items():
        chart.add_series(
            {
                "name": [NAME, first - 1, c],
                "categories": [NAME, first, MOVE, last, MOVE],
                "values": [NAME, first, c, last, c],
                "line": line,
                "marker": {"type": "none"},
            }
        )
    grid = {"visible": True, "line": {"color": BAND}}
    chart.set_title({"name": [NAME, row, 0], "name_font": {"size": 11}})
    span = {"min": float(MOVES[0]), "max": float(MOVES[-1]), "crossing": float(MOVES[0]), "major_unit": 0.1}
    chart.set_x_axis({**span, "num_format": "+0%;-0%;0%", "label_position": "low", "major_gridlines": grid})
    chart.set_y_axis({"num_format": _axis_form(largest), "major_gridlines": grid})
    chart.set_legend({"position": "bottom"})
    chart.set_chartarea({"border": {"color": RULE}})
    chart.set_size({"width": 700, "height": 20 * CHART_ROWS})
    sheet.insert_chart(row + 2, 7, chart)


def _axis_form(largest: float) -> str:
    """Decimals that an axis up to ``largest`` needs."""
    return "#,##0" if largest >= 10 else "0.00" if largest >= 0.1 else "0.0000"
