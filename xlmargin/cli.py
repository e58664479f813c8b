"""The `xlmargin` command: margin, explain, compare and report on a workbook; models, parameters and templates."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import xlmargin as xm

from .errors import InputError, XlmarginError

app = typer.Typer(
    name="xlmargin",
    help="What margin does this portfolio need, there? Netted, explained, dated.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
BAD_INPUT = 2

Source = Annotated[Path, typer.Argument(help="workbook (.xlsx) or folder of CSV / Parquet tables")]
ModelId = Annotated[str, typer.Option("--model", "-m", help="rulebook, as listed by `xlmargin models`")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="valuation time, UTC; else the instruments table's own")]
Choices = Annotated[list[str] | None, typer.Option("--option", help="model option, name=value; may be repeated")]
Payload = Annotated[Path | None, typer.Option("--params", help="the venue's own parameters: JSON, or its file")]
Account = Annotated[str | None, typer.Option("--account", "-a", help="one account")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="write here (.csv, .json or .xlsx) instead")]
Venue = Annotated[str, typer.Option("--venue", help="whose spelling of instrument names is meant")]


def _run(source: Path, model: str, as_of: str | None, option: list[str] | None, params: Path | None, venue: str) -> Any:
    book, market = xm.read(source, as_of=as_of, venue=venue or model)
    chosen = xm.model(model)
    in_force = chosen.load(_payload(params, chosen), chosen.params(market.as_of)) if params else None
    return xm.margin(book, market, chosen, params=in_force, options=_options(option))


def _payload(path: Path, model: xm.Model) -> Any:
    """A venue's JSON payload, or the path of a file that the model reads by itself."""
    if path.suffix.casefold() in model.files:
        return path
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name}: not a JSON payload: {error}") from error


def _options(given: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in given or []]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise InputError(f"options are written name=value, not {', '.join(wrong)}")
    return {name.strip(): value.strip() for name, _, value in pairs}


@app.command()
def margin(
    source: Source,
    model: ModelId = "derive.portfolio",
    as_of: AsOf = None,
    option: Choices = None,
    params: Payload = None,
    venue: Venue = "",
    output: Output = None,
) -> None:
    """Equity, initial and maintenance margin of every account, with what netting saves."""
    result = _run(source, model, as_of, option, params, venue)
    _out(_summary(result), output, _stamp(result))
    _notes(result)


@app.command()
def explain(
    source: Source,
    model: ModelId = "derive.portfolio",
    account: Account = None,
    as_of: AsOf = None,
    option: Choices = None,
    params: Payload = None,
    venue: Venue = "",
    output: Output = None,
) -> None:
    """The ledger of one account: every line down to positions, with formulas and sources."""
    result = _run(source, model, as_of, option, params, venue)
    table = result.explain(account)
    if output is None:
        table = table.assign(
            line=["  " * d + (h or name) for d, h, name in zip(table.depth, table.holding, table.line, strict=True)]
        )
        table = table[["heading", "line", "amount", "formula"]]
    _out(table, output, _stamp(result))
    _notes(result)


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
    book, market = xm.read(source, as_of=as_of, venue=venue)
    table = xm.compare(book, market, models or xm.models(), currency=currency, account=account)
    if output is None and "remark" in table:
        table = table.assign(remark=[str(r).split("\n")[0][:100] for r in table["remark"]])
    _out(table, output, f"{source.name} at {_moment(market)}")


@app.command()
def report(
    source: Source,
    model: ModelId = "derive.portfolio",
    as_of: AsOf = None,
    option: Choices = None,
    params: Payload = None,
    venue: Venue = "",
    output: Annotated[Path, typer.Option("--output", "-o", help="the workbook to write")] = Path("report.xlsx"),
) -> None:
    """Write the margin of every account as a workbook: summary, ledger, scenarios, positions, parameters, notices."""
    result = _run(source, model, as_of, option, params, venue)
    from .workbooks import report as writer

    path = writer.write(result, output, title=source.stem)
    _out(_summary(result), None, _stamp(result))
    _notes(result)
    typer.echo(f"report: {path}")


@app.command("models")
def list_models(output: Output = None) -> None:
    """Every rulebook: what it is and how sure."""
    import pandas as pd

    rows = [{"model": m.id, "title": m.title or m.summary, "evidence": m.evidence} for m in map(xm.model, xm.models())]
    _out(pd.DataFrame(rows), output, f"{len(rows)} rulebooks")


@app.command("params")
def list_params(
    model: Annotated[str, typer.Argument(help="rulebook")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="date, UTC; the newest version if left out")] = None,
    output: Output = None,
) -> None:
    """Every parameter in force: value, unit, first day in force, source, evidence."""
    import pandas as pd

    from .parsing import read_time

    try:
        moment = read_time(as_of) if as_of else 4e9
    except ValueError as error:
        raise InputError(f"--as-of: {error}") from error
    params = xm.model(model).params(moment)
    table = pd.DataFrame(params.rows())
    if output is None:
        table = table.assign(value=[str(v)[:60] for v in table["value"]], source=[s[:50] for s in table["source"]])
    _out(table, output, f"{model}, version of {params.effective:%Y-%m-%d %H:%M}")


def _moment(market: xm.Market) -> str:
    from .run import moment

    return moment(market.as_of)


def _summary(result: xm.Margin) -> Any:
    table = result.frame()
    if len(table):
        saving = xm.benefit(result)
        table["benefit"], table["benefit %"] = saving.amount, 100 * saving.percent
    return table


def _stamp(result: xm.Margin) -> str:
    stamp = result.stamp
    market = f"market of {stamp['market time']} ({stamp['market source']})"
    return f"{stamp['model']}, parameters of {stamp['parameters']}, {market}"


def _notes(result: xm.Margin) -> None:
    for note in result.notes:
        who = "" if note.where is None else ", ".join(dict.fromkeys(map(str, result.account[note.where])))
        typer.echo(f"note: {note.text}{f' [{who[:80]}]' if who else ''}", err=True)


def _out(table: Any, output: Path | None, title: str) -> None:
    if output is None:
        _print(table, title)
        return
    kind, part = output.suffix.casefold(), output.with_name(output.name + ".part")
    writers = {
        ".csv": lambda: table.to_csv(part, index=False),
        ".json": lambda: table.to_json(part, orient="records", indent=1),
        ".xlsx": lambda: table.to_excel(part, index=False, engine="xlsxwriter", engine_kwargs={"options": _PLAIN}),
    }
    if kind not in writers:
        raise InputError(f"{output.name}: write {', '.join(writers)}")
    writers[kind]()
    part.replace(output)
    typer.echo(f"written: {output}")


_PLAIN = {"strings_to_formulas": False, "strings_to_urls": False}


def _print(table: Any, title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    view = Table(title=title, title_justify="left")
    for name in table.columns:
        view.add_column(Text(str(name)), justify="right" if table[name].dtype.kind in "fiu" else "left")
    for row in table.itertuples(index=False):
        view.add_row(*(Text(_cell(value)) for value in row))
    Console(width=None if sys.stdout.isatty() else 160).print(view)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:,.2f}" if abs(value) >= 100 else f"{value + 0.0:.6g}"
    return str(value)


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
        app(standalone_mode=False)
    except XlmarginError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(BAD_INPUT)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("interrupted", err=True)
        sys.exit(130)
    except Exception as error:
        if hasattr(error, "show"):
            error.show()
            sys.exit(getattr(error, "exit_code", BAD_INPUT))
        raise


if __name__ == "__main__":
    main()
