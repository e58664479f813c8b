"""Paradex portfolio margin: what each instrument is worth in each scenario.

Source: paradex-py@334a7f81 paradex_py/margin (behaviour only). The normal distribution is the polynomial of Abramowitz
and Stegun 7.1.26 as there; beyond 1e-7 nothing else is equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...market import OPTION, Market
from ...params import Params

COEFFICIENTS = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
CURVE = 0.3275911
DAY, MONTH, YEAR_DAYS = 86400.0, 30.0, 365.0


def normal(x: np.ndarray) -> np.ndarray:
    """Normal distribution by Abramowitz and Stegun 7.1.26 (absolute error below 1.5e-7)."""
    z = np.abs(x) / np.sqrt(2.0)
    t = 1.0 / (1.0 + CURVE * z)
    sum_ = np.zeros_like(t)
    for c in COEFFICIENTS:
        sum_ = sum_ * t + c
    return 0.5 * (1.0 + np.sign(x) * (1.0 - sum_ * t * np.exp(-z * z)))


def black_scholes(
    spot: np.ndarray, strike: np.ndarray, tau: np.ndarray, rate: np.ndarray, vol: np.ndarray, call: np.ndarray
) -> np.ndarray:
    """European option on spot; intrinsic value at or after expiry. All arguments broadcast.

    call = S·N(d1) − K·e^(−rT)·N(d2), d1 = (ln S/K + (r + v²/2)·T) / (v·√T); puts likewise.

    >>> round(float(black_scholes(*(np.array([x]) for x in (100.0, 100.0, 1.0, 0.0, 0.2, True)))[0]), 3)
    7.966
    """
    root = vol * np.sqrt(tau)
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = (np.log(spot / strike) + (rate + 0.5 * vol * vol) * tau) / root
    d2, paid = d1 - root, strike * np.exp(-rate * tau)
    sign = np.where(call, 1.0, -1.0)
    value = sign * (spot * normal(sign * d1) - paid * normal(sign * d2))
    return np.where(root > 0, value, np.maximum(sign * (spot - strike), 0.0))


def ladders(market: Market, p: Params) -> np.ndarray:
    """Spot move, volatility move and weight by scope and scenario (U, S, 3); padded with rows of weight 0."""
    tables = p.on(market.scopes)("scenarios") if len(market.scopes) else []
    width = max(map(len, tables), default=1)
    out = np.zeros((len(tables), width, 3))
    for u, table in enumerate(tables):
        out[u, : len(table)] = table
    return out


def prices(market: Market, p: Params, moves: np.ndarray) -> np.ndarray:
    """Price of each instrument in each scenario (I, S): perpetuals keep their basis, options Black-Scholes on spot.

    Volatility moves by 1 + move·(30/max(floor, days))^power; where it moves up it is at least the floor of the scope.
    """
    scope, read = market.scope, p.on(market.scopes)
    spot = market.on_scope("index")[scope]
    shocked = (spot[:, None] * (1.0 + moves[scope, :, 0])) if len(market) else np.zeros((0, moves.shape[1]))
    out = shocked * (1.0 + ((market["mark"] - spot) / spot)[:, None])
    o = np.flatnonzero(market.kind == OPTION)
    if not len(o):
        return out
    at = lambda key: read(key)[scope[o]]  # noqa: E731
    days = market.seconds[o] / DAY
    power = np.where(days < MONTH, at("vega_power_short"), at("vega_power_long"))
    reach = (MONTH / np.maximum(at("dte_floor"), days)) ** power
    move = moves[scope[o], :, 1]
    vol = market["iv"][o, None] * np.maximum(1.0 + move * reach[:, None], 0.0)
    vol = np.where(move > 0, np.maximum(vol, at("min_vol_up")[:, None]), vol)
    tau, rate = days / YEAR_DAYS, np.nan_to_num(market["rate"][o])
    out[o] = black_scholes(
        shocked[o], market["strike"][o, None], tau[:, None], rate[:, None], vol, market.call[o, None]
    )
    return out


def live_fraction(market: Market, p: Params) -> np.ndarray:
    """Share of an option's result that is still open (I,): falls to zero over the settlement average."""
    window = p["settlement_minutes"] * 60.0
    with np.errstate(invalid="ignore"):
        return np.where(market.kind == OPTION, np.clip(np.nan_to_num(market.seconds) / window, 0.0, 1.0), 1.0)


def deltas(market: Market) -> np.ndarray:
    """Delta of one unit (I,): as served, else mark over spot for perpetuals and N(d1) for options."""
    spot = market.on_scope("index")[market.scope]
    plain = market["mark"] / spot
    tau = np.nan_to_num(market.seconds) / DAY / YEAR_DAYS
    rate = np.nan_to_num(market["rate"])
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = (np.log(spot / market["strike"]) + (rate + 0.5 * market["iv"] ** 2) * tau) / (market["iv"] * np.sqrt(tau))
    option = normal(d1) - np.where(market.call, 0.0, 1.0)
    given = market.column("delta")
    return np.where(np.isnan(given), np.where(market.kind == OPTION, option, plain), given)


def prepared(market: Market, p: Params) -> dict[str, Any]:
    """All that the scan needs and holdings do not change."""
    moves = ladders(market, p)
    return {
        "moves": moves,
        "price": prices(market, p, moves),
        "live": live_fraction(market, p),
        "delta": np.nan_to_num(deltas(market)),
    }
