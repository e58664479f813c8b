"""What one-way, one-pool venues refuse: hedge legs, isolated legs, leverage out of range, foreign collateral."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from .book import Book
from .errors import Note, nearest
from .findings import notes, on_cash, on_legs, rows_with
from .lending import LOAN, SUPPLIED
from .market import Market
from .pools import settled
from .scopes import Found

SIDE = {1: "long", -1: "short"}
ELSEWHERE = "lent elsewhere"


def hedge_legs(book: Book, market: Market, who: str) -> Iterator[Found]:
    """A problem for each hedge-mode leg: the venue nets both directions."""
    legs = book.legs
    yield from on_legs(
        book,
        market,
        legs.side != 0,
        "side",
        lambda h: (
            f"a {SIDE[int(legs.side[h])]} leg of {market.name[legs.instrument[h]]} in hedge mode; "
            f"{who} keeps one net position: leave side empty and give the signed quantity"
        ),
    )


def isolated_legs(book: Book, market: Market, who: str) -> Iterator[Found]:
    """A problem for each isolated leg at a venue or mode that has none."""
    legs = book.legs
    yield from on_legs(
        book,
        market,
        legs.isolated,
        "margin_mode",
        lambda h: f"{market.name[legs.instrument[h]]} is isolated, but {who} margins one pool; allowed: cross",
    )


def bare_isolated_legs(book: Book, market: Market) -> Iterator[Found]:
    """A problem for each isolated leg without posted margin: its pool would be empty."""
    legs = book.legs
    yield from on_legs(
        book,
        market,
        legs.isolated & (legs.posted == 0) & (legs.quantity != 0),
        "posted_margin",
        lambda h: f"isolated {market.name[legs.instrument[h]]} needs its posted margin",
    )


def leverage_above(book: Book, market: Market, top: np.ndarray, why: str = "") -> Iterator[Found]:
    """A problem for each leg whose leverage is above ``top`` (H,)."""
    legs = book.legs
    with np.errstate(invalid="ignore"):
        over = legs.leverage > top * (1 + 1e-12)
    yield from on_legs(
        book,
        market,
        over,
        "leverage",
        lambda h: f"{legs.leverage[h]:g}x is above the {top[h]:g}x allowed for {market.name[legs.instrument[h]]}{why}",
    )


def foreign_balances(
    book: Book, market: Market, accepted: Iterable[str], who: str, lends: bool = False
) -> Iterator[Found]:
    """A problem for each balance in an asset that is no margin there.

    Balances supplied to or borrowed from a lending market are passed over, unless the venue ``lends`` itself.
    """
    taken = sorted({str(a) for a in accepted})
    names = market.assets[book.cash.asset].astype(str)
    counts = np.ones(len(book.cash), bool) if lends else ~_elsewhere(book)

    def say(h: int) -> str:
        listed = ", ".join(taken[:20])
        return f"{names[h]} is no margin of {who}; it takes {listed}{nearest(names[h], taken)}"

    yield from on_cash(book, market, ~np.isin(names, taken) & counts, "asset", say)


def one_pool(book: Book, market: Market, name: str = "cross", lends: bool = False) -> Book:
    """One pool an account; every isolated leg is a pool of its own, its posted margin taken from the wallet.

    Where the venue does not lend, balances supplied or borrowed elsewhere are left out and their rows marked.
    """
    away = _elsewhere(book)
    if away.any() and not lends:
        marked = {**book.settings, ELSEWHERE: rows_with(book.cash, away)}
        book = replace(book, cash=book.cash.at(~away, book.cash.row[~away], book.cash.rows), settings=marked)
    if book.legs.isolated.any():
        return settled(book, market, np.ones(len(book), bool), name)
    return replace(book, pool=np.full(len(book), name, object))


def _elsewhere(book: Book) -> np.ndarray:
    return (book.cash.kind == LOAN) | (book.cash.kind == SUPPLIED)


def lent_elsewhere(book: Book) -> tuple[Note, ...]:
    """A note on rows whose supplied and borrowed balances were left out."""
    where = book.settings.get(ELSEWHERE)
    text = "balances supplied or borrowed belong to a lending market and do not count here"
    return notes((text, "", where.astype(bool))) if where is not None else ()
