"""Commands over several venues: place, credit and contagion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...cases import Venues
from ...errors import InputError
from ...given import numbers
from . import AssetMoves, Level, Moves, RateMove, Told, VolMoves, but_zeros, verb
from .states import one_of

PLACED = {"positions": "frame", "venues": "venues", "gains": "gains", "refusals": "refusals"}
LINES = {"owners": "frame", "venues": "venues", "limits": "limits", "breaches": "breaches"}
RARE = ("lost", "fees", "bonus", "slipped", "moved", "surrendered", "deficit", "fund left", "uncovered")
Movable = Annotated[Path | None, typer.Option(help="table: instrument that may move; account, lots, cost. Else all")]
Trades = Annotated[Path | None, typer.Option(help="table of trades: instrument, quantity; price, lots")]
Eligible = Annotated[
    Path | None, typer.Option(help="table of what may stand where: instrument, venue; most, listed_as")
]
Lost = Annotated[
    list[str] | None, typer.Option(metavar="LOCATION=SHARE", help="balances at a location gone: Kraken=100%")
]
LostAt = Annotated[list[str] | None, typer.Option(metavar="VENUE=SHARE", help="balances at a venue gone")]
LostBy = Annotated[list[str] | None, typer.Option(metavar="OWNER=SHARE", help="balances of an owner gone")]
Depth = Annotated[
    list[str] | None, typer.Option(metavar="NAME=USD", help="forced sales that move a price by 1 %: BTC=50e6")
]
Depths = Annotated[
    Path | None, typer.Option(help="table instead: instrument, underlying or asset, and what --impact needs")
]
SPREAD = {"accounts": "frame", "venues": "by_venue", "rounds": "rounds", "prices": "prices"}


@verb
def place(
    case: Venues,
    owner: Annotated[str | None, typer.Option(help="whose accounts, where there are several owners")] = None,
    movable: Movable = None,
    hedges: Trades = None,
    eligible: Eligible = None,
    lots: Annotated[int, typer.Option(help="equal parts that a position may be split into")] = 1,
    level: Level = "initial",
    currency: Annotated[str, typer.Option(help="one currency for all")] = "USD",
    move_cost: Annotated[float, typer.Option(help="cost of moving a position")] = 0.0,
    fees: Annotated[float, typer.Option(help="fraction of notional paid at either end")] = 0.0,
    transfer_cost: Annotated[
        float, typer.Option(help="cost of bringing a unit of the currency to where equity falls short")
    ] = 0.0,
    exact_up_to: Annotated[
        int, typer.Option(help="go through every placement up to so many loads of an account, exchange beyond")
    ] = 4096,
    show: Annotated[
        str, typer.Option(help="positions, venues (what each requires), gains (against other arrangements) or refusals")
    ] = "positions",
) -> Any:
    """Which venue or account should hold each position or hedge, so that all of them together require least.

    The tables movable, hedges and eligible are those of the options, else the source's own.
    """
    from ..placement import place as found

    tables = {"movable": movable, "hedges": hedges, "eligible": eligible}
    told = found(
        *case.read,
        case.models,
        owner=owner,
        **{name: case.table(name, file) for name, file in tables.items()},
        lots=lots,
        level=level,
        currency=currency,
        move_cost=move_cost,
        fees=fees,
        transfer_cost=transfer_cost,
        exact_up_to=exact_up_to,
        **case.how,
    )
    return Told(getattr(told, PLACED[one_of("--show", show, PLACED)])(), [told.words], told.notes)


@verb
def credit(
    case: Venues,
    line: Annotated[float | None, typer.Option(help="one credit line, in the currency asked for")] = None,
    lines: Annotated[
        Path | None,
        typer.Option(help="table instead: line; owner, currency, limit, warn, venue, underlying"),
    ] = None,
    portfolio: Annotated[
        str | None,
        typer.Option(help="rulebook under which an owner's accounts count as one"),
    ] = None,
    level: Level = "initial",
    collateral: Annotated[str, typer.Option(help="what counts against the requirement: equity or none")] = "equity",
    currency: Annotated[str, typer.Option(help="one currency for all")] = "USD",
    show: Annotated[str, typer.Option(help="owners, venues, limits or breaches (over or near)")] = "owners",
) -> Any:
    """What accounts at several venues require by themselves and as one portfolio under one credit line.

    The table lines is that of the options, else the source's own.
    """
    from ..credit import credit as found

    if line is not None and lines is not None:
        raise InputError("give --line or --lines, not both")
    asked = {"line": [line], "currency": [currency]} if line is not None else case.table("lines", lines)
    how = {"portfolio": portfolio, "level": level, "collateral": collateral, "currency": currency, **case.how}
    told = found(*case.read, case.models, asked, **how)
    table = getattr(told, LINES[one_of("--show", show, LINES)])()
    return Told(table, told.words.split("\n"), told.notes)


@verb
def contagion(
    case: Venues,
    scenario: Annotated[str | None, typer.Option(help="a named stress, such as 2020-03-12, instead of moves")] = None,
    price: Moves = None,
    vol: VolMoves = None,
    collateral: AssetMoves = None,
    rate: RateMove = 0.0,
    lost: Lost = None,
    lost_at: LostAt = None,
    lost_by: LostBy = None,
    depth: Depth = None,
    depths: Depths = None,
    fund: Annotated[list[str] | None, typer.Option(metavar="VENUE=USD", help="insurance fund of a venue")] = None,
    impact: Annotated[str, typer.Option(help="law of price impact: linear or square_root")] = "linear",
    owners: Annotated[str, typer.Option(help="apart, or together: an owner's accounts help first")] = "apart",
    most_rounds: Annotated[int | None, typer.Option(help="stop after so many rounds")] = None,
    slippage: Annotated[
        float, typer.Option(help="share of a round's own price move that its forced sales bear: 0 at the marks, 0.5, 1")
    ] = 0.0,
    show: Annotated[str, typer.Option(help="accounts, venues, rounds or prices")] = "accounts",
) -> Any:
    """Let a shock run through accounts at many venues: forced sales move prices, round by round, until nothing changes.

    Without a depth sales move no price. The table depth of the source is taken where none is given here.
    """
    from ..contagion import contagion as found

    moves = {"price": numbers("--price", price), "vol": numbers("--vol", vol)}
    moves |= {"collateral": numbers("--collateral", collateral)}
    gone = (("location", "--lost", lost), ("venue", "--lost-at", lost_at), ("owner", "--lost-by", lost_by))
    moves |= {what: {n: -share for n, share in numbers(option, texts).items()} for what, option, texts in gone}
    shock = {what: by for what, by in moves.items() if by} | ({"rate": rate} if rate else {})
    if scenario is not None and shock:
        raise InputError("give --scenario or moves, not both")
    inline, funds = numbers("--depth", depth), numbers("--fund", fund)
    told = found(
        *case.read,
        case.models,
        scenario or shock,
        depth={"underlying": list(inline), "depth": list(inline.values())} if inline else case.table("depth", depths),
        funds={"venue": list(funds), "amount": list(funds.values())} if funds else case.table("funds"),
        impact=impact,
        owners=owners,
        slippage=slippage,
        most_rounds=most_rounds,
        **case.how,
    )
    table = getattr(told, SPREAD[one_of("--show", show, SPREAD)])()
    return Told(table, told.words.split("\n"), told.notes, but_zeros(table, *RARE))
