"""One book whose accounts stand at several venues, each venue under its own rulebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..book import Book
from ..errors import InputError, Problem, nearest
from ..ledger import Margin
from ..market import Market
from ..params import Params
from ..registry import Model
from ..registry import models as registered
from ..run import margin


def across(
    book: Book,
    market: Market,
    models: str | Model | Mapping[str, str] | None = None,
    *,
    params: Mapping[str, Params] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    workers: int | None = None,
) -> dict[str, Margin]:
    """The margin of every venue's accounts under that venue's model, by venue.

    Parameters: ``models``, one model for all, or a model id by venue as the accounts table's column ``venue`` names
    it; left out, the column itself holds model ids. ``params`` and ``options`` by model id. Every account stands in
    exactly one of the margins. Raises InputError for accounts whose venue has no model, with every such account.
    """
    venue, chosen = venues_of(book, models)
    result = {}
    for name in dict.fromkeys(venue.tolist()):
        rows, id = np.flatnonzero(venue == name), chosen[name]
        how = {"params": (params or {}).get(str(id)), "options": (options or {}).get(str(id)), "workers": workers}
        result[name] = margin(book.take(rows), market, id, **how)
    return result


def venues_of(book: Book, given: str | Model | Mapping[str, str] | None) -> tuple[np.ndarray, dict[str, str | Model]]:
    """The venue of each account (R,), and the model of each venue."""
    told = book.settings.get("venue", np.full(len(book), "", object))
    venue = np.array([str(v or "") for v in told], object)
    if given is not None and not isinstance(given, Mapping):
        return venue, dict.fromkeys(map(str, venue), given)
    known = {str(k).casefold(): v for k, v in given.items()} if given is not None else {m: m for m in registered()}
    problems = list(_without(book, venue, known))
    if problems:
        raise InputError(problems)
    return venue, {name: known[name.casefold()] for name in dict.fromkeys(venue.tolist())}


def _without(book: Book, venue: np.ndarray, known: Mapping[str, Any]) -> Iterator[Problem]:
    """A problem for each account whose venue has no model."""
    for row in np.flatnonzero([name.casefold() not in known for name in venue]):
        name = str(venue[row])
        text = f"no venue is given; there are {', '.join(known)}" if not name else f"no model for {name!r}"
        yield Problem("accounts", int(row) + 2, "venue", name, f"{book.account[row]}: {text}{nearest(name, known)}")
