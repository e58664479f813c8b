"""Drift v2 weights and ratios in the program's integers: 1e-4 for weights, 1e-9 for sizes, 1e-6 for size factors.

Source: drift-labs/protocol-v2@0ae3e3b1 programs/drift/src/math/margin.rs, state/{spot_market,perp_market}.rs. Every
function equals the repository's own assertions.
"""

from __future__ import annotations

import numpy as np

from ...integers import POWERS, divide, isqrt, muldiv, multiply, narrow

INITIAL, FILL, MAINTENANCE = "initial", "fill", "maintenance"
ONE = 10_000
IMF = 1_000_000
ROOT = 100_000
BASE_DECIMALS = 9
QUOTE_TO_BASE = 1_000
PERCENT = 1_000_000


def size_root(size: np.ndarray) -> np.ndarray:
    """isqrt(10·size + 1) of sizes (N,) in 1e-9."""
    return narrow(isqrt(multiply(size, np.array(10)) + 1))


def size_premium(size: np.ndarray, factor: np.ndarray, weight: np.ndarray, bounded: bool = True) -> np.ndarray:
    """A liability weight or margin ratio (N,) that grows with size.

    max(w, w − floor(w/5) + root·factor / 1e7); not less than w where ``bounded``; w itself where the factor is 0.

    >>> size_premium(*(np.array([x]) for x in (10**12, 10000, 11000))).tolist()
    [11962]
    """
    if not factor.any():
        return weight
    grown = weight - weight // 5 + muldiv(size_root(size), factor, ROOT * IMF // ONE)
    grown = np.maximum(grown, weight) if bounded else grown
    return np.where(factor == 0, weight, grown).astype(np.int64)


def size_discount(size: np.ndarray, factor: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """An asset weight (N,) that shrinks with size: min(w, 1.1e10 / (1e6 + root·factor / 1e5)).

    >>> size_discount(*(np.array([x]) for x in (10**12, 10000, 9000))).tolist()
    [8357]
    """
    if not factor.any():
        return weight
    shrunk = (IMF + IMF // 10) * ONE // (IMF + muldiv(size_root(size), factor, ROOT))
    return np.where(factor == 0, weight, np.minimum(weight, shrunk)).astype(np.int64)


def scaled_initial(weight: np.ndarray, start: np.ndarray, deposits: np.ndarray) -> np.ndarray:
    """Initial asset weight (N,) once all deposits (1e-6 USD) are worth ``start`` or more; 0 is no limit.

    >>> scaled_initial(np.array([9000]), np.array([500000 * 10**6]), np.array([10**12])).tolist()
    [4500]
    """
    over = (start > 0) & (deposits >= start)
    return np.where(over, muldiv(weight, start, np.maximum(deposits, 1)), weight).astype(np.int64)


def by_type(kind: str, initial: np.ndarray, maintenance: np.ndarray) -> np.ndarray:
    """A weight or ratio for one requirement type; Fill lies in the middle."""
    return {INITIAL: initial, FILL: (initial + maintenance) // 2, MAINTENANCE: maintenance}[kind]


def token_size(amount: np.ndarray, decimals: np.ndarray) -> np.ndarray:
    """Token amounts ≥ 0 of ``decimals`` in 1e-9."""
    up = POWERS[np.maximum(BASE_DECIMALS - decimals, 0)]
    return divide(multiply(amount, up), POWERS[np.maximum(decimals - BASE_DECIMALS, 0)])


def asset_weight(
    kind: str, size: np.ndarray, factor: np.ndarray, initial: np.ndarray, maintenance: np.ndarray
) -> np.ndarray:
    """Weight (N,) of a deposit of ``size`` (1e-9); ``initial`` is already scaled by deposits."""
    return size_discount(size, factor, by_type(kind, initial, maintenance))


def liability_weight(
    kind: str, size: np.ndarray, factor: np.ndarray, initial: np.ndarray, maintenance: np.ndarray
) -> np.ndarray:
    """Weight (N,) of a borrow of ``size`` (1e-9)."""
    return size_premium(size, factor, by_type(kind, initial, maintenance))


def margin_ratio(
    kind: str,
    size: np.ndarray,
    factor: np.ndarray,
    plain: tuple[np.ndarray, np.ndarray],
    high: tuple[np.ndarray, np.ndarray],
    uses_high: np.ndarray,
) -> np.ndarray:
    """Margin ratio (N,) of perpetual positions of ``size`` (1e-9).

    ``plain`` and ``high`` are (initial, maintenance) ratios; ``uses_high`` marks high-leverage users. Their initial
    ratio phases from the high-leverage one to the size's own as the position grows.
    """
    usual = by_type(kind, *plain)
    if not uses_high.any():
        return size_premium(size, factor, usual)
    base, grown = np.where(uses_high, by_type(kind, *high), usual), size_premium(size, factor, usual, bounded=False)
    largest = np.maximum(base, grown)
    return largest if kind == MAINTENANCE else np.where(uses_high, phased_in(usual, grown, base), largest)


def phased_in(usual: np.ndarray, grown: np.ndarray, high: np.ndarray) -> np.ndarray:
    """High-leverage ratio (N,) between ``high`` and the size's own ``grown``, which starts a fifth below ``usual``."""
    gap = (usual - grown) * PERCENT // np.maximum(usual // 5, 1)
    share = np.maximum(PERCENT - gap, 0)
    between = np.maximum(usual - high, 1) * share // PERCENT + high
    return np.where(grown < usual, between, np.where(grown == usual, high, grown))


def pnl_weight(
    kind: str, pnl: np.ndarray, factor: np.ndarray, initial: np.ndarray, maintenance: np.ndarray
) -> np.ndarray:
    """Weight (N,) of an unrealised result (1e-6 USD): losses count in full, profits by size and type.

    >>> pnl_weight(INITIAL, *(np.array([x]) for x in (22699050905, 1000, 10000, 10000))).tolist()
    [9559]
    """
    size = multiply(np.maximum(pnl, 0), np.array(QUOTE_TO_BASE))
    discounted = np.where(initial > 0, size_discount(size, factor, initial), 0)
    return np.where(pnl > 0, maintenance if kind == MAINTENANCE else discounted, ONE).astype(np.int64)


def imbalanced(weight: np.ndarray, most: np.ndarray, net: np.ndarray) -> np.ndarray:
    """Initial weight of profits (N,) where the market's users are owed ``net`` more than ``most`` (1e-6 USD)."""
    over = (most > 0) & (net > most)
    return np.where(over, muldiv(weight, most, np.maximum(net, 1)), weight).astype(np.int64)
