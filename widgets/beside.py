"""Tables that stand beside the book: trades on top of it, candidates for hedges, what collateral costs."""

from __future__ import annotations

from xlmargin.decide.baskets import TRADE_COLUMNS
from xlmargin.decide.hedges import COLUMNS as HEDGE_COLUMNS
from xlmargin.schemas import REQUIRED, TEXT, Column, schema

TRADED = ("instrument", "quantity", "account", "side", "leverage")
BESIDE: dict[str, tuple[Column, ...]] = {
    "trades": (*(c for c in schema("positions") if c.name in TRADED), *TRADE_COLUMNS),
    "candidates": (schema("positions")[0], *HEDGE_COLUMNS),
    "costs": (
        Column("asset", "coin or currency among the balances", dtype=TEXT, need=REQUIRED),
        Column("cost", "what posting it costs: 0.02 or 2 %", "fraction of its worth a year"),
        Column("haircut", "instead of what the rule counts off now", "fraction"),
        Column("lot", "it is posted in multiples of this", "units", positive=True),
    ),
}
TITLES = {"trades": "Trades on top", "candidates": "Candidates", "costs": "Costs"}
USUAL = {
    "trades": ("instrument", "quantity", "price", "account", "basket"),
    "candidates": ("instrument", "most", "cost", "lot", "price"),
    "costs": ("asset", "cost", "haircut", "lot"),
}
