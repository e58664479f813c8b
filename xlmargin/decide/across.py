"""One book whose accounts stand at several venues, each venue under its own rulebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
from .shown import Shown

Models = str | Model | Mapping[str, str | Model] | Iterable[str] | None


class Across(Shown, dict[str, Margin]):
    """The margin of every venue's accounts by venue; every account stands in exactly one of them."""

    def frame(self) -> Any:
        """A row per account and pool of every venue (pandas DataFrame), in the pool's own currency."""
        import pandas as pd

        told = [m.frame().assign(venue=v, model=m.stamp["model"]) for v, m in self.items()]
        table = pd.concat(told, ignore_index=True)
        return table[["venue", "model", *(c for c in table if c not in ("venue", "model"))]]

    @property
    def words(self) -> str:
        """How many accounts stand under which model."""
        told = [f"{v}: {len(set(m.account))} under {m.stamp['model']}" for v, m in self.items()]
        return f"accounts at {len(self)} venue{'s'[: len(self) != 1]}: {', '.join(told)}"


def across(
    book: Book,
    market: Market,
    models: Models = None,
    *,
    params: Mapping[str, Params] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    workers: int | None = None,
) -> Across:
    """The margin of every venue's accounts under that venue's model, by venue.

    Parameters: ``models``, one model for all, a model id by venue as the accounts table's column ``venue`` names it,
    or a list of ids, each standing for the venue that it names (``derive.portfolio`` for ``derive``); left out, the
    column itself holds model ids. ``params`` and ``options`` by model id. Every account stands in exactly one of the
    margins. Raises InputError for accounts whose venue has no model, with every such account, and for an empty book.
    """
    if not len(book):
        raise InputError("an empty book: no table names an account")
    venue, chosen = venues_of(book, models)
    result = Across()
    for name in dict.fromkeys(venue.tolist()):
        rows, id = np.flatnonzero(venue == name), chosen[name]
        result[name] = margin(book.take(rows), market, id, workers=workers, **told_of(id, params, options))
    return result


def told_of(
    model: str | Model, params: Mapping[str, Params] | None, options: Mapping[str, Mapping[str, Any]] | None
) -> dict[str, Any]:
    """The parameters and options given for one model."""
    id = model.id if isinstance(model, Model) else str(model)
    return {"params": (params or {}).get(id), "options": (options or {}).get(id)}


def venues_of(book: Book, given: Models) -> tuple[np.ndarray, dict[str, str | Model]]:
    """The venue of each account (R,), and the model of each venue, also of those at which no account stands."""
    told = book.settings.get("venue", np.full(len(book), "", object))
    venue = np.array([str(v or "").strip() for v in told], object)
    if isinstance(given, str | Model):
        return venue, dict.fromkeys(map(str, venue), given)
    known, listed = _known(given)
    problems = list(_without(book, venue, known))
    if problems:
        raise InputError(problems)
    own = {name: known[name.casefold()] for name in dict.fromkeys(venue.tolist())}
    folded = {name.casefold() for name in own}
    taken = set() if isinstance(given, Mapping) else set(own.values())
    more = {n: id for n, id in listed.items() if n.casefold() not in folded and id not in taken}
    return venue, own | more


def _known(given: Any) -> tuple[dict[str, str | Model], dict[str, str | Model]]:
    """Models by the folded name of a venue, and by the name of each venue that was listed."""
    if given is None:
        return {m: m for m in registered()}, {}
    if isinstance(given, Mapping):
        return {str(k).strip().casefold(): v for k, v in given.items()}, {str(k): v for k, v in given.items()}
    listed = {str(id): id for id in given}
    stems = [id.partition(".")[0] for id in listed]
    short = {stem: id for stem, id in zip(stems, listed, strict=True) if stems.count(stem) == 1}
    return {k.casefold(): v for k, v in (short | listed).items()}, dict(listed)


def _without(book: Book, venue: np.ndarray, known: Mapping[str, Any]) -> Iterator[Problem]:
    """A problem for each account whose venue has no model."""
    for row in np.flatnonzero([name.casefold() not in known for name in venue]):
        name = str(venue[row])
        text = f"no venue is given; there are {', '.join(known)}" if not name else f"no model for {name!r}"
        yield Problem("accounts", int(row) + 2, "venue", name, f"{book.account[row]}: {text}{_instead(name, known)}")


def _instead(name: str, known: Mapping[str, Any]) -> str:
    """The models of a venue that is named without one, else the nearest name."""
    own = [id for id in known if id.startswith(f"{name.casefold()}.")] if name else []
    return f"; give one of its models: {', '.join(own)}" if own else nearest(name, known)
