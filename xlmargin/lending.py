"""Supplied and borrowed balances as lending rulebooks see them: pools by market, what counts, what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from .book import Book
from .errors import Note, nearest
from .findings import notes, on_cash
from .market import Market
from .scopes import Found

WALLET, LOAN, SUPPLIED = 0, 1, 2
LEFT_OUT = "wallet left out"


def markets_of(book: Book, known: Iterable[str], setting: str = "", default: str = "") -> np.ndarray:
    """Lending market of each balance (B,): its location where that is one, else the account's setting, else default."""
    known = set(known)
    place = np.array([name if name in known else "" for name in book.locations], object)[book.cash.location]
    wished = np.array([str(cell or "") for cell in book.settings.get(setting, np.full(len(book), ""))], object)
    own = np.where(wished == "", default, wished)[book.cash.row]
    return np.where(place == "", own, place)


def by_market(book: Book, market: np.ndarray) -> Book:
    """A pool an account and lending market; wallet balances stay outside, and rows that have some are marked."""
    counts = lent(book)
    left = np.zeros(len(book), bool)
    left[book.cash.row[~counts]] = True
    book = replace(book, settings={**book.settings, LEFT_OUT: left})
    names, number = np.unique(market.astype(str), return_inverse=True)
    key = np.where(counts, number, -1)
    whole = np.zeros(0, np.int64)
    return book.pooled(whole, key, whole, names.astype(object) if len(names) else ("",))


def lent(book: Book) -> np.ndarray:
    """True for balances (B,) that a lending market holds: supplied, a loan, or a debt of any kind."""
    return (book.cash.kind != WALLET) | (book.cash.amount < 0)


def debts(book: Book) -> np.ndarray:
    """Borrowed amount ≥ 0 of each balance (B,): a loan's size, or a negative balance."""
    cash = book.cash
    return np.where(cash.kind == LOAN, np.abs(cash.amount), np.maximum(-cash.amount, 0.0))


def supplies(book: Book) -> np.ndarray:
    """Supplied amount ≥ 0 of each balance (B,)."""
    return np.where(book.cash.kind == SUPPLIED, np.maximum(book.cash.amount, 0.0), 0.0)


def unpledged(book: Book, market: Market, who: str) -> Iterator[Found]:
    """A problem where an account has wallet balances but nothing supplied or borrowed: the kind was forgotten."""
    counts = lent(book)
    has = np.zeros(len(book), bool)
    has[book.cash.row[counts]] = True
    bad = ~counts & ~has[book.cash.row]
    names = market.assets[book.cash.asset]
    text = "is a wallet balance; {who} counts what is supplied or borrowed: give the kind supplied or loan"
    yield from on_cash(book, market, bad, "kind", lambda h: f"{names[h]} {text.format(who=who)}")


def unknown_reserves(book: Book, market: Market, place: np.ndarray, reserves: dict[str, set[str]]) -> Iterator[Found]:
    """A problem for each lent balance whose asset its market does not list."""
    names = market.assets[book.cash.asset].astype(str)
    bad = np.array([n not in reserves.get(str(m), set()) for n, m in zip(names, place, strict=True)], bool) & lent(book)

    def say(h: int) -> str:
        listed = sorted(reserves.get(str(place[h]), set()))
        few = ", ".join(listed[:20]) or "nothing"
        return f"no reserve {names[h]} in {place[h]}; it lists {few}{nearest(names[h], listed)}: load the parameters"

    yield from on_cash(book, market, bad, "asset", say)


def left_out(book: Book, cite: str) -> tuple[Note, ...]:
    """A note on rows whose account also has wallet balances."""
    where = book.settings.get(LEFT_OUT, np.zeros(len(book), bool)).astype(bool)
    return notes(("wallet balances are not supplied and do not count here", cite, where))
