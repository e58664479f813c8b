"""Who is deleveraged first, as venues publish it; and who fills how much."""

from __future__ import annotations

import numpy as np

from ...errors import InputError, nearest

FIFTHS = 5


def score(
    kind: str, profit: np.ndarray, entry_value: np.ndarray, mark_value: np.ndarray, wallet: np.ndarray, need: np.ndarray
) -> np.ndarray:
    """Ranking score (N,) of positions, the highest deleveraged first.

    Parameters: ``kind`` of ranking; ``profit`` unrealised result; ``entry_value``, ``mark_value`` positive notionals;
    ``wallet`` the account's balance; ``need`` its maintenance.
    bitmex: pnl%·leverage if pnl% > 0 else pnl%/leverage, leverage = |mark value| / (mark value − bankrupt value), which
    is the equity of the position; binance: max(0, profit)/max(1, wallet) × margin ratio; bybit: profit ratio ×
    effective leverage; hyperliquid: mark/entry × notional/account value, for shorts 1 + profit/entry in place of
    mark/entry (the page does not say; taken literally shorts in profit would rank below those in loss).
    Source: bitmex.com/app/autoDeleveragingExamples; support.bitmex.com 18589621443357; Binance FAQ 360033525471 (by
    unrealised result / collateral × margin ratio); hyperliquid-docs trading/auto-deleveraging; Bybit: third-party text.
    """
    if kind not in KINDS:
        raise InputError(f"no ranking {kind!r}{nearest(kind, KINDS)}; there are {', '.join(KINDS)}")
    with np.errstate(divide="ignore", invalid="ignore"):
        return KINDS[kind](profit, entry_value, mark_value, np.maximum(wallet, 0.0), need)


def _bitmex(profit, entry, mark, wallet, need):
    share = profit / entry
    leverage = mark / np.maximum(wallet + profit, 1e-12)
    return np.where(share > 0, share * leverage, share / leverage)


def _binance(profit, entry, mark, wallet, need):
    return np.maximum(profit, 0.0) / np.maximum(wallet, 1.0) * need / np.maximum(wallet + profit, 1e-12)


def _bybit(profit, entry, mark, wallet, need):
    return profit / entry * mark / np.maximum(wallet + profit, 1e-12)


def _hyperliquid(profit, entry, mark, wallet, need):
    return (1.0 + profit / entry) * mark / np.maximum(wallet + profit, 1e-12)


KINDS = {"bitmex": _bitmex, "binance": _binance, "bybit": _bybit, "hyperliquid": _hyperliquid}


def order(scores: np.ndarray) -> np.ndarray:
    """Places (N,) from the highest score to the lowest, the first of equals first.

    >>> order(np.array([3.0, 6.0, 1.0, 4.0, 5.0, 2.0])).tolist()
    [1, 4, 3, 0, 5, 2]
    """
    return np.argsort(-scores, kind="stable")


def percentile(quantity: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The indicator shown to each position (N,): ⌈5 · share of all quantity ranked up to it⌉ / 5.

    >>> percentile(np.array([10.0, 10, 20, 30, 20, 10]), np.array([3.0, 6, 1, 4, 5, 2])).tolist()
    [0.8, 0.2, 1.0, 0.6, 0.4, 0.8]
    """
    ranked = order(scores)
    share = np.cumsum(quantity[ranked]) / quantity.sum()
    out = np.empty(len(quantity))
    out[ranked] = np.ceil(np.round(FIFTHS * share - 1e-9, 9)) / FIFTHS
    return out


def fills(quantity: np.ndarray, scores: np.ndarray, size: float) -> np.ndarray:
    """How much of each position (N,) is closed to absorb ``size``, the highest score first, none beyond its own.

    >>> fills(np.array([10.0, 10, 20, 30, 20, 10]), np.array([3.0, 6, 1, 4, 5, 2]), 20.0).tolist()
    [0.0, 10.0, 0.0, 0.0, 10.0, 0.0]
    """
    ranked = order(scores)
    before = np.cumsum(quantity[ranked]) - quantity[ranked]
    out = np.empty(len(quantity))
    out[ranked] = np.clip(size - before, 0.0, quantity[ranked])
    return out


def bankruptcy_price(entry: np.ndarray, leverage: np.ndarray, long: np.ndarray, tick: float = 0.0) -> np.ndarray:
    """Price at which an isolated inverse position has lost its margin: entry·L/(L+1) long, entry·L/(L−1) short.

    ``tick`` rounds to the safe side (up for longs). Source: Bybit help 900000031623.

    >>> bankruptcy_price(7890.08, 50.0, True).round(6).item(), bankruptcy_price(7890.08, 50.0, True, 0.5).item()
    (7735.372549, 7735.5)
    """
    raw = entry * leverage / np.where(long, leverage + 1.0, leverage - 1.0)
    if not tick:
        return raw
    return np.where(long, np.ceil(raw / tick), np.floor(raw / tick)) * tick
