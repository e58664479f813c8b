"""What a rulebook finds wrong or doubtful, said once: problems with table, row and column, notes with their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from .book import Book, Holdings
from .errors import Note, Problem
from .market import Market
from .scopes import Found

Say = Callable[[int], str]


def on_legs(
    book: Book, market: Market, bad: np.ndarray, column: str, say: Say, table: str = "positions"
) -> Iterator[Found]:
    """A problem for each leg where ``bad`` (H,); ``say(h)`` words it; ``table`` is where the user wrote the legs."""
    return _on(book, book.legs, table, market.name[book.legs.instrument], bad, column, say)


def on_orders(book: Book, market: Market, bad: np.ndarray, column: str, say: Say) -> Iterator[Found]:
    """A problem for each open order where ``bad`` (O,)."""
    return _on(book, book.orders, "orders", market.name[book.orders.instrument], bad, column, say)


def on_cash(book: Book, market: Market, bad: np.ndarray, column: str, say: Say) -> Iterator[Found]:
    """A problem for each balance where ``bad`` (B,)."""
    return _on(book, book.cash, "balances", market.assets[book.cash.asset], bad, column, say)


def _on(
    book: Book, table: Holdings, name: str, value: np.ndarray, bad: np.ndarray, column: str, say: Say
) -> Iterator[Found]:
    for h in np.flatnonzero(bad):
        r = int(table.row[h])
        yield Problem(name, int(table.sheet_row[h]), column, str(value[h]), say(int(h)), str(book.account[r])), r


def rows_with(table: Holdings, mask: np.ndarray) -> np.ndarray:
    """Rows (R,) that hold a record of ``table`` where ``mask``.

    >>> from .book import Book
    >>> rows_with(Book.bare(3, [0, 2], [0, 0], [1.0, 1.0]).legs, np.array([False, True]))
    array([False, False,  True])
    """
    out = np.zeros(table.rows, bool)
    out[table.row[mask]] = True
    return out


def notes(*stated: tuple[str, str, np.ndarray]) -> tuple[Note, ...]:
    """A note for each (text, cite, rows (R,)) whose rows are not all False."""
    return tuple(Note(text, cite, where) for text, cite, where in stated if where.any())


def once(stated: Iterable[Note]) -> tuple[Note, ...]:
    """Notes of the same text as one, for the rows of any of them; one without rows concerns all.

    >>> here, there = np.array([True, False]), np.array([False, True])
    >>> [note.where for note in once([Note("a", "x", here), Note("a", "x", there), Note("b")])]
    [array([ True,  True]), None]
    """
    found: dict[tuple[str, str], Note] = {}
    for note in stated:
        same = found.setdefault((note.text, note.cite), note)
        bare = same.where is None or note.where is None
        found[note.text, note.cite] = Note(note.text, note.cite, None if bare else same.where | note.where)
    return tuple(found.values())


def chain(*found: Iterable[Found]) -> list[Found]:
    """All findings of several checks, in order."""
    return [one for many in found for one in many]


def setting_is(book: Book, name: str, word: str) -> np.ndarray:
    """Rows (R,) whose setting ``name`` is ``word``, whatever its case; also before settings are typed."""
    given = book.settings.get(name)
    if given is None:
        return np.zeros(len(book), bool)
    return np.array([str(cell or "").strip().casefold() == word for cell in given], bool)


def setting_number(book: Book, name: str) -> np.ndarray:
    """A number setting (R,), NaN where it is not given or no number; also before settings are typed."""
    given = book.settings.get(name)
    if given is None:
        return np.full(len(book), np.nan)
    return np.array([_number(cell) for cell in given], np.float64)


def _number(cell: object) -> float:
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return np.nan
