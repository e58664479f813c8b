"""Black-76 grids and many accounts against what a user would take instead, in the same process on the same work."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pandas as pd

import xlmargin as xm
from benchmarks import Row, alternating, best
from benchmarks.bench_core import MODEL, accounts
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


def vollib(forward: np.ndarray, strike: np.ndarray, vol: np.ndarray, call: np.ndarray) -> Callable[[], object]:
    """py_vollib's scalar Black model, on a tenth of the cells (its time is counted ten times)."""
    black = importlib.import_module("py_vollib.black").black
    flags = np.where(call, "c", "p")[::10].tolist()
    cells = list(zip(flags, forward[::10].tolist(), strike[::10].tolist(), vol[::10].tolist(), strict=True))
    return lambda: [black(flag, f, k, 1.0, 0.0, v) for flag, f, k, v in cells]


def vectorized(forward: np.ndarray, strike: np.ndarray, vol: np.ndarray, call: np.ndarray) -> Callable[[], object]:
    """py_vollib_vectorized (numba) on the same arrays."""
    model = importlib.import_module("py_vollib_vectorized").models.vectorized_black
    flags = np.where(call, "c", "p")
    model(flags, forward, strike, 1.0, 0.0, vol, return_as="numpy")
    return lambda: model(flags, forward, strike, 1.0, 0.0, vol, return_as="numpy")


PEERS = {
    "QuantLib": ("QuantLib", quantlib, 1),
    "py_vollib": ("py_vollib", vollib, 10),
    "py_vollib_vectorized": ("py_vollib_vectorized", vectorized, 1),
}


def named(package: str) -> str:
    """The package with its installed version."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


def pricing_rows() -> Iterator[Row]:
    """One grid of 1,000 options × 33 scenarios under each pricer."""
    cells = grid()
    ours = lambda: black76(*cells)  # noqa: E731
    job = f"Black-76, {OPTIONS:,} × {SCENARIOS}"
    for peer, (package, make, times) in PEERS.items():
        try:
            theirs = make(*cells)
        except Exception as error:
            yield Row(job, best(ours), peer, remark=f"cannot run: {type(error).__name__}: {str(error)[:80]}")
            continue
        mine, other = alternating(ours, theirs, 3)
        yield Row(job, mine, named(package), mine / (other * times))


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
