"""Which trades among candidates lower margin most for what they cost, with the bound that none can go below."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...book import Book
from ...errors import InputError, Problem
from ...html import amount
from ...market import OPTION, Market
from ...parsing import no_table, parse
from ...registry import Model
from ...schemas import OPTIONAL, Column
from ..axis import UNDERLYING, Axis
from ..candidates import Reach, reach
from ..exposure import Greeks
from ..moves import groups, refuse_unpriced
from ..reruns import Found, Reruns, account_row
from ..shown import Shown, tabled
from .beside import Beside
from .cutting import TOLERANCE, Search
from .every import every
from .legs import WORD, by_leg, within_legs
from .lists import Lists
from .probes import probes
from .ranked import alone
from .tidy import tidy

PROOF = 0.5  # share of the time that the proof of a bound may take
COLUMNS = (
    Column("most", "most contracts, each way", "contracts", need=OPTIONAL, positive=True),
    Column("cost", "what a contract costs: half the spread and fees", "pool currency", need=OPTIONAL),
    Column("lot", "contracts are traded in multiples of it", "contracts", need=OPTIONAL, positive=True),
    Column("price", "price of the trade; empty: the mark", "price", need=OPTIONAL, positive=True),
)

FEW = 3
FREE = " (every trade is free as given, which takes many: a fee, costs or most trades keep the list short)"


@dataclass(frozen=True, eq=False, repr=False)
class Hedges(Shown):
    """Trades (N,) that lower a requirement: what it was, what it becomes, what they cost, and the bound.

    ``bound`` is what requirement and cost together cannot go below with these candidates, where the rule is convex in
    the trades as it is at every list that was run; NaN where one of them breaks that, so that no bound holds.
    ``refused`` are candidates that the model cannot take. ``side`` is the leg that is traded, "long" or "short" in
    hedge mode, "" else.
    """

    instrument: np.ndarray
    side: np.ndarray
    quantity: np.ndarray
    cost: np.ndarray
    before: float
    after: float
    available: float
    bound: float
    currency: str
    level: str
    refused: Mapping[str, str]
    search: Search
    names: tuple[str, ...]

    @property
    def saving(self) -> float:
        """What the requirement falls by."""
        return self.before - self.after

    @property
    def gap(self) -> float:
        """Requirement and cost less the bound; NaN where there is no bound."""
        return self.after + float(self.cost.sum()) - self.bound

    @property
    def words(self) -> str:
        """What was found and how sure it is."""
        before, after, cost, bound, gap = (
            amount(float(v), self.currency) for v in (self.before, self.after, self.cost.sum(), self.bound, self.gap)
        )
        free = not (self.search.most_trades or self.search.cost.any()) and len(self.names) > FEW
        said = f"{self.level} {before} → {after} {self.currency} for {cost}{FREE if free else ''}"
        late = "; time ran out" if self.search.late else ""
        if not np.isfinite(self.bound):
            why = "" if self.search.convex else "the rule is not convex here: "
            return f"{said}; {why}best of {self.search.reruns:,} exact re-runs, no bound{late}"
        if self.search.tried:
            return f"{said}; proved best: every list of lots was tried"
        sure = "as the rule is convex at every list that was run"
        if self.gap <= 10 * TOLERANCE * self.search.scale:
            return f"{said}; best: nothing goes below {bound}, {sure}"
        return f"{said}; nothing goes below {bound}, {sure}; {gap} from it when stopped{late}"

    def frame(self) -> Any:
        """A row per trade, the largest first, with its ``side`` in hedge mode (pandas DataFrame)."""
        table = pd.DataFrame({"instrument": self.instrument, "quantity": self.quantity, "cost": self.cost})
        if self.search.margin.sides.any():
            table.insert(1, "side", self.side)
        return table.reindex(table["quantity"].abs().sort_values(ascending=False).index).reset_index(drop=True)

    @tabled
    def ranking(self) -> Any:
        """Each candidate alone at its best size: saving, cost, saving per cost, the best first (pandas DataFrame).

        ``per_cost`` is missing where a trade that saves is free; these stand first.
        """
        found, margin = alone(self.search, self.before), self.search.margin
        size = margin.within(found.size[None])[0]
        cost = self.search.cost * np.abs(size)
        table = pd.DataFrame({"instrument": self.names, "quantity": size, "saving": found.saving})
        if margin.sides.any():
            table.insert(1, "side", [WORD[int(side)] for side in margin.sides])
        free = np.where(found.saving > 0, np.nan, 0.0)
        per = np.divide(found.saving, cost, out=free, where=cost > 0)
        table = table.assign(cost=cost, per_cost=per)
        return table.sort_values(["per_cost", "saving"], ascending=False, ignore_index=True, na_position="first")


def hedges(
    book: Book,
    market: Market,
    model: str | Model,
    candidates: Any = None,
    *,
    account: str | None = None,
    level: str = "initial",
    fee: float = 0.0,
    budget: float | None = None,
    most_trades: int = 0,
    delta: Mapping[str, tuple[float, float]] | None = None,
    vega: Mapping[str, tuple[float, float]] | None = None,
    rounds: int = 100,
    seconds: float = 10.0,
    **how: Any,
) -> Hedges:
    """The trades that minimise requirement + cost over candidates, by exact re-runs under a linear programme.

    Parameters: ``candidates``, names of instruments or a table (instrument, most, cost, lot, price, side); else all
    that the market lists; of what is held in hedge mode both legs are candidates unless a side is named; ``most``
    unless given is the account's own gross size; ``fee`` is what a contract without a ``cost`` costs, as a fraction of
    the USD worth of its underlying; ``budget`` bounds the cost in all;
    ``most_trades`` the number of instruments; ``delta`` and ``vega`` keep the account's net delta (coins) and vega
    (USD a point) of an underlying within (low, high); ``rounds`` and ``seconds`` bound the search; ``how`` takes
    params, options and workers. What a model takes in whole contracts only has a ``lot`` of 1 unless given. Where the
    rule is convex the answer is exact to 1e-6 with its bound; where it proves not to be, the best of ranked re-runs is
    given and said to be that.
    Raises InputError for an empty or unknown candidate list, Infeasible for limits that clash, naming them.
    """
    wide, search, names = _asked(book.take([account_row(book, account)]), market, model, candidates, level, fee, how)
    _refuse(fee, budget, search.cost, most_trades)
    search.most_trades, search.budget = most_trades, np.inf if budget is None else float(budget)
    search.limits = [*within_legs(search.margin, names), *_limits(wide, search, delta or {}, vega or {})]
    start = search.margin(np.zeros((1, len(names))))
    end = time.perf_counter() + seconds
    first = probes(search)
    search.solve(rounds, PROOF * seconds, first)
    if not search.proved and not every(search, end):
        Lists(search, first, end).best(most_trades)
        search.convex &= search.upper >= search.lower - 10 * TOLERANCE * search.scale
    tidy(search)
    return _found(search, names, start, wide.refused)


def _refuse(fee: float, budget: float | None, cost: np.ndarray, most: int) -> None:
    """InputError for what trades cost or may cost below zero, for no trade is paid for being made, and their number."""
    given = {"fee": fee, "budget": 0.0 if budget is None else budget, "cost": float(cost.min(initial=0.0))}
    given["most_trades"] = most
    wrong = {name: value for name, value in given.items() if not value >= 0.0}
    if wrong:
        raise InputError([Problem("candidates", 0, n, v, f"{v:g}; must be zero or more") for n, v in wrong.items()])


def _asked(
    book: Book, market: Market, model: str | Model, given: Any, level: str, fee: float, how: Mapping[str, Any]
) -> tuple[Reach, Search, tuple[str, ...]]:
    """A search over the candidates that the model takes, and their names."""
    names, table = _candidates(market, given)
    beside = Beside(book, market, model, how)
    wide = beside.within(reach(book, market, model, names, how))
    kept = [n for n, name in enumerate(names) if name in wide.number]
    if not kept:
        why, id = next(iter(wide.refused.values()), "the list is empty"), wide.session.model.id
        raise InputError([Problem("candidates", 0, "instrument", None, f"no candidate that {id} takes: {why}")])
    number = np.array([wide.number[names[n]] for n in kept], np.int64)
    place, side = by_leg(wide.book, number, table.pop("side")[kept], [names[n] for n in kept])
    table = {k: v[kept][place].astype(np.float64) for k, v in table.items()}
    names = [names[kept[n]] for n in place]
    table["lot"] = np.where(np.isnan(table["lot"]), beside.lots(names), table["lot"])
    search = _search(wide, number[place], side, table, level)
    if fee:
        currency = search.margin(np.zeros((1, len(names)))).currency
        own = fee * np.nan_to_num(_size(wide, search, currency))
        search.cost = np.where(np.isnan(table["cost"]), own, search.cost)
    return wide, search, tuple(names)


def _found(search: Search, names: tuple[str, ...], start: Found, refused: Mapping[str, str]) -> Hedges:
    """The best trades of a search, run again."""
    best, used = search.margin(search.best[None]), np.flatnonzero(search.best)
    cost = search.cost * np.abs(search.best)
    return Hedges(
        instrument=np.array(names, object)[used],
        side=np.array([WORD[int(side)] for side in search.margin.sides[used]], object),
        quantity=search.best[used],
        cost=cost[used],
        before=float(start.need[0]),
        after=float(best.need[0]),
        available=float(best.equity[0] - best.need[0] - cost.sum()),
        bound=search.bound,
        currency=start.currency,
        level=search.margin.level,
        refused=refused,
        search=search,
        names=names,
    )


def _candidates(market: Market, given: Any) -> tuple[list[str], dict[str, np.ndarray]]:
    """Names and columns side, most, cost, lot, price (K,), NaN where not given."""
    columns = ["side", *(c.name for c in COLUMNS)]
    if given is None:
        listed = [str(n) for n, k in zip(market.name, market.kind, strict=True) if k < 4]
        given = {"instrument": listed}
    given = [given] if isinstance(given, str) else given
    if isinstance(given, Sequence):
        given = {"instrument": [str(n) for n in given]}
    if not hasattr(given, "keys"):
        raise InputError([no_table("candidates", given)])
    data = {str(k): np.atleast_1d(v) for k, v in dict(given).items()}
    size = len(next(iter(data.values()))) if data else 0
    data.setdefault("quantity", np.ones(size))
    problems: list[Problem] = []
    table = parse("positions", data, problems, COLUMNS)
    if problems:
        raise InputError([Problem("candidates", p.row, p.column, p.value, p.message) for p in problems])
    if not len(table):
        raise InputError([Problem("candidates", 0, "instrument", None, "no candidates: the list is empty")])
    return [str(n) for n in table["instrument"]], {c: table[c] for c in columns}


def _search(wide: Reach, number: np.ndarray, side: np.ndarray, table: dict[str, np.ndarray], level: str) -> Search:
    market, book = wide.session.market, wide.book
    worth = _worth(market)
    gross = float(np.nansum(np.abs(book.legs.quantity) * worth[book.legs.instrument]))
    unit = gross / worth[number] if gross else np.ones(len(number))
    unit = np.where(np.isfinite(unit) & (unit > 0), unit, 1.0)
    most = np.where(np.isnan(table["most"]), unit, table["most"])
    rerun = Reruns(wide.session, book, number, table["price"], level, side)
    return Search(rerun, np.nan_to_num(table["cost"]), most, table["lot"], unit)


def _worth(market: Market) -> np.ndarray:
    """Size of a contract (I,) at the price of its underlying: what two instruments are compared by."""
    level = Axis.of(market, UNDERLYING).level[groups(market)[1]]
    turned = market.inverse & (market.kind != OPTION)
    return market["contract_size"] * np.where(turned, 1.0, level)


def _size(wide: Reach, search: Search, currency: str) -> np.ndarray:
    """What a contract of each candidate (K,) is worth at the price of its underlying, in ``currency``."""
    market = wide.session.market
    unit = dict(zip(map(str, market.assets), market.price, strict=True)).get(currency, 1.0)
    return _worth(market)[search.margin.instrument] / unit


def _limits(
    wide: Reach,
    search: Search,
    delta: Mapping[str, tuple[float, float]],
    vega: Mapping[str, tuple[float, float]],
) -> list[tuple[str, np.ndarray, float, float]]:
    """Delta and vega of an underlying after the trades, as limits on the trades."""
    if not delta and not vega:
        return []
    market, legs = wide.session.market, wide.book.legs
    refuse_unpriced(market, wide.book)
    greeks = Greeks.of(market)
    names, group = groups(market)
    limits = []
    for what, by, per in (("delta", delta, greeks.delta), ("vega", vega, greeks.vega)):
        for name, ends in by.items():
            if np.shape(ends) != (2,):
                raise InputError(f"{what} of {name}: {ends!r}; give its lower and its higher end")
            low, high = ends
            if name not in names:
                raise InputError(f"{what}: nothing follows {name!r}; there are {', '.join(map(str, names))}")
            if not low <= high:
                raise InputError(f"{what} of {name}: {low:g} … {high:g}; give the lower end first")
            own = np.where(names[group] == name, per, 0.0)
            now = float(own[legs.instrument] @ legs.quantity)
            row = own[search.margin.instrument]
            limits.append((f"{what} of {name} within {low:g} … {high:g}", row, low - now, high - now))
    return limits
