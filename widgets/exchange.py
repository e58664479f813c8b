"""Files and frames in and out of a panel."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlmargin import frames
from xlmargin.errors import InputError
from xlmargin.ledger import Margin
from xlmargin.reading import read_tables

from .sheet import Sheet, cell_text

if TYPE_CHECKING:
    from .state import PanelState

PLAIN = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}


def frames_of(panel: PanelState) -> dict[str, Any]:
    """The results of a panel and its tables as DataFrames: summary, ledger, contributions, scenarios, positions …"""
    import pandas as pd

    tables = {name: pd.DataFrame(sheet.columns) for name, sheet in panel.desk.sheets.items() if len(sheet)}
    if panel.verdict is None:
        return tables
    detail = panel.verdict.detail
    results = {
        "summary": frames.summary(panel.verdict.margin),
        "ledger": frames.ledger(detail),
        "contributions": frames.positions(detail),
        "scenarios": frames.matrix(detail),
    }
    return results | tables


def current(panel: PanelState) -> Margin:
    """The margin on show; refused while it does not include what has been typed."""
    if panel.verdict is None or panel.stale:
        raise InputError(f"no report of figures that are not current: {panel.message or 'nothing to margin'}")
    return panel.verdict.margin


def write_report(panel: PanelState, path: Path) -> Path:
    """Write the report of a panel's margin as a workbook, with a sheet for what its tabs have found."""
    from xlmargin.workbooks import report

    margin, now = current(panel), panel.basis()
    found = [pair for page in panel.pages.values() if page.kept[0] == now for pair in page.kept[1].items()]
    return Path(report.write(margin, path, decisions=found))


def report(panel: PanelState) -> tuple[str, bytes]:
    """Name and bytes of the report."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_report(panel, Path(folder) / "report.xlsx")
        return path.name, path.read_bytes()


def desk(panel: PanelState) -> tuple[str, bytes]:
    """Name and bytes of a workbook with the tables as they stand, which ``xm.read`` reads."""
    return "desk.xlsx", workbook({name: sheet for name, sheet in panel.desk.sheets.items() if len(sheet)})


def workbook(sheets: Mapping[str, Sheet]) -> bytes:
    """A workbook with one sheet a table; texts stay texts."""
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, PLAIN) as book:
        bold = book.add_format({"bold": True})
        for name, own in sheets.items():
            page = book.add_worksheet(name)
            page.freeze_panes(1, 0)
            for c, column in enumerate(own.shown()):
                page.write_string(0, c, column.name, bold)
                for r, row in enumerate(own.rows.values(), 1):
                    _write(page, r, c, column, row.get(column.name))
            page.autofit()
    return out.getvalue()


def _write(page: Any, r: int, c: int, column: Any, value: Any) -> None:
    if isinstance(value, float) and column.dtype != "time":
        page.write_number(r, c, value)
    elif value is not None:
        page.write_string(r, c, cell_text(column, value))


def open_workbook(panel: PanelState, name: str, data: bytes) -> None:
    """Take over the tables of a workbook; what is wrong in it shows at its cells. Undo brings the old ones back."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(name).name
        path.write_bytes(bytes(data))
        tables = read_tables(path)
    panel.desk.replace(tables, Path(name).name)
    panel.as_of, panel.shocks = None, {}
    panel.said = f"Took over {', '.join(tables)} from {Path(name).name}"
