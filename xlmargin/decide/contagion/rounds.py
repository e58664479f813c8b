"""Round by round: prices move, accounts break, the ladder sells, sales move prices, until nothing changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ...book import added
from ..moves import Moves
from ..simulate.simulate import MOST_STEPS
from ..trades import closed
from .cohort import Cohort, paid_in
from .forced import Plan, plan
from .impact import Impact
from .lenders import Terms
from .losses import Losses
from .sales import Done, Flow, Sale

TIE = 1e-9
FLOWS = ("result", "lost", "fees", "bonus", "slipped", "moved", "surrendered", "deficit")


@dataclass(frozen=True, eq=False)
class Round:
    """One round: accounts (A,) broken and liquidated in it; USD by account (A,) of every flow and of sales.

    By name (U,) USD bought and sold, price factor at its marks, share of sales borne; by venue (V,) what the fund has
    left and what stayed uncovered.
    """

    number: int
    broke: np.ndarray
    liquidated: np.ndarray
    flows: dict[str, np.ndarray]
    sold_by: np.ndarray
    bought: np.ndarray
    sold: np.ndarray
    factor: np.ndarray
    borne: np.ndarray
    fund: np.ndarray
    uncovered: np.ndarray


@dataclass(eq=False)
class Spread:
    """A contagion under way: cohorts, the whole shock, the law of impact, funds (V,), venue and owner (A,) by number.

    ``flow`` (U,) is what was bought (negative: sold) in all, in USD at the prices before the shock; ``cover`` (A,)
    equity over maintenance of the worst pool when an account broke.
    """

    cohorts: list[Cohort]
    moves: Moves
    losses: Losses
    impact: Impact
    fund: np.ndarray
    venue: np.ndarray
    owner: np.ndarray
    together: bool
    slippage: float
    rounds: list[Round] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = self.cohorts[0].names
        self.names, accounts = names, len(self.venue)
        self.terms = [Terms.of(s.base) for s in self.cohorts]
        self.flow, self.shock = np.zeros(len(names)), np.ones(len(names))
        self.broke, self.cover = np.full(accounts, -1, np.int64), np.full(accounts, np.inf)
        self.before = self.by_account([s.worth for s in self.cohorts])

    @property
    def bound(self) -> int:
        """The most rounds there can be.

        Every round after the first two but the last closes a step of an account, cancels its orders, repays its debts
        or takes it over, and an account stands at most MOST_STEPS steps, one cancelling, one take-over in each pool.
        """
        return 3 + (MOST_STEPS + 2) * sum(map(len, self.cohorts))

    @property
    def factor(self) -> np.ndarray:
        """Price factor (U,) of shock and sales together."""
        return self.shock * self.impact.factor(self.flow)

    def run(self, most_rounds: int) -> bool:
        """All rounds; returns whether it came to rest within ``most_rounds``."""
        last, acted = self.factor, self._round(0)
        for number in range(1, most_rounds + 1):
            if number == 1:
                self.shock = self._shock()
            moved = (self.factor != last) | ((number == 1) & self._shocked())
            if not acted and not moved.any() and not (number == 1 and self.losses.any):
                return True
            last = self.factor
            self._go(moved)
            acted = self._round(number)
        return not acted and bool((self.factor == last).all())

    def _round(self, number: int) -> bool:
        """Margin what changed, liquidate what is unsafe; returns whether anything was done."""
        flows = dict.fromkeys(FLOWS, np.zeros(len(self.venue)))
        flows["result"] = self.by_account([s.measure() for s in self.cohorts])
        if number == 1 and self.losses.any:
            flows["lost"] = self.by_account([self._lose(s) for s in self.cohorts])
        if self.together:
            flows["moved"] = self._support()
        new = self._broken(number)
        plans = [self._plan(s, t) for s, t in zip(self.cohorts, self.terms, strict=True)]
        results, borne = self._carried(plans)
        factor = self.factor
        made = self._booked(flows, plans, results)
        flow = self._flow(results)
        self.flow = self.flow + (flow.bought - flow.sold) / factor
        fund, uncovered = self._covered(flows)
        liquidated = made["acted"] > 0
        if number < 2 or new.any() or liquidated.any() or any(v.any() for v in flows.values()):
            names = (flow.bought, flow.sold, factor, borne)
            self.rounds.append(Round(number, new, liquidated, flows, made["sold"], *names, fund, uncovered))
        return bool(liquidated.any())

    def _plan(self, cohort: Cohort, terms: Terms) -> Plan:
        return plan(cohort, np.flatnonzero(cohort.unsafe & ~cohort.fixed), terms)

    def _carried(self, plans: list[Plan]) -> tuple[list[Done], np.ndarray]:
        """What is done: everything, or the share of each name's sales (U,) that its depth bears."""
        sales = [Sale(s, p) for s, p in zip(self.cohorts, plans, strict=True)]
        made, factor = [sale.done() for sale in sales], self.factor
        flow = self._flow(made)
        borne = self.impact.bears(self.flow, flow.bought / factor, flow.sold / factor)
        if (borne < 1.0).any():
            sales = [replace(sale, bears=borne) for sale in sales]
            made = [sale.done() for sale in sales]
        if self.slippage and any(m.acted.any() for m in made):
            ratio = self.slippage * (self._after(made) / factor - 1.0)
            made = [sale.done(ratio) for sale in sales]
        return made, borne

    def _after(self, made: list[Done]) -> np.ndarray:
        """Price factor (U,) once what was done has moved prices."""
        flow = self._flow(made)
        return self.shock * self.impact.factor(self.flow + (flow.bought - flow.sold) / self.factor)

    def _flow(self, results: list[Done]) -> Flow:
        total = lambda part: np.sum([getattr(r.flow, part) for r in results], axis=0)  # noqa: E731
        return Flow(total("bought"), total("sold"), np.zeros(0))

    def _booked(self, flows: dict[str, np.ndarray], plans: list[Plan], results: list[Done]) -> dict[str, np.ndarray]:
        """Put liquidated rows back and book what they paid; returns sales and deeds by account (A,)."""
        made = {"sold": np.zeros(len(self.venue)), "acted": np.zeros(len(self.venue))}
        for cohort, own, result in zip(self.cohorts, plans, results, strict=True):
            account, acted = cohort.account[own.rows], result.acted
            cohort.put(own.rows[acted], result.book.take(np.flatnonzero(acted)))
            cohort.steps[own.rows[acted]] += 1
            cohort.worth[own.rows] -= result.fee + result.bonus + result.slipped + result.left
            parts = {"fees": -result.fee, "bonus": -result.bonus, "slipped": -result.slipped}
            parts |= {"surrendered": -np.maximum(result.left, 0.0), "deficit": np.maximum(-result.left, 0.0)}
            for name, amount in parts.items():
                flows[name] = flows[name] + added(account, amount, len(self.venue))
            made["sold"] += added(account, result.flow.by_row, len(self.venue))
            made["acted"] += added(account, acted.astype(np.float64), len(self.venue))
        return made

    def _covered(self, flows: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """What each fund (V,) has left after fees, what it took over, and deficits; what it could not cover."""
        gains = -(flows["fees"] + flows["surrendered"] + flows["deficit"])
        fund = self.fund + added(self.venue, gains, len(self.fund))
        self.fund = np.maximum(fund, 0.0)
        return self.fund, np.maximum(-fund, 0.0)

    def _broken(self, number: int) -> np.ndarray:
        """Accounts (A,) that break in this round."""
        new = np.zeros(len(self.venue), bool)
        for s in self.cohorts:
            unsafe = s.unsafe
            cover = np.divide(s.equity, s.need, out=np.full(len(s), -np.inf), where=s.need > 0)
            new[s.account[unsafe]] = True
            fresh = unsafe & (self.broke[s.account] < 0)
            np.minimum.at(self.cover, s.account[fresh], cover[fresh])
        new &= self.broke < 0
        self.broke[new] = number
        return new

    def _support(self) -> np.ndarray:
        """Owners move what their other pools can spare to pools that are below maintenance; USD by account (A,).

        A billionth more than is short, so that rounding leaves nobody below.
        """
        short, free = [], []
        for s in self.cohorts:
            least = np.maximum(s.need / s.ladder.target, s.ladder.trigger * s.need)
            wanted = least - s.equity + TIE * (least + np.abs(s.equity))
            able = s.purse >= 0
            short.append(np.where(s.unsafe & able, wanted * s.rate, 0.0))
            free.append(np.where(~s.unsafe & able, np.minimum(_spare(s), (s.equity - s.initial) * s.rate), 0.0))
        asked, offered = (self._by_owner(v) for v in (short, [np.maximum(f, 0.0) for f in free]))
        total = np.minimum(asked, offered)
        ratio = lambda of: np.divide(total, of, out=np.zeros(len(of)), where=of > 0)  # noqa: E731
        gets, gives = ratio(asked), ratio(offered)
        moved = []
        for s, need, spare in zip(self.cohorts, short, free, strict=True):
            who = self.owner[s.account]
            amount = need * gets[who] - np.maximum(spare, 0.0) * gives[who]
            s.book = paid_in(s.book, s.there.market, s.purse, amount)
            s.worth += amount
            s.changed |= amount != 0.0
            s.measure()
            moved.append(amount)
        return self.by_account(moved)

    def _shock(self) -> np.ndarray:
        """Price factor (U,) of the shock by name: of an underlying, else of the asset of that name."""
        out, names = np.ones(len(self.names)), self.names
        assets = self.cohorts[0].base.market.assets.astype(str)
        own = assets == names.name[names.asset].astype(str)
        out[names.asset[own]] = self.moves.asset[0][own]
        out[names.group] = self.moves.price[0]
        return out

    def _shocked(self) -> bool:
        m = self.moves
        factors = (m.price, m.vol, m.basis, m.asset)
        return any((f != 1.0).any() for f in factors) or bool((m.rate != 0).any() or m.seconds)

    def _lose(self, s: Cohort) -> np.ndarray:
        """End what a failed venue ends and take what the shock loses; USD by row (R,), at the marks of the shock."""
        market, ended = s.there.market, self.losses.ended[s.account]
        book = closed(s.book, market, np.where(ended[s.book.legs.row], 1.0, 0.0))
        orders = book.orders.at(~ended[book.orders.row], book.orders.row[~ended[book.orders.row]], book.orders.rows)
        left = self.losses.left(book, s.account)
        lost = book.cash.sum((left - book.cash.amount) * np.nan_to_num(market.price)[book.cash.asset])
        s.book = replace(book, orders=orders, cash=replace(book.cash, amount=left))
        s.worth += lost
        s.changed |= ended | (lost != 0.0)
        s.measure()
        return lost

    def _go(self, moved: np.ndarray) -> None:
        """Every cohort on the market after shock and sales."""
        pressed = self.impact.factor(self.flow)
        price = self.moves.price * pressed[self.names.group]
        now = replace(self.moves, price=price, asset=self.moves.asset * pressed[self.names.asset])
        for s in self.cohorts:
            s.moved(now, moved)

    def by_account(self, amounts: list[np.ndarray]) -> np.ndarray:
        """Amounts (R,) of every cohort added up by account (A,)."""
        number = np.concatenate([s.account for s in self.cohorts])
        return added(number, np.concatenate(amounts), len(self.venue))

    def _by_owner(self, amounts: list[np.ndarray]) -> np.ndarray:
        number = np.concatenate([self.owner[s.account] for s in self.cohorts])
        return added(number, np.concatenate(amounts), int(self.owner.max(initial=-1)) + 1)


def _spare(s: Cohort) -> np.ndarray:
    """USD in each pool's purse (R,)."""
    cash = s.book.cash
    own = np.where(s.purse[cash.row] == cash.asset, cash.amount, 0.0)
    return cash.sum(own) * np.nan_to_num(np.append(s.there.market.price, 0.0))[s.purse]
