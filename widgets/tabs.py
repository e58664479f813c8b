"""The tabs of the panel. A new one is one small class: an id, a title, and the blocks that it shows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from xlmargin import frames
from xlmargin.comparison import compare
from xlmargin.errors import InputError, XlmarginError
from xlmargin.ledger import Margin
from xlmargin.registry import models
from xlmargin.shocks import MOVES, Profile, profile

from . import views
from .turns import SOON, Block, Steps
from .verdict import Verdict

if TYPE_CHECKING:
    from .state import PanelState

QUIET = 0.3
FIGURES = ["model", "equity", "initial", "maintenance", "available", "benefit", "pool"]


class Tab:
    """What stands under one heading of the panel; ``group`` says in which row of headings, ``rank`` orders them.

    ``steps`` yields the blocks once they are made. A slow tab yields SOON before and in between, so that the figures
    come first and the kernel can answer others, or QUIET before heavy work: it is begun only when nothing newer has
    been asked for a while. ``choose`` takes what the user picked in one of its blocks, ``press`` that a button was.
    """

    id: ClassVar[str] = ""
    title: ClassVar[str] = ""
    group: ClassVar[str] = "Margin"
    rank: ClassVar[float] = 1000.0
    all: ClassVar[list[type[Tab]]] = []

    def __init_subclass__(cls) -> None:
        if cls.id:
            Tab.all.append(cls)

    def __init__(self) -> None:
        self.chosen: dict[str, Any] = {}
        self.kept: tuple[Any, dict[str, Any]] = ((), {})

    def keep(self, panel: PanelState, results: Mapping[str, Any]) -> None:
        """Remember results by name for the panel's report, as long as nothing that they rest on has changed.

        None forgets what stood under that name.
        """
        basis = panel.basis()
        found = self.kept[1] if self.kept[0] == basis else {}
        self.kept = (basis, {name: result for name, result in (found | dict(results)).items() if result is not None})

    def steps(self, panel: PanelState, verdict: Verdict) -> Steps:
        """The blocks for the row looked at."""
        raise NotImplementedError

    def choose(self, id: str, value: Any) -> None:
        """Remember what was picked in the block of that id."""
        self.chosen[id] = value

    def press(self, panel: PanelState, id: str) -> str:
        """Do what the button of that id stands for; returns what to tell the user."""
        raise InputError(f"{self.title} has no button {id!r}")


def all_tabs() -> list[type[Tab]]:
    """Every tab there is, in the order of their ranks."""
    from . import tabs_collateral, tabs_decide, tabs_hedges, tabs_liquidation, tabs_stress, tabs_venues  # noqa: F401

    return sorted(Tab.all, key=lambda tab: tab.rank)


class Scenarios(Tab):
    """The scenario grid with its worst cell; a cell opens its positions."""

    id, title = "scenarios", "Scenarios"
    rank = 10

    def steps(self, panel: PanelState, verdict: Verdict) -> Steps:
        yield self.blocks(verdict)

    def blocks(self, verdict: Verdict) -> list[Block]:
        """The heat map, and below it the positions of a cell."""
        column = self.column(verdict.detail)
        blocks = [views.heatmap(verdict.detail, verdict.currency, column)]
        if column is not None and verdict.detail.grid.cells is not None:
            blocks.append(views.breakdown(verdict.detail, verdict.currency, column))
        return blocks

    def column(self, detail: Margin) -> int | None:
        """The scenario picked, else the worst; None where there is no grid or none binds."""
        if detail.grid is None:
            return None
        picked = self.chosen.get("scenario")
        if picked is not None and 0 <= picked < detail.grid.pnl.shape[1]:
            return int(picked)
        return int(detail.grid.worst[0]) if detail.grid.worst[0] >= 0 else None


class Price(Tab):
    """Equity, margin and P&L against the price: the rule itself at every point, a few at a time."""

    id, title = "price", "Price"
    rank = 20

    def steps(self, panel: PanelState, verdict: Verdict) -> Steps:
        names = list(dict.fromkeys(map(str, verdict.detail.run.market.underlying)))
        if not names:
            yield [views.text("No position follows a price.")]
            return
        picked = self.chosen.get("underlying", names[0])
        name = picked if picked in names or picked == "" else names[0]
        yield SOON
        parts = []
        for moves in np.array_split(MOVES, 4):
            where = {"account": verdict.account, "pool": verdict.pool}
            parts.append(profile(verdict.margin, name or None, moves, **where))
            yield SOON
        options = [(n, n) for n in names] + ([("", "all together")] if len(names) > 1 else [])
        yield [
            views.choices("underlying", "Underlying", options, [name], many=False),
            views.profile(reduce(Profile.joined, parts), 0, verdict.currency),
        ]


class Ledger(Tab):
    """Every line down to positions, with formula and source."""

    id, title = "ledger", "Ledger"
    rank = 30

    def steps(self, panel: PanelState, verdict: Verdict) -> Steps:
        yield [views.ledger(verdict, self.chosen.get("open", ()))]


class Contributions(Tab):
    """What each position adds to equity and to both requirements."""

    id, title = "contributions", "Contributions"
    rank = 40

    def steps(self, panel: PanelState, verdict: Verdict) -> Steps:
        data = frames.positions(verdict.detail).drop(columns=["account", "pool"])
        yield [views.table_of(data, f"What each position adds, {verdict.currency}", verdict.currency, most=1000)]


class Compare(Tab):
    """The same book under several models."""

    id, title = "compare", "Compare"
    rank = 80

    def steps(self, panel: PanelState, verdict: Verdict) -> Steps:
        listed = [(id, id) for id in models()]
        picked = self.chosen.get("models") or [id for id, _ in listed]
        head = views.choices("models", "Models", listed, picked, many=True)
        yield SOON
        rows = []
        for id in picked:
            rows.append(_compared(panel, id, verdict.account))
            yield SOON
        table = pd.concat(rows, ignore_index=True)
        taken = table["equity"].notna()
        blocks = [head, views.table_of(table.loc[taken, FIGURES], f"Account {verdict.account} under each model, USD")]
        if not taken.all():
            why = table.loc[~taken, ["model", "remark"]].assign(remark=table["remark"].str.split("\n").str[0])
            blocks.append(views.table_of(why, "Models that cannot take this book, and the first reason"))
        yield blocks


def _compared(panel: PanelState, id: str, account: str) -> pd.DataFrame:
    """A row of the comparison, or why there is none."""
    book = panel.book.take(np.flatnonzero(panel.book.account == account))
    try:
        return pd.DataFrame(compare(book, panel.shocked, [id]))
    except XlmarginError as error:
        return pd.DataFrame([{"model": id, "equity": np.nan, "remark": str(error)}])


class Notices(Tab):
    """Doubts and assumptions behind the figures, and where they come from."""

    id, title = "notices", "Notices"
    rank = 90

    def steps(self, panel: PanelState, verdict: Verdict) -> Steps:
        stamp = {k: v for k, v in verdict.margin.stamp.items() if v not in ("", {}, None)}
        words = "; ".join(f"{name}: {value}" for name, value in stamp.items())
        yield [views.notes(verdict.margin, verdict.row), views.text(words)]
