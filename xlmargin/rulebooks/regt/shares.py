"""Groups with shares: alone, covering a short option, protected by a long one, or both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .blocks import COLLAR, CONVERSION, COVERED, PROTECTIVE, SHARES, Block, block, couples
from .position import Position


@dataclass(frozen=True, eq=False)
class Side:
    """Long or short shares of a position: their numbers, the rates of their own requirement, and what goes with them.

    ``value`` and ``size`` (n + t,) are USD and multiplier of a lot; short options that the shares cover and long ones
    that protect them are numbers of options; ``part`` of the exercise price is what protected shares need.
    """

    position: Position
    sign: int
    shares: np.ndarray
    covers: np.ndarray
    protects: np.ndarray
    value: np.ndarray
    size: np.ndarray
    initial: float
    maintenance: float
    part: float

    @classmethod
    def of(cls, p: Position, sign: int, rules: dict[str, Any]) -> Side:
        """The long (+1) or short (−1) shares of a position."""
        own = "long" if sign > 0 else "short"
        return cls(
            p,
            sign,
            p.share(sign),
            p.short[p.call[p.short] == (sign > 0)],
            p.long[p.call[p.long] == (sign < 0)],
            np.concatenate([np.zeros(len(p.count)), p.lot_value]),
            np.concatenate([p.multiplier, p.lot_multiplier]),
            rules[f"{own}_shares_initial"],
            rules[f"{own}_shares_maintenance"],
            rules["protected_part"],
        )

    def with_one(self, options: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shares and an option of their size: numbers of both (k,)."""
        s, o = couples(self.shares, options)
        fits = self.size[s] == self.size[o]
        return s[fits], o[fits]


def with_shares(p: Position, rules: dict[str, Any]) -> Iterator[Block]:
    """Shares alone, covering a short option, protected by a long one, or both (collar, conversion, reverse)."""
    for sign in (1, -1):
        side = Side.of(p, sign, rules)
        value = side.value[side.shares]
        yield block(SHARES, side.shares[:, None], side.initial * value, side.maintenance * value)
        yield _covered(side)
        yield _protected(side)
        yield from _collars(side)


def _covered(side: Side) -> Block:
    """Shares and the short option that they cover: the shares' own requirement, valued at the exercise price."""
    p, (s, o) = side.position, side.with_one(side.covers)
    value = side.value[s]
    counted = np.where(p.call[o], np.minimum(value, p.exercise[o]), value)
    return block(COVERED, np.stack([s, o], axis=1), side.initial * value, side.maintenance * counted, p.itm[o])


def _protected(side: Side) -> Block:
    """Shares and the long option that limits their loss: the lesser of exercise part + OTM and the shares' own."""
    p, (s, o) = side.position, side.with_one(side.protects)
    value = side.value[s]
    limited = np.minimum(side.part * p.exercise[o] + p.otm[o], side.maintenance * value)
    return block(PROTECTIVE, np.stack([s, o], axis=1), side.initial * value, limited)


def _collars(side: Side) -> Iterator[Block]:
    """Shares with a short and a long option of one expiry: a collar, or at one strike a (reverse) conversion."""
    p, (covered, protected) = side.position, couples(side.covers, side.protects)
    fits = (p.expiry[covered] == p.expiry[protected]) & (p.style[covered] == p.style[protected])
    fits &= p.multiplier[covered] == p.multiplier[protected]
    at_one = p.strike[covered] == p.strike[protected]
    above = p.strike[covered] > p.strike[protected]
    for kind, chosen in ((CONVERSION, fits & at_one), (COLLAR, fits & above & (side.sign > 0))):
        s, pair = couples(side.shares, np.flatnonzero(chosen))
        sized = side.size[s] == side.size[covered[pair]]
        s, short, long = s[sized], covered[pair[sized]], protected[pair[sized]]
        limited = side.part * p.exercise[long]
        if kind == COLLAR:
            limited = np.minimum(limited + p.otm[long], side.maintenance * p.exercise[short])
        members = np.stack([s, short, long], axis=1)
        yield block(kind, members, side.initial * side.value[s], limited, p.itm[short])
