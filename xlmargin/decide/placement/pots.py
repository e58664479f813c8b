"""Pots that positions can be put into: an account at a venue under its model, run again for every load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...assemble import one_leg_each
from ...book import Book, Cash, Legs, Orders
from ...checks import check
from ...comparison import in_currency
from ...errors import InputError, Problem
from ...ledger import Margin
from ...market import Market
from ...registry import Model
from ...run import Session
from ..candidates import reach
from ..reruns import LEGS_AT_ONCE, STEP
from ..subject import level_of


@dataclass(frozen=True, eq=False)
class Items:
    """Positions that can be moved (K,): number in the whole market, quantity, lots it is cut into, home pot (−1: none).

    ``entry``, ``leverage`` and ``accrued`` go with the position.
    """

    name: np.ndarray
    instrument: np.ndarray
    quantity: np.ndarray
    lots: np.ndarray
    home: np.ndarray
    entry: np.ndarray
    leverage: np.ndarray
    accrued: np.ndarray

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, eq=False)
class Pot:
    """An account at a venue without what can be moved, and what each item (K,) would be there.

    ``instrument`` (K,) is the number in the session's market, −1 where the item cannot go; ``size`` (K,) is how many
    contracts there make one of the item; ``most`` (K,) lots may stand there; ``own`` (K,) items are held there now;
    ``refused`` says why an item cannot go; ``stands`` is the equity by pool.
    """

    account: str
    venue: str
    session: Session
    base: Book
    items: Items
    instrument: np.ndarray
    size: np.ndarray
    most: np.ndarray
    own: np.ndarray
    refused: Mapping[int, str]
    level: str
    currency: str
    stands: Mapping[str, float] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The model's id."""
        return self.session.model.id

    def need(self, counts: np.ndarray) -> np.ndarray:
        """The requirement (N,) over all pools with ``counts`` (N, K) lots of each item; infinite where refused."""
        return self.figures(counts)[0]

    def figures(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The requirement (N,), infinite where refused, and what it lacks beyond the equity that ``stands`` here (N,).

        Every load is the account again: rows of one run of the model, in parts of bounded size.
        """
        step = max(1, LEGS_AT_ONCE // (len(self.base.legs) + len(self.items) + 8))
        parts = [self._part(counts[low : low + step]) for low in range(0, len(counts), step)]
        need, lack = zip(*parts, strict=True)
        return np.concatenate(need), np.concatenate(lack)

    def _part(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        need, lack = np.full(len(counts), np.inf), np.zeros(len(counts))
        able = np.flatnonzero((counts <= self.most).all(axis=1))
        if not len(able):
            return need, lack
        rows = self._marked(self.loaded(counts[able]))
        _, bad = check(rows, self.session.market, self.session.model, self.session.params)
        good = np.flatnonzero(~bad)
        if len(good):
            result = self.session.margin(rows.take(good))
            row = able[result.run.book.settings[STEP].astype(np.int64)]
            amount = level_of(result, self.level) * in_currency(result, self.currency)
            need[able[good]] = np.bincount(row, amount, len(counts))[able[good]]
            lack += np.bincount(row, np.maximum(0.0, amount - self._stands(result.pool)), len(counts))
        return need, lack

    def _stands(self, pool: np.ndarray) -> np.ndarray:
        """The equity that stands in each pool named (R,)."""
        words, code = np.unique(pool.astype(str), return_inverse=True)
        return np.array([self.stands.get(word, 0.0) for word in words])[code]

    def margin(self, counts: np.ndarray) -> Margin:
        """The whole margin with ``counts`` (K,) lots of each item."""
        return self.session.margin(self.loaded(counts[None, :]))

    def loaded(self, counts: np.ndarray) -> Book:
        """The account again in each row (N,), holding ``counts`` (N, K) lots of each item.

        The leverage chosen for a position goes with it; where positions merge, that of the one held there now is kept.
        """
        rows, items = len(counts), self.items
        book = self.base.take(np.zeros(rows, np.int64))
        row, k = np.nonzero(counts)
        order = np.lexsort((~self.own[k], row))
        row, k = row[order], k[order]
        share = counts[row, k] / items.lots[k]
        added = Legs.of(
            rows,
            row,
            self.instrument[k],
            items.quantity[k] * self.size[k] * share,
            entry=items.entry[k],
            leverage=items.leverage[k],
            accrued=items.accrued[k] * share,
        )
        problems: list[Problem] = []
        legs = one_leg_each(book.legs.joined(added), self.session.market, problems)
        if problems:
            raise InputError({str(p): p for p in problems}.values())
        return replace(book, legs=legs)

    def _marked(self, rows: Book) -> Book:
        """Rows that know their number, as accounts of names of their own: rulebooks may tell accounts by name."""
        number = np.arange(len(rows))
        names = np.array([f"{self.account} ({n})" for n in number], object)
        return replace(rows, account=names, settings={**rows.settings, STEP: number})


@dataclass(frozen=True, eq=False)
class Place:
    """Where a pot stands: row of the book (−1: an account that is opened), account, venue, model and how it is run."""

    row: int
    account: str
    venue: str
    model: str | Model
    how: Mapping[str, Any]


def pot_of(
    book: Book,
    market: Market,
    place: Place,
    items: Items,
    listing: tuple[np.ndarray, np.ndarray],
    most: np.ndarray,
    movable: np.ndarray,
    level: str,
    currency: str,
) -> Pot:
    """The pot at ``place``; ``listing`` is each item's instrument (K,) there (−1: none) and contracts a contract (K,).

    ``movable`` (H,) marks the legs of the book that are items. An item that the model refuses by itself cannot go.
    Raises InputError for what is wrong with the account as it is held.
    """
    instrument, size = listing
    there, first = np.unique(instrument[instrument >= 0], return_index=True)
    names, leverage = [str(name) for name in market.name[there]], items.leverage[instrument >= 0][first]
    made = reach(_account(book, place), market, place.model, names, place.how, leverage=leverage)
    base = _without(made.book, made.session, movable[book.legs.row == place.row])
    own = (items.home == place.row) & (items.home >= 0)
    known = {str(name): i for i, name in enumerate(made.session.market.name)}
    number = np.full(len(items), -1)
    why: dict[int, str] = {}
    for k in np.flatnonzero(instrument >= 0):
        name = str(market.name[instrument[k]])
        number[k] = known[name] if own[k] else made.number.get(name, -1)
        if number[k] < 0:
            why[int(k)] = made.refused[name]
    return Pot(
        account=place.account,
        venue=place.venue,
        session=made.session,
        base=base,
        items=items,
        instrument=number,
        size=size,
        most=np.where(number >= 0, most, 0),
        own=own,
        refused=why,
        level=level,
        currency=currency,
    )


def _account(book: Book, place: Place) -> Book:
    """The account of a place, or an empty one of that name."""
    if place.row >= 0:
        return book.take([place.row])
    like, none = book.take([0]), np.zeros(0, np.int64)
    return replace(
        like,
        legs=Legs.of(1, none, none, np.zeros(0)),
        cash=Cash.of(1, none, none, np.zeros(0)),
        orders=Orders.none(1),
        account=np.array([place.account], object),
        settings={key: np.array([None], object) for key in like.settings},
    )


def _without(book: Book, session: Session, moved: np.ndarray) -> Book:
    """The account without the legs that can be moved; what its parameters are named by stays as it is held."""
    name, held = session.model.scope_setting, np.unique(session.market.scope[book.legs.instrument])
    settings = dict(book.settings)
    if name in settings and not str(settings[name][0] or "") and len(held) == 1:
        settings[name] = np.array([session.market.scopes[held[0]]], object)
    legs = book.legs.at(~moved, book.legs.row[~moved], 1)
    return replace(book, legs=legs, settings=settings)


def contract_at(market: Market, venues: Sequence[str], instrument: int) -> dict[str, tuple[int, float]]:
    """The row of the market in which the same contract stands at each venue, and its contracts per contract.

    The same contract has the same kind, underlying, settlement asset, direction of pay-off, expiry, strike and type;
    its name and size may differ. Where the instruments table has no column ``venue`` a contract is listed everywhere.
    """
    listed = market.texts.get("venue", np.full(len(market), "", object))
    here = [str(v or "").strip().casefold() for v in listed]
    same = np.flatnonzero(_alike(market, instrument))
    found = {}
    for venue in venues:
        own = {"", venue.casefold(), venue.casefold().partition(".")[0]}
        ranked = [i for i in (instrument, *same) if here[i] in own]
        if ranked:
            size = market["contract_size"][instrument] / market["contract_size"][ranked[0]]
            found[venue] = (int(ranked[0]), float(size))
    return found


def _alike(market: Market, i: int) -> np.ndarray:
    """Instruments (I,) that are the same contract as ``i``."""
    keys: Iterable[np.ndarray] = (
        market.kind,
        market.underlying,
        market.settle,
        market.inverse,
        np.nan_to_num(market["expiry"]),
        np.nan_to_num(market["strike"]),
        market.call,
    )
    return np.logical_and.reduce([column == column[i] for column in keys])
