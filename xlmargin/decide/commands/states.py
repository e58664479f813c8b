"""Commands on a book as it stands: exposure, health, liquidation, sensitivity, attribution, surface."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ...cases import Case
from ...errors import InputError, nearest
from ...given import numbers, series
from ...terminal import progress
from . import AssetMoves, Level, Moves, RateMove, Told, VolMoves, verb

EXPOSURES = {"underlying": "frame", "expiry": "by_expiry", "asset": "by_asset", "offsets": "offsets"}


def one_of(option: str, word: str, allowed: Any) -> str:
    """A word in its allowed spelling, case forgiven; any other is refused with the nearest."""
    found = next((a for a in allowed if a.casefold() == word.strip().casefold()), None)
    if found is None:
        raise InputError(f"{option}: {word!r} is not one of {', '.join(allowed)}{nearest(word, allowed)}")
    return found


@verb
def exposure(
    case: Case,
    by: Annotated[
        str, typer.Option(help="underlying, expiry, asset, or offsets: which long stands against which short")
    ] = "underlying",
) -> Any:
    """Net and gross by underlying, expiry or asset; greeks in coin and USD; what offsets what.

    delta of an option is undiscounted, to its forward: N(d1) of a call, N(d1) − 1 of a put; gamma is the change of the
    USD delta for a 1 % move, vega USD a volatility point, theta USD a day.
    """
    from ..exposure import exposure as found

    return getattr(found(case.margin), EXPOSURES[one_of("--by", by, EXPOSURES)])()


@verb
def health(
    case: Case, alerts: Annotated[bool, typer.Option("--alerts", help="a row a finding, the gravest first")] = False
) -> Any:
    """State of every account in the venue's words, headroom in money and moves, what weighs most."""
    from ..health import health as found

    told = found(case.margin)
    return told.alerts() if alerts else told.frame()


@verb
def liquidation(
    case: Case,
    by: Annotated[
        str, typer.Option(help="what moves: underlying, instrument, volatility or collateral")
    ] = "underlying",
    level: Level = "maintenance",
) -> Any:
    """Prices at which equity meets maintenance margin, by underlying and for all together.

    Equity and margin are both revalued by the rule at every price; several roots are listed in the status.
    """
    from ..liquidation import liquidation as found

    with progress("prices searched") as told:
        return found(case.margin, by, level, progress=told).frame()


@verb
def sensitivity(
    case: Case,
    level: Level = "maintenance",
    bump: Annotated[float, typer.Option(help="move of prices, a fraction")] = 0.01,
    points: Annotated[float, typer.Option(help="move of volatility: 0.01 is a point")] = 0.01,
    days: Annotated[float, typer.Option(help="days that pass")] = 1.0,
) -> Any:
    """How equity, requirement and headroom move with each price, volatility, rate, collateral price and day.

    up and down are the changes at one bump either way, slope half their difference, bend their sum.
    """
    from ..sensitivity import sensitivity as found

    table = found(case.margin, level, bump=bump, points=points, days=days).frame()
    ends = (" up", " down", " bend")
    return Told(table, shown={c: c for c in table if c.startswith("headroom") or not c.endswith(ends)})


@verb
def attribution(
    case: Case,
    price: Moves = None,
    vol: VolMoves = None,
    collateral: AssetMoves = None,
    rate: RateMove = 0.0,
    level: Level = "maintenance",
) -> Any:
    """What each part of a combined move adds to the change of equity and margin; the parts add up to the whole.

    For example --price BTC=-20% --vol BTC=+50%. The share of a part is its Shapley value.
    """
    from ..sensitivity import attribution as found

    moves = {
        "price": numbers("--price", price),
        "vol": numbers("--vol", vol),
        "collateral": numbers("--collateral", collateral),
    }
    return found(case.margin, level, **moves, rate=rate).frame()


@verb
def surface(
    case: Case,
    underlying: Annotated[str | None, typer.Option(help="what moves; all together if left out")] = None,
    level: Level = "maintenance",
    prices: Annotated[
        str, typer.Option(help="moves of the price, separated by commas")
    ] = "-30%,-20%,-10%,0,10%,20%,30%",
    vols: Annotated[str, typer.Option(help="moves of the volatility")] = "-30%,0,30%,60%,100%",
    figure: Annotated[str, typer.Option(help="headroom, equity or requirement")] = "headroom",
) -> Any:
    """Headroom over price and volatility: a row a price move, a column a volatility move."""
    from ..liquidation import surface as found

    what = one_of("--figure", figure, ("headroom", "equity", "requirement"))
    axes = {n: numbers(f"--{n}", [f"{n}={text}"], series)[n] for n, text in (("prices", prices), ("vols", vols))}
    told = found(case.margin, underlying, level, moves=axes["prices"], vols=axes["vols"])
    return told.crossed(what)
