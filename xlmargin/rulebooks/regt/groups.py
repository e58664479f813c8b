"""The recognised groups that a position can be cut into: naked, covered, spreads, straddles, butterflies, boxes …"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .position import Position, netted_loss, spread_loss

NAKED, LONG, SPREAD, STRADDLE, CONDOR, IRON, SHARES, COVERED, PROTECTIVE, COLLAR, CONVERSION = range(11)


@dataclass(frozen=True, eq=False)
class Block:
    """Groups of one kind: members (k, w) by number, initial and maintenance requirement, shares valued down (k,).

    Requirements leave out what long options cost; ``valued`` is how far shares count below or above the market because
    an option covers them at its exercise price.
    """

    kind: int
    members: np.ndarray
    initial: np.ndarray
    maintenance: np.ndarray
    valued: np.ndarray

    def take(self, rows: np.ndarray) -> Block:
        """Some of the groups."""
        return Block(self.kind, self.members[rows], self.initial[rows], self.maintenance[rows], self.valued[rows])


def block(kind: int, members: np.ndarray, initial: Any, maintenance: Any = None, valued: Any = None) -> Block:
    """A block; maintenance is as initial and nothing is valued down unless said."""
    initial = np.asarray(initial, np.float64)
    maintenance = initial if maintenance is None else np.asarray(maintenance, np.float64)
    return Block(kind, members, initial, maintenance, np.zeros(len(initial)) if valued is None else valued)


def every(p: Position, rules: dict[str, Any], four: bool = True) -> list[Block]:
    """Every group that may be worth forming; ``four`` says whether those of four options are among them."""
    blocks = [block(NAKED, p.short[:, None], p.naked[p.short]), block(LONG, p.long[:, None], np.zeros(len(p.long)))]
    pairs = verticals(p)
    blocks += [worthwhile(p, pairs), *straddles(p), *with_shares(p, rules)]
    if four:
        blocks += [*condors(p, pairs), *irons(p, pairs)]
    return [b for b in blocks if len(b.initial)]


def candidates(p: Position) -> int:
    """At most how many groups ``every`` makes: pairs, and couples of spreads at one expiry."""
    pairs = verticals(p)
    short, long = pairs.members.T
    flat = p.expiry[short] == p.expiry[long]
    total = len(short) + len(p.short) ** 2 + len(p.lots) * (1 + len(p.short)) * (1 + len(p.long))
    for expiry in np.unique(p.expiry):
        here = flat & (p.expiry[short] == expiry)
        loses, call = here & (pairs.initial > 0), p.call[short]
        count = lambda chosen: int(np.count_nonzero(chosen))  # noqa: E731
        total += count(loses & call) * count(loses & ~call)
        total += sum(count(loses & (call == c)) * count(here & ~loses & (call == c)) for c in (True, False))
    return total


def verticals(p: Position) -> Block:
    """Every short option against every long one of its type and style that expires with it or later."""
    short, long = (a.ravel() for a in np.meshgrid(p.short, p.long, indexing="ij"))
    fits = (p.call[short] == p.call[long]) & (p.expiry[long] >= p.expiry[short])
    fits &= (p.multiplier[short] == p.multiplier[long]) & (p.style[short] == p.style[long])
    short, long = short[fits], long[fits]
    return block(SPREAD, np.stack([short, long], axis=1), spread_loss(p, short, long))


def worthwhile(p: Position, pairs: Block) -> Block:
    """Spreads that ask less than the short option by itself."""
    return pairs.take(np.flatnonzero(pairs.initial < p.naked[pairs.members[:, 0]]))


def straddles(p: Position) -> Iterator[Block]:
    """A short call with a short put: the greater requirement and the other's premium."""
    call, put = p.short[p.call[p.short]], p.short[~p.call[p.short]]
    c, u = (a.ravel() for a in np.meshgrid(call, put, indexing="ij"))
    same = p.multiplier[c] == p.multiplier[u]
    c, u = c[same], u[same]
    cost = np.where(p.naked[c] >= p.naked[u], p.naked[c] + p.premium[u], p.naked[u] + p.premium[c])
    yield block(STRADDLE, np.stack([c, u], axis=1), cost)


def _couples(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    one, other = np.meshgrid(first, second, indexing="ij")
    return one.ravel(), other.ravel()


def _together(p: Position, pairs: Block, kind: int, one: np.ndarray, other: np.ndarray) -> Block:
    """Two spreads as one group, where that asks less than both apart; members are two shorts, then two longs."""
    a, b = pairs.members[one], pairs.members[other]
    members = np.stack([a[:, 0], b[:, 0], a[:, 1], b[:, 1]], axis=1)
    loss = netted_loss(p, members[:, :2], members[:, 2:])
    saves = np.flatnonzero(loss < pairs.initial[one] + pairs.initial[other])
    return block(kind, members[saves], loss[saves])


def condors(p: Position, pairs: Block) -> Iterator[Block]:
    """A spread that can lose with one of the same type that can gain, at one expiry: butterflies and condors.

    Only long–short–short–long in the order of strikes nets anything: the gaining spread pays before the other loses.
    """
    short, long = pairs.members.T
    flat = p.expiry[short] == p.expiry[long]
    gains = flat & (p.strike[short] != p.strike[long]) & (pairs.initial == 0)
    for expiry in np.unique(p.expiry):
        for call in (True, False):
            here = (p.expiry[short] == expiry) & (p.call[short] == call)
            one, other = _couples(np.flatnonzero(here & flat & (pairs.initial > 0)), np.flatnonzero(here & gains))
            side = 1.0 if call else -1.0
            before = side * p.strike[short[other]] <= side * p.strike[short[one]]
            before &= long[one] != long[other]
            yield _together(p, pairs, CONDOR, one[before], other[before])


def irons(p: Position, pairs: Block) -> Iterator[Block]:
    """A call spread that can lose with a put spread that can, at one expiry: iron butterflies, iron condors, boxes."""
    short, long = pairs.members.T
    loses = (p.expiry[short] == p.expiry[long]) & (pairs.initial > 0)
    for expiry in np.unique(p.expiry):
        here = loses & (p.expiry[short] == expiry)
        one, other = _couples(np.flatnonzero(here & p.call[short]), np.flatnonzero(here & ~p.call[short]))
        same = p.multiplier[short[one]] == p.multiplier[short[other]]
        same &= p.style[short[one]] == p.style[short[other]]
        yield _together(p, pairs, IRON, one[same], other[same])


def with_shares(p: Position, rules: dict[str, Any]) -> Iterator[Block]:
    """Shares alone, covering a short option, protected by a long one, or both (collar, conversion, reverse)."""
    for sign in (1, -1):
        shares = p.share(sign)
        own = "long" if sign > 0 else "short"
        initial, maintenance = rules[f"{own}_shares_initial"], rules[f"{own}_shares_maintenance"]
        value = np.concatenate([np.zeros(len(p.count)), p.lot_value])
        size = np.concatenate([p.multiplier, p.lot_multiplier])
        yield block(SHARES, shares[:, None], initial * value[shares], maintenance * value[shares])
        covers = p.short[p.call[p.short] == (sign > 0)]
        protects = p.long[p.call[p.long] == (sign < 0)]
        yield _covered(p, shares, covers, value, size, initial, maintenance)
        yield _protected(p, shares, protects, value, size, initial, maintenance, rules)
        yield from _collars(p, shares, covers, protects, value, size, initial, maintenance, rules, sign)


def _sized(size: np.ndarray, *members: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.logical_and.reduce([size[m] == size[members[0]] for m in members[1:]]))


def _covered(
    p: Position,
    shares: np.ndarray,
    covers: np.ndarray,
    value: np.ndarray,
    size: np.ndarray,
    initial: float,
    maintenance: float,
) -> Block:
    """Shares and the short option that they cover: the shares' own requirement, valued at the exercise price."""
    s, o = _couples(shares, covers)
    fits = _sized(size, s, o)
    s, o = s[fits], o[fits]
    counted = np.where(p.call[o], np.minimum(value[s], p.exercise[o]), value[s])
    return block(COVERED, np.stack([s, o], axis=1), initial * value[s], maintenance * counted, p.itm[o])


def _protected(
    p: Position,
    shares: np.ndarray,
    protects: np.ndarray,
    value: np.ndarray,
    size: np.ndarray,
    initial: float,
    maintenance: float,
    rules: dict[str, Any],
) -> Block:
    """Shares and the long option that limits their loss: the lesser of exercise part + OTM and the shares' own."""
    s, o = _couples(shares, protects)
    fits = _sized(size, s, o)
    s, o = s[fits], o[fits]
    limited = rules["protected_part"] * p.exercise[o] + p.otm[o]
    return block(PROTECTIVE, np.stack([s, o], axis=1), initial * value[s], np.minimum(limited, maintenance * value[s]))


def _collars(
    p: Position,
    shares: np.ndarray,
    covers: np.ndarray,
    protects: np.ndarray,
    value: np.ndarray,
    size: np.ndarray,
    initial: float,
    maintenance: float,
    rules: dict[str, Any],
    sign: int,
) -> Iterator[Block]:
    """Shares with a short and a long option of one expiry: a collar, or at one strike a (reverse) conversion."""
    covered, protected = _couples(covers, protects)
    fits = (p.expiry[covered] == p.expiry[protected]) & (p.style[covered] == p.style[protected])
    at_one = p.strike[covered] == p.strike[protected]
    apart = sign * (p.strike[covered] - p.strike[protected]) > 0
    for kind, chosen in ((CONVERSION, fits & at_one), (COLLAR, fits & apart & (sign > 0))):
        pair = np.flatnonzero(chosen)
        s, n = _couples(shares, pair)
        short, long = covered[n], protected[n]
        right = _sized(size, s, short, long)
        s, short, long = s[right], short[right], long[right]
        limited = rules["protected_part"] * p.exercise[long]
        if kind == COLLAR:
            limited = np.minimum(limited + p.otm[long], maintenance * p.exercise[short])
        members = np.stack([s, short, long], axis=1)
        yield block(kind, members, initial * value[s], limited, p.itm[short])
