"""Sheets of tables: a title, words, and result tables one below the other, with live sums and differences."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .report_paper import (
    AMBER,
    HEAD,
    NOTHING,
    PERCENT,
    QUIET,
    RED,
    SIGNED_PERCENT,
    TOTAL,
    Paper,
    cell,
    money,
    page,
    total,
)
from .report_scenarios import GAIN, LEVEL, LOSS

MOST_ROWS, CHART_ROWS = 1_000, 17
LONGEST_LINE, MOST_OVER = 150, 4
NUMBER_WIDTH, LEAST_WIDTH, MOST_WIDTH = 15, 9, 46
MOVES = frozenset({"down", "up", "move", "vol", "at", "shock"})
SHARES = frozenset({"share", "ratio", "cover", "utilisation", "haircut", "saved share", "volatility", "reference"})
PLAIN = frozenset({"amplification", "multiplier", "deviation", "peak to trough"})
UNITS = frozenset({"quantity", "long", "short", "net", "offset", "collateral", "delta", "coins"})
OF_ASSET = frozenset({"balance", "result", "options", "amount"})
PRICE_FORM = "#,##0.00##"
HIDDEN = ("market time",)
GRAVE: dict[str, dict[str, Any]] = {
    "critical": {"bg_color": RED, "font_color": "#FFFFFF", "bold": True},
    "serious": {"bg_color": AMBER, "bold": True},
    "warning": {"bg_color": AMBER},
}


@dataclass(frozen=True, eq=False)
class Section:
    """A result table with its title and words below it; ``table`` None where there are words alone.

    ``sums`` are columns that add up, shown with a live total; ``differences`` columns that are one column less
    another, shown as a live formula; ``shade`` columns are coloured from their least to their largest amount; ``draw``
    puts a chart beside the table: (paper, sheet, place of the table).
    """

    title: str
    table: Any
    words: str = ""
    sums: tuple[str, ...] = ()
    differences: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    shade: tuple[str, ...] = ()
    draw: Callable[[Paper, Any, Place], None] | None = None

    @cached_property
    def lines(self) -> list[str]:
        """The words, a row each, long ones cut into several."""
        given = (line for line in self.words.split("\n") if line)
        return [part for line in given for part in textwrap.wrap(line, LONGEST_LINE, break_on_hyphens=False)]

    @cached_property
    def shown(self) -> Any:
        """The rows and columns that stand on the sheet: columns of blanks and the market's time are left out."""
        rows = self.table.head(MOST_ROWS)
        empty = [c for c in rows if c in ("account", "pool", "currency") and not any(map(str, rows[c]))]
        said = ["currency"] if self.unit else []
        return rows.drop(columns=list(dict.fromkeys([*empty, *said, *(c for c in HIDDEN if c in rows)])))

    @cached_property
    def unit(self) -> str:
        """The only currency of a table without accounts, which its title says once; empty otherwise."""
        if self.table is None:
            return ""
        owned = "account" in self.table and self.table["account"].dtype.kind not in "fi"
        given = set(self.table["currency"]) if "currency" in self.table and not owned else set()
        return str(given.pop()) if len(given) == 1 else ""

    @property
    def heading(self) -> str:
        """The title, with the currency where it holds for the whole table."""
        return ", ".join(filter(None, [self.title, self.unit]))

    @cached_property
    def names(self) -> list[str]:
        """Names of the columns shown."""
        return [] if self.table is None else [str(c) for c in self.shown.columns]

    def numeric(self, c: int) -> bool:
        """Whether a column holds numbers."""
        return self.shown.dtypes.iloc[c].kind in "fi"

    def indent(self, c: int) -> int:
        """Words beside a number stand a little apart from it."""
        return int(c > 0 and self.numeric(c - 1))


@dataclass(frozen=True)
class Place:
    """Where a table stands: its sheet, the row of its headings, its last row, and the column of each name."""

    sheet: str
    top: int
    last: int
    columns: Mapping[str, int]


def write(paper: Paper, sheet: Any, title: str, words: str, sections: Iterable[Section], foot: str) -> None:
    """Write a sheet: its title, what it says, and every table."""
    given = list(sections)
    paper.text(sheet, 0, 0, title, bold=True, font_size=14)
    widths = _widths(given)
    for c, width in widths.items():
        sheet.set_column(c, c, width)
    told = Section("", None, words)
    row = _section(paper, sheet, told, 1, widths) + 2
    right = _right(told, widths)
    for section in given:
        row = _section(paper, sheet, section, row, widths) + 2
        right = max(right, _right(section, widths))
    sheet.freeze_panes(1, 0)
    drawn = any(section.draw for section in given)
    page(sheet, foot, area=None if drawn or not given else (max(row, 3), right))


def _section(paper: Paper, sheet: Any, section: Section, row: int, widths: Mapping[int, float]) -> int:
    """Title, words and table; returns the last row written."""
    if section.heading:
        paper.text(sheet, row, 0, section.heading, bold=True, font_size=11)
        row += 1
    for line in section.lines:
        paper.text(sheet, row, 0, line, font_color=QUIET)
        row += 1
    if section.table is None:
        return row - 1
    if not len(section.table):
        paper.text(sheet, row, 0, f"{NOTHING} none", font_color=QUIET)
        return row
    top, last = row, row + len(section.shown)
    if any(len(heading(name)) + 1 > widths[c] for c, name in enumerate(section.names)):
        sheet.set_row(top, 28)
    for c, name in enumerate(section.names):
        side: dict[str, Any] = (
            {"align": "right"} if section.numeric(c) else {"align": "left", "indent": section.indent(c)}
        )
        paper.text(sheet, top, c, heading(name), text_wrap=True, **side, **HEAD)
        _column(paper, sheet, section, c, name, top)
    _shades(sheet, section, top, last)
    if section.draw:
        place = Place(sheet.get_name(), top, last, {n: c for c, n in enumerate(section.names)})
        section.draw(paper, sheet, place)
    left = len(section.table) - len(section.shown)
    end = _totals(paper, sheet, section, top, last) if section.sums and not left else last
    if left:
        end += 1
        paper.text(sheet, end, 0, f"{left:,} rows more than the first {MOST_ROWS:,}", font_color=QUIET)
    return max(end, top + CHART_ROWS) if section.draw else end


def _shades(sheet: Any, section: Section, top: int, last: int) -> None:
    """Losses dark, gains light, over all shaded columns alike."""
    if not section.shade:
        return
    columns = [section.names.index(name) for name in section.shade]
    values = section.shown[list(section.shade)].to_numpy(float)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    scale: dict[str, Any] = {"type": "3_color_scale", "min_type": "num", "mid_type": "num", "max_type": "num"}
    scale |= {"min_value": min(low, -1e-9), "mid_value": 0, "max_value": max(high, 1e-9)}
    scale |= {"min_color": LOSS, "mid_color": LEVEL, "max_color": GAIN}
    sheet.conditional_format(top + 1, min(columns), last, max(columns), scale)


def _column(paper: Paper, sheet: Any, section: Section, c: int, name: str, top: int) -> None:
    values = section.shown[name]
    if not section.numeric(c):
        for r, value in enumerate(values, start=top + 1):
            style = GRAVE.get(str(value), {}) if name == "severity" else {}
            paper.text(sheet, r, c, _words(value), indent=section.indent(c), **style)
        return
    of = section.differences.get(name)
    for n, (value, form) in enumerate(zip(values.to_numpy(float), _forms(section, name), strict=True)):
        r = top + 1 + n
        if of is None or not np.isfinite(value):
            paper.number(sheet, r, c, float(value), form)
            continue
        first, second = (section.names.index(other) for other in of)
        exact = float(section.shown[of[0]].iloc[n] - section.shown[of[1]].iloc[n])
        paper.formula(sheet, r, c, f"={cell(r, first)}-{cell(r, second)}", exact, form)


def _forms(section: Section, name: str) -> list[str]:
    """The number format of each row of a column: amounts by their currency, units by the largest of the column."""
    rows = len(section.shown)
    kind = "0" if section.shown[name].dtype.kind == "i" else form_of(name)
    if kind:
        return [kind] * rows
    unit, columns = ["units"] * rows, [name]
    if name in OF_ASSET and "asset" in section.names:
        unit = [*section.shown["asset"]]
    elif name not in UNITS:
        unit = [*section.table["currency"].head(rows)] if "currency" in section.table else ["USD"] * rows
        columns = [c for c in section.names if section.shown[c].dtype.kind == "f" and c not in UNITS and not form_of(c)]
    sizes = section.shown[columns].to_numpy(float)
    form = {c: money(sizes[[str(c) == str(own) for own in unit]], str(c)) for c in dict.fromkeys(unit)}
    return [form[c] for c in unit]


def form_of(name: str) -> str:
    """The number format of a column by its name; empty where it is an amount or a number of units.

    >>> form_of("down"), form_of("share"), form_of("up price"), form_of("headroom up")
    ('+0.0%;-0.0%;0.0%', '0.0%;-0.0%;"–"', '#,##0.00##', '')
    """
    first, last = (name.casefold().split()[n] if name else "" for n in (0, -1))
    if name in MOVES or (first == "move" and name != "move"):
        return SIGNED_PERCENT
    if name in SHARES or name.endswith(", fraction"):
        return PERCENT
    if name in PLAIN or first == "multiplier":
        return "0.000"
    return PRICE_FORM if last in ("price", "mark") else ""


def heading(name: str) -> str:
    """A column's name as a heading.

    >>> heading("net_usd"), heading("equity up"), heading("account")
    ('Net, USD', 'Equity up', 'Account')
    """
    words = name.replace("_", " ")
    words = f"{words[:-4]}, USD" if words.endswith(" usd") else words
    words = "USD" if words == "usd" else words
    return words[:1].upper() + words[1:]


def _totals(paper: Paper, sheet: Any, section: Section, top: int, last: int) -> int:
    row = last + 1
    for c, name in enumerate(section.names):
        if name in section.sums and np.isfinite(section.shown[name]).all():
            value = float(section.shown[name].sum())
            form = _forms(section, name)[0]
            paper.formula(sheet, row, c, total(range(top + 1, last + 1), c), value, form, **TOTAL)
        else:
            paper.text(sheet, row, c, "Total" if c == 0 else "", **TOTAL)
    return row


def _words(value: Any) -> str:
    """A cell that is no number as text: moments without their zone, yes and no, nothing for what is missing."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return "" if value is None or value != value else str(value).removesuffix("+00:00")


def _widths(sections: Iterable[Section]) -> dict[int, float]:
    """Column widths that every table of the sheet can stand in; words of a last column run over to the right."""
    widths: dict[int, float] = {}
    for section in sections:
        for c, name in enumerate(section.names):
            last = c == len(section.names) - 1
            wide = NUMBER_WIDTH if section.numeric(c) or last else _longest(section.shown[name])
            wide = max(wide, min(len(heading(name)) + 2, NUMBER_WIDTH), LEAST_WIDTH)
            widths[c] = min(max(widths.get(c, 0), wide), MOST_WIDTH)
    return widths


def _longest(values: Any) -> int:
    return max((len(_words(v)) for v in values.head(200)), default=0) + 2


def _right(section: Section, widths: Mapping[int, float]) -> int:
    """The last column that a table and its words reach; words of a last column reach a few columns further at most."""
    last = len(section.names) - 1
    over = 0.0 if last < 0 or section.numeric(last) else _longest(section.shown.iloc[:, last]) - widths[last]
    return max(last + min(_columns(over, widths, last + 1), MOST_OVER), _columns(_line(section), widths, 0))


def _line(section: Section) -> float:
    """Width of the longest line of words, in characters of a column."""
    return 0.85 * max(map(len, section.lines), default=0)


def _columns(wide: float, widths: Mapping[int, float], first: int) -> int:
    """How many columns from ``first`` on are as wide as some words."""
    count = 0
    while wide > 0:
        wide -= widths.get(first + count, LEAST_WIDTH)
        count += 1
    return count
