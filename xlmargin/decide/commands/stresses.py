"""Commands on markets as they may become: stress, dynamic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...cases import Case
from ...given import numbers, series
from ...schemas import folded
from . import AssetMoves, Level, Moves, Told, VolMoves, but_zeros, verb
from .states import one_of

DYNAMIC = {"requirement": "frame", "multipliers": "multipliers", "path": "path", "procyclicality": "procyclicality"}
PRICES = "give --history FILE with prices by day, or --vol and --reference"
STRESS = {"accounts": "frame", "worst": "worst", "parts": "parts", "known": "known"}
SHOWN = {n: n for n in ("scenario", "account", "pool", "currency", "equity after", "equity change", "lost", "frozen")}
SHOWN |= {n: n for n in ("initial after", "maintenance after", "headroom", "state after", "severity", "remark")}
HEADERS = frozenset(("scenario", "target"))


@verb
def stress(
    case: Case,
    scenario: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="a named scenario, such as 2020-03-12; repeatable")
    ] = None,
    scenarios: Annotated[
        Path | None,
        typer.Option(help="table: scenario, target; price, vol, basis, collateral, lost, frozen, rate, days"),
    ] = None,
    price: Moves = None,
    vol: VolMoves = None,
    collateral: AssetMoves = None,
    lost: Annotated[
        list[str] | None, typer.Option(metavar="LOCATION=SHARE", help="balances at a location gone: Kraken=100%")
    ] = None,
    frozen: Annotated[
        list[str] | None, typer.Option(metavar="LOCATION=SHARE", help="balances at a location owned but of no use")
    ] = None,
    show: Annotated[
        str,
        typer.Option(help="accounts, worst (the gravest scenario of each), parts (what adds what), known (the named)"),
    ] = "accounts",
    level: Level = "maintenance",
) -> Any:
    """What accounts become in named crises or in moves of your own: the whole rule on the moved market and balances.

    Without any of them the source's own scenarios table is taken, else every named scenario. * is whatever is not
    named: --price BTC=-30% --price "*=-40%".
    """
    from ..stress import named_stresses
    from ..stress import stress as found

    which = STRESS[one_of("--show", show, STRESS)]
    if which == "known":
        return named_stresses().frame()
    moves = {"price": price, "vol": vol, "collateral": collateral, "lost": lost, "frozen": frozen}
    told = found(case.margin, _scenarios(case, scenario, scenarios, moves))
    table = told.parts(level).frame() if which == "parts" else getattr(told, which)()
    rare = {n for n in ("lost", "frozen") if n in table} - set(but_zeros(table, "lost", "frozen"))
    shown = None if which == "parts" else {k: v for k, v in SHOWN.items() if k not in rare}
    return Told(table, told.words.split("\n"), told.notes, shown)


def _scenarios(case: Case, names: list[str] | None, file: Path | None, moves: dict[str, list[str] | None]) -> Any:
    """Named scenarios, those of a table, moves of the command line; the source's own table where none is given."""
    given: list[Any] = list(names or ())
    if file is not None:
        given.append(case.table("scenarios", file))
    if any(moves.values()):
        given.append(_as_table(moves))
    if given:
        return given
    own = case.table("scenarios")
    return own if own is not None and HEADERS & set(map(folded, own)) else None


def _as_table(moves: dict[str, list[str] | None]) -> dict[str, list[Any]]:
    """Moves of the command line as one scenario."""
    by = {what: numbers(f"--{what}", texts) for what, texts in moves.items()}
    rows = [(what, target, value) for what, named in by.items() for target, value in named.items()]
    table: dict[str, list[Any]] = {"scenario": ["as given"] * len(rows), "target": [target for _, target, _ in rows]}
    return table | {what: [value if w == what else None for w, _, value in rows] for what in by}


@verb
def dynamic(
    case: Case,
    history: Annotated[
        Path | None,
        typer.Option(help="prices by day: date, then a column an underlying; else the source's own history"),
    ] = None,
    vol: Annotated[
        list[str] | None, typer.Option(metavar="NAME=LIST", help="volatilities by day, oldest first; repeatable")
    ] = None,
    reference: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VOL", help="long-run volatility of an underlying; repeatable")
    ] = None,
    tool: Annotated[str, typer.Option(help='of EU 153/2013: none, buffer, "stress weight" or floor')] = "none",
    floor: Annotated[float | None, typer.Option(help="least multiplier")] = None,
    cap: Annotated[float | None, typer.Option(help="largest multiplier")] = None,
    speed: Annotated[float | None, typer.Option(help="most that a multiplier moves a day, a fraction")] = None,
    buffer: Annotated[
        float | None, typer.Option(help="on top while calm, used up as volatility rises, a fraction")
    ] = None,
    scale: Annotated[
        list[str] | None, typer.Option(metavar="PARAMETER", help="what scales, in place of what is known; repeatable")
    ] = None,
    days: Annotated[int, typer.Option(help="days ahead, volatility held")] = 1,
    show: Annotated[str, typer.Option(help="requirement, multipliers, path or procyclicality")] = "requirement",
) -> Any:
    """Tomorrow's requirement, the rulebook's moves and rates scaled by how volatile the market is.

    A multiplier is today's volatility over the long run's, within the bounds asked for. --vol gives volatilities
    by day, oldest first, instead of prices: BTC=0.5,0.6,0.8 with --reference BTC=0.5.
    """
    from ..dynamic import dynamic as found

    bounds = {"floor": floor, "cap": cap, "speed": speed, "buffer": buffer}
    told = found(
        case.margin,
        history=case.table("history", history, needed=PRICES) if history is not None or not vol else None,
        vol=numbers("--vol", vol, series) or None,
        reference=numbers("--reference", reference) or None,
        tool=tool,
        scale=scale,
        days=days,
        **bounds,
    )
    which = DYNAMIC[one_of("--show", show, DYNAMIC)]
    return Told(getattr(told, which)(), notes=told.notes)
