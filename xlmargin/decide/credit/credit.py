"""One credit line over accounts at several venues: net requirement, utilisation, pre-funding saved, breaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...book import Book, added
from ...errors import InputError, Note, nearest
from ...findings import once
from ...html import amount, share
from ...ledger import Margin
from ...market import Market
from ...params import Params
from ...registry import Model
from ..across import Models, across, told_of
from ..owners import as_one, owners_of
from ..shown import Shown, tabled
from .breaches import Finding, findings, of_underlyings
from .house import House, contributions, house
from .lines import Lines, lines_of
from .standing import Standing

EQUITY, NONE = "equity", "none"


@dataclass(frozen=True, eq=False, repr=False)
class Credit(Shown):
    """Owners (O) and what they require: at each venue (``standing``), and as one account an owner (``whole``).

    ``adds`` (O, V) is what a venue's positions add to the net requirement by its ledger. ``found`` are the lines and
    limits with what stands against them, the gravest first; ``notes`` what the figures rest on.
    """

    owners: np.ndarray
    accounts: np.ndarray
    standing: Standing
    whole: House
    adds: np.ndarray
    lines: Lines
    found: tuple[Finding, ...]
    notes: tuple[Note, ...]
    portfolio: str
    level: str
    collateral: str
    currency: str

    @property
    def required(self) -> np.ndarray:
        """What the venues require by themselves (O,)."""
        return self.standing.required.sum(axis=1)

    @property
    def net(self) -> np.ndarray:
        """What an owner's portfolio requires as one account (O,); NaN where the remark says why it is not known."""
        return self.whole.need

    @property
    def saved(self) -> np.ndarray:
        """Pre-funding saved (O,): what all venues require by themselves less what is required net."""
        return self.required - self.net

    @property
    def share(self) -> np.ndarray:
        """Each venue's share of the net requirement (O, V), in proportion to what it requires by itself."""
        own, total = self.standing.required, self.required[:, None]
        return np.divide(own, total, out=np.zeros_like(own), where=total != 0) * self.net[:, None]

    @property
    def used(self) -> np.ndarray:
        """What is used of the line (O,): requirement less the equity that counts, pool by pool, never below 0."""
        return used_of(self.whole, self.collateral)

    @property
    def utilisation(self) -> np.ndarray:
        """Used / line (O,); NaN without a line."""
        line = self.lines.line
        return np.divide(self.used, line, out=np.full(len(line), np.nan), where=line > 0)

    def frame(self) -> Any:
        """A row per owner (pandas DataFrame): required, net, saved, used, line, utilisation, state, remark."""
        import pandas as pd

        columns = {
            "owner": self.owners,
            "accounts": self.accounts,
            "currency": self.currency,
            "required at venues": self.required,
            "net": self.net,
            "saved": self.saved,
            "saved share": np.divide(
                self.saved, self.required, out=np.zeros(len(self.owners)), where=self.required > 0
            ),
            "equity": self.whole.equity,
            "used": self.used,
            "line": self.lines.line,
            "utilisation": self.utilisation,
            "free": self.lines.most - self.used,
            "state": [self.state(o) for o in range(len(self.owners))],
            "remark": self.whole.remark,
        }
        return pd.DataFrame(columns)

    @tabled
    def venues(self) -> Any:
        """A row per owner and venue (pandas DataFrame): required there, equity, shortfall, share of net, saved."""
        import pandas as pd

        at, share = self.standing, self.share
        o, v = np.nonzero(at.held)
        return pd.DataFrame(
            {
                "owner": self.owners[o],
                "venue": np.array(at.names, object)[v],
                "model": np.array(at.models, object)[v],
                "accounts": at.held[o, v],
                "currency": self.currency,
                "required": at.required[o, v],
                "equity": at.equity[o, v],
                "short": at.short[o, v],
                "share of net": share[o, v],
                "saved": at.required[o, v] - share[o, v],
                "adds to net": self.adds[o, v],
            }
        )

    @tabled
    def limits(self) -> Any:
        """A row per line and limit (pandas DataFrame), whatever its state; the gravest first."""
        import pandas as pd

        names = ("kind", "where", "amount", "limit", "excess", "severity", "state", "message")
        rows = [{"owner": self.owners[f.owner]} | {n: getattr(f, n) for n in names} for f in self.found]
        return pd.DataFrame(rows, columns=["owner", *names]).assign(currency=self.currency)

    @tabled
    def breaches(self) -> Any:
        """The rows of ``limits`` that are breached or near (pandas DataFrame)."""
        table = self.limits()
        return table[table["severity"].isin(["critical", "serious", "warning"])].reset_index(drop=True)

    def state(self, owner: int) -> str:
        """How an owner stands to his line, in words."""
        return self._states[owner]

    @cached_property
    def _states(self) -> dict[int, str]:
        return {f.owner: f.state for f in self.found if f.kind == "line"}

    @property
    def words(self) -> str:
        """A sentence an owner."""
        return "\n".join(self._told(o) for o in range(len(self.owners)))

    def _told(self, o: int) -> str:
        count = int((self.standing.held[o] > 0).sum())
        where = f"{count} venue{'s'[: count != 1]}"
        need, own = self._money(self.required[o]), self.owners[o]
        head = f"{own}: {need} {self.currency} of {self.level} margin at {where}"
        if np.isnan(self.net[o]):
            return f"{head}; net requirement not known: {self.whole.remark[o]}"
        if self.portfolio:
            less = f"{self._money(abs(self.saved[o]))} {'less' if self.saved[o] >= 0 else 'more'} to fund"
            head = f"{head}, {self._money(self.net[o])} as one account under {self.portfolio}: {less}"
        else:
            head = f"{head}, not netted: no portfolio model given"
        line = float(self.lines.line[o])
        if np.isnan(line):
            return f"{head}; {self._use(o)}; no line given"
        full = f" ({share(self.utilisation[o])})" if line > 0 else ""
        drawn = f"{self._money(self.used[o])} of the line of {self._money(line)} is used{full}"
        return f"{head}; {self._use(o)}; {drawn}: {self.state(o)}"

    def _use(self, o: int) -> str:
        """What equity leaves uncovered, in words."""
        used = self._money(self.used[o])
        if self.collateral != EQUITY:
            return "no collateral is counted against it"
        return f"equity leaves {used} of it uncovered" if used.strip("-0.") else "equity covers it"

    def _money(self, value: float) -> str:
        return amount(float(value), self.currency)


def used_of(whole: House, collateral: str) -> np.ndarray:
    """What is used of a line (O,): Σ over pools max(0, requirement − equity), or the requirement without collateral."""
    return whole.short if collateral == EQUITY else whole.need


def credit(
    book: Book,
    market: Market,
    models: Models = None,
    lines: Any = None,
    *,
    portfolio: str | Model | None = None,
    level: str = "initial",
    collateral: str = EQUITY,
    currency: str = "USD",
    params: Mapping[str, Params] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    workers: int | None = None,
) -> Credit:
    """What accounts at several venues require by themselves, and as one account an owner under one credit line.

    Parameters: ``models`` by venue as ``across`` takes them; ``lines``, a table (owner, line, currency, limit, warn,
    venue or underlying, measure), else the table of that name that the book was read with; ``portfolio``, the model
    under which an owner's whole portfolio is one account (without it nothing is netted); ``level``, the requirement;
    ``collateral`` "equity" or "none" counted against it. Owners are the column ``owner`` of the accounts table; all
    accounts have one owner without it. ``params`` and ``options`` by model id.
    used = Σ over pools max(0, requirement − equity) of the one account (without collateral: its requirement);
    utilisation = used / line; saved = Σ over venues of the requirement − net requirement.
    Raises InputError for tables that cannot be read, unknown owners and currencies without a price.

    >>> from ...assemble import tables
    >>> held = {"account": ["H", "X"], "instrument": ["BTC", "BTC"], "quantity": [3.0, -1.0]}
    >>> listed = {"instrument": ["BTC"], "kind": ["perp"], "underlying": ["BTC"], "settle": ["USDC"], "mark": [1e5]}
    >>> accounts = {"account": ["H", "X"], "venue": ["hyperliquid.cross", "dydx.cross"]}
    >>> assets = {"asset": ["USDC"], "price": [1.0]}
    >>> desk = tables(held, instruments=listed, accounts=accounts, assets=assets, as_of="2026-11-01")
    >>> found = credit(*desk, lines={"line": [8_000]}, portfolio="dydx.cross")
    >>> [float(x[0]) for x in (found.required, found.net, found.saved, found.utilisation)]
    [9500.0, 4000.0, 5500.0, 0.5]
    """
    if collateral not in (EQUITY, NONE):
        hint = nearest(str(collateral), (EQUITY, NONE))
        raise InputError(f"collateral is counted as equity or none, not {collateral!r}{hint}")
    made = across(book, market, models, params=params, options=options, workers=workers)
    owners, owner = owners_of(book)
    each = Standing.of(made, book, owner, len(owners), level, currency)
    limits = lines_of(owners, market, market.tables.get("lines") if lines is None else lines, currency)
    one = as_one(book, market, owner, owners)
    how = {} if portfolio is None else told_of(portfolio, params, options) | {"workers": workers}
    whole = _apart(each) if portfolio is None else house(one, market, portfolio, how, level, currency)
    concentrated = of_underlyings(limits.limits, one, market, portfolio, how, level, currency)
    found = findings(limits, used_of(whole, collateral), whole, each, currency, concentrated)
    return Credit(
        owners=owners,
        accounts=np.bincount(owner, minlength=len(owners)),
        standing=each,
        whole=whole,
        adds=_adds(whole, each, made, (book, market, owner, owners), level, currency),
        lines=limits,
        found=tuple(found),
        notes=_notes([*made.values(), whole.margin]),
        portfolio="" if portfolio is None else str(getattr(portfolio, "id", portfolio)),
        level=level,
        collateral=collateral,
        currency=currency,
    )


def _apart(each: Standing) -> House:
    """Owners of whom nothing is netted: the sums over their venues."""
    return House(None, each.required.sum(1), each.equity.sum(1), each.short.sum(1), ("",) * len(each.required))


def _notes(margins: list[Margin | None]) -> tuple[Note, ...]:
    """What the figures rest on, by model, each once."""
    some = [m for m in margins if m is not None]
    return once(Note(f"{m.stamp['model']}: {note.text}", note.cite) for m in some for note in m.notes)


def _adds(
    whole: House,
    each: Standing,
    made: Mapping[str, Margin],
    about: tuple[Book, Market, np.ndarray, np.ndarray],
    level: str,
    currency: str,
) -> np.ndarray:
    """What each venue's positions add to the net requirement (O, V); what no position carries in proportion.

    Without a house model each venue adds what it requires; unknown (NaN) where the requirement is.
    """
    if whole.margin is None:
        return np.where(np.isnan(whole.need)[:, None], np.nan, each.required)
    book, market, owner, owners = about
    place = {str(a): v for v, m in enumerate(made.values()) for a in m.account}
    venue = np.array([place[str(a)] for a in book.account], np.int64)
    amounts = contributions(whole, market, owners, owner, book, level, currency)
    key = (owner * len(made) + venue)[book.legs.row]
    own = added(key, amounts, len(owners) * len(made)).reshape(len(owners), len(made))
    total = each.required.sum(axis=1, keepdims=True)
    part = np.divide(each.required, total, out=np.zeros_like(own), where=total != 0)
    return own + part * (whole.need - own.sum(axis=1))[:, None]
