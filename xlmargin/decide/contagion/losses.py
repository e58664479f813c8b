"""A shock in words: moves of the market, and balances lost at a location, a venue or an owner."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...book import Book
from ...errors import InputError, Note, Problem, nearest
from ...market import Market
from ...pools import TRANSFER
from ..moves import Moves, named
from ..stress.plan import PARTS, Plan
from ..stress.table import places
from ..stress.table import read as read_stress

MOVES = tuple(inspect.signature(named).parameters)[1:]
LOSSES = ("location", "venue", "owner")


@dataclass(frozen=True, eq=False)
class Losses:
    """What is left (fraction) of balances by location (L,), by account (A,) where a balance names no location, and by
    account for its venue's and owner's failure.

    ``ended`` (A,) marks accounts of a venue that failed: its positions end at their marks.
    """

    location: np.ndarray
    home: np.ndarray
    account: np.ndarray
    ended: np.ndarray

    @classmethod
    def of(cls, lost: Mapping[str, Mapping[str, float]], book: Book, venue: np.ndarray, owner: np.ndarray) -> Losses:
        """From fractions lost by location, venue and owner; what has no location lies at its account's venue."""
        kept = lambda what, names: np.array([1.0 + lost[what].get(str(n), 0.0) for n in names], np.float64)  # noqa: E731
        ended = np.array([str(v) in lost["venue"] for v in venue], bool)
        both = kept("venue", venue) * kept("owner", owner)
        return cls(kept("location", book.locations), kept("location", venue), both, ended)

    @property
    def any(self) -> bool:
        """Whether anything is lost."""
        return any(bool((left != 1.0).any()) for left in (self.location, self.home, self.account))

    def left(self, book: Book, account: np.ndarray) -> np.ndarray:
        """Amounts (B,) of a book of pools after the losses; ``account`` (R,) numbers each pool's.

        Debts stay. Transfers between an account's pools shrink with the rest.
        """
        cash, who = book.cash, account[book.cash.row]
        named = np.array([bool(name) for name in book.locations])[cash.location]
        at = np.where(named, self.location[cash.location], self.home[who])
        whole = self.account[who] * np.where(named, 1.0, self.home[who])
        share = np.where(cash.kind == TRANSFER, whole, np.where(cash.amount > 0, self.account[who] * at, 1.0))
        return cash.amount * share


def read(
    shock: Any, book: Book, market: Market, venue: np.ndarray, owner: np.ndarray
) -> tuple[Moves, Losses, tuple[Note, ...]]:
    """The moves and losses of a shock, and the doubts about it.

    Parameters: ``shock``, the name or table of one scenario (see ``xlmargin.decide.stress``), or a mapping: the words
    of ``moves.named`` (price, vol, basis, collateral: fractions by name; rate, days, rest) and ``location``,
    ``venue``, ``owner``: share of the balances lost by name, −1 for all. A venue that fails ends its positions at
    their marks. ``venue`` and ``owner`` (A,) are each account's. Raises InputError for unknown words and names, for a
    price move of −100 % or below, for a loss below −100 % or above zero.
    """
    if not (shock is None or isinstance(shock, Mapping)):
        return _stress(shock, book, market, venue, owner)
    given = dict(shock or {})
    known = (*MOVES, *LOSSES)
    problems = [
        Problem("shocks", 0, key, None, f"no shock of {key!r}{nearest(str(key), known)}; there are {', '.join(known)}")
        for key in given
        if key not in known
    ]
    where = {"location": [*book.locations, *venue], "venue": venue.tolist(), "owner": owner.tolist()}
    lost = {what: _fractions(what, given.get(what), where[what], problems) for what in LOSSES}
    try:
        moves = named(market, **{k: v for k, v in given.items() if k in MOVES})
    except InputError as error:
        problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    return moves, Losses.of(lost, book, venue, owner), ()


def _stress(
    given: Any, book: Book, market: Market, venue: np.ndarray, owner: np.ndarray
) -> tuple[Moves, Losses, tuple[Note, ...]]:
    """The moves and losses of one scenario of a stress; what it freezes is lost for the time being."""
    found = read_stress(given, market, book)
    if len(found) != 1:
        told = ", ".join(s.name for s in found[:12])
        raise InputError([Problem("shocks", 0, "", None, f"{len(found)} scenarios; contagion takes one of {told}")])
    made = Plan.of(found, market, book)
    moves = made.moved(np.zeros(1, np.int64), np.ones((1, len(PARTS)), bool))
    gone = dict(zip(places(book)[0], -made.gone.sum(axis=0)[0], strict=True))
    lost = {"location": {n: float(share) for n, share in gone.items() if n}, "venue": {}, "owner": {}}
    notes = tuple(Note(doubt.text, doubt.cite) for doubt in found[0].doubts)
    return replace(moves, seconds=float(made.seconds[0])), Losses.of(lost, book, venue, owner), notes


def _fractions(what: str, given: Any, names: list[str], problems: list[Problem]) -> dict[str, float]:
    """Fractions by the name as it is written in the tables; one name alone, or a list, is lost whole."""
    if given is None:
        return {}
    told = given if isinstance(given, Mapping) else dict.fromkeys([given] if isinstance(given, str) else given, -1.0)
    known = {str(n).casefold(): str(n) for n in names if str(n)}
    found = {}
    for name, move in told.items():
        own = known.get(str(name).strip().casefold())
        if own is None:
            have = ", ".join(list(known.values())[:20]) or "none"
            text = f"no {what} {name!r}{nearest(str(name), known.values())}; there are {have}"
            problems.append(Problem("shocks", 0, what, name, text))
        elif not (isinstance(move, int | float) and -1.0 <= move <= 0.0):
            text = f"{name}: {move!r} is no share lost; give -1 (all) to 0 (nothing)"
            problems.append(Problem("shocks", 0, what, move, text))
        else:
            found[own] = float(move)
    return found
