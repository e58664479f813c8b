"""The desk workbooks of this folder, one for each host: ``python -m xlmargin.workbooks.targets`` writes them anew."""

from __future__ import annotations

from pathlib import Path

from . import desk as sample
from .book_writer import write
from .layout import Desk
from .spelling import TARGETS

TRADES = (
    {"basket": "sell two coins", "account": "Hedged", "instrument": "BTC-PERP", "quantity": -2.0},
    {"basket": "buy back calls", "account": "Hedged", "instrument": "BTC-20261030-84000-C", "quantity": 3.0},
    {"basket": "buy back calls", "account": "Hedged", "instrument": "BTC-PERP", "quantity": -1.5},
)


def content() -> Desk:
    """The sample desk with two baskets of trades to try."""
    source = sample.load("desk.toml")
    tables = sample.tables(source) | {"trades": TRADES}
    models = "derive.portfolio, derive.standard"
    account = tables["accounts"][0]["account"]
    title = "Margin desk: Bitcoin options on Derive, a real market of 24 September 2026"
    return Desk.filled(title, tables, model="derive.portfolio", account=account, models=models)


def build(folder: Path) -> list[Path]:
    """Write desk-lite.xlsx, desk-classic.xlsx, desk-calc.xlsx and desk-values.xlsx into ``folder``."""
    return [write(content(), folder / f"desk-{target}.xlsx", target) for target in TARGETS]


if __name__ == "__main__":
    print(*build(Path(__file__).parent), sep="\n")
