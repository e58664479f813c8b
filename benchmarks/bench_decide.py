"""Decisions as re-runs of the rule: baskets, liquidation prices, a hedge programme and the live loop.

Each is held against a loop of plain margins over a sample of the same work, scaled to its size, and against the rule
itself on as many positions: what a decision cannot go below while every what-if is another account.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import xlmargin as xm
from benchmarks import Row, best
from benchmarks.bench_core import AS_OF, accounts, options
from benchmarks.bench_tiered import JOBS, book_of, market_of, table
from xlmargin.book import Book
from xlmargin.decide.moves import named
from xlmargin.decide.trades import Trades, marks, traded
from xlmargin.decide.worlds import moved_session
from xlmargin.repricing import Repricer

BASKETS, HELD, LISTED = 20_000, 200, 1_000
ACCOUNTS = 10_000
LEGS = int(os.environ.get("XLMARGIN_BENCH_LEGS", "100000"))
USDM, DERIVE, BYBIT = "binance.usdm", "derive.portfolio", "bybit.portfolio"
SAMPLE = 20


def desk(held: int = HELD) -> tuple[Book, xm.Market]:
    """An account of ``held`` options among the market's 1,000, with cash."""
    listed = options(LISTED)
    rng = np.random.default_rng(7)
    positions = {"instrument": listed["instrument"][:held], "quantity": rng.normal(size=held).round(2)}
    cash, assets = {"asset": ["USDC"], "amount": [1e6]}, {"asset": ["USDC"], "price": [1.0]}
    return xm.tables(positions=positions, balances=cash, assets=assets, instruments=listed, as_of=AS_OF)


def baskets(count: int = BASKETS, legs: int = 2) -> dict[str, np.ndarray]:
    """Baskets of two trades each among the listed options, at the mark."""
    rng = np.random.default_rng(8)
    names = np.array([f"option {n}" for n in range(LISTED)], object)
    return {
        "basket": np.repeat(np.arange(count), legs).astype(str).astype(object),
        "instrument": names[rng.integers(0, LISTED, count * legs)],
        "quantity": rng.normal(size=count * legs).round(2) + 0.001,
    }


def what_ifs(held: int) -> Iterator[Row]:
    """20,000 baskets on one book, alone and against plain margins and the bare rule on as many positions."""
    (book, market), asked = desk(held), baskets()
    seconds = best(lambda: xm.what_if(book, market, DERIVE, asked), 5)
    session, checked = xm.session(book, market, DERIVE)
    rule = best(lambda: session.margin(checked.take(np.zeros(BASKETS, np.int64))), 3)
    plain = best(lambda: [xm.margin(book, market, DERIVE) for _ in range(SAMPLE)], 3) / SAMPLE * BASKETS
    job = f"20,000 baskets × {held} positions, with standalone"
    aim = "under 0.1 s" if held == HELD else ""
    yield Row(job, seconds, "loop of plain margins (sample)", seconds / plain, aim)
    remark = f"{BASKETS * held / seconds / 1e6:.1f} million positions a second; every basket is an account of its own"
    yield Row(job, seconds, "the rule alone on as many positions", seconds / rule, aim, remark)


def perps(count: int) -> xm.Margin:
    """Accounts of ten contracts each with their own leverage on Binance."""
    job = JOBS[0]
    market = market_of(job)
    params = xm.model(job.model).params(market.as_of).override("bench", **{job.table: table(job)})
    return xm.margin(book_of(market, job, count), market, job.model, params=params)


def liquidations() -> Iterator[Row]:
    """Liquidation prices of 10,000 accounts by underlying, and of many legs by instrument."""
    margin = perps(ACCOUNTS)
    session, book = margin.run.session, margin.run.book
    names = list(map(str, margin.run.market.underlying))
    moves = [named(margin.run.market, price={n: m}) for n in names[:2] for m in np.linspace(-0.5, 0.5, 5)]
    sample = best(lambda: [moved_session(session, m).run(book.take(range(SAMPLE))) for m in moves], 3) / len(moves)
    for roots in ("nearest", "all"):
        seconds = best(lambda r=roots: xm.liquidation(margin, roots=r), 3)
        looks = (18 if roots == "nearest" else 45) * 11 * ACCOUNTS / SAMPLE
        remark = "each account's ten underlyings and all together; sample scaled"
        job, against = f"10,000 accounts × 10, {roots} roots", "moved markets one by one"
        yield Row(job, seconds, against, seconds / (sample * looks), "under 2 s", remark)
    chains = xm.margin(*accounts(ACCOUNTS, 10, 5_000), DERIVE)
    seconds = best(lambda: xm.liquidation(chains, roots="nearest"), 3)
    one = best(lambda: chains.run.session.run(chains.run.book), 3)
    job = "10,000 accounts × 10 options under 36 scenarios"
    yield Row(
        job, seconds, "one margin of all accounts", seconds / one, "under 2 s", "every step reprices each account"
    )
    margin = perps(LEGS // 10)
    seconds = best(lambda: xm.liquidation(margin, by="instrument", roots="nearest"), 1)
    rule = best(lambda: margin.run.session.run(margin.run.book), 3)
    remark = f"{LEGS / seconds:,.0f} legs a second in blocks; XLMARGIN_BENCH_LEGS=1000000 runs the million"
    yield Row(f"liquidation prices of {LEGS:,} legs", seconds, "one margin of all accounts", seconds / rule, "", remark)


def chain(count: int = 500) -> tuple[Book, xm.Market, list[str]]:
    """Forty BTC options held on Bybit among others listed, and ``count`` candidates."""
    rng = np.random.default_rng(5)
    names = [f"BTC-{e}-{k}000-{t}-USDT" for e in ("25DEC26", "26MAR27") for k in range(40, 175) for t in "CP"]
    n = len(names)
    facts = {"forward": [90_000.0] * n, "iv": rng.uniform(0.45, 0.65, n), "index": [90_000.0] * n}
    assets = {"asset": ["USDT", "BTC"], "price": [1.0, 90_000.0]}
    cash = {"asset": ["USDT"], "amount": [1e7]}
    book, market = xm.tables(None, cash, {"instrument": names, **facts}, assets, as_of="2026-11-25", venue="bybit")
    market = market.with_columns(mark=marks(market))
    held = rng.choice(n, 40, replace=False)
    book = traded(book, market, Trades.of(np.zeros(40, np.int64), held, rng.normal(size=40).round(2) * 5))
    others = [name for i, name in enumerate(market.name) if i not in set(held)]
    return book, market, list(map(str, others[:count]))


def programme() -> Iterator[Row]:
    """A hedge among 500 candidates under 33 scenarios, freely and in lots of few, against one margin a candidate."""
    book, market, names = chain()
    free = {"instrument": names, "cost": [1000.0] * len(names), "most": [0.2] * len(names)}
    lots = free | {"cost": [50.0] * len(names), "most": [0.5] * len(names), "lot": [0.01] * len(names)}
    plain = best(lambda: [xm.margin(book, market, BYBIT) for _ in range(SAMPLE)], 3) / SAMPLE * len(names)
    for words, asked, most in (("", free, 0), (", at most six in lots", lots, 6)):
        seconds = best(lambda a=asked, m=most: xm.hedges(book, market, BYBIT, a, most_trades=m), 3)
        found = xm.hedges(book, market, BYBIT, asked, most_trades=most)
        job = f"hedge among {len(names)} candidates × 33 scenarios{words}"
        yield Row(job, seconds, "one plain margin a candidate", seconds / plain, "under 1 s", found.words)


def live() -> Iterator[Row]:
    """5,000 instruments of which one in a hundred changed: prices made in part, and a whole round from the files."""
    listed, rng = options(5_000), np.random.default_rng(9)
    holders = np.repeat([f"a{n}" for n in range(2_000)], 10)
    positions = {"account": holders, "instrument": listed["instrument"].to_numpy()[rng.integers(0, 5_000, 20_000)]}
    tables = {
        "positions": pd.DataFrame(positions | {"quantity": rng.normal(size=20_000).round(3)}),
        "balances": pd.DataFrame({"account": holders[::10], "asset": "USDC", "amount": 1e5}),
        "assets": pd.DataFrame({"asset": ["USDC"], "price": [1.0]}),
        "instruments": listed,
    }
    session, _ = xm.session(*xm.tables(**tables, as_of=AS_OF), DERIVE)
    market, step = session.market, session.model.prepare_step
    which = np.isin(np.arange(len(market)), rng.choice(len(market), len(market) // 100, replace=False))
    moved = market.with_columns(iv=np.where(which, market["iv"] * 1.01, market["iv"]))
    state, count = Repricer.of(session).again(moved, which)
    part = best(lambda: state.again(moved, which), 9)
    whole = best(lambda: step(moved, session.params, session.ready.options), 9)
    yield Row("1 % of 5,000 options repriced", part, "all of them", part / whole, "", f"{count} priced again")
    with tempfile.TemporaryDirectory() as folder:
        yield _round(Path(folder), tables)


def _round(folder: Path, tables: dict[str, pd.DataFrame]) -> Row:
    """A round of the live loop after one option in a hundred changed, against reading and margining all again."""

    def save(_seconds: float = 0.0) -> None:
        some = tables["instruments"].index[::100]
        tables["instruments"].loc[some, "iv"] *= 1.001
        for name, rows in tables.items():
            rows.to_csv(folder / f"{name}.csv", index=False)

    save()
    rounds = xm.watch(folder, DERIVE, as_of=AS_OF, pause=save)
    next(rounds)
    told: list[xm.Change] = []
    seconds = best(lambda: told.append(next(rounds)), 7)
    saving = best(save, 7)
    again = best(lambda: xm.margin(*xm.read(folder, as_of=AS_OF, venue=DERIVE), DERIVE).frame(), 7)
    remark = f"{len(told[-1].touched):,} of 2,000 accounts touched; most of both is reading the files"
    return Row("a save seen by watch", seconds - saving, "read and margin all", (seconds - saving) / again, "", remark)


def rows() -> Iterator[Row]:
    """Baskets on 10 and 200 positions, liquidation prices, a hedge programme, the live loop."""
    yield from what_ifs(10)
    yield from what_ifs(HELD)
    yield from liquidations()
    yield from programme()
    yield from live()
