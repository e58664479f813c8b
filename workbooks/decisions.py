"""The formulas of ``xlmargin.decide``: one small function a verb."""

from __future__ import annotations

from typing import Any

from xlmargin.decide.exposure import exposure
from xlmargin.decide.health import health
from xlmargin.decide.liquidation import liquidation
from xlmargin.decide.what_if import what_if
from xlmargin.errors import InputError, nearest

from . import cells
from .cache import digest
from .functions import BOOK, REST, only
from .given_tables import choice, columns, given, told_in
from .ranges import KEPT, Ranges
from .registry import function

EXPOSURES = {"underlying": "frame", "expiry": "by_expiry", "asset": "by_asset", "offsets": "offsets"}


@function(f"{BOOK} {REST} output more", output="underlying, expiry, asset or offsets; left out: underlying")
def XM_EXPOSURE(ranges: Ranges, account: str, output: str) -> Any:
    """What a book is exposed to: net and gross delta (N(d1)), gamma, vega and theta by underlying, expiry, asset."""
    which = choice(output, EXPOSURES)
    ranges.refuse_bad(account)
    found = KEPT.get(("exposure", *ranges.asked), lambda: exposure(ranges.margin()))
    return cells.table(only(getattr(found, which)(), account))


@function(f"{BOOK} {REST} by level more")
def XM_LIQUIDATION(ranges: Ranges, account: str, by: str, level: str) -> Any:
    """The prices, down and up, at which equity meets a requirement, margin and equity both revalued at every step."""
    ranges.refuse_bad(account)
    moved, required = by.casefold() or "underlying", level.casefold() or "maintenance"
    key = ("liquidation", account, moved, required, *ranges.asked)
    subject = ranges.detail(account) if account else ranges.margin()
    return cells.table(KEPT.get(key, lambda: liquidation(subject, moved, required)).frame())


@function(f"{BOOK} {REST} output more", output="alerts: a row a finding, the gravest first; left out: a row a pool")
def XM_HEALTH(ranges: Ranges, account: str, output: str) -> Any:
    """How far each account is from trouble: the venue's state, headroom, the moves to maintenance, the weakest spot."""
    ranges.refuse_bad(account)
    if output and output.casefold() != "alerts":
        raise InputError(f"output: {output!r} is not alerts")
    subject = ranges.detail(account) if account else ranges.margin()
    found = KEPT.get(("health", account, *ranges.asked), lambda: health(subject))
    return cells.table(found.alerts() if output else found.frame())


@function(
    f"positions* trades* model* balances instruments assets {REST} output more",
    output="Which column alone is wanted in one cell: initial change, initial after, benefit …; left out: all",
)
def XM_WHATIF(ranges: Ranges, trades: Any, account: str, output: str) -> Any:
    """Trades on top of the positions: figures before, after and the change, and what the trades cost alone.

    Trades are rows with instrument, quantity (or ``close``, a share of the position), price (left out: the mark), fee,
    account (left out: every account) and basket: each basket is a what-if of its own. Premiums are paid and results
    realised in cash.
    """
    ranges.refuse_bad(account)
    table = KEPT.get(("what if", digest(trades), *ranges.asked), lambda: _what_if(ranges, trades))
    table = only(table, account)
    if not output:
        return cells.table(table)
    name = output.strip().casefold()
    if name not in table.columns:
        raise InputError(f"output: {output!r} is not one of {', '.join(table.columns)}{nearest(output, table.columns)}")
    if len(table) != 1:
        raise InputError(f"output {output!r}: {len(table)} rows; say which account, and give one basket")
    return table[name].iloc[0]


def _what_if(ranges: Ranges, trades: Any) -> Any:
    table = given("trades", trades, "instrument and quantity")
    with told_in(ranges, table):
        return what_if(*ranges.book(), ranges.model, columns(table), options=ranges.own_options).frame()
