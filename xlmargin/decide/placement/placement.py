"""Which venue or account should hold each position or hedge, so that what all of them require is least."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...book import Book
from ...errors import InputError, Note, Problem
from ...findings import once
from ...ledger import Margin
from ...market import Market
from ...params import Params
from ...registry import model as find
from ..across import Models, told_of, venues_of
from ..owners import owner_named, owners_of
from .arrangements import arrangements, bound_of, clash, equity_by_pool, lacking, required, starts
from .assign import TIE, Cost, Pots, Shares
from .movable import Listing, listing, moved, moving_costs
from .placed import Placement
from .pots import Items, Place, Pot, pot_of

EXACT = 4096


def place(
    book: Book,
    market: Market,
    models: Models = None,
    *,
    owner: str | None = None,
    movable: Any = None,
    hedges: Any = None,
    eligible: Any = None,
    lots: int = 1,
    level: str = "initial",
    currency: str = "USD",
    move_cost: float = 0.0,
    fees: float | Mapping[str, float] = 0.0,
    transfer_cost: float = 0.0,
    exact_up_to: int = EXACT,
    params: Mapping[str, Params] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    workers: int | None = None,
) -> Placement:
    """Where an owner's positions should stand: min Σ over accounts of requirement(what stands there) + cost of moving.

    Parameters: ``models`` by venue as ``across`` takes them; a venue at which no account stands yet is a candidate too.
    ``owner``, where the accounts table names several. ``movable``: None for every cross position, names, or a table
    (instrument, account, lots, cost). ``hedges``: a table (instrument, quantity, price, lots) of trades that must stand
    somewhere. ``eligible``: a table (instrument, venue, most, listed_as); what it names goes nowhere else. ``lots``,
    equal parts that a position may be split into. ``level``, the requirement that is minimised. ``move_cost`` is a
    cost in ``currency`` a position moved, ``fees`` a fraction of notional at either end, one number or by venue;
    ``transfer_cost`` what it costs to bring a unit of ``currency`` to an account where equity falls short.
    ``exact_up_to`` loads of a pot (2^12: twelve whole positions) every placement is gone through; beyond, exchanges of
    one and two positions from several starts, and a few positions at a time shared out anew. A load costs one run of
    the rule on one account: lower it for a rule that pairs positions (Reg T). Balances, orders and all else stay; a
    position moves at its mark, with the leverage that was chosen for it.
    The same contract is one by its fields, whatever its name (see ``contract_at``).
    Raises InputError for tables that cannot be read and for positions that no pot can hold, with the reasons.

    >>> from ...assemble import tables
    >>> held = {"account": ["H", "X"], "instrument": ["BTC", "BTC"], "quantity": [3.0, -1.0]}
    >>> listed = {"instrument": ["BTC"], "kind": ["perp"], "underlying": ["BTC"], "settle": ["USDC"], "mark": [1e5]}
    >>> accounts = {"account": ["H", "X"], "venue": ["hyperliquid.cross", "dydx.cross"]}
    >>> assets = {"asset": ["USDC"], "price": [1.0]}
    >>> desk = tables(held, instruments=listed, accounts=accounts, assets=assets, as_of="2026-11-01")
    >>> print(*place(*desk).words.split("; ")[:3], sep="\\n")
    4,000.00 USD of initial margin, 5,500.00 less than as held (9,500.00)
    1 position moves
    equity to bring: 4,000.00 to X
    """
    book = _of_owner(book, owner)
    places = _places(book, models, params, options, workers)
    found = moved(book, market, movable, hedges, lots)
    if not len(found.items):
        raise InputError("nothing to place: the book holds no cross position in one-way mode, and no hedge is given")
    where = listing(market, found.items, places, eligible)
    listed = zip(places, where.instrument, where.size, where.most, strict=True)
    pots = tuple(
        pot_of(book, market, p, found.items, (instrument, size), most, found.legs, level, currency)
        for p, instrument, size, most in listed
    )
    why = _reasons(found.items, pots, where)
    _refuse(found.items, pots, why)
    each = moving_costs(market, found, [pot.venue for pot in pots], move_cost, fees, currency)
    home = _home(found.items, len(pots))
    held = [pot.margin(row) for pot, row in zip(pots, home, strict=True)]
    pots = tuple(replace(pot, stands=equity_by_pool(m, currency)) for pot, m in zip(pots, held, strict=True))
    shares = _least(pots, found.items, each, home, (transfer_cost, exact_up_to))
    return _told(book, market, pots, shares, each, held, why, transfer_cost)


def _of_owner(book: Book, owner: str | None) -> Book:
    if not len(book):
        raise InputError("an empty book: no table names an account")
    names, number = owners_of(book)
    return book.take(np.flatnonzero(number == owner_named(names, owner)))


def _places(
    book: Book,
    models: Models,
    params: Mapping[str, Params] | None,
    options: Mapping[str, Mapping[str, Any]] | None,
    workers: int | None,
) -> list[Place]:
    """The accounts of the book, and an account to be opened at each further venue that ``models`` names."""
    venue, chosen = venues_of(book, models)
    how = {name: told_of(id, params, options) | {"workers": workers} for name, id in chosen.items()}
    here = [
        Place(r, str(book.account[r]), name, find(chosen[name]), how[name]) for r, name in enumerate(venue.tolist())
    ]
    new = [name for name in chosen if name not in venue]
    return here + [Place(-1, f"(new) {name}", name, find(chosen[name]), how[name]) for name in new]


def _reasons(items: Items, pots: Sequence[Pot], where: Listing) -> dict[tuple[int, int], str]:
    """Why an item cannot stand at a pot, for every pair where it cannot."""
    refused = {(v, k): f"{pot.account}: {why}" for v, pot in enumerate(pots) for k, why in pot.refused.items()}
    return where.why | refused


def _refuse(items: Items, pots: Sequence[Pot], why: Mapping[tuple[int, int], str]) -> None:
    """Stop where an item can stand nowhere, with the reason of every pot."""
    room = np.sum([pot.most for pot in pots], axis=0)
    problems = []
    for k in np.flatnonzero(room < items.lots):
        told = "; ".join(why[v, k] for v in range(len(pots)) if (v, k) in why)
        few = "the eligible table leaves too little room for it"
        problems.append(
            Problem("positions", 0, "instrument", items.name[k], f"no pot can hold {items.name[k]}: {told or few}")
        )
    if problems:
        raise InputError(problems)


def _home(items: Items, pots: int) -> np.ndarray:
    """Lots (V, K) as held; hedges stand nowhere."""
    return np.where(items.home[None, :] == np.arange(pots)[:, None], items.lots[None, :], 0)


def _least(pots: Sequence[Pot], items: Items, each: np.ndarray, home: np.ndarray, how: tuple[float, int]) -> Shares:
    """The placement of least requirement and cost; of two that differ by rounding alone, the one that moves less."""
    transfer_cost, exact_up_to = how
    scale = sum(abs(amount) for pot in pots for amount in pot.stands.values())
    tie = np.where(home > 0, 0.0, TIE * max(1.0, scale)) / (len(items) * items.lots)

    def cost(pot: Pot, own: np.ndarray) -> Cost:
        def of(counts: np.ndarray) -> np.ndarray:
            need, lack = pot.figures(counts)
            return need + transfer_cost * lack + counts @ own

        return of

    search = Pots([cost(pot, own) for pot, own in zip(pots, each + tie, strict=True)], items.lots)
    found = search.exact() if search.few(exact_up_to) else search.exchange(list(starts(search, items, pots, home)))
    if not np.isfinite(found.cost):
        raise InputError(clash(pots, items, home))
    return found


def _told(
    book: Book,
    market: Market,
    pots: tuple[Pot, ...],
    shares: Shares,
    each: np.ndarray,
    held: Sequence[Margin],
    why: Mapping[tuple[int, int], str],
    transfer_cost: float,
) -> Placement:
    items, level, currency = pots[0].items, pots[0].level, pots[0].currency
    placed = [pot.margin(row) for pot, row in zip(pots, shares.counts, strict=True)]
    before, after = (np.array([required(m, level, currency) for m in of]) for of in (held, placed))
    short = np.array([lacking(a, h, level, currency) for a, h in zip(placed, held, strict=True)])
    cost = float((shares.counts * each).sum() + transfer_cost * short.sum())
    bound = float(after.sum()) if shares.exact and not cost else bound_of(book, market, pots, items)
    return Placement(
        items=items,
        pots=pots,
        counts=shares.counts,
        before=before,
        after=after,
        equity=np.array([sum(pot.stands.values()) for pot in pots]),
        short=short,
        cost=cost,
        exact=shares.exact,
        bound=bound,
        tried=shares.tried,
        level=level,
        currency=currency,
        arrangements=tuple(arrangements(pots, items, held, before, after)),
        why=why,
        notes=once(_notes(book, pots, placed)),
    )


def _notes(book: Book, pots: tuple[Pot, ...], placed: Sequence[Margin]) -> Iterator[Note]:
    """What the margin of every pot rests on, and where legs stand that cannot be moved."""
    here = np.zeros(len(pots), bool)
    here[book.legs.row[book.legs.isolated | (book.legs.side != 0)]] = True
    if here.any():
        yield Note("isolated and hedge-mode legs stay where they are: only cross, one-way positions move", "", here)
    for v, (pot, m) in enumerate(zip(pots, placed, strict=True)):
        for n in m.notes:
            yield Note(f"{pot.model}: {n.text}", n.cite, np.arange(len(pots)) == v)
