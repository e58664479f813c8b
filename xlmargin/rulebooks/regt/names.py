"""What a group of options and shares is called, by its shape."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from . import blocks as groups
from .blocks import Block
from .pairing import Chosen
from .pools import Pool
from .position import Position


def named(p: Position, chosen: Chosen, level: str) -> Iterator[tuple[str, float, float]]:
    """Name with its legs, requirement and amount that shares are valued down, for every group formed."""
    for block, times in chosen.groups:
        for n in np.flatnonzero(times):
            members, count = block.members[n], times[n]
            what = f"{_name(p, block.kind, members)} ×{count:g}: {_legs(p, block, members)}"
            yield what, float(getattr(block, level)[n] * count), float(block.valued[n] * count)
    for pool in chosen.pools:
        yield _pool(p, pool), pool.loss, 0.0


def _name(p: Position, kind: int, members: np.ndarray) -> str:
    plain = {groups.NAKED: "Uncovered", groups.LONG: "Long option", groups.SHARES: "Shares"}
    if kind in plain:
        return plain[kind]
    if kind == groups.SPREAD:
        return _spread(p, *members)
    if kind == groups.STRADDLE:
        same = p.strike[members[0]] == p.strike[members[1]] and p.expiry[members[0]] == p.expiry[members[1]]
        return "Short straddle" if same else "Short strangle"
    if kind == groups.CONDOR:
        right = "call" if p.call[members[0]] else "put"
        return f"Long {right} {'butterfly' if members[0] == members[1] else 'condor'}"
    if kind == groups.IRON:
        return _iron(p, members)
    return _with_shares(p, kind, members)


def _spread(p: Position, short: int, long: int) -> str:
    right = "call" if p.call[short] else "put"
    if p.strike[short] == p.strike[long]:
        return f"{right.capitalize()} calendar spread"
    bull = p.strike[long] < p.strike[short]
    diagonal = "" if p.expiry[short] == p.expiry[long] else " diagonal"
    return f"{'Bull' if bull else 'Bear'} {right}{diagonal} spread"


def _iron(p: Position, members: np.ndarray) -> str:
    """Two shorts (call, put), then their longs."""
    call, put, high, low = p.strike[members]
    if call == low and put == high:
        return "Short box"
    return "Iron butterfly" if call == put else "Iron condor"


def _with_shares(p: Position, kind: int, members: np.ndarray) -> str:
    long = p.lots[members[0] - len(p.count)] > 0
    return {
        groups.COVERED: "Covered call" if long else "Covered put",
        groups.PROTECTIVE: "Protective put" if long else "Protective call",
        groups.COLLAR: "Collar",
        groups.CONVERSION: "Conversion" if long else "Reverse conversion",
    }[kind]


def _option(p: Position, number: int) -> str:
    right = "C" if p.call[number] else "P"
    day = np.datetime64(int(p.expiry[number]), "s").astype("datetime64[D]")
    return f"{right} {p.strike[number]:g} {day}"


def _legs(p: Position, block: Block, members: np.ndarray) -> str:
    words = []
    for member in dict.fromkeys(members.tolist()):
        times = int((members == member).sum())
        option = member < len(p.count)
        count = p.count[member] if option else p.lots[member - len(p.count)]
        size = 1 if option else p.lot_multiplier[member - len(p.count)]
        what = _option(p, member) if option else "shares"
        words.append(f"{np.sign(count) * times * size:+g} {what}")
    return ", ".join(words)


def _pool(p: Position, pool: Pool) -> str:
    signed = np.sign(p.count[pool.members]) * pool.contracts
    legs = ", ".join(f"{n:+g} {_option(p, m)}" for m, n in zip(pool.members, signed, strict=True))
    return f"Spread of {len(pool.members)} series, worst at {pool.price:g}: {legs}"
