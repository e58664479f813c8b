"""Does a margin cover what came, and how does it move with the market: backtests and procyclicality.

The book of today is margined on every past day with what was known then, and its loss over the days that followed is
held against it. Sources: P. Kupiec, "Techniques for verifying the accuracy of risk measurement models" (1995);
P. Christoffersen, "Evaluating interval forecasts" (1998); Murphy, Vasios, Vause, Bank of England Financial Stability
Paper 29 (2014) for the measures of procyclicality.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from . import history
from .book import Book
from .errors import InputError, Problem
from .history import History
from .ledger import Margin
from .market import OPTION, Market
from .params import Params
from .registry import Model
from .run import session

STEPS = (1, 5, 30)


@dataclass(frozen=True)
class Test:
    """A likelihood-ratio test: its statistic and the probability of one as large if the margin were right."""

    statistic: float
    p_value: float


def _log_likelihood(hits: float, misses: float, rate: float) -> float:
    """hits·ln(rate) + misses·ln(1 − rate), with 0·ln 0 = 0."""
    told = hits * np.log(rate) if hits else 0.0
    return float(told + (misses * np.log1p(-rate) if misses else 0.0))


def kupiec(breaches: int, observations: int, confidence: float) -> Test:
    """Are there as many breaches as the confidence lets one expect?

    LR = 2·(ln L(x/n) − ln L(1 − α)), L(p) = p^x·(1 − p)^(n−x); χ² with one degree of freedom.

    >>> round(kupiec(20, 252, 0.95).statistic, 2)
    3.91
    """
    if observations == 0:
        return Test(0.0, 1.0)
    missed = observations - breaches
    own = _log_likelihood(breaches, missed, breaches / observations)
    return _ratio(own - _log_likelihood(breaches, missed, 1.0 - confidence), 1)


def independence(breaches: np.ndarray) -> Test:
    """Do breaches follow one another more often than they follow calm days?

    First-order Markov against one rate: LR = 2·(ln L(π01, π11) − ln L(π)); χ² with one degree of freedom.
    """
    hit = np.asarray(breaches, bool)
    before, after = hit[:-1], hit[1:]
    counts = [[float(np.sum((before == a) & (after == b))) for b in (False, True)] for a in (False, True)]
    hits, total = counts[0][1] + counts[1][1], len(after)
    if total == 0:
        return Test(0.0, 1.0)
    own = sum(_log_likelihood(n1, n0, n1 / (n0 + n1)) for n0, n1 in counts if n0 + n1)
    return _ratio(own - _log_likelihood(hits, total - hits, hits / total), 1)


def christoffersen(breaches: np.ndarray, confidence: float) -> Test:
    """Conditional coverage: right in number and independent; χ² with two degrees of freedom.

    LR = Kupiec's on all days but the first, plus that of independence.
    """
    hit = np.asarray(breaches, bool)[1:]
    together = kupiec(int(hit.sum()), len(hit), confidence).statistic + independence(breaches).statistic
    return Test(together, float(chdtrc(2, together)))


def _ratio(difference: float, freedom: int) -> Test:
    statistic = max(0.0, 2.0 * difference)
    return Test(statistic, float(chdtrc(freedom, statistic)))


@dataclass(frozen=True)
class Procyclicality:
    """How much a margin moved: largest over smallest, largest rises over n steps, deviation of its log-changes."""

    peak_to_trough: float
    rise: dict[int, float]
    rise_percent: dict[int, float]
    deviation: float


def procyclicality(margin: np.ndarray, steps: Sequence[int] = STEPS) -> Procyclicality:
    """Measures of one series of margins (T,), oldest first.

    peak/trough = max M / min M; rise over n = max (M_{t+n} − M_t), in money and as a fraction of M_t; deviation =
    standard deviation of ln M_{t+1}/M_t. NaN where the series is too short or a margin is 0.

    >>> procyclicality(np.array([100.0, 120.0, 90.0]), steps=(1, 2)).rise
    {1: 20.0, 2: -10.0}
    """
    m = np.asarray(margin, np.float64)
    rise, percent = {}, {}
    for n in steps:
        change = m[n:] - m[:-n]
        rise[n] = float(change.max()) if len(change) else np.nan
        positive = m[:-n] > 0
        percent[n] = float((change[positive] / m[:-n][positive]).max()) if positive.any() else np.nan
    above = len(m) > 0 and m.min() > 0
    return Procyclicality(
        peak_to_trough=float(m.max() / m.min()) if above else np.nan,
        rise=rise,
        rise_percent=percent,
        deviation=float(np.diff(np.log(m)).std()) if above and len(m) > 1 else np.nan,
    )


@dataclass(frozen=True, eq=False)
class Backtest:
    """Margins and losses (T, R) of today's book on past days, in US dollars; ``horizon`` days pass after each."""

    model: str
    account: np.ndarray
    pool: np.ndarray
    dates: np.ndarray
    margin: np.ndarray
    loss: np.ndarray
    confidence: float
    horizon: int

    @property
    def breaches(self) -> np.ndarray:
        """Days (T, R) on which the loss was larger than the margin."""
        return self.loss > self.margin

    def frame(self) -> pd.DataFrame:
        """A row per day and pool: margin, loss, breach."""
        rows = len(self.account)
        days = np.array([f"{dt.datetime.fromtimestamp(d, dt.UTC):%Y-%m-%d}" for d in self.dates], object)
        columns = {"date": np.repeat(days, rows)}
        columns |= {"account": np.tile(self.account, len(days)), "pool": np.tile(self.pool, len(days))}
        values = {"margin": self.margin, "loss": self.loss, "breach": self.breaches}
        return pd.DataFrame(columns | {name: v.ravel() for name, v in values.items()})

    def tests(self) -> pd.DataFrame:
        """A row per pool: breaches found and expected, and the three tests."""
        out = []
        for r, name in enumerate(self.account):
            hit = self.breaches[:, r]
            found, n = int(hit.sum()), len(hit)
            rows = {"account": name, "pool": self.pool[r], "days": n, "breaches": found}
            rows["expected"] = n * (1.0 - self.confidence)
            for title, test in (
                ("kupiec", kupiec(found, n, self.confidence)),
                ("independence", independence(hit)),
                ("christoffersen", christoffersen(hit, self.confidence)),
            ):
                rows |= {title: test.statistic, f"{title} p": test.p_value}
            out.append(rows)
        return pd.DataFrame(out)

    def procyclicality(self, steps: Sequence[int] = STEPS) -> pd.DataFrame:
        """A row per pool: the measures of ``procyclicality``, steps being those of the backtest."""
        out = []
        for r, name in enumerate(self.account):
            found = procyclicality(self.margin[:, r], steps)
            row = {"account": name, "pool": self.pool[r], "peak to trough": found.peak_to_trough}
            row |= {f"rise over {n}": found.rise[n] for n in steps}
            row |= {f"rise over {n}, fraction": found.rise_percent[n] for n in steps}
            out.append(row | {"deviation": found.deviation})
        return pd.DataFrame(out)


def backtest(
    book: Book,
    market: Market,
    model: str | Model,
    *,
    days: int = 250,
    horizon: int | None = None,
    step: int | None = None,
    confidence: float | None = None,
    options: Mapping[str, Any] | None = None,
    params: Params | None = None,
) -> Backtest:
    """Margin of the book of today on past days of its price history, against its loss in the days after each.

    Parameters: ``days`` how many rows of the history to go back; ``horizon`` days of loss (the model's own, else 1);
    ``step`` days between tests (the horizon, so that losses do not overlap); ``confidence`` that is tested (the
    model's own). On each day prices are those of today and the time to expiry is kept: what changes is the history
    that the model may see, and the move that followed. Raises InputError where the history does not reach.
    """
    settled, checked = session(book, market, model, options=options, params=params)
    told = _told(settled.params, settled.ready.options)
    horizon = int(horizon or told["horizon"])
    alpha = float(confidence or told["confidence"])
    known = _history(settled.market)
    first, last = len(known) - horizon - days, len(known) - horizon
    if days < 1 or first < 1:
        message = f"{len(known)} rows up to the market's time; {days} days and a horizon of {horizon} need more"
        raise InputError([Problem(history.TABLE, 0, "date", days, message)])
    flat, at = _flat(checked, settled.market), np.arange(first, last, step or horizon)
    today = replace(settled.market, tables={**settled.market.tables, history.TABLE: known})
    margins, losses = [], []
    for t in at:
        then = _as_of(today, known.dates[t])
        before = _margin(flat, then, settled.model, options, settled.params)
        after = _margin(flat, _moved(then, known, t, t + horizon), settled.model, options, settled.params)
        margins.append(before.initial.value)
        losses.append(before.equity.value - after.equity.value)
    dates = known.dates[at]
    return Backtest(
        settled.model.id, before.account, before.pool, dates, np.array(margins), np.array(losses), alpha, horizon
    )


def _told(params: Params, options: Mapping[str, Any]) -> dict[str, float]:
    """Horizon and confidence as the run's options or the model's parameters say."""
    out = {}
    for name, key, default in (("horizon", "horizon_days", 1), ("confidence", "confidence", 0.99)):
        own = options.get(name, np.nan)
        stated = isinstance(own, int | float) and not np.isnan(own)
        out[name] = own if stated else params.common.get(key, default)
    return out


def _history(market: Market) -> History:
    problems: list[Problem] = []
    names = [*map(str, market.underlying), *map(str, market.assets)]
    known = history.read(market.tables.get(history.TABLE), problems, names).until(market.as_of)
    if problems:
        raise InputError(problems)
    return known


def _flat(book: Book, market: Market) -> Book:
    """The positions alone, entered at today's marks: their equity moves by what they gain."""
    i = book.legs.instrument
    entry = np.where(market.kind[i] == OPTION, np.nan, market["mark"][i])
    legs = replace(book.legs, entry=entry, accrued=np.zeros(len(i)))
    none = np.zeros(0, np.int64)
    return replace(book, legs=legs, cash=book.cash.at(none, none, len(book)))


def _as_of(market: Market, moment: float) -> Market:
    """Today's market with the history cut at ``moment`` and as long to every expiry as today."""
    shift = market.as_of - moment
    return replace(market.with_columns(expiry=market["expiry"] - shift), as_of=moment)


def _moved(market: Market, known: History, start: int, end: int) -> Market:
    """The market after the move from one row of the history to another."""
    with np.errstate(invalid="ignore"):
        ratio = np.append(known.price[end] / known.price[start], 1.0)
    factor = lambda names: np.nan_to_num(ratio[known.numbered(names)], nan=1.0)  # noqa: E731
    return market.shocked(price=factor(market.underlying), asset=factor(market.assets))


def _margin(book: Book, market: Market, model: Model, options: Any, params: Params) -> Margin:
    made, checked = session(book, market, model, options=options, params=params)
    return made.margin(checked)
