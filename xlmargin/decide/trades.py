"""Trades on a book: legs merge, what offsets is realised, premiums are paid, all into cash of the settlement asset."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..book import Book, Cash, Legs
from ..errors import InputError, Problem
from ..market import ASSET, OPTION, SPOT, Market
from ..pricing import YEAR
from .sides import sided

PAID_IN_FULL = (OPTION, SPOT, ASSET)


@dataclass(frozen=True, eq=False)
class Trades:
    """Trades (T,): row of the book, instrument, signed quantity, price (NaN: at the mark), hedge side, fee paid.

    ``fee`` is in the settlement asset, positive; ``leverage`` is that of a new leg, NaN where not chosen; ``isolated``
    says that of what is held both cross and isolated the isolated leg is meant.
    """

    row: np.ndarray
    instrument: np.ndarray
    quantity: np.ndarray
    price: np.ndarray
    side: np.ndarray
    fee: np.ndarray
    leverage: np.ndarray
    isolated: np.ndarray

    @classmethod
    def of(cls, row: np.ndarray, instrument: np.ndarray, quantity: np.ndarray, **more: np.ndarray) -> Trades:
        """One-way trades at the mark without fee unless ``more`` says otherwise."""
        n = len(row)
        empty = {"price": np.full(n, np.nan), "side": np.zeros(n, np.int8), "fee": np.zeros(n)}
        empty |= {"leverage": np.full(n, np.nan), "isolated": np.zeros(n, bool)}
        quantity = np.asarray(quantity, np.float64)
        return cls(np.asarray(row, np.int64), np.asarray(instrument, np.int64), quantity, **{**empty, **more})

    def take(self, which: np.ndarray) -> Trades:
        """The trades ``which``."""
        return Trades(**{name: getattr(self, name)[which] for name in self.__dataclass_fields__})


def traded(book: Book, market: Market, trades: Trades, rows: np.ndarray | None = None) -> Book:
    """The book after its trades, each in the row that it names.

    ``rows`` (N,) says which row of the book stands in each row of the result before trading: every row once unless
    given. In hedge mode a trade goes to the leg of its side; without a side it closes the leg of the opposite
    direction first and opens the one of its own with the rest. What is held isolated only is traded there: closing a
    share of it frees that share of its posted margin. A trade with its leg adds lots at the average price (harmonic for
    inverse contracts); against its leg it realises the result of what it closes; options, spot and assets are paid in
    full. Realised results, premiums and fees go to the wallet of the settlement asset. Raises InputError where a trade
    has neither price nor mark, or no asset.
    """
    rows = np.arange(len(book)) if rows is None else rows
    trades = sided(book.legs, _priced(market, trades), rows, len(market))
    touched = Touched.of(book.legs, trades, rows, len(market))
    flow = touched.trade(market, trades)
    rest = replace(book, legs=book.legs.at(slice(0, 0), book.legs.row[:0], len(book))).take(rows)
    cash = _paid(rest.cash, market, trades.row, trades.instrument, flow)
    return replace(rest, legs=touched.laid_into(book.legs, rows), cash=cash)


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


@dataclass(eq=False)
class Touched:
    """The legs (K,) that trades touch, by row of the result, instrument and side; ``number`` (T,) is each trade's.

    Of an instrument held both cross and isolated it is the cross leg unless the trade says the isolated one.

    ``at`` (K,) is where such a leg stands among those of the book, ``found`` (K,) whether there is one; ``legs`` are
    the legs as they become, and ``there`` (K,) says which are left.
    """

    number: np.ndarray
    at: np.ndarray
    found: np.ndarray
    legs: Legs
    there: np.ndarray

    @classmethod
    def of(cls, legs: Legs, trades: Trades, rows: np.ndarray, width: int) -> Touched:
        """The legs of ``trades`` before any of them; rows of the result are ``rows`` (N,) of the book."""
        held = ((legs.row * width + legs.instrument) * 3 + legs.side + 1) * 2 + legs.isolated
        cross = ((rows[trades.row] * width + trades.instrument) * 3 + trades.side + 1) * 2
        own = trades.isolated & np.isin(cross, held) & np.isin(cross + 1, held)
        key, first, number = np.unique(
            ((trades.row * width + trades.instrument) * 3 + trades.side + 1) * 2 + own,
            return_index=True,
            return_inverse=True,
        )
        row, instrument, side = trades.row[first], trades.instrument[first], trades.side[first]
        wanted = cross[first] + own[first]
        at = np.searchsorted(held, wanted)
        found = (np.append(held, -1)[np.minimum(at, len(held))] | 1) == (wanted | 1)
        fresh = Legs.of(len(rows), row, instrument, np.zeros(len(key)), side=side.astype(legs.side.dtype))
        for name, column in fresh.columns().items():
            column[found] = getattr(legs, name)[at[found]]
        fresh.leverage[~found] = _leverage_beside(legs, rows[row] * width + instrument, width)[~found]
        return cls(number, at, found, fresh, found.copy())

    def trade(self, market: Market, trades: Trades) -> np.ndarray:
        """Trade one after another where a leg is traded more than once; what each pays or brings (T,)."""
        order = np.argsort(self.number, kind="stable")
        sorted_number = self.number[order]
        turn = np.arange(len(order)) - np.searchsorted(sorted_number, sorted_number)
        flow = np.zeros(len(order))
        for k in range(int(turn.max(initial=-1)) + 1):
            t = order[turn == k]
            flow[t] = self._turn(market, trades.take(t), self.number[t])
        return flow

    def _turn(self, market: Market, trades: Trades, n: np.ndarray) -> np.ndarray:
        """One trade a leg at most."""
        legs, i = self.legs, trades.instrument
        before, entry = legs.quantity[n], legs.entry[n]
        after, average, gone = _netted(market, i, before, entry, trades.quantity, trades.price)
        full = np.isin(market.kind[i], PAID_IN_FULL)
        opened = (trades.quantity + gone) * market["contract_size"][i] * trades.price
        flow = worth(market, i, gone, entry, trades.price) - trades.fee - np.where(full, opened, 0.0)
        new, done = ~self.there[n], after == 0
        chosen = trades.leverage[new]
        legs.leverage[n[new]] = np.where(np.isnan(chosen), legs.leverage[n[new]], chosen)
        legs.quantity[n], legs.entry[n], self.there[n] = after, average, ~done
        flow[done] += legs.accrued[n[done]]
        legs.posted[n] *= 1.0 - np.divide(gone, before, out=np.zeros(len(n)), where=before != 0)
        for column in (legs.accrued, legs.posted, legs.sheet_row):
            column[n[done]] = 0
        return flow

    def laid_into(self, legs: Legs, rows: np.ndarray) -> Legs:
        """The legs of ``rows`` (N,) with these in their place, opened ones in order, without those that are gone."""
        count = np.bincount(legs.row, minlength=legs.rows)
        start, held = np.cumsum(count) - count, count[rows]
        begin = np.cumsum(held) - held
        origin = np.repeat(start[rows] - begin, held) + np.arange(held.sum())
        place, own = begin[self.legs.row] + self.at - start[rows[self.legs.row]], len(legs) + np.arange(len(self.at))
        opened, gone = self.there & ~self.found, self.found & ~self.there
        origin[place[self.found]] = np.where(self.there, own, -1)[self.found]
        origin = np.insert(origin, place[opened], own[opened])
        if gone.any():
            origin = origin[origin >= 0]
        more = [np.bincount(self.legs.row[which], minlength=len(rows)) for which in (opened, gone)]
        row = np.repeat(np.arange(len(rows)), held + more[0] - more[1])
        columns = self.legs.columns()
        joined = {name: np.concatenate([column, columns[name]])[origin] for name, column in legs.columns().items()}
        return Legs(len(rows), row, **joined)


def _leverage_beside(legs: Legs, wanted: np.ndarray, width: int) -> np.ndarray:
    """The leverage (K,) of what a row holds of an instrument already, on whichever side; NaN where nothing."""
    held = legs.row * width + legs.instrument
    at = np.searchsorted(held, wanted)
    found = np.append(held, -1)[np.minimum(at, len(held))] == wanted
    return np.where(found, np.append(legs.leverage, np.nan)[at], np.nan)


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
