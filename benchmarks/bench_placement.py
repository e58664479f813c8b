"""Where positions should stand, and one credit line over venues, against plain margins of the same accounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

import xlmargin as xm
from benchmarks import Row, best
from xlmargin.book import Book
from xlmargin.decide.across import across
from xlmargin.decide.credit import credit
from xlmargin.decide.placement import place
from xlmargin.pricing import YEAR, black76

AS_OF, EXPIRY, SPOT = 1_790_000_000.0, 1_798_185_600.0, 83_500.0
MODELS = {"derive": "derive.portfolio", "deribit": "deribit.portfolio", "bybit": "bybit.portfolio"}
FEW, MANY, OWNERS = 12, 60, 1_000


def listed(strikes: int = 50) -> pd.DataFrame:
    """Calls and puts at one expiry, marked by Black-76."""
    strike = np.linspace(0.6, 1.6, strikes).repeat(2) * SPOT
    call = np.arange(2 * strikes) % 2 == 0
    mark = black76(SPOT, strike, 0.5 * np.sqrt((EXPIRY - AS_OF) / YEAR), call)
    names = [f"{k:.0f} {'call' if c else 'put'}" for k, c in zip(strike, call, strict=True)]
    columns = {"instrument": names, "strike": strike, "option_type": np.where(call, "C", "P"), "mark": mark}
    same = {"kind": "option", "underlying": "BTC", "settle": "USDC", "quote": "USDC", "expiry": EXPIRY, "index": SPOT}
    return pd.DataFrame(columns).assign(**same, forward=SPOT, iv=0.5, rate=0.0, confidence=1.0, index_confidence=1.0)


def desk(accounts: Sequence[tuple[str, str, str]], held: int) -> tuple[Book, xm.Market]:
    """Accounts (name, venue, owner) with ``held`` options each."""
    rng, table = np.random.default_rng(1), listed()
    chosen = np.concatenate([rng.choice(len(table), held, replace=False) for _ in accounts])
    names = [name for name, _, _ in accounts]
    quantity = rng.normal(size=len(chosen)).round(2) + 0.001
    owner = np.repeat(np.array(names, object), held)
    positions = {"account": owner, "instrument": table["instrument"].to_numpy()[chosen], "quantity": quantity}
    balances = {"account": names, "asset": ["USDC"] * len(names), "amount": [50_000.0] * len(names)}
    told = pd.DataFrame(accounts, columns=["account", "venue", "owner"])
    assets = {"asset": ["USDC"], "price": [1.0]}
    tables = {"positions": positions, "balances": balances, "instruments": table, "assets": assets, "accounts": told}
    return xm.tables(**tables, as_of=AS_OF)


def rows() -> Iterator[Row]:
    """Placements of few and many positions, and lines of a thousand owners."""
    one = [(venue, venue, "desk") for venue in MODELS]
    for count in (FEW, MANY):
        book, market = desk(one, count // 3)
        found = place(book, market, MODELS)
        took = best(lambda b=book, m=market: place(b, m, MODELS), 3)
        single = best(lambda b=book, m=market: across(b, m, MODELS)) / 3
        yield Row(
            f"place {count} positions at 3 venues",
            took,
            f"{found.tried:,} plain margins",
            took / (single * found.tried),
            remark="least of all 3^12 placements" if found.exact else "exchanges",
        )
    accounts = [(f"{venue} {o}", venue, f"owner {o}") for o in range(OWNERS) for venue in MODELS]
    book, market = desk(accounts, 4)
    took = best(lambda: credit(book, market, MODELS, portfolio="derive.portfolio"), 3)
    bare = best(lambda: across(book, market, MODELS), 3)
    yield Row(f"credit of {OWNERS:,} owners at 3 venues", took, "margins of their accounts alone", took / bare)
