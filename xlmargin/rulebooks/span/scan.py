"""Scan risk of published arrays, and what of it is time, volatility and price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...book import Book, Nets, added
from ...risk import scan as summed
from ...spanfiles.model import SCENARIOS
from .deltas import Deltas
from .plan import Plan, Spread

PAIR = np.array([2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 15, 16]) - 1
PRICE = np.array([0, 0, 1, 1, -1, -1, 2, 2, -2, -2, 3, 3, -3, -3, np.nan, np.nan]) / 3.0
VOL = np.array([1, -1] * 7 + [0, 0])


@dataclass(frozen=True, eq=False)
class Risk:
    """Risk of each total (F,): scan, time, volatility, futures price, and the scenario (from 0) that is active."""

    active: np.ndarray
    scan: np.ndarray
    time: np.ndarray
    vol: np.ndarray
    price: np.ndarray


def risk(loss: np.ndarray) -> Risk:
    """Risk of scenario totals (F, 16), positive a loss.

    scan = max(0, max L); time = (L1+L2)/2; vol = (L − L′)/2; price = (L + L′)/2 − time, with L the first worst scenario
    and L′ its pair. Where no scenario loses, volatility risk is (L1−L2)/2 and no price risk is left to credit.
    Source: ICE Clear US, SPAN Margin System v1.0 (September 2015), p. 9–15; EFS Spheres for the case without loss.

    >>> r = risk(np.array([[0.0, 0, -1, -1, 1, 1, -2, -2, 2, 2, -3, -3, 3, 3, -2, 2]]))
    >>> float(r.scan[0]), int(r.active[0]) + 1, float(r.price[0])
    (3.0, 13, 3.0)
    """
    row = np.arange(len(loss))
    active = loss.argmax(axis=1)
    top, pair = loss[row, active], loss[row, PAIR[active]]
    loses = top > 0
    time = (loss[:, 0] + loss[:, 1]) / 2
    vol = np.where(loses, (top - pair) / 2, (loss[:, 0] - loss[:, 1]) / 2)
    return Risk(active, np.maximum(top, 0.0), time, vol, np.where(loses, (top + pair) / 2 - time, 0.0))


class Totals:
    """Scenario totals by account, commodity and scanning tier, before and after scanning-based spreads.

    ``home`` (F,) is each total's net of account and commodity; ``owner`` (F,) the total that it was added to;
    ``weight`` (F, 16) what of it counts there.
    """

    def __init__(self, book: Book, nets: Nets, plan: Plan, group: np.ndarray) -> None:
        self.nets, self.plan = nets, plan
        self.fine = Nets.of(book, group)
        self.loss = summed(self.fine, plan.loss)
        width = max(len(plan.width), 1)
        scope = plan.scan_scope[self.fine.group % max(len(plan.scan_scope), 1)]
        self.home = np.searchsorted(nets.row * width + nets.group, self.fine.row * width + scope)
        self.owner = np.arange(len(self.fine), dtype=np.int64)
        self.weight = np.ones((len(self.fine), SCENARIOS))

    def by_net(self, values: np.ndarray) -> np.ndarray:
        """Values by total (F,) added up by account and commodity (N,)."""
        return added(self.home, values, len(self.nets))

    def owner_net(self) -> np.ndarray:
        """The net (N,) under which each net's risk now stands."""
        out = np.arange(len(self.nets))
        out[self.home] = self.home[self.owner]
        return out

    def merge(self, spread: Spread, deltas: Deltas) -> np.ndarray:
        """A scanning-based spread: legs become part of the target, gains at the credit rate, losses in full.

        Returns the accounts (K,) in which it forms. Where the target is not held the first leg carries the total.
        """
        at = [self._totals(leg.scope, deltas) for leg in spread.legs]
        none = np.full(len(deltas.nets.book), -1)
        target = self._totals(spread.target, deltas) if spread.target >= 0 else none
        held = np.stack(at) >= 0
        needed = np.array([leg.required for leg in spread.legs], bool)
        forms = (held.sum(axis=0) >= spread.least) & held[needed].all(axis=0)
        forms &= (target >= 0) | (not spread.target_required)
        rows = np.flatnonzero(forms)
        first = np.argmax(held[:, rows], axis=0)
        carrier = np.where(target[rows] >= 0, target[rows], np.stack(at)[first, rows])
        for leg, place in zip(spread.legs, at, strict=True):
            here = np.flatnonzero((place[rows] >= 0) & (place[rows] != carrier))
            self._add(place[rows][here], carrier[here], leg.rate)
            deltas.move(leg, rows[here], spread.target, spread.target_ratio / leg.ratio)
        return rows

    def _totals(self, scope: int, deltas: Deltas) -> np.ndarray:
        """The total of each account (R,) in a scope without scanning tiers; −1 where it holds none."""
        out = np.full(len(deltas.nets.book), -1, np.int64)
        total = np.flatnonzero(self.nets.group[self.home] == scope) if len(self.home) else self.home
        out[self.fine.row[total]] = total
        return np.where((out >= 0) & (self.owner[out] == out), out, -1)

    def _add(self, legs: np.ndarray, carrier: np.ndarray, rate: float) -> None:
        weight = np.where(self.loss[legs] > 0, 1.0, rate)
        self.loss[carrier] += weight * self.loss[legs]
        self.loss[legs] = 0.0
        into = np.full(len(self.owner), -1)
        into[legs] = np.arange(len(legs))
        moved = np.flatnonzero(into[self.owner] >= 0)
        self.weight[moved] *= weight[into[self.owner[moved]]]
        self.owner[moved] = carrier[into[self.owner[moved]]]
