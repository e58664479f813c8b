"""Paradex funding: the eight-hour rate from a premium, or from the index that the venue publishes.

Source: tradeparadex/paradex-docs@9b82a75a funding-mechanism.mdx; paradex-py@334a7f81.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...params import Params

HOUR_MS = 3_600_000


def raw_rate(premium: float, p: Params, base: str = "BTC") -> float:
    """Eight-hour rate of a premium rate: clip(multiplier·(P + clip(baseline − P, ±clamp)), ±cap).

    >>> import xlmargin as xm
    >>> round(raw_rate(0.0008, xm.model("paradex.portfolio").params(1_790_000_000)), 12)
    0.0003
    """
    clamp, cap = p["funding_clamp"], p.get("funding_cap", base)
    pulled = premium + min(max(p["funding_baseline"] - premium, -clamp), clamp)
    return min(max(p["funding_multiplier"] * pulled, -cap), cap)


def index_change(rate: float, spot: float, seconds: float, p: Params) -> float:
    """Growth of the funding index over some seconds: rate · spot a funding period."""
    return rate * spot * seconds / (p["funding_hours"] * 3600.0)


def rate_of_index(series: Sequence[tuple[float, float]], at: float, spot: float, p: Params) -> float:
    """Eight-hour rate at ``at`` (ms) from an index series [(ms, index)]: its growth over the period, over spot."""
    before = [value for moment, value in series if moment <= at - p["funding_hours"] * HOUR_MS]
    now = [value for moment, value in series if moment <= at]
    return (now[-1] - before[-1]) / spot
