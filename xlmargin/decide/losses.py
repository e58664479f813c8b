"""A shock in words: moves of the market, and balances lost at a location, a venue or an owner."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..book import Book
from ..errors import InputError, Problem, nearest
from ..market import Market
from ..pools import TRANSFER
from .moves import Moves, named

MOVES = tuple(inspect.signature(named).parameters)[1:]
LOSSES = ("location", "venue", "owner")


@dataclass(frozen=True, eq=False)
class Losses:
    """What is left (fraction) of balances by location (L,), and by account (A,) for its venue's and owner's failure.

    ``ended`` (A,) marks accounts of a venue that failed: its positions end at their marks.
    """

    location: np.ndarray
    account: np.ndarray
    ended: np.ndarray

    @property
    def any(self) -> bool:
        """Whether anything is lost."""
        return bool((self.location != 1.0).any() or (self.account != 1.0).any())

    def left(self, book: Book, account: np.ndarray) -> np.ndarray:
        """Amounts (B,) of a book of pools after the losses; ``account`` (R,) numbers each pool's.

        Debts stay. Transfers between an account's pools shrink with the rest.
        """
        cash = book.cash
        kept = self.account[account][cash.row]
        bears = (cash.amount > 0) | ((cash.kind == TRANSFER) & (kept != 1.0))
        return cash.amount * np.where(bears, kept * self.location[cash.location], 1.0)


def read(
    shock: Mapping[str, Any] | None, book: Book, market: Market, venue: np.ndarray, owner: np.ndarray
) -> tuple[Moves, Losses]:
    """The moves and losses of a shock.

    Parameters: ``shock``, the words of ``moves.named`` (price, vol, basis, collateral: fractions by name; rate, days,
    rest) and ``location``, ``venue``, ``owner``: share of the balances lost by name, −1 for all. A venue that fails
    ends its positions at their marks. ``venue`` and ``owner`` (A,) are each account's. Raises InputError for unknown
    words and names, for a price move of −100 % or below, for a loss below −100 % or above zero.
    """
    given = dict(shock or {})
    known = (*MOVES, *LOSSES)
    problems = [
        Problem("shocks", 0, key, None, f"no shock of {key!r}{nearest(str(key), known)}; there are {', '.join(known)}")
        for key in given
        if key not in known
    ]
    where = {"location": list(book.locations), "venue": venue.tolist(), "owner": owner.tolist()}
    lost = {what: _fractions(what, given.get(what), where[what], problems) for what in LOSSES}
    try:
        moves = named(market, **{k: v for k, v in given.items() if k in MOVES})
    except InputError as error:
        problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    of = {what: np.array([1.0 + lost[what].get(str(n), 0.0) for n in where[what]], np.float64) for what in LOSSES}
    ended = np.array([str(v) in lost["venue"] for v in venue], bool)
    return moves, Losses(of["location"], of["venue"] * of["owner"], ended)


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
