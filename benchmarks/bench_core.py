"""The core's own speed: whole rule and whole path against bare pricing, many accounts, memory over the book."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy.special import ndtr

import xlmargin as xm
from benchmarks import Row, alternating, best
from xlmargin.book import Book, Cash, Legs, Orders
from xlmargin.pricing import YEAR, black76
from xlmargin.rulebooks.derive.ladder import Ladder
from xlmargin.rulebooks.derive.values import curves, unit_values

AS_OF = 1_790_000_000
MODEL = "derive.portfolio"
SCENARIOS = 36


def options(count: int, seed: int = 0) -> pd.DataFrame:
    """An instruments table of options on BTC over six expiries."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "instrument": [f"option {n}" for n in range(count)],
            "kind": "option",
            "underlying": "BTC",
            "settle": "USDC",
            "quote": "USDC",
            "expiry": AS_OF + 86_400 * rng.choice([2, 9, 30, 60, 120, 200], count),
            "strike": np.round(rng.uniform(40_000, 160_000, count), -2),
            "option_type": rng.choice(["C", "P"], count),
            "iv": rng.uniform(0.3, 0.9, count),
            "forward": 84_000.0,
            "index": 83_500.0,
            "rate": 0.04,
            "confidence": 1.0,
            "index_confidence": 1.0,
        }
    )


def desk(count: int) -> dict[str, pd.DataFrame]:
    """Tables of one account that holds every option once."""
    instruments = options(count)
    quantity = np.random.default_rng(1).normal(size=count).round(2)
    return {
        "positions": pd.DataFrame({"instrument": instruments["instrument"], "quantity": quantity}),
        "balances": pd.DataFrame({"asset": ["USDC"], "amount": [1e6]}),
        "assets": pd.DataFrame({"asset": ["USDC"], "price": [1.0]}),
        "instruments": instruments,
    }


def accounts(count: int, positions: int, width: int) -> tuple[Book, xm.Market]:
    """A book of many accounts over ``width`` options, straight from arrays."""
    rng = np.random.default_rng(2)
    assets = pd.DataFrame({"asset": ["USDC"], "price": [1.0]})
    _, market = xm.tables(instruments=options(width), assets=assets, as_of=AS_OF)
    row = np.repeat(np.arange(count), positions)
    instrument = rng.integers(0, width, count * positions)
    legs = Legs.of(count, row, instrument, rng.normal(size=count * positions)).sorted(instrument)
    cash = Cash.of(count, np.arange(count), np.zeros(count, np.int64), np.full(count, 1e5))
    names = np.arange(count).astype(str).astype(object)
    return Book(legs, cash, Orders.none(count), names, np.full(count, "", object)), market


def venue_desk(count: int) -> dict[str, pd.DataFrame]:
    """The same desk as a venue would list it: what a name says stands only in the name."""
    tables = desk(count)
    old = tables["instruments"]
    day = pd.to_datetime(old["expiry"], unit="s")
    days = day.dt.day.astype(str) + day.dt.strftime("%b%y").str.upper()
    strike = (40_000 + np.arange(count) * 100).astype(str)
    names = [f"BTC_USDC-{d}-{k}-{t}" for d, k, t in zip(days, strike, old["option_type"], strict=True)]
    said = ["kind", "underlying", "settle", "quote", "expiry", "strike", "option_type"]
    tables["instruments"] = old.drop(columns=said).assign(instrument=names)
    tables["positions"] = tables["positions"].assign(instrument=names)
    return tables


def textbook(forward: np.ndarray, strike: np.ndarray, total_vol: np.ndarray, call: np.ndarray) -> np.ndarray:
    """Black-76 as a user would write it in NumPy."""
    side = np.where(call, 1.0, -1.0)
    first = np.log(forward / strike) / total_vol + 0.5 * total_vol
    return side * (forward * ndtr(side * first) - strike * ndtr(side * (first - total_vol)))


def tuned(forward: np.ndarray, strike: np.ndarray, total_vol: np.ndarray, call: np.ndarray) -> np.ndarray:
    """The same with nothing allocated that need not be: the best that is known in NumPy and SciPy alone."""
    side = np.where(call, 1.0, -1.0)
    signed, first, second = total_vol * side, np.log(forward / strike), np.empty_like(total_vol)
    first /= signed
    first += np.multiply(signed, 0.5, out=second)
    np.subtract(first, signed, out=second)
    ndtr(first, out=first)
    ndtr(second, out=second)
    first *= forward
    second *= strike
    first -= second
    first *= side
    return first


def cells(count: int) -> tuple[np.ndarray, ...]:
    """Forward, strike, total volatility and call of instruments × scenarios."""
    table = options(count)
    forward = np.full((count, SCENARIOS), 84_000.0) * np.linspace(0.7, 1.3, SCENARIOS)
    strike, call = table["strike"].to_numpy()[:, None], (table["option_type"] == "C").to_numpy()[:, None]
    tau = (table["expiry"].to_numpy() - AS_OF) / YEAR
    total_vol = np.repeat((table["iv"] * np.sqrt(tau)).to_numpy()[:, None], SCENARIOS, axis=1)
    return forward, strike, total_vol, call


def working_memory(work: object) -> float:
    """Largest memory in MB that ``work`` held above what stood before."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def scenario_values(market: xm.Market) -> Callable[[], object]:
    """The rule's instruments × scenarios: moved forwards, raised, lowered and skewed volatilities, values."""
    read = xm.model(MODEL).params(AS_OF).on(market.scopes)
    expiry_of, first = market.group("scope", "expiry")
    curve, ladder = curves(market, read, first), Ladder.of(xm.model(MODEL).params(AS_OF), market.scopes)
    return lambda: unit_values(market, read, ladder, curve, expiry_of)


def handed_over(tables: dict[str, pd.DataFrame]) -> Callable[[], object]:
    """What pandas alone does of a path: hands over columns, takes words as objects."""
    words = lambda cells: isinstance(cells.dtype, pd.StringDtype) and np.asarray(cells.array.factorize()[1], object)  # noqa: E731
    return lambda: [words(cells) for table in tables.values() for _, cells in table.items()]


def path(tables: dict[str, pd.DataFrame]) -> Callable[[], pd.DataFrame]:
    """From DataFrames to a DataFrame."""
    return lambda: xm.margin(*xm.tables(**tables, as_of=AS_OF), MODEL).frame()


def against_pricing(
    job: str, work: Callable[[], object], aim: str, count: int = 1000, pandas: Callable[[], object] | None = None
) -> Row:
    """A job in CPU time against the best NumPy kernel on as many cells, and against the textbook one.

    ``pandas`` is the part of it that pandas does whatever is margined: its ratio is told.
    """
    grid = cells(count)
    ours, best_known = alternating(work, lambda: tuned(*grid), 40, time.process_time)
    plain = best(lambda: textbook(*grid), 40, clock=time.process_time)
    remark = f"CPU time; {ours / plain:.2f} × the textbook kernel"
    if pandas:
        remark += f"; {best(pandas, 40, clock=time.process_time) / best_known:.2f} of it are pandas' own columns"
    return Row(job, ours, "best NumPy kernel, Black-76 grid alone", ours / best_known, aim, remark)


def rows() -> Iterator[Row]:
    """One account of 1,000 options against its bare grid, then many accounts of 10 positions over 5,000 options."""
    tables, named = desk(1000), venue_desk(1000)
    book, market = xm.tables(**tables, as_of=AS_OF)
    grid = cells(1000)
    yield against_pricing("1,000 options × 36, Black-76", lambda: black76(*grid), "≤ 1.5")
    yield against_pricing("1,000 options × 36, the rule's own scenarios", scenario_values(market), "≤ 1.5")
    yield against_pricing("1,000 options, whole rule from arrays", lambda: xm.margin(book, market, MODEL), "≤ 2.5")
    for job, given in (
        ("1,000 options, whole path from a DataFrame", tables),
        ("1,000 options by a venue's names", named),
    ):
        yield against_pricing(job, path(given), "≤ 5", pandas=handed_over(given))
    many, wide = accounts(100_000, 10, 5000)
    run = lambda: xm.margin(many, wide, MODEL)  # noqa: E731
    seconds, memory = best(run, 5), working_memory(run)
    yield Row(
        "100,000 accounts × 10, whole rule", seconds, "", aim="> 400,000 a second, ≤ 100 MB",
        remark=f"{100_000 / seconds:,.0f} accounts a second, {memory:.0f} MB over the book",
    )  # fmt: skip
