"""What OKX serves: position tiers, discount rates, the position builder's answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import InputError
from ...params import Params
from ...tiers import merged

TYPES = ("SWAP", "FUTURES", "OPTION", "MARGIN")


def loaded(payload: Any, p: Params) -> Params:
    """Parameters with a position-tiers or discount-rate response of OKX in place.

    ``payload`` is the JSON as served, ``{"code": "0", "data": […]}``. A position-tiers response does not say what was
    asked for: add the request's ``instType`` (SWAP, FUTURES, OPTION, MARGIN) and, for MARGIN by currency, its ``ccy``.
    Raises InputError where the payload is neither or a field is missing.
    """
    rows = payload.get("data", []) if isinstance(payload, dict) else []
    first = rows[0] if rows else {}
    try:
        if "discountInfo" in first or "details" in first:
            return _discounts(rows, p)
        if "mmr" in first:
            return _tiers(rows, payload, p)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"OKX response: {error!r} in {str(first)[:200]}") from None
    raise InputError("neither a position-tiers nor a discount-rate response of OKX")


def _discounts(rows: list[dict[str, Any]], p: Params) -> Params:
    fresh = {}
    for row in rows:
        info = row.get("details") or row["discountInfo"]
        slices = [[float(t["minAmt"]), float(t["discountRate"])] for t in info]
        end = info[-1].get("maxAmt") or ""
        fresh[row["ccy"]] = [*slices, [float(end)]] if end else slices
    usd = {k: v for k, v in p["discount_usd"].items() if k not in fresh}
    name = f"discount-rate response: {', '.join(fresh)[:200]}"
    return p.override(name, discount={**p["discount"], **fresh}, discount_usd=usd)


def _tiers(rows: list[dict[str, Any]], payload: dict[str, Any], p: Params) -> Params:
    kind = str(payload.get("instType", "")).upper()
    if kind not in TYPES:
        raise InputError(f"a position-tiers response needs the request's instType beside it: {', '.join(TYPES)}")
    rows = sorted(rows, key=lambda r: int(r["tier"]))
    if kind == "MARGIN":
        return _borrowing(rows, payload, p)
    columns: dict[str, list[Any]] = {c: [] for c in ("key", "floor", "cap", "rate", "max_leverage")}
    factors: dict[str, list[Any]] = {c: [] for c in ("key", "floor", "rate")}
    for family in dict.fromkeys(r["instFamily"] or r["uly"] for r in rows):
        own = [r for r in rows if (r["instFamily"] or r["uly"]) == family]
        floors = [0.0, *(float(r["maxSz"]) for r in own[:-1])]
        for row, floor in zip(own, floors, strict=True):
            _append(factors, f"{kind} {family}", floor, float(row.get("optMgnFactor") or 0) or 1.0)
            cells = (floor, float(row["maxSz"]), float(row["mmr"] or 0), float(row["maxLever"] or 0) or np.nan)
            _append(columns, f"{kind} {family}", *cells)
    name = f"position-tiers response: {', '.join(dict.fromkeys(columns['key']))[:200]}"
    if kind == "OPTION":
        return p.override(name, option_factor=merged(p["option_factor"], factors))
    return p.override(name, tiers=merged(p["tiers"], columns))


def _append(columns: dict[str, list[Any]], *cells: Any) -> None:
    for column, cell in zip(columns.values(), cells, strict=True):
        column.append(cell)


def _borrowing(rows: list[dict[str, Any]], payload: dict[str, Any], p: Params) -> Params:
    asset = payload.get("ccy")
    if not asset:
        raise InputError("a MARGIN position-tiers response needs the request's ccy beside it")
    floors = [0.0, *(float(r["maxSz"]) for r in rows[:-1])]
    tiers = [[f, float(r["mmr"]), float(r["imr"])] for f, r in zip(floors, rows, strict=True)]
    return p.override(f"position-tiers response: MARGIN {asset}", borrow={**p["borrow"], asset: tiers})
