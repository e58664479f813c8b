"""Regulations: which records count under which, and which regulation asks for the most.

A record may name several regulations; initial margin is worked out under each, on the records that name it, and the
largest is due. Records that name none count only where no record of the netting set names any. Sources:
AcadiaSoft/simm-lib@cefc23b (segregated and unsegregated SEC totals); OpenSourceRisk/Engine simmcalculator.cpp (CFTC
records under SEC; the order of regulations where two ask for the same).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...book import Book
from ...crif_words import EXCLUDED, POSTED, RECEIVED, REGULATIONS, UNSEGREGATED
from ...errors import Note
from ...findings import notes
from ...market import Market
from ...registry import Setting
from .labels import Coded

SIDES = ("collect", "post")
SEGREGATION = ("total", "segregated", "unsegregated")
NAMED = tuple(r for r in REGULATIONS if r != EXCLUDED)
NONE = len(REGULATIONS)
WIDTH = NONE + 1
CLOSE = 1e-12
_MEANING = {
    "side": "collect (secured party) or post (pledgor)",
    "regulation": "one regulation instead of the one that asks for the most",
    "segregation": "records counted: all, without SEC-unseg, or SEC-unseg alone",
}
OPTIONS = {
    "side": Setting("collect", _MEANING["side"], SIDES),
    "regulation": Setting("", _MEANING["regulation"], NAMED),
    "segregation": Setting("total", _MEANING["segregation"], SEGREGATION),
}
SETTINGS = {
    name: Setting("", f"{option.meaning}; the run's option unless given", option.choices)
    for name, option in OPTIONS.items()
}


@dataclass(frozen=True, eq=False)
class Regimes:
    """What each instrument (I,) names on one side: ``start`` (I+1,) into ``regulation``; ``blank`` where nothing."""

    start: np.ndarray
    regulation: np.ndarray
    blank: np.ndarray

    @classmethod
    def of(cls, market: Market, side: str) -> Regimes:
        """Read the market's lists; rows meant for the other side name nothing and are not blank."""
        empty = np.full(len(market), "", object)
        texts = Coded.of(market.texts.get(f"{side}_regulations", empty))
        other = POSTED if side == "collect" else RECEIVED
        elsewhere = market.texts.get("im_model", empty) == other
        number = {name: i for i, name in enumerate(REGULATIONS)}
        read = [[number[r] for r in word.split(",") if r not in ("", EXCLUDED)] for word in texts.words]
        flat = np.array([r for one in read for r in one], np.int64)
        begin = np.cumsum([0, *map(len, read)])
        count = np.where(elsewhere, 0, np.diff(begin)[texts.code])
        start = np.concatenate([[0], np.cumsum(count)])
        offset = np.arange(start[-1]) - np.repeat(start[:-1], count)
        return cls(start, flat[np.repeat(begin[:-1][texts.code], count) + offset], texts.such(("",)) & ~elsewhere)


@dataclass(frozen=True, eq=False)
class Cases:
    """Rows of a book under each regulation that counts there: ``row`` and ``regulation`` (N,) in order of both.

    ``leg`` and ``case`` (E,) say which legs stand in which case.
    """

    leg: np.ndarray
    case: np.ndarray
    row: np.ndarray
    regulation: np.ndarray
    notes: tuple[Note, ...]

    def __len__(self) -> int:
        return len(self.row)

    def worst(self, total: np.ndarray, rows: int) -> np.ndarray:
        """The case (R,) that asks for the most by ``total`` (N,); the first regulation where two ask the same."""
        most = np.full(rows, -np.inf)
        np.maximum.at(most, self.row, total)
        due = np.flatnonzero(total >= most[self.row] * (1 - CLOSE))
        best = np.zeros(rows, np.int64)
        best[self.row[due[::-1]]] = due[::-1]
        return best

    def names(self, case: np.ndarray) -> np.ndarray:
        """Names of the regulations of some cases; empty where none is named."""
        return np.array([*REGULATIONS, ""], object)[self.regulation[case]]


def chosen(book: Book, options: Mapping[str, Any], name: str) -> np.ndarray:
    """A setting of each row (R,): its own, or the option of the run."""
    own = book.settings[name]
    return np.where(own == "", options[name], own)


def cases(book: Book, counts: np.ndarray, regimes: Mapping[str, Regimes], options: Mapping[str, Any]) -> Cases:
    """The cases of a book over the instruments that ``counts`` (I,)."""
    rows = len(book)
    post = chosen(book, options, "side") == "post"
    leg, regulation, blank = _named(book, counts, regimes, post)
    row = book.legs.row[leg]
    speaks = np.zeros(rows, bool)
    speaks[row] = True
    added, under_sec = _cftc_under_sec(row, leg, regulation, rows)
    leg, regulation = np.concatenate([leg, added]), np.concatenate([regulation, np.full(len(added), SEC)])
    leg, regulation, absent = _wanted(book, options, leg, regulation, speaks)
    silent = blank[~speaks[book.legs.row[blank]]]
    leg, regulation = np.concatenate([leg, silent]), np.concatenate([regulation, np.full(len(silent), NONE)])
    order = np.argsort(leg * WIDTH + regulation, kind="stable")
    leg, regulation = leg[order], regulation[order]
    held = np.zeros(rows, bool)
    held[book.legs.row[leg]] = True
    bare = np.flatnonzero(~held) * WIDTH + NONE
    keys, case = np.unique(np.concatenate([book.legs.row[leg] * WIDTH + regulation, bare]), return_inverse=True)
    left_out = np.zeros(rows, bool)
    left_out[book.legs.row[blank]] = True
    doubts = notes(
        ("records that name no regulation are left out, as others of the netting set name one", "", left_out & speaks),
        ("no record names the regulation asked for", "", absent),
        ("CFTC records are counted under SEC as well", "OpenSourceRisk/Engine simmcalculator.cpp", under_sec),
    )
    return Cases(leg, case[: len(leg)], keys // WIDTH, keys % WIDTH, doubts)


CFTC, SEC, UNSEG = (REGULATIONS.index(name) for name in ("CFTC", "SEC", UNSEGREGATED))


def _named(
    book: Book, counts: np.ndarray, regimes: Mapping[str, Regimes], post: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each leg once per regulation that it names (legs, regulations), and the legs that name none."""
    legs, regulations, blanks = [], [], []
    for side, mine in (("collect", ~post), ("post", post)):
        own = np.flatnonzero(mine[book.legs.row] & counts[book.legs.instrument])
        instrument, regime = book.legs.instrument[own], regimes[side]
        count = np.diff(regime.start)[instrument]
        offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        legs.append(np.repeat(own, count))
        regulations.append(regime.regulation[np.repeat(regime.start[instrument], count) + offset])
        blanks.append(own[regime.blank[instrument]])
    return np.concatenate(legs), np.concatenate(regulations), np.concatenate(blanks)


def _cftc_under_sec(
    row: np.ndarray, leg: np.ndarray, regulation: np.ndarray, rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Legs that name CFTC but not SEC in rows where both are named, and those rows."""
    has = np.zeros((rows, 2), bool)
    has[row[regulation == CFTC], 0] = True
    has[row[regulation == SEC], 1] = True
    added = np.setdiff1d(leg[(regulation == CFTC) & has.all(axis=1)[row]], leg[regulation == SEC])
    touched = np.zeros(rows, bool)
    touched[row[np.isin(leg, added)]] = True
    return added, touched


def _wanted(
    book: Book, options: Mapping[str, Any], leg: np.ndarray, regulation: np.ndarray, speaks: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The records that the settings ask for, and rows where the regulation asked for is not named."""
    row = book.legs.row[leg]
    only = chosen(book, options, "regulation")
    number = np.array([REGULATIONS.index(name) if name else NONE for name in only], np.int64)
    keep = (number == NONE)[row] | (regulation == number[row])
    part = chosen(book, options, "segregation")
    keep &= ~((part == "segregated")[row] & (regulation == UNSEG))
    keep &= ~((part == "unsegregated")[row] & (regulation != UNSEG))
    found = np.zeros(len(book), bool)
    found[row[keep]] = True
    return leg[keep], regulation[keep], (number != NONE) & speaks & ~found
