"""Tabs of what may come: named stresses and the user's own, and margin that follows the volatility regime."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xlmargin.decide.dynamic import Dynamic as Found
from xlmargin.decide.dynamic.dynamic import day, dynamic
from xlmargin.decide.dynamic.regime import TOOLS
from xlmargin.decide.stress import Stress as Stressed
from xlmargin.decide.stress import named_stresses, stress
from xlmargin.errors import InputError
from xlmargin.history import TABLE as HISTORY
from xlmargin.ledger import Note

from . import views, views_decide
from .inputs import Answer, Asking
from .tabs import QUIET
from .tabs_decide import DECIDE, WHO
from .turns import Aside, Block
from .verdict import Verdict

if TYPE_CHECKING:
    from .state import PanelState

OWN = "scenarios"
SHOWN = ["scenario", "equity after", "equity change", "initial after", "maintenance after", "headroom", "state after"]
MOST_DAYS, LAST_DAYS = 250, 10


class Stress(Asking):
    """What the account becomes in named stresses and in the user's own, and what each part of one adds."""

    id, title, group = "stress", "Stress", DECIDE
    rank = 64

    def head(self, panel: PanelState, verdict: Verdict) -> list[Block]:
        listed = [(s.name, s.name) for s in named_stresses()]
        hint = "A row a target and scenario; moves are fractions: -0.3 or -30 %; no target: whatever is not named."
        return [
            views.choices("names", "Named scenarios", listed, self.names(), many=True),
            views.grid(OWN, "Own scenarios", hint),
        ]

    def names(self) -> list[str]:
        """The named scenarios that are picked: all at first."""
        return list(self.chosen.get("names", [s.name for s in named_stresses()]))

    def answer(self, panel: PanelState, verdict: Verdict) -> Answer:
        sheet = panel.desk.sheets[OWN]
        given: list[Any] = [*self.names(), *([sheet.columns] if len(sheet) else [])]
        if not given:
            return [views.text("Pick a scenario, or type one of your own.")]
        yield QUIET
        where = {"account": verdict.account, "pool": verdict.pool}
        found: Stressed = yield Aside(partial(stress, verdict.margin, given, **where))
        parts = yield Aside(lambda: found.parts().frame())
        if len(sheet):
            self.keep(panel, {"Own stress": found})
        table = found.frame()
        unit = verdict.currency
        worst = str(found.worst()["scenario"].iloc[0])
        name = self.picked("explain", [worst, *found.scenario])
        told = [(s, f"{s} (worst)" if s == worst else s) for s in found.scenario]
        blocks = [views.table_of(table[[*SHOWN, *_used(table)]], f"What the account becomes, {unit}", unit)]
        if len(verdict.margin.account) > 1:
            every = yield Aside(partial(stress, verdict.margin, given))
            blocks.append(views.text(f"All accounts\n{every.words}"))
        own = parts[parts["scenario"] == name].drop(columns=["scenario", *WHO])
        blocks.append(views.choices("explain", "What each part adds in", told, [name], many=False))
        blocks += [views.text(_story(name)), views.table_of(own, f"Parts of {name}, {unit}: they add up", unit)]
        others = tuple(f"{s}:" for s in found.scenario if s != name)
        return [*blocks, noted(n for n in found.notes if not n.text.startswith(others))]


def _used(table: Any) -> list[str]:
    """Further columns that hold something."""
    columns = [c for c in ("lost", "frozen") if table[c].ne(0.0).any()]
    return [*columns, *(["remark"] if table["remark"].ne("").any() else [])]


def _story(name: str) -> str:
    """What a named scenario was, with its sources."""
    found = next((s for s in named_stresses() if name == s.name or name.startswith(f"{s.name}, ")), None)
    return "A scenario of your own." if found is None else f"{found.title}. {found.words} Sources: {found.source}"


def noted(notes: Iterable[Note]) -> Block:
    """What a result rests on, each note once."""
    items = {n.text: {"text": n.text, "source": n.cite} for n in notes}
    return {"kind": "notes", "items": list(items.values()), "empty": "Nothing further is assumed."}


class Dynamic(Asking):
    """Tomorrow's requirement as volatility moves the rulebook's parameters, and how procyclical that is."""

    id, title, group = "dynamic", "Dynamic", DECIDE
    rank = 74
    numbers = (
        ("vol", "Volatility now, %", "", "a year, of every underlying; empty: measured from the table history"),
        ("long", "Long-run volatility, %", "", "what it is measured against"),
        ("floor", "Floor, times", "", "least multiplier; empty: none"),
        ("cap", "Cap, times", "", "largest multiplier; empty: none"),
        ("speed", "Most change a day, %", "", "of the multiplier; empty: any"),
        ("buffer", "Buffer, %", "", "on top in quiet times, used up as volatility rises"),
        ("days", "Days ahead", "1", "volatility held meanwhile"),
    )

    def picks(self, panel: PanelState, verdict: Verdict) -> list[Block]:
        return [self.pick("tool", "Tool", TOOLS, hint="one of EU 153/2013, Article 28")]

    def answer(self, panel: PanelState, verdict: Verdict) -> Answer:
        how = self.bounds(verdict)
        if "vol" not in how and HISTORY not in verdict.margin.run.market.tables:
            words = "Give volatility now and in the long run, or open a book with a table history of prices by day."
            return [views.text(words)]
        yield QUIET
        where = {"account": verdict.account, "pool": verdict.pool}
        found: Found = yield Aside(partial(dynamic, verdict.margin, **how, **where))
        self.keep(panel, {self.title: found})
        unit = verdict.currency
        table = found.frame().drop(columns=WHO).rename(columns={"change, fraction": "percent"})
        blocks = [
            views.table_of(table.drop(columns=["currency"]), f"Initial margin as volatility has it, {unit}", unit)
        ]
        count = min(len(found.regime.dates), MOST_DAYS)
        if count > 1:
            dates, tables = yield Aside(lambda: found.courses(count))
            blocks.append(courses(dates, tables, unit))
            measures = yield Aside(lambda: found.procyclicality(count))
            blocks.append(views.table_of(measures.drop(columns=WHO), "How procyclical each course is", unit))
        days = found.multipliers().tail(LAST_DAYS * len(found.regime.names))
        columns = {name: days[name].map("{:.4g}".format) for name in ("volatility", "reference", "ratio", "multiplier")}
        blocks.append(views.table_of(days.assign(**columns), "Multipliers of the last days, and what bound them"))
        return [*blocks, noted(found.notes)]

    def bounds(self, verdict: Verdict) -> dict[str, Any]:
        """The fields as arguments."""
        names = list(dict.fromkeys(map(str, verdict.margin.run.market.underlying)))
        given = {name: self.number(name, 0.0) for name in ("floor", "cap", "speed", "buffer")}
        how: dict[str, Any] = {name: value for name, value in given.items() if not np.isnan(value)}
        how["tool"], how["days"] = self.picked("tool", TOOLS), self.number("days", 1.0, empty=1.0)
        vol, long = self.number("vol", 0.0), self.number("long", 0.0)
        if np.isnan(vol) and not np.isnan(long):
            raise InputError("Long-run volatility is what volatility now is measured against: give both or neither")
        if not np.isnan(vol):
            how["vol"] = dict.fromkeys(names, vol)
        if not np.isnan(long):
            how["reference"] = long
        return how


def courses(dates: np.ndarray, tables: dict[str, np.ndarray], unit: str) -> Block:
    """Requirements of one account by day: as published, by volatility alone, within the bounds."""
    styles = {"published": "initial", "by ratio alone": "pnl", "dynamic": "equity"}
    series = [(styles[name], name, values[:, 0]) for name, values in tables.items()]
    caption = f"Initial margin of today's book at each day's volatility, {unit}"
    return views_decide.chart(caption, unit, [day(d) for d in dates], series)
