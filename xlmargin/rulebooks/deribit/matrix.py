"""The risk matrix of Deribit portfolio margin: what one contract gains or loses in every cell.

Source: https://support.deribit.com/hc/en-us/articles/25944756247837-Portfolio-Margin and the response example of
private/pme/simulate. Futures cells and extended factors are checked to the last digit; the volatility shock, its
minimum and how options are turned into coin are third party or inferred.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...market import OPTION, Market
from ...params import Params
from ...pricing import YEAR, black76, greeks

UP, SAME, DOWN = 0, 1, 2
DAY = 86400.0


def coins_of(market: Market, p: Params, cross: bool) -> list[str]:
    """Coins that have a matrix: the underlyings held and, in a cross account, coins whose equity counts as delta."""
    coins = [str(u) for u in market.scopes]
    if cross:
        coins += [str(a) for a in market.assets if p.by.get(str(a), {}).get("equity_side_impact") == "both"]
    return list(dict.fromkeys(coins))


def moves(p: Params, price_range: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Price moves (U, S) and volatility states (S,) of the standard then the extended table; size of the first.

    m_k = price_range·k/buckets for k = −buckets … buckets, three states each; extended moves with volatility up.
    """
    steps = int(p["buckets_count"])
    k = np.arange(-steps, steps + 1, dtype=np.float64) / steps
    standard = np.repeat(price_range[:, None] * k, 3, axis=1)
    extended = np.broadcast_to(
        np.asarray(p["extended_moves"], np.float64), (len(price_range), len(p["extended_moves"]))
    )
    states = np.concatenate([np.tile([UP, SAME, DOWN], 2 * steps + 1), np.full(extended.shape[1], UP)])
    return np.hstack([standard, extended]), states, standard.shape[1]


def extended_factor(move: np.ndarray, price_range: np.ndarray, factor: np.ndarray, width: int) -> np.ndarray:
    """What an extended cell counts for (U, S) in USD at its move; 1 in the standard table.

    extended_table_factor · price_range / |m|.
    """
    out = np.ones_like(move)
    out[:, width:] = factor[:, None] * price_range[:, None] / np.abs(move[:, width:])
    return out


def damper(move: np.ndarray, price_range: np.ndarray, dampener: np.ndarray, width: int) -> np.ndarray:
    """USD by which an extended cell shrinks towards zero (U, S): (max(|m|/price_range, 1) − 1)·extended_dampener."""
    out = np.zeros_like(move)
    reach = np.abs(move[:, width:]) / price_range[:, None]
    out[:, width:] = (np.maximum(reach, 1.0) - 1.0) * dampener[:, None]
    return out


def landing(move: np.ndarray, price_range: np.ndarray, width: int) -> np.ndarray:
    """Price factor (U, S) at which a cell is turned into coin: 1+m, and the edge of the range in the extended table."""
    out = 1.0 + move
    out[:, width:] = 1.0 + np.sign(move[:, width:]) * price_range[:, None]
    return out


def shocked_volatility(
    iv: np.ndarray, seconds: np.ndarray, states: np.ndarray, read: dict[str, np.ndarray], p: Params
) -> np.ndarray:
    """Volatility of each option (O,) in each cell (O, S); ``read`` gives parameters by option.

    up: max(iv·(1 + range·(30/d)^p), minimum); down: max(iv·(1 − range·(30/d)^p), 0); d at least one day.
    """
    days = np.maximum(seconds / DAY, p["min_vega_days"])
    power = np.where(days < p["vega_power_days"], read["short_term_vega_power"], read["long_term_vega_power"])
    reach = (p["vega_power_days"] / days) ** power
    up = np.maximum(iv * (1.0 + read["volatility_range_up"] * reach), read["min_volatility_for_shock_up"])
    down = np.maximum(iv * (1.0 - read["volatility_range_down"] * reach), 0.0)
    return np.stack([up, iv, down], axis=1)[:, states]


def contract_cells(
    market: Market, coin: np.ndarray, table: dict[str, np.ndarray], p: Params, cross: bool
) -> np.ndarray:
    """Gain of one contract in every cell (I, S) in the pool's currency, extended factor included.

    Inverse contracts give coin in a segregated pool: q·m/(1+m) for futures; everything else gives USD: q·S·m.
    Options: Black-76 on the moved forward less the value now, an inverse one divided by the moved forward.
    """
    move, factor, land = (table[k][coin] for k in ("move", "factor", "land"))
    in_coin = (market.inverse & (not cross))[:, None]
    gain = base_size(market)[:, None] * np.where(in_coin, move / land, market["index"][:, None] * move) * factor
    o = np.flatnonzero(market.kind == OPTION)
    if len(o):
        gain[o] = _option_cells(market, o, coin[o], table, p, cross)
    return gain


def _option_cells(
    market: Market, o: np.ndarray, coin: np.ndarray, table: dict[str, np.ndarray], p: Params, cross: bool
) -> np.ndarray:
    seconds, iv = market.seconds[o], market["iv"][o]
    read = {k: table[k][coin] for k in SHOCK_KEYS}
    vol = shocked_volatility(iv, seconds, table["states"], read, p)
    root = np.sqrt(seconds / YEAR)[:, None]
    forward, strike, call = (market[k][o][:, None] for k in ("forward", "strike", "call"))
    moved = forward * (1.0 + table["move"][coin])
    then = black76(moved, strike, vol * root, call > 0)
    now = black76(forward, strike, iv[:, None] * root, call > 0)
    in_coin = market.inverse[o][:, None] & (not cross)
    # an extended cell is worth coin at the edge of the range: USD gain at the move, turned at the landing price
    at = forward * table["land"][coin]
    gain = np.where(in_coin, (then - now * moved / forward) / at, then - now)
    return market["contract_size"][o][:, None] * gain * table["factor"][coin]


SHOCK_KEYS = (
    "volatility_range_up",
    "volatility_range_down",
    "min_volatility_for_shock_up",
    "short_term_vega_power",
    "long_term_vega_power",
)


def base_size(market: Market) -> np.ndarray:
    """Coins of one contract (I,): inverse futures are sized in USD and turned at the mark."""
    size = market["contract_size"]
    sized_in_usd = market.inverse & (market.kind != OPTION)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sized_in_usd, size / market["mark"], size)


def contract_delta(market: Market) -> np.ndarray:
    """Delta of one contract in coins (I,): its size for futures, Black-76 forward delta for options."""
    size = base_size(market)
    with np.errstate(divide="ignore", invalid="ignore"):
        delta = greeks(market["forward"], market["strike"], market["iv"], market.seconds / YEAR, market.call)["delta"]
    return np.where(market.kind == OPTION, size * delta, size)


def by_coin(p: Params, coins: list[str], keys: tuple[str, ...]) -> dict[str, Any]:
    """Parameters as arrays by coin (U,)."""
    read = p.on(coins)
    return {k: np.asarray(read(k), np.float64) if coins else np.zeros(0) for k in keys}
