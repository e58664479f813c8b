"""Margins as pandas tables: the summary, the ledger, the positions, the scenario grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from .ledger import CASH, LEGS, ORDERS, Grid, Line, Margin
from .scenarios import vol_words

MOST_REMARK = 100


class Comparison(pd.DataFrame):
    """A table of models side by side that shows itself as plain HTML; what is derived from it is an ordinary one."""

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def to_string(self, *given: Any, **how: Any) -> str | None:
        """The table as text, each remark at its first problem; the column itself holds the whole of it."""
        return self._brief().to_string(*given, **how)

    def _repr_html_(self) -> str:
        from .html import frame

        return frame(self._brief())

    def _brief(self) -> pd.DataFrame:
        table = pd.DataFrame(self)
        return table.assign(remark=[brief(text) for text in table["remark"]]) if "remark" in table else table


def brief(remark: Any, most: int = MOST_REMARK) -> str:
    """The first line of a remark, cut at ``most`` characters, and how many there are more.

    >>> brief("row 2: too much\\nrow 3: too little"), brief("x" * 9, 5), brief(None)
    ('row 2: too much (and 1 more)', 'xxxx…', '')
    """
    first, *more = (remark if isinstance(remark, str) else "").split("\n")
    cut = first if len(first) <= most else f"{first[: most - 1]}…"
    return f"{cut} (and {len(more)} more)" if more else cut


class Told(Comparison):
    """A table of a decision, shown as decisions are: whole words, shares as such, no empty columns."""

    def _repr_html_(self) -> str:
        from .html import decision

        return decision(self)


def summary(margin: Margin, *, most_legs: int = 0) -> pd.DataFrame:
    """A row per account and pool: equity, requirements, available, ratio, what bound.

    Where the scenarios are at hand (a detailed margin), or up to ``most_legs`` legs by running the rule again in
    detail, "worst scenario" says what moves the number of the worst stands for.
    """
    table, grid = pd.DataFrame(margin.columns()), margin.grid
    if margin.worst is None or np.asarray(margin.worst).dtype.kind != "i":
        return table
    if grid is None and margin.run is not None and len(margin.run.book.legs) <= most_legs:
        grid = margin.run.session.run(replace(margin.run.book, detail=True)).grid
    if grid is not None:
        words = [scenario_words(grid, d, int(s)) if s >= 0 else "" for d, s in enumerate(grid.worst)]
        table.insert(list(table.columns).index("worst") + 1, "worst scenario", words)
    return table


def scenario_words(grid: Grid, d: int, s: int) -> str:
    """A scenario in words: price and volatility move, and what part of its result counts."""
    move, vol, weight = of_row(grid.price, d)[s], of_row(grid.vol, d)[s], of_row(grid.weight, d)[s]
    part = "" if weight == 1 else f", counted at {100 * weight:.4g} %"
    price = f"price {100 * move:+.4g} %, " if np.isfinite(move) else f"no. {of_row(grid.label, d)[s]}, "
    return f"{price}volatility {vol_words(vol)}{part}"


def of_row(values: np.ndarray, d: int) -> np.ndarray:
    """One row (S,) of a grid's table, which may be common to all rows."""
    return values if values.ndim == 1 else values[d]


def ledger(margin: Margin) -> pd.DataFrame:
    """The tree of every line of a detailed margin: depth, path, line, holding, amount, formula, source.

    Where a line says what it would cost alone, a column ``alone`` holds that beside it: it is never added.
    """
    rows = []
    for heading, line in margin.lines().items():
        rows.extend(_walk(margin, heading, line, (heading,)))
    columns = ["account", "pool", "heading", "depth", "path", "line", "holding", "amount", "formula", "source", "alone"]
    table = pd.DataFrame(rows, columns=columns)
    return table if table["alone"].notna().any() else table.drop(columns="alone")


def _walk(margin: Margin, heading: str, line: Line, path: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    for r in range(len(line.value)):
        yield from _row(margin, heading, line, path, r)


def _row(margin: Margin, heading: str, line: Line, path: tuple[str, ...], r: int) -> Iterator[tuple[Any, ...]]:
    who = (margin.account[r], margin.pool[r], heading)
    where = " / ".join(path)
    alone = np.nan if line.alone is None else float(line.alone[r])
    yield (*who, len(path) - 1, where, line.name, "", float(line.value[r]), line.formula, line.cite, alone)
    for part in line.parts:
        yield from _row(margin, heading, part, (*path, part.name), r)
    if line.amounts is not None:
        for holding, amount in holdings(margin, line, r):
            yield (*who, len(path), f"{where} / {holding}", line.name, holding, amount, "", "", np.nan)


def holdings(margin: Margin, line: Line, r: int) -> Iterator[tuple[str, float]]:
    """Name and amount of each holding of row ``r`` that moves ``line``."""
    table = getattr(margin.run.book, line.on)
    for h in np.flatnonzero((table.row == r) & (line.amounts != 0)):
        yield holding_name(margin, line.on, int(h)), float(line.amounts[h])


def holding_name(margin: Margin, on: str, h: int) -> str:
    """What holding ``h`` of a table is called."""
    book, market = margin.run.book, margin.run.market
    if on == CASH:
        return str(market.assets[book.cash.asset[h]])
    table = book.legs if on == LEGS else book.orders
    side = {1: " long", -1: " short"}.get(int(table.side[h]), "")
    suffix = " (order)" if on == ORDERS else ""
    return f"{market.name[table.instrument[h]]}{side}{suffix}"


def positions(margin: Margin) -> pd.DataFrame:
    """What each position adds to initial and maintenance margin and to equity (a detailed margin)."""
    legs, market = margin.run.book.legs, margin.run.market
    table = {
        "account": margin.account[legs.row],
        "pool": margin.pool[legs.row],
        "instrument": market.name[legs.instrument],
        "quantity": legs.quantity,
        "mark": market["mark"][legs.instrument],
    }
    for name, line in (("initial", margin.initial), ("maintenance", margin.maintenance), ("equity", margin.equity)):
        table[name] = amounts_on(line, LEGS, len(legs))
    return pd.DataFrame(table)


def amounts_on(line: Line, on: str, count: int) -> np.ndarray:
    """What each holding of a table adds to ``line`` through all its leaves (H,)."""
    total = np.zeros(count)
    for _, part in line.walk():
        if part.amounts is not None and part.on == on:
            total += part.amounts
    return total


def matrix(margin: Margin) -> pd.DataFrame:
    """The scenario grid of each row in long form: label, price move, volatility, weight, P&L, worst or not."""
    grid = margin.grid
    if grid is None:
        return pd.DataFrame(columns=["account", "pool", "scenario", "price", "vol", "weight", "pnl", "worst"])
    rows, width = grid.pnl.shape
    shape = (rows, width)
    spread = {k: np.broadcast_to(getattr(grid, k), shape).ravel() for k in ("label", "price", "vol", "weight")}
    table = pd.DataFrame(
        {
            "account": np.repeat(margin.account, width),
            "pool": np.repeat(margin.pool, width),
            "scenario": spread["label"],
            "price": spread["price"],
            "vol": spread["vol"],
            "weight": spread["weight"],
            "pnl": grid.pnl.ravel(),
            "worst": (np.arange(width) == grid.worst[:, None]).ravel(),
        }
    )
    return table[table["scenario"] != -1].sort_values(["account", "pool", "scenario"], kind="stable", ignore_index=True)


def scenario(margin: Margin, column: int, row: int = 0) -> pd.DataFrame:
    """What each position adds to the P&L of one scenario of a detailed margin; the amounts add up to it.

    ``column`` counts along the grid. What no position carries (collateral, offsets) stands in the last row.
    """
    grid, legs = margin.grid, margin.run.book.legs
    held = np.flatnonzero(legs.row == row)
    amounts, quantity = grid.cells[held, column], legs.quantity[held]
    names = [holding_name(margin, LEGS, int(h)) for h in held]
    rest = float(grid.pnl[row, column] - amounts.sum())
    if abs(rest) > 1e-9 * max(1.0, float(np.abs(amounts).sum())):
        names, quantity, amounts = (
            [*names, "collateral and offsets"],
            np.append(quantity, np.nan),
            np.append(amounts, rest),
        )
    return pd.DataFrame({"position": names, "quantity": quantity, "pnl": amounts})
