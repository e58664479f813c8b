"""What a venue does near and past maintenance: states and ladder from venues.toml, dated and sourced."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..params import Params

FILE = Path(__file__).with_name("venues.toml")


@dataclass(frozen=True)
class Ladder:
    """How a venue liquidates.

    ``trigger`` equity / maintenance below which it begins; ``target`` maintenance / equity at which partial
    liquidation stops; ``step`` share of every position closed at a time; ``whole_below`` notional that is closed at
    once; ``backstop`` equity / maintenance at or below which the account is taken over; ``fee`` fraction of the
    notional closed, ``fee_of_margin`` of the maintenance closed; ``seconds`` between steps; ``adl`` the ranking of
    deleveraged accounts; ``doubt`` what is not known.
    """

    step: float
    trigger: float = 1.0
    target: float = 1.0
    whole_below: float = 0.0
    backstop: float = 0.0
    fee: float = 0.0
    fee_of_margin: float = 0.0
    seconds: float = 0.0
    adl: str = "bitmex"
    doubt: str = ""
    cite: str = ""


@dataclass(frozen=True)
class State:
    """A venue's state: its name, the equity / maintenance below which it holds, and how serious it is."""

    name: str
    below: float
    severity: str


def _params(as_of: float) -> Params:
    return Params.load(FILE, as_of)


def _value(params: Params, key: str, model: str) -> Any:
    return params.get(key, model)


def states(model: str, as_of: float) -> tuple[State, ...]:
    """The states of a model at a time, the mildest first."""
    rows = _value(_params(as_of), "states", model)
    return tuple(State(name, float(below), severity) for name, below, severity in rows)


def reached(told: tuple[State, ...], equity: np.ndarray, maintenance: np.ndarray) -> np.ndarray:
    """Number of the gravest of the states (S) whose threshold each account has passed, −1 where it is sound."""
    out = np.full(np.shape(equity), -1)
    for n, state in enumerate(told):
        out[(equity < state.below * maintenance) | ((state.below == 0.0) & (equity < 0))] = n
    return np.where((maintenance <= 0) & (equity >= 0), -1, out)


def ladder(model: str, as_of: float) -> Ladder:
    """The ladder of a model at a time; a generic one, with a doubt, where the venue's own is not known."""
    params = _params(as_of)
    own = {k: float(v) for k, v in _value(params, "ladder", model).items()}
    words = {k: str(_value(params, k, model)) for k in ("adl", "doubt")}
    source = params.origin.get((model, "ladder"), params.origin[None, "ladder"])
    return Ladder(**own, **words, cite=str(source))
