"""The desk behind a panel: its sheets, what was done to them, and the book and market that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xlmargin.assemble import assemble
from xlmargin.book import Book
from xlmargin.errors import Problem
from xlmargin.market import Market

from .paste import paste
from .sheet import TITLES, Sheet
from .tables import tables_of

MOST_STEPS = 200
TRADES = "trades"
DEFAULT_ACCOUNT = "main"

Sheets = Mapping[str, Sheet]


@dataclass(eq=False)
class Desk:
    """Sheets by name with an undo history that all views share."""

    sheets: Sheets = field(default_factory=lambda: {name: Sheet(name, {}) for name in TITLES})
    undone: list[Sheets] = field(default_factory=list)
    done: list[Sheets] = field(default_factory=list)
    venue: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, book: Book, market: Market) -> Desk:
        """A desk that starts from a book and a market."""
        desk = cls()
        desk.load(book, market)
        desk.done = []
        return desk

    def load(self, book: Book, market: Market) -> None:
        """Take over a book and a market; the sheets before can be had back by undo."""
        fresh = {name: Sheet.of(name, columns) for name, columns in tables_of(book, market).items()}
        self._become({**self.sheets, **fresh})
        self.more = market.tables

    def replace(self, tables: Mapping[str, Any]) -> None:
        """Take over tables of columns by name; those not named stay."""
        fresh = {name: Sheet.of(name, {str(c): list(t[c]) for c in t}) for name, t in tables.items()}
        self._become({**self.sheets, **fresh})

    def put(self, sheet: str, cells: list[tuple[int, str, str]]) -> None:
        """Cells as typed: (row id, column, text)."""
        self._change(self.sheets[sheet].put(cells))

    def add(self, sheet: str, after: int | None, count: int = 1) -> None:
        """Empty rows after the row of that id, or at the end."""
        self._change(self.sheets[sheet].inserted(after, [{}] * count))

    def delete(self, sheet: str, ids: list[int]) -> None:
        """Rows away."""
        self._change(self.sheets[sheet].without(ids))

    def paste(self, sheet: str, text: str, row: int | None, column: str, decimal: str = ".") -> str:
        """A block over a sheet; returns what to tell the user."""
        pasted = paste(self.sheets[sheet], text, row=row, column=column, decimal=decimal)
        self._change(pasted.sheet)
        return pasted.message

    def undo(self) -> bool:
        """The sheets before the last step; False if there is none."""
        return self._step(self.done, self.undone)

    def redo(self) -> bool:
        """The step that was undone last, again."""
        return self._step(self.undone, self.done)

    def _step(self, back: list[Sheets], forth: list[Sheets]) -> bool:
        if not back:
            return False
        forth.append(self.sheets)
        self.sheets = back.pop()
        return True

    def _change(self, sheet: Sheet) -> None:
        self._become({**self.sheets, sheet.name: sheet})

    def _become(self, sheets: Sheets) -> None:
        self.done = [*self.done[1 - MOST_STEPS :], self.sheets]
        self.undone = []
        self.sheets = sheets

    def tables(self) -> dict[str, Any]:
        """The tables as they stand, without the trades on top."""
        given = {name: sheet.columns() for name, sheet in self.sheets.items() if name != TRADES}
        held = any(given[name] for name in ("positions", "balances", "accounts", "orders"))
        return given if held else {**given, "accounts": {"account": [DEFAULT_ACCOUNT]}}

    def build(
        self, as_of: Any, source: str = "panel", marks: Mapping[str, float] | None = None
    ) -> tuple[Book, Market, list[Problem]]:
        """Book, market and every problem of the sheets.

        With ``marks`` the trades on top are in the book: one without a price joins a position at its mark.
        """
        given = self.tables()
        if marks is not None:
            given["positions"] = _joined(self.sheets["positions"], self.sheets[TRADES], marks)
        problems: list[Problem] = []
        book, market = assemble(given, problems, as_of=as_of, venue=self.venue, source=source, more=dict(self.more))
        return book, market, [self._owned(p) for p in problems] if marks is not None else problems

    def _owned(self, problem: Problem) -> Problem:
        """A problem of a trade in the rows of its own sheet."""
        held = len(self.sheets["positions"])
        if problem.table != "positions" or problem.row < held + 2:
            return problem
        return Problem(TRADES, problem.row - held, problem.column, problem.value, problem.message, problem.account)

    def errors(self, problems: list[Problem]) -> dict[str, dict[tuple[int, str], str]]:
        """Messages by sheet and cell."""
        cells: dict[str, dict[tuple[int, str], str]] = {}
        for problem in problems:
            sheet = self.sheets.get(problem.table)
            place = sheet.place(problem) if sheet is not None else None
            if place is not None:
                said = cells.setdefault(problem.table, {})
                said[place] = f"{said[place]}; {problem.message}" if place in said else problem.message
        return cells


def _joined(held: Sheet, trades: Sheet, marks: Mapping[str, float]) -> dict[str, Any]:
    """Positions with the trades below them as one table."""
    entered = {row.get("instrument") for row in held.rows.values() if "entry_price" in row}
    priced = {
        id: {"entry_price": marks[name], **row} if (name := row.get("instrument")) in entered & marks.keys() else row
        for id, row in trades.rows.items()
    }
    return Sheet("positions", {**held.rows, **priced}, held.extra).columns()
