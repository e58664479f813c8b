"""Commands on an account that falls: simulate and prevent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...cases import Case
from ...errors import InputError
from ...given import numbers, series
from . import Told, but_zeros, verb

POINTS = "give --path FILE, or --price NAME=MOVE,MOVE,…"

PathFile = Annotated[
    Path | None,
    typer.Option(
        "--path", help='table: a row a point, a column an underlying, "BTC vol" for volatility; moves from now'
    ),
]
Prices = Annotated[
    list[str] | None, typer.Option(metavar="NAME=LIST", help="moves of a price from now: BTC=-5%,-10%,-20%")
]
Vols = Annotated[list[str] | None, typer.Option(metavar="NAME=LIST", help="moves of a volatility, as many")]
Pool = Annotated[str | None, typer.Option(help="which pool, where the account has several")]


def _along(case: Case, file: Path | None, price: list[str] | None, vol: list[str] | None) -> dict[str, Any]:
    from ..simulate.price_path import read_path

    if file is not None and (price or vol):
        raise InputError("give --path or --price and --vol, not both")
    if price or vol:
        return {"path": numbers("--price", price, series), "vol": numbers("--vol", vol, series)}
    moves, vols = read_path(case.table("path", file, needed=POINTS))
    return {"path": moves, "vol": vols}


@verb
def simulate(
    case: Case,
    path: PathFile = None,
    price: Prices = None,
    vol: Vols = None,
    pool: Pool = None,
    seconds: Annotated[float, typer.Option(help="seconds between points")] = 60.0,
    slippage: Annotated[float, typer.Option(help="fraction of price lost by every forced trade")] = 0.0,
    fund: Annotated[float, typer.Option(help="what the insurance fund holds")] = 0.0,
    others: Annotated[
        Path | None,
        typer.Option(
            help="opposite positions that may be deleveraged: account, instrument, quantity, entry_price, wallet"
        ),
    ] = None,
) -> Any:
    """Run one account through its venue's liquidation ladder along a path: a row a thing that happens.

    Columns account … uncovered say who gains what; each row adds up to nothing.
    """
    from ..simulate import simulate as found
    from ..simulate.simulate import PARTIES

    along = _along(case, path, price, vol)
    rivals = case.table("others", others)
    how = {"seconds": seconds, "slippage": slippage, "fund": fund, "others": rivals}
    told = found(case.margin, along["path"], vol=along["vol"], pool=pool, **how)
    table = told.frame()
    return Told(table, [told.words, f"ladder: {told.ladder.cite}"], told.notes, but_zeros(table, *PARTIES))


@verb
def prevent(
    case: Case,
    path: PathFile = None,
    price: Prices = None,
    vol: Vols = None,
    pool: Pool = None,
    hedge: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="instrument to try as a hedge; repeatable")
    ] = None,
) -> Any:
    """The least reduction, deposit or hedge now that would keep one account from liquidation along a path.

    Hedges are tried one at a time: those named, else what the account holds.
    """
    from ..reruns import account_row
    from ..simulate import prevent as found

    along = _along(case, path, price, vol)
    book, market = case.read
    alone = book.take([account_row(book, case.account)])
    return found(alone, market, case.rulebook, **along, hedges=hedge or (), pool=pool, **case.how).frame()
