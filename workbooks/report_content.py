"""What a report shows: every account in the summary, the tightest in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..ledger import Margin
from ..netting import Benefit

ACCOUNTS_IN_FULL = 25
HOLDINGS_IN_FULL = 250


@dataclass(frozen=True, eq=False)
class Content:
    """A margin, what netting saves, and the rows shown in full: ``rows`` (D,) of the margin are those of ``detail``."""

    title: str
    margin: Margin
    saving: Benefit
    detail: Margin
    rows: np.ndarray

    @property
    def stamp(self) -> dict[str, Any]:
        """Model, parameters, market time and source."""
        return self.margin.stamp

    @property
    def partial(self) -> bool:
        """Whether some accounts are not shown in full."""
        return len(self.rows) < len(self.margin.account)

    @property
    def pooled(self) -> bool:
        """Whether pools have names."""
        return any(str(p) for p in self.margin.pool)

    @property
    def foot(self) -> str:
        """What the figures rest on, in a line."""
        stamp = self.stamp
        return f"{stamp['model']} · parameters of {stamp['parameters']} · market of {stamp['market time']}"

    @property
    def extent(self) -> str:
        """Which accounts are shown in full, in words; nothing where all are."""
        if not self.partial:
            return ""
        shown, all_ = (len(set(map(str, m.account))) for m in (self.detail, self.margin))
        return f"{shown} of {all_:,} accounts are shown in full: those that use most of their equity."

    def who(self, d: int) -> str:
        """Account, pool and currency of a row shown in full."""
        pool, currency = str(self.detail.pool[d]), str(self.detail.currency[d])
        return " · ".join(dict.fromkeys(w for w in (str(self.detail.account[d]), pool, currency) if w))


def gather(margin: Margin, saving: Benefit, title: str) -> Content:
    """The content of a report on a margin."""
    rows = tightest(margin, ACCOUNTS_IN_FULL)
    chosen = replace(margin.run.book.take(rows), detail=True)
    detail = replace(margin.run.session, workers=1).run(chosen)
    return Content(title, margin, saving, detail, rows)


def tightest(margin: Margin, most: int) -> np.ndarray:
    """Rows of the ``most`` accounts that use the largest part of their equity, in the order of the book."""
    names, number = np.unique(margin.account.astype(str), return_inverse=True)
    if len(names) <= most:
        return np.arange(len(margin.account))
    equity, needed = margin.equity.value, margin.maintenance.value
    usage = np.divide(needed, equity, out=np.full(len(equity), np.inf), where=equity > 0)
    usage[(needed <= 0) & (equity >= 0)] = 0.0
    worst = np.zeros(len(names))
    np.maximum.at(worst, number, usage)
    chosen = np.argsort(-worst, kind="stable")[:most]
    return np.flatnonzero(np.isin(number, chosen))


def largest(amounts: np.ndarray, most: int = HOLDINGS_IN_FULL) -> np.ndarray:
    """Positions of the non-zero amounts in their order: the ``most`` largest where there are more.

    >>> largest(np.array([0.0, 3.0, -5.0, 1.0]), 2).tolist()
    [1, 2]
    """
    held = np.flatnonzero(amounts)
    if len(held) <= most:
        return held
    return np.sort(held[np.argsort(-np.abs(amounts[held]), kind="stable")[:most]])


def joined(words: Sequence[Any], most: int = 12) -> str:
    """Distinct words in a row, the first ``most`` of them.

    >>> joined(["a", "b", "a", "c"], 2)
    'a, b and 1 more'
    """
    distinct = list(dict.fromkeys(map(str, words)))
    more = f" and {len(distinct) - most:,} more" if len(distinct) > most else ""
    return ", ".join(distinct[:most]) + more
