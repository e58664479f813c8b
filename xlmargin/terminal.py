"""Tables on a terminal and in files. A figure is never cut: too wide for the window, rows become records."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from .errors import InputError
from .given import Case, passed_over

UNSEEN = 160
PLAIN = {"strings_to_formulas": False, "strings_to_urls": False}


def save(table: Any, output: Path) -> None:
    """Write a table (pandas DataFrame) as .csv, .json or .xlsx, whole or not at all; its folder is made."""
    kind, part = output.suffix.casefold(), output.with_name(output.name + ".part")
    writers = {
        ".csv": lambda: table.to_csv(part, index=False),
        ".json": lambda: table.to_json(part, orient="records", indent=1),
        ".xlsx": lambda: table.to_excel(part, index=False, engine="xlsxwriter", engine_kwargs={"options": PLAIN}),
    }
    if kind not in writers:
        raise InputError(f"{output.name}: write {', '.join(writers)}")
    output.parent.mkdir(parents=True, exist_ok=True)
    writers[kind]()
    part.replace(output)


def tell(table: Any, output: Path | None, title: str) -> None:
    """A table (pandas DataFrame) printed under its title, or written to ``output`` and said to be."""
    if output is None:
        show(table, title)
        return
    import typer

    save(table, output)
    typer.echo(f"{title}\nwritten: {output}")


def answer(case: Case, table: Any, output: Path | None = None, title: str = "") -> None:
    """What a command answers: its table under the case's stamp; on standard error what the figures rest on."""
    import typer

    tell(table, output, title or case.stamp)
    if case.empty:
        over = ", ".join(passed_over(case.source))
        typer.echo(f"note: {case.source.name} holds no positions{f'; passed over: {over}' if over else ''}", err=True)
    for note in case.margin.notes:
        rows = note.where
        who = "" if rows is None else ", ".join(dict.fromkeys(map(str, case.margin.account[rows])))
        if rows is None or rows.any():
            typer.echo(f"note: {note.text}{f' [{who[:80]}]' if who else ''}", err=True)


def show(table: Any, title: str, width: int | None = None) -> None:
    """Print a table (pandas DataFrame) under its title; columns without any entry are left out.

    ``width`` is that of the window; one that is not seen (a pipe, a file) is as wide as the figures ask.
    """
    from rich.columns import Columns
    from rich.console import Console
    from rich.text import Text

    filled = table[[c for c in table.columns if any(_cell(v) for v in table[c])]] if len(table) else table
    console = Console(width=width)
    view = _grid(filled)
    needed = console.measure(view, options=console.options.update(width=1 << 14)).minimum
    if width is None and not sys.stdout.isatty():
        console.width = max(UNSEEN, needed)
    console.print(Text(title), soft_wrap=True)
    if needed <= console.width:
        console.print(view)
        return
    console.print(Columns([_record(filled, row) for row in filled.itertuples(index=False)]))


def _grid(table: Any) -> Any:
    from rich.table import Table
    from rich.text import Text

    view = Table()
    for name in table.columns:
        number = _numeric(table[name])
        view.add_column(
            Text(str(name)), justify="right" if number else "left", no_wrap=number, overflow=None if number else "fold"
        )
    for row in table.itertuples(index=False):
        view.add_row(*(Text(_cell(value)) for value in row))
    return view


def _record(table: Any, row: Any) -> Any:
    """One row as lines of name and value."""
    from rich.table import Table
    from rich.text import Text

    view = Table(show_header=False)
    view.add_column(no_wrap=True)
    view.add_column(overflow="fold")
    for name, value in zip(table.columns, row, strict=True):
        view.add_row(Text(str(name)), Text(_cell(value), justify="right" if _numeric(table[name]) else "left"))
    return view


def _numeric(column: Any) -> bool:
    return column.dtype.kind in "fiu"


def _cell(value: Any) -> str:
    """A figure to two decimals from a hundred upwards, to six digits below; nothing for a missing one.

    >>> _cell(1234567.891), _cell(0.0123456789), _cell(float("nan")), _cell("BTC")
    ('1,234,567.89', '0.0123457', '', 'BTC')
    """
    if isinstance(value, float):
        return "" if value != value else f"{value:,.2f}" if abs(value) >= 100 else f"{value + 0.0:.6g}"
    return str(value)
