"""Binance COIN-M futures: brackets in the coin; a pool a coin, every isolated leg its own.

Sources: Binance FAQ ceccfcfb4e3a45e3b48b0b1bb1a8ae46 (maintenance margin), be2c7d9d95b04a7e8044ed02dd7dfe5c (brackets),
a4470430e3164c13932be8967961aede (contract sizes), 4f83b65d83654b5e933f85ef12bf769d (orders, hedge mode). How sure:
formula official; the only bracket table is BTC's of about 2023-2024 (third-party, cross-checked with the FAQ); the
liquidation price is solved from the published variables.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import closed_form
from ...book import Book
from ...collateral import split_results, without_entry
from ...errors import Note
from ...findings import chain, notes, on_cash, rows_with
from ...ledger import CASH, Line, Margin
from ...market import Market
from ...params import Params
from ...pools import TRANSFER, currency_of_rows, settled
from ...position_checks import isolated_legs
from ...registry import Ready, margin_model
from ...scopes import Found
from .brackets import LEVERAGE, POSITION_MODE, Held, loaded, order_note, prepared, problems


@margin_model(
    "binance.coinm",
    needs={"perp": "mark", "future": "mark", "balance": "price?"},
    settings={"position_mode": POSITION_MODE, "leverage": LEVERAGE},
    exceptions={
        "merging never raises": "brackets are progressive: a larger position pays a higher rate on its top slice",
        "scaling": "brackets are progressive",
    },
    payoffs="inverse",
    evidence="formula official; BTC brackets of about 2023-2024 only",
    title="Binance COIN-M futures",
)
def coinm(book: Book, ready: Ready) -> Margin:
    """Contract value in the coin at its bracket's rate less the cumulative amount, against each coin's wallet."""
    none = np.zeros(len(book), bool)
    held, cash = Held(book, ready, none), book.cash
    moved = cash.kind == TRANSFER
    equity = Line.total(
        "Equity",
        Line.of("Wallet", book, np.where(moved, 0.0, cash.amount), CASH),
        Line.of("Posted to isolated legs", book, np.where(moved, cash.amount, 0.0), CASH),
        split_results(book, held.result),
    )
    initial = Line.total("Initial margin", held.positions(), held.orders(ready), held.order_loss())
    maintenance = Line.total("Maintenance margin", held.maintenance(), formula="Σ contracts · size / mark · rate − cum")
    currency = currency_of_rows(book, ready.market, none)
    return Margin(equity, initial, maintenance, currency=currency, notes=_notes(held, ready))


def _notes(held: Held, ready: Ready) -> tuple[Note, ...]:
    book, market = held.book, held.market
    odd = ready.odd_size[book.legs.instrument]
    old = rows_with(book.legs, ready.own_table[book.legs.instrument])
    return notes(
        order_note(book),
        ("no leverage given: the highest that the bracket allows is taken", "", rows_with(book.legs, held.silent)),
        ("a position has no entry price: its result since entry is not in equity", "", without_entry(book, market)),
        ("brackets are those of about 2023-2024; the current table is not known", held.p.cite("brackets"), old),
        (
            "contract_size is 1 USD, but Binance's contract is larger (BTC 100 USD, others usually 10)",
            held.p.cite("contract_size"),
            rows_with(book.legs, odd),
        ),
    )


@coinm.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Brackets by instrument; which contracts carry Binance's name but not its size."""
    size = np.array([p.get("contract_size", str(u)) for u in market.underlying], np.float64)
    named = np.array(["USD_" in str(name) for name in market.name], bool)
    odd = named & (market["contract_size"] == 1) & (size != 1)
    own = np.full(len(market), not p.version)
    return {**prepared(market, p), "odd_size": odd, "own_table": own}


@coinm.pools
def pools(book: Book, market: Market, p: Params, options: dict[str, Any]) -> Book:
    """A pool a coin, every isolated leg its own."""
    return settled(book, market, np.zeros(len(book), bool))


@coinm.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Brackets, leverage, hedge legs, isolated legs, balances that no COIN-M contract settles in."""
    none, cash = np.zeros(len(book), bool), book.cash
    coins = {str(key).partition(":")[2].partition("-")[0] for key in p["brackets"]["key"]}
    coins |= {str(a) for a in market.assets[market.settle[market.settle >= 0]]}
    names = market.assets[cash.asset]
    bad = ~np.isin(names.astype(str), sorted(coins))
    return chain(
        problems(book, market, p),
        isolated_legs(book, market, none, ""),
        on_cash(
            book, market, bad, "asset", lambda h: f"{names[h]} is no margin of COIN-M ({', '.join(sorted(coins))})"
        ),
    )


@coinm.loader
def load(payload: Any, p: Params) -> Params:
    """Parameters with the response of GET /dapi/v2/leverageBracket in place of the brackets of its symbols."""
    return loaded(payload, p, "qty")


def liquidation_price(
    wallet: np.ndarray,
    quantity: np.ndarray,
    entry: np.ndarray,
    rate: np.ndarray,
    cum: np.ndarray,
    maintenance: np.ndarray | float = 0.0,
    result: np.ndarray | float = 0.0,
) -> np.ndarray:
    """COIN-M liquidation price for known brackets, from Binance's published variables by equity = maintenance.

    Parameters: ``wallet`` (N,) in the coin; ``quantity`` (N, L) signed contracts × contract size (USD), ``entry``,
    ``rate``, ``cum`` (coin) of the one-way leg or of both hedge legs; ``maintenance``, ``result`` (N,) of all others.
    LP = Σ(|q|·rate + q) / [WB − TMM + UPNL + Σ(cum + q/EP)]. Source: FAQ ceccfcfb4e3a45e3b48b0b1bb1a8ae46 (variables).

    >>> liquidation_price(np.array([0.1]), *np.array([[[10000.0]], [[50000.0]], [[0.004]], [[0.0]]])).round(4)
    array([33466.6667])
    """
    return closed_form.inverse(wallet - maintenance + result, quantity, entry, rate, cum)


def liquidation_prices(margin: Margin) -> np.ndarray:
    """Liquidation price of each leg (H,) of ``margin.run.book``, other contracts staying at their marks."""
    ready, book = margin.run.session.ready, margin.run.book
    held = Held(book, ready, np.zeros(len(book), bool))
    key = ready.key[book.legs.instrument]
    return closed_form.prices(book, ready.market, margin.headroom, held.charge, ready.tiers, key)
