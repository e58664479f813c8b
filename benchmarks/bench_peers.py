"""Black-76 grids and many accounts against what a user would take instead, in the same process on the same work."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import xlmargin as xm
from benchmarks import Row, alternating, best
from benchmarks.bench_core import MODEL, accounts
from benchmarks.peers import measured, titled
from xlmargin.pricing import black76

OPTIONS, SCENARIOS = 1000, 33


def grid() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Forwards, strikes, total volatilities and calls, every cell of the grid in one flat array."""
    rng = np.random.default_rng(0)
    forward = np.tile(84_000.0 * np.linspace(0.7, 1.3, SCENARIOS), OPTIONS)
    strike = np.repeat(rng.uniform(40_000, 160_000, OPTIONS).round(-2), SCENARIOS)
    vol = np.repeat(rng.uniform(0.3, 0.9, OPTIONS), SCENARIOS)
    return forward, strike, vol, np.repeat(rng.random(OPTIONS) < 0.5, SCENARIOS)


def quantlib(forward: np.ndarray, strike: np.ndarray, vol: np.ndarray, call: np.ndarray) -> Callable[[], object]:
    """QuantLib's Black formula, a call a cell: it has no array form in Python."""
    import QuantLib as ql

    kinds = [ql.Option.Call if c else ql.Option.Put for c in call]
    cells = list(zip(kinds, strike.tolist(), forward.tolist(), vol.tolist(), strict=True))
    return lambda: [ql.blackFormula(kind, k, f, v) for kind, k, f, v in cells]


def elsewhere(peer: str, cells: tuple[np.ndarray, ...]) -> dict[str, Any] | str:
    """A peer in an environment of its own: seconds, version and difference; or why it cannot run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cells.npz"
        np.savez(path, **dict(zip(("forward", "strike", "vol", "call"), cells, strict=True)), value=black76(*cells))
        return measured(peer, "pricing_peer.py", path)


def pricing_rows() -> Iterator[Row]:
    """One grid of 1,000 options × 33 scenarios under each pricer."""
    cells = grid()
    ours = lambda: black76(*cells)  # noqa: E731
    job = f"Black-76, {OPTIONS:,} × {SCENARIOS}"
    try:
        mine, other = alternating(ours, quantlib(*cells), 3)
        yield Row(job, mine, f"QuantLib {version('QuantLib')}, a call a cell", mine / other, "< 1")
    except ImportError as error:
        yield Row(job, best(ours), "QuantLib", remark=f"cannot run: {error}")
    for peer in ("py_vollib", "py_vollib_vectorized"):
        mine, found = best(ours), elsewhere(peer, cells)
        if isinstance(found, str):
            yield Row(job, mine, titled(peer), remark=f"cannot run: {found}")
        else:
            remark = f"values differ by {found['gap']:.1e} of the forward"
            yield Row(job, mine, titled(peer), mine / found["seconds"], "< 1", remark)


def naive(book: xm.Book, market: xm.Market) -> Callable[[], object]:
    """Scenario losses as a user would write them in pandas: one frame a scenario, grouped by account."""
    legs = book.legs
    frame = pd.DataFrame({"account": legs.row, "instrument": legs.instrument, "quantity": legs.quantity})
    forward, strike, call = market["forward"], market["strike"], market.call
    total = market["iv"] * np.sqrt(market.seconds / (365 * 86_400))
    mark = black76(forward, strike, total, call)

    def work() -> pd.Series:
        losses = {}
        for n, move in enumerate(np.linspace(-0.14, 0.14, SCENARIOS)):
            change = black76(forward * (1 + move), strike, total, call) - mark
            pnl = frame["quantity"] * change[frame["instrument"]]
            losses[n] = pnl.groupby(frame["account"]).sum()
        return pd.DataFrame(losses).min(axis=1)

    return work


def many_rows() -> Iterator[Row]:
    """100,000 accounts × 10: our whole rule against the pandas loop that has no discounts, skews or contingencies."""
    book, market = accounts(100_000, 10, 5000)
    ours = lambda: xm.margin(book, market, MODEL)  # noqa: E731
    mine, other = alternating(ours, naive(book, market), 3)
    remark = "the loop finds the scenario loss only"
    yield Row(
        "100,000 accounts × 10, whole rule", mine, f"pandas {pd.__version__} group-by", mine / other, "< 1", remark
    )


def rows() -> Iterator[Row]:
    """Pricing first, then many accounts."""
    yield from pricing_rows()
    yield from many_rows()
