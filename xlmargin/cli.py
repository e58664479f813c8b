"""The `xlmargin` command: margin, explain, compare and report on a workbook; models, parameters and templates."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

import xlmargin as xm

from . import given, terminal
from .cases import Case
from .errors import InputError, XlmarginError
from .html import MOST_LEGS
from .options_of_commands import MODEL, Account, AsOf, Choices, ModelId, Output, Payload, Source, Venue

app = typer.Typer(
    name="xlmargin",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
BAD_INPUT = 2
MOST_SHOWN = {"value": 60, "source": 50}
EXTRAS = {"pyarrow": "batch", "dask": "batch", "distributed": "batch", "xlwings": "excel", "anywidget": "jupyter"}


def _say_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"xlmargin {version('xlmargin')}")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="show the version and exit")
    ] = False,
) -> None:
    """What margin does this portfolio need, there? Netted, explained, dated."""


@app.command()
def margin(
    source: Source,
    model: ModelId = MODEL,
    account: Account = None,
    as_of: AsOf = None,
    option: Choices = None,
    params: Payload = None,
    venue: Venue = "",
    output: Output = None,
) -> None:
    """Equity, initial and maintenance margin of every account or of one, with what netting saves."""
    case = Case(source, model, account, as_of, option, params, venue)
    terminal.answer(case, _summary(case.margin), output)


@app.command()
def explain(
    source: Source,
    model: ModelId = MODEL,
    account: Account = None,
    as_of: AsOf = None,
    option: Choices = None,
    params: Payload = None,
    venue: Venue = "",
    output: Output = None,
) -> None:
    """The ledger of one account: every line down to positions, with formulas; with -o also the sources."""
    case = Case(source, model, account, as_of, option, params, venue)
    table = case.margin.explain(account)
    title = f"{case.stamp}, amounts in {', '.join(dict.fromkeys(map(str, case.margin.currency)))}"
    if output is None:
        table = table.assign(
            line=["  " * d + (h or name) for d, h, name in zip(table.depth, table.holding, table.line, strict=True)]
        )
        pool = ["pool"] if table["pool"].nunique() > 1 else []
        alone = ["alone"] if "alone" in table else []
        table = table.sort_values("pool", kind="stable")[[*pool, "heading", "line", "amount", *alone, "formula"]]
    terminal.answer(case, table, output, title)


@app.command()
def compare(
    source: Source,
    models: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="repeat for several; all if left out")
    ] = None,
    account: Account = None,
    as_of: AsOf = None,
    currency: Annotated[str, typer.Option(help="one currency for all")] = "USD",
    venue: Venue = "",
    output: Output = None,
) -> None:
    """The same book under several models, least initial margin first; a model that cannot take it says why."""
    chosen = [xm.model(name).id for name in models] if models else xm.models()
    book, market = given.read(source, as_of, venue)
    given.known(account, book.account)
    table = xm.compare(book, market, chosen, currency=currency, account=account)
    taken, refused = table[table["account"].notna()], table[table["account"].isna()]
    if output is not None or len(taken):
        terminal.tell(table if output else taken, output, f"{source.name} at {_moment(market)}")
    if output is None:
        _say_refused(refused)
    if not len(taken):
        raise typer.Exit(BAD_INPUT)


def _say_refused(refused: Any) -> None:
    """One line a model that does not take the book: its first problem, and how many more there are."""
    from .frames import brief

    if len(refused):
        typer.echo("models that cannot take this book:")
    for model, remark in zip(refused["model"], refused["remark"], strict=True):
        typer.echo(f"  {model}: {brief(remark, len(remark))}")


@app.command()
def report(
    source: Source,
    model: ModelId = MODEL,
    account: Account = None,
    as_of: AsOf = None,
    option: Choices = None,
    params: Payload = None,
    venue: Venue = "",
    output: Annotated[Path, typer.Option("--output", "-o", help="the workbook to write")] = Path("report.xlsx"),
) -> None:
    """Write the margin of every account or of one as a workbook: summary, ledger, scenarios, positions, parameters."""
    from .workbooks import report as writer

    case = Case(source, model, account, as_of, option, params, venue)
    path = writer.write(case.margin, output, title=source.stem)
    terminal.answer(case, _summary(case.margin))
    typer.echo(f"report: {path}")


@app.command("models")
def list_models(output: Output = None) -> None:
    """Every rulebook: what it is and how sure."""
    import pandas as pd

    rows = [{"model": m.id, "title": m.title or m.summary, "evidence": m.evidence} for m in map(xm.model, xm.models())]
    terminal.tell(pd.DataFrame(rows), output, f"{len(rows)} rulebooks")


@app.command("params")
def list_params(
    model: Annotated[str, typer.Argument(help="rulebook")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="date, UTC; the newest version if left out")] = None,
    output: Output = None,
) -> None:
    """Every parameter in force: value, unit, first day in force, source, evidence."""
    import pandas as pd

    params = xm.model(model).params(given.moment(as_of) if as_of else 4e9)
    table = pd.DataFrame(params.rows())
    if output is None:
        short = {column: [_short(str(text), most) for text in table[column]] for column, most in MOST_SHOWN.items()}
        table = table.assign(**short)
    terminal.tell(table, output, f"{model}, version of {params.effective:%Y-%m-%d %H:%M}")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _moment(market: xm.Market) -> str:
    from .run import moment

    return moment(market.as_of)


def _summary(result: xm.Margin) -> Any:
    from .frames import summary

    table = summary(result, most_legs=MOST_LEGS)
    if len(table):
        saving = xm.benefit(result)
        table["benefit"], table["benefit share"] = saving.amount, saving.percent
    return table


@cache
def _register_faces() -> None:
    """Commands of the faces that are installed: templates and add-ins, dashboards, batch."""
    from importlib import import_module

    for name in (
        "xlmargin.workbooks.commands",
        "xlmargin.widgets.commands",
        "xlmargin.decide.commands",
        "xlmargin.bulk_commands",
    ):
        try:
            import_module(name).register(app)
        except ModuleNotFoundError as error:
            if error.name and not name.startswith(error.name):
                raise


def main() -> None:
    """Entry point: problems go to standard error, one a line, and the exit code is 2."""
    _register_faces()
    try:
        sys.exit(app(standalone_mode=False))
    except XlmarginError as error:
        _stop("\n".join(f"error: {line}" for line in _ordered(error).split("\n")))
    except (typer.Abort, KeyboardInterrupt):
        _stop("interrupted", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        _stop(f"error: this needs {error.name}: pip install 'xlmargin[{extra}]'")
    except OSError as error:
        _stop(f"error: {error.filename or 'file'}: {error.strerror or error}")
    except Exception as error:
        if not hasattr(error, "show"):
            raise
        error.show()
        sys.exit(getattr(error, "exit_code", BAD_INPUT))


def _ordered(error: XlmarginError) -> str:
    """Problems table by table and row by row."""
    if not isinstance(error, InputError):
        return str(error)
    tables = list(dict.fromkeys(p.table for p in error.problems))
    return str(InputError(sorted(error.problems, key=lambda p: (tables.index(p.table), p.row))))


def _stop(message: str, code: int = BAD_INPUT) -> None:
    typer.echo(message, err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
