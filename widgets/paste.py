"""Blocks pasted from Excel or Calc: text into cells, with or without a header row, never guessing silently."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from xlmargin.errors import InputError, Problem, nearest
from xlmargin.schemas import NUMBER, Column, folded

from .sheet import Row, Sheet, typed_cell

NEGATIVE = re.compile(r"^\((.+)\)$")
CURRENCY = re.compile(r"^([+-]?)\s*[$€£¥]\s*|\s*[$€£¥]$")
MOST_ROWS = 100_000


@dataclass(frozen=True)
class Pasted:
    """A sheet after a paste and what to tell the user about it."""

    sheet: Sheet
    message: str


def lines_of(text: str, names: Sequence[str] = ()) -> list[list[str]]:
    """Cells of a pasted text: tabs as a spreadsheet writes them; commas or semicolons where a header row has them.

    >>> lines_of('a\\t"x\\ny"\\r\\n1\\t2\\r\\n')
    [['a', 'x\\ny'], ['1', '2']]
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    return list(csv.reader(io.StringIO(text), delimiter=_delimiter(text, names), skipinitialspace=False))


def _delimiter(text: str, names: Sequence[str]) -> str:
    first = text.split("\n", 1)[0]
    known = {folded(n) for n in names}
    if "\t" not in first:
        for mark in ",;":
            if sum(folded(cell) in known for cell in first.split(mark)) >= 2:
                return mark
    return "\t"


def header_of(line: Sequence[str], columns: Sequence[Column]) -> dict[int, str] | None:
    """Column name by place if the line is a header row, else None."""
    known = {folded(c.name): c.name for c in columns}
    found = {i: known[folded(cell)] for i, cell in enumerate(line) if folded(cell) in known}
    numeric = any(_is_number(cell) for cell in line)
    return found if found and not numeric else None


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", ""))
    except ValueError:
        return False
    return True


def clean(column: Column, text: str, decimal: str = ".") -> str:
    """A number as a spreadsheet prints it, as the tables read it: (1,234) is −1,234; currency signs are dropped.

    ``decimal`` says which mark the sender uses; a text in the other style stays as it is and is refused at the cell.

    >>> from xlmargin.schemas import schema
    >>> quantity = schema("positions")[1]
    >>> clean(quantity, "(1,200)"), clean(quantity, "€ 5"), clean(quantity, "1.234,5", decimal=",")
    ('-1,200', '5', '1,234.5')
    """
    text = text.replace("\u00a0", " ").replace("\u202f", " ").strip()
    if column.dtype != NUMBER:
        return text
    text = CURRENCY.sub(r"\1", NEGATIVE.sub(r"-\1", text))
    return text.translate(str.maketrans(".,", ",.")) if decimal == "," else text


def paste(sheet: Sheet, text: str, *, row: int | None, column: str, decimal: str = ".") -> Pasted:
    """A block laid over a sheet from a cell on; rows past the end are added; a header row names its own columns."""
    columns = list(sheet.schema.values())
    lines = lines_of(text, [c.name for c in columns])
    if len(lines) > MOST_ROWS:
        raise InputError([Problem(sheet.name, 0, "", len(lines), f"{len(lines):,} rows; at most {MOST_ROWS:,} pasted")])
    header = header_of(lines[0], columns) if lines else None
    if header is not None:
        rows = [_row(sheet, line, header, decimal) for line in lines[1:]]
        return Pasted(_laid(sheet, rows, row, whole=True), _said(rows, lines[0], header, columns))
    shown = [c.name for c in sheet.shown()]
    start = shown.index(column) if column in shown else 0
    places = dict(enumerate(shown[start:]))
    rows = [_row(sheet, line, places, decimal, blanks=True) for line in lines]
    lost = max((len(line) for line in lines), default=0) - len(places)
    more = f"; {lost} columns stood beyond the last one" if lost > 0 else ""
    return Pasted(_laid(sheet, rows, row, whole=False), f"Pasted {_rows(len(rows))}{more}")


def _row(sheet: Sheet, line: Sequence[str], places: dict[int, str], decimal: str, blanks: bool = False) -> Row:
    known = sheet.schema
    cells = {name: clean(known[name], line[i], decimal) for i, name in places.items() if i < len(line)}
    typed = {name: typed_cell(known[name], cell) for name, cell in cells.items()}
    return typed if blanks else {name: value for name, value in typed.items() if value is not None}


def _laid(sheet: Sheet, rows: list[Row], row: int | None, *, whole: bool) -> Sheet:
    ids = list(sheet.rows)
    start = ids.index(row) if row in sheet.rows else len(ids)
    under = ids[start : start + len(rows)]
    fresh = dict(sheet.rows)
    for id, new in zip(under, rows, strict=False):
        both = dict(new) if whole else {**sheet.rows[id], **new}
        fresh[id] = {name: value for name, value in both.items() if value is not None}
    added = [{n: v for n, v in new.items() if v is not None} for new in rows[len(under) :]]
    return Sheet(sheet.name, fresh, sheet.extra).inserted(None, added)


def _said(rows: list[Row], line: Sequence[str], header: dict[int, str], columns: Sequence[Column]) -> str:
    unknown = [cell for i, cell in enumerate(line) if i not in header and cell.strip()]
    names = [c.name for c in columns]
    hints = ", ".join(f"{cell!r}{nearest(cell, names)}" for cell in unknown[:5])
    return f"Pasted {_rows(len(rows))}" + (f"; not used: {hints}" if unknown else "")


def _rows(count: int) -> str:
    return f"{count} row" + ("" if count == 1 else "s")
