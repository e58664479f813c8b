"""Exposure margin (extreme loss margin) of NSE Clearing's equity derivatives, on top of SPAN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...book import Book, added
from ...ledger import Line
from ...market import FUTURE, OPTION, Market
from ...params import Params
from .held import Held

DAY = 86400
RATES = ("elm", "elm_otm", "elm_long_dated", "otm_from", "expiry_day_rate", "adhoc_rate")


def lines(held: Held) -> tuple[Line, ...]:
    """Exposure on futures and short options, less calendar-spread futures; expiry-day extra; ad hoc margin.

    exposure = Σ rate × notional, of options on the underlying's price, of futures on their own; long options none.
    """
    book, p = held.book, held.p
    e, i = held.ready.exposure, book.legs.instrument
    units = book.legs.quantity * held.market["contract_size"][i]
    charged = np.where(e["future"][i], np.abs(units), np.maximum(-units, 0.0) * e["option"][i]) * e["base"][i]
    relief = _relief(book, held.market, e, units)
    pair = "a pair of months is charged on calendar_part of the far month's value alone"
    return (
        Line.of("Exposure margin", book, charged * e["rate"][i], formula="rate × notional", cite=p.cite(*RATES[:4])),
        Line.of("Calendar-spread futures", book, -relief, formula=pair, cite=p.cite("calendar_part")),
        Line.of("Expiry-day margin", book, charged * e["extra"][i], cite=p.cite("expiry_day_rate")),
        Line.of("Ad hoc margin", book, charged * e["adhoc"][i], cite=p.cite("adhoc_rate")),
    )


def prepare(market: Market, p: Params, price: np.ndarray) -> dict[str, Any]:
    """Rates and notional of one unit of each instrument (I,)."""
    of = {key: p.on(market.scopes)(key)[market.scope] if len(market) else np.zeros(0) for key in RATES}
    classes = p.on(market.scopes)("class") if len(market.scopes) else []
    index = np.array([c == "index" for c in classes], bool)[market.scope]
    spot = market.spot()
    option, future = market.kind == OPTION, market.kind == FUTURE
    days = market["expiry"] // DAY - market.as_of // DAY
    away = np.where(market.call, market["strike"] / spot - 1.0, 1.0 - market["strike"] / spot)
    rate = np.where(option & (away > of["otm_from"]), np.maximum(of["elm"], of["elm_otm"]), of["elm"])
    late = option & index & market.beyond_months(int(p["long_dated_months"]))
    rate = np.where(late, np.maximum(rate, of["elm_long_dated"]), rate)
    return {
        "option": option.astype(np.float64),
        "future": future,
        "rate": rate,
        "base": np.where(option, spot, price),
        "extra": np.where(option & index & (days == 0), of["expiry_day_rate"], 0.0),
        "adhoc": of["adhoc_rate"],
        "alive": np.where(index, days >= 1, days >= 0),
        "part": float(p["calendar_part"]),
    }


def _relief(book: Book, market: Market, e: dict[str, Any], units: np.ndarray) -> np.ndarray:
    """What pairs of opposite futures months take off the exposure of each leg (H,), nearest months first."""
    out = np.zeros(len(units))
    legs = book.legs
    held = np.flatnonzero(e["future"][legs.instrument] & (units != 0))
    if not len(held):
        return out
    i = legs.instrument[held]
    _, group = np.unique(legs.row[held] * max(len(market.scopes), 1) + market.scope[i], return_inverse=True)
    order = np.lexsort((market["expiry"][i], group))
    held, group, i = held[order], group[order], i[order]
    place = np.arange(len(held)) - np.searchsorted(group, group)
    left = np.zeros((group[-1] + 1, int(place.max()) + 1))
    left[group, place] = units[held]
    value = np.zeros_like(left)
    value[group, place] = e["rate"][i] * e["base"][i]
    alive = np.zeros(left.shape, bool)
    alive[group, place] = e["alive"][i]
    taken = np.zeros_like(left)
    for near, far, pairs in _pairs(left, alive):
        taken[:, near] += pairs * value[:, near]
        taken[:, far] += pairs * value[:, far] * (1.0 - e["part"])
    out[held] = taken[group, place]
    return out


def _pairs(left: np.ndarray, alive: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """Months paired where their signs differ and the near one lives: columns and pairs (N,); consumes ``left``."""
    months = left.shape[1]
    for near in range(months):
        for far in range(near + 1, months):
            opposite = (left[:, near] * left[:, far] < 0) & alive[:, near]
            pairs = np.where(opposite, np.minimum(np.abs(left[:, near]), np.abs(left[:, far])), 0.0)
            for column in (near, far):
                left[:, column] -= np.sign(left[:, column]) * pairs
            yield near, far, pairs


def rows_with(book: Book, wanted: np.ndarray) -> np.ndarray:
    """Rows (R,) that hold an instrument of ``wanted`` (I,)."""
    return added(book.legs.row, wanted[book.legs.instrument].astype(np.float64), len(book)) > 0
