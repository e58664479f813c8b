"""The margin report: a workbook with live formulas and cached values that a risk manager would forward."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from ..errors import InputError
from ..ledger import Margin
from ..netting import Benefit
from ..netting import benefit as saving_of
from . import (
    report_curves,
    report_decide,
    report_decisions,
    report_ledger,
    report_lists,
    report_scenarios,
    report_summary,
)
from .report_content import Content, gather
from .report_paper import Paper, plain

OPTIONS = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "default_format_properties": {"font_name": "Calibri", "font_size": 10, "font_color": "#1F2A36"},
}


def write(
    margin: Margin,
    path: Path | str,
    *,
    benefit: Benefit | None = None,
    title: str = "",
    decisions: Sequence[Any] = (),
) -> Path:
    """Write the report of a margin as an .xlsx workbook.

    Parameters: ``margin``, a row per account and pool, as ``xm.margin`` returns it; ``path``, the file to write, which
    appears only when it is whole; ``benefit``, what netting saves, computed if left out; ``title`` of the report;
    ``decisions``, results of the verbs that decide (whatever has a ``frame()``), each a sheet of its own, named by
    itself or by a pair (title, result).
    Returns the path. All accounts stand in the summary, the 25 that use most of their equity in full.
    Raises InputError for a path that is not .xlsx or whose folder does not exist.
    """
    path = Path(path)
    _check(path)
    content = gather(margin, saving_of(margin) if benefit is None else benefit, title)
    with _whole(path) as book:
        _sheets(book, content, decisions)
    return path


def write_decisions(decisions: Sequence[Any], path: Path | str, *, foot: str = "") -> Path:
    """Write results of the verbs that decide as an .xlsx workbook, a sheet each; ``foot`` stands below every page."""
    path = Path(path)
    _check(path)
    with _whole(path) as book:
        report_decisions.sheets(Paper(book), book, decisions, foot)
    return path


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[Any]:
    """A workbook that appears under its name only when it is whole."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with xlsxwriter.Workbook(str(part), OPTIONS) as book:
            yield book
        part.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


def _check(path: Path) -> None:
    if path.suffix.casefold() != ".xlsx":
        raise InputError(f"{path.name}: a report is an .xlsx workbook")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: its folder cannot be made: {error}") from error


def _sheets(book: Any, content: Content, decisions: Sequence[Any]) -> None:
    paper, title = Paper(book), plain(content.title or "Margin report")
    book.set_properties({"title": title, "comments": plain(content.foot), "created": _created(content)})
    summary, ledger = (book.add_worksheet(name) for name in (report_summary.NAME, report_ledger.NAME))
    report_summary.write(paper, summary, content, report_ledger.write(paper, ledger, content))
    if len(content.rows) and content.detail.grid is not None:
        report_scenarios.write(paper, book.add_worksheet(report_scenarios.NAME), content)
    curves, why_none = report_curves.curves(content)
    if curves is not None:
        report_curves.write(paper, book.add_worksheet(report_curves.NAME), content, curves)
    report_decide.sheets(paper, book, content)
    report_decisions.sheets(paper, book, decisions, content.foot)
    report_lists.positions(paper, book.add_worksheet(report_lists.POSITIONS), content)
    report_lists.parameters(paper, book.add_worksheet(report_lists.PARAMETERS), content)
    report_lists.notices(paper, book.add_worksheet(report_lists.NOTICES), content, why_none)


def _created(content: Content) -> dt.datetime:
    """The market's time: the same margin gives the same file."""
    return dt.datetime.fromtimestamp(content.margin.run.market.as_of, dt.UTC).replace(tzinfo=None)
