"""The options and shares of one account on one underlying, and what each would cost by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NOISE = 9


@dataclass(frozen=True, eq=False)
class Position:
    """Options (n,) and shares (t,) of one underlying in one account; amounts in USD per contract or lot.

    ``count`` (n,) is contracts, signed; ``lots`` (t,) whole lots of shares, signed, each delivering one contract of
    ``lot_multiplier``. ``naked`` is the requirement of an uncovered short option, premium included; ``otm`` and ``itm``
    how far it is out of and in the money. Options are numbered first, then shares.
    """

    call: np.ndarray
    strike: np.ndarray
    expiry: np.ndarray
    style: np.ndarray
    multiplier: np.ndarray
    count: np.ndarray
    premium: np.ndarray
    naked: np.ndarray
    otm: np.ndarray
    itm: np.ndarray
    lots: np.ndarray
    lot_multiplier: np.ndarray
    lot_value: np.ndarray

    @property
    def exercise(self) -> np.ndarray:
        """Exercise price of a contract (n,)."""
        return self.strike * self.multiplier

    @property
    def short(self) -> np.ndarray:
        """Numbers of short options."""
        return np.flatnonzero(self.count < 0)

    @property
    def long(self) -> np.ndarray:
        """Numbers of long options."""
        return np.flatnonzero(self.count > 0)

    def share(self, sign: int) -> np.ndarray:
        """Numbers of share positions of one sign, after the options' numbers."""
        return np.flatnonzero(np.sign(self.lots) == sign) + len(self.count)

    @property
    def units(self) -> np.ndarray:
        """How many contracts and lots there are to group (n + t,)."""
        return np.abs(np.concatenate([self.count, self.lots]))


def naked(
    call: np.ndarray,
    spot: np.ndarray,
    strike: np.ndarray,
    price: np.ndarray,
    percent: np.ndarray,
    least: np.ndarray,
    decimals: int,
) -> np.ndarray:
    """Requirement of an uncovered short option a share, premium included (n,).

    P + max(percent·S − OTM, least·S) for calls, P + max(percent·S − OTM, least·K) for puts; percent and least already
    times the leverage of a leveraged fund. Halves go to even, once the noise of floating point is off.
    Source: FINRA Rule 4210(f)(2)(E); Cboe Margin Manual (April 2000), p. 5–6.

    >>> round(float(naked(True, 128.5, 120.0, 8.4, 0.2, 0.1, 2)), 2)
    34.1
    """
    away = np.maximum(np.where(call, strike - spot, spot - strike), 0.0)
    floor = least * np.where(call, spot, strike)
    figure = price + np.maximum(percent * spot - away, floor)
    return np.round(np.round(figure, NOISE), decimals) if decimals < NOISE else figure


def spread_loss(p: Position, short: np.ndarray, long: np.ndarray) -> np.ndarray:
    """Largest loss at expiry (k,) of a short against a long option of its type: the strikes apart, if adverse."""
    apart = np.where(p.call[short], p.strike[long] - p.strike[short], p.strike[short] - p.strike[long])
    return np.maximum(apart, 0.0) * p.multiplier[short]


def netted_loss(p: Position, short: np.ndarray, long: np.ndarray) -> np.ndarray:
    """Largest loss at expiry (k,) of shorts (k, 2) against longs (k, 2), over every strike of the group.

    −least of Σ intrinsic values, at least 0; pay-offs are flat beyond the outer strikes when sides balance.
    Source: FINRA Regulatory Notice 12-44 (netted intrinsic values).
    """
    legs = np.concatenate([short, long], axis=1)
    sign = np.array([-1.0] * short.shape[1] + [1.0] * long.shape[1])
    worst = np.zeros(len(legs))
    for at in range(legs.shape[1]):
        price = p.strike[legs[:, at]][:, None]
        reach = np.where(p.call[legs], price - p.strike[legs], p.strike[legs] - price)
        worst = np.maximum(worst, -(np.maximum(reach, 0.0) * sign).sum(axis=1))
    return worst * p.multiplier[legs[:, 0]]
