"""Paradex portfolio margin (PM, beta): worst scenario or minimum delta by base asset, funding, fees, tokens in full.

Source: tradeparadex/paradex-docs@9b82a75a (2026-08-20) portfolio-margin.mdx; paradex-py@334a7f81 paradex_py/margin (the
venue's own calculator). How sure: equal to the calculator to 1e-11 on 13 portfolios; whether the server reprices on
spot as the calculator does is not published. Parameters change often: load /v1/system/portfolio-margin-config.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book, added
from ...errors import InputError, Note
from ...findings import chain, notes, rows_with
from ...ledger import LEGS, ORDERS, Grid, Line, Margin
from ...market import OPTION, PERP, Market
from ...params import Params
from ...refusals import isolated_legs, one_pool
from ...registry import Ready, margin_model
from ...risk import matrix
from ...scopes import Found
from .held import FEE, Held, problems, published_fees
from .scan import prepared


@margin_model(
    "paradex.portfolio",
    needs={
        "perp": "mark scope_index funding_rate? delta?",
        "option": "mark iv scope_index rate? delta?",
        "balance": "price",
        "settle": "price",
    },
    settings={"fee_rate": FEE},
    exceptions={"initial at least maintenance": "funding of orders may lower initial margin below that of positions"},
    payoffs="linear",
    scoped=True,
    evidence="equal to the venue's own calculator; parameters of 2026-08-20, later ones known in part",
    title="Paradex portfolio margin (PM, beta)",
)
def portfolio(book: Book, ready: Ready) -> Margin:
    """Worst weighted scenario or minimum delta by base asset, plus funding, fees and other tokens."""
    held, p = Held(book, ready), ready.params
    scan = Scan(held)
    equity, spot = held.equity(), held.spot()
    fee = held.fees(book.legs.row, book.legs.instrument) * np.abs(held.quantity)
    order_fee = held.fees(book.orders.row, book.orders.instrument) * np.abs(held.order_size)
    fee_cite = p.cite("perp_fee", "option_fee", "option_fee_cap")
    fees = Line.of("Fee provision of positions", book, fee, LEGS, cite=fee_cite)
    initial = Line.total(
        "Initial margin",
        *scan.lines(scan.total, 1.0, orders=True),
        scan.funding(orders=True),
        fees,
        Line.of("Fee provision of orders", book, order_fee, ORDERS, cite=fee_cite),
        spot,
        formula="Σ base assets max(scan, minimum delta) + funding + fees + other tokens",
    )
    maintenance = Line.total(
        "Maintenance margin",
        *scan.lines(scan.held, ready.mmf_factor[scan.scope], orders=False),
        scan.funding(orders=False),
        fees,
        spot,
        formula="Σ base assets 0.5 · max(scan, minimum delta) + funding + fees + other tokens",
    )
    grid = scan.grid()
    extra = (*held.notes(), *_notes(held))
    return Margin(equity, initial, maintenance, currency="USD", worst=grid.worst, grid=grid, notes=extra)


class Scan:
    """Legs and orders by account and base asset (N,): results in every scenario, minimum delta, funding."""

    def __init__(self, held: Held) -> None:
        self.h, self.ready, book, market = held, held.ready, held.book, held.market
        legs, orders, width = book.legs, book.orders, max(len(market.scopes), 1)
        keys = [t.row * width + market.scope[t.instrument] for t in (legs, orders)]
        pools, number = np.unique(np.concatenate(keys), return_inverse=True)
        self.row, self.scope = pools // width, pools % width
        self.of_leg, self.of_order = number[: len(legs)], number[len(legs) :]
        self.index = market.on_scope("index")[self.scope]
        self.weight = self.ready.moves[self.scope, :, 2]
        gain = (self.ready.price - market["mark"][:, None]) * self.ready.live[:, None]
        self.held = self._by_net(self.of_leg, legs.instrument, held.quantity, gain) * self.weight
        self.loss = self._order_losses()
        each = np.arange(len(orders))
        self.total = self.held + self._by_net(self.of_order, each, np.ones(len(orders)), self.loss)

    def _by_net(self, number: np.ndarray, column: np.ndarray, value: np.ndarray, unit: np.ndarray) -> np.ndarray:
        """Σ value · unit[column] (N, S) by net ``number``."""
        order = np.argsort(number, kind="stable")
        start = np.searchsorted(number[order], np.arange(len(self.row) + 1))
        return matrix(start, column[order], value[order], len(unit)) @ unit

    def _order_losses(self) -> np.ndarray:
        """What each order (O, S) would lose against its limit price if it filled in each scenario: ≤ 0."""
        orders = self.h.book.orders
        price = self.ready.price[orders.instrument]
        side = np.sign(self.h.order_size)[:, None]
        gap = np.maximum(side * (orders.price[:, None] - price), 0.0)
        size = np.abs(self.h.order_size) * self.ready.live[orders.instrument]
        return -size[:, None] * gap * self.weight[self.of_order]

    def worst(self, pnl: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Largest loss (N,) and the first scenario that brings it."""
        losses = np.maximum(-pnl, 0.0)
        at = losses.argmax(axis=1) if losses.size else np.zeros(len(losses), np.int64)
        return losses[np.arange(len(losses)), at], at

    def least_delta(self, orders: bool) -> np.ndarray:
        """Minimum delta requirement (N,): a share of the net and a smaller one of the hedged delta, times spot."""
        legs, count = self.h.quantity * self.ready.delta[self.h.book.legs.instrument], len(self.row)
        long, short = (added(self.of_leg, np.maximum(s * legs, 0.0), count) for s in (1, -1))
        if orders:
            more = self.h.order_size * self.ready.delta[self.h.book.orders.instrument]
            longest, shortest = (
                side + added(self.of_order, np.maximum(s * more, 0.0), count) for s, side in ((1, long), (-1, short))
            )
            open_ = np.maximum(0.0, np.maximum(longest - short, shortest - long))
            hedged = np.maximum(0.0, np.maximum(longest, shortest) - open_)
        else:
            open_ = np.abs(long - short)
            hedged = (long + short - open_) / 2.0
        return (hedged * self.ready.hedged[self.scope] + open_ * self.ready.unhedged[self.scope]) * self.index

    def lines(self, pnl: np.ndarray, factor: np.ndarray | float, orders: bool) -> list[Line]:
        """The worst scenario by leg and order, and what minimum delta adds, times ``factor`` (N,)."""
        book, p = self.h.book, self.h.p
        loss, at = self.worst(pnl)
        binds = np.where(loss > 0, 1.0, 0.0) * factor
        legs = -self._leg_results(at) * binds[self.of_leg]
        top_up = np.maximum(self.least_delta(orders) - loss, 0.0) * factor
        cite = p.cite("scenarios")
        found = [
            Line.of("Scan", book, legs, LEGS, formula="largest −Σ weight · result", cite=cite),
            Line(
                "Top-up to minimum delta",
                added(self.row, top_up, len(book)),
                cite=p.cite("unhedged", "hedged"),
            ),
        ]
        if orders:
            lost = -self.loss[np.arange(len(self.of_order)), at[self.of_order]] * binds[self.of_order]
            found.insert(1, Line.of("Scan of orders", book, lost, ORDERS, cite=cite))
        return found

    def _leg_results(self, at: np.ndarray) -> np.ndarray:
        """Weighted result of each leg (H,) in its base asset's scenario ``at`` (N,)."""
        legs, net = self.h.book.legs, self.of_leg
        column = at[net]
        price = self.ready.price[legs.instrument, column]
        weight = self.weight[net, column] * self.ready.live[legs.instrument]
        return self.h.quantity * (price - self.h.mark) * weight

    def funding(self, orders: bool) -> Line:
        """Funding that the next eight hours are expected to cost, by base asset; orders net with the opposite sign."""
        market, book = self.h.market, self.h.book
        rate = np.where(market.kind == PERP, np.nan_to_num(market.column("funding_rate")), 0.0)
        unit = rate * np.nan_to_num(market.on_scope("index")[market.scope])
        legs = self.h.quantity * unit[book.legs.instrument]
        total = added(self.of_leg, legs, len(self.row))
        more = -self.h.order_size * unit[book.orders.instrument]
        if orders:
            total = total + added(self.of_order, more, len(self.row))
        pays = total > 0
        parts = [Line.of("Positions", book, np.where(pays[self.of_leg], legs, 0.0))]
        if orders:
            parts.append(Line.of("Orders", book, np.where(pays[self.of_order], more, 0.0), ORDERS))
        return Line.total("Funding provision", *parts, formula="(Σ rate · size · spot)⁺")

    def grid(self) -> Grid:
        """Scenarios of the base asset that loses most in each row (R, S)."""
        count, width = len(self.h.book), self.ready.moves.shape[1]
        loss, at = self.worst(self.total)
        order = np.lexsort((loss, self.row))
        net = np.full(count, -1, np.int64)
        net[self.row[order]] = order
        scope = np.append(self.scope, -1)[net]
        moves = np.append(self.ready.moves, np.zeros((1, width, 3)), axis=0)[scope]
        pnl = np.append(self.total, np.zeros((1, width)), axis=0)[net]
        label = np.where(net[:, None] >= 0, np.arange(width), -1)
        cells = None
        if self.h.book.detail:
            mine = net[self.h.book.legs.row] == self.of_leg
            price = self.ready.price[self.h.book.legs.instrument] - self.h.mark[:, None]
            live = self.h.quantity * self.ready.live[self.h.book.legs.instrument] * mine
            cells = live[:, None] * price * self.weight[self.of_leg]
        return Grid(label, moves[:, :, 0], moves[:, :, 1], moves[:, :, 2], pnl, np.append(at, -1)[net], cells)


def _notes(held: Held) -> tuple[Note, ...]:
    market, legs = held.market, held.book.legs
    silent = np.isnan(market.column("funding_rate")) & (market.kind == PERP)
    rate = np.isnan(market["rate"]) & (market.kind == OPTION)
    delta = np.isnan(market.column("delta"))
    return notes(
        ("no funding rate given: no provision for funding", "paradex-docs", rows_with(legs, silent[legs.instrument])),
        ("no interest rate given: options are priced at 0 %", "paradex-py", rows_with(legs, rate[legs.instrument])),
        (
            "no delta served: mark over spot for perpetuals, Black-Scholes for options",
            "paradex-py",
            rows_with(legs, delta[legs.instrument]),
        ),
    )


@portfolio.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Prices in every scenario, deltas, charges by scope."""
    read = p.on(market.scopes)
    charges = {k: read(k) if len(market.scopes) else np.zeros(0) for k in ("unhedged", "hedged", "mmf_factor")}
    return {**prepared(market, p), **charges, "fee": published_fees(market, p)}


@portfolio.pools
def pools(book: Book, market: Market, p: Params, options: dict[str, Any]) -> Book:
    """One pool an account."""
    return one_pool(book, market, "portfolio")


@portfolio.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Hedge legs and isolated positions, which portfolio margin does not have."""
    return chain(problems(book, market, p), isolated_legs(book, market, "portfolio margin"))


@portfolio.loader
def load(payload: Any, p: Params) -> Params:
    """Parameters with the response of GET /v1/system/portfolio-margin-config in place.

    Raises InputError where a block lacks its fields.
    """
    try:
        blocks = payload.get("results", [payload])
        by = {block["base_asset"]: _block(block) for block in blocks}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"portfolio-margin-config of Paradex: {type(error).__name__} {error}") from None
    return p.override("Paradex /v1/system/portfolio-margin-config", by=by)


def _block(block: dict[str, Any]) -> dict[str, Any]:
    vol = block["vol_shock_params"]
    return {
        "unhedged": float(block["unhedged_margin_factor"]),
        "hedged": float(block["hedged_margin_factor"]),
        "mmf_factor": float(block["mmf_factor"]),
        "vega_power_short": float(vol["vega_power_short_dte"]),
        "vega_power_long": float(vol["vega_power_long_dte"]),
        "dte_floor": float(vol["dte_floor_days"]),
        "min_vol_up": float(vol["min_vol_shock_up"]),
        "scenarios": [[float(s[k]) for k in ("spot_shock", "vol_shock", "weight")] for s in block["scenarios"]],
    }
