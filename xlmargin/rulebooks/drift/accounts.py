"""Drift v2 market accounts in the program's integers: from parameters and prices, and from decoded accounts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import InputError
from ...integers import POWERS, muldiv, quanta
from ...market import PERP, Market
from ...params import Params
from .weights import scaled_initial

USD = 10**6
WEIGHTS = (
    "asset_initial",
    "asset_maintenance",
    "liability_initial",
    "liability_maintenance",
    "imf",
    "decimals",
    "start",
)
PERP_KEYS = (
    "margin_ratio_initial",
    "margin_ratio_maintenance",
    "imf_factor",
    "high_leverage_margin_ratio_initial",
    "high_leverage_margin_ratio_maintenance",
    "unrealized_pnl_imf_factor",
    "unrealized_pnl_initial_asset_weight",
    "unrealized_pnl_maintenance_asset_weight",
)


def prepared(market: Market, p: Params, strict: bool) -> dict[str, Any]:
    """Everything that holdings do not change, by instrument (I,) and asset (C,)."""
    names, code = np.unique(market.assets.astype(str), return_inverse=True)
    number = {name: c for c, name in enumerate(names)}
    return {
        **_spot(market, p, strict),
        **_perps(market, p),
        "is_perp": market.kind == PERP,
        "price": quanta(np.nan_to_num(market["mark"]), 6),
        "code": code,
        "tokens": len(names),
        "traded": _traded(market),
        "is_quote": market.assets == p["quote"],
        "token_of": np.array([number.get(str(u), -1) for u in market.underlying], np.int64),
        "order_charge": _usd(p["open_order_requirement"]),
        "profit_cap": _usd(p["max_positive_pnl_initial"]),
    }


def _traded(market: Market) -> np.ndarray:
    """Number of the asset that each instrument's underlying is (I,), in its own world; −1 where there is none."""
    named = np.full(len(market.scopes), "", object)
    named[market.scope[::-1]] = market.underlying[::-1]
    return market.asset_of_scope(named)[market.scope]


def _usd(amount: float) -> int:
    return int(quanta(np.array([float(amount)]), 6)[0])


def _spot(market: Market, p: Params, strict: bool) -> dict[str, Any]:
    """Weights, decimals and prices of tokens (C,); initial asset weights scaled by all deposits."""
    rows = [p["spot"].get(str(a), (0, 0, 0, 0, 0, 6, 0)) for a in market.assets]
    table = np.array(rows, np.float64).reshape(-1, len(WEIGHTS))
    spot = {name: table[:, k].astype(np.int64) for k, name in enumerate(WEIGHTS)}
    current, low, high = _prices(market, strict)
    deposits = market.asset_columns.get("total_deposits", np.full(len(rows), np.nan))
    in_usd = muldiv(quanta(np.nan_to_num(deposits), spot["decimals"]), current, POWERS[spot["decimals"]])
    return {
        "spot": spot,
        "decimals": spot["decimals"],
        "initial_asset": scaled_initial(spot["asset_initial"], spot["start"] * USD, in_usd),
        "unscaled": (spot["start"] > 0) & np.isnan(deposits),
        "current": current,
        "low": low,
        "high": high,
    }


def _prices(market: Market, strict: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Price of each asset (C,) in 1e-6: as it is, and in strict mode the lower and higher of it and its average."""
    current = quanta(np.nan_to_num(market.price), 6)
    average = market.asset_columns.get("twap")
    if not strict or average is None:
        return current, current, current
    average = np.where(np.isnan(average), current, quanta(np.nan_to_num(average), 6))
    return current, np.minimum(current, average), np.maximum(current, average)


def _perps(market: Market, p: Params) -> dict[str, Any]:
    """Ratios and weights of perpetual markets (I,)."""
    read, scope = p.on(market.scopes), market.scope
    of = {k: read(k)[scope].astype(np.int64) if len(market) else np.zeros(0, np.int64) for k in PERP_KEYS}
    most = read("unrealized_pnl_max_imbalance")[scope] if len(market) else np.zeros(0)
    owed, kinds = market.column("net_user_pnl"), read("contract_type") if len(market) else []
    return {
        "of": {**of, "unrealized_pnl_max_imbalance": quanta(most, 6)},
        "unbalanced": (most > 0) & np.isnan(owed),
        "owed": quanta(np.nan_to_num(owed), 6),
        "prediction": np.array([kinds[s] == "prediction" for s in scope], bool),
    }


def loaded(payload: Any, p: Params) -> Params:
    """Parameters with decoded market accounts in place.

    ``payload``: {"perpMarkets": [{"symbol": "SOL-PERP", "marginRatioInitial", …}], "spotMarkets": [{"symbol",
    "decimals", "initialAssetWeight", …}]} with the program's field names and integers.
    """
    try:
        by = {m["symbol"].partition("-")[0]: _perp_market(m) for m in payload.get("perpMarkets", [])}
        spot = {m["symbol"]: _spot_market(m) for m in payload.get("spotMarkets", [])}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"Drift market accounts: {type(error).__name__} {error}") from None
    return p.override("Drift market accounts", by=by, spot={**p["spot"], **spot})


def _perp_market(m: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {k: int(m[_field(k)]) for k in PERP_KEYS[:2]}
    out |= {k: int(m[_field(k)]) for k in PERP_KEYS[2:] if _field(k) in m}
    if "unrealizedPnlMaxImbalance" in m:
        out["unrealized_pnl_max_imbalance"] = int(m["unrealizedPnlMaxImbalance"]) / USD
    return out | {"contract_type": str(m.get("contractType", "perpetual")).casefold()}


def _field(key: str) -> str:
    """Our parameter as the program's clients spell it.

    >>> _field("margin_ratio_initial")
    'marginRatioInitial'
    """
    first, *rest = key.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _spot_market(m: dict[str, Any]) -> list[float]:
    fields = ("initialAssetWeight", "maintenanceAssetWeight", "initialLiabilityWeight", "maintenanceLiabilityWeight")
    start = int(m.get("scaleInitialAssetWeightStart", 0)) / USD
    return [*(int(m[f]) for f in fields), int(m.get("imfFactor", 0)), int(m["decimals"]), start]
