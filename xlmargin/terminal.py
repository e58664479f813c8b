"""Tables on a terminal and in files. A figure is never cut: too wide for the window, rows become records."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .cases import Case, Venues
from .errors import InputError
from .given import passed_over
from .html import told

UNSEEN = 160
LONGEST_WORD = 40
PLAIN = {"options": {"strings_to_formulas": False, "strings_to_urls": False}}


def save(table: Any, output: Path) -> None:
    """Write a table (pandas DataFrame) as .csv, .json or .xlsx, whole or not at all; its folder is made."""
    kind, part = output.suffix.casefold(), output.with_name(output.name + ".part")
    writers = {
        ".csv": lambda: table.to_csv(part, index=False),
        ".json": lambda: table.to_json(part, orient="records", indent=1, date_format="iso"),
        ".xlsx": lambda: _naive(table).to_excel(part, index=False, engine="xlsxwriter", engine_kwargs=PLAIN),
    }
    if kind not in writers:
        raise InputError(f"{output.name}: write {', '.join(writers)}")
    output.parent.mkdir(parents=True, exist_ok=True)
    writers[kind]()
    part.replace(output)


def _naive(table: Any) -> Any:
    """Times without their zone (they are UTC): a sheet knows none."""
    return table.assign(**{c: table[c].dt.tz_localize(None) for c in table.select_dtypes("datetimetz").columns})


def tell(table: Any, output: Path | None, title: str) -> None:
    """A table (pandas DataFrame) printed under its title, or written to ``output`` and said to be."""
    if output is None:
        show(table, title)
        return
    import typer

    save(table, output)
    typer.echo(f"{title}\nwritten: {output}")


def answer(case: Case | Venues, table: Any, output: Path | None = None, title: str = "") -> None:
    """What a command answers: its table under the case's stamp; on standard error what the figures rest on."""
    import typer

    tell(table, output, title or case.stamp)
    if case.empty:
        over = ", ".join(passed_over(case.source))
        typer.echo(f"note: {case.source.name} holds no positions{f'; passed over: {over}' if over else ''}", err=True)
    for note in filter(None, case.notes):
        typer.echo(f"note: {note}", err=True)


def bar(*, quiet: bool = False) -> Any:
    """A bar with what is done, its rate and the time left, on standard error; ``quiet`` where nobody sees it."""
    from rich import progress
    from rich.console import Console

    rate, left = progress.TaskProgressColumn(show_speed=True), progress.TimeRemainingColumn()
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        rate,
        left,
    )
    unseen = quiet and not sys.stderr.isatty()
    return progress.Progress(*columns, console=Console(stderr=True), transient=quiet, disable=unseen)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that tells how many of ``what`` are done, gone when it ends; nothing where no window is seen."""
    with bar(quiet=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def show(table: Any, title: str, width: int | None = None) -> None:
    """Print a table (pandas DataFrame) under its title; columns without any entry are left out, none is said to be.

    ``width`` is that of the window; one that is not seen (a pipe, a file) is as wide as the figures ask.
    """
    from rich.columns import Columns
    from rich.console import Console
    from rich.text import Text

    console = Console(width=width)
    if not len(table):
        console.print(Text(f"{title}\nnone"), soft_wrap=True)
        return
    table = _flat(table)
    filled = table[[c for c in table.columns if any(_cells(table[c]))]]
    spans = [_span(filled[name]) for name in filled.columns]
    needed = sum(least for least, _ in spans) + 3 * len(spans) + 1
    if width is None and not sys.stdout.isatty():
        console.width = max(UNSEEN, needed + sum(max(0, min(most, LONGEST_WORD) - least) for least, most in spans))
    console.print(Text(title), soft_wrap=True)
    if needed <= console.width:
        console.print(_grid(filled, _shared(spans, console.width - needed)))
        return
    console.print(Columns([_record(filled, row) for row in filled.itertuples(index=False)]))


def _flat(table: Any) -> Any:
    """Headings of several levels as one: the words of each level after another."""
    if table.columns.nlevels == 1:
        return table
    return table.set_axis([" ".join(str(word) for word in name if str(word)) for name in table.columns], axis=1)


def _span(column: Any) -> tuple[int, int]:
    """Least and most width of a column: figures need their whole length, words may be folded between them."""
    from rich.cells import cell_len

    head, cells = _head(column.name).split(" "), _cells(column)
    words = [*head, *(cells if _numeric(column) else (w for c in cells for w in c.split()))]
    lines = [*(head if _numeric(column) else [str(column.name)]), *(line for c in cells for line in c.split("\n"))]
    least = max(map(cell_len, words), default=1)
    least = least if _numeric(column) else min(least, LONGEST_WORD)
    return least, max(least, max(map(cell_len, lines), default=1))


def _head(name: Any) -> str:
    """A heading in which a figure keeps its unit on the line."""
    return str(name).replace(" %", "\u00a0%")


def _shared(spans: list[tuple[int, int]], spare: int) -> list[int]:
    """The width of each column when ``spare`` is shared among those that want more than the least, evenly.

    >>> _shared([(5, 5), (4, 30), (6, 8)], 10)
    [5, 12, 8]
    """
    widths = [least for least, _ in spans]
    wanting = sorted((most - least, n) for n, (least, most) in enumerate(spans) if most > least)
    for place, (gap, n) in enumerate(wanting):
        more = min(gap, spare // (len(wanting) - place))
        widths[n] += more
        spare -= more
    return widths


def _grid(table: Any, widths: list[int]) -> Any:
    from rich.table import Table
    from rich.text import Text

    view = Table()
    for name, width in zip(table.columns, widths, strict=True):
        number = _numeric(table[name])
        head = Text("\n".join(textwrap.wrap(_head(name), width)))
        view.add_column(
            head,
            width=width,
            justify="right" if number else "left",
            no_wrap=number,
            overflow=None if number else "fold",
        )
    for row in table.itertuples(index=False, name=None):
        view.add_row(*(Text(_cell(name, value)) for name, value in zip(table.columns, row, strict=True)))
    return view


def _record(table: Any, row: Any) -> Any:
    """One row as lines of name and value."""
    from rich.table import Table
    from rich.text import Text

    view = Table(show_header=False)
    view.add_column(no_wrap=True)
    view.add_column(overflow="fold")
    for name, value in zip(table.columns, row, strict=True):
        view.add_row(Text(str(name)), Text(_cell(name, value), justify="right" if _numeric(table[name]) else "left"))
    return view


def _numeric(column: Any) -> bool:
    return column.dtype.kind in "fiu"


def _cells(column: Any) -> list[str]:
    return [_cell(column.name, value) for value in column]


def _cell(name: Any, value: Any) -> str:
    """A cell as text by its heading, as a notebook tells it; nothing for a missing one.

    >>> _cell("net", 1234567.891), _cell("net", 0.0123456789), _cell("net", float("nan")), _cell("asset", "BTC")
    ('1,234,567.89', '0.0123457', '', 'BTC')
    >>> _cell("down", -0.102882), _cell("share", 1.0), _cell("passes", True)
    ('-10.3 %', '100.0 %', 'yes')
    """
    if isinstance(value, bool | float | np.bool_):
        return told(str(name), value) if value == value else ""
    return str(value)
