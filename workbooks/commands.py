"""Commands of the spreadsheet face: template, update, respell, calc install, excel install."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlmargin.options_of_commands import MODEL, AsOf, Choices, ModelId, Payload, Venue

Target = Annotated[str, typer.Option("--target", "-t", help="lite, classic, calc or values")]
Unopkg = Annotated[str, typer.Option(help="LibreOffice's unopkg, where it is not found by itself")]
Profile = Annotated[Path | None, typer.Option(help="try it in this folder instead of the user's own LibreOffice")]


def register(app: typer.Typer) -> None:
    """Add the commands to the ``xlmargin`` command."""
    app.command()(template)
    app.command("update")(update_workbook)
    app.command()(respell)
    calc = typer.Typer(help="The functions in LibreOffice Calc.", no_args_is_help=True)
    calc.command("install")(calc_install)
    calc.command("remove")(calc_remove)
    calc.command("build")(calc_build)
    app.add_typer(calc, name="calc")
    excel = typer.Typer(help="The functions in Excel with classic xlwings.", no_args_is_help=True)
    excel.callback()(lambda: None)
    excel.command("install")(excel_install)
    app.add_typer(excel, name="excel")


def template(
    target: Target = "lite",
    model: Annotated[str, typer.Option("--model", "-m", help="the rulebook to start with")] = MODEL,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="the workbook to write")] = None,
) -> None:
    """Write a desk ready to fill: tables with notes and drop-downs, formulas for one host, health in colours."""
    from xlmargin.errors import InputError
    from xlmargin.registry import model as find

    from .book_writer import write
    from .layout import Desk
    from .spelling import checked

    path = output or Path(f"margin-desk-{checked(target)}.xlsx")
    if path.suffix.casefold() != ".xlsx":
        raise InputError(f"{path.name}: a template is a workbook: give a name that ends in .xlsx")
    typer.echo(f"template: {write(Desk.empty('Margin desk', model=find(model).id), path, target)}")


def update_workbook(
    workbook: Annotated[Path, typer.Argument(help="a workbook with sheets such as positions and instruments")],
    model: ModelId = MODEL,
    as_of: AsOf = None,
    option: Choices = None,
    params: Payload = None,
    venue: Venue = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="write here, not in place")] = None,
) -> None:
    """Margin a workbook's own tables and write the results into it, beside what it holds."""
    from xlmargin import given

    from .update import update

    chosen = {"options": given.options(option), "payload": params}
    done = update(workbook, model, output=output, as_of=as_of, venue=venue, **chosen)
    typer.echo(f"updated: {done.path} (sheets {', '.join(done.sheets)})")
    if done.named:
        typer.echo(f"cells filled: {', '.join(done.named)}")
    for warning in done.warnings:
        typer.echo(f"warning: {warning}", err=True)


def respell(
    workbook: Annotated[Path, typer.Argument(help="a workbook with xlmargin formulas of another host")],
    target: Target,
    output: Annotated[Path, typer.Option("--output", "-o", help="the workbook to write")],
) -> None:
    """Write a workbook with its formulas spelt for another host (lite, classic or calc)."""
    from . import spelling

    changed = spelling.respell(workbook, output, target)
    typer.echo(f"{changed} formulas respelt for {target}: {output}")


def calc_install(
    unopkg: Unopkg = "",
    profile: Profile = None,
    worker: Annotated[bool, typer.Option(help="always run the functions in a process of their own")] = False,
) -> None:
    """Put the functions into LibreOffice Calc."""
    from .calc_install import install

    typer.echo(install(unopkg, profile, "worker" if worker else "auto"))


def calc_remove(unopkg: Unopkg = "", profile: Profile = None) -> None:
    """Take the functions out of LibreOffice Calc."""
    from .calc_install import remove

    typer.echo(remove(unopkg, profile))


def calc_build(
    output: Annotated[Path, typer.Option("--output", "-o", help="the extension to write")] = Path("xlmargin.oxt"),
) -> None:
    """Write the extension as a file, to be opened with LibreOffice on this computer."""
    from .calc_files import oxt

    output.write_bytes(oxt())
    typer.echo(f"extension: {output}")


def excel_install(
    only_say: Annotated[bool, typer.Option("--print", help="only print the steps")] = False,
) -> None:
    """Do (on Windows) or print what classic xlwings needs."""
    from .excel_install import install

    for line in install(only_say):
        typer.echo(line)
