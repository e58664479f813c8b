"""Tabs of the verbs that decide: where it would be liquidated, what it is exposed to, what moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlmargin.decide.exposure import exposure
from xlmargin.decide.liquidation import liquidation
from xlmargin.decide.sensitivity import sensitivity

from . import views
from .tabs import QUIET, Tab
from .turns import SOON, Steps
from .verdict import Verdict

if TYPE_CHECKING:
    from .state import PanelState

WHO = ["account", "pool"]


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
