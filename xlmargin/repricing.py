"""A model made ready again for a market of which a few instruments changed: only those are priced anew.

What a model prepares is opaque. Before anything is left out, it is tried on the session's own market: prepared for a
part of the instruments, and with all values moved. Only what the trials show to be made instrument by instrument is
kept for those that did not change, and some that did not are made again as witnesses; a model that is made otherwise,
or a witness that comes out otherwise, is prepared whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from .changes import same
from .errors import XlmarginError
from .market import Market
from .params import Params
from .registry import Ready
from .run import Session

VALUES = ("mark", "iv", "forward", "index", "rate", "confidence", "index_confidence")
WITNESSES = 50
KEPT, SHARED, ROWS = "kept", "shared", "rows"


@dataclass(frozen=True, eq=False)
class Repricer:
    """A session and one instrument of each scope and expiry (G,); ``group`` (I,) is each instrument's.

    ``tried`` says how each thing made follows from instruments, once it was tried: rows (each instrument by itself),
    shared (the first instruments say it) or kept (no value enters); empty where the model is not made ready in part.
    """

    session: Session
    group: np.ndarray
    first: np.ndarray
    tried: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, session: Session) -> Repricer:
        """For a session as it is prepared; nothing is tried before something changes."""
        return cls(session, *session.market.group("scope", "expiry"))

    def again(self, market: Market, changed: np.ndarray) -> tuple[Repricer, int]:
        """For the same instruments, of which some (I,) ``changed`` values: the new state, and how many were priced."""
        changed = changed | np.isin(self.group, self.group[self.first[changed[self.first]]])
        witness = np.arange(0, len(market), WITNESSES)
        rows = np.unique(np.concatenate([self.first, witness, np.flatnonzero(changed)]))
        state, made, count = self, {}, len(rows)
        if 2 * count <= len(market) and _values_only(self.session.market, market):
            state = self if self.tried is not None else replace(self, tried=_tried(self.session, self.first))
            made = state._in_part(market, rows, ~changed[rows]) if state.tried else {}
        if not made:
            made, count = _made(self.session, market), len(market)
        ready = Ready(market, self.session.params, self.session.ready.options, made)
        return replace(state, session=replace(self.session, market=market, ready=ready)), count

    def _in_part(self, market: Market, rows: np.ndarray, still: np.ndarray) -> dict[str, Any]:
        """All that is made, ``rows`` of it again; nothing where one that stands ``still`` comes out otherwise."""
        part, old = _made(self.session, market.take(rows)), dict(self.session.ready.made)
        return _joined(self.tried, old, part, rows) if _agrees(self.tried, old, part, rows, still) else {}


def _tried(session: Session, first: np.ndarray) -> dict[str, Any]:
    """How each thing that a session prepared follows from instruments; empty where that is not shown for all."""
    market, whole = session.market, dict(session.ready.made)
    rows = np.union1d(first, np.arange(0, len(market), 2))
    try:
        part, moved = _made(session, market.take(rows)), _made(session, _moved(market))
    except (XlmarginError, ArithmeticError, LookupError, ValueError):
        return {}
    found = _kind(whole, part, moved, rows, len(market))
    return found if isinstance(found, dict) and _settled(found) else {}


def _made(session: Session, market: Market) -> dict[str, Any]:
    step = session.model.prepare_step
    return step(market, session.params, session.ready.options) if step else {}


def _moved(market: Market) -> Market:
    """Every value of instruments and scopes moved, each by another factor, so that whatever rests on one differs."""
    factor = lambda size: 0.5 + 1.5 * np.modf(np.arange(1, size + 1) * 0.6180339887498949)[0]  # noqa: E731
    move = lambda columns: {k: v * factor(len(v)) if k in VALUES else v for k, v in columns.items()}  # noqa: E731
    return replace(market, columns=move(market.columns), scope_columns=move(market.scope_columns))


def _values_only(before: Market, after: Market) -> bool:
    """Whether two markets list the same and differ in nothing but values of instruments and scopes."""
    if before.as_of != after.as_of or len(before) != len(after):
        return False
    pairs = [(before.name, after.name), (before.scopes, after.scopes), (before.assets, after.assets)]
    pairs += [(getattr(before, k), getattr(after, k)) for k in ("kind", "scope", "settle", "underlying")]
    for one, other in ((before.columns, after.columns), (before.scope_columns, after.scope_columns)):
        pairs += [(one[k], other[k]) for k in one if k not in VALUES]
    pairs += [(before.texts[k], after.texts[k]) for k in before.texts]
    pairs += [(before.asset_columns[k], after.asset_columns[k]) for k in before.asset_columns]
    return all(len(one) == len(other) and bool(np.all(same(one, other))) for one, other in pairs)


def _kind(whole: Any, part: Any, moved: Any, rows: np.ndarray, count: int) -> Any:
    """How a thing made follows from instruments; None where no trial shows it."""
    named = isinstance(whole, dict) and all(isinstance(k, str) for k in whole)
    if named and isinstance(part, dict) and isinstance(moved, dict) and whole.keys() == part.keys() == moved.keys():
        return {k: _kind(v, part.get(k), moved.get(k), rows, count) for k, v in whole.items()}
    array = isinstance(whole, np.ndarray)
    numbering = not array or whole.dtype.kind in "iuOU"
    if numbering and _equal(whole, moved):
        return KEPT
    if array and whole.ndim and len(whole) == count and _equal(whole[rows], part):
        return ROWS
    return SHARED if _equal(whole, part) else KEPT if _equal(whole, moved) else None


def _equal(one: Any, other: Any) -> bool:
    """Whether two things made are the same to the last bit; readers of parameters are, on the same scopes."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and one.dtype == other.dtype and bool(np.all(same(one, other)))
    if callable(one):
        return getattr(one, "__module__", "") == Params.__module__ and type(one) is type(other)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(v, other[k]) for k, v in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(_equal(a, b) for a, b in zip(one, other, strict=True))
    if is_dataclass(one):
        return one is other or all(_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return bool(one is other or one == other or (one != one and other != other))


def _settled(found: Any) -> bool:
    return all(map(_settled, found.values())) if isinstance(found, dict) else found is not None


def _agrees(kind: Any, old: Any, part: Any, rows: np.ndarray, still: np.ndarray) -> bool:
    """Whether the witnesses, which did not change, came out as before."""
    if isinstance(kind, dict):
        return all(_agrees(own, old[k], part[k], rows, still) for k, own in kind.items())
    return kind != ROWS or _equal(old[rows[still]], part[still])


def _joined(kind: Any, old: Any, part: Any, rows: np.ndarray) -> Any:
    if isinstance(kind, dict):
        return {k: _joined(own, old[k], part[k], rows) for k, own in kind.items()}
    if kind != ROWS:
        return old if kind == KEPT else part
    out = old.copy()
    out[rows] = part
    return out
