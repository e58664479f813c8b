"""dYdX v4 liquidation prices in exact quantums: bankruptcy, fillable price, insurance-fund delta.

Source: dydxprotocol/v4-chain@84d4664b protocol/x/clob/keeper/liquidations.go. One subaccount at a time, as the chain
does: Python integers and fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...errors import InputError
from .engine import PPM, notional, requirements


@dataclass(frozen=True)
class Held:
    """A position: quantums, price and exponent (see `engine.notional`), tier in ppm."""

    quantums: int
    price: int
    exponent: int
    base: int
    maintenance: int

    def at(self, quantums: int) -> tuple[int, int]:
        """Signed notional and maintenance requirement if the position were ``quantums``."""
        size = np.array([abs(quantums)], object)
        value = notional(size, np.array([self.price], object), np.array([self.exponent]))
        base, kept = np.array([self.base], object), np.array([self.maintenance], object)
        _, maintenance = requirements(value, base, kept, base)
        return int(value[0]) * (-1 if quantums < 0 else 1), int(maintenance[0])


@dataclass(frozen=True)
class Subaccount:
    """USDC quantums and positions by market."""

    usdc: int
    positions: dict[int, Held]

    def totals(self) -> tuple[int, int]:
        """Net collateral and maintenance requirement in quote quantums."""
        each = [held.at(held.quantums) for held in self.positions.values()]
        return self.usdc + sum(n for n, _ in each), sum(m for _, m in each)

    def liquidatable(self) -> bool:
        """True where the maintenance requirement is above zero and above net collateral."""
        collateral, maintenance = self.totals()
        return maintenance > 0 and maintenance > collateral

    def changed(self, market: int, delta: int) -> Held:
        """The position that ``delta`` would shrink; anything else is refused."""
        held = self.positions.get(market)
        size = held.quantums if held else 0
        if delta == 0 or size * delta >= 0 or abs(delta) > abs(size):
            raise InputError(f"delta {delta} does not shrink the position of {size} quantums in market {market}")
        return held


def bankruptcy_quote(account: Subaccount, market: int, delta: int) -> int:
    """Quote quantums that closing ``delta`` must bring so that the account ends at zero.

    −ΔN − floor(NC·|ΔMMR| / MMR).
    """
    held = account.changed(market, delta)
    collateral, total = account.totals()
    before, after = held.at(held.quantums), held.at(held.quantums + delta)
    return -(after[0] - before[0]) - collateral * (before[1] - after[1]) // total


def fillable_price(account: Subaccount, market: int, delta: int, adjustment_ppm: int, spread_ppm: int) -> Fraction:
    """Price in quote quantums a base quantum at which liquidators may fill.

    (N − ABR·SMMR·MMR) / size with ABR = clip(BA·(1 − NC / MMR total), 0, 1).
    """
    held = account.changed(market, delta)
    collateral, total = account.totals()
    value, maintenance = held.at(held.quantums)
    ratio = Fraction(adjustment_ppm, PPM) * (1 - Fraction(collateral, total))
    ratio = min(max(ratio, Fraction(0)), Fraction(1))
    return (value - ratio * Fraction(spread_ppm, PPM) * maintenance) / held.quantums


def insurance_fund_delta(bankruptcy: int, filled: int, max_fee_ppm: int) -> int:
    """What the insurance fund gets (or pays, below zero) when a fill brings ``filled`` signed quote quantums.

    filled − bankruptcy, at most the liquidation fee floor(|filled|·fee).
    """
    surplus = filled - bankruptcy
    return min(surplus, abs(filled) * max_fee_ppm // PPM) if surplus > 0 else surplus
