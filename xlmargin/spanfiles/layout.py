"""The byte map of .pa2 records, and one record read by it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from .faults import Faults, shown


@dataclass(frozen=True)
class Slot:
    """Where a field stands (0-based ``start``, ``end``), and its implied decimals; None for text."""

    field: str
    start: int
    end: int
    decimals: int | None


@cache
def layout() -> dict[str, tuple[Slot, ...]]:
    """The slots of every record type, by record id."""
    lines = files(__package__).joinpath("pa2.csv").read_text(encoding="utf-8").splitlines()
    out: dict[str, list[Slot]] = {}
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        start, decimals = int(row["start"]) - 1, row["decimals"]
        slot = Slot(row["field"], start, start + int(row["width"]), int(decimals) if decimals else None)
        out.setdefault(row["record"], []).append(slot)
    return {record: tuple(slots) for record, slots in out.items()}


def record(text: str, line: int = 1, faults: Faults | None = None) -> dict[str, Any]:
    """A line as {field: value}: blanks left out, implied decimals applied, signs taken from their own fields.

    Parameters: the line, its number and where to note problems (without it the first raises InputError).

    >>> record("T CLPCUSD$0000001063")["rate"]
    0.001063
    """
    own = faults or Faults("record")
    slots = layout()[text[:2].strip()]
    out: dict[str, Any] = {}
    for slot in slots:
        value = _value(text, slot, line, own)
        if value is not None:
            out[slot.field] = value
    for field in [f for f in out if out.get(f"{f}_sign") == "-"]:
        out[field] = -out[field]
    if faults is None:
        own.stop()
    return out


def _value(text: str, slot: Slot, line: int, faults: Faults) -> Any:
    cell = text[slot.start : slot.end]
    if not cell.strip():
        return None
    if slot.decimals is None:
        return cell.strip()
    name = f"{text[:2].strip()} {slot.field}"
    if slot.start < len(text) < slot.end and cell.strip().isdigit():
        faults.add(line, name, cell, f"the line ends inside this field (column {len(text)} of {slot.end})")
        return None
    digits = cell.strip()
    if not (digits.isascii() and digits.isdigit()):
        faults.add(line, name, cell, f"not digits in columns {slot.start + 1}–{slot.end}: {shown(cell)}")
        return None
    return int(digits) if not slot.decimals else int(digits) / 10**slot.decimals
