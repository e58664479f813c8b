"""The scenario loss of the portfolio manager: the worst scenario or basis move, as a line down to positions."""

from __future__ import annotations

import numpy as np

from ...book import Nets
from ...ledger import CASH, Grid, Line
from ...risk import fold, scan, worst
from .held import Held
from .ladder import Ladder

BASIS = -1
UP_COLUMN, DOWN_COLUMN, MARK_COLUMN = -3, -2, -1


def scenario_loss(held: Held) -> tuple[Line, Grid]:
    """The loss in the worst scenario of each row, and the grid behind it.

    least over s of w·(Σ expiries (V·d − mark) + linear value × (shock − 1)), or the basis contingency if worse.
    """
    book, ready, nets = held.book, held.ready, held.nets
    values = scan(nets, ready.unit)
    curve = {k: ready.curve[k][nets.group] for k in ("positive", "negative", "basis")}
    move = _expiry_results(held, values, curve)
    linear = book.cash.sum(held.collateral * held.haircut[:, 2])
    if len(held.perps):
        linear += book.sum(held.perp_value)
    price, weight, label, vol = by_row(held, ready.ladder)
    if linear.any():
        move += linear[:, None] * price
    move *= weight
    basis = nets.up(np.minimum(_worse_basis(values) - values[:, MARK_COLUMN], 0.0) * curve["basis"])
    least, which = worst(move)
    which = np.where(basis <= least, BASIS, which)
    grid = Grid(label, price, vol, weight, move, which)
    line = Line(
        "Scenario loss",
        -np.minimum(basis, least),
        formula="worst of Σ w·(discounted shocked value − mark) and the basis contingency",
        cite=held.p.cite("scenarios"),
    )
    return _detailed(held, line, grid, nets, values, curve) if book.detail else (line, grid)


def by_row(held: Held, ladder: Ladder) -> list[np.ndarray]:
    """Move, weight, label and volatility (R, S) of each row: views where one ladder serves all, nothing is copied."""
    tables = (ladder.move, ladder.weight, ladder.label, ladder.vol)
    if len(ladder.move) == 2 and not held.scope.any():
        shape = (len(held.book), ladder.width)
        return [table[:1] if shape[0] == 1 else np.broadcast_to(table[0], shape) for table in tables]
    return [table[held.scope] for table in tables]


def _expiry_results(held: Held, values: np.ndarray, curve: dict[str, np.ndarray]) -> np.ndarray:
    """Σ over expiries of V·d − mark by row (R, S), d by the sign of V; skewed columns count as −|V·d − mark|.

    V·d = V·negative + max(V, 0)·(positive − negative), so that whole rows add up without a choice in each cell.
    """
    ladder, nets = held.ready.ladder, held.nets
    plain, spread = ladder.width - ladder.skewed, curve["positive"] - curve["negative"]
    out = fold(nets, values, curve["negative"])
    out += fold(nets, np.maximum(values, 0.0), spread)
    out -= nets.up(values[:, MARK_COLUMN])[:, None]
    skewed = values[:, plain:UP_COLUMN]
    result = np.maximum(skewed, 0.0) * spread[:, None] + skewed * curve["negative"][:, None] - values[:, MARK_COLUMN:]
    out[:, plain : ladder.width] = fold(nets, -np.abs(result))
    return out[:, : ladder.width]


def _worse_basis(values: np.ndarray) -> np.ndarray:
    return np.minimum(values[:, UP_COLUMN], values[:, DOWN_COLUMN])


def _detailed(
    held: Held, line: Line, grid: Grid, nets: Nets, values: np.ndarray, curve: dict[str, np.ndarray]
) -> tuple[Line, Grid]:
    """The same line and grid with what each leg and each risk-cancelling balance adds to it."""
    book, row = held.book, held.book.legs.row
    cells = _leg_results(held, nets, values, curve, grid.price) * grid.weight[row]
    at = np.maximum(grid.worst, 0)
    bound = grid.worst == BASIS
    picked = cells[np.arange(len(cells)), at[row]]
    legs = np.where(bound[row], _basis_legs(held, nets, values, curve), picked)
    rows = np.arange(len(book))
    moved = grid.price[rows, at] * grid.weight[rows, at] * ~bound
    posted = held.collateral * held.haircut[:, 2] * moved[book.cash.row]
    parts = (Line.of("Positions", book, -legs), Line.of("Risk-cancelling collateral", book, -posted, CASH))
    detailed = Line(line.name, line.value, parts, formula=line.formula, cite=line.cite)
    return detailed, Grid(grid.label, grid.price, grid.vol, grid.weight, grid.pnl, grid.worst, cells)


def _leg_results(
    held: Held, nets: Nets, values: np.ndarray, curve: dict[str, np.ndarray], move: np.ndarray
) -> np.ndarray:
    """Result of each leg (H, S) before weights; they add up to the result of the row."""
    shocked, plain = values[:, :UP_COLUMN], held.ready.ladder.width - held.ready.ladder.skewed
    discount = np.where(shocked >= 0, curve["positive"][:, None], curve["negative"][:, None])
    gains = shocked[:, plain:] * discount[:, plain:] > values[:, MARK_COLUMN:]
    unit = held.ready.unit[held.book.legs.instrument]
    cells = held.book.legs.quantity[:, None] * (unit[:, :UP_COLUMN] * discount[nets.net] - unit[:, MARK_COLUMN:])
    cells[:, plain:] *= np.where(gains, -1.0, 1.0)[nets.net]
    return cells + held.perp_value[:, None] * move[held.book.legs.row]


def _basis_legs(held: Held, nets: Nets, values: np.ndarray, curve: dict[str, np.ndarray]) -> np.ndarray:
    """Each leg's share (H,) of the basis contingency: the worse basis move of its expiry, if it loses."""
    upward = values[:, UP_COLUMN] <= values[:, DOWN_COLUMN]
    loses = _worse_basis(values) < values[:, MARK_COLUMN]
    unit = held.ready.unit[held.book.legs.instrument]
    move = np.where(upward[nets.net], unit[:, UP_COLUMN], unit[:, DOWN_COLUMN]) - unit[:, MARK_COLUMN]
    return held.book.legs.quantity * move * (curve["basis"] * loses)[nets.net]


def worst_labels(held: Held, grid: Grid) -> np.ndarray:
    """Published number of the scenario that bound (R,); the number of scenarios where it is the basis term."""
    label = grid.label[np.arange(len(grid.pnl)), np.maximum(grid.worst, 0)]
    return np.where(grid.worst == BASIS, held.ready.ladder.published[held.scope], label)
