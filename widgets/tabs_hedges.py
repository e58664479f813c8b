"""Tabs of trades still to be done: which lower margin most for their cost, and in which order to do them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from xlmargin.decide.hedges import Hedges as Found
from xlmargin.decide.hedges import hedges
from xlmargin.decide.path import path
from xlmargin.errors import InputError

from . import views, views_decide
from .desk import TRADES
from .inputs import LEVELS, Answer, Asking, button, fields
from .tabs import QUIET
from .tabs_decide import DECIDE
from .turns import Aside, Block
from .verdict import Verdict

if TYPE_CHECKING:
    from .state import PanelState

SECONDS, MOST_RANKED = 2.0, 20
BASKET = "hedge"


class Hedges(Asking):
    """Which trades among candidates lower margin most for what they cost, and how far from the best they can be."""

    id, title, group = "hedges", "Hedges", DECIDE
    rank = 54
    numbers = (
        ("fee", "Cost, %", "0.05", "of the worth of what is traded, where the table below names no cost"),
        ("budget", "Budget", "", "most to pay in all, in the pool's currency; empty: no limit"),
        ("most", "Most trades", "3", "number of instruments; 0: any number"),
        ("delta", "Delta kept within ±", "", "coins of every underlying after the trades; empty: no limit"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.found: Found | None = None

    def picks(self, panel: PanelState, verdict: Verdict) -> list[Block]:
        return [self.pick("level", "Lower", LEVELS, "{} margin")]

    def head(self, panel: PanelState, verdict: Verdict) -> list[Block]:
        can = self.found is not None and len(self.found.instrument) > 0
        take = button("take", "Put in What-if", "The proposed trades as a basket on top of the book")
        hint = "Which instruments to choose from; left empty, all that the market lists."
        asked = fields([*self.picks(panel, verdict), *self.typed()], [take] if can else [])
        return [asked, views.grid("candidates", "Candidates", hint)]

    def answer(self, panel: PanelState, verdict: Verdict) -> Answer:
        self.found = None
        how = self.limits(panel, verdict)
        own = panel.book.take(np.flatnonzero(panel.book.account == verdict.account))
        sheet = panel.desk.sheets["candidates"]
        candidates = sheet.columns if len(sheet) else None
        yield QUIET
        given = (own, panel.shocked, panel.model, candidates)
        how |= {"params": panel.params, "options": panel.options}
        found: Found = yield Aside(partial(hedges, *given, **how))
        ranking = yield Aside(found.ranking)
        self.found = found
        self.keep(panel, {self.title: found})
        unit = found.currency
        blocks = [views.text(f"{found.words}. Available afterwards: {views.amount(found.available, unit)} {unit}.")]
        if len(found.instrument):
            blocks.append(views.table_of(found.frame(), f"Trades proposed, {unit}", unit))
        alone = ranking[ranking["saving"] > 0]
        blocks.append(views.table_of(alone, f"Each candidate alone at its best size, {unit}", unit, most=MOST_RANKED))
        if found.refused:
            words = "; ".join(f"{name}: {why}" for name, why in list(found.refused.items())[:5])
            blocks.append(views.text(f"Left out: {words}"))
        return blocks

    def limits(self, panel: PanelState, verdict: Verdict) -> dict[str, object]:
        """The fields as arguments of the search."""
        budget, delta = self.number("budget", 0.0), self.number("delta", 0.0)
        names = dict.fromkeys(map(str, verdict.detail.run.market.underlying))
        return {
            "level": self.picked("level", LEVELS),
            "fee": self.number("fee", 0.0, 100.0, empty=0.0),
            "budget": None if np.isnan(budget) else budget,
            "most_trades": int(self.number("most", 0.0, 1000.0, empty=0.0)),
            "delta": {} if np.isnan(delta) else dict.fromkeys(names, (-delta, delta)),
            "seconds": SECONDS,
        }

    def press(self, panel: PanelState, id: str) -> str:
        """Put the proposed trades in What-if."""
        if id != "take" or self.found is None:
            raise InputError("no trades are proposed")
        trades = zip(self.found.instrument, self.found.quantity, strict=True)
        rows = [{"instrument": str(n), "quantity": float(q), "account": panel.account} for n, q in trades]
        panel.desk.propose(BASKET, rows)
        panel.tab = "what-if"
        return f"Put {len(rows)} trades in What-if as basket {BASKET!r}"


class Order(Asking):
    """In which order to do the legs of the trades on top, so that the largest margin on the way is least."""

    id, title, group = "path", "Path", DECIDE
    rank = 52
    numbers = (("slices", "Slices of each leg", "1", "every leg is traded in this many equal parts"),)

    def picks(self, panel: PanelState, verdict: Verdict) -> list[Block]:
        names = baskets(panel, verdict)
        if len(names) < 2:
            return []
        return [self.pick("basket", "Basket", names)]

    def head(self, panel: PanelState, verdict: Verdict) -> list[Block]:
        return [*super().head(panel, verdict), views.grid(TRADES, "Trades", "The legs, as in What-if.")]

    def answer(self, panel: PanelState, verdict: Verdict) -> Answer:
        names = baskets(panel, verdict)
        if not names:
            return [views.text("Type the trades of a basket: two legs or more have an order.")]
        slices = int(self.number("slices", 1.0, 100.0, empty=1.0))
        trades = legs_of(panel, verdict, self.picked("basket", names))
        yield QUIET
        own = panel.book.take(np.flatnonzero(panel.book.account == verdict.account))
        how = {"slices": slices, "params": panel.params, "options": panel.options}
        found = yield Aside(partial(path, own, panel.shocked, panel.model, trades, **how))
        self.keep(panel, {self.title: found})
        return [views.text(f"Initial margin on the way: {found.words}."), *views_decide.path(found)]


def baskets(panel: PanelState, verdict: Verdict) -> list[str]:
    """Names of the baskets of trades on the account looked at."""
    rows = panel.desk.sheets[TRADES].rows.values()
    mine = [row for row in rows if row and row.get("account", verdict.account) == verdict.account]
    return list(dict.fromkeys(str(row.get("basket", "basket")) for row in mine))


def legs_of(panel: PanelState, verdict: Verdict, basket: str) -> dict[str, np.ndarray]:
    """The trades of one basket on the account looked at as columns; every other row is blank, so that rows keep."""
    columns = panel.desk.trades(verdict.account)
    size = len(columns["account"])
    named = [name if name not in (None, "") else "basket" for name in columns.get("basket", [None] * size)]
    own = [a == verdict.account and b == basket for a, b in zip(columns["account"], named, strict=True)]
    blank = lambda values: [v if mine else None for v, mine in zip(values, own, strict=True)]  # noqa: E731
    return {name: np.array(blank(values), object) for name, values in columns.items()}
