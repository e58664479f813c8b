"""Tables beyond the six of every book: sensitivities, their terms, price histories, told apart by what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xlmargin.errors import InputError, nearest
from xlmargin.schemas import folded

from .cells import is_blank, rows_of

BOOK_TABLES = ("positions", "balances", "instruments", "assets", "accounts", "orders")
MORE_TABLES = ("crif", "terms", "history")
TELLING = {"risktype": "crif", "date": "history"}
TOP = 4  # rows among which a header may stand: a title and empty rows above it


def by_name(given: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a formula by name: a CRIF may stand in place of positions, ``more`` holds one further table.

    The further table is named by the cell above its header (crif, terms or history), or told by its header.
    """
    found = {name: given[name] for name in BOOK_TABLES if given.get(name) is not None}
    if "positions" in found and told(found["positions"]) == "crif":
        found["crif"] = found.pop("positions")
    if given.get("more") is not None:
        rows = [row for row in rows_of(given["more"]) if not all(is_blank(c) or c == 0 for c in row)]
        if rows:
            name, table = _named(rows)
            found[name] = table
    return found


def told(cells: Any) -> str:
    """Which further table the first rows speak of, or nothing.

    >>> told([["Remark", "RiskType"], ["", "Risk_FX"]]), told([["instrument", "quantity"]])
    ('crif', '')
    """
    top = [c for row in rows_of(cells)[:TOP] for c in row if isinstance(c, str)]
    return next((TELLING[folded(c)] for c in top if folded(c) in TELLING), "")


def _named(rows: Sequence[Sequence[Any]]) -> tuple[str, Sequence[Sequence[Any]]]:
    titles = [c for c in rows[0] if not is_blank(c) and c != 0]
    if len(titles) == 1 and len(rows) > 1:
        word = folded(titles[0])
        if word not in MORE_TABLES:
            allowed = ", ".join(MORE_TABLES)
            raise InputError(f"more: no table {titles[0]!r}; there are {allowed}{nearest(str(titles[0]), MORE_TABLES)}")
        return word, rows[1:]
    name = told(rows)
    if not name:
        raise InputError(f"more: name the table in the cell above its header: {', '.join(MORE_TABLES)}")
    return name, rows
