"""A rulebook's moves and rates times a multiplier by underlying, through the one door for parameters."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...errors import InputError, Problem, nearest
from ...market import Market
from ...params import Params
from ...registry import Model
from .regime import settings

FORMS = ("fraction", "times", "down", "whole", "factor", "table")
RATE = re.compile(r"fraction|parts? of|\bbp\b|%|ppm|per unit of|1e-4|volatility at|asset = \[")
MOST = 30
RATES, LIMITS = ("rate", "cum"), ("max_leverage",)


@dataclass(frozen=True)
class Scale:
    """A parameter that scales: its ``name`` and ``form`` as dynamic.toml words them, and what of it scales.

    ``unsure`` marks one that only the user named: whether its rule reads it by scope or once for all is not known.
    """

    name: str
    form: str
    columns: tuple[int, ...] = ()
    weight: int = -1
    by: str = ""
    common: bool = False
    unsure: bool = False

    def __call__(self, value: Any, m: float) -> Any:
        """The value at multiplier ``m``: numbers scaled, words left, rows of extreme scenarios left."""
        if isinstance(value, Mapping):
            return {key: self(entry, m) for key, entry in value.items()}
        if isinstance(value, np.ndarray):
            return np.asarray([self(entry, m) for entry in value.tolist()])
        if not isinstance(value, list | tuple):
            return self._number(value, m)
        if any(isinstance(entry, list | tuple) for entry in value):
            return [self(entry, m) for entry in value]
        if self.weight >= 0 and value[self.weight] != 1:
            return list(value)
        return [self._number(v, m) if not self.columns or c in self.columns else v for c, v in enumerate(value)]

    def _number(self, value: Any, m: float) -> Any:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return value
        if self.form == "whole":
            return math.ceil(value * m - 1e-9)
        if self.form == "factor":
            out = value + (value - 1.0) * (m - 1.0)
            bad = out <= 0.0
        else:
            out = min(value * m, 1.0) if self.form == "down" else value * m
            bad = out <= -1.0 < value or (self.form == "fraction" and out >= 1.0 > value)
        if bad:
            raise ValueError(f"{value:g} would become {out:g}")
        return out


def scales(model: Model, params: Params, chosen: Sequence[str] | None, as_of: float) -> tuple[Scale, ...]:
    """What scales: the parameters named by the user, else those that dynamic.toml names for the model.

    Raises InputError for unknown names, with the nearest, and for a model without any, with what could be chosen.
    """
    own = settings(as_of)
    declared = {row["name"]: Scale(**_row(row)) for row in own.get("scales", model.id)}
    could = [key for key in params.units if _scalable(params, key)]
    likely = [key for key in could if key in declared or RATE.search(params.units[key])] or could
    if chosen is None:
        kept = tuple(s for s in declared.values() if s.name in params.units)
        if not kept:
            why = f"{model.id}: {own.get('none', model.id)}"
            hint = f"; name parameters to scale, such as {', '.join(likely[:MOST])}" if could else ""
            raise InputError([Problem("scale", 0, "", None, why + hint)])
        return kept
    names = [chosen] if isinstance(chosen, str) else list(chosen)
    problems = [
        Problem("scale", 0, "", n, f"{model.id} has no parameter {n!r} to scale{nearest(n, could)}")
        for n in names
        if n not in could
    ]
    if problems or not names:
        raise InputError(
            problems or [Problem("scale", 0, "", None, f"name at least one of {', '.join(likely[:MOST])}")]
        )
    return tuple(declared.get(n) or Scale(n, _form(params, n), unsure=True) for n in names)


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "columns": tuple(row.get("columns", ()))}


def _values(params: Params, key: str) -> list[Any]:
    return [v[key] for v in (params.common, *params.by.values()) if key in v]


def _scalable(params: Params, key: str) -> bool:
    return any(_has_number(v) for v in _values(params, key))


def _has_number(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_number, value.values()))
    if isinstance(value, list | tuple | np.ndarray):
        return any(_has_number(v) for v in (value.tolist() if isinstance(value, np.ndarray) else value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def _form(params: Params, key: str) -> str:
    """The form of a parameter that only the user names."""
    value = _values(params, key)[0]
    if isinstance(value, Mapping) and "key" in value:
        return "table"
    return "whole" if isinstance(value, int) else "times"


def scaled(
    params: Params,
    market: Market,
    multiplier: Mapping[str, float],
    which: Sequence[Scale],
    source: str,
    effective: dt.datetime | None = None,
) -> tuple[Params, frozenset[str]]:
    """The parameters at a multiplier by underlying, dated, and the names of which nothing was found to scale.

    A scope takes the largest multiplier of what it holds. Raises InputError where a move would reach 100 %.
    """
    by_name = {**_by_scope(market, multiplier), **multiplier}
    changed = {name: m for name, m in by_name.items() if m != 1.0}
    if not changed:
        return params, frozenset()
    common: dict[str, Any] = {}
    by: dict[str, dict[str, Any]] = {}
    found: set[str] = set()
    largest = max(by_name, key=lambda name: by_name[name])
    for scale in which:
        wanted = by_name if scale.unsure else changed
        found |= _apply(scale, params, wanted, (largest, by_name[largest]), common, by)
        if scale.by and scale.by in market.texts:
            common[scale.name] = _stated(scale, params, market, by_name, common[scale.name])
    dated = replace(params, effective=effective) if effective else params
    fresh = dated.override(source, by=by, **common)
    return replace(fresh, doubts=dict(params.doubts)), frozenset(n for n in multiplier if n in changed) - found


def _by_scope(market: Market, multiplier: Mapping[str, float]) -> dict[str, float]:
    out: dict[str, float] = {}
    for scope, name in zip(market.scopes[market.scope], market.underlying, strict=True):
        m = multiplier.get(str(name), 1.0)
        out[str(scope)] = max(out.get(str(scope), -np.inf), m)
    return out


def _apply(
    scale: Scale,
    params: Params,
    changed: Mapping[str, float],
    largest: tuple[str, float],
    common: dict[str, Any],
    by: dict[str, dict[str, Any]],
) -> set[str]:
    """Put one parameter's scaled values into ``common`` and ``by``; the names whose values were found."""
    key = scale.name
    if scale.form == "table":
        if key not in params:
            return set()
        common[key], found = _table(params[key], changed)
        return found
    if scale.by:
        return _through(scale, params, changed, common, by)
    shared = _one_for_all(scale, params)
    if shared or (scale.unsure and key in params):
        common[key] = _of(scale, params[key], largest[1], largest[0])
    if shared:
        return set(changed)
    found = set()
    for name, m in changed.items():
        value = params.by.get(name, {}).get(key, params.common.get(key))
        if value is not None:
            by.setdefault(name, {})[key] = _of(scale, value, m, name)
            found.add(name)
    return found


def _one_for_all(scale: Scale, params: Params) -> bool:
    own = scale.common or isinstance(params.common.get(scale.name), Mapping)
    return own and scale.name in params and scale.form != "table" and not scale.by


def common_values(params: Params, which: Sequence[Scale]) -> tuple[str, ...]:
    """Names of the parameters that are one value for all underlyings, or may be."""
    return tuple(s.name for s in which if _one_for_all(s, params) or (s.unsure and s.name in params))


def _through(
    scale: Scale, params: Params, changed: Mapping[str, float], common: dict[str, Any], by: dict[str, dict[str, Any]]
) -> set[str]:
    """A table by class or tier: each underlying gets an entry of its own, scaled, and the name of it."""
    table, found = dict(common.get(scale.name, params[scale.name])), set()
    for name, m in changed.items():
        entry = params.by.get(name, {}).get(scale.by, params.common.get(scale.by))
        if entry is None or str(entry) not in params[scale.name]:
            continue
        own = f"{entry} × {m:.6g}"
        table[own] = _of(scale, params[scale.name][entry], m, name)
        by.setdefault(name, {})[scale.by] = own
        found.add(name)
    common[scale.name] = table
    return found


def _stated(
    scale: Scale, params: Params, market: Market, by_name: Mapping[str, float], table: dict[str, Any]
) -> dict[str, Any]:
    """The table with the classes that instruments state themselves at the largest multiplier of what states them."""
    most: dict[str, tuple[float, str]] = {}
    for entry, name in zip(market.texts[scale.by], market.underlying, strict=True):
        if str(entry) in params[scale.name]:
            most[str(entry)] = max(most.get(str(entry), (-np.inf, "")), (by_name.get(str(name), 1.0), str(name)))
    return table | {entry: _of(scale, params[scale.name][entry], m, name) for entry, (m, name) in most.items()}


def _of(scale: Scale, value: Any, m: float, name: str) -> Any:
    try:
        return scale(value, m)
    except ValueError as error:
        said = f"{name} at {m:.4g} times: {error}, and a move must stay below 100 %"
        message = f"{said}; set a lower cap, or alone=False for a path within its bounds only"
        raise InputError([Problem("scale", 0, scale.name, m, message)]) from None


def _table(table: Mapping[str, Any], changed: Mapping[str, float]) -> tuple[dict[str, Any], set[str]]:
    """Brackets with the rows of each underlying's keys scaled, and the underlyings that have any."""
    keys = [str(k) for k in table["key"]]
    named = {key: _underlying(key, changed) for key in dict.fromkeys(keys)}
    m = np.array([changed[named[key]] if named[key] else 1.0 for key in keys], np.float64)
    scaled_columns = {c: np.asarray(table[c], np.float64) * m for c in RATES if c in table}
    limits = {c: np.asarray(table[c], np.float64) / m for c in LIMITS if c in table}
    return {**table, **scaled_columns, **limits}, {n for n in named.values() if n}


def _underlying(key: str, changed: Mapping[str, float]) -> str | None:
    """The name that a bracket key begins with: "BTC/USDT:USDT" and "SWAP BTC-USDT" are of BTC."""
    folded = {name.casefold(): name for name in changed}
    words = [key, *re.split(r"[^0-9A-Za-z]+", key)]
    return next((folded[w.casefold()] for w in words if w.casefold() in folded), None)
