"""What the portfolio manager makes of each expiry and option before anyone holds it.

Source: derivexyz/v2-core@7736900d PMRMLib_2.sol (volatility shock, skew, static discounts).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...market import OPTION, Market
from ...pricing import SMALLEST, YEAR, black76, blocks
from ...scenarios import Scenarios

DAY = 86400.0


def curves(market: Market, read: Any, first: np.ndarray) -> dict[str, np.ndarray]:
    """What each expiry (G,) brings: discounts, volatility factors, the part of the forward already fixed."""
    scope, seconds = market.scope[first], np.nan_to_num(market.seconds[first])
    tau, rate = seconds / YEAR, np.maximum(np.nan_to_num(market["rate"][first]), 0.0)
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
    return {
        "tau": tau,
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
    market: Market, read: Any, ladder: Scenarios, curve: dict[str, np.ndarray], expiry_of: np.ndarray
) -> np.ndarray:
    """Value of one contract (I, S+3) in every scenario, then at the basis moves up and down, then as marked."""
    unit = np.zeros((len(market), ladder.width + 3))
    o = np.flatnonzero(market.kind == OPTION)
    if not len(o):
        return unit
    basis = np.stack([read("scenario_spot_up"), read("scenario_spot_down"), np.ones(len(ladder.price))], axis=1)
    moves = np.hstack([ladder.price, basis])
    logs, states, state = np.log(moves), *_volatilities(market, read, ladder, curve, o, expiry_of[o])
    for some in blocks(len(o), unit.shape[1]):
        i, vol = o[some], _at_state(states[some], state, market.scope[o[some]])
        unit[i] = _values(market, curve, i, expiry_of[i], moves, logs, vol)
    return unit


def _values(
    market: Market,
    curve: dict[str, np.ndarray],
    i: np.ndarray,
    e: np.ndarray,
    moves: np.ndarray,
    logs: np.ndarray,
    vol: np.ndarray,
) -> np.ndarray:
    """Black-76 of options ``i`` (O,) of expiries ``e`` after the moves of their scopes (U, S), at ``vol`` (O, S)."""
    scope, strike = market.scope[i], market["strike"][i, None]
    forward = curve["variable"][e, None] * _rows(moves, scope)
    fixed = curve["fixed"][e]
    if fixed.any():
        forward += fixed[:, None]
    moneyness = _moneyness(strike, market["forward"][i, None], _rows(logs, scope), forward, fixed != 0)
    size = market["contract_size"][i, None] * curve["discount"][e, None]
    return black76(forward, strike, vol, market.call[i, None], size, moneyness)


def _rows(table: np.ndarray, scope: np.ndarray) -> np.ndarray:
    """A table by scope (U, S) as one row an option: a single row that broadcasts where there is one scope."""
    return table if len(table) == 1 else table[scope]


def _moneyness(
    strike: np.ndarray, forward: np.ndarray, log_moves: np.ndarray, moved: np.ndarray, late: np.ndarray
) -> np.ndarray:
    """ln(strike / moved forward) (O, S): logarithms of moves are taken once a scope; ``late`` forwards move less."""
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.log(np.maximum(strike / forward, SMALLEST)) - log_moves
        if late.any():
            out[late] = np.log(np.maximum(strike[late] / moved[late], SMALLEST))
    return out


def _volatilities(
    market: Market, read: Any, ladder: Scenarios, curve: dict[str, np.ndarray], o: np.ndarray, e: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Volatility × √tau of each option as it is, raised, lowered and skewed (O, 5), and which a column takes (U, S+3).

    The last three columns, basis moves and mark, take it as it is.
    """
    iv, scope, root = market["iv"][o], market.scope[o], np.sqrt(curve["tau"][e])
    raised = np.maximum(read("min_vol_up_shock")[scope], iv * curve["up"][e])
    states = np.stack([iv, raised, iv * curve["down"][e]], axis=1) * root[:, None]
    states = np.hstack([states, (iv * root)[:, None] * _skews(market, read, curve, o, e)])
    plain = ladder.width - ladder.skewed
    state = np.zeros((len(ladder.vol), ladder.width + 3), np.int64)
    state[:, :plain] = ladder.vol[:, :plain]
    state[:, plain : ladder.width] = np.arange(3, 3 + ladder.skewed)
    return states, state


def _at_state(states: np.ndarray, state: np.ndarray, scope: np.ndarray) -> np.ndarray:
    """The volatility of each option in each column (O, S+3); rows stay contiguous, as pricing likes them."""
    return np.take(states, state[0], axis=1) if len(state) == 1 else np.take_along_axis(states, state[scope], axis=1)


def _skews(market: Market, read: Any, curve: dict[str, np.ndarray], o: np.ndarray, e: np.ndarray) -> np.ndarray:
    """Volatility factors (O, 2) of the linear and the absolute skew."""
    at = lambda key: read(key)[market.scope[o]]  # noqa: E731
    root = np.sqrt(curve["tau"][e])
    with np.errstate(divide="ignore", invalid="ignore"):
        k = np.log(np.maximum(market["strike"][o], 1e-18) / market["forward"][o])
    steep = root * at("width_scale") * (at("vol_param_static") + root * at("vol_param_scale"))
    star = np.maximum(at("min_k_star"), steep)
    factors = []
    for name, moneyness in (("linear", k), ("abs", np.abs(k))):
        cap = at(f"{name}_cbase") * root + at(f"{name}_base_cap")
        slope = moneyness * cap / star
        move = np.where(moneyness >= 0, np.minimum(cap, slope), np.maximum(-cap, slope))
        factors.append(np.maximum(0.0, 1.0 + move))
    return np.stack(factors, axis=1)
