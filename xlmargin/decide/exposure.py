"""What a book is exposed to: net and gross by underlying, expiry and asset, greeks, and what offsets what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..book import Book, added
from ..collateral import option_value, unrealised
from ..ledger import Margin
from ..lending import signed
from ..market import OPTION, SENSITIVITY, Market
from ..pricing import YEAR, greeks
from .axis import UNDERLYING, Axis
from .moves import groups, has_price, movable, refuse_unpriced
from .shown import Shown, tabled
from .subject import on_margin
from .trades import marks

PER_PERCENT, PER_POINT = 0.01, 0.01


@dataclass(frozen=True, eq=False)
class Greeks:
    """Per contract (I,): delta in coins; in USD the delta's value, gamma a 1 % move, vega a point, theta a day.

    An option's delta is the undiscounted delta to its forward, N(d1) of a call and N(d1) − 1 of a put (Black-76): a
    venue that discounts it shows e^(−rT) times that.
    """

    delta: np.ndarray
    delta_usd: np.ndarray
    gamma: np.ndarray
    vega: np.ndarray
    theta: np.ndarray
    price: np.ndarray

    @classmethod
    def of(cls, market: Market) -> Greeks:
        """Futures count their size (inverse: size ÷ mark), options Black-76; sensitivities have none and count zero.

        gamma: change of the USD delta when the price moves by 1 %; vega: USD a volatility point (0.01).
        """
        group = groups(market)[1]
        level = Axis.of(market, UNDERLYING).level[group]
        usd = level * _quote(market)
        option = market.kind == OPTION
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.where(market.inverse & ~option, market["contract_size"] / market["mark"], market["contract_size"])
            g = greeks(market.forward(), market["strike"], market["iv"], market.seconds / YEAR, market.call)
        size = np.where(market.kind == SENSITIVITY, 0.0, size)
        dollars = lambda own: np.where(option, size * own * _quote(market), 0.0)  # noqa: E731
        delta = np.where(option, size * g["delta"], size)
        curve = g["gamma"] * market.forward() * level * PER_PERCENT
        return cls(delta, delta * usd, dollars(curve), dollars(g["vega"] * PER_POINT), dollars(g["theta"]), level)


def _quote(market: Market) -> np.ndarray:
    """USD per unit of the currency in which each instrument is quoted (I,); 1 where it is not known."""
    price = dict(zip(map(str, market.assets), market.price, strict=True))
    quote = market.texts.get("quote")
    settle = np.append(market.assets, "")[market.settle]
    names = settle if quote is None else np.where(quote == "", settle, quote)
    found = np.array([price.get(str(n), np.nan) for n in names], np.float64)
    return np.where(np.isnan(found) | (market.inverse & (names == settle)), 1.0, found)


@dataclass(frozen=True, eq=False, repr=False)
class Exposure(Shown):
    """A row per pool and underlying (N,), further tables by expiry and by asset, and what offsets what."""

    margin: Margin
    greeks: Greeks
    row: np.ndarray
    columns: dict[str, np.ndarray]

    def frame(self) -> Any:
        """By pool and underlying: long, short, net, what offsets, greeks, share of the pool's gross."""
        import pandas as pd

        return pd.DataFrame(self.columns)

    @tabled
    def by_expiry(self) -> Any:
        """By pool, underlying and expiry: delta and greeks; perpetuals and spot stand without expiry."""
        import pandas as pd

        market, legs = self.margin.run.market, self.margin.run.book.legs
        expiry = market["expiry"][legs.instrument]
        _, place = np.unique(np.nan_to_num(expiry, nan=-1.0), return_inverse=True)
        names, group = groups(market)
        key = (legs.row * max(len(names), 1) + group[legs.instrument]) * (int(place.max(initial=0)) + 1) + place
        _, first, number = np.unique(key, return_index=True, return_inverse=True)
        own = {
            "account": self.margin.account[legs.row[first]],
            "pool": self.margin.pool[legs.row[first]],
            "underlying": names[group[legs.instrument[first]]] if len(names) else [],
            "expiry": pd.to_datetime(expiry[first], unit="s", utc=True),
        }
        for name in ("delta", "delta_usd", "gamma", "vega", "theta"):
            own[name] = added(number, legs.quantity * getattr(self.greeks, name)[legs.instrument], len(first))
        return pd.DataFrame(own)

    @tabled
    def by_asset(self) -> Any:
        """By pool and asset: balance, results and option value settled in it, and their sum in USD."""
        import pandas as pd

        book, market = self.margin.run.book, self.margin.run.market
        width = len(market.assets)
        settle = market.settle[book.legs.instrument]
        known = settle >= 0
        legs_key = (book.legs.row * width + settle)[known]
        cash_key = book.cash.row * width + book.cash.asset
        keys = np.unique(np.concatenate([cash_key, legs_key]))
        row, asset = np.divmod(keys, max(width, 1))
        total = lambda key, amounts: added(np.searchsorted(keys, key), amounts, len(keys))  # noqa: E731
        result = unrealised(book, market) * (market.kind[book.legs.instrument] != OPTION)
        own = {
            "balance": total(cash_key, signed(book)),
            "result": total(legs_key, result[known]),
            "options": total(legs_key, option_value(book, market.with_columns(mark=marks(market)))[known]),
        }
        amount = own["balance"] + own["result"] + own["options"]
        worth = {"amount": amount, "usd": amount * market.price[asset]}
        who = {"account": self.margin.account[row], "pool": self.margin.pool[row], "asset": market.assets[asset]}
        return pd.DataFrame(who | own | worth)

    @tabled
    def offsets(self) -> Any:
        """Which long stands against which short: pairs by pool and underlying, the largest deltas first."""
        import pandas as pd

        columns = ("account", "pool", "underlying", "long", "short", "coins", "usd")
        return pd.DataFrame(list(_pairs(self)), columns=list(columns))

    def concentration(self) -> np.ndarray:
        """Herfindahl index of gross USD delta over underlyings by row (R,): 1 is a single one, NaN where nothing."""
        gross, rows = self.columns["gross_usd"], len(self.margin.account)
        total, squares = added(self.row, gross, rows), added(self.row, gross**2, rows)
        return np.divide(squares, total**2, out=np.full(rows, np.nan), where=total > 0)


@on_margin
def exposure(margin: Margin) -> Exposure:
    """What each pool is exposed to, by underlying.

    Columns: ``long``, ``short`` and ``net`` delta in coins (an option's is undiscounted, to its forward: N(d1) of a
    call, N(d1) − 1 of a put), ``offset`` = min(long, short), ``collateral`` coins held
    as balances, their USD, gamma (USD delta a 1 % move), vega (USD a point), theta (USD a day), share of gross USD
    delta. Positions given as sensitivities have no delta.
    """
    book, market = margin.run.book, margin.run.market
    unit = Greeks.of(market)
    refuse_unpriced(market, book)
    group = groups(market)[1]
    targets = Axis.of(market, UNDERLYING)
    labels = targets.names[:-1]
    held = _by_target(book, market, unit, group, labels, targets.level[:-1])
    order = np.lexsort((labels.astype(str)[held["target"]], held["row"])) if len(labels) else np.zeros(0, np.int64)
    held = {name: values[order] for name, values in held.items()}
    row, target = held.pop("row"), held.pop("target")
    gross = added(row, held["gross_usd"], len(book))
    return Exposure(
        margin,
        unit,
        row,
        {
            "account": margin.account[row],
            "pool": margin.pool[row],
            "underlying": labels[target],
            "price": targets.level[:-1][target],
            **held,
            "share": np.divide(held["gross_usd"], gross[row], out=np.zeros(len(row)), where=gross[row] > 0),
        },
    )


def _by_target(
    book: Book, market: Market, unit: Greeks, group: np.ndarray, labels: np.ndarray, level: np.ndarray
) -> dict[str, np.ndarray]:
    legs, cash, width = book.legs, book.cash, max(len(labels), 1)
    number = {name: t for t, name in enumerate(labels)}
    of_asset = np.array([number.get(a, -1) for a in market.leader], np.int64)
    coins = np.where(market.assets == market.leader, 1.0, market.price / np.append(level, np.nan)[of_asset])
    coin, priced = of_asset[cash.asset], has_price(market)[legs.instrument]
    leg_key, cash_key = legs.row * width + group[legs.instrument], cash.row * width + coin
    coin[~movable(market)[cash.asset] & ~np.isin(cash_key, leg_key[priced])] = -1
    cash_key = cash_key[coin >= 0]
    keys = np.unique(np.concatenate([leg_key, cash_key]))
    total = lambda key, amounts: added(np.searchsorted(keys, key), amounts, len(keys))  # noqa: E731
    delta = legs.quantity * unit.delta[legs.instrument]
    dollars = legs.quantity * unit.delta_usd[legs.instrument]
    long, short = total(leg_key, np.maximum(delta, 0.0)), total(leg_key, np.maximum(-delta, 0.0))
    balance, asset = signed(book)[coin >= 0], cash.asset[coin >= 0]
    row, target = np.divmod(keys, width)
    return {
        "row": row,
        "target": target,
        "long": long,
        "short": short,
        "net": total(leg_key, delta),
        "offset": np.minimum(long, short),
        "collateral": total(cash_key, balance * coins[asset]),
        "net_usd": total(leg_key, dollars),
        "gross_usd": total(leg_key, np.abs(dollars)),
        "with_collateral_usd": total(leg_key, dollars) + total(cash_key, balance * market.price[asset]),
        **{k: total(leg_key, legs.quantity * getattr(unit, k)[legs.instrument]) for k in ("gamma", "vega", "theta")},
    }


def _pairs(found: Exposure) -> Iterator[tuple[Any, ...]]:
    """Longs against shorts of one pool and underlying, each the largest left, until one side is used up."""
    margin, unit = found.margin, found.greeks
    legs, market = margin.run.book.legs, margin.run.market
    names, group = groups(market)
    delta = legs.quantity * unit.delta[legs.instrument]
    key = legs.row * max(len(names), 1) + group[legs.instrument]
    for k in np.unique(key[delta != 0]):
        own = np.flatnonzero((key == k) & (delta != 0))
        own = own[np.argsort(-np.abs(delta[own]), kind="stable")]
        longs, shorts = ([h for h in own if sign * delta[h] > 0] for sign in (1, -1))
        left = {h: abs(delta[h]) for h in own}
        while longs and shorts:
            a, b = longs[0], shorts[0]
            coins = min(left[a], left[b])
            i, j, r = legs.instrument[a], legs.instrument[b], legs.row[a]
            worth = coins * abs(unit.delta_usd[i] / unit.delta[i])
            yield margin.account[r], margin.pool[r], names[group[i]], market.name[i], market.name[j], coins, worth
            for side, h in ((longs, a), (shorts, b)):
                left[h] -= coins
                if left[h] <= 0:
                    side.pop(0)
