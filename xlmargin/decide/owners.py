"""Whose accounts they are, and all accounts of an owner as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..assemble import one_leg_each
from ..book import Book, Cash, Holdings, Legs, Orders
from ..errors import InputError, Problem, nearest
from ..market import Market

EVERYBODY = "all accounts"


def owners_of(book: Book) -> tuple[np.ndarray, np.ndarray]:
    """Names of owners (O,) as the column ``owner`` of the accounts table says, and the owner of each account (R,).

    Without that column all accounts belong to one owner. An account that says none while others do is refused.
    """
    told = book.settings.get("owner", np.full(len(book), "", object))
    owner = np.array([str(o or "").strip() for o in told], object)
    bare = np.flatnonzero(owner == "")
    if len(bare) == len(owner):
        return np.array([EVERYBODY], object), np.zeros(len(owner), np.int64)
    if len(bare):
        raise InputError(_unowned(book, int(r)) for r in bare)
    names, first, number = np.unique(owner.astype(str), return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return names[order].astype(object), place[number]


def _unowned(book: Book, row: int) -> Problem:
    text = f"{book.account[row]}: no owner is given, but other accounts have one"
    return Problem("accounts", row + 2, "owner", None, text, str(book.account[row]))


def owner_named(names: Sequence[str], owner: str | None) -> int:
    """The number of the owner named, or of the only one; InputError lists them otherwise."""
    listed = [str(n) for n in names]
    if owner is None and len(listed) == 1:
        return 0
    if owner in listed:
        return listed.index(owner)
    said = "several owners; say which" if owner is None else f"no owner {owner!r}{nearest(owner, listed)}; there are"
    raise InputError(f"{said}: {', '.join(listed[:20])}")


def as_one(book: Book, market: Market, number: np.ndarray, names: np.ndarray) -> Book:
    """A book with one account an owner: all that his accounts hold, together.

    Legs of one instrument merge, whatever their side or mode, at the lowest leverage chosen for any; what is posted to
    isolated legs stays in the wallet.
    A setting that his accounts share is his, others are left to the model's default. Raises InputError where only
    some of the legs that merge have an entry price.
    """
    rows, problems = len(names), []
    lots = _renumbered(book.legs, number, rows)
    order = np.argsort(lots.leverage, kind="stable")
    lots = lots.at(order, lots.row[order], rows)
    kept = {name: getattr(lots, name) for name in ("entry", "leverage", "accrued", "sheet_row")}
    plain = Legs.of(rows, lots.row, lots.instrument, lots.quantity, **kept)
    merged = one_leg_each(plain, market, problems)
    if problems:
        raise InputError(problems)
    orders = _renumbered(book.orders, number, rows)
    orders = replace(orders, side=np.zeros_like(orders.side))
    return replace(
        book,
        legs=merged,
        cash=_renumbered(book.cash, number, rows),
        orders=orders,
        account=names,
        pool=np.full(rows, "", object),
        settings={key: _shared(column, number, rows) for key, column in book.settings.items()},
    )


def _renumbered(table: Holdings, number: np.ndarray, rows: int) -> Legs | Cash | Orders:
    row = number[table.row]
    order = np.argsort(row, kind="stable")
    return table.at(order, row[order], rows)


def _shared(column: np.ndarray, number: np.ndarray, rows: int) -> np.ndarray:
    """The value that all accounts of each owner have in common, None where they differ."""
    values, code = np.unique(np.array([str(v) for v in column], object).astype(str), return_inverse=True)
    low, high, first = np.full(rows, len(values)), np.full(rows, -1), np.zeros(rows, np.int64)
    np.minimum.at(low, number, code)
    np.maximum.at(high, number, code)
    first[number[::-1]] = np.arange(len(number))[::-1]
    out = np.full(rows, None, object)
    same = low == high
    out[same] = column[first[same]]
    return out
