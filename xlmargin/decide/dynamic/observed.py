"""What a regime is measured from: a price history or volatilities by underlying, read and checked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...cells import read_number
from ...errors import InputError, Problem, nearest
from ...history import DATE, TABLE, History, read
from ...market import Market
from ...params import Params
from ...volatility import ewma
from ..moves import groups
from .regime import Policy, Regime, regime

DAY = 86400.0
Series = tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]


def observed(
    market: Market, known: Params, policy: Policy, history: Any, vol: Any, reference: Any, days: int
) -> Regime:
    """The multipliers of every day, from volatilities given or from prices (else the market's own history)."""
    names = [str(n) for n in groups(market)[0]]
    if not names:
        raise InputError([Problem("positions", 0, "", None, "no positions: nothing follows volatility")])
    if vol is not None and history is not None:
        raise InputError([Problem("dynamic", 0, "vol", None, "give history or vol, not both")])
    if vol is not None:
        dates, sigma, long, doubts = from_volatility(vol, reference, names, market.as_of, known)
    else:
        table = history if history is not None else market.tables.get(TABLE)
        if table is None:
            message = "no price history: give one (a table history), or vol with reference"
            raise InputError([Problem(TABLE, 0, "", None, message)])
        dates, sigma, long, doubts = from_prices(table, reference, names, market.as_of, known)
    start = 1.0 + policy.buffer if len(sigma) == 1 else np.nan
    return regime(names, dates, sigma, long, policy, int(known["long_days"]), days, start, doubts)


def from_prices(table: Any, reference: Any, names: Sequence[str], as_of: float, settings: Params) -> Series:
    """Days in force (T,), volatilities known before each (T, K), long-run ones (T, K), and doubts.

    σ² by exponential weights of squared daily log returns; the reference, unless given (as volatility of a day), is
    the root mean square of the returns of the last ``long_days`` known then. The last row is tomorrow's.
    Raises InputError where names or days are missing.
    """
    problems: list[Problem] = []
    known = read(table, problems, names).until(as_of)
    if problems:
        raise InputError(problems)
    known = _complete(known, names, int(settings["seed_days"]))
    seed, long = int(settings["seed_days"]), int(settings["long_days"])
    returns = known.returns(known.numbered(names))
    sigma = ewma(returns, settings["decay"], seed)[seed:]
    own = _reference(reference, names)
    own = _long_run(returns * returns, long)[seed - 1 :] if own is None else np.broadcast_to(own, sigma.shape)
    _moving(sigma, names, "volatility")
    dates = np.append(known.dates[1:], known.dates[-1] + DAY)[seed:]
    return dates, sigma, own, _doubts(known, as_of, len(returns), settings)


def _complete(known: History, names: Sequence[str], seed: int) -> History:
    """The rows from the first on which every name has a price; raises InputError for gaps and too few rows."""
    column = known.numbered(names)
    problems = [
        Problem(TABLE, 0, str(n), None, f"no column {n} in the history{nearest(str(n), known.names)}")
        for n, c in zip(names, column, strict=True)
        if c < 0
    ]
    if problems:
        raise InputError(problems)
    price = known.price[:, column]
    whole = ~np.isnan(price)
    first = int(max((np.argmax(c) if c.any() else len(c)) for c in whole.T)) if len(price) else 0
    for t, k in np.argwhere(~whole[first:])[:20]:
        day = dt.datetime.fromtimestamp(known.dates[first + t], dt.UTC).date()
        message = f"no price of {names[k]} on {day}: volatility needs every day since the first"
        problems.append(Problem(TABLE, int(known.rows[first + t]), str(names[k]), None, message))
    if len(known) - first < seed + 2:
        message = f"{len(known) - first} days with a price of every name; at least {seed + 2} are needed"
        problems.append(Problem(TABLE, 0, "date", None, message))
    if problems:
        raise InputError(problems)
    return History(known.dates[first:], known.names, known.price[first:], known.rows[first:])


def _long_run(squares: np.ndarray, long: int) -> np.ndarray:
    """Root mean square (T, K) of the last ``long`` rows up to each."""
    total = np.cumsum(squares, axis=0)
    total[long:] -= total[:-long].copy()
    count = np.minimum(np.arange(1, len(squares) + 1), long)[:, None]
    return np.sqrt(np.maximum(total, 0.0) / count)


def _moving(values: np.ndarray, names: Sequence[str], what: str) -> None:
    still = [str(n) for n, v in zip(names, values.T, strict=True) if not (np.isfinite(v) & (v > 0)).all()]
    if still:
        message = f"{what} is zero on some day: prices that never moved tell no regime; give vol by hand"
        raise InputError([Problem("volatility", 0, n, 0.0, f"{n}: {message}") for n in still])


def _doubts(known: History, as_of: float, count: int, settings: Params) -> list[str]:
    age, long = (as_of - known.dates[-1]) / DAY, int(settings["long_days"])
    spacing = float(np.median(np.diff(known.dates))) / DAY
    said = []
    if count < long:
        said.append(f"long-run volatility over {count} days, fewer than the {long} (ten years) that the rule asks for")
    if age > settings["stale_days"]:
        said.append(f"the last price of the history is {age:.0f} days old")
    if not 0.5 <= spacing <= 1.5:
        said.append(f"rows of the history lie {spacing:.3g} days apart and count as one day each")
    return said


def from_volatility(
    given: Mapping[str, Any], reference: Any, names: Sequence[str], as_of: float, settings: Params
) -> Series:
    """The same from volatilities by underlying, oldest first, the last that known now.

    ``given`` holds a number or a sequence a name (all of one length), or a table with a date column; ``reference`` a
    number, one by name, or None for the root mean square of the series known then.
    """
    dates, values = _series(given, names, as_of)
    own = _reference(reference, names)
    if own is None:
        if len(values) < 2:
            message = "one volatility alone tells no regime: give the long-run one (reference) or a series"
            raise InputError([Problem("volatility", 0, "", None, message)])
        own = _long_run(values * values, int(settings["long_days"]))
    _moving(values, names, "volatility")
    return dates, values, np.broadcast_to(own, values.shape), []


def _series(given: Mapping[str, Any], names: Sequence[str], as_of: float) -> tuple[np.ndarray, np.ndarray]:
    if any(str(h).strip().casefold() in DATE for h in given):
        problems: list[Problem] = []
        table = read(given, problems, names).until(as_of)
        if problems:
            raise InputError(problems)
        table = _complete(table, names, 0)
        return table.dates + DAY, table.price[:, table.numbered(names)]
    _refuse_names(given, names, "volatility")
    columns = [_volatilities(str(n), given[str(n)]) for n in names]
    if len({len(c) for c in columns}) > 1:
        words = ", ".join(f"{n} {len(c)}" for n, c in zip(names, columns, strict=True))
        raise InputError([Problem("volatility", 0, "", None, f"series of one length are needed, not {words}")])
    values = np.column_stack(columns)
    _positive(values, names, "volatility")
    return as_of + DAY * np.arange(2 - len(values), 2), values


def _volatilities(name: str, given: Any) -> np.ndarray:
    """A number or a sequence as numbers (T,), also of text such as 40 %; InputError for what is none."""
    try:
        return np.array([float(c) if isinstance(c, float) else read_number(c) for c in np.atleast_1d(given).tolist()])
    except ValueError as error:
        raise InputError([Problem("volatility", 0, name, None, str(error))]) from None


def _reference(given: Any, names: Sequence[str]) -> np.ndarray | None:
    if given is None:
        return None
    if isinstance(given, Mapping):
        _refuse_names(given, names, "reference")
        given = [given[str(n)] for n in names]
    values = np.broadcast_to(_volatilities("reference", given), (len(names),))
    _positive(values[None], names, "reference")
    return values


def _positive(values: np.ndarray, names: Sequence[str], what: str) -> None:
    problems = [
        Problem(what, int(t) + 1, str(names[k]), values[t, k], f"must be above zero and finite, is {values[t, k]:g}")
        for t, k in np.argwhere(~(np.isfinite(values) & (values > 0)))[:50]
    ]
    if problems:
        raise InputError(problems)


def _refuse_names(given: Mapping[str, Any], names: Sequence[str], what: str) -> None:
    known = [str(n) for n in names]
    problems = [
        Problem(what, 0, str(g), None, f"nothing held follows {g!r}{nearest(str(g), known)}; held: {', '.join(known)}")
        for g in given
        if str(g) not in known
    ]
    problems += [
        Problem(what, 0, n, None, f"none is given for {n}{nearest(n, map(str, given))}")
        for n in known
        if n not in given
    ]
    if problems:
        raise InputError(problems)
