"""What stands beside the model's own loss: stressed share, floor, buffer, equity and notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...book import Book
from ...collateral import unrealised, wallet, without_entry
from ...errors import Note
from ...findings import notes, on_legs, rows_with
from ...ledger import Line
from ...market import OPTION, Market
from ...params import Params
from ...registry import Ready
from ...scopes import Found
from ...volatility import buffered
from .revalue import values
from .window import BUFFER, FLOOR, STRESS, gaps

RECENT, STRESSED, LONG = "recent", "stressed", "long"
Measure = Callable[[str, str], Line]


def charge(book: Book, ready: Ready, measure: Measure) -> Line:
    """The margin: the recent loss, blended, floored or buffered as the option ``tool`` says, never below zero.

    ``measure(part, name)`` gives the loss over "recent", "stressed" or "long" as a line.
    Stress: (1 − w)·recent + w·stressed. Floor: max(recent, loss at long-run volatility). Buffer, with its release
    rule: max(raw, min((1 + b)·raw, previous·(1 + rebuild))); without a previous margin (1 + b)·raw.
    """
    p, tool = ready.params, ready.options["tool"]
    recent = measure(RECENT, "Recent loss")
    parts = [recent]
    if tool == STRESS:
        share, cite = p["stress_weight"], p.cite("stress_weight")
        stressed = measure(STRESSED, "Stressed loss")
        parts = [
            recent.scaled("Recent loss", 1.0 - share, book),
            stressed.scaled("Stressed loss", share, book, cite=cite),
        ]
    raw = sum(part.value for part in parts)
    if tool == FLOOR:
        long = measure(LONG, "").value
        top = np.maximum(long - raw, 0.0)
        parts.append(Line("Floor at long-run volatility", top, alone=long, cite=p.cite("long_days")))
        raw = raw + top
    parts.append(Line("Gain in the tail, not credited", np.maximum(-raw, 0.0)))
    raw = np.maximum(raw, 0.0)
    if tool == BUFFER:
        charged = buffered(raw, book.settings["previous_margin"], p["buffer"], p["rebuild"])
        parts.append(Line("Buffer", charged - raw, cite=p.cite("buffer")))
    return Line.total("Initial margin", *parts)


def equity(book: Book, market: Market) -> Line:
    """Balances at their price, results since entry, options at model value; in US dollars."""
    i = book.legs.instrument
    option = market.kind[i] == OPTION
    result = np.where(option, book.legs.accrued, unrealised(book, market)) * market.settle_price()[i]
    return Line.total(
        "Equity",
        wallet(book, market.price),
        Line.of("Results", book, result),
        Line.of("Options at model value", book, np.where(option, book.legs.quantity * values(market)[i], 0.0)),
    )


def check(book: Book, market: Market, params: Params) -> Iterator[Found]:
    """A price history that can be read and has every underlying held."""
    if not len(book.legs):
        return
    problems, absent = gaps(market)
    every = np.ones(len(book), bool)
    yield from ((problem, every) for problem in problems)
    if not problems:
        missing = np.array([str(u) in absent for u in market.underlying], bool)[book.legs.instrument]
        say = lambda h: f"no column {market.underlying[book.legs.instrument[h]]} in the history table"  # noqa: E731
        yield from on_legs(book, market, missing, "instrument", say)


def doubts(book: Book, ready: Ready) -> tuple[Note, ...]:
    """What the figures rest on."""
    window, p, tool = ready.window, ready.params, ready.options["tool"]
    held = rows_with(book.legs, book.legs.quantity != 0)
    none, option = np.zeros(len(book), bool), ready.market.kind[book.legs.instrument] == OPTION
    count = len(window.returns)
    say = lambda text, when: (text, "", held if when else none)  # noqa: E731
    previous = book.settings["previous_margin"]
    return notes(
        say(
            f"{count} days of history, fewer than the {p['least_days']} that the rule asks for", count < p["least_days"]
        ),
        say(f"the last price of the history is {window.age:.0f} days old", window.age > p["stale_days"]),
        say(
            f"rows of the history lie {window.spacing:.3g} days apart and count as one day each",
            _uneven(window.spacing),
        ),
        say("long-run volatility over less than ten years of history", tool == FLOOR and count < window.long),
        (
            "no previous margin is given: the buffer is charged in full",
            "",
            held & np.isnan(previous) & (tool == BUFFER),
        ),
        (
            "a position has no entry price: its result since entry is not in equity",
            "",
            without_entry(book, ready.market),
        ),
        (ready.option_note, "", rows_with(book.legs, option)),
        (
            "balances are counted at today's prices; their moves are not in the margin",
            "",
            rows_with(book.cash, _coins(book, ready.market)),
        ),
    )


def _uneven(spacing: float) -> bool:
    return not 0.5 <= spacing <= 1.5


def _coins(book: Book, market: Market) -> np.ndarray:
    dollars = np.array([str(a) in ("USD", "USDC", "USDT") for a in market.assets], bool)
    return ~dollars[book.cash.asset] & (book.cash.amount != 0)
