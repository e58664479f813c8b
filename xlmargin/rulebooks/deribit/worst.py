"""The worst cell of each coin's matrix, as lines down to positions."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ...book import Book, added
from ...ledger import CASH, Grid, Line
from ...registry import Ready
from ...scopes import world_of_rows
from .accounts import CROSS


def matrix_loss(
    book: Book, ready: Ready, equity: tuple[np.ndarray, np.ndarray]
) -> tuple[list[Line], Grid | None, np.ndarray]:
    """A line a coin, the grid of each row's dominant coin, and the number of its worst cell (from 1, R).

    worst case = −min over cells of the aggregated result, at least 0, rounded to 9 decimals.
    """
    rows, coins = len(book), len(ready.coins)
    if not coins:
        return [Line("Worst case", np.zeros(rows))], None, np.zeros(rows, np.int64)
    raw = _sums(book, ready, equity)
    damp, in_coin = _dampers(book, ready)
    shrunk = np.sign(raw) * np.maximum(np.abs(raw) - damp, 0.0)
    final = _offset(shrunk, book, ready, in_coin)
    which = final.argmin(axis=2)
    loss = np.maximum(-np.take_along_axis(final, which[:, :, None], 2)[:, :, 0], 0.0)
    rounded = np.round(loss, int(ready.params["worst_case_decimals"]))
    lines = [_coin_line(book, ready, u, equity, raw, damp, which, loss, rounded) for u in range(coins)]
    dominant = rounded.argmax(axis=1)
    at = np.arange(rows)
    number = np.where(loss[at, dominant] > 0, which[at, dominant] + 1, 0)
    return lines, _grid(book, ready, dominant, final, which), number


def _sums(book: Book, ready: Ready, equity: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Result of every cell by row and coin (R, U, S), equity of coins included."""
    rows, coins, legs = len(book), len(ready.coins), book.legs
    key = legs.row * coins + ready.coin[legs.instrument]
    order = np.argsort(key, kind="stable")
    start = np.searchsorted(key[order], np.arange(rows * coins + 1))
    held = sparse.csr_matrix((legs.quantity[order], legs.instrument[order], start), (rows * coins, len(ready.market)))
    total = (held @ ready.cells).reshape(rows, coins, ready.cells.shape[1])
    if ready.cross:
        total = total + _equity_dollars(book, ready, equity)[:, :, None] * _equity_moves(ready)[None]
    return total


def _equity_moves(ready: Ready) -> np.ndarray:
    """What a dollar of equity gains in every cell (U, S)."""
    return ready.table["move"] * ready.table["factor"]


def _equity_dollars(book: Book, ready: Ready, equity: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """USD of equity whose coin has a matrix (R, U)."""
    rows, coins = len(book), len(ready.coins)
    total = np.zeros(rows * coins)
    for table, amounts, asset in (
        (book.cash, equity[0], book.cash.asset),
        (book.legs, equity[1], ready.market.settle[book.legs.instrument]),
    ):
        coin = np.append(ready.asset_coin, -1)[asset]
        counted = coin >= 0
        total += added(table.row[counted] * coins + coin[counted], amounts[counted], rows * coins)
    return total.reshape(rows, coins)


def _dampers(book: Book, ready: Ready) -> tuple[np.ndarray, np.ndarray]:
    """Shrinkage of every cell by row and coin (R, U, S) in the pool's currency; whether the pool is of that coin."""
    in_coin = book.pool[:, None] == np.asarray(ready.coins, object)[None, :]
    cross = (book.pool == CROSS)[:, None, None]
    index = ready.index[world_of_rows(book, ready.market)]
    per_coin = ready.damp_coin / (index[:, :, None] * ready.table["land"])
    dollars = np.where(cross, ready.damp_coin[None], ready.damp_dollar[None])
    return np.where(in_coin[:, :, None], per_coin, dollars), in_coin


def _offset(result: np.ndarray, book: Book, ready: Ready, in_coin: np.ndarray) -> np.ndarray:
    """Losses in full; gains at pnl_offset, at most max_offsetable_pnl (R, U, S)."""
    own = in_coin | (book.pool == CROSS)[:, None]
    share = np.where(own, ready.table["pnl_offset"], ready.dollars["pnl_offset"])[:, :, None]
    dollars = np.where(own, ready.table["max_offsetable_pnl"], ready.dollars["max_offsetable_pnl"])
    index = ready.index[world_of_rows(book, ready.market)]
    cap = np.where(in_coin, dollars / index, dollars)[:, :, None]
    return np.where(result < 0, result, np.minimum(share * result, cap))


def _coin_line(
    book: Book,
    ready: Ready,
    u: int,
    equity: tuple[np.ndarray, np.ndarray],
    raw: np.ndarray,
    damp: np.ndarray,
    which: np.ndarray,
    loss: np.ndarray,
    rounded: np.ndarray,
) -> Line:
    """One coin's worst case: positions and equity at the worst cell, less the dampener, rounded."""
    cite = ready.params.cite("price_range", "extended_moves", "extended_dampener")
    name, value = f"Worst case {ready.coins[u]}", rounded[:, u]
    formula = "−min of aggregated cells, 9 decimals"
    if not book.detail:
        return Line(name, value, formula=formula, cite=cite)
    legs, column, binds = book.legs, which[:, u], loss[:, u] > 0
    mine = (ready.coin[legs.instrument] == u) & binds[legs.row]
    gains = legs.quantity * ready.cells[legs.instrument, column[legs.row]]
    positions = Line.of("Positions", book, np.where(mine, -gains, 0.0))
    parts = [positions]
    if ready.cross:
        parts += _equity_lines(book, ready, u, equity, column, binds)
    shrink = -np.minimum(np.abs(raw[:, u]), damp[:, u])[np.arange(len(book)), column] * binds
    parts += [Line("Dampener", shrink), Line("Rounding", value - loss[:, u])]
    return Line(name, value, tuple(parts), formula=formula, cite=cite)


def _equity_lines(
    book: Book, ready: Ready, u: int, equity: tuple[np.ndarray, np.ndarray], column: np.ndarray, binds: np.ndarray
) -> list[Line]:
    move = _equity_moves(ready)[u]
    coin = np.append(ready.asset_coin, -1)
    lines = []
    for name, on, amounts, asset in (
        ("Equity in balances", CASH, equity[0], book.cash.asset),
        ("Equity in results", "legs", equity[1], ready.market.settle[book.legs.instrument]),
    ):
        row = getattr(book, on).row
        mine = (coin[asset] == u) & binds[row]
        lines.append(Line.of(name, book, np.where(mine, -amounts * move[column[row]], 0.0), on))
    return lines


def _grid(book: Book, ready: Ready, dominant: np.ndarray, final: np.ndarray, which: np.ndarray) -> Grid:
    """The aggregated cells of each row's dominant coin."""
    at, table = np.arange(len(book)), ready.table
    shape = (len(book), final.shape[2])
    vol = np.array([1, 0, -1])[table["states"]]
    cells = None
    if book.detail:
        mine = ready.coin[book.legs.instrument] == dominant[book.legs.row]
        cells = book.legs.quantity[:, None] * ready.cells[book.legs.instrument] * mine[:, None]
    return Grid(
        label=np.broadcast_to(np.arange(1, shape[1] + 1), shape),
        price=table["move"][dominant],
        vol=np.broadcast_to(vol, shape),
        weight=table["factor"][dominant],
        pnl=final[at, dominant],
        worst=which[at, dominant],
        cells=cells,
    )
