"""occ.portfolio: customer portfolio margin, the largest loss of ten theoretical valuations, with a minimum a contract.

Sources: SEC Release 34-46576 (2002), FINRA Rule 4210(g) and Cboe Rule 12.4 as summarised there; Cboe, Margin
Requirement Examples for Sample Options-based Positions (close of 2007-02-23). How sure: shocks, points and minimum are
official text; the pricing model is ours (OCC publishes profit and loss at the ten points instead: give them as columns
p1 … p10, of one contract, and no model is used); offset percentages between class groups were not obtained, so none is
applied unless you give them. Whether an account or a position is eligible is the broker's to say and not tested.

A class group is a ``scope``: give SPX options and SPY shares the same one to net them in full.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...book import Book, Nets, added
from ...collateral import option_value, unrealised
from ...errors import Note, Problem
from ...ledger import CASH, Grid, Line, Margin
from ...market import FUTURE, OPTION, SPOT, Market
from ...params import Params
from ...registry import Ready, margin_model
from ...risk import scan, worst
from .profit import POINTS, classes, explained, profits

FORMULA = "−least of Σ quantity × (value at S·(1+x) − value) over ten points x, at least 0; gains of others in part"


@margin_model(
    "occ.portfolio",
    needs={
        "option": "contract_size strike expiry mark",
        "spot": "contract_size mark",
        "future": "contract_size mark",
        "balance": "price",
    },
    exceptions={"merging never raises": "gains of another class group count in part only"},
    payoffs="linear",
    evidence="official examples of Cboe within 0.5 % (rates and dividends fitted by the data's compilers)",
    title="US customer portfolio margin (ten points; TIMS is a trade mark of OCC, not affiliated)",
)
def portfolio(book: Book, ready: Ready) -> Margin:
    """Largest loss of each class group over ten moves of its underlying, or the minimum a contract if more."""
    groups = _groups(book, ready)
    loss = Line("Largest losses", groups.by_row(groups.loss), _parts(book, ready, groups), formula=FORMULA)
    least = book.sum(np.abs(book.legs.quantity) * ready.minimum[book.legs.instrument])
    top_up = Line(
        "Minimum a contract",
        np.maximum(least - loss.value, 0.0),
        formula="minimum × multiplier × contracts, as far as it exceeds the losses",
        cite=ready.params.cite("minimum_per_contract"),
    )
    requirement = Line.total("Portfolio margin", loss, top_up, cite=ready.params.cite("shocks"))
    grid, label = _grid(book, ready, groups)
    return Margin(
        _equity(book, ready),
        requirement.named("Initial margin"),
        requirement.named("Maintenance margin"),
        extras={"minimum": Line("Minimum of all contracts", least)},
        currency=np.full(len(book), "USD", object),
        worst=label,
        grid=grid,
        notes=tuple(_notes(book, ready, groups)),
    )


@portfolio.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Profit and loss of one contract at the ten points (I, 10); groups and offsets by scope."""
    kinds = classes(market, p)
    low, high = (np.array([p["shocks"][c][k] for c in kinds], np.float64).reshape(-1, 1) for k in (0, 1))
    steps = np.arange(1, POINTS // 2 + 1) / (POINTS // 2)
    moves = np.concatenate([low * steps[::-1], high * steps], axis=1)
    product = [str(p.get("product_group", c)) or f"={c}" for c in market.scopes]
    products, product_of = np.unique(np.array(product, str), return_inverse=True)
    held_by = dict(zip(product, market.scopes, strict=True))
    above = [str(p.get("portfolio_group", held_by[g])) or f"={g}" for g in products]
    _, portfolio_of = np.unique(np.array(above, str), return_inverse=True)
    multiplied = np.isin(market.kind, (OPTION, FUTURE)) * market["contract_size"]
    own = moves[market.scope] * market.column("leverage_factor", 1.0)[:, None]
    return {
        "classes": kinds,
        "moves": moves,
        "profit": profits(market, p, own, kinds),
        "product": product_of.astype(np.int64),
        "portfolio": portfolio_of.astype(np.int64),
        "product_offset": np.array([float(p.get("product_offset", c)) for c in market.scopes], np.float64),
        "portfolio_offset": np.array([float(p.get("portfolio_offset", held_by[g])) for g in products], np.float64),
        "minimum": p["minimum_per_contract"] * multiplied,
    }


@dataclass(frozen=True, eq=False)
class Groups:
    """Class groups by account (N,), summed into products and portfolios (T,).

    ``profit`` (N, 10); ``loss`` (T,) the largest loss of each top group at ``point`` (T,); ``weight`` (N, 10) what of a
    class group's result counts at the top; ``top`` (N,) and ``row`` (T,) say where it belongs.
    """

    nets: Nets
    profit: np.ndarray
    weight: np.ndarray
    top: np.ndarray
    row: np.ndarray
    total: np.ndarray
    loss: np.ndarray
    point: np.ndarray

    def by_row(self, values: np.ndarray) -> np.ndarray:
        """Values by top group (T,) added up by account (R,)."""
        return added(self.row, values, len(self.nets.book))


def _groups(book: Book, ready: Ready) -> Groups:
    """Sum class groups in full, then products and portfolios with gains counted in part."""
    nets = book.split(ready.market.scope)
    profit = scan(nets, ready.profit)
    products, above = len(ready.portfolio), int(ready.portfolio.max(initial=0)) + 1
    key, up = np.unique(nets.row * max(products, 1) + ready.product[nets.group], return_inverse=True)
    row, product = key // max(products, 1), key % max(products, 1)
    first, part = _joined(profit, up, len(key), ready.product_offset[nets.group])
    top_key, top = np.unique(row * above + ready.portfolio[product], return_inverse=True)
    total, more = _joined(first, top, len(top_key), ready.portfolio_offset[product])
    least, point = worst(total)
    weight = part * more[up]
    return Groups(nets, profit, weight, top[up], top_key // above, total, np.maximum(-least, 0.0), point)


def _joined(values: np.ndarray, up: np.ndarray, count: int, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Results (N, 10) added up by group ``up`` (count, 10), gains at ``offset`` (N,) where others share the group.

    Returns the sums and the part of each result that counts (N, 10).
    """
    shared = np.bincount(up, minlength=count)[up] > 1
    part = np.where((values > 0) & shared[:, None], offset[:, None], 1.0)
    total = np.stack([added(up, (values * part)[:, s], count) for s in range(POINTS)], axis=1)
    return total, part


def _parts(book: Book, ready: Ready, groups: Groups) -> tuple[Line, ...]:
    """A line per class group down to positions, with detail."""
    if not book.detail:
        return ()
    net, legs = groups.nets.net, book.legs
    top = groups.top[net]
    at = groups.point[top]
    amounts = -legs.quantity * ready.profit[legs.instrument, at] * groups.weight[net, at]
    amounts = np.where(groups.loss[top] > 0, amounts, 0.0)
    scope = ready.market.scope[legs.instrument]
    here = lambda u: np.where(scope == u, amounts, 0.0)  # noqa: E731
    return tuple(Line.of(str(ready.market.scopes[u]), book, here(u)) for u in np.unique(scope))


def _equity(book: Book, ready: Ready) -> Line:
    """Balances, shares and options at their marks, results of futures."""
    market, legs = ready.market, book.legs
    kind = market.kind[legs.instrument]
    shares = np.where(kind == SPOT, legs.quantity * (market["contract_size"] * market["mark"])[legs.instrument], 0.0)
    futures = np.where(kind == FUTURE, unrealised(book, market), legs.accrued)
    return Line.total(
        "Equity",
        Line.of("Balances", book, book.cash.amount * market.price[book.cash.asset], CASH),
        Line.of("Shares", book, shares),
        Line.of("Options", book, np.nan_to_num(option_value(book, market))),
        Line.of("Results", book, futures),
    )


def _grid(book: Book, ready: Ready, groups: Groups) -> tuple[Grid, np.ndarray]:
    """Results at the ten points and the binding point, from 1, of the largest loss (R,); 0 where nothing loses.

    Moves are those of the class group that the row holds; NaN where it holds several with different ones.
    """
    rows, nets = len(book), groups.nets
    pnl = np.stack([added(groups.row, groups.total[:, s], rows) for s in range(POINTS)], axis=1)
    order = np.argsort(groups.loss, kind="stable")
    order = order[groups.loss[order] > 0]
    label = np.zeros(rows, np.int64)
    label[groups.row[order]] = groups.point[order] + 1
    single = np.bincount(groups.row, minlength=rows) == 1
    move = np.full((rows, POINTS), np.nan)
    move[nets.row] = ready.moves[nets.group]
    differs = (ready.moves[nets.group] != move[nets.row]).any(axis=1)
    move[nets.row[differs]] = np.nan
    cells = None
    if book.detail:
        cells = book.legs.quantity[:, None] * ready.profit[book.legs.instrument] * groups.weight[nets.net]
    numbers, still = np.arange(1, POINTS + 1), np.zeros(POINTS)
    return Grid(numbers, move, still, np.ones(POINTS), pnl, np.where(single & (label > 0), label - 1, -1), cells), label


def _notes(book: Book, ready: Ready, groups: Groups) -> Iterator[Note]:
    """Offsets that OCC publishes and that were not obtained; classes, styles and dividends that were assumed."""
    market, p = ready.market, ready.params
    broad = np.array([c != "equity" for c in ready.classes], bool)
    several = added(groups.nets.row, broad[groups.nets.group].astype(np.float64), len(book)) > 1
    if several.any():
        text = "OCC's offset percentages between class groups could not be confirmed: only those given are applied"
        yield Note(text, p.cite("product_offset"), several)
    held = lambda wanted: added(book.legs.row, wanted[book.legs.instrument].astype(float), len(book)) > 0  # noqa: E731
    unclassed = np.array([market.texts.get("class", [""] * len(market))[i] == "" for i in range(len(market))], bool)
    unclassed &= np.array(["class" not in p.by.get(c, {}) for c in market.scopes], bool)[market.scope]
    if held(unclassed).any():
        text = "taken as shares or a narrow index, with the widest shocks: no class is stated"
        yield Note(text, p.cite("class"), held(unclassed))
    modelled = (market.kind == OPTION) & np.isnan(market.column("p1"))
    if held(modelled).any():
        text = "options are valued by our own model; give OCC's profit and loss (p1 … p10) to use it instead"
        yield Note(text, p.cite("tree_steps"), held(modelled))
    dividend = modelled & np.isnan(market.column("dividend_yield"))
    if held(dividend).any():
        yield Note("no dividend yield is given for some options and none is assumed", "", held(dividend))


@portfolio.check
def check(book: Book, market: Market, p: Params) -> list[tuple[Problem, np.ndarray]]:
    """What a modelled option needs, shock classes that exist, and prices that some volatility explains."""
    found = []
    for wrong, column, message in _wrong(market, p):
        for h in np.flatnonzero(wrong[book.legs.instrument]):
            row, name = book.legs.row[h], market.name[book.legs.instrument[h]]
            place = ("positions", int(book.legs.sheet_row[h]), column, None)
            problem = Problem(*place, message.format(name=name), str(book.account[row]))
            found.append((problem, row))
    return found


def _wrong(market: Market, p: Params) -> Iterator[tuple[np.ndarray, str, str]]:
    of_scope = np.array(classes(market, p), object)[market.scope]
    known = np.isin(of_scope.astype(str), list(p["shocks"]))
    stated = market.texts.get("class", np.full(len(market), "", object))
    yield (stated != "") & (stated != of_scope), "class", "{name} is of another class than the rest of its scope"
    yield ~known, "class", f"no such class for {{name}}; there are {', '.join(p['shocks'])}"
    published = np.stack([np.isnan(market.column(f"p{n + 1}")) for n in range(POINTS)], axis=1)
    yield (
        published.any(axis=1) & ~published.all(axis=1),
        "p1",
        "some of p1 … p10 are missing for {name}: give all or none",
    )
    modelled = (market.kind == OPTION) & published.all(axis=1)
    for column in ("index", "rate"):
        yield (
            modelled & np.isnan(market[column]),
            column,
            f"{column} is missing for {{name}}, an option that a model values",
        )
    ready = np.flatnonzero(modelled & ~np.isnan(market["index"]) & ~np.isnan(market["rate"]) & known)
    unexplained = np.zeros(len(market), bool)
    unexplained[ready] = ~explained(market.take(ready), classes(market, p), int(p["tree_steps"]))
    yield unexplained, "mark", "no volatility explains the mark of {name}; give iv"
