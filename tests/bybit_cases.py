"""Bybit's shared cases as books: positions, hedge pairs, options, and the portfolio-margin sample."""

import csv
import datetime as dt

import numpy as np
import pytest

import xlmargin as xm
from tests import shared_golden
from tests.tiered_cases import AS_OF, columns

KEEP_OUT = {
    "BY-LEG-01": "published LP 5739.50 is not what its own formula gives (5739.08); obsolete entry-based cross formula",
}
BEFORE_MARKS = "2023-11-21"


def shared() -> list[dict]:
    """Shared cases of Bybit; none where the folder is not there."""
    try:
        cases = shared_golden.load("cex_others/test_cases.json")["cases"]
    except pytest.skip.Exception:
        return []
    return [c for c in cases if c["venue"] == "bybit"]


def of(*starts: str) -> list[dict]:
    """Cases whose id begins with one of ``starts``."""
    return [c for c in shared() if c["id"].startswith(starts) and c["id"] not in KEEP_OUT]


def live_rows() -> list[dict]:
    """Live rows of hedged pairs."""
    path = shared_golden.ROOT / "cex_others/bybit_uta_cross_hedge_live.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def tiers_of(key: str, steps: list[list[float]]) -> dict[str, np.ndarray]:
    """A tier table from [upper end, rate] steps."""
    floors = [0.0, *(float(u) for u, _ in steps[:-1])]
    rates = np.array([r for _, r in steps])
    return {"key": np.array([key] * len(steps), object), "floor": np.array(floors), "rate": rates}


def linear(legs: list[dict], tiers: list[list[float]], *, taker: float = 0.0, as_of=AS_OF, cash: float = 1e6):
    """Margin of USDT contracts on one coin: legs with quantity, entry, mark, leverage, side."""
    book, market = xm.tables(
        positions=columns([{"instrument": "XYZUSDT", **leg} for leg in [without(leg, "mark") for leg in legs]]),
        instruments={"instrument": ["XYZUSDT"], "mark": [legs[0]["mark"]]},
        balances={"asset": ["USDT"], "amount": [cash]},
        assets={"asset": ["USDT"], "price": [1.0]},
        accounts={"account": ["main"], "taker": [taker]},
        as_of=as_of,
        venue="bybit",
    )
    params = xm.model("bybit.cross").params(market.as_of)
    return xm.margin(
        book, market, "bybit.cross", params=params.override("case", tiers=tiers_of("XYZ/USDT:USDT", tiers))
    )


def without(row: dict, *names: str) -> dict:
    """A dictionary less some keys."""
    return {k: v for k, v in row.items() if k not in names}


def hedge_pair(row: dict):
    """Margin of a live row: a long and a short leg of one contract."""
    legs = [
        {"quantity": s * float(row[f"{w}_size"]), "entry_price": float(row[f"{w}_entry"]), "side": w,
         "leverage": float(row["leverage"]), "mark": float(row["mark"])}
        for w, s in (("long", 1), ("short", -1))
    ]  # fmt: skip
    return linear(legs, [[np.inf, float(row["mmr_tier1"])]], taker=float(row["taker_fee"]))


def option(i: dict, *, position: float = 0.0, order: tuple[float, float] | None = None):
    """Margin of one USDC-settled BTC option with a position or an order (quantity, price)."""
    name, kind = "BTC option", i.get("type", "C")
    row = {"instrument": name, "kind": "option", "underlying": "BTC", "settle": "USDC", "quote": "USDC"}
    row |= {"expiry": "2026-12-25", "strike": i.get("strike", i["index"]), "option_type": kind}
    row |= {"mark": i.get("mark", i.get("order_price", 1.0)), "index": i["index"]}
    entry = next((i[k] for k in ("entry", "avg_price", "avg", "order_price") if k in i), None)
    held = [{"instrument": name, "quantity": position, "entry_price": entry}] if position else []
    orders = [{"instrument": name, "quantity": order[0], "limit_price": order[1]}] if order else []
    book, market = xm.tables(
        instruments=columns([row]),
        positions=columns(held),
        orders=columns(orders),
        balances={"asset": ["USDC"], "amount": [10_000]},
        assets={"asset": ["USDC"], "price": [1.0]},
        as_of=AS_OF,
        venue="bybit",
    )
    own = {"option_maintenance": "mm_factor", "option_liquidation": "liq_fee", "option_most": "im_max"}
    own |= {"option_least": "im_min", "option_taker": "taker", "option_fee_cap": "fee_cap"}
    params = xm.model("bybit.cross").params(market.as_of)
    given = {ours: i[theirs] for ours, theirs in own.items() if theirs in i}
    return xm.margin(book, market, "bybit.cross", params=params.override("case", **given))


def portfolio_sample() -> dict:
    """The endpoint sample of portfolio margin."""
    return shared_golden.load("cex_others/bybit_pm_endpoint_sample.json")


def portfolio(sample: dict, **stated: float):
    """(book, market) of the sample: its perpetual, its option and its hedging spot, at the fitted prices.

    ``stated`` are further columns of the accounts table, such as a contingency.
    """
    fit = sample["reverse_engineered"]
    perp, call = sample["positions"]
    names = [perp["symbol"], call["symbol"]]
    when = dt.datetime.fromtimestamp(sample["time_ms"] // 1000, dt.UTC)  # forward and volatility were fitted so
    index = float(sample["contingency"]["futureContingency"]) / (0.0003 * perp["qty"])
    return xm.tables(
        positions={"instrument": names, "quantity": [perp["qty"], call["qty"]], "entry_price": [perp["mark"], None]},
        instruments={
            "instrument": names,
            "mark": [perp["mark"], call["mark"]],
            "index": [index, index],
            "forward": [None, fit["forward"]],
            "iv": [None, fit["iv"]],
        },
        balances={
            "asset": ["USDT", "BTC"],
            "amount": [50_000, float(sample["spotHedge"]["hedgeSpotSize"])],
        },
        assets={"asset": ["USDT", "BTC"], "price": [fit["usdt_usd"], index]},
        accounts={"account": ["main"], "spot_hedging": ["on"], **{k: [v] for k, v in stated.items()}},
        as_of=when,
        venue="bybit",
    )
