"""dYdX v4 in whole quantums: notional, margin fractions, requirements, funding. Parts per million throughout.

Source: dydxprotocol/v4-chain@84d4664b protocol/x/perpetuals/{types,lib}. Every function equals the repository's own
test vectors.
"""

from __future__ import annotations

import numpy as np

from ...integers import CEIL, POWERS, divide, muldiv, multiply

PPM = 1_000_000


def notional(quantums: np.ndarray, price: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """Value (N,) of ``quantums`` ≥ 0 in quote quantums: trunc(quantums·price·10^exponent).

    ``exponent`` is that of the price plus the market's atomic resolution less that of the quote currency.

    >>> notional(np.array([10**12]), np.array([123456789123]), np.array([-15])).tolist()
    [123456789]
    """
    up, down = _power(np.maximum(exponent, 0)), _power(np.maximum(-exponent, 0))
    return muldiv(multiply(quantums, up), price, down)


def _power(exponent: np.ndarray) -> np.ndarray:
    small = exponent.max(initial=0) < len(POWERS)
    return POWERS[exponent] if small else 10 ** exponent.astype(object)


def adjusted_fraction(base: np.ndarray, lower: np.ndarray, upper: np.ndarray, interest: np.ndarray) -> np.ndarray:
    """Initial margin fraction (N,) in ppm after open interest; all amounts in quote quantums.

    base + floor((1 − base)·(OI − lower) / (upper − lower)) between the caps, 100 % above; base without caps.

    >>> adjusted_fraction(*(np.array([x]) for x in (200000, 1000000, 2000000, 1234567))).tolist()
    [387653]
    """
    span = np.maximum(upper - lower, 1)
    above = np.clip(interest - lower, 0, span) if interest.dtype != object else _clipped(interest - lower, span)
    raised = base + muldiv(above, PPM - base, span)
    return np.where((upper == 0) | (interest <= lower), base, np.where(interest >= upper, PPM, raised)).astype(np.int64)


def _clipped(x: np.ndarray, top: np.ndarray) -> np.ndarray:
    return np.minimum(np.maximum(x, 0), top)


def requirements(
    value: np.ndarray, base: np.ndarray, maintenance: np.ndarray, fraction: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Initial and maintenance requirement (N,) of positions worth ``value`` quote quantums.

    ``base`` and ``maintenance`` are the tier's ppm, ``fraction`` the initial fraction in force (open interest, or
    what the user has set if that is higher). IMR = ceil(value·fraction); MMR = ceil(ceil(value·base)·maintenance).
    """
    initial = muldiv(value, fraction, PPM, CEIL)
    return initial, muldiv(muldiv(value, base, PPM, CEIL), maintenance, PPM, CEIL)


def maintenance_fraction(base: np.ndarray, maintenance: np.ndarray) -> np.ndarray:
    """Maintenance margin fraction (N,) in ppm: floor(initial·fraction).

    >>> maintenance_fraction(np.array([637239]), np.array([289284])).tolist()
    [184343]
    """
    return muldiv(base, maintenance, PPM)


def funding_clamp(factor: np.ndarray, base: np.ndarray, maintenance: np.ndarray) -> np.ndarray:
    """Largest funding rate (N,) in ppm: factor·(initial − maintenance)."""
    return muldiv(base - maintenance_fraction(base, maintenance), factor, PPM)


def settlement(funding_index: np.ndarray, index: np.ndarray, quantums: np.ndarray) -> np.ndarray:
    """Funding to settle (N,) in parts per million of a quote quantum: −(index now − index then)·quantums.

    >>> settlement(np.array([100]), np.array([-100]), np.array([30000])).tolist()
    [-6000000]
    """
    return -multiply(funding_index - index, quantums)


def settled(ppm: np.ndarray) -> np.ndarray:
    """Funding in quote quantums: floored, so that the chain never pays a fraction too much."""
    return divide(ppm, PPM)
