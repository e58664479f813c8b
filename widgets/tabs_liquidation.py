"""The tab of liquidation: a surface of headroom, the venue's ladder along a path, and what would have prevented it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xlmargin.book import Book
from xlmargin.decide.liquidation import surface
from xlmargin.decide.simulate import Simulation, prevent, simulate
from xlmargin.market import FUTURE, PERP, Market
from xlmargin.scenarios import move_words

from . import views, views_decide
from .inputs import Answer, Asking, button, fields
from .tabs import QUIET
from .tabs_decide import DECIDE
from .turns import Aside, Block
from .verdict import Verdict

if TYPE_CHECKING:
    from .state import PanelState

STEPS, MOST_HEDGES, FEW_LEGS = 20, 4, 100
MOVES = np.array([-50, -40, -30, -20, -10, 0, 10, 20, 30, 40, 50]) / 100.0
ALL, PREVENTED = "all together", "What would have prevented it"


class Liquidation(Asking):
    """Where it is liquidated over price and volatility, how that would go along a path, and what would prevent it."""

    id, title, group = "liquidation", "Liquidation", DECIDE
    rank = 62
    numbers = (
        ("end", "Price ends at, %", "-50", f"the path goes there from now in {STEPS} equal steps"),
        ("vol", "Volatility ends at, %", "0", "of the options' own volatility, along the same steps"),
        ("slippage", "Slippage, %", "0.5", "of price, lost by every forced trade"),
        ("fund", "Insurance fund", "0", "what the fund holds, in the pool's currency"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.offers, self.wanted = False, ()

    def picks(self, panel: PanelState, verdict: Verdict) -> list[Block]:
        names = underlyings(verdict.margin.run.market)
        if not names:
            return []
        options = [*names, *([ALL] if len(names) > 1 else [])]
        return [self.pick("underlying", "Underlying", options)]

    def answer(self, panel: PanelState, verdict: Verdict) -> Answer:
        names = underlyings(verdict.margin.run.market)
        if not names:
            return [views.text("No position follows a price.")]
        name = self.picked("underlying", [*names, ALL])
        end, vol = self.number("end", -99.9, 1000.0, empty=None), self.number("vol", -99.9, 1000.0, empty=0.0)
        slippage, fund = self.number("slippage", 0.0, 100.0, empty=0.0), self.number("fund", 0.0, empty=0.0)
        moved = names if name == ALL else [name]
        where = {"account": verdict.account, "pool": verdict.pool}
        target = None if name == ALL else name
        yield QUIET
        plane = yield Aside(lambda: surface(verdict.margin, target, moves=MOVES, **where))
        steps = np.linspace(0.0, 1.0, STEPS + 1)
        path = dict.fromkeys(moved, end * steps)
        vols = dict.fromkeys(moved, vol * steps) if vol else None
        how = {"vol": vols, **where}
        run = yield Aside(lambda: simulate(verdict.margin, path, slippage=slippage, fund=fund, **how))
        self.keep(panel, {"Surface": plane, self.title: run, PREVENTED: None})
        picked = self.chosen.get("cell")
        whole = picked if isinstance(picked, int) and 0 <= picked < plane.headroom[..., 0].size else None
        blocks = [views_decide.surface(plane, verdict.currency, whole), views.text(told(run, end, name))]
        blocks += views_decide.simulated(run, path[moved[0]], name, verdict.currency)
        blocks += yield from self.prevented(panel, verdict, run, path, how)
        return blocks

    def prevented(
        self, panel: PanelState, verdict: Verdict, run: Simulation, path: dict[str, np.ndarray], how: dict[str, Any]
    ) -> Answer:
        """What would have prevented a liquidation: at once for a small account, else when it is asked for."""
        own = panel.book.take(np.flatnonzero(panel.book.account == verdict.account))
        large = run.liquidated and len(own.legs) > FEW_LEGS
        self.offers = large and self.wanted != panel.basis()
        if not run.liquidated or self.offers:
            return []
        given = {
            "params": panel.params,
            "options": panel.options,
            "hedges": hedge_names(own, panel.shocked, list(path)),
        }
        found = yield Aside(partial(prevent, own, panel.shocked, panel.model, path, **how, **given))
        self.keep(panel, {PREVENTED: found})
        return [views_decide.remedies(found)]

    def head(self, panel: PanelState, verdict: Verdict) -> list[Block]:
        ask = button("prevent", "What would have prevented it?", "The least of each kind: many runs of the rule")
        return [fields([*self.picks(panel, verdict), *self.typed()], [ask] if self.offers else [])]

    def press(self, panel: PanelState, id: str) -> str:
        """Look for what would have prevented it, while nothing changes."""
        if id != "prevent":
            return super().press(panel, id)
        self.wanted = panel.basis()
        return "Looking for what would have prevented it"


def underlyings(market: Market) -> list[str]:
    """What the positions follow."""
    return list(dict.fromkeys(map(str, market.underlying)))


def hedge_names(book: Book, market: Market, moved: list[str]) -> list[str]:
    """Futures that follow what moves, else what the account holds: at most a few, each is many runs."""
    follows = np.isin(market.underlying.astype(str), moved)
    linear = follows & np.isin(market.kind, (PERP, FUTURE))
    held = np.unique(book.legs.instrument[follows[book.legs.instrument]])
    picked = np.flatnonzero(linear) if linear.any() else held
    return [str(n) for n in market.name[picked[:MOST_HEDGES]]]


def told(run: Simulation, end: float, name: str) -> str:
    """The end of a simulation in words, and whose ladder it is."""
    what = "is liquidated" if run.liquidated else "is not liquidated"
    doubt, source = (getattr(run.ladder, k) for k in ("doubt", "cite"))
    words = [f"As {name} goes {move_words(end)} in {STEPS} steps the account {what}."]
    words += [f"Doubt: {doubt}."] if doubt else []
    words += [f"Ladder: {source}"] if source else []
    return " ".join(words)
