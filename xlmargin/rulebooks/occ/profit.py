"""Profit and loss of one contract at the ten points: as published, else by a model with volatility frozen."""

from __future__ import annotations

import numpy as np

from ...market import OPTION, Market
from ...params import Params
from ...pricing import YEAR
from . import values

POINTS = 10
STYLES = {"american": True, "european": False}


def classes(market: Market, p: Params) -> list[str]:
    """The shock class of each scope: stated by any of its instruments, else by the parameters."""
    out = [str(p.get("class", code)) for code in market.scopes]
    stated = market.texts.get("class")
    if stated is not None:
        for u, text in zip(market.scope[::-1], stated[::-1], strict=True):
            out[u] = str(text) or out[u]
    return out


def american(market: Market, kinds: list[str]) -> np.ndarray:
    """Exercise style (I,): stated, else American for shares and European for broad indices."""
    of_class = np.array([k == "equity" for k in kinds], bool)[market.scope]
    stated = market.texts.get("exercise", np.full(len(market), "", object))
    return np.array([STYLES.get(str(s).casefold(), c) for s, c in zip(stated, of_class, strict=True)], bool)


def profits(market: Market, p: Params, moves: np.ndarray, kinds: list[str]) -> np.ndarray:
    """Profit and loss (I, 10) of one contract when its underlying moves by ``moves`` (I, 10)."""
    value = np.nan_to_num(market["mark"])[:, None] * moves
    option = np.flatnonzero((market.kind == OPTION) & np.isnan(market.column("p1")))
    if len(option):
        facts = facts_of(market.take(option), kinds)
        value[option] = _modelled(facts, moves[option], int(p["tree_steps"]))
    value *= market["contract_size"][:, None]
    published = np.stack([market.column(f"p{n + 1}") for n in range(POINTS)], axis=1)
    return np.where(np.isnan(published), value, published)


def facts_of(options: Market, kinds: list[str]) -> dict[str, np.ndarray]:
    """What values depend on, for every option (O,)."""
    return {
        "spot": options["index"],
        "strike": options["strike"],
        "tau": options.seconds / YEAR,
        "rate": options["rate"],
        "carry": options.column("dividend_yield", 0.0),
        "call": options.call,
        "american": american(options, kinds),
        "vol": options["iv"],
        "price": options["mark"],
    }


def volatility(facts: dict[str, np.ndarray], steps: int) -> np.ndarray:
    """Volatility (O,): as given, else implied by the price."""
    vol = facts["vol"].copy()
    unknown = np.flatnonzero(np.isnan(vol))
    some = {k: v[unknown] for k, v in facts.items()}
    if len(unknown):
        vol[unknown] = values.implied(some, some["spot"], some["price"], steps)
    return vol


def _modelled(facts: dict[str, np.ndarray], moves: np.ndarray, steps: int) -> np.ndarray:
    """Change of theoretical value (O, 10)."""
    width = moves.shape[1] + 1
    at = facts["spot"][:, None] * np.concatenate([np.ones((len(moves), 1)), 1.0 + moves], axis=1)
    wide = {k: np.repeat(v, width) for k, v in facts.items()}
    vol = np.repeat(volatility(facts, steps), width)
    value = values.theoretical(wide, at.reshape(-1), vol, steps).reshape(-1, width)
    return value[:, 1:] - value[:, :1]


def explained(options: Market, kinds: list[str], steps: int) -> np.ndarray:
    """Options (O,) whose volatility is given or implied by their mark."""
    facts = facts_of(options, kinds)
    return np.isfinite(facts["vol"]) | values.explained(facts, facts["spot"], facts["price"], steps)
