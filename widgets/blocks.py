"""Whole tables pasted as text, one below the other: which table each is, is read from its header row."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xlmargin.errors import InputError, Problem, nearest
from xlmargin.schemas import REQUIRED, SCHEMAS, folded

from .paste import clean, header_of, lines_of
from .sheet import columns_of

GAP = re.compile(r"\n\s*\n")
ORDER = ("orders", "positions", "balances", "assets", "instruments", "accounts")


def tables_in(text: str, decimal: str = ".") -> dict[str, dict[str, list[str]]]:
    """Columns of cells by table. Blocks stand apart by an empty line; a line before one may name its table.

    Raises InputError where a header row fits no table.

    >>> tables_in("instrument quantity\\nBTC-PERP -3\\n\\nasset  amount\\nUSDC  5,000")["balances"]
    {'asset': ['USDC'], 'amount': ['5,000']}
    """
    found: dict[str, dict[str, list[str]]] = {}
    problems: list[Problem] = []
    for block in filter(str.strip, GAP.split(text.replace("\r\n", "\n").strip("\n"))):
        name, lines = _named(block)
        header = lines[0] if lines else []
        name = name or table_of(header)
        if not name:
            problems.append(_unknown(header))
        elif name in found:
            problems.append(Problem(name, 1, "", " ".join(header), "this table stands twice"))
        else:
            found[name] = _columns(name, lines, decimal)
    if not found and not problems:
        problems.append(Problem("", 0, "", None, "no table: paste one with a header row, such as instrument, quantity"))
    if problems:
        raise InputError(problems)
    return found


def _named(block: str) -> tuple[str, list[list[str]]]:
    first, _, rest = block.strip("\n").partition("\n")
    title = first.strip().rstrip(":").casefold()
    return (title, _lines(rest)) if title in SCHEMAS else ("", _lines(block))


def _lines(block: str) -> list[list[str]]:
    first = block.split("\n", 1)[0]
    if any(mark in first for mark in "\t,;"):
        names = [column.name for table in ORDER for column in columns_of(table)]
        return lines_of(block, names)
    apart = r"\s{2,}" if re.search(r"\S\s{2,}\S", first) else r"\s+"
    return [re.split(apart, line.strip()) for line in block.split("\n") if line.strip()]


def table_of(header: Sequence[str]) -> str:
    """The table whose required columns all stand in a header row, the best filled first; nothing if none fits.

    >>> table_of(["Instrument", "Quantity", "Limit price"]), table_of(["x"])
    ('orders', '')
    """
    given = {folded(cell) for cell in header}
    fits = {}
    for name in ORDER:
        needed = {folded(c.name) for c in SCHEMAS[name] if c.need == REQUIRED}
        if needed <= given:
            fits[name] = len(needed)
    return max(fits, key=lambda name: fits[name], default="")


def _columns(name: str, lines: list[list[str]], decimal: str) -> dict[str, list[str]]:
    columns = {c.name: c for c in columns_of(name)}
    known = header_of(lines[0], list(columns.values())) or {}
    table = {}
    for i, title in enumerate(lines[0]):
        column = columns.get(known.get(i, ""))
        cells = [line[i].strip() if i < len(line) else "" for line in lines[1:]]
        table[column.name if column else title] = [clean(column, c, decimal) for c in cells] if column else cells
    return table


def _unknown(header: Sequence[str]) -> Problem:
    words = ", ".join(f"{t}: {' + '.join(c.name for c in SCHEMAS[t] if c.need == REQUIRED)}" for t in ORDER)
    hint = nearest(header[0] if header else "", [c.name for t in ORDER for c in SCHEMAS[t]])
    return Problem("", 1, "", " ".join(header), f"header row fits no table: {' '.join(header)!r}{hint} ({words})")
