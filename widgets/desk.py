"""The desk behind a panel: its sheets, what was done to them, and the book and market that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xlmargin.assemble import assemble
from xlmargin.book import Book
from xlmargin.errors import Problem
from xlmargin.market import Market

from .beside import BESIDE
from .paste import paste
from .sheet import TITLES, Sheet
from .tables import tables_of

MOST_STEPS = 200
TRADES = "trades"
HOLDING = ("positions", "balances", "accounts", "orders", "crif")
DEFAULT_ACCOUNT = "main"

Sheets = Mapping[str, Sheet]


@dataclass(eq=False)
class Desk:
    """Sheets by name with an undo history that all views share."""

    sheets: Sheets = field(default_factory=lambda: {name: Sheet(name, {}) for name in TITLES})
    undone: list[Sheets] = field(default_factory=list)
    done: list[Sheets] = field(default_factory=list)
    as_of: float = float("nan")
    source: str = "panel"
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
        own = {name: cells_of(table) for name, table in market.tables.items() if name in BESIDE}
        fresh = {name: Sheet.of(name, columns) for name, columns in (tables_of(book, market) | own).items()}
        self._become({**self.sheets, **fresh})
        self.more = {name: table for name, table in market.tables.items() if name not in BESIDE}
        self.as_of, self.source = market.as_of, market.source

    def replace(self, tables: Mapping[str, Any], source: str = "pasted") -> None:
        """Take over tables of columns by name; those not named stay."""
        fresh = {name: Sheet.of(name, cells_of(t)) for name, t in tables.items() if name in TITLES}
        self._become({**self.sheets, **fresh})
        self.more = {**self.more, **{name: t for name, t in tables.items() if name not in TITLES}}
        self.source = source
        self.as_of = max(_times(fresh), default=self.as_of)

    def put(self, sheet: str, cells: list[tuple[int, str, str]], account: str = "") -> None:
        """Cells as typed: (row id, column, text). A row that held nothing belongs to ``account``."""
        self._change(self.sheets[sheet].put(cells), account)

    def add(self, sheet: str, after: int | None, count: int = 1) -> None:
        """Empty rows after the row of that id, or at the end."""
        self._change(self.sheets[sheet].inserted(after, [{}] * count))

    def delete(self, sheet: str, ids: list[int]) -> None:
        """Rows away."""
        self._change(self.sheets[sheet].without(ids))

    def paste(self, sheet: str, text: str, row: int | None, column: str, decimal: str = ".", account: str = "") -> str:
        """A block over a sheet; rows that held nothing belong to ``account``. Returns what to tell the user."""
        pasted = paste(self.sheets[sheet], text, row=row, column=column, decimal=decimal)
        self._change(pasted.sheet, account)
        return pasted.message

    def propose(self, basket: str, rows: list[dict[str, Any]]) -> None:
        """Trades on top as one basket, in place of those that it held before."""
        own = self.sheets[TRADES]
        before = [id for id, row in own.rows.items() if row.get("basket") == basket]
        rows = [{**row, "basket": basket} for row in rows]
        self._become({**self.sheets, TRADES: own.without(before).inserted(None, rows)})

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

    def _change(self, sheet: Sheet, account: str = "") -> None:
        before = self.sheets[sheet.name].rows
        if account not in ("", DEFAULT_ACCOUNT) and "account" in sheet.schema and sheet.name != "accounts":
            fresh = [id for id, row in sheet.rows.items() if row and "account" not in row and not before.get(id)]
            sheet = sheet.put((id, "account", account) for id in fresh)
        self._become({**self.sheets, sheet.name: sheet})

    def _become(self, sheets: Sheets) -> None:
        self.done = [*self.done[1 - MOST_STEPS :], self.sheets]
        self.undone = []
        self.sheets = sheets

    def tables(self) -> dict[str, Any]:
        """The tables of the book as they stand, without those beside it."""
        given = {name: sheet.columns for name, sheet in self.sheets.items() if name not in ("crif", *BESIDE)}
        held = any(len(self.sheets[name]) for name in HOLDING)
        return given if held else {**given, "accounts": {"account": [DEFAULT_ACCOUNT]}}

    def build(self, as_of: Any, venue: str = "") -> tuple[Book, Market, list[Problem]]:
        """Book, market and every problem of the sheets."""
        problems: list[Problem] = []
        sensitivities = self.sheets["crif"].columns
        more = dict(self.more) | ({"crif": sensitivities} if sensitivities else {})
        book, market = assemble(self.tables(), problems, as_of=as_of, venue=venue, source=self.source, more=more)
        return book, market, problems

    def trades(self, account: str) -> dict[str, Any]:
        """The trades on top, those without an account on the one named."""
        columns = dict(self.sheets[TRADES].columns)
        given = columns.get("account", [None] * len(self.sheets[TRADES]))
        return columns | {"account": [account if name in (None, "") else name for name in given]}

    def errors(self, problems: Iterable[Problem]) -> dict[str, dict[tuple[int, str], str]]:
        """Messages by sheet and cell."""
        cells: dict[str, dict[tuple[int, str], str]] = {}
        for problem in problems:
            sheet = self.sheets.get(problem.table)
            place = sheet.place(problem) if sheet is not None else None
            if place is not None:
                said = cells.setdefault(problem.table, {})
                said[place] = f"{said[place]}; {problem.message}" if place in said else problem.message
        return cells


def cells_of(table: Any) -> dict[str, list[Any]]:
    """The columns of a table or DataFrame by name."""
    return {str(c): list(table[c]) for c in table}


def _times(sheets: Sheets) -> list[float]:
    """The moments at which the prices of some sheets held, where they say so."""
    rows = [row for name in ("instruments", "positions") if name in sheets for row in sheets[name].rows.values()]
    return [row["as_of"] for row in rows if isinstance(row.get("as_of"), float)]
