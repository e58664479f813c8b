"""The trades of baskets on accounts: quantities as given, shares to close of the legs that each account holds."""

from __future__ import annotations

import numpy as np

from ..book import Book
from ..errors import InputError, Problem
from ..market import Market
from .baskets import Baskets
from .trades import Trades

LEG = {0: "{}", 1: "a long leg of {}", -1: "a short leg of {}"}


def trades_of(book: Book, baskets: Baskets, account: np.ndarray, basket: np.ndarray) -> Trades:
    """The trades of accounts (N,) under baskets (N,), each in its what-if row.

    A share to close is taken of each leg that the account holds, of one side only where the record names it.
    Raises InputError where the shares of several records add up to more than the leg.
    """
    row, t = spread(baskets.basket, baskets.account, account, basket)
    quantity, side, isolated = baskets.quantity[t], baskets.side[t], np.zeros(len(t), bool)
    closing = np.flatnonzero(~np.isnan(baskets.close[t]))
    if len(closing):
        record, leg = _legs_closed(book, baskets, account[row[closing]], t[closing])
        given = np.flatnonzero(np.isnan(baskets.close[t]))
        _refuse_over_closed(book, baskets, row[closing[record]], t[closing[record]], leg)
        at = np.concatenate([given, closing[record]])
        order = np.argsort(at, kind="stable")
        gone = -baskets.close[t[closing[record]]] * book.legs.quantity[leg]
        quantity = np.concatenate([quantity[given], gone])[order]
        side = np.concatenate([side[given], book.legs.side[leg]])[order]
        isolated = np.concatenate([isolated[given], book.legs.isolated[leg].astype(bool)])[order]
        row, t = row[at[order]], t[at[order]]
    some = quantity != 0
    row, t, quantity, side, isolated = row[some], t[some], quantity[some], side[some], isolated[some]
    again = np.append(False, (np.diff(row) == 0) & (np.diff(t) == 0)) if len(t) else np.zeros(0, bool)
    return Trades.of(
        row,
        baskets.instrument[t],
        quantity,
        price=baskets.price[t],
        side=side,
        fee=np.where(again, 0.0, baskets.fee[t]),
        leverage=baskets.leverage[t],
        isolated=isolated,
    )


def refuse_empty(book: Book, market: Market, baskets: Baskets) -> None:
    """InputError for shares to close of what no account that the record is for holds."""
    problems = []
    for n in np.flatnonzero(~np.isnan(baskets.close)):
        who = np.arange(len(book)) if baskets.account[n] < 0 else baskets.account[n : n + 1]
        if not len(_legs_closed(book, baskets, who, np.full(len(who), n))[0]):
            what = LEG[int(baskets.side[n])].format(market.name[baskets.instrument[n]])
            holder = f"{book.account[who[0]]} does not hold" if len(who) == 1 else "no account holds"
            text = f"nothing to close: {holder} {what}"
            problems.append(Problem("trades", int(baskets.row[n]), "close", float(baskets.close[n]), text))
    if problems:
        raise InputError(problems)


def _refuse_over_closed(book: Book, baskets: Baskets, row: np.ndarray, t: np.ndarray, leg: np.ndarray) -> None:
    """InputError for legs of which records ``t`` (N,) of one what-if row close more than there is."""
    _, first, number = np.unique(row * (len(book.legs) + 1) + leg, return_index=True, return_inverse=True)
    share = np.bincount(number, baskets.close[t])
    problems = []
    for n in np.flatnonzero(share > 1.0 + 1e-9):
        who = book.account[book.legs.row[leg[first[n]]]]
        text = f"{who}: shares to close of one position add up to {100 * share[n]:.4g} %; at most 100 %"
        problems.append(Problem("trades", int(baskets.row[t[first[n]]]), "close", float(share[n]), text))
    if problems:
        raise InputError(problems)


def _legs_closed(book: Book, baskets: Baskets, account: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(place in ``t``, leg) for every leg that records ``t`` (N,) close in accounts (N,)."""
    legs = book.legs
    width = int(max(baskets.instrument.max(initial=0), legs.instrument.max(initial=0))) + 1
    held, wanted = legs.row * width + legs.instrument, account * width + baskets.instrument[t]
    start, stop = (np.searchsorted(held, wanted, end) for end in ("left", "right"))
    count = stop - start
    leg = np.repeat(start - np.cumsum(count) + count, count) + np.arange(count.sum())
    record = np.repeat(np.arange(len(t)), count)
    side = baskets.side[t[record]]
    own = ((side == 0) | (side == legs.side[leg])) & (legs.quantity[leg] != 0)
    return record[own], leg[own]


def spread(of: np.ndarray, who: np.ndarray, account: np.ndarray, basket: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(what-if row, record) for every record of a basket that holds for the row's account."""
    order = np.argsort(of, kind="stable")
    start, stop = (np.searchsorted(of[order], basket, side) for side in ("left", "right"))
    count = stop - start
    row = np.repeat(np.arange(len(basket)), count)
    place = np.repeat(start - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(count.sum())
    record = order[place] if len(order) else place
    mine = (who[record] < 0) | (who[record] == account[row])
    return row[mine], record[mine]
