"""The tab of several venues: margins by venue, one credit line, contagion, and where positions should stand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xlmargin.decide.across import across
from xlmargin.decide.contagion.contagion import OWNERS, contagion
from xlmargin.decide.credit.credit import EQUITY, NONE, credit
from xlmargin.decide.owners import owners_of
from xlmargin.decide.placement import place
from xlmargin.decide.stress import named_stresses
from xlmargin.registry import models

from . import views
from .inputs import LEVELS, Answer, Asking, fields
from .tabs import QUIET
from .tabs_decide import DECIDE
from .tabs_stress import noted
from .turns import Aside, Block
from .verdict import Verdict

if TYPE_CHECKING:
    from .state import PanelState

MARGINS, CREDIT, CONTAGION, PLACEMENT = VIEWS = ("Margins", "Credit line", "Contagion", "Placement")
MOVE, NOTHING, COUNTED = "a move of all prices", "nothing netted", (EQUITY, NONE)
NUMBERS = {
    CONTAGION: ("move",),
    PLACEMENT: ("lots", "fees"),
}
HINT = "Which rulebook an account stands under is its venue in the table Accounts; without one it is the panel's."


class Venues(Asking):
    """Accounts at several venues, each under its own rulebook: one line, one shock, one owner's positions."""

    id, title, group = "venues", "Venues", DECIDE
    rank = 76
    numbers = (
        ("move", "Move, %", "-30", "of every price at once"),
        ("lots", "Parts", "1", "into which a position may be split"),
        ("fees", "Fees, %", "0", "of the notional moved, at either end"),
    )

    def view(self) -> str:
        """Which of the four is looked at."""
        return self.picked("view", VIEWS)

    def head(self, panel: PanelState, verdict: Verdict) -> list[Block]:
        shown = self.view()
        typed = [one for one in self.typed() if one["id"] in NUMBERS.get(shown, ())]
        if shown == CONTAGION and self.picked("shock", self.shocks()) != MOVE:
            typed = []
        picks = [self.pick("view", "Show", VIEWS), *self.choices(panel, shown)]
        grids = {
            CREDIT: [
                views.grid("lines", "Lines and limits", "A line of each owner; with venue or underlying a limit.")
            ],
            CONTAGION: [
                views.grid("depth", "Depth", "USD that move a price by 1 %; without a row forced sales move nothing."),
                views.grid("funds", "Insurance funds", "What each venue's fund holds."),
            ],
        }
        return [fields([*picks, *typed]), *grids.get(shown, [])]

    def choices(self, panel: PanelState, shown: str) -> list[Block]:
        """Drop-downs of one view."""
        if shown == CREDIT:
            portfolio = self.pick("portfolio", "Net under", [NOTHING, *models()])
            return [portfolio, self.pick("counted", "Collateral counted", COUNTED)]
        if shown == CONTAGION:
            shock = self.pick("shock", "Shock", self.shocks())
            return [shock, self.pick("owners", "Accounts of an owner", OWNERS)]
        if shown == MARGINS:
            return []
        names = owners(panel)
        level = self.pick("level", "Least", LEVELS, "{} margin")
        return [level, *([self.pick("owner", "Owner", names)] if len(names) > 1 else [])]

    def shocks(self) -> list[str]:
        """A move of all prices, and every named stress."""
        return [MOVE, *(s.name for s in named_stresses())]

    def answer(self, panel: PanelState, verdict: Verdict) -> Answer:
        told = {"params": {panel.model: panel.params}, "options": {panel.model: dict(panel.options)}}
        given = (panel.book, panel.shocked, rulebooks(panel))
        work, blocks = self.work(panel, verdict)
        yield QUIET
        found = yield Aside(partial(work, *given, **told))
        self.keep(panel, {self.view(): found})
        return blocks(found)

    def work(self, panel: PanelState, verdict: Verdict) -> tuple[Callable[..., Any], Callable[[Any], list[Block]]]:
        """What to compute for the view looked at, and how to show it."""
        shown = self.view()
        if shown == CREDIT:
            picked = self.picked("portfolio", [NOTHING, *models()])
            how = {"portfolio": None if picked == NOTHING else picked, "lines": table(panel, "lines")}
            return partial(credit, collateral=self.picked("counted", COUNTED), **how), credited
        if shown == CONTAGION:
            picked, move = self.picked("shock", self.shocks()), self.number("move", -99.9, 1000.0, empty=None)
            names = dict.fromkeys(map(str, panel.shocked.underlying), move)
            how = {"shock": {"price": names} if picked == MOVE else picked, "depth": table(panel, "depth")}
            how |= {"funds": table(panel, "funds"), "owners": self.picked("owners", OWNERS)}
            return partial(contagion, **how), spread
        if shown == PLACEMENT:
            level, lots = self.picked("level", LEVELS), int(self.number("lots", 1.0, 100.0, empty=1.0))
            fees = self.number("fees", 0.0, 100.0, empty=0.0)
            owner = self.picked("owner", owners(panel)) or None
            return partial(place, owner=owner, level=level, lots=lots, fees=fees), placed
        return across, margins


def rulebooks(panel: PanelState) -> dict[str, str]:
    """The model of each venue named: a model's own id, else the panel's where it is of that venue or none is named."""
    told = panel.book.settings.get("venue", np.full(len(panel.book), "", object))
    names = dict.fromkeys(str(v or "").strip() for v in told)
    own = {id.casefold(): id for id in models()}
    stems: dict[str, list[str]] = {}
    for id in models():
        stems.setdefault(id.partition(".")[0], []).append(id)
    found = {}
    for name in names:
        of = stems.get(name.casefold(), [])
        if name.casefold() in own:
            found[name] = own[name.casefold()]
        elif not name or panel.model in of:
            found[name] = panel.model
        elif len(of) == 1:
            found[name] = of[0]
    return found or {"": panel.model}


def owners(panel: PanelState) -> list[str]:
    """Owners that the accounts table names; none where it has no such column."""
    return [str(name) for name in owners_of(panel.book)[0]] if "owner" in panel.book.settings else []


def table(panel: PanelState, name: str) -> Any:
    """A sheet beside the book as a table; None where it is empty."""
    sheet = panel.desk.sheets[name]
    return sheet.columns if len(sheet) else None


def margins(found: Any) -> list[Block]:
    """Every account under its venue's rulebook."""
    rows = _filled(found.frame().drop(columns=["worst"], errors="ignore"))
    return [views.text(HINT), views.table_of(rows, found.words[:1].upper() + found.words[1:])]


def credited(found: Any) -> list[Block]:
    """One credit line over all venues."""
    money = found.currency
    by_venue = found.venues().drop(columns=["currency"]).rename(columns={"short": "shortfall"})
    blocks = [
        views.text(found.words),
        views.table_of(_filled(found.frame().drop(columns=["currency"])), f"Owners, {money}", money),
        views.table_of(by_venue, f"What each venue requires, {money}", money),
        views.table_of(
            found.limits().drop(columns=["currency"]), f"Lines and limits, the gravest first, {money}", money
        ),
    ]
    return [*blocks, noted(found.notes)]


def spread(found: Any) -> list[Block]:
    """How far a shock runs."""
    rounds = found.rounds()
    whole = ("round", "broke", "liquidated")
    rounds = rounds.assign(**{c: rounds[c].astype(str) for c in whole if c in rounds})
    broke = found.frame().iloc[np.argsort(-found.broke, kind="stable")]
    return [
        views.text(found.words),
        views.table_of(_used(rounds), "Round by round, USD"),
        views.table_of(
            found.prices().rename(columns={"amplification": "times"}), "Prices: the shock, and where they end"
        ),
        views.table_of(_used(broke), "Accounts: worth before and after, and what lay between, USD", most=200),
        noted(found.notes),
    ]


def _used(rows: Any) -> Any:
    """The columns in which some number is not zero."""
    empty = [c for c in rows if rows[c].dtype.kind == "f" and not rows[c].fillna(0.0).ne(0.0).any()]
    return rows.drop(columns=empty)


def _filled(rows: Any) -> Any:
    """The columns of words in which some row says something, and all others."""
    return rows.drop(columns=[c for c in rows if rows[c].dtype.kind not in "fib" and not rows[c].ne("").any()])


def placed(found: Any) -> list[Block]:
    """Where positions should stand."""
    money = found.currency
    refused = found.refusals()
    blocks = [
        views.text(f"{found.words}."),
        views.table_of(found.frame(), "Where each position should stand", money),
        views.table_of(found.venues().drop(columns=["currency"]), f"What every account requires, {money}", money),
        views.table_of(
            found.gains().drop(columns=["currency"]), f"Other arrangements of the same positions, {money}", money
        ),
    ]
    if len(refused):
        blocks.append(views.table_of(refused, "What cannot stand where, and why"))
    return [*blocks, noted(found.notes)]
