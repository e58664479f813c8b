"""A book as SPAN sees it: nets of account and combined commodity, their charges and credits."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...book import Book
from ...market import OPTION
from ...registry import Ready
from ...risk import uncovered
from .deltas import Deltas
from .plan import SCANNING, Plan, Spread, premium_options
from .rounding import rounded, truncated
from .scan import Risk, Totals, risk

KINDS = ("member", "hedger", "speculator")
CAPPED, SCAN_RANGE = 2, 3


@dataclass(frozen=True, eq=False)
class Entry:
    """What one spread or delivery month adds: its name, the scope it stands under and amounts (K,) of nets (K,)."""

    name: str
    scope: int
    nets: np.ndarray
    amounts: np.ndarray


@dataclass(eq=False)
class Entries:
    """Amounts by net (N,), and with detail each entry that makes them up."""

    total: np.ndarray
    entries: list[Entry] = field(default_factory=list)

    def add(self, entry: Entry, detail: bool) -> None:
        """Add an entry, whose nets must differ from one another."""
        self.total[entry.nets] += entry.amounts
        if detail and entry.amounts.any():
            self.entries.append(entry)


class Held:
    """Everything that the lines share, computed in the order of the published algorithm.

    Order: arrays and deltas, super-spreads, calendar spreads, delivery months, spreads between commodities.
    ``formed`` marks the rows (R,) that met a rule whose working is not certain.
    """

    def __init__(self, book: Book, ready: Ready) -> None:
        self.book, self.ready, self.market, self.p = book, ready, ready.market, ready.params
        self.plan: Plan = ready.plan
        self.nets = book.split(self.market.scope)
        self.gross = (book.settings["netting"] == "gross")[book.legs.row]
        self.deltas = Deltas(book, self.nets, self.plan, self._delta())
        self.totals = Totals(book, self.nets, self.plan, self._scan_groups())
        self.calendar, self.spot, self.credit = (Entries(np.zeros(len(self.nets))) for _ in range(3))
        self.formed: dict[str, np.ndarray] = {}
        self._weights: np.ndarray | None = None
        self._between(ahead=True)
        self._calendar()
        self._spot()
        self._between(ahead=False)
        self.risk: Risk = risk(self.totals.loss)
        self.owner = self.totals.owner_net()

    def _delta(self) -> np.ndarray:
        """Scaled deltas (H,); none where the account is margined gross, so that no spread forms there."""
        legs = self.book.legs
        return np.where(self.gross, 0.0, legs.quantity * self.plan.delta[legs.instrument])

    def _scan_groups(self) -> np.ndarray:
        """The total each leg belongs to (H,): its scanning tier, or itself where the account is margined gross."""
        legs = self.book.legs
        group = self.plan.scan_group[legs.instrument]
        own = 1 + np.arange(len(legs)) - np.searchsorted(legs.row, legs.row)
        return np.where(self.gross, group + own * max(len(self.plan.scan_scope), 1), group)

    def of(self, key: str) -> np.ndarray:
        """A number of each net's combined commodity (N,)."""
        values = np.array([float(v[key]) for v in self.ready.own], np.float64)
        return values[self.nets.group] if len(values) else np.zeros(len(self.nets))

    def by_account_type(self, key: str) -> np.ndarray:
        """A factor (N,) that ``key`` gives for members, hedgers and speculators."""
        table = np.array([[v[key][k] for k in KINDS] for v in self.ready.own], np.float64).reshape(-1, len(KINDS))
        kind = np.array([KINDS.index(k) for k in self.book.settings["account_type"]], np.int64)
        return table[self.nets.group, kind[self.nets.row]]

    def option_value(self) -> np.ndarray:
        """Settlement value (H,) of options whose premium is paid at once, long positive."""
        legs = self.book.legs
        value = legs.quantity * self.market["contract_size"][legs.instrument] * self.ready.price[legs.instrument]
        return np.where(premium_options(self.market)[legs.instrument], value, 0.0)

    def short_option_minimum(self) -> np.ndarray:
        """The minimum (H,): rate × short options, all of them or the greater of calls and puts."""
        legs, plan = self.book.legs, self.plan
        option = (self.market.kind == OPTION)[legs.instrument]
        short = np.where(option, uncovered(self.book, np.arange(len(self.market)), legs.quantity), 0.0)
        amount = short * plan.som_rate[legs.instrument]
        nets, call = self.book.split(plan.som_group), self.market.call[legs.instrument]
        more_calls = nets.sum(np.where(call, short, 0.0)) >= nets.sum(np.where(call, 0.0, short))
        lesser = call != more_calls[nets.net]
        return np.where(lesser & plan.som_max[self.market.scope[legs.instrument]], 0.0, amount)

    def _calendar(self) -> None:
        for u, spreads in enumerate(self.plan.calendar):
            for spread in spreads:
                count, member = self.deltas.calendar(spread), self.deltas.member[u]
                self.calendar.add(Entry(spread.name, u, member, count * spread.rate), self.book.detail)
                if spread.method == "P":
                    self._mark("months apart", self.nets.row[member[count > 0]])

    def _spot(self) -> None:
        for u, months in enumerate(self.plan.spot):
            used = self.deltas.used(u)
            for column, in_spreads, outright, period in months:
                left = np.abs(self.deltas.left[u][:, column])
                charge, member = used[:, column] * in_spreads + left * outright, self.deltas.member[u]
                self.spot.add(Entry(f"Delivery month {period}", u, member, charge), self.book.detail)
                shared = (np.delete(used, column, axis=1) > 0).any(axis=1) & (used[:, column] > 0)
                self._mark("delivery month", self.nets.row[member[shared & (charge > 0)]])

    def _between(self, ahead: bool) -> None:
        for spread in self.plan.inter:
            if spread.ahead == ahead and spread.method == SCANNING:
                self._mark("scanning based", self.totals.merge(spread, self.deltas))
                self._weights = None
            elif spread.ahead == ahead:
                self._credit(spread)

    def _credit(self, spread: Spread) -> None:
        """Credit each leg of a spread: weighted price risk × deltas × rate, or its part of a flat amount."""
        rows, count = self.deltas.between(spread.legs)
        if not len(rows):
            return
        for leg in spread.legs:
            net = self.deltas.member[leg.scope][self.deltas.place[leg.scope][rows]]
            weighted = self._weighted()[net] * count * leg.ratio * leg.rate
            amount = count * leg.rate / len(spread.legs) if spread.flat else weighted
            amount = rounded(amount, 0) if spread.method == "20" else amount
            unknown = (self.of("wfpr_method")[net] > 1) & ~np.isfinite(self.of("wfpr_cap")[net])
            self._mark("scan range", rows[unknown & (amount > 0)])
            self.credit.add(Entry(f"{spread.name}: {leg.words}", leg.scope, net, amount), self.book.detail)
        if spread.flat:
            self._mark("flat credit", rows)

    def _weighted(self) -> np.ndarray:
        """Weighted futures price risk (N,): price risk over the net delta before spreads, capped where published so."""
        if self._weights is None:
            price = np.maximum(self.totals.by_net(risk(self.totals.loss).price), 0.0)
            delta = np.abs(self.deltas.base)
            weight = np.divide(price, delta, out=np.zeros(len(price)), where=delta > 0)
            method, cap = self.of("wfpr_method"), self.of("wfpr_cap")
            fixed = (method == SCAN_RANGE) & np.isfinite(cap)
            weight = np.where(fixed, cap, np.where(method == CAPPED, np.minimum(weight, cap), weight))
            self._weights = truncated(np.where(price > 0, weight, 0.0), int(self.p["wfpr_decimals"]))
        return self._weights

    def _mark(self, what: str, rows: np.ndarray) -> None:
        self.formed.setdefault(what, np.zeros(len(self.book), bool))[rows] = True
