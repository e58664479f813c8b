"""Bybit's unified account: balances at their collateral ratio, what is owed; for cross and portfolio margin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...book import Book
from ...borrowing import Borrowing
from ...collateral import by_asset, haircut
from ...errors import nearest
from ...findings import on_cash, on_legs
from ...ledger import CASH, Line
from ...market import Market
from ...params import Params
from ...pools import TRANSFER
from ...registry import Ready
from ...scopes import Found
from ...tiers import ratios

LOAN = 1


def prepared(market: Market, p: Params) -> dict[str, Any]:
    """Collateral ratios and borrowing tiers by asset."""
    table = ratios(p["collateral"], f"{p.model} collateral")
    borrow = Borrowing.of(p["borrow"], market.assets, "other")
    return {"collateral": table, "collateral_key": table.find(market.assets), "borrow": borrow}


class Account:
    """Balances of a book as Bybit counts them: the ratio on positive balances, debts in full."""

    def __init__(self, book: Book, ready: Ready, usd: np.ndarray) -> None:
        self.book, self.ready, self.market, self.usd = book, ready, ready.market, usd
        cash = book.cash
        self.amount = np.where(cash.kind == LOAN, -np.abs(cash.amount), cash.amount)
        self.none = np.zeros(len(book.legs))
        self.held = by_asset(book, self.market, self.amount, self.none)
        self.price = np.where(usd[cash.row], self.market.price[cash.asset], 1.0)

    def wallet(self) -> tuple[Line, Line, Line]:
        """Balances, what was posted to isolated legs, and what the collateral ratio leaves out."""
        worth, moved = self.amount * self.price, self.book.cash.kind == TRANSFER
        cite = self.ready.params.cite("collateral")
        return (
            Line.of("Wallet", self.book, np.where(moved, 0.0, worth), CASH),
            Line.of("Posted to isolated legs", self.book, np.where(moved, worth, 0.0), CASH),
            haircut(
                self.book, self.market, self.amount, self.none, self.market.price, self._counted, self.usd, cite=cite
            ),
        )

    def _counted(self, amount: np.ndarray) -> np.ndarray:
        return self.ready.collateral.marginal(amount, np.broadcast_to(self.ready.collateral_key, amount.shape))

    def debts(self) -> tuple[Line, Line]:
        """Maintenance and initial margin of borrowed assets."""
        amounts = (self.book, self.market, self.amount, self.none, self.held, self.usd)
        maintenance, initial, _ = self.ready.borrow.lines(*amounts, cite=self.ready.params.cite("borrow"))
        return maintenance, initial

    def notes(self) -> list[tuple[str, str, np.ndarray]]:
        """Doubts about collateral and debts: text, source, rows."""
        p = self.ready.params
        shipped = self.usd & (p.version == "")
        owning, owing = (self.held > 0).any(axis=1) & shipped, (self.held < 0).any(axis=1) & shipped
        return [
            ("collateral ratios are illustrations or assumed; load the venue's", p.cite("collateral"), owning),
            ("borrowing rates are a sample of the documentation", p.cite("borrow"), owing),
        ]


def problems(book: Book, market: Market, p: Params, usd: np.ndarray) -> Iterator[Found]:
    """Assets of a USD pool (``usd`` (R,)) without collateral ratio or price."""
    cash, legs = book.cash, book.legs
    settle = market.settle[legs.instrument]
    names = np.append(market.assets, "").astype(str)
    rated, priced = np.isin(names, list(p["collateral"])), ~np.isnan(np.append(market.price, np.nan))

    def ratio(asset: str) -> str:
        how = "give it with Params.override(collateral={…}) or Model.load(collateral response)"
        return f"no collateral ratio for {asset} in {p.model}{nearest(asset, p['collateral'])}; {how}"

    def price(asset: str) -> str:
        return f"no price for {asset}: add it to the assets table"

    unrated = usd[cash.row] & ~rated[cash.asset] & (cash.kind != LOAN)
    yield from on_cash(book, market, unrated, "asset", lambda h: ratio(names[cash.asset[h]]))
    bare = usd[cash.row] & ~priced[cash.asset]
    yield from on_cash(book, market, bare, "asset", lambda h: price(names[cash.asset[h]]))
    owing = usd[legs.row] & ~priced[settle]
    yield from on_legs(book, market, owing, "settle", lambda h: price(names[settle[h]]))
