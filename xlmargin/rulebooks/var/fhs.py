"""Filtered historical simulation: past returns rescaled to today's volatility, every position revalued in each.

σ²_t = λσ²_{t−1} + (1 − λ)r²_{t−1}; scenario r*_s = (r_s/σ_s)·σ_today; the margin is the k-th worst loss with
k = ⌈(1 − α)n⌉, or the mean of the k worst. Sources: EU 153/2013 Articles 24 to 28 for levels and tools,
Barone-Adesi et al. (1999) for the filter. How sure: closed forms only; no clearing house publishes test vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...ledger import Line, Margin
from ...market import Market
from ...params import Params
from ...registry import Ready, Setting, margin_model
from ...risk import scan
from ...volatility import ewma, filtered, summed
from . import tools
from .revalue import gains
from .tails import depth, tail
from .tools import LONG, RECENT, STRESSED
from .window import FLOOR, OPTIONS, SETTINGS, STRESS, Window

NEEDS = {
    "spot": "mark",
    "perp": "mark",
    "future": "mark",
    "option": "forward iv",
    "balance": "price",
    "settle": "price",
}
HELD = "implied volatilities and time to expiry are held in every scenario"


@margin_model(
    "var.fhs",
    params="dynamic.toml",
    needs=NEEDS,
    settings=SETTINGS,
    options={
        **OPTIONS,
        "cap": Setting(np.inf, "most that a past return is scaled up or down"),
        "target": Setting(
            "today", "scale to today's volatility, or to the mean of today's and the day's own", ("today", "middle")
        ),
    },
    exceptions={"merging never raises": "a quantile is not subadditive; two accounts merged can lose more than both"},
    tables=("history",),
    evidence="closed forms; levels and tools from EU 153/2013",
    title="Filtered historical simulation",
)
def fhs(book: Book, ready: Ready) -> Margin:
    """The k-th worst loss, or the mean of the k worst, over past returns at today's volatility."""
    found: dict[str, np.ndarray] = {}

    def measure(part: str, name: str) -> Line:
        unit, count = ready.parts[part]
        loss, chosen = tail(scan(book, unit), count, ready.options["measure"] == "es")
        found[part] = chosen
        return _line(name, book, unit, loss, chosen, ready.params.cite("confidence", "decay"))

    margin = tools.charge(book, ready, measure)
    return Margin(
        tools.equity(book, ready.market),
        margin,
        margin,
        currency=np.full(len(book), "USD", object),
        worst=_days(ready.days[found[RECENT][:, -1]]),
        notes=tools.doubts(book, ready),
    )


fhs.check(tools.check)


@fhs.prepare
def prepare(market: Market, params: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Gains of one contract in every scenario, recent, stressed and at long-run volatility, and the tail's depth."""
    window = Window.of(market, params, options)
    past = window.recent()
    if not len(market):
        nothing = (np.zeros((0, 1)), 1)
        return {
            "window": window,
            "parts": dict.fromkeys((RECENT, STRESSED, LONG), nothing),
            "days": np.zeros(1),
            "option_note": HELD,
        }
    window.need(
        len(past) - window.seed - _lost(window, options), "the scenarios after the first that start the volatility"
    )
    sigma = ewma(past, window.decay, window.seed)
    own, before = past[window.seed :], sigma[window.seed : -1]
    cap, middle = float(options["cap"]), options["target"] == "middle"
    moves = {RECENT: filtered(own, before, sigma[-1], cap, middle)}
    if options["tool"] == FLOOR:
        long = window.part(slice(max(0, len(window.returns) - window.long), None), "the long-run volatility")
        moves[LONG] = filtered(own, before, np.sqrt((long * long).mean(axis=0)), cap)
    if options["tool"] == STRESS:
        stressed = window.part(window.stressed, "the stressed period")
        window.need(len(stressed) - _lost(window, options), "the stressed period")
        moves[STRESSED] = stressed
    return {
        "window": window,
        "parts": {name: _part(market, window, m, options) for name, m in moves.items()},
        "days": window.dates[len(window.dates) - len(own) + _lost(window, options) :],
        "option_note": HELD,
    }


def _days(moments: np.ndarray) -> np.ndarray:
    """Epoch seconds as days in words."""
    return np.datetime_as_string(moments.astype("datetime64[s]"), unit="D").astype(object)


def _lost(window: Window, options: dict[str, Any]) -> int:
    """Days that overlapping sums lose at the start."""
    return window.horizon - 1 if options["scaling"] == "overlap" else 0


def _part(market: Market, window: Window, moves: np.ndarray, options: dict[str, Any]) -> tuple[np.ndarray, int]:
    longer = summed(moves, window.horizon) if options["scaling"] == "overlap" else moves * np.sqrt(window.horizon)
    return gains(market, longer, window.underlying, window.settle), depth(len(longer), window.confidence)


def _line(name: str, book: Book, unit: np.ndarray, loss: np.ndarray, chosen: np.ndarray, cite: str) -> Line:
    """A loss and what each leg adds to it: its own loss in the scenarios chosen."""
    line = Line(
        name, loss, cite=cite, formula="k-th worst of Σ quantity × gain, k = ⌈(1 − α)n⌉, or mean of the k worst"
    )
    if not book.detail:
        return line
    legs = book.legs
    own = unit[legs.instrument[:, None], chosen[legs.row]]
    return Line(name, loss, amounts=-(legs.quantity[:, None] * own).mean(axis=1), cite=cite, formula=line.formula)
