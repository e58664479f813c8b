"""dYdX's repository vectors: integers for the engine, and accounts for the rule where a row can be one."""

from __future__ import annotations

from typing import Any

import numpy as np

import xlmargin as xm
from tests.onchain_cases import Stack
from xlmargin.rulebooks.dydx.liquidation import Held, Subaccount

LIST = ("price", "exponent", "quantums", "initialMarginPpm", "maintenanceFractionPpm")


def one(value: int) -> np.ndarray:
    """A row of one whole number, of any size."""
    return np.array([value], np.int64 if abs(value) < 2**62 else object)


def margin_rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Both lists of margin requirements under one set of names."""
    first = [
        {
            **{k: c[k] for k in LIST},
            "name": c["name"],
            "resolution": c["atomicResolution"],
            "interest": c["openInterest"],
            "lower": c["openInterestLowerCap"],
            "upper": c["openInterestUpperCap"],
            "imr": c["expected_imr"],
            "mmr": c["expected_mmr"],
        }
        for c in data["cases"]["margin_requirements"]
    ]
    second = [
        {
            **{k: c[k] for k in LIST if k != "quantums"},
            "name": c["name"],
            "quantums": c["bigBaseQuantums"],
            "resolution": c["baseCurrencyAtomicResolution"],
            "interest": c.get("openInterest", 0),
            "lower": c.get("openInterestLowerCap", 0),
            "upper": c.get("openInterestUpperCap", 0),
            "imr": c["bigExpectedInitialMargin"],
            "mmr": c["bigExpectedMaintenanceMargin"],
        }
        for c in data["cases"]["margin_requirements_2"]
    ]
    return first + second


def as_margin(rows: list[dict[str, Any]]) -> xm.Margin:
    """The rows as accounts of one position each; a price of zero cannot be one."""
    stack, tiers = Stack(), {}
    for row in rows:
        name, step = row["name"], 10.0 ** row["resolution"]
        mark = float(f"{row['price']}e{row['exponent']}")
        quantity, interest = (float(f"{row[k]}e{row['resolution']}") for k in ("quantums", "interest"))
        caps = [row[k] / 1e6 for k in ("lower", "upper")]
        tiers[name] = [row["initialMarginPpm"], row["maintenanceFractionPpm"], *caps]
        stack.scope(name, tier=name, atomic_resolution=row["resolution"])
        common = {"kind": "perp", "underlying": name, "settle": "USDC"}
        stack.add("instruments", instrument=name, mark=mark, open_interest=interest, **common)
        stack.add("positions", instrument=name, quantity=quantity or step, entry_price=mark, account=name)
    return stack.margin("dydx.cross", tiers=tiers)


def subaccount(case: dict[str, Any], data: dict[str, Any]) -> Subaccount:
    """A subaccount of the liquidation tests."""
    markets = {m["id"]: m for m in case["perpetuals"]}
    positions = {}
    for p in case["positions"]:
        m = markets[p["perpetual"]]
        tier, price = data["test_liquidity_tiers"][str(m["tier"])], data["test_prices"][str(m["market"])]
        exponent = price["exponent"] + m["res"] + 6
        positions[p["perpetual"]] = Held(p["quantums"], price["price"], exponent, tier["im"], tier["mf"])
    return Subaccount(case["usdc_quantums"], positions)


def usd_subaccount(case: dict[str, Any], data: dict[str, Any]) -> tuple[Subaccount, dict[str, int]]:
    """A subaccount of the second file, in dollars and coins of 1e-8."""
    number = {name: n for n, name in enumerate(data["oracle_price"])}
    base = round(data["initial_margin_fraction"] * 1e6)
    kept = round(data["maintenance_margin_fraction"] / data["initial_margin_fraction"] * 1e6)
    positions = {
        number[name]: Held(coins(size), int(data["oracle_price"][name]), -8 + 6, base, kept)
        for name, size in case["positions"]
    }
    return Subaccount(round(case["quote_balance_usd"] * 1e6), positions), number


def coins(text: str) -> int:
    """A fraction of a coin in base quantums of 1e-8."""
    top, _, bottom = text.partition("/")
    return int(top) * 10**8 // int(bottom or 1)


def accounts(cases: list[dict[str, Any]], data: dict[str, Any]) -> xm.Margin:
    """Whole subaccounts as accounts whose USDC is the chain's quote balance."""
    stack, tiers = Stack(), {}
    for n, case in enumerate(cases):
        name = f"{n}"
        stack.add("accounts", account=name, balance="quote")
        stack.add("balances", asset="USDC", amount=case["usdc_quantums"] / 1e6, account=name)
        markets = {m["id"]: m for m in case["perpetuals"]}
        for p in case["positions"]:
            m = markets[p["perpetual"]]
            own, price = f"{name} {m['id']}", data["test_prices"][str(m["market"])]
            tier = data["test_liquidity_tiers"][str(m["tier"])]
            tiers[own] = [tier["im"], tier["mf"], 0, 0]
            stack.scope(own, tier=own, atomic_resolution=m["res"])
            mark = float(f"{price['price']}e{price['exponent']}")
            stack.add("instruments", instrument=own, kind="perp", underlying=own, settle="USDC", mark=mark)
            quantity = float(f"{p['quantums']}e{m['res']}")
            stack.add("positions", instrument=own, quantity=quantity, account=name)
    return stack.margin("dydx.cross", tiers=tiers)
