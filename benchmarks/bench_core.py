"""The core's own speed: whole rule and whole path against bare pricing, many accounts, memory over the book."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pandas as pd

import xlmargin as xm
from benchmarks import Row, alternating, best
from xlmargin.book import Book, Cash, Legs, Orders
from xlmargin.pricing import black76

AS_OF = 1_790_000_000
MODEL = "derive.portfolio"
SCENARIOS = 33


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


def bare_pricing(count: int) -> object:
    """Black-76 of instruments × scenarios with forward, strike and volatility given."""
    table = options(count)
    forward = np.full((count, SCENARIOS), 84_000.0) * np.linspace(0.7, 1.3, SCENARIOS)
    strike, call = table["strike"].to_numpy()[:, None], (table["option_type"] == "C").to_numpy()[:, None]
    total_vol = np.repeat((table["iv"] * 0.4).to_numpy()[:, None], SCENARIOS, axis=1)
    return lambda: black76(forward, strike, total_vol, call)


def working_memory(work: object) -> float:
    """Largest memory in MB that ``work`` held above what stood before."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def rows() -> Iterator[Row]:
    """One account of 1,000 options, then many accounts of 10 positions over 5,000 options."""
    tables, bare = desk(1000), bare_pricing(1000)
    book, market = xm.tables(**tables, as_of=AS_OF)
    whole, priced = alternating(lambda: xm.margin(book, market, MODEL), bare, 15)
    yield Row("1,000 options, whole rule from arrays", whole, "bare Black-76 grid", whole / priced, "≤ 2.5")
    path, priced = alternating(lambda: xm.margin(*xm.tables(**tables, as_of=AS_OF), MODEL).frame(), bare, 15)
    yield Row("1,000 options, whole path from a DataFrame", path, "bare Black-76 grid", path / priced, "≤ 5")
    many, wide = accounts(100_000, 10, 5000)
    run = lambda: xm.margin(many, wide, MODEL)  # noqa: E731
    seconds, memory = best(run, 5), working_memory(run)
    yield Row(
        "100,000 accounts × 10, whole rule", seconds, "", aim="> 400,000 a second, ≤ 100 MB",
        remark=f"{100_000 / seconds:,.0f} accounts a second, {memory:.0f} MB over the book",
    )  # fmt: skip
