"""OKX's instrument families: what position tiers, option factors and payloads are named by."""

from __future__ import annotations

import numpy as np

from ...book import Book
from ...findings import rows_with
from ...market import FUTURE, OPTION, PERP, SIZE_NOT_GIVEN, Market
from ...tiers import quotes

SIZE = (
    "the contract size is not given and taken as 1 unit, but OKX quotes contracts of a size of their own "
    "(BTC-USDT-SWAP 0.01 BTC): give contract_size",
    "okx.com/docs-v5, public instruments: ctVal × ctMult",
)
TYPE = {PERP: "SWAP", FUTURE: "FUTURES", OPTION: "OPTION"}


def families(market: Market) -> list[str]:
    """Type and family of each instrument (I,): ``SWAP BTC-USDT``, ``OPTION BTC-USD``, ``FUTURES BTC-USD_UM``."""
    settle = np.append(market.assets, "")[market.settle]
    quote = quotes(market)
    united = (quote == "USD") & ~market.inverse & (settle == "USD")
    rows = zip(market.kind, market.underlying, quote, united, strict=True)
    return [f"{TYPE.get(int(k), 'SPOT')} {coin}-{price}{'_UM' if um else ''}" for k, coin, price, um in rows]


def groups(names: list[str]) -> np.ndarray:
    """A number for each instrument's family (I,)."""
    return np.unique(np.array(names, object).astype(str), return_inverse=True)[1]


def sizes(book: Book, family: np.ndarray, option: np.ndarray) -> np.ndarray:
    """Contracts (H,) that choose a leg's tier: all of its family in the row, of options the short ones only."""
    legs = book.legs
    short = np.where(option[legs.instrument], np.maximum(-legs.quantity, 0.0), np.abs(legs.quantity))
    nets = book.split(family)
    return nets.sum(short)[nets.net]


def unsized(book: Book, market: Market) -> tuple[str, str, np.ndarray]:
    """A note on rows that hold or order contracts whose size was not given."""
    bare = (market.column(SIZE_NOT_GIVEN, 0.0) > 0) & np.isin(market.kind, list(TYPE))
    rows = rows_with(book.legs, bare[book.legs.instrument]) | rows_with(book.orders, bare[book.orders.instrument])
    return (*SIZE, rows)
