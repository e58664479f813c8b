"""A table of moves, point by point, as the paths that a simulation runs along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...errors import InputError, Problem
from ...parsing import read_number
from ...scenarios import move_words
from ...schemas import folded
from ..liquidation.liquidation import percent
from ..moves import Moves, named

POINT = frozenset(("point", "step", "time", "date", "asof"))
VOL = "vol"


def read_path(table: Any) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Price and volatility moves from now, by underlying, from a table with a row a point.

    A column named as an underlying holds fractions of its price now (−0.2 or −20 %), one named "BTC vol" those of its
    volatility; a column point, step, time or date is passed over, and so are rows and columns without any
    number. Raises InputError with every other cell that is empty or no number, and every column that stands twice.

    >>> prices, vols = read_path({"step": [1, 2], "BTC": ["-5%", -0.1], "BTC vol": [0.3, 0]})
    >>> prices["BTC"].tolist(), vols["BTC"].tolist()
    ([-0.05, -0.1], [0.3, 0.0])
    """
    problems: list[Problem] = []
    above = getattr(table, "header_row", 1)
    found: tuple[dict[str, np.ndarray], dict[str, np.ndarray]] = ({}, {})
    columns: dict[tuple[int, str], str] = {}
    for header in (h for h in table if folded(h) not in POINT):
        name, _, last = str(header).strip().rpartition(" ")
        moved, of = (name.strip(), 1) if name and last.casefold() == VOL else (str(header).strip(), 0)
        if moved in found[of]:
            problems.append(Problem("path", above, str(header), header, f"column {str(header)!r} stands twice"))
        found[of][moved], columns[of, moved] = _column(str(header), table[header], above, problems), str(header)
    given = np.isfinite([v for part in found for v in part.values()])
    if not (problems or given.any()):
        raise InputError([Problem("path", 0, "", None, "no moves: a column named as an underlying, a row a point")])
    point = given.any(axis=0)
    told = {(p.row, p.column) for p in problems}
    gaps = [p for (of, name), header in columns.items() for p in _gaps(header, found[of][name], point, above)]
    problems.extend(p for p in gaps if (p.row, p.column) not in told)
    if problems:
        raise InputError(sorted(problems, key=lambda p: p.row))
    prices, vols = ({n: v[point] for n, v in part.items() if np.isfinite(v).any()} for part in found)
    return prices, vols


def _gaps(header: str, moves: np.ndarray, point: np.ndarray, above: int) -> Iterator[Problem]:
    """Empty cells (T,) of a column that holds numbers, in rows that are points."""
    before = 0.0
    for n in np.flatnonzero(point) if np.isfinite(moves).any() else ():
        if np.isnan(moves[n]):
            stay = f"{move_words(before)} to stay there, or " if before else ""
            text = f"empty; moves are from now: write {stay}0 for no move"
            yield Problem("path", int(n) + 1 + above, header, None, text)
        else:
            before = float(moves[n])


def _column(header: str, cells: Any, above: int, problems: list[Problem]) -> np.ndarray:
    out = np.full(len(cells), np.nan)
    for n, cell in enumerate(cells):
        if cell is None or cell != cell or (isinstance(cell, str) and not cell.strip()):
            continue
        try:
            out[n] = read_number(cell)
        except ValueError as error:
            problems.append(Problem("path", n + 1 + above, header, cell, str(error)))
    return out


def stated(path: Mapping[str, Any], vol: Mapping[str, Any] | None, t: int) -> str:
    """The moves of a point in words: "BTC -5.0 %, BTC volatility +20.0 %"."""
    named_moves = [*path.items(), *((f"{name} volatility", moves) for name, moves in (vol or {}).items())]
    return ", ".join(f"{name} {percent(float(np.atleast_1d(moves)[t]))}" for name, moves in named_moves)


def along(market: Any, path: Mapping[str, Any], vol: Mapping[str, Any] | None = None) -> Moves:
    """A move for each point of a path given as sequences by name."""
    for name, table in (("path", path), ("vol", vol or {})):
        if not isinstance(table, Mapping):
            text = f"a {type(table).__name__} is no path: give moves by name, such as {{'BTC': [-0.05, -0.1]}}"
            raise InputError([Problem(name, 0, "", None, text)])
    given = {("price", n): np.atleast_1d(np.asarray(v, np.float64)) for n, v in path.items()}
    given |= {("vol", n): np.atleast_1d(np.asarray(v, np.float64)) for n, v in (vol or {}).items()}
    length = {len(v) for v in given.values()}
    if len(length) != 1 or length == {0}:
        words = ", ".join(f"{n} {k} {len(v)}" for (k, n), v in given.items()) or "nothing"
        raise InputError([Problem("path", 0, "", None, f"give moves of one length for each name, not {words}")])
    made = []
    for t in range(length.pop()):
        by: dict[str, dict[str, float]] = {"price": {}, "vol": {}}
        for (kind, name), moves in given.items():
            by[kind][name] = float(moves[t])
        made.append(named(market, **by))
    return Moves.stack(made)
