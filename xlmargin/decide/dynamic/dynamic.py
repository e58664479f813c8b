"""Dynamic margin: a rulebook's own moves and rates scaled by the volatility regime, and tomorrow's need shown today.

The rule is the rulebook's, run with other parameters; how these scale is declared in dynamic.toml. Measures of
procyclicality: Murphy, Vasios, Vause, Bank of England Financial Stability Paper 29 (2014).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...backtest import procyclicality
from ...errors import InputError, Note, Problem
from ...ledger import Margin
from ...params import Params
from ...run import Session
from ..moves import groups
from ..shown import Shown, tabled
from ..subject import level_of, on_margin
from ..worlds import at_time, remade
from .held_leverage import lowered
from .observed import DAY, observed
from .regime import NONE, Policy, Regime, settings
from .scaled import Scale, common_values, scaled, scales

LEVERAGE = "a position's leverage is above what the scaled brackets allow: the highest allowed is taken"
OWN = "which parameters follow volatility is this library's reading; the venue changes its own by notice"
STATED = "initial margin rests on the leverage that the position states, which the scaled brackets still allow"
ONE_FOR_ALL = "one value for all underlyings: {}; the largest multiplier of those held is taken"
NEWER = "the parameters published for {} are scaled for tomorrow, those of {} for today"
NOTHING = "no parameter of {} scales with volatility under this rulebook: its requirement stays"


@dataclass(frozen=True, eq=False, repr=False)
class Dynamic(Shown):
    """Margins (R,) under the published parameters, under today's multipliers and under tomorrow's.

    ``params`` are tomorrow's: ``xm.margin(book, market, model, params=found.params)`` gives ``tomorrow`` again.
    """

    published: Margin
    current: Margin
    tomorrow: Margin
    params: Params
    regime: Regime
    policy: Policy
    scales: tuple[Scale, ...]
    notes: tuple[Note, ...]

    def frame(self) -> Any:
        """A row per pool: requirement as published, today's and tomorrow's, change, multiplier by underlying."""
        import pandas as pd

        now, then, later = self.published, self.current, self.tomorrow
        before, after = now.initial.value, later.initial.value
        share = np.divide(after - before, before, out=np.full(len(before), np.nan), where=before > 0)
        columns = {"account": now.account, "pool": now.pool, "currency": now.currency, "equity": now.equity.value}
        columns |= {"published": before, "today": then.initial.value, "tomorrow": after}
        columns |= {"change": after - before, "change, fraction": share, "available tomorrow": later.available}
        columns |= {"maintenance published": now.maintenance.value, "maintenance tomorrow": later.maintenance.value}
        held = self._held()
        for k, name in enumerate(self.regime.names):
            columns[f"multiplier {name}"] = np.where(held[:, k], self.regime.tomorrow[name], np.nan)
        return pd.DataFrame(columns)

    def _held(self) -> np.ndarray:
        """Which underlyings each pool holds (R, K)."""
        book, market = self.published.run.book, self.published.run.market
        out = np.zeros((len(book), len(self.regime.names)), bool)
        out[book.legs.row, groups(market)[1][book.legs.instrument]] = True
        return out

    @tabled
    def multipliers(self) -> Any:
        """A row per day and underlying: volatility, reference, ratio, multiplier and what bound it; oldest first."""
        import pandas as pd

        r = self.regime
        days, names = [day(d) for d in r.dates], len(r.names)
        columns = {"date": np.repeat(np.array(days, object), names), "underlying": np.tile(r.names, len(days))}
        tables = {"volatility": r.volatility, "reference": r.reference, "ratio": r.ratio, "multiplier": r.multiplier}
        return pd.DataFrame(columns | {name: t.ravel() for name, t in tables.items()} | {"bound": r.bound.ravel()})

    def courses(
        self, days: int | None = None, level: str = "initial", alone: bool = True
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Days (T,) and requirements (T, R) of today's book at today's prices: published, by ratio alone, dynamic.

        ``days`` is how many of the last days to show, all unless given; ``alone`` False leaves out the ratio without
        bounds, which may ask for more than a move can be. Days of equal multipliers are run once.
        """
        known = len(self.regime.dates)
        count = known if days is None else int(days)
        if not 1 <= count <= known:
            raise InputError([Problem("path", 0, "days", days, f"{count} days; 1 to {known} are known")])
        flat = level_of(self.published, level)
        tables = {"by ratio alone": self.regime.ratio} if alone else {}
        tables["dynamic"] = self.regime.multiplier
        out = {"published": np.broadcast_to(flat, (count, len(flat)))}
        out |= {name: self._requirements(table[-count:], level) for name, table in tables.items()}
        return self.regime.dates[-count:], out

    def _requirements(self, table: np.ndarray, level: str) -> np.ndarray:
        rows, which = np.unique(table, axis=0, return_inverse=True)
        return np.array([self._level(row, level) for row in rows])[which.ravel()]

    def _level(self, row: np.ndarray, level: str) -> np.ndarray:
        by = dict(zip(self.regime.names, map(float, row), strict=True))
        how = self.published.run.session, self.published, by, self.scales, "dynamic: path", None
        return level_of(_scaled_margin(*how)[0], level)

    @tabled
    def path(self, days: int | None = None, level: str = "initial", alone: bool = True) -> Any:
        """A row per day and pool: the requirement as published, by the ratio alone, and with the bounds asked for."""
        import pandas as pd

        dates, tables = self.courses(days, level, alone)
        rows = len(self.published.account)
        columns = {"date": np.repeat(np.array([day(d) for d in dates], object), rows)}
        columns |= {"account": np.tile(self.published.account, len(dates))}
        columns |= {"pool": np.tile(self.published.pool, len(dates))}
        return pd.DataFrame(columns | {name: table.ravel() for name, table in tables.items()})

    @tabled
    def procyclicality(
        self, days: int | None = None, level: str = "initial", steps: Sequence[int] = (1, 5), alone: bool = True
    ) -> Any:
        """A row per pool and course: peak to trough, largest rises over ``steps`` days, deviation of log changes."""
        import pandas as pd

        _, tables = self.courses(days, level, alone)
        out = []
        for r, account in enumerate(self.published.account):
            for name, table in tables.items():
                found = procyclicality(table[:, r], steps)
                row = {"account": account, "pool": self.published.pool[r], "course": name}
                row |= {"peak to trough": found.peak_to_trough}
                row |= {f"rise over {n}": found.rise[n] for n in steps}
                row |= {f"rise over {n}, fraction": found.rise_percent[n] for n in steps}
                out.append(row | {"deviation": found.deviation})
        return pd.DataFrame(out)


def day(moment: float) -> str:
    """Epoch seconds as a day in words."""
    return f"{dt.datetime.fromtimestamp(moment, dt.UTC):%Y-%m-%d}"


@on_margin
def dynamic(
    margin: Margin,
    *,
    history: Any = None,
    vol: Mapping[str, Any] | None = None,
    reference: Any = None,
    floor: float | None = None,
    cap: float | None = None,
    speed: float | None = None,
    buffer: float | None = None,
    tool: str = NONE,
    scale: Sequence[str] | None = None,
    days: int = 1,
) -> Dynamic:
    """Tomorrow's requirement with the rulebook's moves and rates scaled by volatility, and how procyclical that is.

    Multiplier of an underlying: today's volatility over the long run's, kept within ``floor`` and ``cap``, within
    ``speed`` (a fraction) of the day before's, with ``buffer`` (a fraction) on top that rises use up.
    Parameters: ``history``, prices by day (else the market's own), or ``vol``, volatilities by underlying, oldest
    first, with ``reference`` (a number or by underlying); ``tool``, one of EU 153/2013 Article 28: "buffer", "stress
    weight", "floor"; ``scale``, names of parameters in place of those that dynamic.toml names; ``days`` ahead, with
    volatility held. Without bounds none is applied. Raises InputError where the history is too short or still, a bound
    makes no sense, a name is unknown, or the rulebook names nothing that scales.
    """
    session = margin.run.session
    known = settings(session.market.as_of)
    policy = Policy.of(known, tool, floor, cap, speed, buffer)
    which = scales(session.model, session.params, scale, session.market.as_of)
    found = observed(margin.run.market, known, policy, history, vol, reference, _whole(days))
    effective = dt.datetime.fromtimestamp(session.market.as_of + days * DAY, dt.UTC)
    later = at_time(session, days * DAY)
    current, _, _ = _scaled_margin(session, margin, found.current, which, _source(found, found.current), None)
    tomorrow, params, notes = _scaled_margin(
        later, margin, found.tomorrow, which, _source(found, found.tomorrow), effective
    )
    every = np.ones(len(margin.account), bool)
    told = [Note(text, known.cite("long_days", "decay"), every) for text in (OWN, *found.doubts)]
    told += [Note(text, session.model.id, every) for text in _said(session.params, later.params, found, which)]
    return Dynamic(margin, current, tomorrow, params, found, policy, which, (*tomorrow.notes, *told, *notes))


def _said(now: Params, later: Params, found: Regime, which: Sequence[Scale]) -> Iterator[str]:
    """What else tomorrow's figures rest on."""
    shared = common_values(now, which)
    if shared and len(set(found.tomorrow.values())) > 1:
        yield ONE_FOR_ALL.format(", ".join(shared))
    if later.effective != now.effective:
        yield NEWER.format(f"{later.effective:%Y-%m-%d}", f"{now.effective:%Y-%m-%d}")


def _whole(days: Any) -> int:
    if not isinstance(days, int | float) or days != days or days < 1 or days != int(days):
        raise InputError([Problem("dynamic", 0, "days", days, f"{days} days ahead; a whole number of at least 1")])
    return int(days)


def _source(found: Regime, by: Mapping[str, float]) -> str:
    """What the scaled parameters' stamp says: each underlying's multiplier, and of which day its volatility is."""
    told = ", ".join(f"{name} × {m:.6g}" for name, m in list(by.items())[:8])
    more = f" and {len(by) - 8} more" if len(by) > 8 else ""
    return f"dynamic: {told}{more}; volatility known on {day(found.dates[-found.ahead] - DAY)}"


def _scaled_margin(
    session: Session,
    published: Margin,
    by: Mapping[str, float],
    which: Sequence[Scale],
    source: str,
    effective: dt.datetime | None,
) -> tuple[Margin, Params, list[Note]]:
    """The same pools under scaled parameters, those parameters, and what had to be assumed."""
    params, bare = scaled(session.params, session.market, by, which, source, effective)
    if params is session.params is published.run.session.params:
        return published, params, []
    ready = replace(remade(session, session.market, params), workers=session.workers)
    book, changed = lowered(published.run.book, ready)
    result = ready.run(book)
    notes = [Note(LEVERAGE, source, changed)] if changed.any() else []
    kept = (result.initial.value == published.initial.value) & (result.maintenance.value != published.maintenance.value)
    notes += [Note(STATED, source, kept)] if kept.any() else []
    if bare:
        market, legs = session.market, book.legs
        of = np.isin(market.underlying.astype(str), list(bare))[legs.instrument]
        where = np.zeros(len(book), bool)
        where[legs.row[of]] = True
        notes.append(Note(NOTHING.format(", ".join(sorted(bare))), params.model, where))
    return result, params, notes
