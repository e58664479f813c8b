"""Hyperliquid perpetuals: tiered maintenance over one USDC account, isolated positions by themselves.

Source: hyperliquid-docs trading/margining, trading/margin-tiers, trading/liquidations (archived copies, the latest of
2026). How sure: official text; 29 liquidation prices of live isolated positions agree to 3.5e-5. Builder-deployed
(HIP-3) dexes are separate venues: give each an account of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...collateral import split_results
from ...findings import chain
from ...ledger import CASH, Line, Margin
from ...market import Market
from ...params import Params
from ...pools import TRANSFER
from ...refusals import bare_isolated_legs, foreign_balances, lent_elsewhere, one_pool
from ...registry import Ready, margin_model
from ...scopes import Found
from .held import Held, loaded, mixed_dexes, prepared, problems


@margin_model(
    "hyperliquid.cross",
    needs={"perp": "mark", "balance": "price?"},
    exceptions={
        "merging never raises": "tiers are progressive: a larger position pays a higher rate on its top slice",
        "scaling": "tiers are progressive",
    },
    payoffs="linear",
    evidence="official text; liquidation prices of live positions agree",
    title="Hyperliquid cross and isolated margin",
)
def cross(book: Book, ready: Ready) -> Margin:
    """Notional over leverage to open, tiered maintenance to keep, one USDC account with every result in it."""
    held, p, cash = Held(book, ready), ready.params, book.cash
    moved = cash.kind == TRANSFER
    equity = Line.total(
        "Account value",
        Line.of("USDC", book, np.where(moved, 0.0, cash.amount), CASH),
        Line.of("Posted to isolated positions", book, np.where(moved, cash.amount, 0.0), CASH),
        split_results(book, held.result),
    )
    initial = Line.total("Initial margin", held.initial())
    maintenance = Line.total("Maintenance margin", held.maintenance())
    tenth = book.sum(held.notional) * p["transfer_floor"]
    top_up = np.maximum(tenth - initial.value, 0.0)
    floor = Line("Top-up to a tenth of notional", top_up, cite=p.cite("transfer_floor"))
    notes = (*held.notes(), *lent_elsewhere(book))
    levels = {
        "transfer": Line.total("Needed to transfer out", held.initial(), floor),
        "backstop": maintenance.scaled("Backstop", p["backstop"], book, cite=p.cite("backstop")),
    }
    return Margin(equity, initial, maintenance, levels, currency=p["collateral"], notes=notes)


@cross.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Tiers by instrument."""
    return prepared(market, p)


@cross.pools
def pools(book: Book, market: Market, p: Params, options: dict[str, Any]) -> Book:
    """One pool an account; an isolated position is its own."""
    return one_pool(book, market)


@cross.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Tiers, leverage, modes, isolated positions without margin, balances other than the collateral."""
    return chain(
        problems(book, market, p),
        mixed_dexes(book, market),
        bare_isolated_legs(book, market),
        foreign_balances(book, market, [p["collateral"]], "Hyperliquid's perpetuals (see hyperliquid.portfolio)"),
    )


@cross.loader
def load(payload: Any, p: Params) -> Params:
    """Parameters with the tiers of a meta response of the info endpoint in place."""
    return loaded(payload, p)


def liquidation_prices(margin: Margin) -> np.ndarray:
    """Liquidation price of each leg (H,) of ``margin.run.book``, other coins staying at their marks.

    Solves account value + side·q·(LP − P) = maintenance of the others + q·LP·rate − deduction in every tier. The
    charge is the greatest over tiers, so the binding root is the highest for longs and the lowest for shorts. NaN
    where no positive price liquidates. Source: hyperliquid-docs trading/liquidations; tiers by algebra.
    """
    ready, book = margin.run.session.ready, margin.run.book
    held, legs, tiers = Held(book, ready), book.legs, ready.tiers
    side = np.sign(legs.quantity)
    mark = ready.market["mark"][legs.instrument]
    free = (margin.equity.value - margin.maintenance.value)[legs.row] + held.charge - legs.quantity * mark
    count = np.diff(np.append(tiers.first, len(tiers.rate) - 1))[held.key]
    best = np.full(len(legs), np.nan)
    for k in range(int(count.max(initial=0))):
        at = tiers.first[held.key] + np.minimum(k, count - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            root = (free + tiers.cum[at]) / (held.size * (tiers.rate[at] - side))
        best = np.where(side > 0, np.fmax(best, root), np.fmin(best, root))
    return np.where((best > 0) & np.isfinite(best), best, np.nan)
