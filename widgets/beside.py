"""Tables that stand beside the book: trades on top of it, candidates, costs, scenarios, lines, depths, funds."""

from __future__ import annotations

from xlmargin.decide.baskets import TRADE_COLUMNS
from xlmargin.decide.hedges.hedges import COLUMNS as HEDGE_COLUMNS
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
    "scenarios": schema("scenarios"),
    "lines": schema("lines"),
    "depth": (
        Column("underlying", "whose price forced sales move; an instrument or an asset too", dtype=TEXT, need=REQUIRED),
        Column("depth", "what moves the price by 1 %", "USD", positive=True),
    ),
    "funds": (
        Column("venue", "venue as the accounts table names it", dtype=TEXT, need=REQUIRED),
        Column("amount", "what its insurance fund holds", "USD", need=REQUIRED),
    ),
}
TITLES = {
    "trades": "Trades on top",
    "candidates": "Candidates",
    "costs": "Costs",
    "scenarios": "Own scenarios",
    "lines": "Lines and limits",
    "depth": "Depth",
    "funds": "Insurance funds",
}
USUAL = {
    "trades": ("instrument", "quantity", "price", "account", "basket"),
    "candidates": ("instrument", "most", "cost", "lot", "price"),
    "costs": ("asset", "cost", "haircut", "lot"),
    "scenarios": ("scenario", "target", "price", "vol", "collateral", "lost", "frozen"),
    "lines": ("owner", "line", "currency", "venue", "underlying"),
    "depth": ("underlying", "depth"),
    "funds": ("venue", "amount"),
}
