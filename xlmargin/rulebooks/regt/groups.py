"""The recognised groups that a position can be cut into: naked, covered, spreads, straddles, butterflies, boxes …"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .blocks import CONDOR, IRON, LONG, NAKED, SPREAD, STRADDLE, Block, block, couples
from .position import Position, netted_loss, spread_loss
from .shares import with_shares


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
            one, other = couples(np.flatnonzero(here & flat & (pairs.initial > 0)), np.flatnonzero(here & gains))
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
        one, other = couples(np.flatnonzero(here & p.call[short]), np.flatnonzero(here & ~p.call[short]))
        same = p.multiplier[short[one]] == p.multiplier[short[other]]
        same &= p.style[short[one]] == p.style[short[other]]
        yield _together(p, pairs, IRON, one[same], other[same])
