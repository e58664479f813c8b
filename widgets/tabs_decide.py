"""Tabs of the verbs that decide: what trades would do, how far it is from trouble, what it is exposed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlmargin.decide.exposure import exposure
from xlmargin.decide.health import health
from xlmargin.decide.sensitivity import sensitivity
from xlmargin.decide.what_if import what_if
from xlmargin.errors import InputError

from . import views
from .tabs import QUIET, Tab
from .turns import SOON, Aside, Block, Steps
from .verdict import Verdict

if TYPE_CHECKING:
    from .state import PanelState

WHO = ["account", "pool"]
DECIDE = "Decide"


class Trades(Tab):
    """Baskets of trades on top of the book: before, after, what moved, and what they would need alone."""

    id, title, group = "what-if", "What-if", DECIDE
    rank = 50

    def steps(self, panel: PanelState, verdict: Verdict) -> Steps:
        hint = "On top of the book; without a price at the mark, premiums paid. A basket is a what-if of its own."
        blocks = [views.grid("trades", "Trades", hint)]
        if len(panel.desk.sheets["trades"]):
            blocks += self.effect(panel, verdict)
        yield blocks

    def effect(self, panel: PanelState, verdict: Verdict) -> list[Block]:
        """A table for each basket, or what is wrong with the trades."""
        trades = panel.desk.trades(verdict.account)
        try:
            found = what_if(panel.book, panel.shocked, panel.model, trades, params=panel.params, options=panel.options)
        except InputError as error:
            panel.errors = panel.errors | panel.desk.errors(error.problems)
            return [views.text(str(error))]
        self.keep(panel, {self.title: found})
        return [
            *(views.what_if(found, n) for n in range(len(found.account))),
            *(views.text(f"{account}, {basket}: {reason}") for account, basket, reason in found.refused),
        ]


class Health(Tab):
    """How far the account is from trouble: alerts, the nearest moves, the prices at which maintenance is met."""

    id, title, group = "health", "Health", DECIDE
    rank = 60

    def steps(self, panel: PanelState, verdict: Verdict) -> Steps:
        yield QUIET
        found = yield Aside(lambda: health(verdict.margin, account=verdict.account, pool=verdict.pool))
        unit = verdict.currency
        state = found.frame()[["state", "cover", "nearest", "weighs most"]]
        yield [
            views.table_of(state, "State by the venue's thresholds, and what is nearest to breaking it", unit),
            views.table_of(found.alerts()[["severity", "what", "message"]], "Alerts"),
            *(
                views.table_of(table.frame().drop(columns=WHO), f"Where equity meets maintenance: {word}", unit)
                for word, table in (("price", found.price), ("volatility", found.vol), ("collateral", found.collateral))
                if len(table.account)
            ),
        ]


class Exposure(Tab):
    """Exposure and greeks by underlying and expiry, and what each factor moves."""

    id, title, group = "exposure", "Exposure", DECIDE
    rank = 70

    def steps(self, panel: PanelState, verdict: Verdict) -> Steps:
        where = {"account": verdict.account, "pool": verdict.pool}
        yield SOON
        held = exposure(verdict.margin, **where)
        yield QUIET
        slopes = (yield Aside(lambda: sensitivity(verdict.margin, **where))).frame()
        columns = ["factor", "name", *(c for c in slopes.columns if c.endswith((" up", " down")))]
        moved = "What a factor moves: 1 %, 1 volatility point, 1 bp, 1 day"
        yield [
            views.table_of(held.frame().drop(columns=WHO), "Exposure by underlying: coins, USD, greeks in USD"),
            views.table_of(held.by_expiry().drop(columns=WHO), "By expiry"),
            views.table_of(slopes[columns], moved, verdict.currency),
        ]
