"""crossmargin.two_pot: two clearing houses keep separate accounts and collateral, and each lowers its own requirement.

Under ``lesser saving`` (FICC–CME since 2024: SEC Release 34-98327) each house margins its own part and the combined
book with its own model, and both apply the smaller of the two savings. Under ``recognised spreads`` (the CME–NYMEX
clause) each spread of a list saves a part of the lesser of its two outright margins: such a spread is an instrument of
kind asset with columns margin_a, margin_b and credit, its quantity the number of spreads.

Rulebooks and parameters of the houses stand in this model's parameters (model_a, parameters_a …); instruments say in a
column ``house`` where they are cleared. Figures that houses state may be given by account instead (standalone_a,
standalone_b, combined_a, combined_b). How sure: the rules are official text; what real houses' own models give is not
public. Each house tests its own collateral: compare the requirement and the equity at each (``location`` of balances).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...errors import Note, Problem
from ...ledger import Line, Margin
from ...market import ASSET, Market
from ...params import Params
from ...registry import Ready, Setting, margin_model
from .equity import account_equity, equity_at
from .houses import HOUSES, cleared, houses, problems

LESSER, SPREADS = "lesser saving", "recognised spreads"
LEVELS = ("initial", "maintenance")
STATED = ("standalone_a", "standalone_b", "combined_a", "combined_b")


@margin_model(
    "crossmargin.two_pot",
    needs={"future": "", "option": "", "spot": "", "asset": "margin_a margin_b credit", "balance": "price"},
    settings={name: Setting(np.nan, f"{name.replace('_', ' ')}, where a house states it") for name in STATED},
    exceptions={
        "merging never raises": "both houses apply the smaller saving, so merging can lose the larger one",
        "scaling": "houses round their requirements",
    },
    payoffs="linear",
    evidence="rules official; the CFTC's published amounts and constructed examples",
    title="Cross-margining, two pots: separate accounts at two clearing houses",
)
def two_pot(book: Book, ready: Ready) -> Margin:
    """Stand-alone margins of two houses, each less the smaller of their two savings, or less its recognised spreads."""
    alone, combined = _figures(book, ready)
    saving = _saving({h: alone[h]["initial"].value for h in HOUSES}, combined)
    lines, at = {}, {}
    for level in LEVELS:
        parts = []
        for h in HOUSES:
            pair = (alone[h][level], _relief(book, ready, h, alone[h][level], saving))
            at[h] = at.get(h, pair[0].value + pair[1].value)
            parts += pair
        lines[level] = Line.total(f"{level.capitalize()} margin", *parts)
    return Margin(
        account_equity(book, ready),
        lines["initial"],
        lines["maintenance"],
        extras=_extras(book, ready, saving, at),
        currency=np.full(len(book), ready.params["currency"], object),
        notes=tuple(_notes(book, ready)),
    )


@two_pot.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Both houses' rulebooks made ready; what a recognised spread saves (I,)."""
    margins = [market.column(f"margin_{h}", 0.0) for h in HOUSES]
    return {"houses": houses(market, p), "spread": np.minimum(*margins) * market.column("credit", 0.0)}


@two_pot.check
def check(book: Book, market: Market, p: Params) -> list[tuple[Problem, np.ndarray]]:
    """What each house's own rulebook asks of the combined book."""
    return list(problems(book, market, p))


def _figures(book: Book, ready: Ready) -> tuple[dict[str, dict[str, Line]], dict[str, np.ndarray]]:
    """Stand-alone lines by house and level, and what each house's model asks of the combined book (R,)."""
    real = cleared(book, ready.market)
    alone: dict[str, dict[str, Line]] = {}
    combined = {}
    for h, house in ready.houses.items():
        own = house.margin(book, real & house.clears[book.legs.instrument])
        alone[h] = {level: _stated(book, f"standalone_{h}", getattr(own, level), house.name) for level in LEVELS}
        joint = house.margin(book, real).initial
        combined[h] = _stated(book, f"combined_{h}", joint, house.name).value
    return alone, combined


def _stated(book: Book, setting: str, line: Line, house: str) -> Line:
    """A house's own tree, or the figure that it stated for an account."""
    name, given = f"{setting.partition('_')[0].capitalize()} at {house}", book.settings[setting]
    if np.isnan(given).all():
        return line.named(name)
    stated = np.where(np.isnan(given), 0.0, given)
    kept = line.scaled("computed", np.where(np.isnan(given), 1.0, 0.0), book)
    return Line.total(name, kept, Line("stated", stated))


def _saving(alone: dict[str, np.ndarray], combined: dict[str, np.ndarray]) -> np.ndarray:
    """The part (R,) that both houses take off: min over houses of max(0, 1 − combined / Σ stand-alone)."""
    total = sum(alone.values())
    saved = [np.divide(total - c, total, out=np.zeros(len(total)), where=total > 0) for c in combined.values()]
    return np.maximum(np.minimum.reduce(saved), 0.0)


def _relief(book: Book, ready: Ready, h: str, alone: Line, saving: np.ndarray) -> Line:
    """What a house takes off its own requirement, never more than that."""
    name = f"Saving at {ready.houses[h].name}"
    p = ready.params
    if p["agreement"] == LESSER:
        return Line(name, -alone.value * saving, formula="stand-alone × smaller saving", cite=p.cite("agreement"))
    legs = book.legs
    spread = (ready.market.kind == ASSET)[legs.instrument]
    credit = Line.of(
        "Recognised spreads", book, np.where(spread, -np.abs(legs.quantity), 0.0) * ready.spread[legs.instrument]
    )
    over = Line("beyond the requirement", np.maximum(-credit.value - alone.value, 0.0))
    return Line.total(name, credit, over, formula="credit × lesser outright margin", cite=p.cite("agreement"))


def _extras(book: Book, ready: Ready, saving: np.ndarray, at: dict[str, np.ndarray]) -> dict[str, Line]:
    shown = {"saving": Line("Smaller saving", saving, formula="part of the stand-alone requirements")}
    for h, house in ready.houses.items():
        shown[f"requirement {house.name}"] = Line(f"Requirement at {house.name}", at[h])
        shown[f"equity {house.name}"] = Line(f"Balances at {house.name}", equity_at(book, ready, house.name))
    return shown


def _notes(book: Book, ready: Ready) -> list[Note]:
    everyone = np.bincount(book.legs.row, minlength=len(book)) > 0
    notes = [Note(house.note, "", everyone) for house in ready.houses.values() if everyone.any()]
    if everyone.any():
        text = "each house holds its own collateral: compare requirement and balances house by house"
        notes.append(Note(text, ready.params.cite("agreement"), everyone))
    return notes
