"""SIMM over CRIF rows beside the open-source-risk-engine wheel and quantark, all at release 2.6 and ten days.

A peer runs in an environment of its own (``benchmarks.peers``). Every job reads the same rows and is timed from rows in
memory to totals; the totals are compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import xlmargin as xm
from benchmarks import Row, best
from benchmarks.peers import measured, titled

AS_OF = "2024-06-28"
TWELVE = ("2w", "1m", "3m", "6m", "1y", "2y", "3y", "5y", "10y", "15y", "20y", "30y")
FIVE = ("1y", "2y", "3y", "5y", "10y")
CURRENCIES = ("USD", "EUR", "GBP", "JPY", "AUD", "BRL", "MXN", "CHF")
CURVES = ("OIS", "Libor3m", "Libor6m")
SHARES = (0.4, 0.08, 0.1, 0.15, 0.12, 0.06, 0.05, 0.04)
PEERS = ("ore", "quantark")
COLUMNS = ["ProductClass", "RiskType", "Qualifier", "Bucket", "Label1", "Label2"]


def crif(rows: int, sets: int, seed: int = 1) -> pd.DataFrame:
    """Random rows of eight risk types, spread evenly over netting sets; a name keeps its bucket."""
    rng = np.random.default_rng(seed)

    def row(kind: int) -> tuple[str, ...]:
        ccy, long, short, n = (str(rng.choice(x)) for x in (CURRENCIES, TWELVE, FIVE, 500))
        n = int(n)
        return (
            ("RatesFX", "Risk_IRCurve", ccy, "1", long, str(rng.choice(CURVES))),
            ("RatesFX", "Risk_FX", ccy, "", "", ""),
            ("RatesFX", "Risk_IRVol", ccy, "", long, ""),
            ("Credit", "Risk_CreditQ", f"ISSUER{n}", str(n % 12 + 1), short, "USD"),
            ("Equity", "Risk_Equity", f"SHARE{n}", str(n % 12 + 1), "", ""),
            ("Equity", "Risk_EquityVol", f"SHARE{n}", str(n % 12 + 1), long, ""),
            ("Commodity", "Risk_Commodity", f"GOOD{n % 60}", str(n % 60 % 17 + 1), "", ""),
            ("RatesFX", "Risk_FXVol", "EURUSD", "", long, ""),
        )[kind]

    table = pd.DataFrame([row(int(k)) for k in rng.choice(8, rows, p=SHARES)], columns=COLUMNS)
    amounts = rng.normal(size=rows) * 10 ** rng.uniform(2, 5, rows)
    return table.assign(PortfolioID=[f"NS{i % sets}" for i in range(rows)], AmountUSD=amounts)


def ours(table: pd.DataFrame) -> tuple[Callable[[], object], Callable[[], object], float]:
    """Reading the rows, margin of both sides of the read book, and the total collected."""
    book, market = xm.tables(crif=table, as_of=AS_OF)
    margin = lambda side: xm.margin(book, market, "simm", options={"side": side})  # noqa: E731
    total = float(margin("collect").initial.value.sum())
    return lambda: xm.tables(crif=table, as_of=AS_OF), lambda: (margin("collect"), margin("post")), total


def theirs(peer: str, table: pd.DataFrame) -> dict[str, float] | str:
    """The peer's seconds and total, or why it cannot run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crif.csv"
        table.to_csv(path, index=False)
        return measured(peer, "simm_peer.py", path)


def rows() -> Iterator[Row]:
    """A row per job and peer: reading and margin together, the ratio of the whole."""
    for name, table in (("10,000 rows", crif(10_000, 1)), ("1,000 sets of 100 rows", crif(100_000, 1_000))):
        read, margin, total = ours(table)
        seconds = {"read": best(read, 3), "margin": best(margin, 3)}
        whole = sum(seconds.values())
        yield Row(f"SIMM, {name}: read", seconds["read"])
        yield Row(f"SIMM, {name}: margin collected and posted", seconds["margin"])
        for peer in PEERS:
            found, title = theirs(peer, table), titled(peer)
            if isinstance(found, str):
                yield Row(f"SIMM, {name}: whole", whole, title, aim="< 1", remark=f"cannot run: {found}")
                continue
            gap = abs(found["total"] - total) / total
            remark = f"theirs {found['read']:.2f} s + {found['margin']:.2f} s; totals differ by {gap:.1e}"
            yield Row(f"SIMM, {name}: whole", whole, title, whole / (found["read"] + found["margin"]), "< 1", remark)
