"""The formulas of sensitivities, surfaces and markets as they may become: one small function a verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlmargin.decide.dynamic import dynamic
from xlmargin.decide.liquidation import surface
from xlmargin.decide.sensitivity import attribution, sensitivity
from xlmargin.decide.stress import named_stresses, stress
from xlmargin.errors import InputError
from xlmargin.given import series
from xlmargin.parsing import read_number

from . import cells
from .cache import digest
from .functions import BOOK, REST
from .given_tables import choice, chosen, columns, listed, named, told_in, whole, word
from .ranges import KEPT, Ranges
from .registry import function

BUMPS = {"bump": read_number, "points": read_number, "days": read_number}
MOVES = {"price *": read_number, "vol *": read_number, "collateral *": read_number, "rate": read_number}
SURFACE = {"underlying": str, "prices": series, "vols": series}
FIGURES = {name: name for name in ("headroom", "equity", "requirement")}
STRESSES = {"accounts": "frame", "worst": "worst", "parts": "parts", "known": "known"}
BOUNDS = {"floor": read_number, "cap": read_number, "speed": read_number, "buffer": read_number}
REGIME = BOUNDS | {"tool": word, "scale": listed, "days": whole, "vol *": series, "reference *": read_number}
NO_HISTORY = "more: no prices by day; give them, with date in the header, or vol NAME and reference NAME in settings"
DYNAMIC = {"requirement": "frame", "multipliers": "multipliers", "path": "path", "procyclicality": "procyclicality"}


def subject(ranges: Ranges, account: str) -> Any:
    """The margin of one account, or of all; one that is kept out by its input is told."""
    ranges.refuse_bad(account)
    return ranges.detail(account) if account else ranges.margin()


@function(
    f"{BOOK} {REST} level settings more",
    settings="bump (of prices: 1 %), points (of volatility: 0.01), days (1), as two columns or text name=value",
)
def XM_SENSITIVITY(ranges: Ranges, account: str, level: str, settings: Mapping[str, Any]) -> Any:
    """How equity, margin and headroom move with every price, volatility, rate, collateral price and with time.

    Every figure is a difference of the whole rule: up and down for one bump either way, slope their half difference,
    bend their sum.
    """
    margin, how, required = subject(ranges, account), chosen(settings, BUMPS), level.casefold() or "maintenance"
    key = ("sensitivity", account, required, str(how), *ranges.asked)
    return cells.table(KEPT.get(key, lambda: sensitivity(margin, required, **how)).frame())


@function(f"positions* moves* model* balances instruments assets {REST} level more")
def XM_ATTRIBUTION(ranges: Ranges, moves: Mapping[str, Any], account: str, level: str) -> Any:
    """What each part of a combined move adds to the change of equity and margin; the parts add up to the whole.

    The share of a part is its Shapley value; every combination of parts is the whole rule on its market.
    """
    margin, how, required = subject(ranges, account), chosen(moves, MOVES, "moves"), level.casefold() or "maintenance"
    key = ("attribution", account, required, str(how), *ranges.asked)
    return cells.table(KEPT.get(key, lambda: attribution(margin, required, **how)).frame())


@function(
    f"{BOOK} {REST} level settings output",
    settings="underlying (all together), prices=-20%,0,20%, vols=0,50%, as two columns or text name=value; …",
    output="headroom, equity or requirement; left out: headroom",
)
def XM_SURFACE(ranges: Ranges, account: str, level: str, settings: Mapping[str, Any], output: str) -> Any:
    """Headroom of an account over moves of price (down the rows) and volatility (across the columns)."""
    margin, how, required = subject(ranges, account), chosen(settings, SURFACE), level.casefold() or "maintenance"
    figure = choice(output, FIGURES)
    named_, moves, vols = (how.get(name) for name in SURFACE)
    key = ("surface", account, required, str(how), *ranges.asked)
    found = KEPT.get(key, lambda: surface(margin, named_, required, moves=moves, vols=vols))
    return cells.table(found.crossed(figure))


@function(
    f"positions* model* balances instruments assets scenarios {REST} output more",
    output="worst (of each account), parts (what adds what) or known (the named scenarios); left out: every scenario",
)
def XM_STRESS(ranges: Ranges, scenarios: Any, account: str, output: str) -> Any:
    """What accounts become in named crises or in scenarios of your own: figures before, after, and what breaks."""
    which = choice(output, STRESSES)
    if which == "known":
        return cells.table(named_stresses().frame())
    table, margin = named("scenarios", scenarios, "scenario", "target"), subject(ranges, account)
    key = ("stress", digest(scenarios), account, *ranges.asked)
    with told_in(ranges, table):
        found = KEPT.get(key, lambda: stress(margin, columns(table)))
    return cells.table(found.parts().frame() if which == "parts" else getattr(found, which)())


@function(
    f"{BOOK} {REST} settings output more",
    settings="floor, cap, speed, buffer, tool, scale, days; vol BTC=0.5,0.6 and reference BTC=0.5 without a history",
    output="multipliers, path or procyclicality; left out: requirements as published, of today and of tomorrow",
    more="Prices by day: history in a cell above the header date, then a column an underlying",
)
def XM_DYNAMIC(ranges: Ranges, account: str, settings: Mapping[str, Any], output: str) -> Any:
    """Tomorrow's requirement with the rulebook's moves and rates scaled by how volatile the market is.

    A multiplier is today's volatility over the long run's, within floor, cap, speed limit and buffer where given.
    """
    which, how, margin = choice(output, DYNAMIC), chosen(settings, REGIME), subject(ranges, account)
    key = ("dynamic", account, str(how), *ranges.asked)
    if "vol" not in how and "history" not in ranges.tables:
        raise InputError(NO_HISTORY)
    with told_in(ranges):
        found = KEPT.get(key, lambda: dynamic(margin, **how))
    return cells.table(getattr(found, which)())
