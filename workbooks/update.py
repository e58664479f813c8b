"""Results written into a user's own workbook: sheets of ours beside the user's, which stay as they are.

Cells that the user named ``xm_initial``, ``xm_equity`` … (any figure of XM_MARGIN) are filled too; ``xm_account`` may
say whose. openpyxl carries most of a workbook over, not all: what is lost is said, and the original kept beside it.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

import xlmargin as xm
from xlmargin import frames
from xlmargin.errors import InputError
from xlmargin.given import parameters

from . import cells
from .functions import figures
from .losses import dynamic_cells, losses, make_dynamic
from .ranges import pick
from .report_paper import MADE_A_FORMULA_BY

KINDS = (".xlsx", ".xlsm")
PREFIX = "xm "
NAMED = "xm_"
BOLD = Font(bold=True)


@dataclass(frozen=True)
class Updated:
    """What was written: the file, the sheets, the named cells, and warnings in words."""

    path: Path
    sheets: tuple[str, ...]
    named: tuple[str, ...]
    warnings: tuple[str, ...]


def update(
    path: Path,
    model: str,
    *,
    output: Path | None = None,
    as_of: Any = None,
    venue: str = "",
    options: Any = None,
    payload: Path | None = None,
) -> Updated:
    """Margin the workbook's own tables under a model and write the results into it (or into ``output``).

    ``payload`` is a file of the venue's own parameters, as the model reads it. Nothing is written unless everything
    worked. In place, a workbook that loses something keeps its original beside it as ``NAME.backup.xlsx``.
    Raises InputError with every problem of the tables.
    """
    if path.suffix.casefold() not in KINDS:
        raise InputError(f"{path.name}: only {' and '.join(KINDS)} can be updated")
    book, market = xm.read(path, as_of=as_of, venue=venue or model)
    params = parameters(payload, xm.model(model), market.as_of) if payload else None
    margin = xm.margin(book, market, model, params=params, options=options)
    lost, arrays = losses(path), dynamic_cells(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # openpyxl's own words on losses; ours name more
        workbook = openpyxl.load_workbook(path, keep_vba=path.suffix.casefold() == ".xlsm", keep_links=True)
    sheets = [_sheet(workbook, f"{PREFIX}{name}", table) for name, table in _tables(margin)]
    named, unnamed = _names(workbook, margin)
    target = output or path
    part = target.with_name(f"{target.stem}.part{target.suffix}")
    try:
        workbook.save(part)
        make_dynamic(part, arrays)
        if output is None and lost:
            shutil.copy2(path, _free(path))
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    told = [*(f"not carried over: {words}" for words in lost), *unnamed]
    return Updated(target, tuple(sheets), tuple(named), tuple(told))


def _free(path: Path) -> Path:
    """A backup's name that no earlier backup has, so that the first original is never written over."""
    named = path.with_name(f"{path.stem}.backup{path.suffix}")
    count = 1
    while named.exists():
        count += 1
        named = path.with_name(f"{path.stem}.backup{count}{path.suffix}")
    return named


def _tables(margin: xm.Margin) -> Iterator[tuple[str, list[list[Any]]]]:
    """Name and rows of every result sheet."""
    yield "margin", cells.table(margin.frame())
    yield "benefit", cells.table(xm.benefit(margin).frame())
    accounts = list(dict.fromkeys(map(str, margin.account)))
    details = [margin.detail(name) for name in accounts]
    for name, make in (("ledger", frames.ledger), ("positions", frames.positions), ("scenarios", frames.matrix)):
        parts = [cells.table(make(d)) for d in details]
        if parts and (name != "scenarios" or any(len(p) > 1 for p in parts)):
            yield name, [parts[0][0], *(row for p in parts for row in p[1:])]
    notes = [[n.text, n.cite, _who(n, margin)] for n in margin.notes]
    stamp = [[key, str(value), ""] for key, value in margin.stamp.items()]
    yield "notes", [["note", "source", "accounts"], *notes, ["", "", ""], *stamp]


def _who(note: xm.Note, margin: xm.Margin) -> str:
    return "all" if note.where is None else ", ".join(dict.fromkeys(map(str, margin.account[note.where])))


def _sheet(workbook: Any, title: str, rows: list[list[Any]]) -> str:
    """Rows into the sheet of that title, made where it is missing; older content goes, formats stay."""
    sheet = workbook[title] if title in workbook.sheetnames else workbook.create_sheet(title)
    for row in sheet.iter_rows():
        for cell in row:
            if not isinstance(cell, openpyxl.cell.cell.MergedCell):
                cell.value = None
    for r, row in enumerate(rows, 1):
        for c, value in enumerate(row, 1):
            put(sheet.cell(r, c), value)
            if r == 1:
                sheet.cell(r, c).font = BOLD
    sheet.freeze_panes = "A2"
    return title


def put(cell: Any, value: Any) -> None:
    """A value into a cell: text stays text, whatever it begins with."""
    if isinstance(value, str):
        cell.value = ILLEGAL_CHARACTERS_RE.sub("", value) or None
        if cell.value is not None:
            cell.data_type = "s"
            if value.startswith(MADE_A_FORMULA_BY):
                cell.quotePrefix = True
    else:
        cell.value = value


def _names(workbook: Any, margin: xm.Margin) -> tuple[list[str], list[str]]:
    """Fill the cells named xm_…; returns the names filled, and in words those that could not be."""
    known, filled, wrong = figures(margin, lambda: xm.benefit(margin)), [], []
    wanted = {n: d for n, d in workbook.defined_names.items() if n.casefold().startswith(NAMED)}
    account = next((_text(workbook, d) for n, d in wanted.items() if n.casefold() == f"{NAMED}account"), "")
    for name, defined in wanted.items():
        figure = name.casefold().removeprefix(NAMED)
        if figure == "account":
            continue
        try:
            if figure not in known:
                raise InputError(f"no figure {figure!r}; figures are {', '.join(known)}")
            value = pick(margin, known[figure](), account, figure)
        except InputError as error:
            wrong.append(f"cell {name} is left as it was: {error}")
            continue
        for cell in _cells(workbook, defined):
            put(cell, cells.safe(value))
        filled.append(name)
    return filled, wrong


def _cells(workbook: Any, defined: Any) -> Iterable[Any]:
    return [workbook[title][address.replace("$", "")] for title, address in defined.destinations]


def _text(workbook: Any, defined: Any) -> str:
    return cells.text("xm_account", next((c.value for c in _cells(workbook, defined)), None))
