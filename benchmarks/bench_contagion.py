"""Contagion over 10,000 accounts at 20 venues: seconds, growth with accounts, against margins one by one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

import xlmargin as xm
from benchmarks import Row, best
from xlmargin.decide.contagion import contagion

AS_OF = 1_790_000_000
SPOT = {"BTC": 84_000.0, "ETH": 2_600.0, "SOL": 150.0}
MODELS = ("derive.portfolio", "binance.usdm", "deribit.cross_portfolio", "hyperliquid.cross", "aave.v3")
OPTIONS = ("derive.portfolio", "deribit.cross_portfolio")
VENUES = 20
SHOCK = {"price": {"BTC": -0.12, "ETH": -0.15, "SOL": -0.2}, "vol": {"BTC": 0.3, "ETH": 0.3}}
SAMPLE = 200


def instruments() -> pd.DataFrame:
    """Perpetuals of three venues and options of two on the coins."""
    rows = []
    for coin, spot in SPOT.items():
        common = {"underlying": coin, "index": spot, "mark": spot, "index_confidence": 1.0, "confidence": 1.0}
        rows.append({"instrument": f"{coin}USDT", "kind": "perp", "settle": "USDT", "quote": "USDT", **common})
        rows.append({"instrument": f"{coin} perp H", "kind": "perp", "settle": "USDC", "quote": "USDC", **common})
        if coin != "SOL":
            rows.append({"instrument": f"{coin} perp D", "kind": "perp", "settle": "USDC", "quote": "USDC", **common})
            rows += [_option(coin, spot, n, venue) for n in range(40) for venue in ("derive", "deribit")]
    return pd.DataFrame(rows)


def _option(coin: str, spot: float, n: int, venue: str) -> dict[str, object]:
    inverse = venue == "deribit"
    strike, call = spot * (0.7 + 0.03 * (n // 2)), n % 2 == 0
    own = {"instrument": f"{coin} {n} {venue}", "kind": "option", "underlying": coin, "inverse": inverse}
    own |= {
        "settle": coin if inverse else "USDC",
        "quote": coin if inverse else "USD",
        "mark": 0.05 if inverse else np.nan,
    }
    own |= {"expiry": AS_OF + 86_400 * (9, 30, 60)[n % 3], "strike": strike, "option_type": "C" if call else "P"}
    return own | {"iv": 0.6, "forward": spot, "index": spot, "rate": 0.0, "confidence": 1.0, "index_confidence": 1.0}


def tables(accounts: int, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Accounts spread evenly over the venues, about ten positions or balances each, leveraged three to twelve times."""
    rng = np.random.default_rng(seed)
    listed = instruments()
    venue = np.arange(accounts) % VENUES
    model = np.array(MODELS)[venue % len(MODELS)]
    spot = listed["underlying"].map(SPOT).to_numpy()
    names = listed["instrument"].to_numpy()
    fits = {m: np.flatnonzero(_fits(listed, m)) for m in MODELS}
    scope = np.where(rng.random(accounts) < 0.5, "BTC", "ETH")
    positions, balances = [], []
    for a in range(accounts):
        own, name = fits[model[a]], f"a{a}"
        cash = float(rng.lognormal(10, 1))
        if model[a] == "aave.v3":
            balances += [(name, "WETH", cash / 2_600, "supplied"), (name, "WBTC", cash / 84_000, "supplied")]
            balances.append((name, "USDC", cash * 2 * float(rng.uniform(0.2, 0.74)), "loan"))
            continue
        if model[a] == "derive.portfolio":
            own = own[listed["underlying"].to_numpy()[own] == scope[a]]
        chosen = rng.choice(own, min(10, len(own)), replace=False)
        most = 30.0 if model[a] in OPTIONS else 9.0
        size = cash * rng.uniform(0.2, most) / len(chosen) * rng.normal(0.6, 1.0, len(chosen))
        for i, usd in zip(chosen, size, strict=True):
            positions.append((name, names[i], round(usd / spot[i], 6) or 0.001, 10.0))
        balances.append((name, "USDT" if model[a] == "binance.usdm" else "USDC", cash, "wallet"))
    held = pd.DataFrame(positions, columns=["account", "instrument", "quantity", "leverage"])
    marks = dict(zip(names, listed["mark"], strict=True))
    option = held["instrument"].map(dict(zip(names, listed["kind"] == "option", strict=True)))
    held["entry_price"] = held["instrument"].map(marks).where(~option)
    names = [f"a{a}" for a in range(accounts)]
    return {
        "positions": held,
        "balances": pd.DataFrame(balances, columns=["account", "asset", "amount", "kind"]),
        "instruments": listed,
        "assets": pd.DataFrame(
            {
                "asset": ["USDT", "USDC", "BTC", "ETH", "SOL", "WETH", "WBTC"],
                "price": [1.0, 1.0, *SPOT.values(), SPOT["ETH"], SPOT["BTC"]],
                "follows": ["", "", "", "", "", "ETH", "BTC"],
            }
        ),
        "accounts": pd.DataFrame({"account": names, "venue": [f"venue {v}" for v in venue], "manager": scope}),
    }


def _fits(listed: pd.DataFrame, model: str) -> pd.Series:
    name, option = listed["instrument"], listed["kind"] == "option"
    if model == "derive.portfolio":
        return option & name.str.endswith("derive") | name.str.endswith("perp D")
    if model == "binance.usdm":
        return name.str.endswith("USDT")
    if model == "hyperliquid.cross":
        return name.str.endswith("perp H")
    return option & name.str.endswith("deribit")


def venues() -> dict[str, str]:
    """The model of each venue."""
    return {f"venue {v}": MODELS[v % len(MODELS)] for v in range(VENUES)}


def depth(scale: float) -> pd.DataFrame:
    """USD that move each coin by 1 %, growing with the accounts."""
    return pd.DataFrame({"underlying": list(SPOT), "depth": [scale * d for d in (900.0, 600.0, 300.0)]})


def rows() -> Iterator[Row]:
    """The whole contagion at 10,000 accounts, growth from 2,500, and a loop of margins over a sample of accounts."""
    taken = {}
    for count in (2_500, 10_000):
        book, market = xm.tables(**tables(count), as_of=AS_OF)
        run = lambda b=book, m=market, n=count: contagion(b, m, venues(), SHOCK, depth=depth(n))  # noqa: E731
        taken[count], found = best(run, 3), run()
    rounds, margined = len(found.told), sum(s.margined for s in found.cohorts)
    told = f"{rounds} rounds, {int((found.broke >= 0).sum()):,} break, rule run on {margined:,} rows"
    yield Row("contagion, 10,000 accounts at 20 venues", taken[10_000], aim="≤ 10 s", remark=told)
    growth = taken[10_000] / taken[2_500]
    yield Row("contagion, growth from 2,500 accounts", taken[2_500], "4 times the accounts", growth / 4, "about 1")
    chosen = np.random.default_rng(1).choice(len(book), SAMPLE, replace=False)
    by = venues()
    of = [by[str(book.settings["venue"][r])] for r in chosen]
    loop = lambda: [xm.margin(book.take([r]), market, m, workers=1) for r, m in zip(chosen, of, strict=True)]  # noqa: E731
    one = best(loop, 2) / SAMPLE * margined
    yield Row(
        "the same margins one by one",
        one,
        "contagion",
        taken[10_000] / one,
        remark=f"from a sample of {SAMPLE} accounts",
    )
