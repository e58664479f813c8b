"""Desks with accounts at several venues that all take the same BTC contracts: prices from one curve."""

import numpy as np
import pandas as pd

import xlmargin as xm
from xlmargin.pricing import YEAR, black76

AS_OF = 1_790_000_000.0
SPOT, FORWARD, EXPIRY = 83_500.0, 84_200.0, "2026-12-25T08:00Z"
TENOR = (1_798_185_600.0 - AS_OF) / YEAR
MODELS = {"derive": "derive.portfolio", "deribit": "deribit.portfolio", "bybit": "bybit.portfolio"}
VENUE = {"D": "derive", "R": "deribit", "Y": "bybit"}
PERP = "BTC-PERP"
ASSETS = {"asset": ["USDC", "BTC"], "price": [1.0, SPOT]}


def option(strike, kind):
    return f"BTC-20261225-{strike}-{kind}"


def instruments(strikes=(70_000, 80_000, 84_000, 90_000, 100_000), **more):
    """The perpetual and options at one expiry, marked by Black-76."""
    common = {"index": SPOT, "index_confidence": 1.0, "confidence": 1.0, "underlying": "BTC", "settle": "USDC"}
    common |= {"quote": "USDC", **more}
    rows = [{"instrument": PERP, "kind": "perp", "mark": SPOT + 40.0, **common}]
    for strike in strikes:
        vol = 0.5 + abs(strike / SPOT - 1) * 0.3
        for kind in "CP":
            mark = float(black76(FORWARD, strike, vol * np.sqrt(TENOR), kind == "C"))
            own = {"forward": FORWARD, "iv": vol, "rate": 0.0, "mark": mark}
            own |= {"kind": "option", "strike": strike, "option_type": kind, "expiry": EXPIRY}
            rows.append({"instrument": option(strike, kind), **own, **common})
    return pd.DataFrame(rows)


def desk(positions, accounts=VENUE, cash=50_000.0, listed=None, **columns):
    """A book of (account, instrument, quantity) and the market; ``columns`` are further columns of accounts."""
    held = pd.DataFrame(positions, columns=["account", "instrument", "quantity"])
    table = {"account": list(accounts), "venue": list(accounts.values()), **columns}
    balances = {"asset": "USDC", "amount": cash, "account": list(accounts)}
    return xm.tables(
        positions=held,
        balances=pd.DataFrame(balances) if cash else None,
        instruments=instruments() if listed is None else listed,
        assets=ASSETS,
        accounts=table,
        as_of=AS_OF,
    )


def random_positions(rng, count, accounts="DRY"):
    """Positions spread over accounts, options and the perpetual, no instrument twice in an account."""
    names = instruments()["instrument"].tolist()
    chosen = rng.choice(len(names) * len(accounts), count, replace=False)
    return [
        (accounts[c % len(accounts)], names[c // len(accounts)], round(float(rng.normal() * 3), 2) or 1.0)
        for c in chosen
    ]


def required(positions, accounts=VENUE, level="initial", models=MODELS):
    """What all accounts require together, each margined by itself from tables of its own."""
    total = 0.0
    for account, venue in accounts.items():
        own = [p for p in positions if p[0] == account]
        if own:
            book, market = desk(own, {account: venue})
            total += float(getattr(xm.margin(book, market, models[venue]), level).value.sum())
    return total


COIN_MODELS = {"hyperliquid": "hyperliquid.cross", "dydx": "dydx.cross"}


def coins(cases, case):
    """An account H at Hyperliquid and X at dYdX with a BTC perpetual, of a case worked by hand."""
    accounts, mark = {"H": "hyperliquid", "X": "dydx"}, cases["mark"]
    entry = case.get("entry", {})
    positions = [
        {"account": a, "instrument": "BTC", "quantity": q, "leverage": lev or None, "entry_price": entry.get(a, mark)}
        for a, q, lev in case["positions"]
    ]
    cash = case.get("cash", {"H": 1e6, "X": 1e6})
    balances = [{"account": a, "asset": "USDC", "amount": amount} for a, amount in cash.items()]
    listed = {"instrument": ["BTC"], "kind": ["perp"], "underlying": ["BTC"], "settle": ["USDC"], "mark": [mark]}
    return xm.tables(
        positions=pd.DataFrame(positions),
        balances=pd.DataFrame(balances),
        instruments=listed | {"index": [mark]},
        assets={"asset": ["USDC"], "price": [1.0]},
        accounts={"account": list(accounts), "venue": list(accounts.values())},
        as_of=cases["as_of"],
    )
