"""How cost grows with accounts, positions and scenarios, and how far each job is from the machine's own limits."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.special import ndtr

import xlmargin as xm
from benchmarks import Row, best
from benchmarks.bench_core import AS_OF, MODEL, SCENARIOS, accounts, desk, working_memory
from xlmargin.pricing import black76
from xlmargin.risk import scan

OUT = Path(os.environ.get("XLMARGIN_BENCH_OUT", "out"))
LINEAR_FROM = {"accounts": 100_000, "positions": 1_000, "scenarios": 100}
BEYOND_CACHE = 256 << 20
LARGEST = int(os.environ.get("XLMARGIN_BENCH_ACCOUNTS", "1000000"))


def cpu(work: Callable[[], object], times: int) -> float:
    """CPU seconds of all threads: a curve of cost that others on the machine do not bend."""
    return best(work, times, clock=time.process_time)


def curve_of_accounts() -> dict[int, float]:
    """CPU seconds of the whole rule by number of accounts, 10 positions each over 5,000 options."""
    found = {}
    for count in (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000):
        if count <= LARGEST:
            book, market = accounts(count, 10, 5000)
            found[count] = cpu(lambda b=book, m=market: xm.margin(b, m, MODEL), 3 if count > 100_000 else 5)
    return found


def curve_of_positions() -> dict[int, float]:
    """CPU seconds of the whole rule by number of options in one account."""
    found = {}
    for count in (10, 100, 1_000, 10_000):
        book, market = xm.tables(**desk(count), as_of=AS_OF)
        found[count] = cpu(lambda b=book, m=market: xm.margin(b, m, MODEL), 7)
    return found


def curve_of_scenarios() -> dict[int, float]:
    """CPU seconds of the whole rule by number of scenarios, 1,000 options in one account."""
    book, market = xm.tables(**desk(1000), as_of=AS_OF)
    own = xm.model(MODEL).params(market.as_of)
    found = {}
    for count in (27, 50, 100, 200, 500):
        ladder = [[1 + 0.3 * (n / count - 0.5), ("up", "none", "down")[n % 3], 1.0] for n in range(count)]
        params = own.override("benchmark", by={"BTC": {"scenarios": ladder}})
        found[count] = cpu(lambda p=params: xm.margin(book, market, MODEL, params=p), 7)
    return found


def slope(curve: dict[int, float], least: int) -> float:
    """Exponent of cost against size on a log-log fit from ``least`` up."""
    size = np.array([n for n in curve if n >= least], np.float64)
    seconds = np.array([curve[int(n)] for n in size])
    return float(np.polyfit(np.log(size), np.log(seconds), 1)[0]) if len(size) > 1 else float("nan")


def walls() -> Iterator[Row]:
    """How far two jobs are from what this machine can do: normal integrals, bytes to read, multiply-adds."""
    grid = np.random.default_rng(0).uniform(0.5, 1.5, (1000, SCENARIOS))
    integrals = best(lambda: (ndtr(grid), ndtr(grid)), 20)
    forward, strike = 84_000.0 * grid, np.full((1000, 1), 80_000.0)
    priced = best(lambda: black76(forward, strike, grid, True), 20)
    yield Row("Black-76 of 36,000 cells", priced, "its two normal integrals alone", priced / integrals)
    book, market = accounts(100_000, 10, 5000)
    job, whole = "100,000 accounts × 10, CPU time", cpu(lambda: xm.margin(book, market, MODEL), 3)
    worked, out = len(book.legs) * SCENARIOS, np.empty_like(grid)
    here, there = np.ones(BEYOND_CACHE // 8), np.empty(BEYOND_CACHE // 8)
    byte = cpu(lambda: np.copyto(there, here), 7) / (2 * here.nbytes)
    told = f"{worked * 8 / 1e6:,.0f} MB at {1e-9 / byte:.0f} GB/s of memory"
    yield Row(job, whole, "reading each leg's scenarios once", whole / (worked * 8 * byte), remark=told)
    step = best(lambda: np.add(np.multiply(grid, 2.0, out=out), grid, out=out), 50) / grid.size
    told = f"{worked / 1e6:,.0f} million at {2e-9 / step:.1f} Gflop/s"
    yield Row(job, whole, "its multiply-adds alone", whole / (worked * step), remark=told)
    unit = np.ones((len(market), SCENARIOS))
    product = cpu(lambda: scan(book, unit), 3)
    yield Row(job, whole, "SciPy's sparse product of holdings × scenarios", whole / product)


def picture(curves: dict[str, dict[int, float]]) -> str:
    """The curves as one picture in the output folder; what is missing for it is said."""
    try:
        import matplotlib
    except ImportError as error:
        return f"no picture: {error}; for it: pip install 'xlmargin[bench]'"
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(curves), figsize=(4 * len(curves), 3.2), constrained_layout=True)
    for axis, (name, curve) in zip(axes, curves.items(), strict=True):
        sizes, seconds = np.array(list(curve)), np.array(list(curve.values()))
        axis.loglog(sizes, seconds, "o-", color="#1f5a94")
        axis.loglog(sizes[-3:], seconds[-1] * sizes[-3:] / sizes[-1], "--", color="#b0402f", label="slope 1")
        axis.set_xticks(sizes, [f"{n:,}" if n < 10_000 else f"{n // 1000:,}k" for n in sizes], rotation=30)
        axis.minorticks_off()
        axis.legend(frameon=False)
        axis.set(xlabel=name, ylabel="CPU seconds")
        axis.grid(True, which="both", alpha=0.3)
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / "scaling.png"
    figure.savefig(path, dpi=110)
    return f"picture: {path}"


def rows() -> Iterator[Row]:
    """Curves and their slopes, the largest run with its memory, walls, and the picture's place."""
    curves = {"accounts": curve_of_accounts(), "positions": curve_of_positions(), "scenarios": curve_of_scenarios()}
    for name, curve in curves.items():
        for size, seconds in curve.items():
            yield Row(f"{size:,} {name}", seconds)
        largest, aim = max(curve), "1.0 ± 0.1" if name == "accounts" else "≤ 1.1"
        fitted = slope(curve, LINEAR_FROM[name])
        yield Row(name, curve[largest], "linear cost", fitted, aim, f"log-log slope from {LINEAR_FROM[name]:,} up")
    largest = max(curves["accounts"])
    book, market = accounts(largest, 10, 5000)
    run = lambda: xm.margin(book, market, MODEL)  # noqa: E731
    seconds, memory = best(run, 3), working_memory(run)
    spent = curves["accounts"][largest]
    remark = f"{largest / seconds:,.0f} a second, {spent:.2f} s of CPU, {memory:,.0f} MB over the book"
    yield Row(f"{largest:,} accounts × 10", seconds, aim="1,000,000 under 3 s and 2 GB", remark=remark)
    yield from walls()
    yield Row("scaling curves", 0.0, remark=picture(curves))
