"""OKX's liquidation prices in closed form, for isolated positions and margin loans.

Source: live payloads of isolated positions (cases OKX-ISO-LINEAR-LONG, -MARGIN-SHORT checked to the last digit, inverse
short likewise); the other sides follow by symmetry.
"""

from __future__ import annotations

import numpy as np


def liquidation_price(
    margin: np.ndarray,
    quantity: np.ndarray,
    entry: np.ndarray,
    rate: np.ndarray,
    taker: np.ndarray,
    inverse: np.ndarray | bool = False,
    tick: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Price at which an isolated position is liquidated; all arguments broadcast.

    Parameters: ``margin`` posted (settlement asset); ``quantity`` signed, in coins (inverse: USD); ``entry`` average
    price; ``rate`` tier MMR; ``taker`` fee; ``tick`` by which the venue's figure lies on the safe side.
    linear: (entry − margin/q) / (1 ∓ (rate + taker)), − for longs; inverse: N·(1 ± (rate + taker)) / (N/entry ± margin)

    >>> round(float(liquidation_price(9.9995625, 6130.0, 0.01305, 0.02, 0.0005, tick=1e-5)), 13)
    0.0116677335375
    """
    side, cost = np.sign(quantity), rate + taker
    straight = (entry - margin / quantity) / (1.0 - side * cost)
    turned = np.abs(quantity) * (1.0 + side * cost) / (np.abs(quantity) / entry + side * margin)
    return np.where(inverse, turned, straight) + side * tick


def loan_liquidation_price(asset: np.ndarray, debt: np.ndarray, rate: np.ndarray, fee: np.ndarray) -> np.ndarray:
    """Price of the coin owed at which a margin loan is liquidated: asset / (debt·(1 + rate)·(1 + fee)).

    >>> round(float(loan_liquidation_price(12.00358728382, 0.113791, 0.05, 0.0015)), 10)
    100.3143094881
    """
    return asset / (debt * (1.0 + rate) * (1.0 + fee))
