"""The spreadsheet face: from a changed cell to the new figure, in Calc and through Office.js dispatch."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import xlmargin as xm
from benchmarks import Row, best

MODEL = "derive.portfolio"
AS_OF = 46351.0
TIMES = 9


def ranges(count: int, accounts: int) -> dict[str, list[list[Any]]]:
    """Tables as cells: ``count`` option positions in ``accounts`` over at most 1,000 instruments."""
    expiries = ("20261225", "20270129", "20270226", "20270326", "20270625")
    names = [f"BTC-{e}-{k}-{t}" for e in expiries for k in range(30_000, 130_000, 1_000) for t in "CP"][:1_000]
    rng = np.random.default_rng(0)
    quantity = rng.normal(size=count).round(2)
    header = ["instrument", "iv", "forward", "index", "rate", "confidence", "index_confidence", "as_of"]
    vol = rng.uniform(0.3, 0.9, len(names)).tolist()
    options = [[n, v, 61_500.0, 61_000.0, 0.03, 1.0, 1.0, AS_OF] for n, v in zip(names, vol, strict=True)]
    rows = [[names[i % len(names)], float(q), f"account {i % accounts}"] for i, q in enumerate(quantity)]
    balances = [[f"account {a}", "USDC", 1e6] for a in range(accounts)]
    return {
        "positions": [["instrument", "quantity", "account"], *rows],
        "balances": [["account", "asset", "amount"], *balances],
        "instruments": [header, *options],
        "assets": [["asset", "price"], ["USDC", 1.0]],
    }


def arguments(tables: dict[str, Any], *more: Any) -> tuple[Any, ...]:
    """Positional arguments of XM_MARGIN."""
    return (tables["positions"], MODEL, tables["balances"], tables["instruments"], tables["assets"], *more)


def core(tables: dict[str, list[list[Any]]]) -> float:
    """Seconds that the core itself needs from columns to the margin of every account."""
    columns = {n: {h: [r[c] for r in rows[1:]] for c, h in enumerate(rows[0])} for n, rows in tables.items()}
    return best(lambda: xm.margin(*xm.tables(**columns, venue=MODEL), MODEL), TIMES)


def changing(tables: dict[str, list[list[Any]]], ask: Callable[[], Any]) -> float:
    """Seconds from one changed quantity to the answer; every run changes another."""
    number = iter(range(1, 1_000))

    def work() -> None:
        tables["positions"][1][1] = float(next(number))
        ask()

    return best(work, TIMES)


def rows() -> Iterator[Row]:
    """Plain calls, twenty formulas, ten thousand rows, Office.js dispatch, Calc in process and with its worker."""
    from xlmargin.workbooks import XM_MARGIN

    small, large = ranges(1_000, 1), ranges(10_000, 10)
    bare, bare_large = core(small), core(large)
    plain = changing(small, lambda: XM_MARGIN(*arguments(small, "initial")))
    yield Row("XM_MARGIN, 1,000 positions, plain call", plain, "tables + margin of the core", plain / bare, "≤ 2")
    twenty = changing(small, lambda: [XM_MARGIN(*arguments(small, "initial")) for _ in range(20)])
    yield Row("20 formulas on the same 1,000 positions", twenty, "one formula", twenty / plain, "60 ms")
    wide = changing(large, lambda: XM_MARGIN(*arguments(large)))
    ratio = wide / bare_large
    yield Row("XM_MARGIN, 10,000 positions, 10 accounts", wide, "tables + margin of the core", ratio, "300 ms, ≤ 2")
    yield from officejs(plain)
    yield from calc(small, plain)


def officejs(plain: float) -> Iterator[Row]:
    """The same through xlwings' own dispatcher, in a process of its own, JSON both ways."""
    from importlib.util import find_spec

    if find_spec("xlwings") is None:
        yield Row("XM_MARGIN, 1,000 positions, Office.js dispatch", float("nan"), remark="xlwings is not installed")
        return
    environment = {**os.environ, "XLWINGS_ON_SERVER": "true", "XLWINGS_LICENSE_KEY": "noncommercial"}
    command = [sys.executable, "-m", "benchmarks.bench_spreadsheet"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    seconds = float(done.stdout.splitlines()[-1])
    yield Row("XM_MARGIN, 1,000 positions, Office.js dispatch", seconds, "plain call", seconds / plain, "50 ms")


def calc(tables: dict[str, list[list[Any]]], plain: float) -> Iterator[Row]:
    """The same in LibreOffice Calc, from the changed cell to the value of the formula's cell."""
    from tests.hosts import needs

    if missing := "; ".join(filter(None, needs.calc())):
        yield Row("XM_MARGIN, 1,000 positions, Calc", float("nan"), remark=missing)
        return
    jobs = (("Calc", "auto", 1), ("Calc, worker process", "worker", 1), ("Calc, 20 formulas", "auto", 20))
    for words, mode, count in jobs:
        seconds = in_calc(tables, mode, count)
        aim = "50 ms" if count == 1 else "60 ms"
        yield Row(f"XM_MARGIN, 1,000 positions, {words}", seconds, "plain call", seconds / plain, aim)


def in_calc(tables: dict[str, list[list[Any]]], mode: str, count: int) -> float:
    """Best seconds from setting a quantity to reading the last of ``count`` formulas."""
    from tests.hosts.calc import Calc, place

    with tempfile.TemporaryDirectory() as folder:
        running = Calc(Path(folder), mode)
        try:
            running.new()
            references, left = place(running, arguments(tables))
            for row in range(1, count + 1):
                running.put(f"{left}{row}", f'=XM_MARGIN({";".join(references)};"initial")')
            running.clock("B2", [0.5], f"{left}{count}")
            return min(running.clock("B2", [float(n) for n in range(1, TIMES + 1)], f"{left}{count}"))
        finally:
            running.close()


def main() -> None:
    """Seconds of Office.js dispatch (run with XLWINGS_ON_SERVER=true before xlwings is imported)."""
    from tests.hosts.officejs import dispatch

    tables = ranges(1_000, 1)
    print(changing(tables, lambda: dispatch("XM_MARGIN", arguments(tables, "initial"))))


if __name__ == "__main__":
    main()
