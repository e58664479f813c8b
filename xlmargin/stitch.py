"""Blocks of rows back in one margin: lines, grids and notes in the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .errors import Note
from .ledger import Grid, Line, Margin


def stitched(results: Sequence[Margin], sizes: Sequence[int]) -> Margin:
    """One margin from the margins of consecutive blocks of ``sizes`` rows."""
    first = results[0]
    if len(results) == 1:
        return first
    names = lambda part: {k: _lines([getattr(r, part)[k] for r in results]) for k in getattr(first, part)}  # noqa: E731
    return replace(
        first,
        equity=_lines([r.equity for r in results]),
        initial=_lines([r.initial for r in results]),
        maintenance=_lines([r.maintenance for r in results]),
        levels=names("levels"),
        extras=names("extras"),
        ratio=_rows([r.ratio for r in results], sizes),
        currency=_rows([r.currency for r in results], sizes),
        worst=_rows([r.worst for r in results], sizes),
        grid=_grids([r.grid for r in results]),
        notes=_notes([r.notes for r in results], sizes),
    )


def _rows(values: Sequence[Any], sizes: Sequence[int]) -> np.ndarray | None:
    if values[0] is None:
        return None
    return np.concatenate([np.broadcast_to(np.asarray(v), (n,)) for v, n in zip(values, sizes, strict=True)])


def _lines(lines: Sequence[Line]) -> Line:
    first = lines[0]
    return replace(
        first,
        value=np.concatenate([x.value for x in lines]),
        parts=tuple(_lines(same) for same in zip(*(x.parts for x in lines), strict=True)),
        amounts=None if first.amounts is None else np.concatenate([x.amounts for x in lines]),
        alone=None if first.alone is None else np.concatenate([x.alone for x in lines]),
    )


def _grids(grids: Sequence[Grid | None]) -> Grid | None:
    if grids[0] is None:
        return None
    joined = {}
    for name in ("label", "price", "vol", "weight"):
        joined[name] = np.concatenate([np.broadcast_to(getattr(g, name), g.pnl.shape) for g in grids])
    for name in ("pnl", "worst", "cells"):
        values = [getattr(g, name) for g in grids]
        joined[name] = None if values[0] is None else np.concatenate(values)
    return Grid(**joined)


def _notes(notes: Sequence[tuple[Note, ...]], sizes: Sequence[int]) -> tuple[Note, ...]:
    start = np.concatenate([[0], np.cumsum(sizes)])
    merged: dict[tuple[str, str], np.ndarray] = {}
    for block, (low, size) in enumerate(zip(start[:-1], sizes, strict=True)):
        for note in notes[block]:
            where = merged.setdefault((note.text, note.cite), np.zeros(start[-1], bool))
            where[low : low + size] |= True if note.where is None else note.where
    return tuple(Note(text, cite, where) for (text, cite), where in merged.items())
