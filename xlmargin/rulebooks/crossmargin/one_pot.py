"""crossmargin.one_pot: positions of two clearing houses in one joint account, netted and margined once.

The computation is the ordinary rulebook on the union of both houses' positions (model_a; CME–OCC joint account, JAC
Margin Handbook chapter 12); both houses have a lien on one pot of collateral. Beside the requirement stand what each
house alone would ask, what the joint account saves, and each house's share, pro rata to the stand-alone margins. How
sure: the rule is official; how two houses share a loss is theirs to agree, and the pro-rata share is ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...errors import Note, Problem
from ...ledger import Line, Margin
from ...market import Market
from ...params import Params
from ...registry import Ready, margin_model
from .equity import account_equity
from .houses import cleared, houses, problems


@margin_model(
    "crossmargin.one_pot",
    needs={"future": "", "option": "", "spot": "", "balance": "price"},
    exceptions={
        "merging never raises": "the rulebook of the joint account charges calendar spreads that merging forms",
        "scaling": "the rulebook of the joint account rounds",
    },
    payoffs="linear",
    evidence="rule official; constructed examples",
    title="Cross-margining, one pot: a joint account of two clearing houses",
)
def one_pot(book: Book, ready: Ready) -> Margin:
    """The joint account's own margin, what it saves against both houses apart, and each house's share."""
    real = cleared(book, ready.market)
    joint = ready.houses["a"].margin(book, real)
    alone = {
        house.name: house.margin(book, real & house.clears[book.legs.instrument]).initial.value
        for house in ready.houses.values()
    }
    total = sum(alone.values())
    extras = {"saving": Line("Saving", total - joint.initial.value, formula="Σ stand-alone − joint")}
    for name, value in alone.items():
        part = np.divide(value, total, out=np.zeros(len(total)), where=total > 0)
        extras[f"stand-alone {name}"] = Line(f"Stand-alone at {name}", value)
        extras[f"share {name}"] = Line(
            f"Share of {name}", part * joint.initial.value, formula="pro rata to stand-alone"
        )
    everyone = np.bincount(book.legs.row, minlength=len(book)) > 0
    notes = [Note(ready.houses["a"].note, "", everyone)] if everyone.any() else []
    return Margin(
        account_equity(book, ready),
        joint.initial.named("Initial margin"),
        joint.maintenance.named("Maintenance margin"),
        extras=extras,
        currency=np.full(len(book), ready.params["currency"], object),
        worst=joint.worst,
        grid=joint.grid,
        notes=tuple(notes),
    )


@one_pot.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """The joint account's rulebook made ready, for both houses."""
    return {"houses": houses(market, p)}


@one_pot.check
def check(book: Book, market: Market, p: Params) -> list[tuple[Problem, np.ndarray]]:
    """What the rulebook asks of the joint book."""
    return list(problems(book, market, p))
