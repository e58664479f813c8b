"""Drift's repository accounts: each runs under its own options, as the program's tests do."""

from __future__ import annotations

from typing import Any

import xlmargin as xm
from tests.onchain_cases import Stack

PERP = {"unrealized_pnl_initial_asset_weight": 10000, "unrealized_pnl_maintenance_asset_weight": 10000}


def options(case: dict[str, Any]) -> dict[str, Any]:
    return {
        "strict": "yes" if case.get("strict") else "no",
        "margin_buffer": case.get("margin_buffer", 0),
        "margin_ratio_override": case.get("margin_ratio_override", 0),
    }


def account(case: dict[str, Any], markets: dict[str, Any]) -> xm.Margin:
    """One account of the shared file under drift.cross."""
    stack, name = Stack(), case["id"]
    sol, usdc = markets["SOL"], markets["USDC"]
    average = case.get("twap5", {})
    price = case.get("usdc_price", usdc["price"])
    stack.add("assets", asset="USDC", price=price, twap=average.get("usdc"))
    stack.add("assets", asset="SOL", price=sol["price"], twap=average.get("sol"))
    stack.add("accounts", account=name, max_margin_ratio=case.get("user_max_margin_ratio", 0))
    perp = case["perp"] or {}
    posted = perp.get("isolated_collateral", 0)
    for asset, amount in (("USDC", case["usdc"] + posted), ("SOL", case["sol"])):
        if amount:
            stack.add("balances", asset=asset, amount=amount, account=name)
    _orders(stack, name, case)
    if perp:
        _perp(stack, name, perp)
    stack.scope("SOL", margin_ratio_initial=1000, margin_ratio_maintenance=500)
    weights = {a: [m["ia"], m["ma"], m["il"], m["ml"], 0, m["decimals"], 0] for a, m in markets.items()}
    return stack.margin("drift.cross", options=options(case), spot=weights)


def _orders(stack: Stack, name: str, case: dict[str, Any]) -> None:
    sizes = [size for size in (case["sol_open_bids"], case["sol_open_asks"]) if size]
    if sizes or case["sol_open_orders"]:
        row = {"kind": "spot", "underlying": "SOL", "settle": "USDC", "quote": "USDC"}
        stack.add("instruments", instrument="SOL/USDC", **row)
    _open(stack, "SOL/USDC", name, sizes, case["sol_open_orders"])


def _open(stack: Stack, instrument: str, name: str, sizes: list[float], count: int) -> None:
    """Orders of these signed sizes, and as many that only reduce as are still missing from ``count``."""
    common = {"instrument": instrument, "limit_price": 1.0, "account": name}
    for size in sizes:
        stack.add("orders", quantity=size, **common)
    for _ in range(count - len(sizes)):
        stack.add("orders", quantity=1, reduce_only=True, **common)


def _perp(stack: Stack, name: str, perp: dict[str, Any]) -> None:
    own = "P"
    ratios = {k: perp[k] for k in ("margin_ratio_initial", "margin_ratio_maintenance")}
    stack.scope(own, **ratios, **PERP)
    row = {"kind": "perp", "underlying": own, "settle": "USDC", "quote": "USDC", "mark": perp["price"]}
    stack.add("instruments", instrument=own, **row)
    position: dict[str, Any] = {"instrument": own, "quantity": perp["base"], "account": name}
    cost = perp["price"] * perp["base"] if "upnl_override" in perp else -perp["quote"]
    if perp["base"] and cost / perp["base"] > 0:
        position["entry_price"] = cost / perp["base"]
    elif perp["base"]:
        position |= {"entry_price": perp["price"], "accrued": perp["base"] * perp["price"] - cost}
    else:
        position["accrued"] = perp["quote"]
    if perp.get("max_margin_ratio"):
        position["leverage"] = 10000 / perp["max_margin_ratio"]
    if "isolated_collateral" in perp:
        position |= {"margin_mode": "isolated", "posted_margin": perp["isolated_collateral"]}
    if perp["base"] or perp["quote"]:
        stack.add("positions", **position)
    sizes = [perp[k] for k in ("open_bids", "open_asks") if perp.get(k)]
    _open(stack, own, name, sizes, perp.get("open_orders", len(sizes)))
