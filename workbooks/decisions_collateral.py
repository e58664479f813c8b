"""The formula of collateral: what to post where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlmargin.decide.collateral import allocate
from xlmargin.parsing import read_number

from . import cells
from .cache import digest
from .given_tables import choice, chosen, columns, given, summary, told_in
from .ranges import KEPT
from .registry import function

POSTED = {name: name for name in ("pairs", "requirements", "assets", "summary")}
POSTING = {"move_cost": read_number, "seconds": read_number}


@function(
    "collateral* requirements* pairs tiers groups settings output",
    settings="move_cost (of a unit of value moved from what is held), seconds (longest search), as text or two columns",
    output="requirements, assets or summary (cost, bound, words); left out: what is posted where",
)
def XM_COLLATERAL(
    collateral: Any, requirements: Any, pairs: Any, tiers: Any, groups: Any, settings: Mapping[str, Any], output: str
) -> Any:
    """Which assets to post against which requirement at least cost, under haircuts, limits, lots and minima."""
    which, how = choice(output, POSTED), chosen(settings, POSTING)
    assets = given("assets", collateral, "asset and quantity", called="collateral")
    demand = given("requirements", requirements, "requirement and required")
    rest = {n: given(n, t) for n, t in (("pairs", pairs), ("tiers", tiers), ("groups", groups))}
    key = ("collateral", digest([collateral, requirements, pairs, tiers, groups]), str(how))
    plain = {name: columns(table) for name, table in rest.items()}
    with told_in(None, assets, demand, *rest.values()):
        found = KEPT.get(key, lambda: allocate(columns(assets), columns(demand), **plain, **how))
    if which == "summary":
        notes = "; ".join(note.text for note in found.notes)
        return cells.table(
            summary(cost=found.cost, bound=found.bound, exact=found.exact, words=found.words, notes=notes)
        )
    return cells.table(getattr(found, which))
