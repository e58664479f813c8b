"""Commands on trades that might be done: whatif, path, hedges."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...cases import Case
from ...errors import InputError
from ...given import between, numbers
from ...schemas import folded
from . import AssetMoves, Level, Moves, RateMove, Told, VolMoves, verb

TRADES = "give --trades FILE or --trade NAME=QUANTITY, or a trades table in the source"
SHOWN = {n: n for n in ("account", "basket", "pool", "currency")}
SHOWN |= {f"{n} {when}": f"{n} {when}" for n in ("equity", "initial", "maintenance") for when in ("after", "change")}
SHOWN |= {n: n for n in ("available after", "standalone", "benefit", "passes", "remark")}
MOST_REFUSED = 5

TradesFile = Annotated[
    Path | None,
    typer.Option("--trades", help="table: instrument, quantity or close; price, fee, account, basket"),
]
Trade = Annotated[
    list[str] | None,
    typer.Option("--trade", metavar="NAME=QUANTITY", help="a trade at its mark, in the account named or in each"),
]


def trades_of(case: Case, file: Path | None, trade: list[str] | None, needed: str = "") -> Any:
    """The trades: of a file, of the command line (one basket), else the source's own."""
    if file is not None and trade:
        raise InputError("give --trades or --trade, not both")
    if not trade:
        return case.table("trades", file, needed=needed)
    signed = numbers("--trade", trade)
    whose = {} if case.account is None else {"account": [case.account] * len(signed)}
    return {"instrument": list(signed), "quantity": list(signed.values()), **whose}


@verb
def whatif(
    case: Case,
    trades: TradesFile = None,
    trade: Trade = None,
    cash: Annotated[
        list[str] | None,
        typer.Option(metavar="ASSET=AMOUNT", help="deposit, or withdrawal if negative, in every basket"),
    ] = None,
    price: Moves = None,
    vol: VolMoves = None,
    collateral: AssetMoves = None,
    rate: RateMove = 0.0,
    days: Annotated[float, typer.Option(help="days that pass")] = 0.0,
) -> Any:
    """Trades, deposits, withdrawals, moves of the market: figures before, after, and what the trades cost alone.

    Every basket of the trades table is a what-if of its own; --trade and --cash make one. Without any of them the
    source's own trades table is taken.
    """
    from ..what_if import what_if

    book, market = case.read
    moves = {n: numbers(f"--{n}", v) for n, v in (("price", price), ("vol", vol), ("collateral", collateral)) if v}
    moves |= {n: v for n, v in (("rate", rate), ("days", days)) if v}
    amounts = numbers("--cash", cash)
    bare = not (trades or trade or amounts or moves)
    table = trades_of(case, trades, trade, TRADES if bare else "") if bare or trades or trade else None
    more = {"cash": _cash(amounts, table), "moves": moves or None, "standalone": table is not None}
    frame = what_if(book, market, case.rulebook, table, **more, **case.how).frame()
    return Told(frame if case.account is None else frame[frame["account"] == case.account], shown=SHOWN)


def _cash(amounts: dict[str, float], trades: Any) -> Any:
    """The same cash moves in every basket of the trades."""
    if not amounts:
        return None
    named = next((trades[c] for c in trades if folded(c) == "basket"), []) if trades is not None else []
    labels = list(dict.fromkeys(str(b) for b in named if b not in (None, "") and b == b))
    columns = {"asset": list(amounts) * max(len(labels), 1), "amount": list(amounts.values()) * max(len(labels), 1)}
    return columns | ({"basket": [label for label in labels for _ in amounts]} if labels else {})


@verb
def path(
    case: Case,
    trades: TradesFile = None,
    trade: Trade = None,
    slices: Annotated[int, typer.Option(help="equal slices that each leg is cut into")] = 1,
    depth: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=CONTRACTS", help="what moves its price by 1 %: slices are sized from it"),
    ] = None,
    volatility: Annotated[str, typer.Option(help="a year, of the legs' prices; with --depth")] = "0",
    seconds: Annotated[float, typer.Option(help="from one slice to the next; with --depth")] = 0.0,
    fixed: Annotated[str, typer.Option(help="part of the notional that a slice costs besides; with --depth")] = "0",
) -> Any:
    """In which order to execute the legs of a basket, so that the largest margin on the way is least.

    Exact up to 4,096 states on the way (12 legs in one piece), a beam with its bound beyond. With --depth each leg is
    cut into the slices that cost least: impact falls with each, the exposure of what is left grows.
    """
    from ..path import path as found

    asked, said = trades_of(case, trades, trade, TRADES), []
    if depth:
        sizes = _sized(case, asked, depth, volatility, seconds, fixed)
        slices, said = sizes.by_instrument, [sizes.words]
    told = found(*case.read, case.rulebook, asked, slices=slices, account=case.account, **case.how)
    return Told(told.frame(), [*said, told.words])


def _sized(case: Case, trades: Any, depth: list[str], volatility: str, seconds: float, fixed: str) -> Any:
    """How many slices of each leg cost least."""
    from ..baskets import read
    from ..slices import slices_of

    legs = read(*case.read, trades)
    names = [str(case.read[1].name[i]) for i in legs.instrument]
    given = numbers("--volatility", [f"a year={volatility}"]) | numbers("--fixed", [f"slice={fixed}"])
    how = {"volatility": given["a year"], "seconds": seconds, "fixed": given["slice"]}
    return slices_of(dict(zip(names, legs.quantity, strict=True)), depth=numbers("--depth", depth), **how)


@verb
def hedges(
    case: Case,
    candidates: Annotated[Path | None, typer.Option(help="table: instrument; most, cost, lot, price")] = None,
    candidate: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="one instrument to try; repeatable")
    ] = None,
    level: Level = "initial",
    fee: Annotated[float, typer.Option(help="fraction of its worth that a trade costs, where no cost is given")] = 0.0,
    budget: Annotated[float | None, typer.Option(help="most that the trades may cost in all")] = None,
    most_trades: Annotated[int, typer.Option(help="most instruments traded; 0 is any number")] = 0,
    delta: Annotated[
        list[str] | None, typer.Option(metavar="NAME=LOW:HIGH", help="keep net delta of an underlying, in coins")
    ] = None,
    vega: Annotated[
        list[str] | None, typer.Option(metavar="NAME=LOW:HIGH", help="keep net vega, in USD a volatility point")
    ] = None,
    seconds: Annotated[float, typer.Option(help="longest time to search")] = 10.0,
    ranking: Annotated[bool, typer.Option("--ranking", help="each candidate alone at its best size instead")] = False,
) -> Any:
    """The trades that lower margin most for what they cost, with the bound that nothing goes below.

    Candidates are those named, else the source's own candidates table, else every instrument of the market.
    """
    from ..hedges import hedges as found

    if candidates is not None and candidate:
        raise InputError("give --candidates or --candidate, not both")
    told = found(
        *case.read,
        case.rulebook,
        candidate or case.table("candidates", candidates),
        account=case.account,
        level=level,
        fee=fee,
        budget=budget,
        most_trades=most_trades,
        delta=numbers("--delta", delta, between),
        vega=numbers("--vega", vega, between),
        seconds=seconds,
        **case.how,
    )
    refused = [f"not taken: {name}: {why}" for name, why in told.refused.items()]
    more = [f"and {len(refused) - MOST_REFUSED} more not taken"] if len(refused) > MOST_REFUSED else []
    table = told.ranking() if ranking else told.frame()
    return Told(table, [told.words, *refused[:MOST_REFUSED], *more])
