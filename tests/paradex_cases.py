"""Paradex's repository vectors and calculator portfolios as accounts on one market: a case is a scope of its own."""

from __future__ import annotations

from typing import Any

import xlmargin as xm
from tests import shared_golden
from tests.onchain_cases import Stack

OPTION_KEYS = ("premium_multiplier", "long_itm", "short_itm", "short_otm", "short_put_cap")


def data() -> dict[str, Any]:
    return shared_golden.load("defi/paradex_cases.json")


def published() -> dict[str, Any]:
    return shared_golden.load("defi/paradex_params.json")


def side(row: dict[str, Any]) -> float:
    return row["size"] * (1 if row["side"] in ("BUY", "LONG") else -1)


def stacked(cases: list[dict[str, Any]], served: dict[str, Any], specs: dict[str, Any], pm: dict | None) -> Stack:
    """Every case with its own copy of the markets that it uses."""
    stack = Stack()
    for case in cases:
        name, own = case["id"], {k: dict(v) for k, v in served.items()}
        for market, change in case.get("market_override", {}).items():
            own[market] |= change
        used = {r["market"] for r in [*case.get("positions", []), *case.get("orders", [])]}
        perp = next(m for m in own if m.endswith("-PERP"))
        for market in sorted(used | {perp}):
            _market(stack, name, market, own[market], specs[market], own[perp])
        for p in case.get("positions", []):
            stack.add("positions", instrument=f"{p['market']}@{name}", quantity=side(p), account=name)
        for o in case.get("orders", []):
            order = {"quantity": side(o), "limit_price": o["price"], "account": name}
            stack.add("orders", instrument=f"{o['market']}@{name}", **order)
        for b in case.get("balances", []):
            asset = b["token"] if b["token"] == "USDC" else f"{b['token']}@{name}"
            stack.add("balances", asset=asset, amount=b["size"], account=name)
            if asset != "USDC":
                stack.add("assets", asset=asset, price=own[perp]["mark_price"])
        _scope(stack, name, own, specs, pm)
        stack.add("accounts", account=name)
    stack.add("assets", asset="USDC", price=1.0)
    return stack


def _market(stack: Stack, name: str, market: str, served: dict, spec: dict, perp: dict) -> None:
    row = {"underlying": name, "settle": "USDC", "quote": "USD", "mark": served["mark_price"], "delta": served["delta"]}
    row["index"] = perp["underlying_price"]
    if spec["asset_kind"] == "PERP":
        row |= {"kind": "perp", "funding_rate": served["funding_rate"]}
    else:
        symbol = xm.symbols.parse(market, "paradex")
        row |= {"kind": "option", "strike": spec["strike_price"], "option_type": spec["option_type"][0]}
        row |= {"expiry": symbol.expiry, "iv": served["mark_iv"], "rate": perp["interest_rate"]}
    stack.add("instruments", instrument=f"{market}@{name}", **row)


def _scope(stack: Stack, name: str, served: dict, specs: dict, pm: dict | None) -> None:
    perp = next(m for m in served if m.endswith("-PERP"))
    fee = {key: max(m["fee_rate"] for m in served.values()) for key in ("perp_fee", "option_fee")}
    if pm:
        stack.scope(name, **fee, **block(pm))
        return
    tables = [s["option_cross_margin_params"] for s in specs.values() if s["option_cross_margin_params"]]
    option = {f"option_{k}": [tables[0][k][c] for c in OPTION_KEYS] for k in ("imf", "mmf")} if tables else {}
    params = specs[perp]["delta1_cross_margin_params"]
    stack.scope(name, imf=params["imf_base"], mmf_factor=params["mmf_factor"], **fee, **option)


def block(pm: dict[str, Any]) -> dict[str, Any]:
    """Portfolio-margin configuration of one base asset as the rulebook's parameters."""
    vol = pm["vol_shock_params"]
    return {
        "unhedged": pm["unhedged_margin_factor"],
        "hedged": pm["hedged_margin_factor"],
        "mmf_factor": pm["mmf_factor"],
        "vega_power_short": vol["vega_power_short_dte"],
        "vega_power_long": vol["vega_power_long_dte"],
        "dte_floor": vol["dte_floor_days"],
        "min_vol_up": vol["min_vol_shock_up"],
        "scenarios": [[s["spot_shock"], s["vol_shock"], s["weight"]] for s in pm["scenarios"]],
    }
