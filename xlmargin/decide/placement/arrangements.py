"""What other arrangements of the same positions require: as held, one by one, all in one; and what none can beat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ...book import Book, Legs
from ...checks import check
from ...comparison import in_currency
from ...ledger import Margin
from ...market import Market
from ...netting import benefit
from ...run import session
from ..owners import as_one
from ..subject import level_of
from .assign import Pots
from .pots import Items, Pot

LAW = "merging never raises"
TOGETHER = "all in one"


def starts(search: Pots, items: Items, pots: Sequence[Pot], home: np.ndarray) -> Iterator[np.ndarray]:
    """As held, with each hedge where it costs least; and all that a pot can hold in that pot."""
    start = home.copy()
    for k in np.flatnonzero(items.home < 0):
        tried = []
        for v in range(len(pots)):
            counts = start.copy()
            counts[v, k] = items.lots[k]
            tried.append((search.total(counts), v))
        start[min(tried)[1], k] = items.lots[k]
    yield start
    for v, pot in enumerate(pots):
        there = np.minimum(pot.most, items.lots)
        whole = there == items.lots
        counts = np.where(whole[None, :], 0, start)
        counts[v, whole] = items.lots[whole]
        yield counts


def arrangements(
    pots: Sequence[Pot],
    items: Items,
    held: Sequence[Margin],
    now: np.ndarray,
    then: np.ndarray,
) -> Iterator[tuple[str, float, str]]:
    """(name, requirement, remark): as held, as placed, each position by itself, everything in one pot at each venue."""
    level, currency = pots[0].level, pots[0].currency
    yield "as held now", float(now.sum()), "without the hedges" if (items.home < 0).any() else ""
    yield "best placement", float(then.sum()), ""
    if level in ("initial", "maintenance"):
        alone = sum(float((getattr(benefit(m), f"gross_{level}") * in_currency(m, currency)).sum()) for m in held)
        yield "each position by itself, where it is held", alone, "without balances and orders"
    empty = np.array([pot.need(np.zeros((1, len(items)), np.int64))[0] for pot in pots])
    for v, pot in enumerate(pots):
        one = pot.need(items.lots[None, :])[0] + empty.sum() - empty[v]
        remark = "" if np.isfinite(one) else _why(pot, items)
        yield f"everything in one pot: {pot.account}", float(one) if np.isfinite(one) else np.nan, remark


def _why(pot: Pot, items: Items) -> str:
    """Why a pot cannot hold everything."""
    out = np.flatnonzero(pot.most < items.lots)
    if len(out):
        more = f" and {len(out) - 3} more" if len(out) > 3 else ""
        told = pot.refused.get(int(out[0]), "")
        return f"cannot hold {', '.join(map(str, items.name[out[:3]]))}{more}{': ' * bool(told)}{told}"
    return _refusal(pot, items.lots) or "another pot cannot be without its positions"


def _refusal(pot: Pot, counts: np.ndarray) -> str:
    """What the model says against ``counts`` (K,) lots in a pot, nothing where it takes them."""
    found, _ = check(pot.loaded(counts[None, :]), pot.session.market, pot.session.model, pot.session.params)
    return str(found[0].message) if found else ""


def clash(pots: Sequence[Pot], items: Items, home: np.ndarray) -> str:
    """Why there is no placement: items that no pot can hold beside what is held there (V, K), with the reasons."""
    told = []
    for k in range(len(items)):
        loads = home.copy()
        loads[:, k] = np.minimum(items.lots[k], [pot.most[k] for pot in pots])
        if all(np.isinf(pot.need(load[None, :])[0]) for pot, load in zip(pots, loads, strict=True)):
            why = [f"{pot.account}: {_refusal(pot, load)}" for pot, load in zip(pots, loads, strict=True)]
            told.append(f"{items.name[k]} beside what is held ({'; '.join(why)})")
    held = "; ".join(told[:5]) or "the positions do not fit together, each by itself does"
    return f"no placement: {held}; give fewer limits or more venues"


def required(margin: Margin, level: str, currency: str) -> float:
    """What all pools of a margin require together."""
    return float((level_of(margin, level) * in_currency(margin, currency)).sum())


def equity_by_pool(margin: Margin, currency: str) -> dict[str, float]:
    """The equity of each pool of one account."""
    worth = margin.equity.value * in_currency(margin, currency)
    return dict(zip(map(str, margin.pool), worth.tolist(), strict=True))


def lacking(after: Margin, held: Margin, level: str, currency: str) -> float:
    """What must be brought to a pot: what each pool requires beyond the equity that stands there as held, added up."""
    lack = {pool: -amount for pool, amount in equity_by_pool(held, currency).items()}
    for pool, amount in zip(after.pool, level_of(after, level) * in_currency(after, currency), strict=True):
        lack[str(pool)] = lack.get(str(pool), 0.0) + float(amount)
    return sum(max(0.0, amount) for amount in lack.values())


def bound_of(book: Book, market: Market, pots: Sequence[Pot], items: Items) -> float:
    """What no placement can go below: everything in one account, if all pots share a rule that merging never raises.

    NaN where models or settings differ, contracts change their names, or the model breaks the law.
    """
    first, model = pots[0], pots[0].session.model
    level = first.level
    keys = list(model.settings)
    alike = all(
        pot.session.model is model
        and all(str(pot.base.settings[key][0]) == str(first.base.settings[key][0]) for key in keys)
        and all(pot.session.market.name[i] == n for i, n in zip(pot.instrument, items.name, strict=True) if i >= 0)
        for pot in pots
    )
    if not alike or LAW in model.exceptions or level not in ("initial", "maintenance"):
        return np.nan
    hedge = np.flatnonzero(items.home < 0)
    legs = Legs.of(
        len(book),
        np.zeros(len(hedge), np.int64),
        items.instrument[hedge],
        items.quantity[hedge],
        entry=items.entry[hedge],
    )
    whole = replace(book, legs=book.legs.joined(legs))
    one = as_one(whole, market, np.zeros(len(book), np.int64), np.array([TOGETHER], object))
    made, checked = session(one, market, model, params=first.session.params, options=first.session.ready.options)
    return required(made.margin(checked), level, first.currency)
