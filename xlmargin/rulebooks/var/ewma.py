"""EWMA volatility: the loss quantile of a normal with the exponentially weighted variance of the book's own returns.

σ² = Σ_t w_t·(Σ_i δ_i r_ti)², w the weights of σ²_t = λσ²_{t−1} + (1 − λ)r²; VaR = Φ⁻¹(α)·√h·σ, expected shortfall
= φ(Φ⁻¹(α))/(1 − α)·√h·σ; positions share it by Euler: δ_i·∂σ/∂δ_i. Sources: RiskMetrics Technical Document (1996);
EU 153/2013 Articles 24 to 28 for levels and tools. How sure: closed forms only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri

from ...book import Book
from ...ledger import Line, Margin
from ...market import Market
from ...params import Params
from ...registry import Ready, margin_model
from ...risk import scan
from ...volatility import weights
from . import tools
from .fhs import NEEDS
from .revalue import exposure
from .tools import LONG, RECENT, STRESSED
from .window import FLOOR, OPTIONS, SETTINGS, STRESS, Window

FIRST_ORDER = "options count by their delta: what curvature and volatility add is not in the figure"


@margin_model(
    "var.ewma",
    params="dynamic.toml",
    needs=NEEDS,
    settings=SETTINGS,
    options={name: option for name, option in OPTIONS.items() if name != "scaling"},
    tables=("history",),
    evidence="closed forms; levels and tools from EU 153/2013",
    title="EWMA value at risk",
)
def ewma(book: Book, ready: Ready) -> Margin:
    """A normal quantile, or shortfall, of the exponentially weighted volatility of the book."""

    def measure(part: str, name: str) -> Line:
        unit, weight = ready.parts[part]
        pnl = scan(book, unit)
        sigma = np.sqrt((pnl * pnl * weight).sum(axis=1))
        return _line(name, book, unit, weight, pnl, sigma, ready.factor, ready.params.cite("confidence", "decay"))

    margin = tools.charge(book, ready, measure)
    return Margin(
        tools.equity(book, ready.market),
        margin,
        margin,
        currency=np.full(len(book), "USD", object),
        notes=tools.doubts(book, ready),
    )


ewma.check(tools.check)


@ewma.prepare
def prepare(market: Market, params: Params, options: dict[str, Any]) -> dict[str, Any]:
    """First-order gains of one contract on every past day, and what each day weighs."""
    window = Window.of(market, params, options)
    past = window.recent()
    if len(market):
        window.need(len(past), "the volatility")
    parts = {RECENT: (past, weights(len(past), window.decay, window.seed))}
    if options["tool"] == FLOOR:
        parts[LONG] = _even(
            window.part(slice(max(0, len(window.returns) - window.long), None), "the long-run volatility")
        )
    if options["tool"] == STRESS:
        parts[STRESSED] = _even(window.part(window.stressed, "the stressed period"))
        window.need(len(parts[STRESSED][0]), "the stressed period")
    slope = exposure(market)[:, None]
    return {
        "window": window,
        "parts": {name: (slope * _by_instrument(r, window.underlying), w) for name, (r, w) in parts.items()},
        "factor": _factor(window.confidence, options["measure"] == "es") * np.sqrt(window.horizon),
        "option_note": FIRST_ORDER,
    }


def _even(returns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return returns, np.full(len(returns), 1.0 / max(len(returns), 1))


def _by_instrument(returns: np.ndarray, underlying: np.ndarray) -> np.ndarray:
    return np.hstack([returns, np.zeros((len(returns), 1))]).T[underlying]


def _factor(confidence: float, shortfall: bool) -> float:
    """Φ⁻¹(α), or φ(Φ⁻¹(α))/(1 − α)."""
    z = float(ndtri(confidence))
    return float(np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi) / (1.0 - confidence)) if shortfall else z


def _line(
    name: str,
    book: Book,
    unit: np.ndarray,
    weight: np.ndarray,
    pnl: np.ndarray,
    sigma: np.ndarray,
    factor: float,
    cite: str,
) -> Line:
    formula = "quantile × √days × √(Σ w·(Σ δ r)²), shared by Euler"
    line = Line(name, factor * sigma, cite=cite, formula=formula)
    if not book.detail:
        return line
    legs = book.legs
    scaled = np.divide(pnl * weight, sigma[:, None], out=np.zeros_like(pnl), where=sigma[:, None] > 0)
    own = (unit[legs.instrument] * scaled[legs.row]).sum(axis=1)
    return Line(name, line.value, amounts=factor * legs.quantity * own, cite=cite, formula=formula)
