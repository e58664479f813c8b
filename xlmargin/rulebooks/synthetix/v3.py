"""Synthetix v3 perpetuals (legacy): requirement grows with size over the market's skew scale; keeper reward on top.

Source: Synthetixio/synthetix-v3@23585f73 (2025-06-12) markets/perps-market. How sure: equal to the repository's own
assertions; parameters are its test fixtures. ``mark`` is the oracle price; the entry price is the fill price,
oracle · (1 + (skew + size/2) / skew scale).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...collateral import split_results, unrealised, without_entry
from ...errors import Note
from ...findings import chain, notes, rows_with
from ...ledger import CASH, Line, Margin
from ...market import Market
from ...params import Params
from ...refusals import foreign_balances, hedge_legs, isolated_legs
from ...registry import Ready, margin_model
from ...scopes import Found

LOAN = 1


@margin_model(
    "synthetix.v3",
    needs={"perp": "mark", "balance": "price"},
    exceptions={
        "merging never raises": "the margin ratio grows with the size of the position",
        "scaling": "the margin ratio grows with the size; rewards have a cap",
    },
    payoffs="linear",
    scoped=True,
    evidence="equal to the repository's assertions; parameters are its test fixtures",
    title="Synthetix v3 perpetuals (legacy)",
)
def v3(book: Book, ready: Ready) -> Margin:
    """Size over skew scale sets the ratio; initial and maintenance each with a minimum and the keeper's reward."""
    p, legs = ready.params, book.legs
    i = legs.instrument
    size = np.abs(legs.quantity) * ready.market["contract_size"][i]
    notional = size * ready.market["mark"][i]
    at = {key: values[i] for key, values in ready.of.items()}
    ratio = size / at["skew_scale"] * at["im_fraction"] + at["min_im"]
    least = np.where(size > 0, at["min_position_margin"], 0.0)
    cite = p.cite("skew_scale", "im_fraction", "min_im")
    minimum = Line.of("Minimum position margin", book, least, cite=p.cite("min_position_margin"))
    reward = _reward(book, p, notional)
    initial = Line.total(
        "Initial margin",
        Line.of(
            "Positions", book, ratio * notional, formula="(size / skew scale · fraction + minimum) · value", cite=cite
        ),
        minimum,
        reward,
    )
    kept = Line.of("Positions", book, ratio * at["mm_scalar"] * notional, cite=p.cite("mm_scalar"))
    maintenance = Line.total("Maintenance margin", kept, minimum, reward)
    equity = Line.total(
        "Available margin", *_collateral(book, ready), split_results(book, unrealised(book, ready.market))
    )
    return Margin(equity, initial, maintenance, currency="USD", notes=_notes(book, ready))


def _reward(book: Book, p: Params, notional: np.ndarray) -> Line:
    """Keeper's reward: clip(Σ flag rewards, minimum, maximum) + windows, where anything is held."""
    flags = Line.of("Flag rewards", book, notional * p["reward_ratio"], cite=p.cite("reward_ratio"))
    held = flags.value > 0
    clipped = np.where(held, np.clip(flags.value, p["reward_min"], p["reward_max"]), 0.0)
    windows = np.where(held, p["reward_per_window"], 0.0)
    return Line.total(
        "Keeper reward",
        flags,
        Line("Cap or floor on the reward", clipped - flags.value, cite=p.cite("reward_min", "reward_max")),
        Line("Liquidation windows", windows, cite=p.cite("reward_per_window")),
    )


def _collateral(book: Book, ready: Ready) -> list[Line]:
    """Collateral, its discount by size, and debt."""
    cash, p = book.cash, ready.params
    debt = np.where(cash.kind == LOAN, np.abs(cash.amount), np.maximum(-cash.amount, 0.0))
    amount = np.where(cash.kind == LOAN, 0.0, np.maximum(cash.amount, 0.0))
    scale, scalar, lower, upper = ready.discount[cash.asset].T
    discount = np.where(scale > 0, np.clip(amount / np.where(scale > 0, scale, 1.0) * scalar, lower, upper), 0.0)
    price = ready.market.price[cash.asset]
    return [
        Line.of("Collateral", book, amount * price, CASH),
        Line.of("Collateral discount", book, -amount * price * discount, CASH, cite=p.cite("collateral")),
        Line.of("Debt", book, -debt * price, CASH),
    ]


def _notes(book: Book, ready: Ready) -> tuple[Note, ...]:
    cite = "Synthetixio/synthetix-v3@23585f73"
    return notes(
        (
            "a position has no entry price: its result since entry is not in available margin",
            cite,
            without_entry(book, ready.market),
        ),
        (
            "open orders are not margined here: the venue settles them at commitment",
            cite,
            rows_with(book.orders, np.ones(len(book.orders), bool)),
        ),
    )


@v3.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Market parameters by instrument (I,), collateral discounts by asset (C, 4)."""
    read, keys = p.on(market.scopes), ("skew_scale", "im_fraction", "min_im", "mm_scalar", "min_position_margin")
    of = {key: read(key)[market.scope] if len(market) else np.zeros(0) for key in keys}
    discount = [p["collateral"].get(str(a)) or [0.0, 0.0, 0.0, 0.0] for a in market.assets]
    return {"of": of, "discount": np.array(discount, np.float64).reshape(-1, 4)}


@v3.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """No hedge or isolated legs; collateral that the market takes."""
    return chain(
        hedge_legs(book, market, "Synthetix"),
        isolated_legs(book, market, "Synthetix"),
        foreign_balances(book, market, p["collateral"], "Synthetix", lends=True),
    )


def fill_price(price: float, skew: float, size: float, skew_scale: float) -> float:
    """Price at which a trade of ``size`` fills: oracle · (1 + (skew + size/2) / skew scale).

    >>> fill_price(30000.0, 0.0, -2.0, 100.0)
    29700.0
    """
    return price * (1.0 + (skew + size / 2.0) / skew_scale)
