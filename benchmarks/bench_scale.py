"""How cost grows with accounts, positions and scenarios, and how far each job is from the machine's own limits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import xlmargin as xm
from benchmarks import Row, best
from benchmarks.bench_core import AS_OF, MODEL, accounts, desk, working_memory
from xlmargin.pricing import black76

OUT = Path(os.environ.get("XLMARGIN_BENCH_OUT", "out"))
LARGEST = int(os.environ.get("XLMARGIN_BENCH_ACCOUNTS", "1000000"))


def curve_of_accounts() -> dict[int, float]:
    """Seconds of the whole rule by number of accounts, 10 positions each over 5,000 options."""
    found = {}
    for count in (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000):
        if count <= LARGEST:
            book, market = accounts(count, 10, 5000)
            found[count] = best(lambda b=book, m=market: xm.margin(b, m, MODEL), 3 if count > 100_000 else 5)
    return found


def curve_of_positions() -> dict[int, float]:
    """Seconds of the whole rule by number of options in one account."""
    found = {}
    for count in (10, 100, 1_000, 10_000):
        book, market = xm.tables(**desk(count), as_of=AS_OF)
        found[count] = best(lambda b=book, m=market: xm.margin(b, m, MODEL), 7)
    return found


def curve_of_scenarios() -> dict[int, float]:
    """Seconds of the whole rule by number of scenarios, 1,000 options in one account."""
    book, market = xm.tables(**desk(1000), as_of=AS_OF)
    own = xm.model(MODEL).params(market.as_of)
    found = {}
    for count in (27, 50, 100, 200, 500):
        ladder = [[1 + 0.3 * (n / count - 0.5), ("up", "none", "down")[n % 3], 1.0] for n in range(count)]
        params = own.override("benchmark", by={"BTC": {"scenarios": ladder}})
        found[count] = best(lambda p=params: xm.margin(book, market, MODEL, params=p), 7)
    return found


def slope(curve: dict[int, float], least: int) -> float:
    """Exponent of cost against size on a log-log fit from ``least`` up."""
    size = np.array([n for n in curve if n >= least], np.float64)
    seconds = np.array([curve[int(n)] for n in size])
    return float(np.polyfit(np.log(size), np.log(seconds), 1)[0]) if len(size) > 1 else float("nan")


def walls() -> Iterator[Row]:
    """The machine's limits on this work: bytes to move and logarithms and normal integrals to take."""
    cells = np.random.default_rng(0).uniform(0.5, 1.5, (1000, 36))
    copy = best(lambda: cells.copy(), 50) / cells.nbytes
    from scipy.special import ndtr

    kernel = best(lambda: (ndtr(cells), ndtr(cells)), 20)
    forward, strike = 84_000.0 * cells, np.full((1000, 1), 80_000.0)
    priced = best(lambda: black76(forward, strike, cells, True), 20)
    yield Row("Black-76 of 36,000 cells", priced, "its two normal integrals alone", priced / kernel)
    book, market = accounts(100_000, 10, 5000)
    whole = best(lambda: xm.margin(book, market, MODEL), 3)
    moved = 100_000 * 10 * 36 * 8 * copy
    yield Row("100,000 accounts × 10", whole, "moving each leg's scenarios once", whole / moved)


def picture(curves: dict[str, dict[int, float]]) -> str:
    """The curves as one picture in the output folder; what is missing for it is said."""
    try:
        import matplotlib
    except ImportError as error:
        return f"no picture: {error}"
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(curves), figsize=(4 * len(curves), 3.2), constrained_layout=True)
    for axis, (name, curve) in zip(axes, curves.items(), strict=True):
        axis.loglog(list(curve), list(curve.values()), "o-", color="#1f5a94")
        axis.set(xlabel=name, ylabel="seconds")
        axis.grid(True, which="both", alpha=0.3)
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / "scaling.png"
    figure.savefig(path, dpi=110)
    return f"picture: {path}"


def rows() -> Iterator[Row]:
    """Curves, slope, the largest run with its memory, walls, and the picture's place."""
    by_accounts, by_positions, by_scenarios = curve_of_accounts(), curve_of_positions(), curve_of_scenarios()
    for name, curve in (("accounts", by_accounts), ("positions", by_positions), ("scenarios", by_scenarios)):
        for size, seconds in curve.items():
            yield Row(f"{size:,} {name}", seconds)
    yield Row(
        "accounts", by_accounts[max(by_accounts)], "linear cost", slope(by_accounts, 10_000), "1.0 ± 0.1", "slope"
    )
    largest = max(by_accounts)
    book, market = accounts(largest, 10, 5000)
    memory = working_memory(lambda: xm.margin(book, market, MODEL))
    remark = f"{largest / by_accounts[largest]:,.0f} a second, {memory:,.0f} MB over the book"
    yield Row(f"{largest:,} accounts × 10", by_accounts[largest], aim="1,000,000 under 3 s and 2 GB", remark=remark)
    yield from walls()
    told = picture({"accounts": by_accounts, "positions": by_positions, "scenarios": by_scenarios})
    yield Row("scaling curves", 0.0, remark=told)
