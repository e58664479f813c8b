"""OKX risk units: one an underlying, its derivatives over all settlements and the spot that hedges them.

Terms by unit: MR1 price and volatility, MR4 basis, MR6 extreme move, MR7 minimum charge, MR9 stablecoins.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...collateral import spread
from ...ledger import Line
from ...market import OPTION, Market
from ...params import Params
from ...pricing import YEAR, black76, greeks
from ...risk import scan, worst
from ...tiers import Tiers, ratios
from .account import Account

STABLE = ("USDT", "USDC")


def prepared(market: Market, p: Params) -> dict[str, Any]:
    """What units need and holdings do not change: results of one contract in every scenario, deltas, rates."""
    read = p.on(market.scopes)
    some = len(market.scopes) > 0
    up = np.array(read("moves"), np.float64) if some else np.zeros((0, 3))
    moves = np.concatenate([-up[:, ::-1], np.zeros((len(up), 1)), up], axis=1)
    extreme = read("extreme") if some else np.zeros(0)
    columns = np.hstack([np.repeat(moves, 3, axis=1), -extreme[:, None], extreme[:, None]])
    vol = np.stack([1.0 - read("vol_down"), np.ones(len(up)), 1.0 + read("vol_up")], axis=1) if some else up
    vol = np.hstack([np.tile(np.nan_to_num(vol, nan=1.0), (1, moves.shape[1])), np.ones((len(up), 2))])
    scaling = ratios(dict(zip(market.scopes, read("scaling") if some else (), strict=True)), "okx.portfolio scaling")
    return {
        "read": read if some else (lambda key: np.zeros(0)),
        "columns": columns,
        "unit": _results(market, columns, vol),
        "delta": _deltas(market),
        "expiry_of": market.group("scope", "expiry")[0],
        "scaling": scaling,
        "hedged": Tiers.of(_pairs(p["hedged"]), "okx.portfolio hedged"),
        "spot_asset": market.asset_of_scope(market.scopes),
        "stable_of": _stable(market),
    }


def _pairs(rows: list[list[float]]) -> dict[str, list[Any]]:
    return {"key": ["hedged"] * len(rows), "floor": [r[0] for r in rows], "rate": [r[1] for r in rows]}


def _stable(market: Market) -> np.ndarray:
    """What each instrument's cash delta is in (I,): 0 USDT, 1 USDC, 2 USD and the coin."""
    settle = np.append(market.assets, "").astype(str)[market.settle]
    return np.select([settle == s for s in STABLE], range(len(STABLE)), 2)


def _dollars(market: Market) -> np.ndarray:
    """USD per unit of the quote currency of each instrument (I,): inverse contracts are quoted in USD."""
    return np.where(market.inverse, 1.0, market.settle_price())


def _results(market: Market, columns: np.ndarray, vol: np.ndarray) -> np.ndarray:
    """USD result of one contract (I, S): linear size · index · move; inverse size · move (coin at the moved price)."""
    index = market.on_scope("index")[market.scope] if len(market.scopes) else np.zeros(len(market))
    moves = columns[market.scope]
    size = market["contract_size"] * _dollars(market)
    unit = moves * np.where(market.inverse, size, size * index)[:, None]
    o = np.flatnonzero(market.kind == OPTION)
    if len(o):
        root = np.sqrt(np.nan_to_num(market.seconds[o]) / YEAR)[:, None]
        forward, strike, iv = (market[c][o, None] for c in ("forward", "strike", "iv"))
        call, shocked = market.call[o, None], iv * vol[market.scope[o]]
        before = black76(forward, strike, iv * root, call)
        unit[o] = size[o, None] * (black76(forward * (1.0 + moves[o]), strike, shocked * root, call) - before)
    return unit


def _deltas(market: Market) -> np.ndarray:
    """USD delta of one contract at its mark (I,), options by Black-76 on the forward."""
    size = market["contract_size"] * _dollars(market)
    delta = np.where(market.inverse, size, size * market["mark"])
    o = np.flatnonzero(market.kind == OPTION)
    if len(o):
        tau = np.nan_to_num(market.seconds[o]) / YEAR
        slope = greeks(market["forward"][o], market["strike"][o], market["iv"][o], tau, market.call[o])["delta"]
        delta[o] = size[o] * slope * market["forward"][o]
    return delta


class Units:
    """The risk units of a book: a net (N,) an account and underlying, with each term in USD."""

    def __init__(self, account: Account) -> None:
        book, ready, market = account.book, account.ready, account.market
        i = book.legs.instrument
        self.account, self.book, self.ready, self.market, self.held = account, book, ready, market, account.held
        self.nets = book.split(market.scope)
        self.group, self.row = self.nets.group, self.nets.row
        self.delta = book.legs.quantity * ready.delta[i]
        self.index = market.on_scope("index")[self.group] if len(self.nets) else np.zeros(0)
        self.spot = self._spot_in_use()
        self.pnl = scan(self.nets, ready.unit)
        used = np.flatnonzero(self.spot)
        self.pnl[used] += (self.spot * self.index)[used, None] * ready.columns[self.group[used]]
        least, self.at_mr1 = worst(self.pnl[:, :-2]) if len(self.nets) else (np.zeros(0), np.zeros(0, int))
        self.mr1 = np.maximum(-least, 0.0)
        self.at_mr6 = np.where(self.pnl[:, -2] <= self.pnl[:, -1], -2, -1) + self.pnl.shape[1]
        share = ready.params["extreme_share"]
        self.mr6 = np.maximum(-np.minimum(self.pnl[:, -2], self.pnl[:, -1]), 0.0) * share
        self.mr4_legs = self._basis()
        self.mr4 = self.nets.sum(self.mr4_legs)
        self.raw_legs = np.abs(self.delta) * self.of("minimum")[self.nets.net]
        self.mr7 = ready.scaling.marginal(self.nets.sum(self.raw_legs), ready.scaling.find(market.scopes)[self.group])
        self.mr9 = ready.hedged.marginal(self._hedged(), np.zeros(len(self.nets), np.int64))

    def of(self, key: str) -> np.ndarray:
        """A parameter by unit (N,)."""
        return self.ready.read(key)[self.group] if len(self.nets) else np.zeros(0)

    def _spot_in_use(self) -> np.ndarray:
        """Coins (N,) of the unit's own spot that offset its derivatives' delta, no further than they hedge."""
        asset = self.ready.spot_asset[self.group]
        owned = np.where(asset >= 0, self.held[self.row, asset], 0.0) if self.held.shape[1] else np.zeros(len(asset))
        need = -self.nets.sum(self.delta) / self.index
        return np.where(owned * need > 0, np.sign(need) * np.minimum(np.abs(owned), np.abs(need)), 0.0)

    def _basis(self) -> np.ndarray:
        """MR4 of each leg (H,): its share of |net delta of its expiry| · rate, the rate growing with time to expiry."""
        expiries = self.book.split(self.ready.expiry_of)
        i = self.book.legs.instrument
        years = np.nan_to_num(self.market.seconds)[i] / YEAR
        rate = np.maximum(self.of("basis")[self.nets.net], self.of("basis_annual")[self.nets.net] * years)
        return np.sign(expiries.sum(self.delta))[expiries.net] * self.delta * rate

    def _hedged(self) -> np.ndarray:
        """USD size (N,) of legs in one settlement that hedge legs in another: USDT-USD, USDT-USDC, USDC-USD in turn."""
        kind = self.ready.stable_of[self.book.legs.instrument]
        left = [self.nets.sum(np.where(kind == k, self.delta, 0.0)) for k in range(3)]
        total = np.zeros(len(self.nets))
        for a, b in ((0, 2), (0, 1), (1, 2)):
            size = np.where(left[a] * left[b] < 0, np.minimum(np.abs(left[a]), np.abs(left[b])), 0.0)
            total += size
            left[a], left[b] = left[a] - np.sign(left[a]) * size, left[b] - np.sign(left[b]) * size
        return total

    def stress(self, name: str, column: np.ndarray, share: np.ndarray, **words: str) -> Line:
        """Loss of every unit at its ``column`` (N,) times ``share`` (N,), leg by leg and on the spot in use."""
        legs, net = self.book.legs, self.nets.net
        loss = -legs.quantity * self.ready.unit[legs.instrument, column[net]] * share[net]
        unit, used = np.zeros_like(self.held), np.flatnonzero(self.spot)
        row, asset = self.row[used], self.ready.spot_asset[self.group[used]]
        move = self.ready.columns[self.group[used], column[used]]
        unit[row, asset] = (-self.spot * self.index * share)[used] * move / self.held[row, asset]
        amount, results = self.account.amount, self.account.results
        used_spot = spread("Spot in use", self.book, self.market, amount, results, unit)
        return Line.total(name, Line.of("Derivatives", self.book, loss), used_spot, **words)

    def on_legs(self, amount: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """An amount per unit (N,) laid on its legs (H,) by ``weight`` (H,) ≥ 0."""
        total = self.nets.sum(weight)
        each = np.divide(amount, total, out=np.zeros(len(total)), where=total > 0)
        return weight * each[self.nets.net]
