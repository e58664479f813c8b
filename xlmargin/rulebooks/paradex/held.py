"""What both Paradex models share: account value, spot balances, fees, checks.

Source: tradeparadex/paradex-docs margin-term-reference.mdx: account value = collateral value + unrealised result, a
result being notional − cost · USDC price + accrued funding, options included.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...book import Book
from ...errors import Note
from ...findings import notes, on_legs, rows_with
from ...ledger import CASH, Line
from ...market import OPTION, Market
from ...params import Params
from ...pools import TRANSFER
from ...refusals import hedge_legs, lent_elsewhere
from ...registry import Ready, Setting
from ...scopes import Found

FEE = Setting(np.nan, "fee rate of the account where it is not the published one")


class Held:
    """A book in USD: sizes, marks and index per leg (H,) and order (O,), fees, account value."""

    def __init__(self, book: Book, ready: Ready) -> None:
        self.book, self.ready, self.market, self.p = book, ready, ready.market, ready.params
        market, legs, orders = ready.market, book.legs, book.orders
        i, o = legs.instrument, orders.instrument
        self.quantity = legs.quantity * market["contract_size"][i]
        self.order_size = orders.quantity * market["contract_size"][o]
        self.mark, self.order_mark = market["mark"][i], market["mark"][o]
        self.stable = np.where(np.isnan(market.settle_price()), 1.0, market.settle_price())
        self.is_cash = np.array([str(a) == self.p["collateral"] for a in market.assets], bool)[book.cash.asset]

    def equity(self) -> Line:
        """Account value: what the account would be worth if every position were closed at its mark."""
        book, cash, legs = self.book, self.book.cash, self.book.legs
        worth = cash.amount * self.market.price[cash.asset]
        moved = cash.kind == TRANSFER
        stable = self.stable[legs.instrument]
        entered = ~np.isnan(legs.entry) & (legs.quantity != 0)
        result = np.where(entered, self.quantity * (self.mark - np.nan_to_num(legs.entry) * stable), 0.0)
        result = result + legs.accrued * stable
        return Line.total(
            "Account value",
            Line.of("Collateral", book, np.where(self.is_cash & ~moved, worth, 0.0), CASH),
            Line.of("Other tokens", book, np.where(self.is_cash, 0.0, worth), CASH),
            Line.of("Posted to isolated positions", book, np.where(moved, worth, 0.0), CASH),
            Line.of("Profit, carrying other positions", book, np.maximum(result, 0.0)),
            Line.of("Loss, carried by the rest", book, np.minimum(result, 0.0)),
        )

    def spot(self) -> Line:
        """Other tokens than the collateral, charged in full."""
        worth = np.abs(self.book.cash.amount) * self.market.price[self.book.cash.asset]
        cite = "paradex-docs cross-margin-requirement.mdx"
        return Line.of("Other tokens in full", self.book, np.where(self.is_cash, 0.0, worth), CASH, cite=cite)

    def fees(self, row: np.ndarray, instrument: np.ndarray) -> np.ndarray:
        """Fee provision for one unit (N,) of ``instrument`` held by ``row``, at the account's own rate if it has one.

        Perpetuals rate · mark; options min(rate · spot, cap · mark).
        """
        market, own = self.market, self.book.settings["fee_rate"][row]
        rate = np.where(np.isnan(own), self.ready.fee[instrument], own)
        index, mark = market.on_scope("index")[market.scope[instrument]], market["mark"][instrument]
        option = np.minimum(rate * np.nan_to_num(index), self.p["option_fee_cap"] * mark)
        return np.where(market.kind[instrument] == OPTION, option, rate * mark)

    def notes(self) -> tuple[Note, ...]:
        """What the figures assume."""
        legs = self.book.legs
        bare = np.isnan(legs.entry) & (legs.quantity != 0)
        return lent_elsewhere(self.book) + notes(
            (
                "a position has no entry price: its result since entry is not in account value",
                "paradex-docs margin-term-reference.mdx",
                rows_with(legs, bare),
            )
        )


def published_fees(market: Market, p: Params) -> np.ndarray:
    """Fee rate of each instrument (I,): of spot for options, of notional for the rest."""
    if not len(market):
        return np.zeros(0)
    perp, option = (p.on(market.scopes)(key)[market.scope] for key in ("perp_fee", "option_fee"))
    return np.where(market.kind == OPTION, option, perp)


def problems(book: Book, market: Market, p: Params) -> Iterator[Found]:
    """Hedge legs, which Paradex does not have."""
    yield from hedge_legs(book, market, "Paradex")


def without_table(book: Book, market: Market, p: Params, key: str) -> Iterator[Found]:
    """A problem for each option leg whose base asset has no table ``key``."""
    legs = book.legs
    have = np.array([bool(p.get(key, str(s))) if str(s) in p.by else True for s in market.scopes], bool)
    bad = (market.kind[legs.instrument] == OPTION) & ~np.append(have, True)[market.scope[legs.instrument]]
    yield from on_legs(
        book,
        market,
        bad,
        "instrument",
        lambda h: f"no option parameters for {market.scopes[market.scope[legs.instrument[h]]]} in {p.model}",
    )
