"""The tab of collateral: which balances to post at least cost against what the account must cover."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xlmargin.decide.collateral import Pledges, allocate, pledges
from xlmargin.errors import InputError, Problem, nearest

from . import views
from .inputs import LEVELS, Answer, Asking
from .sheet import FIRST_ROW, Sheet
from .tabs import QUIET
from .tabs_decide import DECIDE
from .turns import Aside, Block
from .verdict import Verdict

if TYPE_CHECKING:
    from .state import PanelState

OWN = ("cost", "haircut", "lot")


class Collateral(Asking):
    """Which balances to post where posting costs least: haircuts of the rule, costs of the user's own."""

    id, title, group = "collateral", "Collateral", DECIDE
    rank = 72
    numbers = (("buffer", "Buffer, %", "0", "on top of the requirement"),)

    def picks(self, panel: PanelState, verdict: Verdict) -> list[Block]:
        return [self.pick("level", "Cover", LEVELS, "{} margin")]

    def head(self, panel: PanelState, verdict: Verdict) -> list[Block]:
        hint = "What posting an asset costs you a year; without a row it costs nothing."
        return [*super().head(panel, verdict), views.grid("costs", "Costs", hint)]

    def answer(self, panel: PanelState, verdict: Verdict) -> Answer:
        level = self.picked("level", LEVELS)
        buffer = self.number("buffer", 0.0, 1000.0, empty=0.0)
        where = {"account": verdict.account, "pool": verdict.pool}
        yield QUIET
        held: Pledges = yield Aside(lambda: pledges(verdict.margin, level, **where))
        if not len(held.asset):
            return [views.text("This pool has no balance to post.")]
        assets = held.assets()
        for name, values in typed(panel.desk.sheets["costs"], list(map(str, held.asset))).items():
            assets[name] = values if name == "lot" else values.fillna(assets.get(name, 0.0))
        needs = held.requirements()
        needs["required"] *= 1.0 + buffer
        found = yield Aside(partial(allocate, assets, needs))
        self.keep(panel, {self.title: found})
        units = dict(zip(found.pairs["asset"], found.pairs["quantity"], strict=True))
        return told(held, assets, needs, found, held.posted(units), verdict.currency)


def typed(sheet: Sheet, assets: list[str]) -> dict[str, Any]:
    """Cost, haircut and lot by asset as typed, NaN where not; refused for what is not held and what is no number."""
    import pandas as pd

    values = {name: pd.Series(np.nan, index=range(len(assets))) for name in OWN}
    problems = []
    for place, row in enumerate(sheet.rows.values(), FIRST_ROW):
        asset = str(row.get("asset", ""))
        if row and asset not in assets:
            text = f"the pool holds no {asset}{nearest(asset, assets)}; it holds {', '.join(assets)}"
            problems.append(Problem(sheet.name, place, "asset", asset, text))
            continue
        for name in OWN:
            value = row.get(name)
            if isinstance(value, float):
                values[name][assets.index(asset)] = value
            elif value is not None:
                problems.append(Problem(sheet.name, place, name, value, f"not a number: {value!r}"))
    if problems:
        raise InputError(problems)
    return values


def told(held: Pledges, assets: Any, needs: Any, found: Any, after: Any, unit: str) -> list[Block]:
    """What to post, what stays free, and the pool run again with that alone."""
    pairs = found.frame().set_index("asset")
    table = assets[["asset", "quantity", "price", "haircut", "cost"]]
    table = table.rename(columns={"quantity": "held", "cost": "cost a year"})
    for name, head in (("quantity", "posted"), ("counted", "counts for"), ("cost", "cost in all")):
        table[head] = pairs[name].reindex(table["asset"]).fillna(0.0).array
    again = {"equity": after.equity, f"{held.level} margin": getattr(after, held.level)}
    figures = ", ".join(f"{name} {views.amount(float(line.value[0]), unit)}" for name, line in again.items())
    proof = "proved least" if found.exact else f"nothing goes below {views.amount(found.bound, unit)}"
    said = [
        f"Balances must cover {views.amount(float(needs['required'].iloc[0]), unit)} {unit}.",
        f"Posting costs {views.amount(found.cost, unit)} {unit} a year ({proof}).",
        "" if assets["cost"].any() else "No cost is typed: any posting that covers it is as good.",
        f"The pool run again with these alone: {figures} {unit}.",
    ]
    caption = f"What to post, in units; worth and cost in {unit}"
    return [views.text(" ".join(filter(None, said))), views.table_of(table, caption, unit)]
