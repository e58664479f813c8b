"""What Bybit serves: risk limits, tiered collateral ratios, borrowing tiers, the portfolio-margin figures."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from ...errors import InputError
from ...params import Params
from ...symbols import parse
from ...tiers import Tiers, merged

CONTINGENCIES = {
    "option_contingency": "optionContingency",
    "vega_contingency": "optionVegaContingency",
    "delta_contingency": "futureDeltaContingency",
    "usdt_usdc_contingency": "usdtUsdcContingency",
}


def loaded(payload: Any, p: Params) -> Params:
    """Parameters with a response of Bybit's V5 API in place, as served (``{"retCode": 0, "result": {…}}``).

    GET /v5/market/risk-limit, /v5/spot-margin-trade/collateral, /v5/spot-margin-trade/position-tiers and
    /v5/asset/portfolio-margin. Raises InputError where it is none of them or a field is missing, ParameterError where
    a deduction does not follow from the rates.
    """
    result = payload.get("result", {}) if isinstance(payload, dict) else {}
    rows = result.get("list") or result.get("assetPnlRange") or [{}]
    first = rows[0]
    try:
        if "riskLimitValue" in first:
            return _risk_limits(rows, p)
        if "collateralRatioList" in first:
            return _collateral(rows, p)
        if "positionTiersRatioList" in first:
            return _borrow(rows, p)
        if "contingency" in first:
            return _contingencies(rows, p)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise InputError(f"Bybit response: {error!r} in {str(first)[:200]}") from None
    raise InputError("no response of Bybit that is known: risk-limit, collateral, position-tiers, portfolio-margin")


def _risk_limits(rows: list[dict[str, Any]], p: Params) -> Params:
    columns: dict[str, list[Any]] = {c: [] for c in ("key", "floor", "cap", "rate", "max_leverage", "cum")}
    floor: dict[str, float] = {}
    for row in sorted(rows, key=lambda r: (r["symbol"], float(r["riskLimitValue"]))):
        key, limit = _contract(row["symbol"]), float(row["riskLimitValue"])
        scale = _scale(row)
        cells = (key, floor.get(key, 0.0), limit, float(row["maintenanceMargin"]) * scale, float(row["maxLeverage"]))
        for column, cell in zip(columns.values(), (*cells, float(row.get("mmDeduction") or np.nan)), strict=True):
            column.append(cell)
        floor[key] = limit
    table = merged(p["tiers"], columns)
    Tiers.of(table, "risk-limit response", inclusive=True)
    return p.override(f"risk-limit response: {', '.join(floor)[:200]}", tiers=table)


def _scale(row: dict[str, Any]) -> float:
    """0.01 where rates are in percent, as in older samples, else 1: the initial rate is one over the leverage."""
    return 0.01 if float(row["initialMargin"]) * float(row["maxLeverage"]) > 10 else 1.0


def _contract(name: str) -> str:
    """Bybit's symbol as the key of the tables."""
    s = parse(name, "bybit")
    date = f"-{dt.datetime.fromtimestamp(s.expiry, dt.UTC):%y%m%d}" if s.kind == "future" else ""
    return f"{s.underlying}/{s.quote}:{s.settle}{date}"


def _collateral(rows: list[dict[str, Any]], p: Params) -> Params:
    fresh = {}
    for row in rows:
        tiers = row["collateralRatioList"]
        slices = [[float(t["minQty"]), float(t["collateralRatio"])] for t in tiers]
        end = tiers[-1].get("maxQty")
        fresh[row["currency"]] = [*slices, [float(end)]] if end else slices
    return p.override(f"collateral response: {', '.join(fresh)[:200]}", collateral={**p["collateral"], **fresh})


def _borrow(rows: list[dict[str, Any]], p: Params) -> Params:
    fresh = {}
    for row in rows:
        tiers = sorted(row["positionTiersRatioList"], key=lambda t: int(t["tier"]))
        floors = [0.0, *(float(t["borrowLimit"]) for t in tiers[:-1])]
        rates = ([float(t["positionMMR"]), float(t["positionIMR"])] for t in tiers)
        fresh[row["currency"]] = [[f, *r] for f, r in zip(floors, rates, strict=True)]
    return p.override(f"position-tiers response: {', '.join(fresh)[:200]}", borrow={**p["borrow"], **fresh})


def _contingencies(rows: list[dict[str, Any]], p: Params) -> Params:
    by = {
        row["baseCoin"]: {ours: float(row["contingency"][theirs]) for ours, theirs in CONTINGENCIES.items()}
        for row in rows
    }
    return p.override(f"portfolio-margin response: {', '.join(by)[:200]}", by=by)
