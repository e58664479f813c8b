"""What may be moved, and whereto: the positions, hedges and eligibility of a placement, read from tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...book import Book, Legs
from ...errors import InputError, Problem, nearest
from ...market import OPTION, Market
from ...parsing import Table, parse
from ..trades import marks
from ..valuation import notional
from .pots import Items, Place, contract_at


@dataclass(frozen=True, eq=False)
class Moved:
    """Items (K,), the cost of moving each (K,), and which legs of the book (H,) they are."""

    items: Items
    cost: np.ndarray
    legs: np.ndarray


def moved(book: Book, market: Market, movable: Any, hedges: Any, lots: int) -> Moved:
    """The positions of a book's accounts that may be moved, and hedges that stand nowhere yet.

    ``movable`` is None for all cross positions in one-way mode, names of instruments, or a table (instrument, account,
    lots, cost); ``hedges`` a table (instrument, quantity, price, lots). Raises InputError with every problem.
    """
    problems: list[Problem] = []
    able = ~book.legs.isolated & (book.legs.side == 0) & (book.legs.quantity != 0)
    part, cost = np.full(len(book.legs), float(lots)), np.zeros(len(book.legs))
    if movable is not None:
        named = movable if hasattr(movable, "keys") else {"instrument": list(movable)}
        able = _narrowed(book, market, parse("movable", named, problems), able, part, cost, problems)
    traded = parse("hedges", hedges, problems)
    number = _known(market, traded, problems)
    _whole(part, problems)
    if problems:
        raise InputError(problems)
    h, legs = np.flatnonzero(able), book.legs
    count = np.nan_to_num(traded["lots"], nan=float(lots))
    price = np.where(np.isnan(traded["price"]), marks(market)[number], traded["price"])
    instrument = np.concatenate([legs.instrument[h], number])
    items = Items(
        market.name[instrument],
        instrument,
        np.concatenate([legs.quantity[h], traded["quantity"]]),
        np.concatenate([part[h], count]).astype(np.int64),
        np.concatenate([legs.row[h], np.full(len(number), -1)]),
        _entries(legs, instrument, np.concatenate([legs.entry[h], price])),
        np.concatenate([legs.leverage[h], np.full(len(number), np.nan)]),
        np.concatenate([legs.accrued[h], np.zeros(len(number))]),
    )
    return Moved(items, np.concatenate([cost[h], np.zeros(len(number))]), able)


def _entries(legs: Legs, instrument: np.ndarray, entry: np.ndarray) -> np.ndarray:
    """Entry prices, none for an instrument of which some leg has none: lots that merge have all or none."""
    bare = np.concatenate([legs.instrument[np.isnan(legs.entry)], instrument[np.isnan(entry)]])
    return np.where(np.isin(instrument, bare), np.nan, entry)


def _narrowed(
    book: Book,
    market: Market,
    table: Table,
    able: np.ndarray,
    part: np.ndarray,
    cost: np.ndarray,
    problems: list[Problem],
) -> np.ndarray:
    """The legs that the table names; their lots and costs are put in place."""
    legs, chosen = book.legs, np.zeros(len(book.legs), bool)
    held, who = market.name[legs.instrument], book.account[legs.row]
    for n in range(len(table)):
        name, account = table["instrument"][n], table["account"][n]
        own = (held == name) & ((who == account) | (account == ""))
        if not own.any():
            hint = nearest(str(name), sorted({str(x) for x in held}))
            whose = f" of {account}" if account else ""
            problems.append(table.problem(n, "instrument", f"no position in {name}{whose}{hint}"))
        elif not (own & able).any():
            problems.append(table.problem(n, "instrument", f"{name}: isolated and hedge-mode legs stay where they are"))
        chosen |= own & able
        part[own] = part[own] if np.isnan(table["lots"][n]) else table["lots"][n]
        cost[own] = np.nan_to_num(table["cost"][n])
    return chosen


def _known(market: Market, table: Table, problems: list[Problem]) -> np.ndarray:
    """Number of each hedge's instrument in the market."""
    listed = {str(name): i for i, name in enumerate(market.name)}
    for n, name in enumerate(table["instrument"]):
        if name not in listed:
            text = f"the market lists no {name}{nearest(str(name), listed)}; add it to the instruments table"
            problems.append(table.problem(n, "instrument", text))
        elif not table["quantity"][n]:
            problems.append(table.problem(n, "quantity", f"{name}: trades nothing"))
    return np.array([listed.get(name, 0) for name in table["instrument"]], np.int64)


def _whole(part: np.ndarray, problems: list[Problem]) -> None:
    bad = part[(part < 1) | (part != np.floor(part))]
    if len(bad):
        problems.append(Problem("movable", 0, "lots", float(bad[0]), f"lots are whole and at least 1, not {bad[0]:g}"))


@dataclass(frozen=True, eq=False)
class Listing:
    """What each item is at each place: instrument (V, K), −1 where it is not listed; contracts; most lots; why not."""

    instrument: np.ndarray
    size: np.ndarray
    most: np.ndarray
    why: dict[tuple[int, int], str]


def listing(market: Market, items: Items, places: Sequence[Place], eligible: Any) -> Listing:
    """Where each item may stand: where the market lists the same contract, and where the table says, if one is given.

    Instruments that the table names go nowhere else; every position may stay where it is.
    """
    shape = len(places), len(items)
    out = Listing(np.full(shape, -1, np.int64), np.ones(shape), np.tile(items.lots, (shape[0], 1)), {})
    venues = [p.venue for p in places]
    for k, i in enumerate(items.instrument):
        found = contract_at(market, venues, int(i))
        for v, venue in enumerate(venues):
            if items.home[k] == v:
                out.instrument[v, k] = i
            elif venue in found:
                out.instrument[v, k], out.size[v, k] = found[venue]
            else:
                out.why[v, k] = f"{places[v].account or venue} lists no {items.name[k]}"
    if eligible is not None:
        _narrow(market, items, places, eligible, out)
    return out


def _narrow(market: Market, items: Items, places: Sequence[Place], eligible: Any, out: Listing) -> None:
    problems: list[Problem] = []
    table = parse("eligible", eligible, problems)
    at = [np.flatnonzero([name in (p.venue, p.account) for p in places]) for name in table["venue"]]
    problems.extend(_unknown(market, items, places, table, at))
    if problems:
        raise InputError(problems)
    told = {str(name) for name in table["instrument"]}
    number = {str(name): i for i, name in enumerate(market.name)}
    for k, name in enumerate(items.name):
        rows = np.flatnonzero(table["instrument"] == name)
        named = {int(v): n for n in rows for v in at[n]}
        for v, place in enumerate(places):
            if v in named:
                _put(market, items, table, named[v], number, v, k, out)
            elif str(name) in told and items.home[k] != v:
                out.instrument[v, k] = -1
                out.why[v, k] = f"the eligible table does not name {name} at {place.account or place.venue}"


def _put(
    market: Market, items: Items, table: Table, n: int, number: dict[str, int], v: int, k: int, out: Listing
) -> None:
    """One row of the table: another name there, and the most that may stand there."""
    if table["listed_as"][n]:
        there, size = number[table["listed_as"][n]], market["contract_size"]
        out.instrument[v, k], out.size[v, k] = there, size[items.instrument[k]] / size[there]
        out.why.pop((v, k), None)
    if not np.isnan(table["most"][n]):
        lot = abs(items.quantity[k]) * out.size[v, k] / items.lots[k]
        out.most[v, k] = min(out.most[v, k], int(table["most"][n] / lot * (1 + 1e-12)))


def _unknown(
    market: Market, items: Items, places: Sequence[Place], table: Table, at: Sequence[np.ndarray]
) -> Iterator[Problem]:
    """Rows of the eligible table that name nothing there is."""
    held, names = [str(n) for n in items.name], [str(n) for n in market.name]
    known = list(dict.fromkeys([*(p.venue for p in places if p.venue), *(p.account for p in places)]))
    for n in range(len(table)):
        name, there, venue = (str(table[c][n]) for c in ("instrument", "listed_as", "venue"))
        if name not in held:
            yield table.problem(n, "instrument", f"{name} is none of what can be moved{nearest(name, held)}")
        if not len(at[n]):
            yield table.problem(n, "venue", f"no venue or account {venue!r}{nearest(venue, known)}")
        if there and there not in names:
            yield table.problem(n, "listed_as", f"the market lists no {there}{nearest(there, names)}")
        elif there and name in names:
            a, b = names.index(name), names.index(there)
            turned = market.inverse[a] != market.inverse[b] and market.kind[a] != OPTION
            if turned or market.kind[a] != market.kind[b]:
                yield table.problem(
                    n, "listed_as", f"{there} is not {name} by another name: its kind or pay-off differs"
                )


def moving_costs(
    market: Market,
    found: Moved,
    venues: Sequence[str],
    move_cost: float,
    fees: float | Mapping[str, float],
    currency: str,
) -> np.ndarray:
    """What one lot of each item costs at each pot (V, K): nothing at home, else moving it and fees at both ends."""
    items = found.items
    if isinstance(fees, Mapping):
        known = {str(k).casefold(): float(v) for k, v in fees.items()}
        strange = [k for k in fees if str(k).casefold() not in [v.casefold() for v in venues]]
        if strange:
            text = "no venue {!r}{}"
            raise InputError([Problem("fees", 0, "venue", k, text.format(k, nearest(str(k), venues))) for k in strange])
        rate = np.array([known.get(v.casefold(), 0.0) for v in venues])
    else:
        rate = np.full(len(venues), float(fees))
    if move_cost < 0 or (rate < 0).any() or (found.cost < 0).any():
        raise InputError([Problem("fees", 0, "cost", None, "what moving costs cannot be below zero")])
    size = np.zeros(len(items))
    if rate.any():
        size = notional(Book.bare(1, np.zeros(len(items)), items.instrument, items.quantity), market, currency)
    out = np.append(rate, 0.0)[items.home] * (items.home >= 0)
    moving = (move_cost + found.cost) * (items.home >= 0) + size * (rate[:, None] + out)
    return np.where(items.home[None, :] == np.arange(len(venues))[:, None], 0.0, moving) / items.lots
