"""How far an account is from trouble: headroom in money and in moves, the venue's states, alerts, the weakest spot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..frames import LEGS, holding_name
from ..ledger import Margin
from .axis import ALL, COLLATERAL, UNDERLYING, VOLATILITY
from .liquidation.liquidation import Liquidation, liquidation, percent
from .shown import Shown, tabled
from .subject import on_margin
from .trades import closed
from .venues import State, reached, states

NEAR = ((0.05, "serious"), (0.15, "warning"))
RANK = {"critical": 0, "serious": 1, "warning": 2, "note": 3}


@dataclass(frozen=True, eq=False, repr=False)
class Health(Shown):
    """The state of every pool (R,), the moves to maintenance by price, volatility and collateral, and its weak spots.

    ``relief`` (H,) is by how much headroom would grow if that leg alone were closed at its mark.
    """

    margin: Margin
    state: tuple[State | None, ...]
    price: Liquidation
    vol: Liquidation
    collateral: Liquidation
    relief: np.ndarray

    @property
    def cover(self) -> np.ndarray:
        """Equity / maintenance (R,); infinite where nothing is required, negative where equity is."""
        need, have = self.margin.maintenance.value, self.margin.equity.value
        return np.divide(have, need, out=np.full(len(need), np.inf), where=need > 0)

    def frame(self) -> Any:
        """A row per pool: figures, state, the nearest move of each kind in words, the position that weighs most."""
        import pandas as pd

        m = self.margin
        return pd.DataFrame(
            {
                "account": m.account,
                "pool": m.pool,
                "currency": m.currency,
                "equity": m.equity.value,
                "maintenance": m.maintenance.value,
                "headroom": m.headroom,
                "ratio": m.ratio,
                "cover": self.cover,
                "state": [s.name if s else "sound" for s in self.state],
                "severity": [s.severity if s else "" for s in self.state],
                "price": [_moves(self.price, r) for r in range(len(m.account))],
                "volatility": [_moves(self.vol, r) for r in range(len(m.account))],
                "collateral": [_moves(self.collateral, r) for r in range(len(m.account))],
                "nearest": [self.nearest(r)[0] for r in range(len(m.account))],
                "weighs most": [self.heaviest(r) for r in range(len(m.account))],
                "market time": m.stamp["market time"],
            }
        )

    @property
    def words(self) -> str:
        """How many pools are in which state, and which of those above maintenance is nearest to it."""
        names = [s.name if s else "sound" for s in self.state]
        told = [f"{names.count(n)} {n}" for n in sorted(set(names), key=lambda n: (-names.count(n), n))]
        moves = [self.nearest(r) for r in range(len(names))]
        able = [r for r, (_, move) in enumerate(moves) if np.isfinite(move) and self.margin.headroom[r] >= 0]
        if able:
            r = min(able, key=lambda r: abs(moves[r][1]))
            told[-1] += f"; nearest to maintenance: {self.margin.account[r]}, {moves[r][0]}"
        return ", ".join(told)

    def nearest(self, row: int) -> tuple[str, float]:
        """The single factor of a row that breaks it with the smallest move, in words, and that move; NaN if none."""
        best, told = np.nan, ""
        for what, found in (("", self.price), (" volatility", self.vol), (" as collateral", self.collateral)):
            for p in np.flatnonzero((found.row == row) & (found.target != ALL)):
                for factor in (found.down[p], found.up[p]):
                    move = factor - 1.0
                    if np.isfinite(move) and not abs(move) >= abs(best):
                        best, told = float(move), f"{found.target[p]}{what} {percent(move)}"
        return told, best

    def heaviest(self, row: int) -> str:
        """The position whose closing would add most headroom; empty where none would add any."""
        own = np.flatnonzero(self.margin.run.book.legs.row == row)
        if not len(own) or self.relief[own].max() <= 0:
            return ""
        return holding_name(self.margin, LEGS, int(own[np.argmax(self.relief[own])]))

    @tabled
    def alerts(self) -> Any:
        """A row per finding, the gravest first: account, pool, severity, what, message, market time (DataFrame)."""
        import pandas as pd

        time = self.margin.stamp["market time"]
        rows = [(*row, time) for row in _alerts(self)]
        rows.sort(key=lambda row: RANK[row[2]])
        return pd.DataFrame(rows, columns=["account", "pool", "severity", "what", "message", "market time"])


@on_margin
def health(margin: Margin) -> Health:
    """Where every pool stands: the venue's state, headroom, and the moves of price, volatility, collateral to it.

    Each move is found by the rule on moved markets (see ``liquidation``); what a position weighs by running the pool
    again without it. States and thresholds stand in ``venues.toml`` with their sources.
    """
    told = states(margin.stamp["model"], margin.run.market.as_of)
    need, have = margin.maintenance.value, margin.equity.value
    state = tuple(told[n] if n >= 0 else None for n in reached(told, have, need))
    found = [liquidation(margin, by=by) for by in (UNDERLYING, VOLATILITY, COLLATERAL)]
    return Health(margin, state, *found, relief(margin))


def relief(margin: Margin) -> np.ndarray:
    """By how much headroom grows (H,) if each leg alone is closed at its mark: the pool run again without it."""
    book, session = margin.run.book, margin.run.session
    legs = book.legs
    copies = book.take(legs.row)
    own = np.arange(len(legs)) - np.searchsorted(legs.row, legs.row)
    start = np.searchsorted(copies.legs.row, np.arange(len(legs)))
    share = np.zeros(len(copies.legs))
    share[start + own] = 1.0
    without = session.run(closed(copies, session.market, share))
    return without.headroom - margin.headroom[legs.row]


def _moves(found: Liquidation, row: int) -> str:
    """ "BTC -11.4 % or +18.2 %, ETH +40.0 %" for one row; the targets that break nothing are left out."""
    told = []
    for p in np.flatnonzero(found.row == row):
        moves = [percent(f - 1.0) for f in (found.down[p], found.up[p]) if np.isfinite(f)]
        if moves:
            told.append(f"{found.target[p] or 'all together'} {' or '.join(moves)}")
    return ", ".join(told)


def _alerts(found: Health) -> Iterator[tuple[str, str, str, str, str]]:
    margin = found.margin
    for r, state in enumerate(found.state):
        who = margin.account[r], margin.pool[r]
        money = f"equity {margin.equity.value[r]:,.2f}, maintenance {margin.maintenance.value[r]:,.2f}"
        if state:
            short = f", {-margin.headroom[r]:,.2f} {margin.currency[r]} short" if margin.headroom[r] < 0 else ""
            yield (*who, state.severity, state.name, f"{money}{short}")
        if margin.available[r] < 0 <= margin.headroom[r]:
            text = f"{-margin.available[r]:,.2f} {margin.currency[r]} below initial margin: only reducing trades pass"
            yield (*who, "warning", "below initial margin", text)
        if margin.headroom[r] >= 0:
            yield from _near(found, r)
    for note in margin.notes:
        rows = range(len(margin.account)) if note.where is None else np.flatnonzero(note.where)
        for r in rows:
            yield margin.account[r], margin.pool[r], "note", "assumption", note.text


def _near(found: Health, r: int) -> Iterator[tuple[str, str, str, str, str]]:
    """Targets of a row that a small move breaks."""
    kinds = (("price", found.price), ("volatility", found.vol), ("collateral", found.collateral))
    for what, table in kinds:
        for p in np.flatnonzero(table.row == r):
            for factor in (table.down[p], table.up[p]):
                grade = next((g for reach, g in NEAR if abs(factor - 1.0) <= reach), None)
                if grade:
                    text = f"{table.target[p] or 'all together'} {percent(factor - 1.0)} until maintenance"
                    yield table.account[p], table.pool[p], grade, f"{what} near", text
