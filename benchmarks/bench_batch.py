"""Many accounts from Parquet to Parquet, beside pandas reading the same file and adding up by account."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

import xlmargin as xm
from benchmarks import Row, alternating
from benchmarks.bench_core import AS_OF, MODEL, SCENARIOS, options
from xlmargin.bulk import batch
from xlmargin.pricing import YEAR, black76

ACCOUNTS = int(os.environ.get("XLMARGIN_BENCH_BATCH", "100000"))
EACH, LISTED = 10, 5000


def written(folder: Path) -> dict[str, Path]:
    """Positions in random order, a balance an account, and the listed options, as Parquet files."""
    rng = np.random.default_rng(3)
    listed, names = options(LISTED), np.array([f"account {n}" for n in range(ACCOUNTS)], object)
    owner = rng.permutation(np.repeat(np.arange(ACCOUNTS), EACH))
    held = listed["instrument"].to_numpy()[rng.integers(0, LISTED, len(owner))]
    quantity = rng.normal(size=len(owner)).round(2)
    tables = {
        "positions": pd.DataFrame({"account": names[owner], "instrument": held, "quantity": quantity}),
        "balances": pd.DataFrame({"account": names, "asset": "USDC", "amount": 1e5}),
        "instruments": listed,
        "assets": pd.DataFrame({"asset": ["USDC"], "price": [1.0]}),
    }
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return {name: folder / f"{name}.parquet" for name in tables}


def naive(files: dict[str, Path]) -> Callable[[], object]:
    """What a user would write: read, merge prices, a group-by a scenario, the worst, written again."""

    def work() -> None:
        positions, listed = pd.read_parquet(files["positions"]), pd.read_parquet(files["instruments"])
        forward, strike, iv, expiry = (listed[c].to_numpy() for c in ("forward", "strike", "iv", "expiry"))
        call, total = (listed["option_type"] == "C").to_numpy(), iv * np.sqrt((expiry - AS_OF) / YEAR)
        price = lambda move: black76(forward * move, strike, total, call)  # noqa: E731
        number = pd.Series(np.arange(len(listed)), listed["instrument"])[positions["instrument"]].to_numpy()
        moves = np.linspace(0.86, 1.14, SCENARIOS)
        change = [(price(m) - price(1.0))[number] * positions["quantity"] for m in moves]
        loss = {n: pnl.groupby(positions["account"]).sum() for n, pnl in enumerate(change)}
        pd.DataFrame(loss).min(axis=1).rename("loss").reset_index().to_parquet(
            files["positions"].with_name("n.parquet")
        )

    return work


def rows() -> Iterator[Row]:
    """The whole rule from file to file, in CPU time, beside the scenario loss alone."""
    with tempfile.TemporaryDirectory() as folder:
        files = written(Path(folder))
        others = {name: path for name, path in files.items() if name != "positions"}
        target = Path(folder) / "margins.parquet"
        ours = lambda: batch(files["positions"], target, MODEL, others=others, as_of=AS_OF)  # noqa: E731
        mine, other = alternating(ours, naive(files), 2, time.process_time)
        whole = xm.margin(*xm.tables(**{k: pd.read_parquet(v) for k, v in files.items()}, as_of=AS_OF), MODEL)
        got = pd.read_parquet(target).set_index("account")["initial"].loc[whole.account].to_numpy()
    same = "as one call" if np.array_equal(got, whole.initial.value) else "OTHERWISE THAN ONE CALL"
    peer = f"pandas {pd.__version__} read + group-by, pyarrow {pa.__version__}"
    remark = f"{ACCOUNTS / mine:,.0f} accounts a CPU second, figures {same}; pandas finds the scenario loss only"
    yield Row(f"{ACCOUNTS:,} accounts × {EACH}, Parquet to Parquet", mine, peer, mine / other, "< 1", remark)
