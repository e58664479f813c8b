"""Accounts that belong to one scope (an underlying, a manager): which it is, and what does not fit there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from .book import Book
from .errors import Problem, nearest
from .market import Market

Found = tuple[Problem, np.ndarray | int]


def scope_of_rows(book: Book, market: Market, setting: str = "manager") -> np.ndarray:
    """The scope number of each row (R,): of its legs, else the one its setting names, else −1."""
    scope = np.full(len(book), -1, np.int64)
    scope[book.legs.row] = market.scope[book.legs.instrument]
    named, bare = book.settings.get(setting), np.flatnonzero(scope < 0)
    if named is not None and len(bare):
        words, which = np.unique([str(name or "") for name in named[bare]], return_inverse=True)
        scope[bare] = market.scope_numbers([w or None for w in words])[world_of_rows(book, market)[bare], which]
    return scope


def staying(book: Book, market: Market, setting: str) -> Book:
    """The book with each row's scope in its setting, so that a row stays on it when its positions are gone."""
    if not setting:
        return book
    scope = scope_of_rows(book, market, setting)
    told = book.settings.get(setting, np.full(len(book), None, object))
    names = np.where(scope < 0, told, np.append(market.scopes, None)[scope])
    return replace(book, settings={**book.settings, setting: names})


def world_of_rows(book: Book, market: Market) -> np.ndarray:
    """The world of each row (R,), told by what it holds; −1 where that is what all share, as in a plain market."""
    world = np.full(len(book), -1, np.int64)
    if market.asset_world is not None and market.scope_world is not None:
        of_cash = market.asset_world[book.cash.asset]
        of_legs, of_orders = (market.scope_world[market.scope[t.instrument]] for t in (book.legs, book.orders))
        for table, own in ((book.cash, of_cash), (book.orders, of_orders), (book.legs, of_legs)):
            world[table.row[own >= 0]] = own[own >= 0]
    return world


def mixed_scopes(book: Book, market: Market, who: str) -> Iterator[Found]:
    """A problem for each leg of another scope than the first of its account."""
    legs, scope = book.legs, market.scope[book.legs.instrument]
    if not np.any((scope[1:] != scope[:-1]) & (legs.row[1:] == legs.row[:-1])):
        return
    first = np.full(len(book), -1, np.int64)
    as_written = np.argsort(-legs.sheet_row, kind="stable")
    first[legs.row[as_written]] = scope[as_written]
    for h in np.flatnonzero(scope != first[legs.row]):
        r, name = legs.row[h], market.name[legs.instrument[h]]
        message = (
            f"{name} is on {market.scopes[scope[h]]}, but account {book.account[r]} is on "
            f"{market.scopes[first[r]]}: {who} allows one underlying an account"
        )
        yield Problem("positions", int(legs.sheet_row[h]), "instrument", name, message, str(book.account[r])), r


def refused_balances(
    book: Book, market: Market, scope: np.ndarray, accepted: Sequence[set[str]], who: Sequence[str]
) -> Iterator[Found]:
    """A problem for each balance, other than of nothing, that its account's scope (R,) does not take.

    ``accepted`` and ``who`` (U+1) say what each scope takes and how it is called; the last is for accounts without one.
    """
    folded = [{a.casefold() for a in names} for names in accepted]
    table = np.array([[str(a).casefold() in names for a in market.assets] for names in folded], bool)
    taken = table[scope[book.cash.row], book.cash.asset] if len(book.cash) else np.zeros(0, bool)
    for h in np.flatnonzero(~taken & (book.cash.amount != 0)):
        r, name = int(book.cash.row[h]), str(market.assets[book.cash.asset[h]])
        u = int(scope[r])
        message = f"{name} is not collateral of {who[u]}{nearest(name, accepted[u])}"
        yield Problem("balances", int(book.cash.sheet_row[h]), "asset", name, message, str(book.account[r])), r


def lowest_confidence(own: np.ndarray, counts: np.ndarray, net: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The smallest of ``start`` (N,) and of ``own`` (H,) where ``counts`` (H,), by net (N,)."""
    out = start.copy()
    index = np.flatnonzero(counts)
    np.minimum.at(out, net[index], own[index])
    return out
