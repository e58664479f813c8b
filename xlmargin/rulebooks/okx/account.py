"""OKX's account: currency equity, discounts, debts; the same under cross and portfolio margin."""

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
    """Discount and borrowing tiers by asset."""
    coin, usd = (ratios(p[key], f"{p.model} {key}") for key in ("discount", "discount_usd"))
    return {
        "coin": coin,
        "coin_key": coin.find(market.assets),
        "usd": usd,
        "usd_key": usd.find(market.assets),
        "borrow": Borrowing.of(p["borrow"], market.assets, "USDT"),
    }


class Account:
    """Balances and results of a book as OKX counts them; ``results`` (H,) stand in settlement assets."""

    def __init__(self, book: Book, ready: Ready, usd: np.ndarray, results: np.ndarray, fee: float) -> None:
        self.book, self.ready, self.market, self.usd, self.fee = book, ready, ready.market, usd, fee
        cash = book.cash
        self.amount = np.where(cash.kind == LOAN, -np.abs(cash.amount), cash.amount)
        self.results = results
        self.held = by_asset(book, self.market, self.amount, results)
        self.price = np.where(usd[cash.row], self.market.price[cash.asset], 1.0)

    def wallet(self) -> tuple[Line, Line]:
        """Balances (loans negative) and what was posted to isolated legs."""
        worth, moved = self.amount * self.price, self.book.cash.kind == TRANSFER
        return (
            Line.of("Balances", self.book, np.where(moved, 0.0, worth), CASH),
            Line.of("Posted to isolated legs", self.book, np.where(moved, worth, 0.0), CASH),
        )

    def discount(self) -> Line:
        """What the discount rates leave out of each currency's positive equity, slice by slice."""
        cite = self.ready.params.cite("discount", "discount_usd")
        return haircut(
            self.book, self.market, self.amount, self.results, self.market.price, self._counted, self.usd, cite=cite
        ).named("Discount")

    def _counted(self, amount: np.ndarray) -> np.ndarray:
        ready, price = self.ready, self.market.price
        coin = ready.coin.marginal(amount, np.broadcast_to(ready.coin_key, amount.shape))
        worth = ready.usd.marginal(amount * price, np.broadcast_to(ready.usd_key, amount.shape)) / price
        return np.where(ready.usd_key >= 0, worth, coin)

    def debts(self) -> tuple[Line, Line, Line]:
        """Maintenance, initial margin and liquidation fee of currencies whose equity is negative."""
        amounts = (self.book, self.market, self.amount, self.results, self.held, self.usd)
        return self.ready.borrow.lines(*amounts, fee=self.fee, cite=self.ready.params.cite("borrow", "loan_fee"))

    def beyond(self) -> np.ndarray:
        """Rows (R,) that hold more of a currency than the known discount tiers reach."""
        ready, shape = self.ready, self.held.shape
        coin = ready.coin.beyond(self.held, np.broadcast_to(ready.coin_key, shape))
        usd = ready.usd.beyond(self.held * self.market.price, np.broadcast_to(ready.usd_key, shape))
        return (coin | usd).any(axis=1) & self.usd

    def unlisted(self) -> np.ndarray:
        """Rows (R,) that owe a currency whose borrowing tiers are not known."""
        return self.ready.borrow.unlisted(self.held, self.usd)


def problems(book: Book, market: Market, p: Params, together: np.ndarray) -> Iterator[Found]:
    """Currencies of a USD pool without discount rate or price."""
    known = {*p["discount"], *p["discount_usd"]}
    cash, legs = book.cash, book.legs
    settle = market.settle[legs.instrument]
    names = np.append(market.assets, "").astype(str)
    rated, priced = np.isin(names, list(known)), ~np.isnan(np.append(market.price, np.nan))
    of_cash, whole = together[cash.row], together[legs.row]
    of_legs = whole & ~legs.isolated

    def rate(asset: str) -> str:
        how = "give it with Params.override(discount={…}) or Model.load(discount-rate response)"
        return f"no discount rate for {asset} in {p.model}{nearest(asset, known)}; {how}"

    def price(asset: str) -> str:
        return f"no price for {asset}: add it to the assets table"

    unrated = of_cash & ~rated[cash.asset] & (cash.kind != LOAN)
    yield from on_cash(book, market, unrated, "asset", lambda h: rate(names[cash.asset[h]]))
    yield from on_legs(book, market, of_legs & ~rated[settle], "settle", lambda h: rate(names[settle[h]]))
    bare = of_cash & ~priced[cash.asset]
    yield from on_cash(book, market, bare, "asset", lambda h: price(names[cash.asset[h]]))
    yield from on_legs(book, market, whole & ~priced[settle], "settle", lambda h: price(names[settle[h]]))
