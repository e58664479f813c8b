"""What scenarios do to one market and to the balances by location, part by part, and the rule run on any of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...book import Book
from ...errors import InputError, Problem
from ...ledger import Margin
from ...market import Market
from ...pools import TRANSFER
from ..moves import Moves, held_only, named
from ..worlds import figures
from .table import TABLE, Scenario, places

PARTS = ("price", "volatility", "basis", "rates", "time", "collateral", "lost", "frozen")
PRICE, VOL, BASIS, RATES, TIME, ALONE, LOST, FROZEN = range(len(PARTS))
RECORDS_AT_ONCE = 1 << 20
LOAN = 1


@dataclass(frozen=True, eq=False)
class Plan:
    """K scenarios: ``moves`` without assets, factors of assets by ``coin`` and ``alone`` (K, C), ``seconds`` (K,).

    ``gone`` (2, K, L) are the shares of the balances at each location lost and frozen; ``place`` (H,) is each
    balance's location.
    """

    scenarios: tuple[Scenario, ...]
    moves: Moves
    coin: np.ndarray
    alone: np.ndarray
    seconds: np.ndarray
    gone: np.ndarray
    place: np.ndarray

    @classmethod
    def of(cls, scenarios: Sequence[Scenario], market: Market, book: Book) -> Plan:
        """The plan of scenarios on a market and a book; names that nothing here follows move nothing."""
        names, place = places(book)
        coin = [named(market, **_given(s, market, "price", "vol", "basis"), rate=s.rest("rate")) for s in scenarios]
        alone = [named(market, **_given(s, market, "collateral")) for s in scenarios]
        seconds = np.array([s.rest("days") * 86400.0 for s in scenarios], np.float64)
        gone = np.array([[_shares(s, what, names) for s in scenarios] for what in ("lost", "frozen")], np.float64)
        moves = Moves.stack(coin)
        _refuse_expired(scenarios, seconds, market, book)
        return cls(tuple(scenarios), moves, moves.asset, Moves.stack(alone).asset, seconds, gone, place)

    def __len__(self) -> int:
        return len(self.scenarios)

    @property
    def used(self) -> np.ndarray:
        """Parts (K, P) that change anything here."""
        own = self.moves
        held = np.zeros(self.gone.shape[2], bool)
        held[self.place] = True
        return np.stack(
            [
                (own.price != 1.0).any(axis=1) | (self.coin != 1.0).any(axis=1),
                (own.vol != 1.0).any(axis=1),
                (own.basis != 1.0).any(axis=1),
                own.rate != 0.0,
                self.seconds != 0.0,
                (self.alone != 1.0).any(axis=1),
                *(self.gone * held).any(axis=2),
            ],
            axis=1,
        )

    def moved(self, which: np.ndarray, inside: np.ndarray) -> Moves:
        """Moves (N,) of scenarios ``which`` (N,) with only the parts ``inside`` (N, P) taking place."""
        own = self.moves.take(which)
        on = lambda part, factor: np.where(inside[:, part, None], factor, 1.0)  # noqa: E731
        return replace(
            own,
            price=on(PRICE, own.price),
            vol=on(VOL, own.vol),
            basis=on(BASIS, own.basis),
            asset=on(PRICE, self.coin[which]) * on(ALONE, self.alone[which]),
            rate=np.where(inside[:, RATES], own.rate, 0.0),
        )

    def kept(self, which: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Share (N, H) of each balance that still counts."""
        lost, frozen = (self.gone[n][which] * inside[:, part, None] for n, part in ((0, LOST), (1, FROZEN)))
        return (1.0 - lost - frozen)[:, self.place]


def _given(scenario: Scenario, market: Market, *kinds: str) -> dict[str, dict[str, float]]:
    """Arguments of ``named`` for some kinds of moves."""
    own = {kind: scenario.named(kind) for kind in kinds}
    return held_only(market, own) | {"rest": {kind: scenario.rest(kind) for kind in kinds if kind != "collateral"}}


def _shares(scenario: Scenario, what: str, names: Sequence[str]) -> list[float]:
    return [scenario.by[what].get(name, scenario.rest(what)) for name in names]


def _refuse_expired(scenarios: Sequence[Scenario], seconds: np.ndarray, market: Market, book: Book) -> None:
    """Raise InputError for scenarios in which more time passes than something held has."""
    used = np.zeros(len(market), bool)
    used[book.legs.instrument] = used[book.orders.instrument] = True
    problems = []
    for scenario, passed in zip(scenarios, seconds, strict=True):
        for i in np.flatnonzero(used & (market["expiry"] < market.as_of + passed))[:50]:
            text = f"{scenario.name}: {market.name[i]} expires before {passed / 86400.0:g} days have passed"
            problems.append(Problem(TABLE, scenario.row, "days", passed / 86400.0, f"{text}; close or settle it first"))
    if problems:
        raise InputError(problems)


def outcomes(
    margin: Margin, plan: Plan, which: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Equity (N, R) and every requirement (N, R) where parts ``inside`` (N, P) of scenarios ``which`` (N,) happen."""
    rows = len(margin.account)
    equity, levels = np.empty((len(which), rows)), {}
    for cut in _cuts(margin.run.book, np.where(inside[:, TIME], plan.seconds[which], 0.0)):
        book = _stricken(margin.run.book, plan.kept(which[cut], inside[cut]))
        seconds = float(plan.seconds[which[cut[0]]]) if inside[cut[0], TIME] else 0.0
        moves = replace(plan.moved(which[cut], inside[cut]), seconds=seconds)
        found = figures(margin.run.session, book, np.repeat(np.arange(len(cut)), rows), moves)
        equity[cut] = found.equity.reshape(len(cut), rows)
        for name, value in found.levels.items():
            levels.setdefault(name, np.empty_like(equity))[cut] = value.reshape(len(cut), rows)
    return equity, levels


def _cuts(book: Book, seconds: np.ndarray) -> Iterator[np.ndarray]:
    """Numbers of cases of one time that together hold a bounded number of records."""
    size = len(book) + len(book.legs) + len(book.cash) + len(book.orders)
    most = max(1, RECORDS_AT_ONCE // max(size, 1))
    for moment in np.unique(seconds):
        cases = np.flatnonzero(seconds == moment)
        yield from (cases[low : low + most] for low in range(0, len(cases), most))


def _stricken(book: Book, kept: np.ndarray) -> Book:
    """The rows once per case (N) with the balances that still count: ``kept`` (N, H).

    What is owed stays owed. Margin posted to isolated legs lies at the account's venue, and goes with what lies there.
    """
    count, rows = len(kept), len(book)
    copies = book.take(np.tile(np.arange(rows), count))
    cash = copies.cash
    own = ((cash.amount > 0.0) & (cash.kind != LOAN)) | (cash.kind == TRANSFER)
    share = np.where(own, kept.ravel(), 1.0)
    left = share > 0.0
    cash = replace(cash, amount=cash.amount * share)
    return replace(copies, cash=cash if left.all() else cash.at(left, cash.row[left], cash.rows))
