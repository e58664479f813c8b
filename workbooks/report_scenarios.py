"""The scenario grid of each account as a heat map, what stands outside a grid beside it, the worst marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..frames import of_row, scenario_words
from ..html import amount
from ..scenarios import ABS, LINEAR, vol_words
from .report_content import Content
from .report_paper import BAND, FAINT, HEAD, INK, QUIET, RULE, SIGNED_PERCENT, Paper, cell, money, page

NAME = "Scenarios"
NO_SCENARIO = "·"
LOSS, LEVEL, GAIN = "#D8694F", "#FCFCFA", "#DCEBDD"
HELP = (
    "Profit and loss of the whole account in each scenario, as it counts: losses dark, gains light, "
    "the worst in a heavy frame. Moves are those that the rulebook states."
)
LIST_HEADS = ("No.", "Price move", "Volatility", "Counted at", "Profit and loss")


@dataclass(frozen=True, eq=False)
class Ladder:
    """The scenarios (S,) of one row, padding left out, and which of them lies on the grid."""

    number: np.ndarray
    label: np.ndarray
    price: np.ndarray
    vol: list[Any]
    weight: np.ndarray
    pnl: np.ndarray
    worst: int
    on_grid: np.ndarray

    @property
    def prices(self) -> list[float]:
        """Price moves of the grid, highest first."""
        return sorted(set(self.price[self.on_grid].tolist()), reverse=True)

    @property
    def vols(self) -> list[str]:
        """Volatility moves of the grid in words, up first."""
        seen = {vol_words(self.vol[i]): _rank(self.vol[i]) for i in np.flatnonzero(self.on_grid)}
        return sorted(seen, key=seen.__getitem__)


def _rank(vol: Any) -> float:
    """Order of volatility moves: up, unchanged, down."""
    words = ("up", "unchanged", "down")
    return float(words.index(vol_words(vol))) if vol_words(vol) in words else -float(vol)


def ladder(content: Content, d: int) -> Ladder | None:
    """The scenarios of a row shown in full; None where the model has none."""
    grid = content.detail.grid
    if grid is None:
        return None
    label = of_row(grid.label, d)
    keep = np.flatnonzero([str(name) != "-1" for name in label])
    price, weight = of_row(grid.price, d)[keep], of_row(grid.weight, d)[keep]
    vol = list(of_row(grid.vol, d)[keep])
    return Ladder(
        keep, label[keep], price, vol, weight, grid.pnl[d][keep], int(grid.worst[d]), _on_grid(price, vol, weight)
    )


def _on_grid(price: np.ndarray, vol: list[Any], weight: np.ndarray) -> np.ndarray:
    """Scenarios that count in full, once each, at a price that several volatility moves share."""
    seen: set[tuple[float, str]] = set()
    on = np.zeros(len(price), bool)
    for i, move in enumerate(vol):
        key = (float(price[i]), vol_words(move))
        skewed = isinstance(move, int | np.integer) and int(move) in (LINEAR, ABS)
        on[i] = weight[i] == 1 and np.isfinite(price[i]) and not skewed and key not in seen
        if on[i]:
            seen.add(key)
    many = len({p for p, _ in seen}) > 1 and len({v for _, v in seen}) > 1
    return on if many else np.zeros(len(price), bool)


def write(paper: Paper, sheet: Any, content: Content) -> None:
    """Write the scenarios of every account shown in full, one below the other."""
    for c, width in enumerate((16, 16, 16, 16, 16, 3, 7, 12, 18, 12, 18)):
        sheet.set_column(c, c, width)
    paper.text(sheet, 0, 0, "Scenarios", bold=True, font_size=14)
    paper.text(sheet, 1, 0, f"{HELP} {content.extent}".strip(), font_color=QUIET)
    sheet.freeze_panes(2, 0)
    row, breaks = 3, []
    for d in range(len(content.rows)):
        rungs = ladder(content, d)
        assert rungs is not None
        if d:
            breaks.append(row)
        row = _block(paper, sheet, content, d, rungs, row) + 2
    sheet.set_h_pagebreaks(breaks[1::2])
    page(sheet, content.foot)


def _block(paper: Paper, sheet: Any, content: Content, d: int, rungs: Ladder, row: int) -> int:
    """One account: what bound, the heat map, the list beside it; returns the first row below."""
    form = money(rungs.pnl, str(content.detail.currency[d]))
    columns = max(len(rungs.vols) + 1, 5) if rungs.on_grid.any() else 5
    for c in range(6 + len(LIST_HEADS)):
        paper.text(sheet, row, c, content.who(d) if c == 0 else "", bold=True, bg_color=BAND)
    paper.text(sheet, row + 1, 0, _verdict(content, d, rungs), bold=True)
    areas: list[str] = []
    left = columns + 1 if rungs.on_grid.any() else 0
    end = max(
        _heat(paper, sheet, rungs, row + 3, form, areas) if rungs.on_grid.any() else 0,
        _list(paper, sheet, rungs, row + 3, left, form, areas) if not rungs.on_grid.all() else 0,
    )
    _shade(sheet, rungs, areas)
    return end


def _verdict(content: Content, d: int, rungs: Ladder) -> str:
    grid = content.detail.grid
    if rungs.worst < 0:
        return "No scenario bound: what did stands in the ledger under the scenario loss."
    currency = str(content.detail.currency[d])
    value = amount(float(grid.pnl[d, rungs.worst]), currency)
    label = of_row(grid.label, d)[rungs.worst]
    return f"Worst: no. {label}, {scenario_words(grid, d, rungs.worst)}: {value} {currency}"


def _heat(paper: Paper, sheet: Any, rungs: Ladder, top: int, form: str, areas: list[str]) -> int:
    """Price moves down, volatility across; returns the first row below."""
    paper.text(sheet, top, 0, "Price \\ volatility", align="right", **HEAD)
    prices, vols = rungs.prices, rungs.vols
    for c, words in enumerate(vols, start=1):
        paper.text(sheet, top, c, words, align="right", **HEAD)
    for r, price in enumerate(prices, start=top + 1):
        paper.number(sheet, r, 0, price, SIGNED_PERCENT, bold=True, right=1, right_color=RULE)
        for c in range(1, len(vols) + 1):
            paper.text(sheet, r, c, NO_SCENARIO, align="right", font_color=FAINT)
    for i in np.flatnonzero(rungs.on_grid):
        r, c = top + 1 + prices.index(float(rungs.price[i])), 1 + vols.index(vol_words(rungs.vol[i]))
        _value(paper, sheet, rungs, int(i), r, c, form)
    areas.append(f"{cell(top + 1, 1)}:{cell(top + len(prices), len(vols))}")
    return top + 1 + len(prices)


def _value(paper: Paper, sheet: Any, rungs: Ladder, i: int, r: int, c: int, form: str) -> None:
    worst = rungs.number[i] == rungs.worst
    frame = {"bold": True, "border": 5, "border_color": INK} if worst else {}
    paper.number(sheet, r, c, float(rungs.pnl[i]), form, **frame)


def _list(paper: Paper, sheet: Any, rungs: Ladder, top: int, left: int, form: str, areas: list[str]) -> int:
    """Scenarios that are not on the grid, one a row; returns the first row below."""
    for c, words in enumerate(LIST_HEADS, start=left):
        paper.text(sheet, top, c, words, align="right", **HEAD)
    others = np.flatnonzero(~rungs.on_grid)
    others = others[np.argsort([_order(x) for x in rungs.label[others]], kind="stable")]
    for r, i in enumerate(map(int, others), start=top + 1):
        paper.text(sheet, r, left, str(rungs.label[i]), align="right")
        paper.number(sheet, r, left + 1, float(rungs.price[i]), SIGNED_PERCENT)
        paper.text(sheet, r, left + 2, vol_words(rungs.vol[i]), align="right")
        paper.number(sheet, r, left + 3, float(rungs.weight[i]), "0.0###%")
        _value(paper, sheet, rungs, i, r, left + 4, form)
    areas.append(f"{cell(top + 1, left + 4)}:{cell(top + len(others), left + 4)}")
    return top + 1 + len(others)


def _order(label: Any) -> float:
    return float(label) if isinstance(label, int | float | np.number) else 0.0


def _shade(sheet: Any, rungs: Ladder, areas: list[str]) -> None:
    """Losses dark, gains light: the lightness alone tells them apart on grey paper."""
    least, most = float(rungs.pnl.min()), float(rungs.pnl.max())
    scale: dict[str, Any] = {"type": "2_color_scale", "min_type": "num", "max_type": "num"}
    if least < 0 < most:
        scale |= {"type": "3_color_scale", "mid_type": "num", "mid_value": 0, "mid_color": LEVEL}
    scale |= {"min_value": min(least, 0.0), "max_value": max(most, 0.0)}
    scale |= {"min_color": LOSS if least < 0 else LEVEL, "max_color": GAIN if most > 0 else LEVEL}
    if least < most and (least or most):
        sheet.conditional_format(areas[0].split(":")[0], {**scale, "multi_range": " ".join(areas)})
