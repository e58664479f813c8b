"""Trades, closes, deposits, withdrawals, moves: each what-if is the account again with them, under the same rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..book import Book, Orders
from ..errors import InputError, Problem
from ..ledger import Margin
from ..market import Market
from ..params import Params
from ..registry import Model
from ..run import margin, session
from .baskets import Baskets, read
from .closing import refuse_empty, spread, trades_of
from .moves import held_only, named, words_of_moves
from .shown import Shown
from .subject import held
from .trades import Trades, paid, traded
from .worlds import mapped, moved_session, unready

LEGS_AT_ONCE = 1 << 19
MARK = "_what_if_row"
FIGURES = ("equity", "initial", "maintenance")


@dataclass(frozen=True, eq=False, repr=False)
class WhatIf(Shown):
    """A row per account, basket and pool (N,): figures before, after and what the basket costs alone.

    ``standalone`` is the initial margin of the basket in an account of its own, ``benefit`` that less what it adds
    here. ``refused`` lists baskets that the model cannot take, with the reasons.
    """

    account: np.ndarray
    basket: np.ndarray
    pool: np.ndarray
    currency: np.ndarray
    before: dict[str, np.ndarray]
    after: dict[str, np.ndarray]
    standalone: np.ndarray
    refused: tuple[tuple[str, str, str], ...]

    @property
    def change(self) -> dict[str, np.ndarray]:
        """After less before (N,), by figure."""
        return {k: self.after[k] - self.before[k] for k in FIGURES}

    @property
    def benefit(self) -> np.ndarray:
        """Standalone initial margin less what the basket adds to the account (N,)."""
        return self.standalone - self.change["initial"]

    @property
    def passes(self) -> np.ndarray:
        """Rows (N,) whose equity covers initial margin afterwards, or whose initial margin does not rise."""
        covered = self.after["equity"] >= self.after["initial"]
        return covered | (self.change["initial"] <= 0) & (self.change["equity"] >= 0)

    def frame(self) -> Any:
        """A row per account, basket and pool (pandas DataFrame): figures before, after, and the change of each.

        Refused baskets say why in ``remark``.
        """
        import pandas as pd

        columns: dict[str, Any] = {"account": self.account, "basket": self.basket, "pool": self.pool}
        columns["currency"] = self.currency
        for name in FIGURES:
            columns[f"{name} before"], columns[f"{name} after"] = self.before[name], self.after[name]
            columns[f"{name} change"] = self.change[name]
        columns["available after"] = self.after["equity"] - self.after["initial"]
        columns |= {"standalone": self.standalone, "benefit": self.benefit, "passes": self.passes, "remark": ""}
        table = pd.DataFrame(columns)
        if not self.refused:
            return table
        bad = pd.DataFrame(self.refused, columns=["account", "basket", "remark"]).assign(passes=False)
        return pd.concat([table, bad], ignore_index=True)


def what_if(
    book: Book,
    market: Market,
    model: str | Model,
    trades: Any = None,
    *,
    cash: Any = None,
    moves: Mapping[str, Any] | None = None,
    params: Params | None = None,
    options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    standalone: bool = True,
) -> WhatIf:
    """What baskets of trades and cash moves would do to accounts, thousands in one call.

    Parameters: ``trades``, a table: basket, instrument, quantity (or ``close``, a share of the position), price (else
    the mark), fee, account (else every account), side, leverage; ``cash``, a table: basket, asset, amount (negative is
    withdrawn), account; ``moves`` of the market in which every basket is looked at: price, vol, basis, collateral
    (fractions by name), rate, days, as ``xlmargin.decide.moves.named`` takes them. Before is the book as it is, on
    the market as it is. A basket that the model cannot take is listed in ``refused``; the others go on; accounts that
    no basket concerns are not looked at.
    Raises InputError for tables that cannot be read, with every problem, for shares to close of what nobody holds, and
    for what expires before ``days`` pass.
    """
    baskets = read(book, market, trades, cash, also=() if trades is not None or cash is not None else ("moves",))
    if not (len(book) and len(baskets.label)):
        raise InputError("no what-if: give trades, cash moves or moves of the market, for one account or more")
    moves = words_of_moves(moves)
    named(market, **moves)
    refuse_empty(book, market, baskets)
    book = held(book, market, model, bool(moves))
    account, basket = _pairs(baskets, len(book))
    how = {"params": params, "options": options, "workers": workers}
    touched = np.unique(account)
    own = book if len(touched) == len(book) else book.take(touched)
    base = margin(replace(own, settings={**own.settings, MARK: touched}), market, model, **how)
    asked = _Asked(book, market, model, baskets, base, how | {"workers": 1}, moves, standalone)
    cuts = [(account[slice(*cut)], basket[slice(*cut)]) for cut in _cuts(book, account)]
    results = mapped(asked.block, cuts, base.run.session.workers)
    parts, refused = [r[0] for r in results], [told for r in results for told in r[1]]
    return WhatIf(
        book.account[np.concatenate([p[0] for p in parts])],
        *(np.concatenate([p[n] for p in parts]) for n in range(1, 4)),
        *({k: np.concatenate([p[n][k] for p in parts]) for k in FIGURES} for n in (4, 5)),
        np.concatenate([p[6] for p in parts]),
        tuple(refused),
    )


def _pairs(baskets: Baskets, accounts: int) -> tuple[np.ndarray, np.ndarray]:
    """Which account stands under which basket: those that a basket names, all where it names none."""
    count = len(baskets.label)
    touched = np.zeros((count, accounts), bool)
    for basket, account in ((baskets.basket, baskets.account), (baskets.cash_basket, baskets.cash_account)):
        named_ = account >= 0
        touched[basket[named_], account[named_]] = True
        touched[basket[~named_]] = True
    touched[~touched.any(axis=1)] = True
    basket, account = np.nonzero(touched)
    return account, basket


def _cuts(book: Book, account: np.ndarray) -> list[tuple[int, int]]:
    """Ranges of what-ifs whose legs stay below a bound."""
    size = np.bincount(book.legs.row, minlength=len(book))[account] + 8
    block = np.cumsum(size) // LEGS_AT_ONCE
    starts = np.flatnonzero(np.diff(block, prepend=-1))
    return list(zip(starts.tolist(), np.append(starts[1:], len(account)).tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class _Asked:
    """What was asked: baskets on accounts under a model, with the accounts' margin as it is."""

    book: Book
    market: Market
    model: Any
    baskets: Baskets
    base: Margin
    how: Mapping[str, Any]
    moves: Mapping[str, Any] | None
    standalone: bool

    def block(self, pairs: tuple[np.ndarray, np.ndarray]) -> tuple[tuple[Any, ...], list[tuple[str, str, str]]]:
        """What accounts (N,) under baskets (N,) need, and those that the model refuses with their reasons."""
        account, basket = pairs
        rows = self.after(account, basket)
        after, bad = self.tested(rows, self.moves)
        alone = self.tested(self.alone(account, basket), None)[0] if self.standalone else None
        label = self.baskets.label
        told = [(str(rows.account[r]), str(label[basket[r]]), reason) for r, reason in bad.items()]
        return _matched(self.base, after, alone, account, basket, label), told

    def after(self, account: np.ndarray, basket: np.ndarray) -> Book:
        """The accounts again, each with the trades and cash moves of its basket."""
        baskets, market = self.baskets, self.market
        trades = trades_of(self.book, baskets, account, basket)
        rows = traded(self.book, market, trades, account)
        at, m = spread(baskets.cash_basket, baskets.cash_account, account, basket)
        moved = paid(rows.cash, len(market.assets), at, baskets.cash_asset[m], baskets.cash_amount[m])
        return replace(rows, cash=moved)

    def alone(self, account: np.ndarray, basket: np.ndarray) -> Book:
        """The trades of each basket, at their marks, in an account with the settings but without anything else."""
        baskets, rows, none = self.baskets, len(self.book), np.zeros(0, np.int64)
        bare = replace(
            self.book,
            legs=self.book.legs.at(slice(0, 0), none, rows),
            cash=self.book.cash.at(slice(0, 0), none, rows),
            orders=Orders.none(rows),
        )
        row, t = spread(baskets.basket, baskets.account, account, basket)
        some = np.isnan(baskets.close[t]) & (baskets.quantity[t] != 0)
        row, t = row[some], t[some]
        trades = Trades.of(row, baskets.instrument[t], baskets.quantity[t], leverage=baskets.leverage[t])
        only = traded(bare, self.market, trades, account)
        return replace(only, cash=only.cash.at(slice(0, 0), none, len(account)))

    def tested(self, rows: Book, moves: Mapping[str, Any] | None) -> tuple[Margin, dict[int, str]]:
        """The margin of every row that the model takes, and why it does not take the others."""
        marked = replace(rows, settings={**rows.settings, MARK: np.arange(len(rows))})
        problems: list[Problem] = []
        ready, checked = session(marked, self.market, self.model, problems=problems, **self.how)
        pooled = ready.pooled(checked)
        if moves:
            shift = named(ready.market, **held_only(ready.market, moves))
            unready(ready.market, checked, shift)
            ready = moved_session(ready, shift)
        bad = np.setdiff1d(np.arange(len(rows)), checked.settings[MARK])
        told = {int(r): _reason(problems, str(rows.account[r])) for r in bad}
        return ready.run(pooled), told


def _reason(problems: list[Problem], account: str) -> str:
    mine = [str(p) for p in problems if str(p.account) in ("", account)]
    return "; ".join(dict.fromkeys(mine[:3])) or "the model cannot take it"


def _matched(
    base: Margin, after: Margin, alone: Margin | None, account: np.ndarray, basket: np.ndarray, label: np.ndarray
) -> tuple[Any, ...]:
    """Before, after and standalone by what-if row and pool; a pool that stands on one side only counts 0 on the other.

    Gives account, basket, pool, currency (N,), figures before and after, and standalone initial margin.
    """
    made = [m for m in (base, after, alone) if m is not None]
    words, code = np.unique(np.concatenate([m.pool for m in made]).astype(str), return_inverse=True)
    width = max(len(words), 1)
    codes = np.split(code, np.cumsum([len(m.pool) for m in made])[:-1])
    own = [m.run.book.settings[MARK].astype(np.int64) * width + c for m, c in zip(made, codes, strict=True)]
    rows = np.unique(own[1] // width)
    keys = np.unique(np.concatenate([own[1], _pools_of(np.sort(own[0]), account[rows], rows, width)]))
    row, pool = np.divmod(keys, width)
    of_base = account[row] * width + pool
    before = {k: _looked_up(own[0], getattr(base, k).value, of_base) for k in FIGURES}
    now = {k: _looked_up(own[1], getattr(after, k).value, keys) for k in FIGURES}
    single = np.full(len(keys), np.nan) if alone is None else _looked_up(own[2], alone.initial.value, keys)
    money = _looked_up(own[1], after.currency, keys, "")
    money = np.where(money == "", _looked_up(own[0], base.currency, of_base, ""), money)
    return account[row], label[basket[row]], words.astype(object)[pool], money, before, now, single


def _pools_of(own: np.ndarray, account: np.ndarray, row: np.ndarray, width: int) -> np.ndarray:
    """Keys (row, pool) of the pools that each row's account has; ``own`` are the accounts' sorted keys."""
    start, stop = np.searchsorted(own, account * width), np.searchsorted(own, (account + 1) * width)
    count = stop - start
    place = np.repeat(start - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(count.sum())
    return np.repeat(row, count) * width + own[place] % width


def _looked_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray, default: Any = 0.0) -> np.ndarray:
    """The value of each wanted key, ``default`` where it is not there."""
    if not len(keys):
        return np.full(len(wanted), default)
    order = np.argsort(keys)
    place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    return np.where(keys[order][place] == wanted, values[order][place], default)
