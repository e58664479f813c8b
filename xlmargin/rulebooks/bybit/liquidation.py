"""Bybit's liquidation prices of isolated positions in closed form.

Source: help-center Liquidation Price (USDT Contract) and Liquidation Price Calculation under Isolated Mode (copies of
2024 and 2025: valued at entry; 2026-05-27: inverse contracts valued at the mark). The linear form at the mark is solved
from the published margins; its fees to close cancel.
"""

from __future__ import annotations

import numpy as np


def liquidation_price(
    quantity: np.ndarray,
    entry: np.ndarray,
    leverage: np.ndarray,
    rate: np.ndarray,
    deduction: np.ndarray | float = 0.0,
    added: np.ndarray | float = 0.0,
    inverse: bool = False,
    at: str = "entry",
    taker: float = 0.0,
) -> np.ndarray:
    """Price at which an isolated position is liquidated; all arguments broadcast.

    Parameters: ``quantity`` signed, in coins (inverse: USD); ``entry`` price; ``leverage``; ``rate`` and ``deduction``
    of the risk tier; ``added`` margin beyond value/leverage; ``at`` "entry" (until 2025-09-02) or "mark"; ``taker``
    fee, which the inverse form at the mark takes out of added margin.
    entry: EP ∓ (IM − MM + added)/q, inverse Q/(V ± (IM − MM + added));
    mark: (s·EP − EP/lev − (added + ded)/q)/(s − rate), inverse Q·(1 ± rate)/(V ± V/lev ± added/(1 ± taker) ± ded).

    >>> float(liquidation_price(1.0, 20000.0, 50.0, 0.005))
    19700.0
    >>> round(float(liquidation_price(-60000.0, 50000.0, 10.0, 0.005, inverse=True)), 4)
    55248.6188
    """
    side, size = np.sign(quantity), np.abs(quantity)
    value = size / entry if inverse else size * entry
    initial = value / leverage
    if at == "entry":
        room = initial - (value * rate - deduction) + added
        return size / (value + side * room) if inverse else entry - side * room / size
    if inverse:
        return size * (1.0 + side * rate) / (value + side * (initial + added / (1.0 + side * taker) + deduction))
    return (side * value - initial - added - deduction) / (size * (side - rate))
