"""Derive's Dutch auction of an account: price over time, the largest share that may be sold, the bid for it.

Source: derivexyz/v2-core@7736900d DutchAuction.sol and its integration tests (six sequences asserted at 1e-12).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Auction:
    """Terms of a solvent auction: price factors at the start and at the end of the fast leg, seconds of both legs.

    ``buffer`` is the share of (maintenance margin − value) added to it; ``fee`` the share of value paid when it begins.
    """

    start: float
    cutoff: float
    fast: float
    slow: float
    insolvent: float
    buffer: float
    fee: float

    def factor(self, seconds: float) -> float:
        """Price factor after ``seconds``: linear from start to cutoff, then from cutoff to nothing.

        >>> Auction(0.98, 0.8, 100, 14400, 600, 0.2, 0.02).factor(30)
        0.926
        """
        if seconds <= self.fast:
            return round(self.start - (self.start - self.cutoff) * seconds / self.fast, 15)
        return self.cutoff * max(0.0, 1.0 - (seconds - self.fast) / self.slow)

    def buffer_margin(self, value: float, margin: float) -> float:
        """Maintenance margin (value less requirement) with its buffer: MM + (MM − value)·buffer."""
        return margin + (margin - value) * self.buffer

    def largest_share(self, value: float, margin: float, seconds: float, paid: float = 0.0) -> float:
        """Largest share that may be sold so that the buffer margin is whole: B / (B − V·d − R·(1 − d)), B ≤ 0.

        ``paid`` is R, the cash that earlier bids of this auction have brought in.
        """
        short = min(0.0, self.buffer_margin(value, margin))
        d = self.factor(seconds)
        return short / (short - value * d - paid * (1.0 - d)) if short < 0 else 0.0

    def bid(self, value: float, share: float, seconds: float, paid: float = 0.0) -> float:
        """What ``share`` of the account costs: (V − R)·d·share."""
        return (value - paid) * self.factor(seconds) * share

    def opening_fee(self, value: float, margin: float) -> float:
        """Fee taken from the account's cash when the auction begins: largest share at factor 1 · |V| · fee."""
        short = min(0.0, self.buffer_margin(value, margin))
        return short / (short - value) * abs(value) * self.fee if short < 0 else 0.0

    def insolvent_payout(self, value: float, margin: float, seconds: float, share: float) -> float:
        """What the security module pays for ``share`` of an insolvent account: from min(V, 0) to MM over the leg."""
        top = min(value, 0.0)
        return (top + (margin - top) * min(seconds / self.insolvent, 1.0)) * share
