"""Results of the verbs that decide as blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xlmargin.decide.liquidation import Surface
from xlmargin.decide.path import Path
from xlmargin.decide.simulate import Remedy
from xlmargin.decide.simulate.simulate import PARTIES, Simulation
from xlmargin.html import amount
from xlmargin.scenarios import move_words

from .turns import Block
from .views import finite, short, table_of


def surface(found: Surface, unit: str, chosen: int | None = None) -> Block:
    """Headroom of the only row over price moves across and volatility moves down; below zero it is liquidated."""
    room, width = found.headroom[:, :, 0], len(found.vol)
    worst = int(np.nanargmin(room))
    down = np.argsort(-found.vol)
    cells = [[_cell(room[p, v], p * width + int(v), unit, worst) for p in range(len(found.price))] for v in down]
    what = found.target or "all underlyings"
    return {
        "kind": "heatmap",
        "id": "cell",
        "caption": f"Headroom (equity less maintenance), {unit}: {what} price across, volatility down",
        "corner": "vol \\ price",
        "columns": [move_words(float(p) - 1.0) for p in found.price],
        "rows": [move_words(float(found.vol[v]) - 1.0) for v in down],
        "cells": cells,
        "chosen": chosen,
        "worst": point(found, unit, worst if chosen is None else chosen),
    }


def _cell(value: float, number: int, unit: str, worst: int) -> Block:
    text = amount(float(value), unit)
    cell = {"scenario": number, "value": finite(value), "text": text, "short": short(float(value))}
    return {**cell, "worst": number == worst, "part": ""}


def point(found: Surface, unit: str, number: int) -> str:
    """One point of a surface in words."""
    p, v = divmod(number, len(found.vol))
    have, need = float(found.equity[p, v, 0]), float(found.requirement[p, v, 0])
    where = f"Price {move_words(float(found.price[p]) - 1.0)}, volatility {move_words(float(found.vol[v]) - 1.0)}"
    said = "liquidated" if have < need else "not liquidated"
    figures = f"equity {amount(have, unit)}, maintenance {amount(need, unit)}"
    return f"{where}: {figures}, headroom {amount(have - need, unit)} {unit}: {said}"


def chart(
    caption: str,
    unit: str,
    labels: Sequence[str],
    series: Sequence[tuple[str, str, np.ndarray]],
    x: Any = None,
    names: Sequence[str] = (),
) -> Block:
    """Lines over steps or moves: (style, name, values) each; ``x`` are the places, the steps unless given.

    ``names`` say more of each place than its label on the axis.
    """
    return {
        "kind": "chart",
        "caption": caption,
        "x": [float(v) for v in (range(len(labels)) if x is None else x)],
        "labels": list(labels),
        "levels": list(names) or [""] * len(labels),
        "series": [
            {
                "id": id,
                "label": label,
                "values": [finite(v) for v in values],
                "texts": [amount(float(v), unit) for v in values],
            }
            for id, label, values in series
        ],
    }


def simulated(found: Simulation, moves: np.ndarray, name: str, unit: str) -> list[Block]:
    """An account along a path: what it had and needed, what was done to it, who gained what."""
    lines = [("equity", "Equity", found.equity), ("maintenance", "Maintenance margin", found.maintenance)]
    caption = f"Run through the venue's ladder as {name} moves: what is left after each step, {unit}"
    acts = found.frame()
    acts = acts[acts["kind"] != "price"]
    acts = acts.assign(at=[move_words(float(moves[t])) for t in acts["time"]], time=acts["time"].astype(str))
    used = [p for p in PARTIES if (acts[p].abs() > 0.005).any()]
    columns = ["at", "kind", "what", *used, "equity", "maintenance"]
    blocks = [chart(caption, unit, [move_words(float(m)) for m in moves], lines, np.abs(moves))]
    if len(acts):
        blocks.append(
            table_of(acts[columns], "What the venue does, and who gains by it (a row adds up to nothing)", unit)
        )
    return blocks


def remedies(found: Sequence[Remedy]) -> Block:
    """What would have prevented a liquidation."""
    rows = [[r.kind, r.what, r.words] for r in found]
    return {
        "kind": "table",
        "caption": "What would have prevented it: the least of each kind",
        "headers": ["kind", "what", "least"],
        "rows": rows,
        "numeric": [False, False, False],
        "more": "",
    }


def path(found: Path) -> list[Block]:
    """An order of execution: margin along it, and its steps."""
    unit = found.currency
    names = [f"{q:+,.6g} {n}" for q, n in zip(found.quantity, found.instrument, strict=True)]
    steps = ["now", *(str(n + 1) for n in range(len(names)))]
    lines = [("initial", "Initial margin", found.initial), ("maintenance", "Maintenance margin", found.maintenance)]
    table = found.frame()
    table["step"] = table["step"].astype(str)
    table["quantity"] = [
        "" if not n else f"{q:+,.6g}" for q, n in zip(table["quantity"], table["instrument"], strict=True)
    ]
    return [
        chart(f"Margin along this order, {unit}", unit, steps, lines, names=["", *names]),
        table_of(table, "Steps, and the figures after each", unit),
    ]
