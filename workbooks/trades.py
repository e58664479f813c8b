"""Trades on top of the positions: further rows of the same table, done at mark where no price is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from xlmargin.schemas import folded

from .cells import is_blank, label
from .ranges import Ranges

KEY = ("account", "instrument", "side", "margin_mode")


def with_trades(ranges: Ranges, trades: Any) -> Ranges:
    """The same question with trades below the positions.

    A trade without ``entry_price`` on a leg whose lots have one is done at the instrument's mark, so that it brings no
    result of its own; messages name the table trades and its own rows.
    """
    joined = ranges.with_rows("positions", trades, "trades")
    seam = joined.seams.get("positions")
    if seam is None:
        return ranges
    header, *rows = joined.tables["positions"]
    at = {folded(h): c for c, h in enumerate(header)}
    price = at.get("entryprice")
    if price is None:
        return joined
    cut = len(seam.upper) if seam.upper else 0
    priced = {_key(row, at) for row in rows[:cut] if not is_blank(row[price])}
    marks = _marks(ranges)
    for row in rows[cut:]:
        if is_blank(row[price]) and _key(row, at) in priced:
            row[price] = marks.get(_word(row, at, "instrument"))
    return replace(joined, tables={**joined.tables, "positions": [header, *rows]})


def _key(row: list[Any], at: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(_word(row, at, name) or {"account": "main"}.get(name, "") for name in KEY)


def _word(row: list[Any], at: Mapping[str, int], name: str) -> str:
    column = at.get(folded(name))
    return "" if column is None or is_blank(row[column]) else label(row[column])


def _marks(ranges: Ranges) -> dict[str, Any]:
    """The mark of every instrument that states one, instruments before positions."""
    found: dict[str, Any] = {}
    for name in ("instruments", "positions"):
        table = ranges.parsed.get(name)
        columns = {folded(h): c.tolist() for h, c in table.columns.items()} if table else {}
        for instrument, mark in zip(columns.get("instrument", ()), columns.get("mark", ()), strict=False):
            if not is_blank(instrument) and not is_blank(mark):
                found.setdefault(label(instrument), mark)
    return found
