"""What the portfolio manager makes of each expiry and option before anyone holds it.

Source: derivexyz/v2-core@7736900d PMRMLib_2.sol (volatility shock, skew, static discounts).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...market import OPTION, Market
from ...pricing import SMALLEST, YEAR, black76, blocks
from .ladder import Ladder

DAY = 86400.0


def curves(market: Market, read: Any, first: np.ndarray) -> dict[str, np.ndarray]:
    """What each expiry (G,) brings: discounts, volatility factors, the part of the forward already fixed."""
    scope, seconds = market.scope[first], np.fmax(market["expiry"][first] - market.as_of, 0.0)
    tau, rate = seconds / YEAR, np.fmax(market["rate"][first], 0.0)
    at = lambda key: read(key)[scope]  # noqa: E731
    forward = market["forward"][first]
    fixed = market.column("forward_fixed")[first]
    settling = at("settlement_seconds")
    fixed = np.where(np.isnan(fixed), np.maximum(settling - seconds, 0.0) / settling * forward, fixed)
    reference = at("vol_reference_days") * DAY
    power = np.where(seconds <= reference, at("short_term_power"), at("long_term_power"))
    with np.errstate(divide="ignore"):
        reach = (reference / np.maximum(seconds, at("dte_floor_days") * DAY)) ** power
    discount = np.exp(-rate * tau)
    short = at("short_base_static_discount") * np.exp(tau * (rate * at("short_rate_mult") + at("short_rate_add")))
    long = at("long_base_static_discount") * np.exp(-tau * (rate * at("long_rate_mult") + at("long_rate_add")))
    root = np.sqrt(tau)
    steep = root * at("width_scale") * (at("vol_param_static") + root * at("vol_param_scale"))
    return {
        "root": root,
        "star": np.maximum(at("min_k_star"), steep),
        **{f"{name}_cap": at(f"{name}_cbase") * root + at(f"{name}_base_cap") for name in ("linear", "abs")},
        "discount": discount,
        "fixed": fixed,
        "variable": forward - fixed,
        "up": 1.0 + at("range_up") * reach,
        "down": np.maximum(0.0, 1.0 - at("range_down") * reach),
        "positive": long,
        "negative": np.minimum(1.0 / discount, short),
        "basis": at("add_factor") + at("mult_factor") * tau,
    }


def unit_values(
    market: Market, read: Any, ladder: Ladder, curve: dict[str, np.ndarray], expiry_of: np.ndarray
) -> np.ndarray:
    """Value of one contract (I, S+3) in every scenario, then at the basis moves up and down, then as marked."""
    o = np.flatnonzero(market.kind == OPTION)
    value = np.empty((len(o), ladder.width + 3))
    states = _volatilities(market, read, curve, o, expiry_of[o])
    for some in blocks(*value.shape):
        i, scope = o[some], market.scope[o[some]]
        if len(market.scopes) == 1:
            vol = np.take(states[some], ladder.state[0], axis=1)
        else:
            vol = np.take_along_axis(states[some], ladder.state[scope], axis=1)
        _price(market, curve, i, expiry_of[i], ladder, vol, value[some])
    if len(o) == len(market):
        return value
    unit = np.zeros((len(market), ladder.width + 3))
    unit[o] = value
    return unit


def _price(
    market: Market,
    curve: dict[str, np.ndarray],
    i: np.ndarray,
    e: np.ndarray,
    ladder: Ladder,
    vol: np.ndarray,
    out: np.ndarray,
) -> None:
    """Black-76 of options ``i`` (O,) of expiries ``e`` after the moves of their scopes, at ``vol`` (O, S+3)."""
    scope = market.scope[i] if len(market.scopes) > 1 else [0]
    strike = market["strike"][i, None]
    forward = curve["variable"][e, None] * ladder.factor[scope]
    fixed = curve["fixed"][e]
    if fixed.any():
        forward += fixed[:, None]
    moneyness = _moneyness(strike, market["forward"][i, None], ladder.log[scope], forward, fixed != 0)
    size = market["contract_size"][i, None] * curve["discount"][e, None]
    black76(forward, strike, vol, market.call[i, None], size, moneyness, out)


def _moneyness(
    strike: np.ndarray, forward: np.ndarray, log_moves: np.ndarray, moved: np.ndarray, late: np.ndarray
) -> np.ndarray:
    """ln(strike / moved forward) (O, S): logarithms of moves are taken once a scope; ``late`` forwards move less."""
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.log(np.maximum(strike / forward, SMALLEST)) - log_moves
        if late.any():
            out[late] = np.log(np.maximum(strike[late] / moved[late], SMALLEST))
    return out


def _volatilities(market: Market, read: Any, curve: dict[str, np.ndarray], o: np.ndarray, e: np.ndarray) -> np.ndarray:
    """Volatility × √tau of each option as it is, raised, lowered, skewed linearly and absolutely (O, 5)."""
    iv, root, star = market["iv"][o], curve["root"][e], curve["star"][e]
    as_it_is = iv * root
    with np.errstate(divide="ignore", invalid="ignore"):
        k = np.log(np.maximum(market["strike"][o], SMALLEST) / market["forward"][o])
    states = np.empty((len(o), 5))
    states[:, 0] = as_it_is
    states[:, 1] = np.maximum(read("min_vol_up_shock")[market.scope[o]], iv * curve["up"][e]) * root
    states[:, 2] = iv * curve["down"][e] * root
    states[:, 3] = as_it_is * _skew(k, curve["linear_cap"][e], star)
    states[:, 4] = as_it_is * _skew(np.abs(k), curve["abs_cap"][e], star)
    return states


def _skew(moneyness: np.ndarray, cap: np.ndarray, star: np.ndarray) -> np.ndarray:
    """Factor of the volatility (O,): with the moneyness up to 1 + ``cap`` at ``star``, and down below the money."""
    slope = moneyness * cap / star
    move = np.where(moneyness >= 0, np.minimum(cap, slope), np.maximum(-cap, slope))
    return np.maximum(0.0, 1.0 + move)
