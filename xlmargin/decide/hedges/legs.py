"""Candidates in hedge mode: an instrument of which sides are held is two candidates, its long and its short leg."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...book import Book
from ...errors import InputError, Problem
from ..reruns import Reruns

SIDE = {"": 0, "long": 1, "short": -1}
WORD = {side: word for word, side in SIDE.items()}


def by_leg(book: Book, number: np.ndarray, sides: Sequence[str], names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Which candidate (L,) each leg is of, and its side (L,): 0 in one-way mode.

    ``number`` (K,) are the candidates' instruments, ``sides`` (K,) the sides that are named, "" for none: of what is
    held in hedge mode both legs then. Raises InputError for a side of what is held in one-way mode.
    """
    one_way = np.isin(number, book.legs.instrument[book.legs.side == 0])
    problems = [
        Problem("candidates", 0, "side", side, f"{name} is held in one-way mode: leave the side empty")
        for name, side, held in zip(names, sides, one_way, strict=True)
        if side and held
    ]
    if problems:
        raise InputError(problems)
    hedged = np.isin(number, book.legs.instrument[book.legs.side != 0])
    named = np.array([SIDE[side] for side in sides], np.int8)
    both = hedged & (named == 0)
    place = np.repeat(np.arange(len(number)), 1 + both)
    second = np.append(False, np.diff(place) == 0) if len(place) else np.zeros(0, bool)
    return place, np.where(both[place], np.where(second, -1, 1), named[place]).astype(np.int8)


def within_legs(margin: Reruns, names: Sequence[str]) -> list[tuple[str, np.ndarray, float, float]]:
    """Limits that no trade closes more of a leg than is held of it."""
    limits = []
    for k in np.flatnonzero(margin.sides):
        row = np.zeros(len(names))
        row[k] = 1.0
        low, high = (-float(margin.held[k]), np.inf) if margin.sides[k] > 0 else (-np.inf, -float(margin.held[k]))
        limits.append((f"what is held of the {WORD[int(margin.sides[k])]} leg of {names[k]}", row, low, high))
    return limits
