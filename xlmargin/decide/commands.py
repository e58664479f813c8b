"""Commands for decisions on a book: `xlmargin exposure`, `health` and `liquidation`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

Source = Annotated[Path, typer.Argument(help="workbook (.xlsx) or folder of CSV / Parquet tables")]
ModelId = Annotated[str, typer.Option("--model", "-m", help="rulebook, as listed by `xlmargin models`")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="valuation time, UTC; else the instruments table's own")]
Choices = Annotated[list[str] | None, typer.Option("--option", help="model option, name=value; may be repeated")]
Account = Annotated[str | None, typer.Option("--account", "-a", help="one account")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="write here (.csv, .json or .xlsx) instead")]


VERBS = {
    "exposure": "Net and gross by underlying and expiry, greeks in coin and USD, what offsets what.",
    "health": "State of every account in the venue's words, headroom in money and moves, what weighs most.",
    "liquidation": "Prices at which equity meets maintenance margin, by underlying and for all together.",
}


def _command(name: str) -> Callable[..., None]:
    def command(
        source: Source,
        model: ModelId = "derive.portfolio",
        account: Account = None,
        as_of: AsOf = None,
        option: Choices = None,
        output: Output = None,
    ) -> None:
        _tell(name, source, model, account, as_of, option, output)

    return command


def _tell(
    name: str,
    source: Path,
    model: str,
    account: str | None,
    as_of: str | None,
    option: list[str] | None,
    output: Path | None,
) -> None:
    from .. import __getattr__ as verb_named
    from .. import given, terminal
    from ..registry import model as find
    from ..run import margin

    chosen = find(model)
    book, market = given.read(source, as_of, "", model)
    given.known(account, book.account)
    result = margin(book, market, chosen, options=given.options(option))
    table = verb_named(name)(result, account=account).frame()
    if output is not None:
        terminal.save(table, output)
        typer.echo(f"written: {output}")
        return
    stamp = result.stamp
    terminal.show(table, f"{stamp['model']}, parameters of {stamp['parameters']}, market of {stamp['market time']}")


def register(app: typer.Typer) -> None:
    """Add a command for each verb to the application."""
    for name, words in VERBS.items():
        app.command(name, help=words)(_command(name))
