"""From files to a book and a market: workbooks, folders of CSV or Parquet, mappings of DataFrames.

Input files are hostile: their size is bounded before they are opened, formulas are never evaluated (cached values are
read), macros never run and links are never followed.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .assemble import tables
from .book import Book
from .errors import InputError, Problem, nearest
from .market import Market
from .schemas import SCHEMAS, folded

FILES = (".csv", ".parquet")
WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".ods")
LARGEST_FILE = 512 << 20
LARGEST_UNPACKED = 1 << 30
LARGEST_RATIO = 500
MOST_ROWS = 500_000
MOST_COLUMNS = 500
EXTRA_TABLES = (
    *("crif", "terms", "history", "params", "tiers", "trades", "candidates", "scenarios"),
    *("lines", "movable", "hedges", "eligible"),
)


class Sheet(dict):
    """Columns of a sheet by header; ``header_row`` is the row in which the header stands, counted from 1."""

    header_row = 1


def read(
    source: Path | str | Mapping[str, Any], *, as_of: Any = None, venue: str = "", **tables_given: Any
) -> tuple[Book, Market]:
    """A book and a market from a workbook, a folder of CSV or Parquet files, or tables by name.

    Parameters: ``source``, a path (.xlsx, .xlsm, .xlsb, .ods or a folder) or a mapping of DataFrames; ``as_of`` and
    ``venue`` as in ``tables``; ``tables_given`` replace or add tables by name.
    Returns (Book, Market). Raises InputError with every problem found.
    """
    found = dict(source) if isinstance(source, Mapping) else read_tables(source)
    name = "tables" if isinstance(source, Mapping) else str(Path(source).name)
    return tables(**{**found, **tables_given}, as_of=as_of, venue=venue, source=name)


def read_tables(path: Path | str) -> dict[str, Any]:
    """The tables of a workbook or folder by name, untyped; sheets and files of other names are passed over."""
    path = Path(path)
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"no file or folder {str(path)!r}{nearest(path.name, siblings)}")
    if path.is_dir():
        return _folder(path)
    if path.suffix.casefold() in WORKBOOKS:
        return _workbook(path)
    kinds = ", ".join(WORKBOOKS)
    raise InputError(f"{path.name}: cannot read a {path.suffix or 'nameless'} file; give one of {kinds}, or a folder")


def read_table(path: Path, name: str, *, lone: bool = True) -> Any:
    """One table: a CSV or Parquet file, or the file or sheet called ``name`` of a folder or workbook.

    ``lone`` takes the only sheet of a workbook whatever it is called. None where there is no such table.
    Raises InputError for files that cannot be read.
    """
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"{name}: no file or folder {str(path)!r}{nearest(path.name, siblings)}")
    if path.is_dir():
        files = [p for p in sorted(path.iterdir()) if p.suffix.casefold() in FILES and folded(p.stem) == folded(name)]
        return _file(files[0]) if files else None
    if path.suffix.casefold() in FILES:
        return _file(path)
    if path.suffix.casefold() not in WORKBOOKS:
        kinds = ", ".join((*FILES, *WORKBOOKS))
        raise InputError(f"{path.name}: cannot read a {path.suffix or 'nameless'} file; give one of {kinds}")
    with _opened(path) as book:
        titles = [t for t in book.sheet_names if folded(t) == folded(name)]
        titles = titles or (book.sheet_names if lone and len(book.sheet_names) == 1 else [])
        return _sheet(book, name, titles[0]) if titles else None


def _table_name(word: str) -> str | None:
    wanted = {folded(name): name for name in (*SCHEMAS, *EXTRA_TABLES)}
    return wanted.get(folded(word))


def _folder(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for file in sorted(path.iterdir()):
        name = _table_name(file.stem)
        if name is None or file.suffix.casefold() not in FILES:
            continue
        if name in found:
            raise InputError([Problem(name, 0, "", file.name, f"stands in two files of {path.name}")])
        found[name] = _file(file)
    if not found:
        words = ", ".join(f"{name}.csv" for name in SCHEMAS)
        raise InputError(f"{path}: no table here; expected files such as {words} (or .parquet)")
    return found


def _file(file: Path) -> Any:
    import pandas as pd

    _bounded(file)
    try:
        if file.suffix.casefold() == ".parquet":
            return pd.read_parquet(file)
        exact = {} if int(pd.__version__.split(".")[0]) >= 3 else {"float_precision": "round_trip"}
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(file, encoding="utf-8-sig", skip_blank_lines=False, index_col=False, **exact)
        if len(table.columns) == 1 and ";" in str(table.columns[0]):
            raise ValueError("its cells are separated by semicolons; commas are read")
        return table
    except ImportError as error:
        raise InputError(f"{file.name}: reading Parquet needs pyarrow: pip install 'xlmargin[batch]'") from error
    except pd.errors.ParserWarning as error:
        raise InputError(f"{file.name}: a row has more cells than the header") from error
    except (ValueError, OSError) as error:
        raise InputError(f"{file.name}: cannot be read: {error}") from error


def _bounded(file: Path) -> None:
    size = file.stat().st_size
    if size > LARGEST_FILE:
        raise InputError(f"{file.name}: {size >> 20} MB; at most {LARGEST_FILE >> 20} MB are read")


def _unpacked_bounded(file: Path) -> None:
    """Refuse an archive that would unpack to more than a workbook ever needs."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"{file.name}: not a workbook or damaged: {error}") from error
    unpacked, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    if unpacked > LARGEST_UNPACKED or (unpacked > 64 << 20 and unpacked > LARGEST_RATIO * max(packed, 1)):
        message = f"{file.name}: would unpack to {unpacked >> 20} MB from {packed >> 20} MB and is not opened"
        raise InputError(message)


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """The workbook, bounded; whatever goes wrong while it is read is said in words."""
    import python_calamine

    _bounded(file)
    _unpacked_bounded(file)
    try:
        yield python_calamine.CalamineWorkbook.from_path(str(file))
    except InputError:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        raise InputError(f"{file.name}: not a workbook or damaged: {error}") from error


def _workbook(file: Path) -> dict[str, Any]:
    with _opened(file) as book:
        found = dict(_sheets(book))
    if not found:
        names = ", ".join(book.sheet_names[:20])
        message = f"{file.name}: no sheet named {', '.join(SCHEMAS)}; it has {names}"
        raise InputError(f"{message}{nearest('positions', book.sheet_names)}")
    return found


def _sheets(book: Any) -> Iterator[tuple[str, Sheet]]:
    seen: dict[str, str] = {}
    for title in book.sheet_names:
        name = _table_name(title)
        if name is None:
            continue
        if name in seen:
            raise InputError([Problem(name, 0, "", title, f"stands on two sheets, {seen[name]!r} and {title!r}")])
        seen[name] = title
        yield name, _sheet(book, name, title)


def _sheet(book: Any, name: str, title: str) -> Sheet:
    sheet = book.get_sheet_by_name(title)
    if sheet.total_height > MOST_ROWS or sheet.total_width > MOST_COLUMNS:
        size = f"{sheet.total_height:,} rows × {sheet.total_width:,} columns"
        limit = f"at most {MOST_ROWS:,} × {MOST_COLUMNS} are read from a sheet"
        raise InputError(
            [Problem(name, 0, "", None, f"{size}; {limit}; larger books come as Parquet (xlmargin batch)")]
        )
    return columns(sheet.to_python(skip_empty_area=False))


def columns(rows: list[list[Any]]) -> Sheet:
    """A table as columns from rows of cells: the first row that holds anything is the header.

    >>> columns([["", ""], ["asset", "price"], ["USDC", 1.0]])
    {'asset': array(['USDC'], dtype=object), 'price': array([1.0], dtype=object)}
    """
    sheet = Sheet()
    header = next((n for n, row in enumerate(rows) if any(cell not in (None, "") for cell in row)), None)
    if header is None:
        return sheet
    sheet.header_row = header + 1
    for c, title in enumerate(rows[header]):
        cells = np.empty(len(rows) - header - 1, object)
        cells[:] = [row[c] if c < len(row) else None for row in rows[header + 1 :]]
        if title in (None, ""):
            continue
        if str(title) in sheet:
            raise InputError([Problem("", sheet.header_row, str(title), title, f"column {title!r} stands twice")])
        sheet[str(title)] = cells
    return sheet
