"""Reports read back: formulas by openpyxl, values by calamine, recalculated by LibreOffice; margins to report."""

import re
import shutil
import subprocess
from dataclasses import dataclass

import openpyxl
import pytest
from openpyxl.utils import get_column_letter, range_boundaries
from python_calamine import CalamineWorkbook
from xlmargin.workbooks import desk, report

import xlmargin as xm
from xlmargin.reading import read

INDEX = 83_500.0
DESK, ETHER, SEGREGATED, STANDARD = "derive desk", "derive ether", "deribit.portfolio", "deribit.standard"
REFERENCE = re.compile(r"(?:(\w+)!)?\$?([A-Z]+)\$?(\d+)(?::\$?([A-Z]+)\$?(\d+))?")
OWN_FORMULAS = (
    r"(\+?SUM\([A-Z0-9:,]+\))+",
    r"[A-Z]+\d+-[A-Z]+\d+",
    r"Ledger![A-Z]+\d+",
    r"IF\([A-Z]+\d+[<>=]0,.*\)",
)


@dataclass
class Written:
    """A report and what it was written from."""

    path: object
    margin: xm.Margin
    formulas: dict
    values: dict

    @classmethod
    def of(cls, margin, path, **how):
        return cls(report.write(margin, path, **how), margin, formulas(path), values(path))


def formulas(path):
    """Sheet -> {cell: text of its formula}."""
    book = openpyxl.load_workbook(path)
    return {
        sheet.title: {cell.coordinate: cell.value[1:] for row in sheet for cell in row if cell.data_type == "f"}
        for sheet in book
    }


def values(path):
    """Sheet -> {cell: cached value}, empty cells left out."""
    book = CalamineWorkbook.from_path(str(path))
    return {
        name: {
            f"{get_column_letter(c)}{r}": value
            for r, row in enumerate(book.get_sheet_by_name(name).to_python(skip_empty_area=False), start=1)
            for c, value in enumerate(row, start=1)
            if value != ""
        }
        for name in book.sheet_names
    }


def operands(written, sheet, formula):
    """Cached values of every cell that a formula names; an empty cell is 0."""
    found = []
    for other, left, top, right, bottom in REFERENCE.findall(formula):
        low, first, high, last = range_boundaries(f"{left}{top}:{right or left}{bottom or top}")
        cells = written.values[other or sheet]
        found += [
            cells.get(f"{get_column_letter(c)}{r}", 0.0) for r in range(first, last + 1) for c in range(low, high + 1)
        ]
    return found


def deribit(model):
    """Two accounts on three pools, options and futures, inverse and linear."""
    names = ["BTC-PERPETUAL", "BTC-25DEC26", "BTC-27NOV26-90000-C", "BTC-27NOV26-75000-P", "BTC_USDC-PERPETUAL"]
    instruments = {
        "instrument": names,
        "mark": [83_550.0, 84_800.0, 0.021, 0.018, 83_520.0],
        "index": [INDEX] * 5,
        "forward": [None, None, 84_300.0, 84_300.0, None],
        "iv": [None, None, 0.42, 0.45, None],
    }
    positions = {
        "instrument": [names[i] for i in (0, 1, 2, 3, 0, 4)],
        "quantity": [250_000.0, -250_000.0, -25.0, -25.0, -500_000.0, 2.5],
        "entry_price": [84_000.0, 86_000.0, None, None, 83_900.0, 83_000.0],
        "account": ["Basis", "Basis", "Vol", "Vol", "Vol", "Vol"],
    }
    balances = {"asset": ["BTC", "USDC", "BTC"], "amount": [6.0, 90_000.0, 20.0], "account": ["Basis", "Vol", "Vol"]}
    assets = {"asset": ["BTC", "USDC"], "price": [INDEX, 1.0]}
    book, market = xm.tables(positions, balances, instruments, assets, as_of="2026-10-20")
    return xm.margin(book, market, model)


def derive(name="desk.xlsx"):
    book, market = read(desk.HERE / name)
    return xm.margin(book, market, "derive.portfolio")


MARGINS = {
    DESK: derive,
    ETHER: lambda: derive("desk_eth.xlsx"),
    SEGREGATED: lambda: deribit(SEGREGATED),
    STANDARD: lambda: deribit(STANDARD),
}


def table(written, sheet, first_head):
    """Rows of a table under its headings, as dictionaries, down to the first empty one."""
    cells = written.values[sheet]
    top = next(int(k[1:]) for k, v in cells.items() if k[0] == "A" and k[1:].isdigit() and v == first_head)
    heads = {k.rstrip("0123456789"): v for k, v in cells.items() if re.fullmatch(rf"[A-Z]+{top}", k)}
    rows, r = [], top + 1
    while f"A{r}" in cells:
        rows.append({head: cells.get(f"{c}{r}", "") for c, head in heads.items()})
        r += 1
    return rows


def ledger_rows(written):
    """(outline level, name, amount, formula text, source) of the ledger's rows from the fifth on, by account block."""
    sheet = openpyxl.load_workbook(written.path)["Ledger"]
    cells = written.values["Ledger"]
    for r in range(5, sheet.max_row + 1):
        level = sheet.row_dimensions[r].outlineLevel
        yield r, level, *(cells.get(f"{c}{r}", "") for c in "ABCD")


def recalculated(path, folder):
    """The workbook as LibreOffice computes it, from a copy that has formulas and no values."""
    if shutil.which("soffice") is None:
        pytest.skip("LibreOffice is not installed (apt-get install libreoffice-calc-nogui)")
    bare = folder / "bare.xlsx"
    openpyxl.load_workbook(path).save(bare)
    out = folder / "out"
    command = ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", "xlsx"]
    subprocess.run([*command, "--outdir", str(out), str(bare)], check=True, capture_output=True, timeout=120)
    return values(out / "bare.xlsx")


def columns(rows):
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def sums(written):
    """(sheet, cell, what a SUM gives from the cached values of its cells, its own cached value, their size)."""
    for sheet, cells in written.formulas.items():
        for place, formula in cells.items():
            if formula.startswith("SUM("):
                parts = operands(written, sheet, formula)
                yield sheet, place, sum(parts), written.values[sheet][place], max(1.0, sum(map(abs, parts)))
