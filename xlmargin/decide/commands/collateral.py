"""Commands on what is posted where: allocate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ... import terminal
from ...errors import InputError
from ...options_of_commands import Output
from ...reading import read_table
from . import plain
from .states import one_of

TABLES = ("assets", "requirements", "pairs", "tiers", "groups")
SHOWN = ("pairs", "requirements", "assets")


@plain
def allocate(
    source: Annotated[
        Path,
        typer.Argument(
            help="workbook or folder with the tables assets, requirements, and if wanted pairs, tiers, groups"
        ),
    ],
    haircuts: Annotated[
        str | None, typer.Option(help="published schedule for assets that bring a class: bcbs, us or eu; needs --as-of")
    ] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="day on which the schedule is in force")] = None,
    move_cost: Annotated[float, typer.Option(help="cost of moving a unit of value from what is held")] = 0.0,
    seconds: Annotated[float, typer.Option(help="longest time to search")] = 20.0,
    show: Annotated[str, typer.Option(help="pairs (what is posted where), requirements or assets")] = "pairs",
    output: Output = None,
) -> None:
    """Which assets to post against which requirement at least cost, proved least, or how far from it.

    assets: asset, quantity; price, haircut, cost (a year), lot, group. requirements: requirement, required; minimum,
    most_assets. pairs (only these are eligible): asset, requirement; haircut, cost, limit, held. tiers: asset, floor,
    ratio. groups: group, requirement, share. With --haircuts assets may bring class, maturity (years), quality (credit
    quality step) and currency, requirements currency.
    """
    from ..collateral import allocate as found

    which = one_of("--show", show, SHOWN)
    assets, requirements, pairs, tiers, groups = (read_table(source, name, lone=False) for name in TABLES)
    missing = [n for n, table in (("assets", assets), ("requirements", requirements)) if table is None]
    if missing:
        raise InputError(f"{source.name}: no {' and no '.join(missing)} table")
    how = {"haircuts": haircuts, "as_of": as_of, "move_cost": move_cost, "seconds": seconds}
    told = found(assets, requirements, pairs, tiers=tiers, groups=groups, **how)
    terminal.tell(getattr(told, which), output, f"{source.name}: {which}")
    typer.echo("\n".join([told.words, *(note.text + (f" ({note.cite})" if note.cite else "") for note in told.notes)]))
