"""Tiered venues over 100,000 accounts of 10 positions each, against the bare bracket look-up of the same legs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

import xlmargin as xm
from benchmarks import Row, alternating
from xlmargin.book import Book, Cash, Legs, Orders
from xlmargin.tiers import Tiers

AS_OF = "2026-11-25T12:00Z"
COINS = ("BTC", "ETH", "SOL", "BNB", "XRP", "DOGE", "ADA", "LINK", "LTC", "AVAX", "C1", "C2")
ACCOUNTS, POSITIONS = 100_000, 10


@dataclass(frozen=True)
class Job:
    """A model, how its venue names a contract on a coin, what it settles in and which of its tables to fill."""

    model: str
    name: str
    settle: str
    table: str
    key: str
    inverse: bool = False
    coins: tuple[str, ...] = COINS


JOBS = (
    Job("binance.usdm", "{}USDT", "USDT", "brackets", "{}/USDT:USDT"),
    Job("binance.coinm", "{}USD_PERP", "", "brackets", "{0}/USD:{0}", inverse=True),
    Job("binance.portfolio", "{}USDT", "USDT", "brackets_usdm", "{}/USDT:USDT"),
    Job("okx.cross", "{}-USDT-SWAP", "USDT", "tiers", "SWAP {}-USDT"),
    Job("okx.portfolio", "{}-USDT-SWAP", "USDT", "", ""),
    Job("bybit.cross", "{}USDT", "USDT", "tiers", "{}/USDT:USDT"),
    Job("bybit.portfolio", "BTC-{}", "USDT", "", "", coins=("BTC",)),
)


def market_of(job: Job) -> xm.Market:
    """Twelve contracts of a venue, each with a mark and an index; of bybit.portfolio twelve on BTC."""
    names = [job.name.format(c) for c in COINS]
    coins = COINS if len(job.coins) > 1 else job.coins * len(COINS)
    settle = [c if job.inverse else job.settle for c in coins]
    quote = ["USD" if job.inverse else job.settle] * len(COINS)
    price = {"USDT": 1.0, **dict.fromkeys(coins, 100.0)}
    marks = [100.0] * len(COINS)
    facts = {"kind": ["perp"] * len(COINS), "underlying": list(coins), "settle": settle, "quote": quote}
    facts |= {"inverse": [job.inverse] * len(COINS), "mark": marks, "index": marks}
    assets = {"asset": list(price), "price": list(price.values())}
    return xm.tables(instruments={"instrument": names, **facts}, assets=assets, as_of=AS_OF)[1]


def book_of(market: xm.Market, job: Job, accounts: int = ACCOUNTS) -> Book:
    """Accounts of ten different contracts each with an entry price and leverage, and a wallet."""
    rng = np.random.default_rng(3)
    row = np.repeat(np.arange(accounts), POSITIONS)
    chosen = (rng.integers(0, len(market), accounts)[:, None] + np.arange(POSITIONS)) % len(market)
    instrument = np.sort(chosen, axis=1).ravel()
    count = len(row)
    more = {"entry": rng.uniform(95, 105, count), "leverage": np.full(count, 2.0)}
    legs = Legs.of(accounts, row, instrument, rng.normal(size=count) * 300, **more)
    coins = [str(a) for a in market.assets].index(COINS[0] if job.inverse else "USDT")
    cash = Cash.of(accounts, np.arange(accounts), np.full(accounts, coins), np.full(accounts, 1e5))
    names = np.arange(accounts).astype(str).astype(object)
    return Book(legs, cash, Orders.none(accounts), names, np.full(accounts, "", object))


def table(job: Job) -> dict[str, np.ndarray]:
    """Twelve tables of ten brackets."""
    floors = np.array([0, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7])
    rates = np.array([0.004, 0.005, 0.0065, 0.01, 0.02, 0.025, 0.05, 0.1, 0.125, 0.15])
    key = np.repeat([job.key.format(c) for c in COINS], len(floors)).astype(object)
    top = np.tile(1.0 / (2 * rates), len(COINS))
    return {"key": key, "floor": np.tile(floors, len(COINS)), "rate": np.tile(rates, len(COINS)), "max_leverage": top}


def rows() -> Iterator[Row]:
    """A row a model: the whole rule with its lines and pools, and its ratio to the look-up alone."""
    for job in JOBS:
        market = market_of(job)
        params = xm.model(job.model).params(market.as_of)
        if job.table:
            params = params.override("bench", **{job.table: table(job)})
        book = book_of(market, job)
        session, checked = xm.session(book, market, job.model, params=params)
        tiers = Tiers.of(table(JOBS[0]))
        size, key = np.abs(book.legs.quantity) * 100.0, book.legs.instrument
        ours, bare = alternating(lambda: session.margin(checked), lambda: tiers.marginal(size, key), 5)  # noqa: B023
        remark = f"{ACCOUNTS / ours:,.0f} accounts a second"
        yield Row(f"{job.model}, 100,000 × 10", ours, "bare bracket look-up", ours / bare, "", remark)
