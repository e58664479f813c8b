"""What accounts become in named stresses and in the user's own: prices, volatility, basis, rates, depegs, locations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ...errors import Note
from ...ledger import Margin
from ...market import SENSITIVITY
from ..subject import on_margin
from ..venues import reached, states
from .plan import FROZEN, LOST, PARTS, Plan, outcomes
from .result import Stress
from .table import read

NOT_MOVED = "positions given as sensitivities are not revalued by a move: their requirement stays as it is"
STILL_OPEN = "positions of an account whose balances are lost or frozen stay open at their marks"


@on_margin
def stress(margin: Margin, scenarios: Any = None, *, known: Iterable[str] = ()) -> Stress:
    """What every account becomes in named or user-given scenarios: the whole rule on the moved market and balances.

    Parameters: ``scenarios``, None for all that are named (``named_stresses``), a name, a table, or a list of these.
    A table has the columns scenario, target (underlying, asset or location; empty or ``*``: whatever is not named)
    and moves as fractions: price, vol, basis, collateral (the price of an asset alone: a depeg), lost and frozen
    (shares of the balances at a location, by the column location of the balances, else the account's venue; target
    ``each location`` makes a scenario of each), and for all: rate (a year) and days. With factor and beta a target
    moves by its own price move + beta × the factor's (market model: W. F. Sharpe, Management Science 9, 1963).
    ``known`` are targets that a table may name though nothing here follows them; names of the named scenarios that
    are not held move nothing. Currencies and stablecoins keep their price unless they are named.
    Raises InputError with every problem: unknown targets, moves of −100 % or below, shares outside 0 to 1, time past
    an expiry, options that cannot be revalued.
    """
    session, book = margin.run.session, margin.run.book
    plan = Plan.of(read(scenarios, session.market, book, known), session.market, book)
    equity, levels, stages = _run(margin, plan)
    told = states(margin.stamp["model"], session.market.as_of)
    now = margin.equity.value
    return Stress(
        margin,
        plan,
        equity,
        levels,
        pnl=stages[0] - now,
        lost=stages[0] - stages[1],
        frozen=stages[1] - equity,
        states=told,
        state=reached(told, equity, levels["maintenance"]),
        state_before=reached(told, now, margin.maintenance.value),
        notes=(*margin.notes, *_notes(margin, plan)),
    )


def _run(margin: Margin, plan: Plan) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Equity and requirements after all of each scenario; equity (2, K, R) with all balances, and with frozen ones."""
    every = np.arange(len(plan))
    whole = np.ones((len(plan), len(PARTS)), bool)
    equity, levels = outcomes(margin, plan, every, whole)
    stages = np.stack([equity, equity])
    used = plan.used
    for stage, without in ((0, [LOST, FROZEN]), (1, [FROZEN])):
        some = np.flatnonzero(used[:, without].any(axis=1))
        if len(some):
            inside = whole[some].copy()
            inside[:, without] = False
            stages[stage, some] = outcomes(margin, plan, some, inside)[0]
    return equity, levels, stages


def _notes(margin: Margin, plan: Plan) -> Iterator[Note]:
    """Assumptions of the scenarios, and what a move does not reach."""
    book = margin.run.book
    for scenario in plan.scenarios:
        for doubt in scenario.doubts:
            where = _holders(margin, doubt.names) if doubt.names else None
            if where is None or where.any():
                yield Note(f"{scenario.name}: {doubt.text}", doubt.cite, where)
    given = book.sum((margin.run.market.kind == SENSITIVITY)[book.legs.instrument].astype(np.float64)) > 0
    if given.any():
        yield Note(NOT_MOVED, "ISDA SIMM: sensitivities are an input", given)
    if plan.used[:, [LOST, FROZEN]].any():
        yield Note(STILL_OPEN, "", None)


def _holders(margin: Margin, names: Iterable[str]) -> np.ndarray:
    """Rows (R,) that hold anything that follows one of ``names``, or an asset of that name."""
    market, book = margin.run.market, margin.run.book
    wanted = np.array(list(names), object)
    asset = np.isin(market.assets, wanted) | np.isin(market.leader, wanted)
    held = np.zeros(len(book), bool)
    held[book.legs.row[np.isin(market.underlying, wanted)[book.legs.instrument]]] = True
    held[book.cash.row[asset[book.cash.asset]]] = True
    return held
