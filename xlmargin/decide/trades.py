"""Trades on a book: legs merge, what offsets is realised, premiums are paid, all into cash of the settlement asset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..book import Book, Cash, Legs
from ..errors import InputError, Problem
from ..market import ASSET, OPTION, SPOT, Market
from ..pricing import YEAR

PAID_IN_FULL = (OPTION, SPOT, ASSET)


@dataclass(frozen=True, eq=False)
class Trades:
    """Trades (T,): row of the book, instrument, signed quantity, price (NaN: at the mark), hedge side, fee paid.

    ``fee`` is in the settlement asset, positive; ``leverage`` is that of a new leg, NaN where not chosen.
    """

    row: np.ndarray
    instrument: np.ndarray
    quantity: np.ndarray
    price: np.ndarray
    side: np.ndarray
    fee: np.ndarray
    leverage: np.ndarray

    @classmethod
    def of(cls, row: np.ndarray, instrument: np.ndarray, quantity: np.ndarray, **more: np.ndarray) -> Trades:
        """One-way trades at the mark without fee unless ``more`` says otherwise."""
        n = len(row)
        empty = {"price": np.full(n, np.nan), "side": np.zeros(n, np.int8), "fee": np.zeros(n)}
        empty["leverage"] = np.full(n, np.nan)
        quantity = np.asarray(quantity, np.float64)
        return cls(np.asarray(row, np.int64), np.asarray(instrument, np.int64), quantity, **{**empty, **more})

    def take(self, which: np.ndarray) -> Trades:
        """The trades ``which``."""
        return Trades(**{name: getattr(self, name)[which] for name in self.__dataclass_fields__})


def traded(book: Book, market: Market, trades: Trades) -> Book:
    """The book after its trades, each in the row that it names.

    A trade with its leg adds lots at the average price (harmonic for inverse contracts); against its leg it realises
    the result of what it closes; options, spot and assets are paid in full. Realised results, premiums and fees go
    to the wallet of the settlement asset. Raises InputError where a trade has neither price nor mark, or no asset.
    """
    trades = _priced(market, trades)
    for layer in _layers(trades, len(market)):
        book = _merged(book, market, layer)
    return book


def closed(book: Book, market: Market, share: np.ndarray, price: np.ndarray | None = None) -> Book:
    """The book after closing ``share`` (H,) of each leg at ``price`` (H,), its mark unless given.

    A leg closed in full is gone.
    """
    legs = book.legs
    price = marks(market)[legs.instrument] if price is None else price
    flow = share * (worth(market, legs.instrument, legs.quantity, legs.entry, price) + legs.accrued)
    left = 1.0 - share
    shrunk = replace(legs, quantity=legs.quantity * left, accrued=legs.accrued * left)
    kept = share < 1.0
    shrunk = shrunk.at(kept, shrunk.row[kept], shrunk.rows)
    return replace(book, legs=shrunk, cash=_paid(book.cash, market, legs.row, legs.instrument, flow))


def marks(market: Market) -> np.ndarray:
    """The mark of each instrument (I,); of an option without one, its Black-76 value, discounted where a rate is given.

    In the unit that the venue quotes: the coin for inverse options.
    """
    value = market.option_value() * np.exp(-np.nan_to_num(market["rate"]) * np.nan_to_num(market.seconds) / YEAR)
    unit = np.where(market.inverse, value / market.forward(), value)
    return np.where(np.isnan(market["mark"]), unit, market["mark"])


def worth(
    market: Market, instrument: np.ndarray, quantity: np.ndarray, entry: np.ndarray, price: np.ndarray
) -> np.ndarray:
    """What closing ``quantity`` (N,) at ``price`` brings in the settlement asset.

    Options, spot, assets: q·size·price; futures and perpetuals: their result since entry, 0 where none is known.
    """
    size = market["contract_size"][instrument] * quantity
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.where(market.inverse[instrument], 1.0 / entry - 1.0 / price, price - entry)
    full = np.isin(market.kind[instrument], PAID_IN_FULL)
    gain = np.where(full, price, np.nan_to_num(result, posinf=0.0, neginf=0.0))
    return np.where((quantity == 0) | (gain == 0), 0.0, size * gain)


def _priced(market: Market, trades: Trades) -> Trades:
    price = np.where(np.isnan(trades.price), marks(market)[trades.instrument], trades.price)
    problems = []
    for t in np.flatnonzero(~(price > 0))[:50]:
        name = market.name[trades.instrument[t]]
        problems.append(Problem("trades", int(t) + 2, "price", None, f"no price and no mark for {name}"))
    for t in np.flatnonzero(market.settle[trades.instrument] < 0)[:50]:
        name = market.name[trades.instrument[t]]
        problems.append(Problem("trades", int(t) + 2, "settle", None, f"no settlement asset is known for {name}"))
    if problems:
        raise InputError(problems)
    return replace(trades, price=price)


def _layers(trades: Trades, width: int) -> Iterator[Trades]:
    """Trades cut so that no leg is traded twice in one layer, each leg's trades in their order."""
    key = (trades.row * width + trades.instrument) * 3 + trades.side + 1
    order = np.argsort(key, kind="stable")
    sorted_key = key[order]
    turn = np.arange(len(key)) - np.searchsorted(sorted_key, sorted_key)
    for k in range(int(turn.max(initial=-1)) + 1):
        yield trades.take(order[turn == k])


def _merged(book: Book, market: Market, trades: Trades) -> Book:
    """One trade a leg at most, in order of row and instrument."""
    legs, width = book.legs, max(len(market), 1)
    key = ((legs.row * width + legs.instrument) * 3 + legs.side + 1) * 2 + legs.isolated
    wanted = ((trades.row * width + trades.instrument) * 3 + trades.side + 1) * 2
    place = np.searchsorted(key, wanted)
    found = np.append(key, -1)[np.minimum(place, len(key))] == wanted
    at = place[found]
    before, entry = legs.quantity[at], legs.entry[at]
    change, price = trades.quantity[found], trades.price[found]
    after, average, gone = _netted(market, trades.instrument[found], before, entry, change, price)
    quantity, entries = legs.quantity.copy(), legs.entry.copy()
    quantity[at], entries[at] = after, average
    flow = -trades.fee.copy()
    flow[found] += worth(market, trades.instrument[found], gone, entry, price)
    full = np.isin(market.kind[trades.instrument], PAID_IN_FULL)
    opened = trades.quantity.copy()
    opened[found] += gone
    flow -= np.where(full, opened * market["contract_size"][trades.instrument] * trades.price, 0.0)
    done = after == 0
    flow[np.flatnonzero(found)[done]] += legs.accrued[at[done]]
    kept = np.ones(len(legs), bool)
    kept[at[done]] = False
    changed = replace(legs, quantity=quantity, entry=entries)
    joined = _added(changed, trades.take(~found), place[~found], kept)
    return replace(book, legs=joined, cash=_paid(book.cash, market, trades.row, trades.instrument, flow))


def _netted(
    market: Market,
    instrument: np.ndarray,
    before: np.ndarray,
    entry: np.ndarray,
    change: np.ndarray,
    price: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quantity after, average entry price after, and the quantity of the old leg that the trade closes (signed)."""
    after = before + change
    against = before * change < 0
    gone = np.where(against, np.sign(before) * np.minimum(np.abs(before), np.abs(change)), 0.0)
    turned = market.inverse[instrument]
    with np.errstate(divide="ignore", invalid="ignore"):
        cost = lambda p: np.where(turned, 1.0 / p, p)  # noqa: E731
        mean = cost((before * cost(entry) + change * cost(price)) / after)
    mean = np.where(before == 0, price, mean)
    flipped = np.where(np.abs(change) > np.abs(before), price, entry)
    return after, np.where(against, flipped, mean), gone


def _added(legs: Legs, trades: Trades, place: np.ndarray, kept: np.ndarray) -> Legs:
    """Legs without those that are gone, and with a new one for each trade that found none, in their order."""
    if not len(trades.row):
        return legs if kept.all() else legs.at(kept, legs.row[kept], legs.rows)
    order = np.lexsort((trades.side, trades.instrument, trades.row))
    trades, place = trades.take(order), place[order]
    new = Legs.of(
        legs.rows,
        trades.row,
        trades.instrument,
        trades.quantity,
        entry=trades.price,
        side=trades.side.astype(legs.side.dtype),
        leverage=trades.leverage,
    )
    place = np.concatenate([[0], np.cumsum(kept)])[place]
    old = legs.at(kept, legs.row[kept], legs.rows)
    row = np.insert(old.row, place, new.row)
    columns = {name: np.insert(column, place, getattr(new, name)) for name, column in old.columns().items()}
    return Legs(legs.rows, row, **columns)


def _paid(cash: Cash, market: Market, row: np.ndarray, instrument: np.ndarray, flow: np.ndarray) -> Cash:
    """Balances after ``flow`` (N,) in the settlement asset of each instrument: in the wallet, or a new one."""
    asset = market.settle[instrument]
    some = (flow != 0) & (asset >= 0)
    return paid(cash, len(market.assets), row[some], asset[some], flow[some])


def paid(cash: Cash, assets: int, row: np.ndarray, asset: np.ndarray, flow: np.ndarray) -> Cash:
    """Balances after ``flow`` (N,) of ``asset`` to wallets of ``row``; a wallet is opened where there is none."""
    width = max(assets, 1)
    keys, number = np.unique(row * width + asset, return_inverse=True)
    amount = np.bincount(number, flow, len(keys)).astype(np.float64)
    wallets = np.flatnonzero(cash.kind == 0)
    own, first = np.unique(cash.row[wallets] * width + cash.asset[wallets], return_index=True)
    place = np.searchsorted(own, keys)
    found = np.append(own, -1)[np.minimum(place, len(own))] == keys
    total = cash.amount.copy()
    total[wallets[first[place[found]]]] += amount[found]
    cash = replace(cash, amount=total)
    fresh = keys[~found]
    opened = Cash.of(cash.rows, fresh // width, fresh % width, amount[~found])
    return cash.joined(opened) if len(fresh) else cash
