"""Commands for many accounts and for a book that changes: `xlmargin batch` and `xlmargin watch`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from . import given, terminal
from .errors import InputError
from .options_of_commands import MODEL, AsOf, Choices, ModelId, Payload, Venue


def batch(
    positions: Annotated[Path, typer.Argument(help="Parquet file or data set of positions, accounts in any order")],
    output: Annotated[Path, typer.Option("--output", "-o", help="margins, a row per account and pool")],
    model: Annotated[str, typer.Option("--model", "-m", help="rulebook")] = "derive.portfolio",
    table: Annotated[
        list[str] | None, typer.Option("--table", help="further table, name=path; may be repeated")
    ] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="valuation time, UTC")] = None,
    option: Annotated[list[str] | None, typer.Option("--option", help="model option, name=value")] = None,
    params: Annotated[Path | None, typer.Option("--params", help="JSON with the venue's own parameters")] = None,
    workers: Annotated[int, typer.Option(help="processes of a local Dask cluster")] = 1,
    scheduler: Annotated[str, typer.Option(help="address of a running Dask scheduler, tcp://…")] = "",
) -> None:
    """Margin every account of a Parquet table, resumable; bad accounts go to a problems table beside the output."""
    from .bulk import batch as run

    with terminal.bar() as bar:
        task = bar.add_task("starting", total=None)
        outcome = run(
            positions,
            output,
            model,
            others=_pairs(table),
            as_of=as_of,
            options=_pairs(option),
            payload=params,
            workers=workers,
            scheduler=scheduler,
            progress=lambda text, now, total: bar.update(task, description=text, completed=now, total=total),
        )
    speed = outcome.accounts / max(outcome.seconds, 1e-9)
    typer.echo(f"{outcome.margined:,} accounts margined, {outcome.bad:,} with problems, {outcome.rows:,} rows")
    typer.echo(
        f"{outcome.seconds:.1f} s, {speed:,.0f} accounts a second, {outcome.resumed} parts taken over{_memory()}"
    )
    typer.echo(f"margins: {outcome.output}\nproblems: {outcome.problems}")
    if outcome.bad and not outcome.margined:
        raise InputError("no account could be margined: see the problems table")


def _memory() -> str:
    """The largest memory of this process so far, where the system tells it."""
    try:
        import resource
    except ImportError:
        return ""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return f", at most {kilobytes / 1024:,.0f} MB"


def _pairs(given: list[str] | None) -> dict[str, Any]:
    pairs = [text.partition("=") for text in given or []]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise InputError(f"write name=value, not {', '.join(wrong)}")
    return {name.strip(): value.strip() for name, _, value in pairs}


def watch(
    source: Annotated[Path, typer.Argument(help="workbook or folder of tables that is saved again and again")],
    model: ModelId = MODEL,
    as_of: AsOf = None,
    option: Choices = None,
    params: Payload = None,
    venue: Venue = "",
    every: Annotated[float, typer.Option(help="seconds between looks")] = 0.5,
    rounds: Annotated[int | None, typer.Option(help="stop after so many looks")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="keep the summary here as CSV")] = None,
) -> None:
    """Margin a book again whenever it is saved; print what changed and every change of state. Stop with Ctrl-C."""
    from .live import watch as loop

    given.spelling(as_of, venue)
    how = {"options": given.options(option), "params": params}
    good = False
    for change in loop(source, model, as_of=as_of, venue=venue, every=every, rounds=rounds, **how):
        if change.problem:
            typer.echo(f"problem: {change.problem}", err=True)
            continue
        good = True
        _say(change)
        if output is not None:
            part = output.with_name(output.name + ".part")
            change.frame.to_csv(part, index=False)
            part.replace(output)
    if not good:
        raise InputError(f"{source.name} could not be margined")


def _say(change: Any) -> None:
    """States that changed, then the accounts that were margined again."""
    for account, pool, before, after in change.states:
        name = f"{account} {pool}".strip()
        typer.echo(f"{name}: {before} → {after}" if before else f"{name}: {after}")
    rows = change.frame[change.frame["account"].isin(change.touched)]
    if len(rows):
        typer.echo(rows[["account", "pool", "equity", "initial", "maintenance"]].to_string(index=False))
    typer.echo(f"{len(rows):,} rows margined, {change.repriced:,} of {change.listed:,} instruments priced", err=True)


def register(app: typer.Typer) -> None:
    """Add both commands to the application."""
    app.command()(batch)
    app.command()(watch)
