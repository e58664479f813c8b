"""The margin formulas: XM_MARGIN, XM_EXPLAIN, XM_POSITIONS, XM_MATRIX, XM_BENEFIT, XM_COMPARE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

import xlmargin as xm
from xlmargin import frames
from xlmargin.errors import InputError, nearest

from . import cells
from .ranges import KEPT, Ranges, pick, split_account
from .registry import function

BOOK = "positions* model* balances instruments assets"
REST = "account as_of accounts orders options"
WRONG = f"{cells.ERROR}see remark"

Figure = Callable[[], Any]


def figures(margin: xm.Margin, saving: Callable[[], xm.Benefit]) -> dict[str, Figure]:
    """Every figure of a margin by name, each made when asked for (R,); ``saving`` gives what netting saves."""
    stamped = lambda key: lambda: np.full(len(margin.account), margin.stamp[key], object)  # noqa: E731
    own: dict[str, Figure] = {
        "equity": lambda: margin.equity.value,
        "initial": lambda: margin.initial.value,
        "maintenance": lambda: margin.maintenance.value,
        "available": lambda: margin.available,
        "headroom": lambda: margin.headroom,
        "ratio": lambda: margin.ratio,
        "currency": lambda: margin.currency,
        "benefit": lambda: saving().amount,
        "benefit_percent": lambda: saving().percent,
        "gross_initial": lambda: saving().gross_initial,
        "gross_maintenance": lambda: saving().gross_maintenance,
        "notes": lambda: np.where(_notes(margin) == "", "none", _notes(margin)),
        "model": stamped("model"),
        "parameters": stamped("parameters"),
        "market_time": stamped("market time"),
    }
    if margin.worst is not None:
        own["worst"] = lambda: margin.worst
    further = margin.levels | margin.extras
    return own | {name: (lambda line=line: line.value) for name, line in further.items()}


def _notes(margin: xm.Margin) -> np.ndarray:
    """The notes that concern each row, in one text (R,)."""
    said = np.full(len(margin.account), "", object)
    for note in margin.notes:
        where = np.ones(len(said), bool) if note.where is None else note.where
        for i in np.flatnonzero(where):
            said[i] = f"{said[i]}; {note.text}" if said[i] else note.text
    return said


@function(f"{BOOK} output {REST} more")
def XM_MARGIN(ranges: Ranges, output: str, account: str) -> Any:
    """Netted margin under a venue's rules: equity, initial, maintenance, available, ratio by account and pool.

    With ``output`` one figure of one account in one cell: equity, initial, maintenance, available, headroom, ratio,
    currency, worst, benefit, benefit_percent, gross_initial, gross_maintenance, notes, model, parameters, market_time
    or a level of the rulebook's own. The table says which valuation time was used and where it came from (argument,
    table or clock); an account whose input is wrong has the message in ``remark``.
    """
    margin = ranges.margin()
    if not output:
        return cells.table(_summary(ranges, margin, account))
    if account:
        ranges.refuse_bad(account)
    known = figures(margin, ranges.benefit)
    name = output.strip().casefold().replace(" ", "_")
    if name not in known:
        raise InputError(f"output: {output!r} is not one of {', '.join(known)}{nearest(output, known)}")
    if not account:
        ranges.refuse_bad()
    return pick(margin, known[name](), account, name)


def _summary(ranges: Ranges, margin: xm.Margin, account: str) -> pd.DataFrame:
    table = margin.frame()
    time = f"{margin.stamp['market time']} ({ranges.time[1]})"
    table = table.assign(
        model=margin.stamp["model"],
        parameters=margin.stamp["parameters"],
        market_time=time,
        notes=_notes(margin),
        remark="",
    )
    wrong = list(dict.fromkeys(str(p.account) for p in margin.problems))
    for name in wrong:
        told = cells.told(InputError([ranges.moved(p) for p in margin.problems if str(p.account) == name]))
        row = dict.fromkeys(("equity", "initial", "maintenance", "available", "ratio"), WRONG)
        table = table.astype(object)
        table.loc[len(table)] = pd.Series({"account": name, **row, "remark": told}, table.columns, dtype=object)
    return only(table, account)


def only(table: pd.DataFrame, account: str) -> pd.DataFrame:
    """The rows of one account (and pool), which must be there; all where none is named."""
    if not account:
        return table
    name, pool = split_account(account)
    rows = table["account"].astype(str) == name
    if pool is not None and "pool" in table:
        rows &= table["pool"].astype(str) == pool
    if not rows.any():
        known = ", ".join(map(str, dict.fromkeys(table["account"])))
        raise InputError(f"account: no account {account!r} ({known}){nearest(name, map(str, table['account']))}")
    return table[rows]


@function(
    f"{BOOK} {REST} output more",
    output="Which part alone is wanted: equity, initial, maintenance or a further level; left out: all",
)
def XM_EXPLAIN(ranges: Ranges, account: str, output: str) -> Any:
    """The ledger behind a margin: every line with its parts down to the positions, formula and source.

    Every amount is the sum of the amounts one level deeper beneath it.
    """
    if not account:
        ranges.refuse_bad()
    table = frames.ledger(ranges.detail(account))
    if output:
        headings = list(dict.fromkeys(table["heading"]))
        if output.casefold() not in headings:
            raise InputError(f"output: {output!r} is not one of {', '.join(headings)}{nearest(output, headings)}")
        table = table[table["heading"] == output.casefold()]
    named = table["holding"].where(table["holding"] != "", table["line"])
    shown = pd.DataFrame(
        {
            "account": table["account"],
            "pool": table["pool"],
            "heading": table["heading"],
            "depth": table["depth"],
            "line": [f"{'    ' * depth}{text}" for depth, text in zip(table["depth"], named, strict=True)],
            "amount": table["amount"],
            "formula": table["formula"],
            "source": table["source"],
        }
    )
    return cells.table(shown)


@function(f"{BOOK} {REST} more")
def XM_POSITIONS(ranges: Ranges, account: str) -> Any:
    """What each position adds to initial margin, maintenance margin and equity."""
    ranges.refuse_bad(account)
    return cells.table(frames.positions(ranges.detail(account)))


@function(
    f"{BOOK} {REST} output more",
    output="grid: price moves down, volatility moves across; left out: a row a scenario",
)
def XM_MATRIX(ranges: Ranges, account: str, output: str) -> Any:
    """The scenario grid of an account: profit and loss in every scenario, and which one bound."""
    ranges.refuse_bad(account)
    table = frames.matrix(ranges.detail(account))
    if not len(table):
        raise InputError(f"{ranges.model} has no scenario grid for this book")
    if not output:
        return cells.table(table)
    if output.casefold() != "grid":
        raise InputError(f"output: {output!r} is not grid")
    return cells.table(_crossed(table))


def _crossed(table: pd.DataFrame) -> pd.DataFrame:
    """Price factors down, volatility moves across, the weighted result in each cell (several in one: the worst)."""
    if len(table[["account", "pool"]].drop_duplicates()) > 1:
        raise InputError("a grid shows one pool: say which account / pool")
    wide = table.pivot_table(index="price", columns="vol", values="pnl", aggfunc="min")
    wide.columns = [f"vol {v:+g}" if v else "vol 0" for v in wide.columns]
    return wide.sort_index(ascending=False).reset_index()


@function(
    f"{BOOK} {REST} output more",
    output="Which figure alone is wanted: benefit, percent, net_initial, gross_initial …; left out: the whole table",
)
def XM_BENEFIT(ranges: Ranges, account: str, output: str) -> Any:
    """What netting saves: the margin of every position alone, the margin of all together, the difference."""
    ranges.refuse_bad(account)
    table = ranges.benefit().frame()
    if not output:
        return cells.table(only(table, account))
    figures = [c for c in table.columns if c not in ("account", "pool")]
    name = output.casefold().replace(" ", "_")
    if name not in figures:
        raise InputError(f"output: {output!r} is not one of {', '.join(figures)}{nearest(output, figures)}")
    return pick(ranges.margin(), table[name].to_numpy(), account, name)


@function("positions* models balances instruments assets unit account as_of accounts orders more")
def XM_COMPARE(ranges: Ranges, models: list[str], unit: str, account: str) -> Any:
    """The same book under several rulebooks in one currency, least initial margin first.

    A rulebook that cannot take the book says why in ``remark``.
    """
    asked = tuple(models or xm.models())
    for id in asked:
        xm.model(id)
    book, market = ranges.book()
    key = ("compare", ranges.key, asked, unit, account)
    with ranges.own_rows():
        table = KEPT.get(key, lambda: xm.compare(book, market, asked, currency=unit or "USD", account=account or None))
    return cells.table(table)
