"""On-chain venues: 100,000 accounts of ten positions (lenders: ten balances) beside the bare sum of notionals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

import xlmargin as xm
from benchmarks import Row, alternating
from xlmargin.book import Book, Cash, Legs, Orders, added

AS_OF = 1_790_000_000
ACCOUNTS, POSITIONS, WIDTH = 100_000, 10, 40
COINS = {"BTC": 83_500.0, "ETH": 2_600.0}
PERPS = ("hyperliquid.cross", "hyperliquid.portfolio", "dydx.cross", "drift.cross", "paradex.cross", "synthetix.v3")
OPTIONS = ("paradex.portfolio", "aevo.portfolio")
LENDERS = {"aave.v3": ("WETH", "WBTC", "USDC", "DAI"), "compound.v3": ("WETH", "WBTC", "UNI", "LINK", "USDC")}
PRICES = {"WETH": 2_600.0, "WBTC": 83_500.0, "USDC": 1.0, "DAI": 1.0, "UNI": 8.0, "LINK": 20.0}


def instruments(options: bool, coins: tuple[str, ...]) -> pd.DataFrame:
    """Perpetuals, or options with one perpetual a coin, that share the parameters of a few coins."""
    rng, number = np.random.default_rng(0), np.arange(WIDTH)
    coin = np.array([coins[n % len(coins)] for n in number])
    spot = np.array([COINS[c] for c in coin])
    kind = np.where(options & (number >= len(coins)), "option", "perp")
    kind = np.where((coins == ("ETH",)) & options, "option", kind)
    table = {
        "instrument": [f"P{n}" for n in number],
        "kind": kind,
        "underlying": coin,
        "settle": "USDC",
        "quote": "USD",
        "index": spot,
        "mark": np.where(kind == "option", spot * 0.04, spot).round(2),
        "open_interest": 1e3,
    }
    if options:
        table |= {"expiry": AS_OF + 86_400 * rng.choice([2, 30, 90], WIDTH), "rate": 0.0}
        table |= {
            "strike": (spot * rng.uniform(0.7, 1.4, WIDTH)).round(-1),
            "option_type": rng.choice(["C", "P"], WIDTH),
        }
        table |= {"iv": rng.uniform(0.3, 0.9, WIDTH), "funding_rate": 0.0001}
    return pd.DataFrame(table)


def traders(model: str) -> tuple[Book, xm.Market]:
    """Accounts of ten different positions each, with a wallet, straight from arrays."""
    rng = np.random.default_rng(1)
    coins = ("ETH",) if model == "aevo.portfolio" else ("BTC", "ETH")
    cash = "snxUSD" if model == "synthetix.v3" else "USDC"
    table = instruments(model in OPTIONS, coins).assign(settle=cash)
    assets = pd.DataFrame({"asset": [cash], "price": [1.0]})
    _, market = xm.tables(instruments=table, assets=assets, as_of=AS_OF)
    row = np.repeat(np.arange(ACCOUNTS), POSITIONS)
    first = np.repeat(rng.integers(0, WIDTH, ACCOUNTS), POSITIONS)
    instrument = (first + np.tile(np.arange(POSITIONS), ACCOUNTS) * 3) % WIDTH
    quantity = (rng.normal(size=len(row)) * 50_000 / market["index"][instrument]).round(4)
    entry = (market["mark"][instrument] * rng.uniform(0.95, 1.05, len(row))).round(2)
    legs = Legs.of(ACCOUNTS, row, instrument, quantity, entry=entry).sorted(instrument)
    wallet = rng.uniform(0, 1e5, ACCOUNTS).round(2)
    cash_ = Cash.of(ACCOUNTS, np.arange(ACCOUNTS), np.zeros(ACCOUNTS, np.int64), wallet)
    return named(legs, cash_), market


def lenders(model: str) -> tuple[Book, xm.Market]:
    """Accounts of ten balances each, a third of them debts in the asset that is lent."""
    rng, names = np.random.default_rng(2), LENDERS[model]
    assets = pd.DataFrame({"asset": list(names), "price": [PRICES[n] for n in names]})
    _, market = xm.tables(assets=assets, as_of=AS_OF)
    row = np.repeat(np.arange(ACCOUNTS), POSITIONS)
    loan = rng.random(len(row)) < 1 / 3
    asset = np.where(loan, names.index("USDC"), rng.integers(0, len(names), len(row)))
    amount = (rng.uniform(0, 10_000, len(row)) / market.price[asset]).round(6)
    kind = np.where(loan, 1, 2).astype(np.int8)
    cash = Cash.of(ACCOUNTS, row, asset, amount, kind=kind).sorted(asset, kind)
    whole = np.zeros(0, np.int64)
    return named(Legs.of(ACCOUNTS, whole, whole, np.zeros(0)), cash), market


def named(legs: Legs, cash: Cash) -> Book:
    names = np.arange(ACCOUNTS).astype(str).astype(object)
    return Book(legs, cash, Orders.none(ACCOUNTS), names, np.full(ACCOUNTS, "", object))


def bare(book: Book, market: xm.Market) -> Any:
    """The sum of |amount| · price by account, nothing else."""
    legs, cash = book.legs, book.cash

    def work() -> np.ndarray:
        worth = added(cash.row, np.abs(cash.amount) * market.price[cash.asset], ACCOUNTS)
        return worth + added(legs.row, np.abs(legs.quantity) * market["mark"][legs.instrument], ACCOUNTS)

    return work


def rows() -> Iterator[Row]:
    """One row a rulebook: the checked book through pools, rule, ledger lines and notes."""
    for model in (*PERPS, *OPTIONS, *LENDERS):
        book, market = lenders(model) if model in LENDERS else traders(model)
        ready, checked = xm.session(book, market, model)
        ours, theirs = alternating(lambda r=ready, c=checked: r.margin(c), bare(book, market), 3)
        rate = f"{ACCOUNTS / ours:,.0f} accounts/s"
        yield Row(f"{model}: 100,000 accounts × 10", ours, "bare sum of notionals", ours / theirs, "", rate)
