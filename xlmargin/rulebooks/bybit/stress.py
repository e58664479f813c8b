"""Bybit's risk units: the stress grid of one underlying over prices and volatilities, spot counted where it hedges."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...collateral import spread
from ...ledger import Grid, Line
from ...market import OPTION, Market
from ...params import Params
from ...pricing import YEAR, black76
from ...registry import Ready
from ...risk import largest, scan, worst
from .account import Account

DAY = 86400.0
REFERENCE_DAYS = 30.0


def prepared(market: Market, p: Params) -> dict[str, Any]:
    """Results of one contract in every scenario (I, P·3), price first, volatility up, same, down."""
    some = len(market.scopes) > 0
    read = p.on(market.scopes)
    moves = np.array(read("moves"), np.float64) if some else np.zeros((0, 1))
    dollars = np.where(market.inverse, 1.0, market.settle_price())
    size = market["contract_size"] * dollars
    worth = np.where(market.inverse, size, size * market["mark"])
    unit = np.repeat(worth[:, None] * moves[market.scope], 3, axis=1)
    o = np.flatnonzero(market.kind == OPTION)
    if len(o):
        unit[o] = size[o, None] * _options(market, read, moves, o)
    return {
        "moves": moves,
        "unit": unit,
        "expiry_of": market.group("scope", "expiry")[0],
        "spot_asset": market.asset_of_scope(market.scopes),
        "read": read if some else (lambda key: np.zeros(0)),
    }


def _options(market: Market, read: Any, moves: np.ndarray, o: np.ndarray) -> np.ndarray:
    """Black-76 at the moved forward and volatility less the mark (O, P·3); time and strike volatility stay."""
    scope, seconds = market.scope[o], np.nan_to_num(market.seconds[o])
    days = np.maximum(np.ceil(seconds / DAY), 1.0)
    reach = (REFERENCE_DAYS / days) ** read("vol_power")[scope]
    factors = [1.0 + read("vol_up")[scope] * reach, np.ones(len(o)), 1.0 - read("vol_down")[scope] * reach]
    vol = market["iv"][o, None] * np.maximum(np.tile(np.stack(factors, axis=1), (1, moves.shape[1])), 0.0)
    forward = market["forward"][o, None] * np.repeat(1.0 + moves[scope], 3, axis=1)
    total = vol * np.sqrt(seconds / YEAR)[:, None]
    value = black76(forward, market["strike"][o, None], total, market.call[o, None])
    return value - market["mark"][o, None]


class Stress:
    """The grid of a book: a net (N,) an account and underlying; the worse volatility counts at each price."""

    def __init__(self, account: Account, hedging: np.ndarray) -> None:
        book, ready, market = account.book, account.ready, account.market
        self.account, self.book, self.ready, self.market = account, book, ready, market
        self.nets = book.split(market.scope)
        self.group, self.row = self.nets.group, self.nets.row
        count, width = len(self.nets), ready.moves.shape[1]
        self.pnl = scan(self.nets, ready.unit).reshape(count, width, 3)
        self.at_vol = self.pnl.argmin(axis=2)
        derivatives = self.pnl.min(axis=2)
        index = market.on_scope("index")[self.group] if count else np.zeros(0)
        self.asset = ready.spot_asset[self.group]
        owned = account.held[self.row, self.asset] if account.held.shape[1] else np.zeros(count)
        self.owned = np.where((self.asset >= 0) & hedging[self.row], owned, 0.0)
        spot = (self.owned * index)[:, None] * ready.moves[self.group]
        self.spot = np.minimum(np.maximum(spot, 0.0), np.maximum(-derivatives, 0.0))
        self.total = derivatives + self.spot
        self.least, self.at = worst(self.total) if count else (np.zeros(0), np.zeros(0, int))
        self.loss = np.maximum(-self.least, 0.0)
        self.bound = self.loss > 0

    def column(self) -> np.ndarray:
        """Scenario (N,) that binds, as a column of the unit values."""
        at = np.arange(len(self.nets))
        return self.at * 3 + self.at_vol[at, self.at] if len(at) else np.zeros(0, np.int64)

    def line(self, **words: str) -> Line:
        """The largest loss of every unit, leg by leg and on the spot that hedges."""
        legs, net, column = self.book.legs, self.nets.net, self.column()
        loss = np.where(self.bound[net], -legs.quantity * self.ready.unit[legs.instrument, column[net]], 0.0)
        counted = self.spot[np.arange(len(self.nets)), self.at] * self.bound if len(net) else np.zeros(0)
        unit, used = np.zeros_like(self.account.held), counted > 0
        unit[self.row[used], self.asset[used]] = -counted[used] / self.owned[used]
        amounts = (self.account.amount, self.account.none)
        hedge = spread("Spot hedge", self.book, self.market, *amounts, unit)
        return Line.total("Largest loss", Line.of("Derivatives", self.book, loss), hedge, **words)

    def largest(self) -> tuple[np.ndarray, np.ndarray]:
        """Each row's unit (R,) with the largest loss and the scenario that binds there; −1 where nothing is held."""
        first = largest(self.row, self.loss, len(self.book))
        return first, np.append(self.column(), -1)[first]

    def grid(self, first: np.ndarray, which: np.ndarray) -> Grid | None:
        """Scenarios of each row's unit with the largest loss (R, P·3) and every leg's (H, P·3), in detail."""
        if not self.book.detail:
            return None
        width, some, legs = self.ready.unit.shape[1], first >= 0, self.book.legs
        price, pnl = np.zeros((len(first), width)), np.zeros((len(first), width))
        price[some] = np.repeat(self.ready.moves[self.group[first[some]]], 3, axis=1)
        pnl[some] = (self.pnl + self.spot[:, :, None])[first[some]].reshape(-1, width)
        direction = np.tile([1.0, 0.0, -1.0], width // 3)
        cells = legs.quantity[:, None] * self.ready.unit[legs.instrument]
        return Grid(np.arange(width), price, direction, np.ones(width), pnl, which, cells)


def several(stress: Stress, mark: np.ndarray) -> np.ndarray:
    """Rows (R,) with a unit that holds more than one value of ``mark`` (H,), NaN left out: settlements, expiries."""
    net, told = stress.nets.net, np.flatnonzero(~np.isnan(mark))
    first = np.full(len(stress.nets), np.nan)
    first[net[told[::-1]]] = mark[told[::-1]]
    out = np.zeros(len(stress.book), bool)
    out[stress.book.legs.row[told[mark[told] != first[net[told]]]]] = True
    return out


def short_calls_or_puts(ready: Ready, stress: Stress) -> np.ndarray:
    """Rows (R,) that hold a short option."""
    legs = stress.book.legs
    out = np.zeros(len(stress.book), bool)
    out[legs.row[(ready.market.kind[legs.instrument] == OPTION) & (legs.quantity < 0)]] = True
    return out
