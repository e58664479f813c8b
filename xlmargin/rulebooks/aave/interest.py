"""Aave v3 interest in rays (1e27): linear for deposits, a third-order binomial for debt.

Source: aave/aave-utilities@d4c93961 packages/math-utils pool-math.ts, whose vectors these functions equal. The helper
divides the rate by the seconds of a year first; a contract that divides last differs in the tenth digit. One reserve
at a time: Python integers.
"""

from __future__ import annotations

RAY = 10**27
SECONDS = 31_536_000


def ray_multiply(a: int, b: int) -> int:
    """a·b / 1e27, half up.

    >>> ray_multiply(3 * RAY, 2)
    6
    """
    return (a * b + RAY // 2) // RAY


def linear_interest(rate: int, last: int, now: int) -> int:
    """Growth factor (ray) of a deposit: 1 + rate · seconds / year."""
    return RAY + rate * (now - last) // SECONDS


def compounded_interest(rate: int, last: int, now: int) -> int:
    """Growth factor (ray) of a debt: 1 + x·n + n(n−1)/2·x² + n(n−1)(n−2)/6·x³, x = rate a second, n seconds."""
    n, x = now - last, rate // SECONDS
    square = ray_multiply(x, x)
    cube = ray_multiply(square, x)
    second = n * max(n - 1, 0) * square // 2
    return RAY + x * n + second + n * max(n - 1, 0) * max(n - 2, 0) * cube // 6


def normalised_income(index: int, rate: int, last: int, now: int) -> int:
    """Liquidity index (ray) at ``now``: growth · index."""
    return ray_multiply(linear_interest(rate, last, now), index)


def balance(scaled: int, index: int, rate: int, last: int, now: int) -> int:
    """Deposit at ``now`` from its scaled balance."""
    return ray_multiply(scaled, normalised_income(index, rate, last, now))
