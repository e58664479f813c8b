"""Aave v3 liquidations: how much of the debt may be repaid at once, and what collateral that seizes.

Source: aave-dao/aave-v3-origin@fd1fbd91 LiquidationLogic.sol and Pool.Liquidations.CloseFactor.t.sol.
"""

from __future__ import annotations

from ...params import Params

BASIS = 10_000


def close_factor(health: float, collateral: float, debt: float, p: Params) -> float:
    """Share of a debt that one liquidation may repay.

    Parameters: ``health`` factor; ``collateral`` and ``debt`` of the two reserves in USD. All of it, unless the health
    factor is above 0.95 and both amounts are at least 2,000 USD: then half of the account's total debt.
    """
    small = collateral < p["full_close_below"] or debt < p["full_close_below"]
    return 1.0 if small or health <= p["close_factor_threshold"] else p["close_factor"]


def leaves_dust(collateral: float, debt: float, p: Params) -> bool:
    """True where a partial liquidation would leave (USD) less than 1,000 of a reserve that is not cleared: refused."""
    return any(0 < left < p["least_leftover"] for left in (collateral, debt))


def seized(
    debt: float, debt_price: float, collateral_price: float, bonus_bps: int, fee_bps: int
) -> tuple[float, float]:
    """Collateral that a liquidator receives for ``debt`` repaid, and the protocol's fee, both in collateral units.

    base = debt · price ratio; bonus = base · (bonus − 1); the fee is a share of the bonus.

    >>> seized(100.0, 1.0, 50.0, 10500, 1000)
    (2.09, 0.01)
    """
    base = debt * debt_price / collateral_price
    bonus = base * (bonus_bps - BASIS) / BASIS
    fee = bonus * fee_bps / BASIS
    return round(base + bonus - fee, 12), round(fee, 12)
