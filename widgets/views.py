"""Core results as blocks: plain dictionaries of words, texts and figures that any view can draw. No arithmetic."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np

from xlmargin import frames
from xlmargin.decide.what_if import WhatIf
from xlmargin.html import amount, cell, share
from xlmargin.ledger import Line, Margin
from xlmargin.scenarios import move_words, vol_words
from xlmargin.shocks import Profile

from .turns import Block
from .verdict import Verdict

MOST_POSITIONS = 100
UNITS = frozenset({"quantity", "held", "posted", "long", "short", "net", "offset", "collateral", "delta", "coins"})
FRACTIONS = frozenset({"haircut", "cost a year", "utilisation", "saved share", "shock", "move"})
VOL_ORDER = (1, 0, -1, 2, 3)


def finite(value: float) -> float | None:
    """A number fit for JSON: None for what is not finite."""
    value = float(value)
    return value if np.isfinite(value) else None


def table_of(data: Any, caption: str, unit: str = "USD", most: int = 500) -> Block:
    """A result DataFrame as a table block; amounts in each row's own currency, or in ``unit``."""
    shown = data.head(most)
    names = [str(c) for c in shown.columns]
    units = shown["currency"] if "currency" in names else [unit] * len(shown)
    rows = [
        [cell_text(name, value, str(unit)) for name, value in zip(names, record, strict=True)]
        for record, unit in zip(shown.itertuples(index=False, name=None), units, strict=True)
    ]
    numeric = [shown[c].dtype.kind == "f" for c in shown.columns]
    more = f"{len(data) - most:,} more rows" if len(data) > most else ""
    heads = [name.replace("_usd", ", USD").replace("_", " ") for name in names]
    return {"kind": "table", "caption": caption, "headers": heads, "rows": rows, "numeric": numeric, "more": more}


def cell_text(column: str, value: Any, unit: str) -> str:
    """A cell by the heading of its column: numbers of units in their own digits, fractions as per cent, else money.

    >>> cell_text("quantity", 0.3125, "USDC"), cell_text("haircut", 0.28, "USDC"), cell_text("initial", 0.3125, "USDC")
    ('0.3125', '28.0 %', '0.31')
    """
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating) and np.isfinite(value):
        if column in UNITS:
            return f"{value:,.8g}"
        if column in FRACTIONS or column.startswith("move ") or column.endswith(", fraction"):
            return share(float(value))
    return cell(column, value, unit)


def text(words: str) -> Block:
    """A sentence."""
    return {"kind": "text", "text": words}


def heatmap(detail: Margin, unit: str, chosen: int | None = None) -> Block:
    """Scenario results of one account and pool: price moves across, volatility down, the worst marked."""
    grid = detail.grid
    if grid is None:
        return text(f"{detail.stamp['model']} does not use a scenario grid.")
    label, price, vol, weight = (np.broadcast_to(getattr(grid, k), grid.pnl.shape)[0] for k in _GRID)
    columns = [int(s) for s in np.flatnonzero(label != -1)]
    if not columns:
        return text("No scenario applies to what is held.")
    across = sorted({float(price[s]) for s in columns})
    down = _vol_rows(vol, price, columns)
    worst = int(grid.worst[0])
    cells = [
        [_cell(s, float(grid.pnl[0, s]), weight[s], unit, worst) if s is not None else None for s in line]
        for line in ([keys.get(p) for p in across] for keys in down.values())
    ]
    return {
        "kind": "heatmap",
        "id": "scenario",
        "caption": f"Profit and loss by scenario, {unit}: price move across, volatility down",
        "corner": "vol \\ price",
        "columns": [move_words(p) for p in across],
        "rows": list(down),
        "cells": cells,
        "chosen": chosen,
        "worst": f"Worst: {scenario_name(detail, worst)}" if worst >= 0 else "Worst: not a scenario of the grid",
    }


_GRID = ("label", "price", "vol", "weight")


def _cell(scenario: int, value: float, weight: float, unit: str, worst: int) -> Block:
    part = "" if weight == 1 else f"counted at {share(float(weight))}"
    return {
        "scenario": scenario,
        "value": finite(value),
        "text": amount(value, unit),
        "short": short(value),
        "worst": scenario == worst,
        "part": part,
    }


def short(value: float) -> str:
    """An amount in three digits.

    >>> short(-1234567.0), short(12345.0), short(0.01234), short(0.0)
    ('-1.23M', '12.3k', '0.0123', '0')
    """
    for size, sign in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{sign}"
    return f"{value:.3g}"


def _vol_rows(vol: np.ndarray, price: np.ndarray, columns: Iterable[int]) -> dict[str, dict[float, int]]:
    """Scenario by volatility word and price; a second scenario of the same moves starts a further row."""
    rows: dict[str, dict[float, int]] = {}
    ordered = sorted(columns, key=lambda s: _vol_order(vol[s]))
    for s in ordered:
        word, again = vol_words(vol[s]), 1
        name = word
        while float(price[s]) in rows.setdefault(name, {}):
            again += 1
            name = f"{word} ({again})"
        rows[name][float(price[s])] = s
    return rows


def _vol_order(move: float) -> tuple[int, float]:
    return (VOL_ORDER.index(int(move)), 0.0) if move in VOL_ORDER else (len(VOL_ORDER), -float(move))


def scenario_name(detail: Margin, column: int) -> str:
    """A scenario of the grid in words."""
    label, price, vol, _ = (np.broadcast_to(getattr(detail.grid, k), detail.grid.pnl.shape)[0] for k in _GRID)
    return f"scenario {label[column]}, price {move_words(float(price[column]))}, volatility {vol_words(vol[column])}"


def breakdown(detail: Margin, unit: str, column: int) -> Block:
    """What each position adds to one scenario, the largest losses first; all of them add up to the cell."""
    total = amount(float(detail.grid.pnl[0, column]), unit)
    caption = f"{scenario_name(detail, column)}: {total} {unit}"
    rows = frames.scenario(detail, column).sort_values("pnl", kind="stable")
    return table_of(rows, caption, unit, most=MOST_POSITIONS)


def ledger(verdict: Verdict, open_paths: Collection[str]) -> Block:
    """The ledger as a tree of lines; the holdings of a line are in it where its path is open."""
    detail, unit = verdict.detail, verdict.currency
    nodes = [
        node
        for heading, line in detail.lines().items()
        for node in _nodes(detail, line, unit, (heading,), frozenset(open_paths))
    ]
    gap = max(line.gap(detail.run.book) for line in detail.lines().values())
    said = f"Every line is the sum of its parts (largest relative difference {gap:.0e})"
    return {"kind": "tree", "caption": f"Ledger, {unit}", "unit": unit, "nodes": nodes, "remark": said}


def _nodes(detail: Margin, line: Line, unit: str, path: tuple[str, ...], open_paths: frozenset[str]) -> Iterator[Block]:
    name = " / ".join(path)
    held = 0 if line.amounts is None else int(np.count_nonzero(line.amounts))
    yield {
        "path": name,
        "depth": len(path) - 1,
        "label": line.name,
        "text": amount(float(line.value[0]), unit),
        "formula": line.formula,
        "source": line.cite,
        "lines": len(line.parts),
        "holdings": held,
        "open": name in open_paths,
    }
    for part in line.parts:
        yield from _nodes(detail, part, unit, (*path, part.name), open_paths)
    if held and name in open_paths:
        for holding, value in frames.holdings(detail, line, 0):
            yield {
                "path": f"{name} / {holding}",
                "depth": len(path),
                "label": holding,
                "text": amount(value, unit),
                "formula": "",
                "source": "",
                "lines": 0,
                "holdings": 0,
                "open": False,
            }


def profile(line: Profile, row: int, unit: str) -> Block:
    """Equity, P&L and both requirements along a price."""
    series = {
        "equity": ("Equity", line.equity),
        "initial": ("Initial margin", line.initial),
        "maintenance": ("Maintenance margin", line.maintenance),
        "pnl": ("P&L", line.pnl),
    }
    level = [amount(float(v)) for v in line.level]
    return {
        "kind": "chart",
        "caption": f"{line.underlying or 'All underlyings'}: equity, margin and P&L against the price, {unit}",
        "x": line.move.tolist(),
        "labels": [move_words(float(v)) for v in line.move],
        "levels": ["" if text == "–" else text for text in level],
        "series": [
            {
                "id": id,
                "label": label,
                "values": [finite(v) for v in values[:, row]],
                "texts": [amount(float(v), unit) for v in values[:, row]],
            }
            for id, (label, values) in series.items()
        ],
    }


def what_if(found: WhatIf, n: int) -> Block:
    """Figures of one basket and pool before, after, and what moved."""
    unit, change = str(found.currency[n]), found.change
    names = {"equity": "Equity", "initial": "Initial margin", "maintenance": "Maintenance margin"}
    rows = [
        [label, *(amount(float(values[key][n]), unit) for values in (found.before, found.after, change))]
        for key, label in names.items()
    ]
    who = " · ".join(filter(None, map(str, (found.account[n], found.pool[n], found.basket[n]))))
    alone, benefit = (amount(float(values[n]), unit) for values in (found.standalone, found.benefit))
    verdict = "equity covers it" if found.passes[n] else "equity does not cover it"
    return {
        "kind": "table",
        "caption": f"{who}, {unit}: {verdict}; alone it would need {alone}, so the book saves {benefit}",
        "headers": ["", "before", "after", "change"],
        "rows": rows,
        "numeric": [False, True, True, True],
        "more": "",
    }


def notes(margin: Margin, row: int | None = None) -> Block:
    """What the figures of a row rest on, with sources."""
    mine = [n for n in margin.notes if row is None or n.where is None or n.where[row]]
    items = [{"text": n.text, "source": n.cite} for n in mine]
    return {"kind": "notes", "items": items, "empty": "Nothing in this book rests on a doubtful or unsourced part."}


def choices(id: str, label: str, options: Iterable[tuple[str, str]], chosen: Collection[str], many: bool) -> Block:
    """Something to choose: one of the options, or several."""
    listed = [{"id": key, "label": words} for key, words in options]
    return {"kind": "choices", "id": id, "label": label, "options": listed, "chosen": list(chosen), "many": many}


def grid(sheet: str, title: str, hint: str = "") -> Block:
    """An editable sheet of the desk."""
    return {"kind": "grid", "sheet": sheet, "title": title, "hint": hint}
