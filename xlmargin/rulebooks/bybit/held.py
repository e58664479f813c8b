"""A book under Bybit's risk tiers: value, hedged quantity, fee to close, tier and leverage of every leg."""

from __future__ import annotations

import numpy as np

from ...book import Book
from ...collateral import unrealised
from ...ledger import ORDERS, Line
from ...market import OPTION
from ...orders import notional as order_value
from ...orders import of_position, opening
from ...registry import Ready
from . import options
from .account import Account

ISOLATED = "isolated"


def fee_to_close(
    size: np.ndarray,
    price: np.ndarray,
    inverse: np.ndarray,
    side: np.ndarray,
    leverage: np.ndarray,
    taker: np.ndarray,
) -> np.ndarray:
    """Taker fee at the bankruptcy price of ``price``: value · (1 ∓ 1/leverage) · taker, − for longs, + if inverse.

    >>> leg = (np.array([0.006]), 37416.5, False, -1.0, 10.0, 0.00055)
    >>> fee_to_close(*leg).round(7)
    array([0.1358219])
    """
    worth = np.where(inverse, size / price, size * price)
    return worth * (1.0 + np.where(inverse, side, -side) / leverage) * taker


class Held:
    """A book under risk tiers: value, hedged quantity, fee to close, tier and leverage per leg in settlement assets."""

    def __init__(self, book: Book, ready: Ready) -> None:
        market, legs, i = ready.market, book.legs, book.legs.instrument
        self.book, self.ready, self.market = book, ready, market
        self.usd = book.settings["mode"] != ISOLATED
        self.option, self.order_kind = market.kind[i] == OPTION, market.kind[book.orders.instrument]
        price = market.settle_price()
        self.rate = np.where(self.usd[legs.row], price[i], 1.0)
        self.order_rate = np.where(self.usd[book.orders.row], price[book.orders.instrument], 1.0)
        self.size = np.where(self.option, 0.0, np.abs(legs.quantity) * market["contract_size"][i])
        self.side = np.where(legs.quantity < 0, -1.0, 1.0)
        self.hedged, self.smaller = self._hedge()
        mark, self.entry = market["mark"][i], np.where(np.isnan(legs.entry), market["mark"][i], legs.entry)
        self.inverse = market.inverse[i]
        self.valued = mark if ready.params["value_at"] == "mark" else self.entry
        self.value = self._worth(self.size, self.valued)
        naked = self._worth(np.where(self.smaller, 0.0, self.size - self.hedged), self.valued)
        at = ready.tiers.bracket(naked, ready.key[i])
        self.tier = at
        self.charge = np.where(naked > 0, naked * ready.tiers.rate[at] - ready.tiers.cum[at], 0.0)
        wished = book.settings["leverage"][legs.row]
        own = np.where(np.isnan(legs.leverage), wished, legs.leverage)
        top = ready.tiers.leverage(self.value, ready.key[i])
        self.silent = np.isnan(own) & ~self.option
        self.leverage = np.where(self.option, 1.0, np.where(np.isnan(own), top, own))
        taker = book.settings["taker"]
        self.taker = np.where(np.isnan(taker), ready.params["taker"], taker)
        closed = self.size + self.hedged
        self.fee = fee_to_close(closed, self.entry, self.inverse, self.side, self.leverage, self.taker[legs.row])
        base = np.where(legs.isolated, self._worth(self.size, self.entry), self.value)
        self.initial = np.where(self.smaller, 0.0, base / self.leverage)
        self.option_maintenance, self.option_initial = options.positions(book, market, ready.units)
        self.result = np.where(self.option, legs.accrued, unrealised(book, market))
        self.account = Account(book, ready, self.usd)

    def _worth(self, size: np.ndarray, price: np.ndarray) -> np.ndarray:
        return np.where(self.inverse, size / price, size * price)

    def _hedge(self) -> tuple[np.ndarray, np.ndarray]:
        """Hedged quantity (H,) and whether a leg is the smaller one; of equal legs the long one counts as smaller."""
        nets = self.book.split(np.arange(len(self.market)))
        long, short = (nets.sum(np.where(self.side == s, self.size, 0.0))[nets.net] for s in (1, -1))
        other = np.where(self.side > 0, short, long)
        hedged = np.minimum(long, short)
        return hedged, (hedged > 0) & ((self.size < other) | ((self.size == other) & (self.side > 0)))

    def orders(self) -> tuple[Line, Line]:
        """Open orders: what the worse side adds at its leverage, with its fee to close; options one by one."""
        book, market, orders = self.book, self.market, self.book.orders
        i = orders.instrument
        option = self.order_kind == OPTION
        value = np.where(option, 0.0, order_value(book, market))
        wished, top = book.settings["leverage"][orders.row], self.ready.tiers.leverage(np.abs(value), self.ready.key[i])
        leverage = of_position(book, market, self.leverage, np.where(np.isnan(wished), top, wished))
        extra = np.where(option, 0.0, opening(book, market, self.value * self.side, value))
        share = np.divide(extra, np.abs(value), out=np.zeros(len(extra)), where=value != 0)
        size = np.where(option, 0.0, np.abs(orders.quantity) * market["contract_size"][i]) * share
        side, taker = np.sign(orders.quantity), self.taker[orders.row]
        fee = fee_to_close(size, orders.price, market.inverse[i], side, leverage, taker)
        single = options.orders(book, market, self.ready.units, self.ready.params["option_fee_cap"])
        margin = np.where(extra > 0, extra / leverage + fee, 0.0)
        return (
            Line.of("Open orders", book, margin * self.order_rate, ORDERS, formula="value / leverage + fee to close"),
            Line.of("Option orders", book, single * self.order_rate, ORDERS, cite=self.cite("option_fee_cap")),
        )

    def cite(self, *keys: str) -> str:
        """Dates and sources behind parameters."""
        return self.ready.params.cite(*keys)
