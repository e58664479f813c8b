"""The formulas that need no book: XM_PRICE, XM_GREEKS, XM_MODELS, XM_PARAMS, XM_TEMPLATE, XM_VERSION, XM_HELP."""

from __future__ import annotations

import datetime as dt
import json
import platform
from typing import Any

import numpy as np

import xlmargin as xm
from xlmargin.errors import InputError, Problem, nearest
from xlmargin.parsing import read_time
from xlmargin.pricing import YEAR, black76, greeks
from xlmargin.schemas import schema

from . import cells
from .registry import FUNCTIONS, Function, function

OPTION = "forward* strike* expiry* valued_at* iv* option_type"
GREEKS = ("delta", "gamma", "vega", "theta")
LONGEST_VALUE = 2_000


@function(f"{OPTION} rate")
def XM_PRICE(
    forward: np.ndarray,
    strike: np.ndarray,
    expiry: Any,
    valued_at: Any,
    iv: np.ndarray,
    option_type: Any,
    rate: np.ndarray,
) -> Any:
    """Black-76 value of European options on a forward, in the quote currency; a cell or a range for every argument.

    Blank rows stay blank. value = exp(−rate·tau)·(F·N(d1) − K·N(d2)), tau in years of 365 days.
    """
    tau, call = _tau(expiry, valued_at), _calls(option_type)
    discount = np.exp(-np.nan_to_num(rate) * tau)
    forward, strike, iv, tau, call, discount = _broadcast(forward, strike, iv, tau, call, discount)
    return _blanks(black76(forward, strike, iv * np.sqrt(np.nan_to_num(tau)), call, discount), forward, strike, iv, tau)


@function(f"{OPTION} output", output="delta, gamma, vega or theta alone; left out: all four with a header row")
def XM_GREEKS(
    forward: np.ndarray, strike: np.ndarray, expiry: Any, valued_at: Any, iv: np.ndarray, option_type: Any, output: str
) -> Any:
    """Delta and gamma to the forward, vega per 1.00 of volatility and theta a day of options, undiscounted."""
    if output and output.casefold() not in GREEKS:
        raise InputError(f"output: {output!r} is not one of {', '.join(GREEKS)}{nearest(output, GREEKS)}")
    arrays = _broadcast(forward, strike, iv, _tau(expiry, valued_at), _calls(option_type))
    forward, strike, iv, tau, call = arrays
    made = greeks(forward, strike, iv, np.nan_to_num(tau), call)
    if output:
        return _blanks(made[output.casefold()], forward, strike, iv, tau)
    shown = {name: [c for row in _blanks(made[name], forward, strike, iv, tau) for c in row] for name in GREEKS}
    return cells.table(shown)


def _tau(expiry: Any, valued_at: Any) -> np.ndarray:
    """Years of 365 days from one moment to the other, at least 0; NaN for blanks."""
    later, sooner = _moments("expiry", expiry), _moments("valued_at", valued_at)
    later, sooner = _broadcast(later, sooner)
    return np.maximum(later - sooner, 0.0) / YEAR


def _moments(name: str, given: Any) -> np.ndarray:
    return _each(name, given, lambda cell: np.nan if cells.is_blank(cell) or cell == 0 else read_time(cell))


def _calls(given: Any) -> np.ndarray:
    word = {"c": 1.0, "call": 1.0, "p": 0.0, "put": 0.0}

    def read(cell: Any) -> float:
        if cells.is_blank(cell) or cell == 0:
            return 1.0
        found = word.get(str(cell).strip().casefold())
        if found is None:
            raise ValueError(f"{cell!r} is not C or P")
        return found

    return _each("option_type", given, read) > 0


def _each(name: str, given: Any, read: Any) -> np.ndarray:
    rows = cells.rows_of(given)
    out = np.empty((len(rows), len(rows[0])), np.float64)
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            try:
                out[i, j] = read(cell)
            except ValueError as error:
                raise InputError([Problem(name, i + 1 if len(rows) > 1 else 0, "", cell, str(error))]) from None
    return out


def _broadcast(*arrays: np.ndarray) -> list[np.ndarray]:
    try:
        return list(np.broadcast_arrays(*arrays))
    except ValueError:
        sizes = ", ".join(sorted({f"{a.shape[0]} × {a.shape[1]}" for a in arrays if a.size > 1}))
        raise InputError(f"ranges of unlike size: {sizes}; give one cell or ranges of one size") from None


def _blanks(values: np.ndarray, *inputs: np.ndarray) -> list[list[Any]]:
    """Rows of numbers, "" where any input is blank."""
    known = ~np.isnan(np.stack(inputs)).any(axis=0)
    return [[cells.safe(v) if k else "" for v, k in zip(*row, strict=True)] for row in zip(values, known, strict=True)]


@function("")
def XM_MODELS() -> Any:
    """Every rulebook: what it margins, its settings and options, and how sure it is."""
    found = [xm.model(id) for id in xm.models()]
    return cells.table(
        {
            "model": [m.id for m in found],
            "title": [m.title for m in found],
            "takes": [", ".join(k for k in m.needs if k not in ("balance", "settle")) for m in found],
            "settings": [", ".join(m.settings) for m in found],
            "options": [", ".join(m.options) for m in found],
            "evidence": [m.evidence for m in found],
            "rule": [m.summary for m in found],
        }
    )


@function("model* as_of parameter scope")
def XM_PARAMS(model: str, as_of: Any, parameter: str, scope: str) -> Any:
    """The parameters of a rulebook in force at a time: value, unit, first day in force and source.

    Left out, the time is now.
    """
    params = xm.model(model).params(_moment(as_of))
    rows = list(params.rows())
    for key, wanted in (("parameter", parameter), ("scope", scope)):
        known = list(dict.fromkeys(r[key] for r in rows))
        if wanted and wanted.casefold() not in [k.casefold() for k in known]:
            raise InputError(f"{key}: {model} has no {wanted!r}{nearest(wanted, known)}")
        rows = [r for r in rows if not wanted or r[key].casefold() == wanted.casefold()]
    names = ("parameter", "scope", "value", "unit", "effective", "source", "evidence")
    return cells.table({n: [_value(r[n]) if n == "value" else r[n] for r in rows] for n in names})


def _moment(as_of: Any) -> float:
    if as_of is None:
        return dt.datetime.now(dt.UTC).timestamp()
    try:
        return read_time(as_of)
    except ValueError as error:
        raise InputError(f"as_of: {error}") from None


def _value(value: Any) -> Any:
    """A parameter as one cell: numbers and words as they are, anything larger as JSON text."""
    if isinstance(value, int | float | str | bool):
        return value
    if isinstance(value, dict) and all(isinstance(v, np.ndarray) for v in value.values()):
        length = len(next(iter(value.values()), ()))
        return f"table of {length} rows: {', '.join(value)}"
    return json.dumps(value, default=_listed)[:LONGEST_VALUE]


def _listed(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


@function("table_name* output", output="notes: unit, type, need and meaning of every column; left out: the header row")
def XM_TEMPLATE(table_name: str, output: str) -> Any:
    """The header row of an input table, to start from; with notes, what every column means."""
    columns = schema(table_name.casefold())
    if not output:
        return [[c.name for c in columns]]
    if output.casefold() != "notes":
        raise InputError(f"output: {output!r} is not notes")
    return cells.table(
        {
            "column": [c.name for c in columns],
            "need": [c.need for c in columns],
            "type": [c.dtype for c in columns],
            "unit": [c.unit for c in columns],
            "meaning": [c.meaning for c in columns],
            "allowed": [", ".join(c.choices) for c in columns],
        }
    )


@function("")
def XM_VERSION() -> Any:
    """Version of xlmargin and of the Python that runs it, and how many rulebooks it has."""
    return f"xlmargin {xm.__version__}, {len(xm.models())} rulebooks, Python {platform.python_version()}"


@function("function_name")
def XM_HELP(function_name: str) -> Any:
    """The functions and what they do; with a name, the arguments of that function."""
    if not function_name:
        chosen = [FUNCTIONS[n] for n in sorted(FUNCTIONS)]
        return cells.table({"function": [usage(f) for f in chosen], "answers": [f.description for f in chosen]})
    name = function_name.strip().upper().replace(".", "_").partition("(")[0].removeprefix("=")
    name = name if name.startswith("XM_") else f"XM_{name}"
    if name not in FUNCTIONS:
        raise InputError(f"no function {function_name!r}{nearest(name, FUNCTIONS)}")
    found = FUNCTIONS[name]
    return cells.table(
        {
            "argument": [found.name, *(a.name for a in found.arguments)],
            "need": ["", *("required" if a.required else "optional" for a in found.arguments)],
            "meaning": [found.document, *(a.meaning for a in found.arguments)],
        }
    )


def usage(found: Function) -> str:
    """How a function is written: optional arguments in brackets.

    >>> usage(FUNCTIONS["XM_PARAMS"])
    'XM_PARAMS(model, [as_of], [parameter], [scope])'
    """
    return f"{found.name}({', '.join(a.name if a.required else f'[{a.name}]' for a in found.arguments)})"
