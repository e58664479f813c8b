"""A margin is a ledger: every line is the plain sum of its parts, down to positions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .errors import Note, Problem

LEGS, CASH, ORDERS = "legs", "cash", "orders"


@dataclass(frozen=True, eq=False)
class Line:
    """An amount per row (R,) and what it is made of.

    ``parts`` are lines that add up to ``value``; a leaf may instead carry ``amounts`` (H,), one per
    holding of the book's table ``on``, that add up to it. ``alone`` is shown beside and never added.
    """

    name: str
    value: np.ndarray
    parts: tuple[Line, ...] = ()
    amounts: np.ndarray | None = None
    on: str = LEGS
    formula: str = ""
    cite: str = ""
    alone: np.ndarray | None = None

    @classmethod
    def total(cls, name: str, *parts: Line, formula: str = "", cite: str = "") -> Line:
        """The sum of ``parts``.

        >>> Line.total("IM", Line("a", np.array([1.0])), Line("b", np.array([2.0]))).value
        array([3.])
        """
        value = parts[0].value.copy()
        for part in parts[1:]:
            value += part.value
        return cls(name, value, tuple(parts), formula=formula, cite=cite)

    @classmethod
    def of(cls, name: str, book: Any, amounts: np.ndarray | None, on: str = LEGS, **words: str) -> Line:
        """A leaf from one amount per holding (H,) of ``book``'s table ``on``; None is 0 of every holding."""
        if amounts is None:
            amounts = np.zeros(len(getattr(book, on))) if book.detail else None
            return cls(name, np.zeros(len(book)), amounts=amounts, on=on, **words)
        value = getattr(book, on).sum(amounts)
        return cls(name, value, amounts=amounts if book.detail else None, on=on, **words)

    def scaled(self, name: str, factor: Any, book: Any, **words: str) -> Line:
        """An uplift or relief: ``factor`` (scalar or (R,)) times this line, part by part."""
        factor = np.asarray(factor, np.float64)
        if factor.shape != self.value.shape:
            factor = np.broadcast_to(factor, self.value.shape)
        parts = tuple(part.scaled(part.name, factor, book) for part in self.parts)
        amounts = self.amounts
        if amounts is not None:
            amounts = amounts * factor[getattr(book, self.on).row]
        return Line(name, self.value * factor, parts, amounts, self.on, **words)

    def named(self, name: str, **words: str) -> Line:
        """The same line under another name."""
        return replace(self, name=name, **words)

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Line]]:
        """This line and all below it with their depth, parents first."""
        yield depth, self
        for part in self.parts:
            yield from part.walk(depth + 1)

    def map(self, change: Any) -> Line:
        """The same tree with ``change(line)`` applied to every line after its parts."""
        return change(replace(self, parts=tuple(part.map(change) for part in self.parts)))

    def __repr__(self) -> str:
        parts = f", {len(self.parts)} parts" if self.parts else ""
        return f"Line({self.name!r}, {self.value.tolist()[:3]}{' …' * (len(self.value) > 3)}{parts})"

    def _repr_html_(self) -> str:
        from .html import line

        return line(self)

    def gap(self, book: Any) -> float:
        """The largest relative difference between a line and the sum of what it is made of."""
        worst = 0.0
        for _, line in self.walk():
            for pieces, size in _sums(line, book):
                error = np.abs(pieces - line.value) / np.maximum(1.0, size)
                worst = max(worst, float(np.max(error, initial=0.0)))
        return worst


def _sums(line: Line, book: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    if line.parts:
        yield sum(p.value for p in line.parts), sum(np.abs(p.value) for p in line.parts)
    if line.amounts is not None:
        table = getattr(book, line.on)
        yield table.sum(line.amounts), table.sum(np.abs(line.amounts))


@dataclass(frozen=True, eq=False)
class Grid:
    """Scenario results: labels and moves (S,) or (R, S), P&L (R, S); with detail per leg (H, S).

    ``price`` is the fractional move of the underlying, ``vol`` +1, 0, -1 or a fraction, ``weight`` the
    share of the result that counts. ``worst`` (R,) is the column that bound; -1 says that none did.
    """

    label: np.ndarray
    price: np.ndarray
    vol: np.ndarray
    weight: np.ndarray
    pnl: np.ndarray
    worst: np.ndarray
    cells: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Margin:
    """The verdict per row (account × pool); requirements are positive, the test is equity ≥ requirement.

    ``levels`` are further requirements on the same equity; ``extras`` are figures that the venue shows
    beside them (its own equity where the tested amount is another, withdrawable funds …).
    """

    equity: Line
    initial: Line
    maintenance: Line
    levels: dict[str, Line] = field(default_factory=dict)
    extras: dict[str, Line] = field(default_factory=dict)
    ratio: np.ndarray | None = None
    currency: np.ndarray | None = None
    worst: np.ndarray | None = None
    grid: Grid | None = None
    notes: tuple[Note, ...] = ()
    problems: tuple[Problem, ...] = ()
    account: np.ndarray | None = None
    pool: np.ndarray | None = None
    stamp: dict[str, Any] = field(default_factory=dict)
    run: Any = None

    @property
    def available(self) -> np.ndarray:
        """Equity less initial margin, (R,)."""
        return self.equity.value - self.initial.value

    @property
    def headroom(self) -> np.ndarray:
        """Equity less maintenance margin, (R,): below zero the venue liquidates."""
        return self.equity.value - self.maintenance.value

    @property
    def cover(self) -> np.ndarray:
        """Equity over maintenance margin, (R,): below one the venue liquidates; infinite where nothing is required."""
        need, have = self.maintenance.value, self.equity.value
        return np.divide(have, need, out=np.full(len(need), np.inf), where=need > 0)

    def lines(self) -> dict[str, Line]:
        """Every top line by its heading, in display order."""
        tops = {"equity": self.equity, "initial": self.initial, "maintenance": self.maintenance}
        return {**tops, **self.levels, **self.extras}

    def map(self, change: Any) -> Margin:
        """The same margin with every line of every tree changed."""
        return replace(
            self,
            equity=self.equity.map(change),
            initial=self.initial.map(change),
            maintenance=self.maintenance.map(change),
            levels={k: v.map(change) for k, v in self.levels.items()},
            extras={k: v.map(change) for k, v in self.extras.items()},
        )

    def columns(self) -> dict[str, np.ndarray]:
        """The summary by column (R,): account, pool, currency, equity, requirements, available, ratio, what bound."""
        summary = {
            "account": self.account,
            "pool": self.pool,
            "currency": self.currency,
            "equity": self.equity.value,
            "initial": self.initial.value,
            "maintenance": self.maintenance.value,
            "available": self.available,
            "ratio": self.ratio,
        }
        summary |= {name: line.value for name, line in (self.levels | self.extras).items()}
        return summary if self.worst is None else {**summary, "worst": self.worst}

    def frame(self) -> Any:
        """A row per account and pool: equity, requirements, available, ratio (pandas DataFrame)."""
        from .frames import summary

        return summary(self)

    def explain(self, account: str | None = None, pool: str | None = None) -> Any:
        """The ledger of one account as a tidy tree (pandas DataFrame); every row re-adds."""
        from .frames import ledger

        return ledger(self.detail(account, pool))

    def __repr__(self) -> str:
        model = self.stamp.get("model", "no model")
        return f"Margin({model}, {len(self.equity.value)} rows, initial {self.initial!r}, {len(self.notes)} notes)"

    def _repr_html_(self) -> str:
        from .html import margin

        return margin(self)

    def detail(self, account: str | None = None, pool: str | None = None) -> Margin:
        """The same run on one account (the only one, if there is but one) with amounts per position."""
        return self.run.detail(account, pool)
