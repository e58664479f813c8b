"""Results of decisions as sheets: whatever has a ``frame()`` is a table under its name, some with a chart or shades."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

from ..decide.across import Across
from ..decide.contagion import Contagion
from ..decide.dynamic import Dynamic
from ..decide.liquidation import Surface
from ..decide.path import Path
from ..decide.simulate.simulate import PARTIES, Simulation
from ..decide.stress import Stress
from ..errors import InputError
from ..scenarios import move_words
from .report_paper import BAND, RED, RULE, Paper, plain
from .report_sections import CHART_ROWS, Place, Section, write

FURTHER = {
    "alerts": "Alerts",
    "ranking": "Each candidate alone",
    "requirements": "Requirements",
    "venues": "Venues",
    "limits": "Lines and limits",
    "gains": "Other arrangements",
    "refusals": "What cannot stand where",
}
FORBIDDEN = re.compile(r"[\[\]:*?/\\']")
COLOURS = ("#1F3A5A", "#C98A1B", RED, "#8A949E", "#4E8F66", "#7A5EA8")
LONGEST_NAME, MOST_LINES, LAST_DAYS = 31, 6, 60
STRESSED = ("equity after", "equity change", "initial after", "maintenance after", "headroom")


def sheets(paper: Paper, book: Any, decisions: Iterable[Any], foot: str) -> None:
    """Write a sheet for every result; a pair (title, result) names its own."""
    for given in decisions:
        named = isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str)
        result = given[1] if named else given
        title = plain(given[0] if named else title_of(result))
        words, sections = sections_of(result)
        sheet = book.add_worksheet(free_name(title, [s.get_name() for s in book.worksheets()]))
        write(paper, sheet, title, words, sections, foot)


def sections_of(result: Any) -> tuple[str, list[Section]]:
    """What a result says in words, and its tables. Raises InputError for what has no table."""
    for kind, make in KINDS.items():
        if isinstance(result, kind):
            said = "" if kind is Stress else _said(result)
            return said, [*make(result), *notes_of(result)]
    if isinstance(result, Sequence) and result and all(is_dataclass(one) for one in result):
        return "", [Section("", _frame([asdict(one) for one in result]))]
    if hasattr(result, "columns") and hasattr(result, "iloc"):
        return "", [Section("", result)]
    if not callable(getattr(result, "frame", None)):
        raise InputError(f"decisions: a {type(result).__name__} has no frame(), so that no sheet can be made of it")
    sections = [Section("", result.frame())]
    for name, heading in FURTHER.items():
        more = getattr(result, name, None)
        more = more() if callable(more) else more
        if hasattr(more, "columns"):
            sections.append(Section(heading, more))
    return _said(result), [*sections, *notes_of(result)]


def notes_of(result: Any) -> list[Section]:
    """What a result rests on, each note once; no section where it has none."""
    told = [(str(getattr(n, "text", n)), str(getattr(n, "cite", ""))) for n in getattr(result, "notes", ())]
    lines = [f"{text} ({cite})" if cite else text for text, cite in dict.fromkeys(told)]
    return [Section("What this rests on", None, "\n".join(lines))] if lines else []


def _said(result: Any) -> str:
    words = getattr(result, "words", "")
    return words if isinstance(words, str) else ""


def _frame(rows: Any) -> Any:
    import pandas as pd

    return pd.DataFrame(rows)


def title_of(result: Any) -> str:
    """What a result is called.

    >>> from xlmargin.decide.what_if import WhatIf
    >>> title_of(WhatIf.__new__(WhatIf)), title_of(())
    ('What if', 'Result')
    """
    name = type(result).__name__
    if isinstance(result, Sequence) and result:
        name = type(result[0]).__name__ + "s"
    if name in ("DataFrame", "tuple", "list"):
        return "Result"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold()
    return words[:1].upper() + words[1:]


def free_name(title: str, taken: Sequence[str]) -> str:
    """A name that a sheet may have and none has yet.

    >>> free_name("Stress: 50 % [all]", ["Stress 50 % all"])
    'Stress 50 % all 2'
    """
    name = FORBIDDEN.sub("", title).strip()[:LONGEST_NAME] or "Result"
    used, number, found = {t.casefold() for t in taken}, 1, name
    while found.casefold() in used:
        number += 1
        found = f"{name[: LONGEST_NAME - len(str(number)) - 1]} {number}"
    return found


def lines(x: str, names: Sequence[str], form: str = "General") -> Callable[[Paper, Any, Place], None]:
    """A chart of columns ``names`` over column ``x``, beside their table."""

    def draw(paper: Paper, sheet: Any, place: Place) -> None:
        chart = paper.book.add_chart({"type": "scatter", "subtype": "straight"})
        span = place.top + 1, place.last
        for name, colour in zip(names[:MOST_LINES], COLOURS, strict=False):
            c, a = place.columns[name], place.columns[x]
            chart.add_series(
                {
                    "name": [place.sheet, place.top, c],
                    "categories": [place.sheet, span[0], a, span[1], a],
                    "values": [place.sheet, span[0], c, span[1], c],
                    "line": {"color": colour, "width": 2},
                    "marker": {"type": "none"},
                }
            )
        grid = {"visible": True, "line": {"color": BAND}}
        chart.set_x_axis({"num_format": form, "label_position": "low", "major_gridlines": grid})
        chart.set_y_axis({"num_format": "#,##0", "major_gridlines": grid})
        chart.set_legend({"position": "bottom"})
        chart.set_chartarea({"border": {"color": RULE}})
        chart.set_size({"width": 640, "height": 20 * (CHART_ROWS - 1)})
        sheet.insert_chart(place.top, len(place.columns) + 1, chart)

    return draw


def _path(found: Path) -> list[Section]:
    table = found.frame().assign(currency=found.currency)
    return [Section("Steps, and the figures after each", table, draw=lines("step", ("initial", "maintenance"), "0"))]


def _simulation(found: Simulation) -> list[Section]:
    points = _frame({"step": np.arange(len(found.equity)), "equity": found.equity, "maintenance": found.maintenance})
    events = found.frame().rename(columns={"time": "step"})
    used = [p for p in PARTIES if (events[p] != 0).any()]
    unit = {"currency": found.currency}
    return [
        Section("Along the path", points.assign(**unit), draw=lines("step", ("equity", "maintenance"), "0")),
        Section(
            "What happened, and who gained what",
            events[["step", "kind", "what", *used, "equity", "maintenance"]].assign(**unit),
            "\n".join(["The parties of a row add up to nothing.", found.ladder.cite, found.ladder.doubt]),
            sums=tuple(used),
        ),
    ]


def _surface(found: Surface) -> list[Section]:
    sections = []
    what = found.target or "all underlyings"
    for r, room in enumerate(np.moveaxis(found.headroom, 2, 0)):
        who = " · ".join(filter(None, map(str, (found.account[r], found.pool[r]))))
        columns = {f"volatility {move_words(float(v) - 1.0)}": room[:, n] for n, v in enumerate(found.vol)}
        table = _frame({"move": found.price - 1.0, **columns, "currency": str(found.currency[r])})
        sections.append(Section(f"{who}: headroom as {what} move", table, shade=tuple(columns)))
    return sections


def stressed(found: Stress) -> list[Section]:
    """The scenario that leaves each account least, and every scenario."""
    columns = ["scenario", "account", "pool", "currency", *STRESSED, "state after", "severity"]
    made = {"headroom": ("equity after", "maintenance after")}
    return [
        Section("The worst for each account", found.worst()[[*columns, "remark"]], differences=made),
        Section("Every scenario", found.frame()[columns], found.words, differences=made),
    ]


def _contagion(found: Contagion) -> list[Section]:
    return [
        Section("Round by round", _used(found.rounds())),
        Section("Prices", found.prices()),
        Section("Accounts", _used(found.frame()), "Broke: the round; 0 before the shock, 1 by the shock, -1 never."),
    ]


def _across(found: Across) -> list[Section]:
    return [Section("", found.frame().drop(columns=["worst"], errors="ignore"))]


def _dynamic(found: Dynamic) -> list[Section]:
    days = found.multipliers()
    words = f"The last {LAST_DAYS} of {len(days):,} rows." if len(days) > LAST_DAYS else ""
    return [Section("Initial margin", found.frame()), Section("Multipliers", days.tail(LAST_DAYS), words)]


def _used(rows: Any) -> Any:
    """The columns of amounts in which some is not zero, and all others."""
    return rows.drop(columns=[c for c in rows if rows[c].dtype.kind == "f" and not rows[c].fillna(0.0).ne(0.0).any()])


KINDS: dict[type, Callable[[Any], list[Section]]] = {
    Path: _path,
    Simulation: _simulation,
    Surface: _surface,
    Stress: stressed,
    Contagion: _contagion,
    Across: _across,
    Dynamic: _dynamic,
}
