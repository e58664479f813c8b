"""Tabs of the verbs that decide: where it would be liquidated, what it is exposed to, what moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlmargin.decide.exposure import exposure
from xlmargin.decide.liquidation import liquidation
from xlmargin.decide.sensitivity import sensitivity
from xlmargin.decide.what_if import what_if
from xlmargin.errors import InputError

from . import views
from .tabs import QUIET, Tab
from .turns import SOON, Block, Steps
from .verdict import Verdict

if TYPE_CHECKING:
    from .state import PanelState

WHO = ["account", "pool"]


class Trades(Tab):
    """Baskets of trades on top of the book: before, after, what moved, and what they would need alone."""

    id, title = "what-if", "What-if"
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
        return [
            *(views.what_if(found, n) for n in range(len(found.account))),
            *(views.text(f"{account}, {basket}: {reason}") for account, basket, reason in found.refused),
        ]


class Liquidation(Tab):
    """The prices at which equity meets maintenance margin, both revalued by the rule at every step."""

    id, title = "liquidation", "Liquidation"
    rank = 60

    def steps(self, panel: PanelState, verdict: Verdict) -> Steps:
        yield QUIET
        found = liquidation(verdict.margin, roots="nearest", account=verdict.account, pool=verdict.pool)
        table = found.frame().drop(columns=WHO)
        yield [views.table_of(table, "Prices at which equity meets maintenance margin", verdict.currency)]


class Exposure(Tab):
    """Exposure and greeks by underlying, and what each factor moves."""

    id, title = "exposure", "Exposure"
    rank = 70

    def steps(self, panel: PanelState, verdict: Verdict) -> Steps:
        where = {"account": verdict.account, "pool": verdict.pool}
        yield SOON
        held = exposure(verdict.margin, **where)
        yield QUIET
        slopes = sensitivity(verdict.margin, **where).frame()
        columns = ["factor", "name", *(c for c in slopes.columns if c.endswith((" up", " down")))]
        yield [
            views.table_of(held.frame().drop(columns=WHO), "Exposure by underlying: coins, USD, greeks in USD"),
            views.table_of(held.by_expiry().drop(columns=WHO), "By expiry"),
            views.table_of(
                slopes[columns], "What a factor moves: 1 %, 1 volatility point, 1 bp, 1 day", verdict.currency
            ),
        ]
