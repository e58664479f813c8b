"""Supplied and borrowed balances as lending rulebooks see them: pools by market, what counts, what is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from .book import Book
from .errors import Note, Problem, nearest
from .findings import notes, on_cash
from .market import Market
from .scopes import Found

WALLET, LOAN, SUPPLIED = 0, 1, 2
LEFT_OUT, PLACE = "wallet left out", "lending market"


def words(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct texts of setting cells (R,), and the number of each cell's; a missing cell is an empty text.

    >>> [x.tolist() for x in words(np.array(["a", None, 1.0], object))]
    [['', '1', 'a'], [2, 0, 1]]
    """
    distinct, number = np.unique(cells.astype(str), return_inverse=True)
    cleaned = np.array(["" if w in ("None", "nan") else w.strip().removesuffix(".0") for w in distinct], object)
    names, again = np.unique(cleaned.astype(str), return_inverse=True)
    return names, again[number]


def markets_of(book: Book, known: Sequence[str], setting: str = "", default: str = "") -> np.ndarray:
    """Number of the lending market of each balance (B,): its location where that is one, else the account's setting.

    ``known`` (P,) names the markets; ``default`` stands where an account says nothing; −1 is a market not known.
    """
    number = {name: n for n, name in enumerate(known)}
    place = np.array([number.get(name, -1) for name in book.locations], np.int64)[book.cash.location]
    cells = book.settings.get(setting)
    names, own = words(cells) if cells is not None else (np.array([""]), np.zeros(len(book), np.int64))
    wished = np.array([number.get(str(name) or default, -1) for name in names], np.int64)[own]
    return np.where(place < 0, wished[book.cash.row], place)


def by_market(book: Book, market: np.ndarray, known: Sequence[str]) -> Book:
    """A pool an account and lending market (B,); wallet balances stay outside, and rows that have some are marked.

    The pool's market number stands in the setting ``PLACE``.
    """
    counts = lent(book)
    left = np.zeros(len(book), bool)
    left[book.cash.row[~counts]] = True
    marked = replace(book, settings={**book.settings, LEFT_OUT: left})
    whole = np.zeros(0, np.int64)
    pooled = marked.pooled(whole, np.where(counts, market, -1), whole, np.array(known, object))
    names = np.array(known, np.str_)
    order = np.argsort(names)
    place = order[np.searchsorted(names[order], pooled.pool.astype(np.str_))]
    return replace(pooled, settings={**pooled.settings, PLACE: place})


def lent(book: Book) -> np.ndarray:
    """True for balances (B,) that a lending market holds: supplied, a loan, or a debt of any kind."""
    return (book.cash.kind != WALLET) | (book.cash.amount < 0)


def debts(book: Book) -> np.ndarray:
    """Borrowed amount ≥ 0 of each balance (B,): a loan's size, or a negative balance."""
    cash = book.cash
    return np.where(cash.kind == LOAN, np.abs(cash.amount), np.maximum(-cash.amount, 0.0))


def signed(book: Book) -> np.ndarray:
    """Amount of each balance (B,) as its holder's own: a loan is owed, whatever the sign that it was written with."""
    return np.where(book.cash.kind == LOAN, -np.abs(book.cash.amount), book.cash.amount)


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


def unknown_reserves(
    book: Book, market: Market, place: np.ndarray, known: Sequence[str], listed: Sequence[set[str]]
) -> Iterator[Found]:
    """A problem for each lent balance whose asset its market (B,) does not list; ``listed`` (P,) is what each takes."""
    names = market.assets[book.cash.asset]
    table = np.array([[str(a) in own for a in market.assets] for own in [*listed, set()]], bool)
    taken = table.reshape(len(listed) + 1, -1)[place, book.cash.asset]

    def say(h: int) -> str:
        own = sorted(listed[place[h]]) if place[h] >= 0 else []
        few = ", ".join(own[:20]) or "nothing"
        where = known[place[h]] if place[h] >= 0 else "an unknown market"
        return f"no reserve {names[h]} in {where}; it lists {few}{nearest(str(names[h]), own)}: load the parameters"

    yield from on_cash(book, market, ~taken & lent(book), "asset", say)


def unknown_words(
    book: Book, setting: str, known: Iterable[str], what: str, read: Callable[[str], str] = str
) -> Iterator[Found]:
    """A problem for each account whose ``setting``, as ``read``, is not empty and not among ``known``."""
    cells, known = book.settings.get(setting), list(known)
    if cells is None:
        return
    names, number = words(cells)
    for n, word in enumerate(map(read, names)):
        for r in np.flatnonzero(number == n) if word and word not in known else ():
            listed = ", ".join(sorted(known)[:20]) or "none"
            message = f"{book.account[r]}: no {what} {word!r}; known are {listed}{nearest(word, known)}"
            yield Problem("accounts", 0, setting, word, message, str(book.account[r])), np.arange(len(book)) == r


def left_out(book: Book, cite: str) -> tuple[Note, ...]:
    """A note on rows whose account also has wallet balances."""
    where = book.settings.get(LEFT_OUT, np.zeros(len(book), bool)).astype(bool)
    return notes(("wallet balances are not supplied and do not count here", cite, where))
