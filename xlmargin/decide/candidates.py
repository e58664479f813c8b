"""A session that also knows instruments that nobody holds yet: candidates for hedges, baskets and allocations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..book import Book, Cash, Legs, Orders
from ..errors import InputError, Problem, nearest
from ..market import Market
from ..registry import Model
from ..run import Session, session

ROW = "_candidate_row"


@dataclass(frozen=True, eq=False)
class Reach:
    """A session, the checked book of the accounts, and the number in its market of each candidate that it takes.

    ``refused`` says of every other candidate why the model cannot take it.
    """

    session: Session
    book: Book
    number: dict[str, int]
    refused: dict[str, str]


def reach(
    book: Book,
    market: Market,
    model: str | Model,
    names: Sequence[str],
    how: Mapping[str, Any],
    account: int = 0,
    leverage: np.ndarray | None = None,
) -> Reach:
    """A session on what ``book`` holds and on the instruments ``names`` besides.

    Each candidate is tried alone, one contract long at ``leverage`` (N,; that of what is held of it unless given), in
    an account with the settings of row ``account`` and nothing else; what the model refuses there is left out with its
    reason. Raises InputError for names that the market does not list, and for what is wrong with the book itself.
    """
    listed = {str(name): i for i, name in enumerate(market.name)}
    unknown = [n for n in names if n not in listed]
    if unknown:
        raise InputError([_unknown(n, listed) for n in unknown])
    count, rows = len(names), len(book)
    instrument = np.array([listed[n] for n in names], np.int64)
    chosen = _leverage_held(book, account, instrument) if leverage is None else leverage
    probe = _probes(book, instrument, account, chosen)
    both = _stacked(book, probe)
    marked = replace(both, settings={**both.settings, ROW: np.arange(rows + count)})
    problems: list[Problem] = []
    made, checked = session(marked, market, model, problems=problems, **how)
    own = [p for p in problems if not str(p.account).startswith(PROBE)]
    if own:
        raise InputError(own)
    kept = checked.settings[ROW].astype(np.int64)
    number = {}
    for r in np.flatnonzero(kept >= rows):
        leg = np.searchsorted(checked.legs.row, r)
        number[names[kept[r] - rows]] = int(checked.legs.instrument[leg])
    bad = {n: f"{PROBE}{k}" for k, n in enumerate(names) if n not in number}
    refused = {n: "; ".join(p.message for p in problems if p.account == who) or "refused" for n, who in bad.items()}
    return Reach(made, checked.take(np.flatnonzero(kept < rows)), number, refused)


PROBE = "(candidate) "


def _unknown(name: str, listed: Mapping[str, int]) -> Problem:
    text = f"the market lists no {name}{nearest(name, listed)}; add it to the instruments table"
    return Problem("candidates", 0, "instrument", name, text)


def _leverage_held(book: Book, account: int, instrument: np.ndarray) -> np.ndarray:
    """The leverage (K,) at which an account holds each instrument; NaN where it does not."""
    own = np.flatnonzero(book.legs.row == account)
    out = dict(zip(book.legs.instrument[own].tolist(), book.legs.leverage[own].tolist(), strict=True))
    return np.array([out.get(i, np.nan) for i in instrument.tolist()], np.float64)


def _probes(book: Book, instrument: np.ndarray, account: int, leverage: np.ndarray) -> Book:
    """One contract of each candidate in a row of its own, with the settings of one account."""
    count, empty = len(instrument), np.zeros(0, np.int64)
    like = book.take(np.full(count, account))
    return replace(
        like,
        legs=Legs.of(count, np.arange(count), instrument, np.ones(count), leverage=leverage),
        cash=Cash.of(count, empty, empty, np.zeros(0)),
        orders=Orders.none(count),
        account=np.array([f"{PROBE}{k}" for k in range(count)], object),
    )


def _stacked(upper: Book, lower: Book) -> Book:
    """The rows of one book above those of another on the same market."""
    rows = len(upper) + len(lower)

    def both(name: str) -> Any:
        a, b = getattr(upper, name), getattr(lower, name)
        columns = {k: np.concatenate([v, getattr(b, k)]) for k, v in a.columns().items()}
        return type(a)(rows, np.concatenate([a.row, b.row + len(upper)]), **columns)

    return replace(
        upper,
        legs=both("legs"),
        cash=both("cash"),
        orders=both("orders"),
        account=np.concatenate([upper.account, lower.account]),
        pool=np.concatenate([upper.pool, lower.pool]),
        settings={k: np.concatenate([v, lower.settings[k]]) for k, v in upper.settings.items()},
    )
