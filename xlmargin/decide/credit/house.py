"""An owner's whole portfolio as one account under a house model: what it requires net, and which venue adds what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...book import Book
from ...comparison import in_currency
from ...errors import Problem, UnknownModel, XlmarginError
from ...frames import LEGS, amounts_on
from ...ledger import Margin
from ...market import Market
from ...registry import Model
from ...registry import model as find
from ...run import session
from ..subject import level_of


@dataclass(frozen=True, eq=False)
class House:
    """Requirement (O,) of every account of ``book`` in one currency, NaN where ``remark`` says why it has none.

    ``equity`` (O,) is what the model counts, ``short`` (O,) the requirement beyond it, pool by pool.
    """

    margin: Margin | None
    need: np.ndarray
    equity: np.ndarray
    short: np.ndarray
    remark: tuple[str, ...]


def house(book: Book, market: Market, model: str | Model, how: Mapping[str, Any], level: str, currency: str) -> House:
    """Every account of ``book`` under the model; one that the model cannot take says why, the others go on.

    Raises UnknownModel.
    """
    chosen, problems = find(model), []
    need, equity, short = (np.full(len(book), np.nan) for _ in range(3))
    try:
        made, checked = session(book, market, chosen, problems=problems, **how)
        found = made.margin(checked)
        needed = level_of(found, level)
    except UnknownModel:
        raise
    except XlmarginError as error:
        told = "; ".join(dict.fromkeys(str(p.message) for p in problems[:3])) or str(error)
        return House(None, need, equity, short, tuple([f"{chosen.id} cannot take it: {told}"] * len(book)))
    rate = in_currency(found, currency)
    number = {str(name): o for o, name in enumerate(book.account)}
    row = np.array([number[str(name)] for name in found.account], np.int64)
    taken = np.unique(row)
    for out, amounts in (
        (need, needed * rate),
        (equity, found.equity.value * rate),
        (short, np.maximum(0.0, needed - found.equity.value) * rate),
    ):
        out[taken] = np.bincount(row, amounts, len(book))[taken]
    told: dict[str, list[Problem]] = {}
    for problem in problems:
        told.setdefault(str(problem.account), []).append(problem)
    remark = tuple(_refusal(chosen.id, [*told.get("", ()), *told.get(str(name), ())]) for name in book.account)
    return House(found, need, equity, short, remark)


def _refusal(model: str, problems: Sequence[Problem]) -> str:
    mine = list(dict.fromkeys(p.message for p in problems))
    more = f"; and {len(mine) - 2} more" if len(mine) > 2 else ""
    return f"{model} cannot take it: {'; '.join(mine[:2])}{more}" if mine else ""


def of_underlying(book: Book, market: Market, owner: np.ndarray, names: Sequence[str]) -> Book:
    """For each (owner, underlying) given a row with the owner's positions in it, without balances and orders."""
    rows = book.take(owner).positions_only()
    own = market.underlying[rows.legs.instrument] == np.asarray(names, object)[rows.legs.row]
    legs = rows.legs.at(own, rows.legs.row[own], rows.legs.rows)
    label = [f"limit {n + 1}: {o} in {name}" for n, (o, name) in enumerate(zip(rows.account, names, strict=True))]
    return replace(rows, legs=legs, account=np.array(label, object))


def contributions(
    found: House, market: Market, owners: Sequence[str], owner: np.ndarray, book: Book, level: str, currency: str
) -> np.ndarray:
    """What each leg (H,) of the accounts adds to its owner's requirement, by the ledger of the one account.

    ``owner`` (R,) is the owner of each account. A merged position's amount is split by size over the legs that it was
    made of. What stands on no position (balances, orders, floors) is in none of them.
    """
    legs, width = book.legs, max(len(market), 1)
    if found.margin is None:
        return np.zeros(len(legs))
    run = found.margin.run
    detail = run.session.run(replace(run.book, detail=True))
    line = {"initial": detail.initial, "maintenance": detail.maintenance, **detail.levels}[level]
    held, number = run.book.legs, {str(name): o for o, name in enumerate(owners)}
    amount = amounts_on(line, LEGS, len(held)) * in_currency(detail, currency)[held.row]
    who = np.array([number[str(name)] for name in detail.account], np.int64)
    own = who[held.row] * width + market.numbered(run.market.name)[held.instrument]
    key = owner[legs.row] * width + legs.instrument
    size = np.abs(legs.quantity)
    total, amounts = (np.bincount(k, v, len(owners) * width) for k, v in ((key, size), (own, amount)))
    share = np.divide(size, total[key], out=np.zeros(len(legs)), where=total[key] > 0)
    return amounts[key] * share
