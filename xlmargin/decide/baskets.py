"""Tables of candidate trades and cash moves, read with every problem in its own row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..book import Book
from ..errors import InputError, Problem, nearest
from ..market import Market
from ..parsing import Table, parse
from ..schemas import OPTIONAL, TEXT, Column

SIDE = {"long": 1, "short": -1}
TRADE_COLUMNS = (
    Column("basket", "which what-if a trade belongs to", dtype=TEXT, need=OPTIONAL, default="basket"),
    Column("account", "whose trade it is; empty: every account's", dtype=TEXT, need=OPTIONAL, default=""),
    Column("close", "share of the position that is closed, instead of a quantity", "fraction"),
    Column("price", "price of the trade; empty: the mark", "price", positive=True),
    Column("fee", "fee paid", "settlement currency"),
    Column("lots", "smallest step of the quantity", "contracts", positive=True),
)
CASH_COLUMNS = TRADE_COLUMNS[:2]
ONE = "basket"


@dataclass(frozen=True, eq=False)
class Baskets:
    """B labels; trades (T,) by basket, account (−1: every account), instrument …; cash moves (M,) likewise."""

    label: np.ndarray
    basket: np.ndarray
    account: np.ndarray
    instrument: np.ndarray
    quantity: np.ndarray
    close: np.ndarray
    price: np.ndarray
    fee: np.ndarray
    side: np.ndarray
    leverage: np.ndarray
    row: np.ndarray
    cash_basket: np.ndarray
    cash_account: np.ndarray
    cash_asset: np.ndarray
    cash_amount: np.ndarray


def read(book: Book, market: Market, trades: Any = None, cash: Any = None, also: tuple[str, ...] = ()) -> Baskets:
    """Baskets of trades and cash moves from tables (DataFrame or mapping of columns).

    ``trades``: basket, instrument, quantity or close (a share of the position), price, fee, account, side, leverage;
    ``cash``: basket, asset, amount (negative: withdrawn), account. Without ``account`` a row holds for every account.
    ``also`` names further baskets, of moves alone. Raises InputError with every problem; an instrument that the
    market does not list is named with the nearest.
    """
    problems: list[Problem] = []
    orders = _parsed("trades", "positions", trades, TRADE_COLUMNS, problems)
    moves = _parsed("cash", "balances", cash, CASH_COLUMNS, problems)
    accounts = _accounts(book, orders, trades, problems), _accounts(book, moves, cash, problems)
    listed = {name: i for i, name in enumerate(market.name)}
    assets = {name: c for c, name in enumerate(market.assets)}
    instrument = _numbered(orders, "instrument", listed, "the market lists no", problems)
    asset = _numbered(moves, "asset", assets, "no price is known of", problems)
    _check_amounts(orders, problems)
    if problems:
        raise InputError(problems)
    names = [*orders["basket"], *moves["basket"], *also]
    codes, label = pd.factorize(np.array(names, object)) if names else (np.zeros(0, np.int64), np.zeros(0, object))
    cut = len(orders)
    return Baskets(
        label=np.asarray(label, object),
        basket=codes[:cut].astype(np.int64),
        account=accounts[0],
        instrument=instrument,
        quantity=np.nan_to_num(orders["quantity"]),
        close=orders["close"],
        price=orders["price"],
        fee=np.nan_to_num(orders["fee"]),
        side=np.array([SIDE.get(s, 0) for s in orders["side"]], np.int8),
        leverage=orders["leverage"],
        row=orders.rows,
        cash_basket=codes[cut : cut + len(moves)].astype(np.int64),
        cash_account=accounts[1],
        cash_asset=asset,
        cash_amount=moves["amount"],
    )


def _parsed(called: str, schema: str, data: Any, more: tuple[Column, ...], problems: list[Problem]) -> Table:
    """A table in the columns of ``schema`` and a few more; a trade may have a share instead of a quantity."""
    found: list[Problem] = []
    if hasattr(data, "keys") and called == "trades":
        data = _with_quantity(data)
    table = parse(schema, data, found, more)
    problems.extend(replace(p, table=called) for p in found)
    table.name = called
    return table


def _with_quantity(data: Any) -> Any:
    """Rows that close a share need no quantity: an empty one becomes 0."""
    names = {str(c).strip().casefold(): c for c in data}
    if "close" not in names:
        return data
    columns = {c: np.asarray(data[c], object) for c in data}
    size = len(next(iter(columns.values()))) if columns else 0
    quantity = columns.get(names.get("quantity", "quantity"), np.full(size, None, object)).copy()
    share = columns[names["close"]]
    for n in range(size):
        blank = quantity[n] in (None, "") or quantity[n] != quantity[n]
        given = share[n] not in (None, "") and share[n] == share[n]
        quantity[n] = 0.0 if blank and given else quantity[n]
    return columns | {names.get("quantity", "quantity"): quantity}


def _accounts(book: Book, table: Table, data: Any, problems: list[Problem]) -> np.ndarray:
    """Row of each record's account; −1 where the table has no such column or the cell is empty."""
    given = hasattr(data, "keys") and any(str(c).strip().casefold() == "account" for c in data)
    if not given:
        return np.full(len(table), -1, np.int64)
    number = {"": -1, **{str(name): r for r, name in enumerate(book.account)}}
    out = np.array([number.get(str(a), -2) for a in table["account"]], np.int64)
    for n in np.flatnonzero(out == -2):
        name = str(table["account"][n])
        problems.append(table.problem(int(n), "account", f"no account {name!r}{nearest(name, number)}"))
    return out


def _numbered(table: Table, column: str, known: dict[str, int], what: str, problems: list[Problem]) -> np.ndarray:
    out = np.array([known.get(name, -1) for name in table[column]], np.int64)
    for n in np.flatnonzero(out < 0)[:100]:
        name = str(table[column][n])
        message = f"{what} {name}{nearest(name, known)}; add it to the instruments or assets table"
        problems.append(table.problem(int(n), column, message))
    return out


def _check_amounts(trades: Table, problems: list[Problem]) -> None:
    share = trades["close"]
    for n in np.flatnonzero(~np.isnan(share) & ~((share > 0) & (share <= 1))):
        problems.append(trades.problem(int(n), "close", f"closes {share[n]:g}; must be above 0 and at most 1"))
    for n in np.flatnonzero(~np.isnan(share) & (np.nan_to_num(trades["quantity"]) != 0)):
        problems.append(trades.problem(int(n), "quantity", "give a quantity or a share to close, not both"))
    for n in np.flatnonzero(np.isnan(share) & (np.nan_to_num(trades["quantity"]) == 0)):
        problems.append(trades.problem(int(n), "quantity", "trades nothing: give a quantity or a share to close"))
