"""In which order, and in what slices, to execute a basket so that the largest margin on the way is least."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..book import Book
from ..errors import InputError, Problem, nearest
from ..ledger import Margin
from ..market import Market
from ..registry import Model
from ..run import Session
from .baskets import Baskets, read
from .candidates import reach
from .reruns import STEP, account_row, several, summed
from .shown import Shown
from .sides import reached
from .trades import Trades, traded

SIDES = {0: "", 1: "long", -1: "short"}
EXACT = 12
BEAM = 64


@dataclass(frozen=True, eq=False, repr=False)
class Path(Shown):
    """An order of execution: what is traded at each step (S,), and figures before the first and after every step.

    ``peak`` is the largest initial margin on the way; ``exact`` says that no order has a lower one, else ``bound`` is
    what no order can go below (the larger of start, end and the best first step).
    """

    instrument: np.ndarray
    quantity: np.ndarray
    side: np.ndarray
    initial: np.ndarray
    maintenance: np.ndarray
    available: np.ndarray
    peak: float
    bound: float
    exact: bool
    naive: float
    currency: str

    def frame(self) -> Any:
        """A row per step (pandas DataFrame); step 0 is the account as it is, ``side`` is told in hedge mode."""
        import pandas as pd

        table = {
            "step": np.arange(len(self.initial)),
            "instrument": ["", *self.instrument],
            "side": ["", *(SIDES[int(s)] for s in self.side)],
            "quantity": [0.0, *self.quantity],
            "initial": self.initial,
            "maintenance": self.maintenance,
            "available": self.available,
        }
        return pd.DataFrame(table if self.side.any() else {k: v for k, v in table.items() if k != "side"})

    @property
    def words(self) -> str:
        """What was found and how sure it is."""
        least = f"best of a beam of {BEAM}; no order is below {self.bound:,.2f}"
        how = "no order has a lower peak" if self.exact else least
        return f"peak {self.peak:,.2f} {self.currency} ({how}); in the order given {self.naive:,.2f}"


def path(
    book: Book,
    market: Market,
    model: str | Model,
    trades: Any,
    *,
    slices: int | Mapping[str, int] = 1,
    account: str | None = None,
    **how: Any,
) -> Path:
    """The order of a basket's legs, cut into equal slices, whose largest initial margin on the way is least.

    Parameters: ``trades``, a table of one basket (instrument, quantity, price, side; without a side what is held in
    hedge mode is closed before it is opened on the other side); ``slices``, how many each leg is cut into, one number
    or by instrument (see ``slices_of`` for a size from depth, fees, volatility and latency); ``account``, which one
    where there are several. Every state on the way is the account again with what has been done so far. Up to 4,096
    states (12 legs in one piece) the order is exact: least largest margin over all orders, and among those the least
    sum on the way; beyond it is the best of a beam of 64, with a bound.
    Raises InputError for baskets that cannot be read, and says which leg the model cannot take.
    """
    r = account_row(book, account)
    legs = read(book, market, trades)
    _one_basket(book, legs, r)
    names = [str(market.name[i]) for i in legs.instrument]
    wide = reach(book.take([r]), market, model, list(dict.fromkeys(names)), how)
    if wide.refused:
        raise InputError([Problem("trades", 0, "instrument", n, f"{n}: {why}") for n, why in wide.refused.items()])
    pieces = _pieces(slices, names)
    where = np.array([wide.number[n] for n in names], np.int64)
    _within_legs(wide.book, legs, where)
    walk = _Walk(wide.session, wide.book, where, legs.quantity / pieces, legs.price, legs.side, pieces)
    exact = math.prod(int(p) + 1 for p in pieces) <= 2**EXACT
    order, bound = walk.exact() if exact else walk.beam()
    return walk.told(order, bound, exact, names)


def _one_basket(book: Book, legs: Baskets, row: int) -> None:
    """InputError for several baskets, legs of another account, and shares to close instead of quantities."""
    problems = []
    if len(legs.label) > 1:
        told = ", ".join(map(str, legs.label[:6]))
        problems.append(Problem("trades", 0, "basket", None, f"a path is of one basket; there are {told}"))
    for n in np.flatnonzero((legs.account >= 0) & (legs.account != row)):
        text = f"{book.account[legs.account[n]]!r} is not the account of the path, {book.account[row]!r}"
        problems.append(Problem("trades", int(legs.row[n]), "account", None, text))
    for n in np.flatnonzero(legs.quantity == 0):
        problems.append(Problem("trades", int(legs.row[n]), "quantity", None, "a leg of a path needs a quantity"))
    if problems:
        raise InputError(problems)


def _within_legs(book: Book, legs: Baskets, instrument: np.ndarray) -> None:
    """InputError for trades with a side that close more than is held of it: whatever the order, it must be there."""
    held, problems = book.legs, []
    for n in np.flatnonzero(legs.side * legs.quantity < 0):
        same = (instrument == instrument[n]) & (legs.side == legs.side[n]) & (legs.side * legs.quantity < 0)
        own = (held.instrument == instrument[n]) & (held.side == legs.side[n]) & reached(held)
        have, gone = float(np.abs(held.quantity[own]).sum()), float(np.abs(legs.quantity[same]).sum())
        if gone > have * (1.0 + 1e-12):
            text = f"closes {gone:,.12g} of a {'long' if legs.side[n] > 0 else 'short'} leg of {have:,.12g}"
            problems.append(Problem("trades", int(legs.row[n]), "quantity", float(legs.quantity[n]), text))
    if problems:
        raise InputError(problems)


def _pieces(slices: int | Mapping[str, int], names: list[str]) -> np.ndarray:
    """Slices of each leg (L,); InputError for no leg, a name that is no leg, and what is no whole number from one."""
    by = slices if isinstance(slices, Mapping) else dict.fromkeys(names, slices)
    problems = []
    for name in by:
        if name not in names:
            text = f"{name!r} is no leg{nearest(str(name), names)}; there are {', '.join(names)}"
            problems.append(Problem("trades", 0, "slices", name, text))
    many = [by.get(n, 1) for n in names]
    if not many or any(not isinstance(m, int | np.integer) or m < 1 for m in many):
        text = "give at least one leg, and of each one slice or more, a whole number"
        problems.append(Problem("trades", 0, "slices", None, text))
    if problems:
        raise InputError(problems)
    return np.array(many, np.int64)


@dataclass(frozen=True, eq=False)
class _Walk:
    """States of a basket: how many slices of each leg (L,) are done."""

    session: Session
    book: Book
    instrument: np.ndarray
    size: np.ndarray
    price: np.ndarray
    side: np.ndarray
    pieces: np.ndarray

    def figures(self, done: np.ndarray) -> dict[str, np.ndarray]:
        """Initial, maintenance and available (N,) after ``done`` (N, L) slices; pools of an account add up.

        Requirements in several currencies are compared in USD.
        """
        rows, result, dollars = len(done), self._result(done), self.dollars
        need, equity, currency = summed(result, result.initial.value, rows, dollars)
        return {
            "initial": need,
            "maintenance": summed(result, result.maintenance.value, rows, dollars)[0],
            "available": equity - need,
            "currency": np.array([currency]),
        }

    @cached_property
    def dollars(self) -> bool:
        """Whether pools are of several currencies in some state: before, after, or with one leg alone."""
        none = np.zeros_like(self.pieces)
        return several(self._result(np.vstack([none, self.pieces, np.diag(self.pieces)])))

    def _result(self, done: np.ndarray) -> Margin:
        row, leg = np.nonzero(done)
        size, price, side = (done * self.size)[row, leg], self.price[leg], self.side[leg]
        trades = Trades.of(row, self.instrument[leg], size, price=price, side=side)
        book = traded(self.book, self.session.market, trades, np.zeros(len(done), np.int64))
        return self.session.margin(replace(book, settings={**book.settings, STEP: np.arange(len(done))}))

    def exact(self) -> tuple[list[int], float]:
        """Bottleneck shortest path over all states: (largest, sum) of initial margin, exact."""
        shape = tuple(self.pieces + 1)
        states = np.stack(np.unravel_index(np.arange(math.prod(shape)), shape), axis=1)
        need = self.figures(states)["initial"]
        strides = np.array([math.prod(shape[k + 1 :]) for k in range(len(shape))], np.int64)
        peak, total = np.full(len(states), np.inf), np.full(len(states), np.inf)
        came = np.full(len(states), -1)
        peak[0], total[0] = need[0], need[0]
        for layer in range(1, int(self.pieces.sum()) + 1):
            here = np.flatnonzero(states.sum(axis=1) == layer)
            for leg in range(len(shape)):
                able = here[states[here, leg] > 0]
                before = able - strides[leg]
                high, sums = np.maximum(peak[before], need[able]), total[before] + need[able]
                better = (high < peak[able]) | ((high == peak[able]) & (sums < total[able]))
                at = able[better]
                peak[at], total[at], came[at] = high[better], sums[better], leg
        order, state = [], len(states) - 1
        while came[state] >= 0:
            order.append(int(came[state]))
            state -= strides[came[state]]
        return order[::-1], float(peak[-1])

    def beam(self) -> tuple[list[int], float]:
        """The best of a beam of 64 partial orders a layer; the bound is the largest of start, end, least first step."""
        ends = np.stack([np.zeros_like(self.pieces), self.pieces])
        first = np.eye(len(self.pieces), dtype=np.int64)
        bound = max(*self.figures(ends)["initial"], float(self.figures(first)["initial"].min()))
        kept: list[tuple[float, float, tuple[int, ...], list[int]]] = [(-np.inf, 0.0, (0,) * len(self.pieces), [])]
        for _ in range(int(self.pieces.sum())):
            grown: dict[tuple[int, ...], tuple[float, float, list[int]]] = {}
            moves = [(p, s, d, o, k) for p, s, d, o in kept for k in range(len(d)) if d[k] < self.pieces[k]]
            states = {tuple(d[:k] + (d[k] + 1,) + d[k + 1 :]) for _, _, d, _, k in moves}
            listed = sorted(states)
            need = dict(zip(listed, self.figures(np.array(listed, np.int64))["initial"], strict=True))
            for p, s, d, o, k in moves:
                state = d[:k] + (d[k] + 1,) + d[k + 1 :]
                found = (max(p, need[state]), s + need[state], [*o, k])
                if state not in grown or found[:2] < grown[state][:2]:
                    grown[state] = found
            ranked = sorted((p, s, d, o) for d, (p, s, o) in grown.items())
            kept = ranked[:BEAM]
        return kept[0][3], float(bound)

    def told(self, order: Sequence[int], bound: float, exact: bool, names: list[str]) -> Path:
        """The figures along an order, and those of the order in which the legs were given."""
        given = [k for k in range(len(self.pieces)) for _ in range(int(self.pieces[k]))]
        found, plain = (self.figures(self._along(o)) for o in (order, given))
        return Path(
            np.array([names[k] for k in order], object),
            self.size[list(order)],
            self.side[list(order)],
            found["initial"],
            found["maintenance"],
            found["available"],
            float(found["initial"].max()),
            bound,
            exact,
            float(plain["initial"].max()),
            str(found["currency"][0]),
        )

    def _along(self, order: Sequence[int]) -> np.ndarray:
        steps = np.zeros((len(order) + 1, len(self.pieces)), np.int64)
        for n, k in enumerate(order):
            steps[n + 1 :, k] += 1
        return steps
