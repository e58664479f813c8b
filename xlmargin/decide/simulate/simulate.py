"""An account run through its venue's liquidation ladder along a price path, every amount booked to somebody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...book import Book, Orders
from ...errors import InputError, Note, Problem
from ...html import amount
from ...ledger import Margin
from ...run import Session
from ...scopes import staying
from ..moves import Moves
from ..shown import Shown
from ..subject import on_margin, pools_named
from ..trades import closed, marks, paid
from ..valuation import notional, rates, value
from ..venues import Ladder, ladder
from ..worlds import moved_session
from .price_path import along, stated
from .rivals import Rivals

PARTIES = ("account", "others", "market", "venue", "fund", "deleveraged", "uncovered")
MOST_STEPS = 200
AT_MARK = "forced trades are closed at the mark: no slippage was given"
UNMET = "the fund does not cover the deficit and no opposite positions were given that could be deleveraged"


@dataclass(frozen=True)
class Event:
    """One thing that happened: when, what, and who gained what (amounts of all parties add up to nothing)."""

    time: int
    kind: str
    what: str
    flows: Mapping[str, float]
    equity: float
    maintenance: float


@dataclass(frozen=True, eq=False, repr=False)
class Simulation(Shown):
    """What became of one account: events, equity and maintenance at each point, what everybody gained in all.

    ``size`` (T+1, H) is what is left of each leg of the start, as a fraction; ``fund`` what the fund ends with.
    ``notes`` say what of the ladder is not published and what else the run rests on.
    """

    events: tuple[Event, ...]
    equity: np.ndarray
    maintenance: np.ndarray
    size: np.ndarray
    fund: float
    currency: str
    ladder: Ladder
    notes: tuple[Note, ...] = ()

    @property
    def totals(self) -> dict[str, float]:
        """What each party gained over the whole path; they add up to nothing."""
        return {p: sum(e.flows.get(p, 0.0) for e in self.events) for p in PARTIES}

    @property
    def liquidated(self) -> bool:
        """Whether anything of the account was closed or taken over."""
        return any(e.kind in ("closed", "taken over", "deleveraged") for e in self.events)

    @property
    def words(self) -> str:
        """Whether it is liquidated, and what everybody gained in all, in the digits of the currency."""
        told = {who: amount(gained, self.currency) for who, gained in self.totals.items()}
        some = [f"{who} {'+'[: t[0] != '-']}{t}" for who, t in told.items() if t.strip("-0.")]
        head = "liquidated" if self.liquidated else "not liquidated"
        return f"{head}; in all {', '.join(some) or 'nothing moved'} ({self.currency})"

    def frame(self) -> Any:
        """A row per event (pandas DataFrame): time, kind, words, a column per party, figures afterwards."""
        import pandas as pd

        rows = [
            {"time": e.time, "kind": e.kind, "what": e.what, **{p: e.flows.get(p, 0.0) for p in PARTIES}}
            | {"equity": e.equity, "maintenance": e.maintenance}
            for e in self.events
        ]
        return pd.DataFrame(rows, columns=["time", "kind", "what", *PARTIES, "equity", "maintenance"])


@on_margin
def simulate(
    margin: Margin,
    path: Mapping[str, Any],
    *,
    vol: Mapping[str, Any] | None = None,
    seconds: float = 60.0,
    slippage: float = 0.0,
    fund: float = 0.0,
    others: Any = None,
    rules: Ladder | None = None,
) -> Simulation:
    """Run one pool through its venue's ladder along a path.

    Parameters: ``path``, moves from now (fractions) of each underlying at every point, all of one length; ``vol``
    likewise; ``seconds`` between points; ``slippage``, fraction of price lost by every forced trade; ``fund``, what
    the insurance fund holds; ``others``, a table of opposite positions that may be deleveraged (account, instrument,
    quantity, entry_price, wallet); ``rules``, a ladder of one's own (else the venue's, from venues.toml).
    At each point the rule is run on the moved market; below the trigger orders are cancelled, then positions closed
    step by step; at the backstop the account is taken over by the fund, and what the fund cannot bear is closed
    against the others in the venue's ranking, at the price at which the account is worth nothing.
    Raises InputError for several pools, paths of unequal length, unknown names, a slippage outside 0 … 1.
    """
    if len(margin.account) != 1:
        raise InputError(f"a simulation runs one pool; say which account and pool: {pools_named(margin)}")
    _refuse(seconds, slippage, fund)
    moves = along(margin.run.market, path, vol)
    own = rules or ladder(margin.stamp["model"], margin.run.market.as_of)
    rivals = Rivals.read(others, margin.run.market) if others is not None else None
    made, book = margin.run.session, margin.run.book
    book = staying(book, made.market, made.model.scope_setting)
    run = Run(made, book, str(margin.currency[0]), own, slippage, fund, seconds, rivals)
    equity, need = np.zeros(len(moves)), np.zeros(len(moves))
    for t in range(len(moves)):
        equity[t], need[t] = run.point(t, moves, stated(path, vol, t))
    found = Simulation(tuple(run.events), equity, need, np.array(run.sizes), run.fund, run.currency, own)
    return replace(found, notes=(*margin.notes, *_doubts(found, slippage, others is None)))


def _refuse(seconds: float, slippage: float, fund: float) -> None:
    """InputError for a fraction of price outside 0 … 1, seconds that do not pass, a fund below zero."""
    wrong = [] if 0.0 <= slippage < 1.0 else [("slippage", slippage, "from 0 to below 1, a fraction of price")]
    wrong += [] if seconds > 0.0 else [("seconds", seconds, "above zero")]
    wrong += [] if fund >= 0.0 else [("fund", fund, "zero or more")]
    if wrong:
        raise InputError([Problem("simulate", 0, n, v, f"{v:g}; must be {must}") for n, v, must in wrong])


def _doubts(found: Simulation, slippage: float, unopposed: bool) -> Iterator[Note]:
    """What is not known of the ladder, where it was used, and what was left out of the run."""
    here = np.ones(1, bool)
    if not found.liquidated:
        return
    if found.ladder.doubt:
        yield Note(found.ladder.doubt, found.ladder.cite, here)
    if not slippage:
        yield Note(AT_MARK, "", here)
    if unopposed and found.totals["uncovered"] < 0:
        yield Note(UNMET, "", here)


@dataclass(eq=False)
class Run:
    """The state of a simulation."""

    session: Session
    book: Book
    currency: str
    ladder: Ladder
    slippage: float
    fund: float
    seconds: float
    rivals: Rivals | None
    events: list[Event] = field(default_factory=list)
    sizes: list[np.ndarray] = field(default_factory=list)
    worth: float = 0.0

    def __post_init__(self) -> None:
        legs = self.book.legs
        self.start = legs.quantity.copy()
        self.number = np.arange(len(legs))
        self.worth = float(value(self.book, self.session.market, self.currency)[0])
        self._measure()

    def _measure(self) -> None:
        left = np.zeros(len(self.start))
        left[self.number] = self.book.legs.quantity / self.start[self.number]
        self.sizes.append(left)

    def point(self, t: int, moves: Moves, words: str) -> tuple[float, float]:
        """Equity and maintenance at one point of the path, whose moves are ``words``, after what the ladder does."""
        there = moved_session(self.session, moves, t)
        now = float(value(self.book, there.market, self.currency)[0])
        result = there.run(self.book)
        if now != self.worth:
            self._tell(t, "price", words, result, {"account": now - self.worth, "others": self.worth - now})
        self._ladder(t, there)
        result = there.run(self.book)
        self.worth = float(value(self.book, there.market, self.currency)[0])
        self._measure()
        return float(result.equity.value[0]), float(result.maintenance.value[0])

    def _safe(self, result: Margin, trigger: float) -> bool:
        return bool(result.equity.value[0] >= trigger * result.maintenance.value[0])

    def _ladder(self, t: int, there: Session) -> None:
        """The steps at one point, until the target is met, the account is taken over, or the pace forbids more."""
        if self._safe(there.run(self.book), self.ladder.trigger):
            return
        if len(self.book.orders):
            count = len(self.book.orders)
            self.book = replace(self.book, orders=Orders.none(1))
            self._tell(t, "orders cancelled", f"{count} open orders", there.run(self.book), {})
            if self._safe(there.run(self.book), self.ladder.trigger):
                return
        pace = self.ladder.seconds
        for _ in range(min(MOST_STEPS, int(self.seconds / pace) + 1 if pace else MOST_STEPS)):
            result = there.run(self.book)
            have, need = result.equity.value[0], result.maintenance.value[0]
            if have <= self.ladder.backstop * need or have <= 0 or not len(self.book.legs):
                self._take_over(t, there)
                return
            self._close(t, there, result)
            result = there.run(self.book)
            if self._safe(result, 1.0 / self.ladder.target) and self._safe(result, self.ladder.trigger):
                return

    def _close(self, t: int, there: Session, result: Margin) -> None:
        """Close a share of every position at a slipped price, and pay the venue's fee."""
        legs, own = self.book.legs, self.ladder
        size = notional(self.book, there.market, self.currency)
        share = 1.0 if size.sum() <= own.whole_below or own.step >= 1.0 else own.step
        price = self._slipped(there)
        before, need = value(self.book, there.market, self.currency)[0], result.maintenance.value[0]
        self._keep(closed(self.book, there.market, np.full(len(legs), share), price), share)
        after = value(self.book, there.market, self.currency)[0]
        eased = max(0.0, float(need - there.run(self.book).maintenance.value[0]))
        fee = min(own.fee * share * size.sum() + own.fee_of_margin * eased, max(after, 0.0))
        self._pay(there, -fee)
        flows = {"account": after - before - fee, "market": before - after, "fund": fee}
        self.fund += fee
        self._tell(t, "closed", f"{share:.0%} of every position", there.run(self.book), flows)

    def _slipped(self, there: Session) -> np.ndarray:
        legs = self.book.legs
        return marks(there.market)[legs.instrument] * (1.0 - np.sign(legs.quantity) * self.slippage)

    def _keep(self, book: Book, share: float) -> None:
        self.number = self.number if share < 1.0 else self.number[:0]
        self.book = book

    def _pay(self, there: Session, amount: float) -> None:
        """An amount in the pool's currency into the wallet: of that currency, else of the first asset held."""
        if amount == 0.0:
            return
        market = there.market
        own = np.flatnonzero(market.assets == self.currency)
        asset = own[:1] if len(own) else self.book.cash.asset[:1]
        units = amount / rates(market, self.currency)[asset]
        self.book = replace(self.book, cash=paid(self.book.cash, len(market.assets), np.zeros(1, int), asset, units))

    def _take_over(self, t: int, there: Session) -> None:
        """Hand everything to the fund; deleverage what the fund cannot bear."""
        left = float(value(self.book, there.market, self.currency)[0])
        size = notional(self.book, there.market, self.currency)
        cost = float(size.sum()) * self.slippage
        flows = dict.fromkeys(PARTIES, 0.0) | {"account": -left}
        if left - cost + self.fund >= 0.0 or self.rivals is None:
            flows |= {"market": cost, "fund": left - cost}
            kind, what = "taken over", "by the fund, closed in the market"
        else:
            need = float(there.run(self.book).maintenance.value[0])
            share, names = self._deleverage(there, size, need)
            rest = left * (1.0 - share) - cost * (1.0 - share)
            flows |= {"deleveraged": left * share, "market": cost * (1.0 - share), "fund": rest}
            kind, what = "deleveraged", f"{share:.0%} against {names}, by ranking {self.ladder.adl}"
        short = max(0.0, -(self.fund + flows["fund"]))
        flows["fund"] += short
        flows["uncovered"] = -short
        self.fund += flows["fund"]
        empty = np.zeros(0, np.int64)
        gone = self.book.legs.at(slice(0, 0), empty, 1)
        self.book = replace(self.book, legs=gone, cash=self.book.cash.at(slice(0, 0), empty, 1), orders=Orders.none(1))
        self.number = self.number[:0]
        self._tell(t, kind, what, there.run(self.book), flows)

    def _deleverage(self, there: Session, size: np.ndarray, need: float) -> tuple[float, str]:
        """Share of the account's notional that opposite positions absorb, the highest score first, and whose."""
        legs, rate = self.book.legs, need / max(float(size.sum()), 1e-300)
        assert self.rivals is not None
        absorbed, names = 0.0, []
        for h in range(len(legs)):
            price = float(marks(there.market)[legs.instrument[h]])
            took, who = self.rivals.absorb(int(legs.instrument[h]), legs.quantity[h], price, self.ladder.adl, rate)
            absorbed += size[h] * took / abs(legs.quantity[h])
            names += who
        return float(absorbed / size.sum()) if size.sum() else 0.0, ", ".join(names) or "nobody"

    def _tell(self, t: int, kind: str, what: str, result: Margin, flows: Mapping[str, float]) -> None:
        figures = float(result.equity.value[0]), float(result.maintenance.value[0])
        self.events.append(Event(t, kind, what, dict(flows), *figures))
