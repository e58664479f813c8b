"""A clearing house's own rulebook run over part of a book or all of it, as two clearing houses do for each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ...book import Book
from ...checks import check as gaps
from ...checks import typed_options, typed_settings
from ...errors import Problem
from ...ledger import LEGS, Line, Margin
from ...market import ASSET, Market
from ...params import Params
from ...registry import Model, Ready
from ...registry import model as find
from ...scopes import Found

HOUSES = ("a", "b")


@dataclass(frozen=True, eq=False)
class House:
    """A clearing house: its name, its rulebook made ready, and what it clears (I,).

    ``number`` (I,) is each instrument's place in the rulebook's own market, which leaves recognised spreads out.
    """

    name: str
    model: Model
    ready: Ready
    clears: np.ndarray
    number: np.ndarray

    @property
    def note(self) -> str:
        """Rulebook and parameters, for the notes of a result."""
        p = self.ready.params
        return f"{self.name}: {self.model.id}, parameters of {p.effective:%Y-%m-%d} {p.version}".strip()

    def margin(self, book: Book, legs: np.ndarray) -> Margin:
        """The house's margin of some legs (H,) of a book; amounts stand on the numbers that legs have in ``book``."""
        index = np.flatnonzero(legs)
        part = positions_only(book, index, self.number)
        settings, _ = typed_settings(part, self.model, np.zeros(len(book), bool))
        part = replace(part, settings=settings)
        if self.model.pools_step:
            part = self.model.pools_step(part, self.ready.market, self.ready.params, self.ready.options)
        return self.model.rule(part, self.ready).map(lambda line: _on(line, index, len(legs)))


def _on(line: Line, index: np.ndarray, count: int) -> Line:
    """A line whose amounts are of some legs as one over all legs."""
    if line.amounts is None or line.on != LEGS:
        return line
    amounts = np.zeros(count)
    amounts[index] = line.amounts
    return replace(line, amounts=amounts)


def positions_only(book: Book, index: np.ndarray, number: np.ndarray) -> Book:
    """Some legs of a book, without balances and orders, in the numbers of another market."""
    none = np.zeros(0, np.int64)
    legs = book.legs.at(index, book.legs.row[index], len(book))
    legs = replace(legs, instrument=number[legs.instrument])
    return replace(
        book, legs=legs, cash=book.cash.at(none, none, len(book)), orders=book.orders.at(none, none, len(book))
    )


def without_spreads(market: Market) -> tuple[Market, np.ndarray]:
    """The market without instruments of kind asset, and each instrument's number in it (I,)."""
    real = market.kind != ASSET
    rows = np.flatnonzero(real)
    scopes = np.unique(market.scope[rows])
    small = market.take(rows, scopes=scopes)
    return replace(small, scope=np.searchsorted(scopes, small.scope)), np.cumsum(real) - 1


def houses(market: Market, p: Params) -> dict[str, House]:
    """Both houses made ready for a market."""
    stated = house_of(market)
    real, number = without_spreads(market)
    made = {}
    for house in HOUSES:
        chosen, params = rulebook(p, house, market)
        settled = typed_options(chosen, {})
        prepared = chosen.prepare_step(real, params, settled) if chosen.prepare_step else {}
        name = str(p[f"house_{house}"])
        made[house] = House(name, chosen, Ready(real, params, settled, prepared), stated == name, number)
    return made


def house_of(market: Market) -> np.ndarray:
    """Where each instrument is cleared, as the instruments table says (I,)."""
    return np.array([str(s) for s in market.texts.get("house", [""] * len(market))], object)


def rulebook(p: Params, house: str, market: Market) -> tuple[Model, Params]:
    """A house's rulebook and its parameters: those given (loaded from its file), else its own at the market's date."""
    chosen, given = find(p[f"model_{house}"]), p[f"parameters_{house}"]
    return chosen, given if isinstance(given, Params) else chosen.params(market.as_of)


def cleared(book: Book, market: Market) -> np.ndarray:
    """Legs (H,) that a house margins: all but recognised spreads, which are instruments of kind asset."""
    return (market.kind != ASSET)[book.legs.instrument]


def problems(book: Book, market: Market, p: Params) -> Iterator[Found]:
    """What either house cannot margin of the whole book, what is cleared nowhere, and pools that would part it."""
    real, number = without_spreads(market)
    part = positions_only(book, np.flatnonzero(cleared(book, market)), number)
    names = [str(p[f"house_{h}"]) for h in HOUSES]
    nowhere = ~np.isin(house_of(real).astype(str), names)
    for h in np.flatnonzero(nowhere[part.legs.instrument]):
        row, name = part.legs.row[h], real.name[part.legs.instrument[h]]
        message = f"{name} does not say where it is cleared: {' or '.join(names)} in column house of instruments"
        problem = Problem("positions", int(part.legs.sheet_row[h]), "house", None, message, str(book.account[row]))
        yield problem, row
    for house in HOUSES if len(part.legs) else ():
        yield from _refused(part, real, *rulebook(p, house, market))


def _refused(part: Book, market: Market, chosen: Model, params: Params) -> Iterator[Found]:
    held = np.zeros(len(market), bool)
    held[part.legs.instrument] = True
    found, bad = gaps(part, market, chosen, params)
    for problem in found:
        yield problem, bad
    if found or not chosen.pools_step:
        return
    pooled = chosen.pools_step(part, market, params, typed_options(chosen, {}))
    accounts, count = np.unique(pooled.account.astype(str), return_counts=True)
    for account in accounts[count > 1]:
        message = f"{chosen.id} margins {account} in several pools; cross-margining takes one currency an account"
        yield Problem("positions", 0, "settle", None, message, account), part.account == account
