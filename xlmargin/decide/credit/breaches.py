"""Lines and limits against what stands there: each a finding with its severity in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...book import Book
from ...comparison import conversion
from ...errors import nearest
from ...market import Market
from ...registry import Model
from ..exposure import Greeks
from .house import House, house, of_underlying
from .lines import GROSS, NET, REQUIREMENT, Limit, Lines
from .standing import Standing

RANK = {"critical": 0, "serious": 1, "warning": 2, "note": 3, "": 4}


@dataclass(frozen=True)
class Finding:
    """What stands against a line or limit of one owner; ``amount`` is NaN where it is not known."""

    owner: int
    kind: str
    where: str
    amount: float
    limit: float
    severity: str
    state: str
    message: str

    @property
    def excess(self) -> float:
        """The amount beyond the limit, 0 inside it."""
        return max(0.0, self.amount - self.limit) if self.amount == self.amount else np.nan


def findings(
    lines: Lines, used: np.ndarray, whole: House, each: Standing, currency: str, underlyings: Sequence[Finding]
) -> list[Finding]:
    """Every line, limit on a venue, shortfall of an account; ``underlyings`` besides; the gravest first."""
    told = [
        *(_line(lines, o, used, whole.remark[o], currency) for o in range(len(used))),
        *(_at_venue(limit, each, currency) for limit in lines.limits if limit.venue),
        *underlyings,
        *_shortfalls(each, currency),
    ]
    return sorted(told, key=lambda f: RANK[f.severity])


def _line(lines: Lines, o: int, used: np.ndarray, remark: str, currency: str) -> Finding:
    amount, line, most = float(used[o]), float(lines.line[o]), float(lines.most[o])
    if np.isnan(line):
        return Finding(o, "line", "", amount, np.nan, "note", "no line given", "no line given")
    if np.isnan(amount):
        return Finding(o, "line", "", amount, most, "note", "not known", f"what is used is not known: {remark}")
    if amount > line:
        text = f"{amount:,.2f} used, {amount - line:,.2f} {currency} over the line of {line:,.2f}"
        return Finding(o, "line", "", amount, most, "critical", "over the line", text)
    return _graded(o, "line", "", amount, most, float(lines.warn[o]), currency, "used")


def _graded(
    o: int, kind: str, where: str, amount: float, most: float, warn: float, currency: str, what: str
) -> Finding:
    """A limit that is breached, warned of, or kept."""
    if amount > most:
        text = f"{amount:,.2f} {what}, {amount - most:,.2f} {currency} over the limit of {most:,.2f}"
        return Finding(o, kind, where, amount, most, "serious", "over the limit", text)
    text = f"{amount:,.2f} {what}, {most - amount:,.2f} {currency} within the limit of {most:,.2f}"
    if amount >= warn:
        return Finding(o, kind, where, amount, most, "warning", "near the limit", text)
    return Finding(o, kind, where, amount, most, "", "within the limit", text)


def _at_venue(limit: Limit, each: Standing, currency: str) -> Finding:
    folded = [name.casefold() for name in each.names]
    if limit.venue.casefold() not in folded:
        text = f"no account stands at {limit.venue!r}{nearest(limit.venue, each.names)}"
        return Finding(limit.owner, "venue", limit.venue, 0.0, limit.most, "note", "nothing there", text)
    v = folded.index(limit.venue.casefold())
    amount = float(each.required[limit.owner, v])
    return _graded(limit.owner, "venue", each.names[v], amount, limit.most, limit.warn, currency, "required there")


def _shortfalls(each: Standing, currency: str) -> Iterator[Finding]:
    for s in each.shortfalls:
        grade = "critical" if s.level == "maintenance" else "warning"
        text = (
            f"equity {s.equity:,.2f}, {s.level} margin {s.required:,.2f}: {s.required - s.equity:,.2f} {currency} short"
        )
        yield Finding(s.owner, "account", s.where, s.required, s.equity, grade, f"below {s.level} margin", text)


def of_underlyings(
    limits: Sequence[Limit],
    one: Book,
    market: Market,
    model: str | Model | None,
    how: Mapping[str, Any],
    level: str,
    currency: str,
) -> list[Finding]:
    """Limits on underlyings: what the owner's positions in one require by themselves, or their net or gross delta."""
    asked = [limit for limit in limits if limit.underlying]
    if not asked:
        return []
    known = {str(u).casefold(): str(u) for u in market.underlying}
    names = [known.get(limit.underlying.casefold(), limit.underlying) for limit in asked]
    rows = of_underlying(one, market, np.array([limit.owner for limit in asked], np.int64), names)
    alone = None if model is None else house(rows, market, model, how, level, currency)
    amounts = _amounts(rows, market, currency) | ({} if alone is None else {REQUIREMENT: alone.need})
    held = np.bincount(rows.legs.row, minlength=len(rows))
    found = []
    for n, (limit, name) in enumerate(zip(asked, names, strict=True)):
        amount = float(amounts[limit.measure][n]) if limit.measure in amounts else np.nan
        why = "" if held[n] else f"nothing is held in {name!r}{nearest(name, known.values())}"
        if not why and np.isnan(amount):
            why = _unknown(limit.measure, alone, n)
        found.append(_in_underlying(limit, name, amount, why, currency))
    return found


def _amounts(rows: Book, market: Market, currency: str) -> dict[str, np.ndarray]:
    """Net and gross delta of each row in ``currency``; NaN where an option lacks what its delta needs."""
    delta = rows.legs.quantity * Greeks.of(market).delta_usd[rows.legs.instrument]
    rate = conversion(market, ["USD"], currency)[0]
    return {NET: np.abs(rows.sum(delta)) * rate, GROSS: rows.sum(np.abs(delta)) * rate}


def _unknown(measure: str, alone: House | None, row: int) -> str:
    if measure != REQUIREMENT:
        return "delta not known: an option lacks its forward or volatility"
    return "no portfolio model is given to measure it by" if alone is None else alone.remark[row]


def _in_underlying(limit: Limit, name: str, amount: float, why: str, currency: str) -> Finding:
    kind = f"underlying, {limit.measure}"
    if why:
        return Finding(limit.owner, kind, name, amount, limit.most, "note", "not known", why)
    return _graded(limit.owner, kind, name, amount, limit.most, limit.warn, currency, f"{limit.measure} in {name}")
