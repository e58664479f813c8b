"""What a formula was given: ranges that become a book and a market, margined once for all formulas that ask."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

import xlmargin as xm
from xlmargin.errors import InputError, Problem
from xlmargin.parsing import read_time
from xlmargin.schemas import folded

from .cache import Cache, digest
from .tabular import Tabular, tabular

KEPT = Cache(96)
GIVEN, TABLE, CLOCK = "argument", "table", "clock"


@dataclass(frozen=True, eq=False)
class Ranges:
    """The ranges, model and options of one formula; book, market and margins come from the content-keyed cache."""

    tables: Mapping[str, Any]
    model: str = ""
    as_of: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def parsed(self) -> dict[str, Tabular]:
        """Every table that holds anything."""
        found = {n: self._tabular(n) for n in self.tables}
        return {n: t for n, t in found.items() if t is not None}

    def _tabular(self, name: str) -> Tabular | None:
        given = self.tables[name]
        return KEPT.get(("table", name, self.digests[name]), lambda: tabular(name, given))

    @cached_property
    def digests(self) -> dict[str, bytes]:
        """Content of each range."""
        return {name: digest(given) for name, given in self.tables.items()}

    @cached_property
    def time(self) -> tuple[Any, str]:
        """Valuation time as ``xlmargin.tables`` takes it, and where it comes from: argument, table or clock."""
        if self.as_of is not None:
            return self.as_of, GIVEN
        if len(_dates(self.parsed.get("instruments"))):
            return None, TABLE
        if len(dates := _dates(self.parsed.get("positions"))):
            with suppress(ValueError):  # the core says where a date cannot be read
                return max(map(read_time, dates.tolist())), TABLE
            return None, TABLE
        return dt.datetime.now(dt.UTC).replace(second=0, microsecond=0), CLOCK

    @property
    def key(self) -> tuple[Any, ...]:
        """What book and market depend on."""
        return (*sorted(self.digests.items()), str(self.time[0]), self.venue)

    @property
    def venue(self) -> str:
        """Whose spelling of instrument names is meant: as the options say, else the accounts, else the model."""
        if "venue" in self.options:
            return str(self.options["venue"])
        accounts = self.parsed.get("accounts")
        return "" if accounts and any(folded(h) == "venue" for h in accounts.columns) else self.model

    def book(self) -> tuple[xm.Book, xm.Market]:
        """The book and the market that the ranges describe."""
        return KEPT.get(("book", self.key), self._book)

    def _book(self) -> tuple[xm.Book, xm.Market]:
        wrong = [t.moved(p) for t in self.parsed.values() for p in t.problems]
        if wrong:
            raise InputError(wrong)
        with self.own_rows():
            try:
                return self._tables(self.venue)
            except InputError:
                if self.venue != self.model:
                    raise
                with suppress(InputError):  # names of another venue under this model: a question that may be asked
                    return self._tables("")
                raise

    def _tables(self, venue: str) -> tuple[xm.Book, xm.Market]:
        given = {n: t.columns for n, t in self.parsed.items()}
        return xm.tables(**given, as_of=self.time[0], venue=venue, source="ranges")

    def margin(self) -> xm.Margin:
        """The margin of every account; one bad account among several is listed in ``problems``."""
        return KEPT.get(("margin", *self.asked), self._margin)

    @property
    def asked(self) -> tuple[Any, ...]:
        """What a margin depends on."""
        return self.key, self.model.casefold(), tuple(sorted((k, str(v)) for k, v in self.own_options.items()))

    @property
    def own_options(self) -> dict[str, Any]:
        """The options that are the model's."""
        return {k: v for k, v in self.options.items() if k != "venue"}

    def _margin(self) -> xm.Margin:
        book, market = self.book()
        several = len(book) > 1
        with self.own_rows():
            return xm.margin(
                book, market, self.model, options=self.own_options, on_problem="collect" if several else "raise"
            )

    def benefit(self) -> xm.Benefit:
        """What netting saves, per pool."""
        return KEPT.get(("benefit", *self.asked), lambda: xm.benefit(self.margin()))

    def detail(self, account: str = "") -> xm.Margin:
        """The margin with amounts per position: of one account (``account`` or ``account / pool``), or of all."""
        return KEPT.get(("detail", account, *self.asked), lambda: self._detail(account))

    def _detail(self, account: str) -> xm.Margin:
        margin = self.margin()
        if account:
            self.refuse_bad(account)
            name, pool = split_account(account)
            return margin.detail(name, pool)
        run = margin.run
        return replace(run.session.run(replace(run.book, detail=True)), problems=margin.problems)

    def refuse_bad(self, account: str = "") -> None:
        """Raise the problems of ``account`` (of any account where none is named) that kept it out."""
        name, _ = split_account(account)
        wrong = [p for p in self.margin().problems if not account or str(p.account) in ("", name)]
        if wrong:
            with self.own_rows():
                raise InputError(wrong)

    @contextmanager
    def own_rows(self) -> Iterator[None]:
        """Problems in the row numbers of the ranges, in which titles may stand above the header."""
        try:
            yield
        except InputError as error:
            raise InputError([self.moved(p) for p in error.problems]) from None

    def moved(self, problem: Problem) -> Problem:
        """A problem in the row numbers of its range."""
        table = self.parsed.get(problem.table)
        return table.moved(problem) if table else problem


def split_account(account: str) -> tuple[str, str | None]:
    """Account and pool from ``account`` or ``account / pool``.

    >>> split_account("main / BTC"), split_account("main")
    (('main', 'BTC'), ('main', None))
    """
    name, slash, pool = account.partition(" / ")
    return name.strip(), pool.strip() if slash else None


def _dates(table: Tabular | None) -> np.ndarray:
    """The cells that a table's own column as_of holds."""
    for header, column in (table.columns if table else {}).items():
        if folded(header) == "asof":
            return column[~pd.isna(column)]
    return np.zeros(0)


def pick(margin: xm.Margin, values: np.ndarray, account: str, what: str) -> Any:
    """One value of ``values`` (R,): that of ``account``, or of the only row; else InputError lists the rows."""
    name, pool = split_account(account)
    rows = np.ones(len(margin.account), bool)
    if name:
        rows &= margin.account.astype(str) == name
    if pool is not None:
        rows &= margin.pool.astype(str) == pool
    at = np.flatnonzero(rows)
    if len(at) == 1:
        return values[at[0]]
    labels = [f"{a} / {p}" if p else str(a) for a, p in zip(margin.account, margin.pool, strict=True)]
    if not labels:
        raise InputError(f"{what}: there is no account: positions and balances are empty")
    wanted = labels if len(at) == 0 else [labels[i] for i in at]
    said = f"no account {account!r}" if len(at) == 0 else f"{len(at)} rows; say which account"
    raise InputError(f"{what}: {said} ({', '.join(wanted[:12])})")
