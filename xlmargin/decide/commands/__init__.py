"""How a decision becomes a command: a body that takes a case and its own options answers a table, and words below."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from inspect import Parameter
from typing import Annotated, Any

import typer

from ... import terminal
from ...cases import Case, Venues
from ...errors import Note
from ...html import DUST
from ...options_of_commands import MODEL, Account, AsOf, Choices, ModelId, Output, Payload, Source, Venue

MODULES = ("states", "trades", "falls", "stresses", "venues", "collateral")
PANEL = "Decisions"
Body = Callable[..., Any]
VERBS: dict[str, Body] = {}
PLAIN: dict[str, Body] = {}


@dataclass(frozen=True, eq=False)
class Told:
    """What a verb answers: its table, words below, notes, and which columns a terminal shows under which name."""

    table: Any
    words: Sequence[str] = ()
    notes: Sequence[Note] = ()
    shown: Mapping[str, str] | None = None

    @property
    def brief(self) -> Any:
        """The table as a terminal shows it."""
        if self.shown is None:
            return self.table
        here = {column: name for column, name in self.shown.items() if column in self.table}
        return self.table[list(here)].rename(columns=here)


def but_zeros(table: Any, *optional: str) -> dict[str, str]:
    """The columns of a table to show: those of ``optional`` only where some figure of theirs is not 0."""
    some = {name for name in optional if name in table and (table[name].abs() >= DUST).any()}
    return {name: name for name in map(str, table.columns) if name in some or name not in optional}


Moves = Annotated[list[str] | None, typer.Option(metavar="NAME=MOVE", help="move of a price: BTC=-10%; repeatable")]
VolMoves = Annotated[list[str] | None, typer.Option(metavar="NAME=MOVE", help="move of a volatility: BTC=+30%")]
AssetMoves = Annotated[
    list[str] | None, typer.Option("--collateral", metavar="ASSET=MOVE", help="move of an asset's price alone")
]
RateMove = Annotated[float, typer.Option("--rate", help="added to every interest rate: 0.01 is one point a year")]
Level = Annotated[str, typer.Option("--level", help="the requirement: initial, maintenance or a level of the model")]


def _one(
    source: Source,
    model: ModelId = MODEL,
    account: Account = None,
    as_of: AsOf = None,
    option: Choices = None,
    params: Payload = None,
    venue: Venue = "",
    output: Output = None,
) -> None:
    """Options of decisions under one model, in the order of their help."""


def _several(
    source: Source,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", metavar="VENUE=MODEL", help="model of a venue; one alone is that of all"),
    ] = None,
    as_of: AsOf = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="MODEL:NAME=VALUE", help="option of a model; repeatable")
    ] = None,
    params: Annotated[
        list[str] | None, typer.Option(metavar="MODEL=FILE", help="a venue's own parameters; repeatable")
    ] = None,
    venue: Venue = "",
    output: Output = None,
) -> None:
    """Options of decisions over several venues, in the order of their help."""


COMMON = {Case: inspect.signature(_one, eval_str=True), Venues: inspect.signature(_several, eval_str=True)}


def verb(body: Body) -> Body:
    """Declare a command: ``body(case, its own options)`` gives a table, or a ``Told``.

    Its name is the command's, its docstring the help; the source and the common options come by themselves: those of
    one model where ``case`` is a Case, of several where it is a Venues.
    """
    VERBS[body.__name__] = body
    return body


def plain(body: Body) -> Body:
    """Declare a command that is about no book: its signature is the command's own."""
    PLAIN[body.__name__] = body
    return body


def _command(body: Body) -> Callable[..., None]:
    about, *own = inspect.signature(body, eval_str=True).parameters.values()
    common = COMMON[about.annotation].parameters

    def command(**told: Any) -> None:
        case = about.annotation(**{name: told.pop(name) for name in common if name != "output"})
        output = told.pop("output")
        with case.payload_blamed():
            found = body(case, **told)
        answer = found if isinstance(found, Told) else Told(found)
        terminal.answer(case, answer.brief if output is None else answer.table, output)
        known = {note.text for note in case.margin.notes} if isinstance(case, Case) else set()
        for note in dict.fromkeys(n.text for n in answer.notes):
            if note not in known:
                typer.echo(f"note: {note}", err=True)
        for line in answer.words:
            typer.echo(line)

    source, *rest = common.values()
    named = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in (source, *own, *rest)]
    command.__signature__ = inspect.Signature(named)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in named}
    return command


def register(app: typer.Typer) -> None:
    """Add a command for every verb that is declared."""
    for module in MODULES:
        import_module(f".{module}", __package__)
    for name, body in {**{n: _command(b) for n, b in VERBS.items()}, **PLAIN}.items():
        app.command(name, help=_help(VERBS.get(name, body)), rich_help_panel=PANEL)(body)


def _help(body: Body) -> str:
    """The docstring, each paragraph on one line, so that the terminal folds it."""
    return "\n\n".join(" ".join(part.split()) for part in (inspect.getdoc(body) or "").split("\n\n"))
