"""What a venue asks for assets that an account owes: tiers by asset, laid on the holdings that make up the debt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .book import Book
from .collateral import owed, spread
from .ledger import Line
from .market import Market
from .tiers import Tiers


@dataclass(frozen=True, eq=False)
class Borrowing:
    """Borrowing tiers of the market's assets (C,): maintenance and initial rate by debt in the asset.

    ``key`` (C,) numbers the table of each asset, ``listed`` (C,) says whether it is its own or the one that stands in.
    """

    tiers: Tiers
    initial: np.ndarray
    key: np.ndarray
    listed: np.ndarray

    @classmethod
    def of(cls, table: Mapping[str, Sequence[Sequence[float]]], assets: Iterable[str], other: str) -> Borrowing:
        """From asset = [[floor, maintenance rate, initial rate], …]; ``other`` names the table for the rest.

        >>> b = Borrowing.of({"USDT": [[0, 0.02, 0.1]]}, ["USDT", "XYZ"], "USDT")
        >>> b.key.tolist(), b.listed.tolist()
        ([0, 0], [True, False])
        """
        rows = [(asset, *row) for asset, slices in table.items() for row in slices]
        columns = {name: [row[i] for row in rows] for i, name in enumerate(("key", "floor", "rate"))}
        tiers = Tiers.of(columns, "borrow", inclusive=True)
        own = tiers.find(assets)
        initial = np.array([row[3] for row in rows] + [np.nan])
        return cls(tiers, initial, np.where(own < 0, tiers.find([other])[0], own), own >= 0)

    def lines(
        self,
        book: Book,
        market: Market,
        cash: np.ndarray,
        legs: np.ndarray,
        held: np.ndarray,
        where: np.ndarray,
        fee: float = 0.0,
        **words: str,
    ) -> tuple[Line, Line, Line]:
        """Maintenance and initial margin of debts and the fee at their liquidation: debt · price · rate.

        ``cash`` (B,) and ``legs`` (H,) are amounts in their assets, ``held`` (R, C) their sums, ``where`` (R,) the rows
        that may owe. The fee is debt · price · (1 + maintenance rate) · ``fee``.
        """
        key, price = np.broadcast_to(self.key, held.shape), market.price

        def rate(debt: np.ndarray, column: np.ndarray) -> np.ndarray:
            return np.where(debt > 0, debt * price * column[self.tiers.bracket(debt, key)], 0.0)

        charges = {
            "Borrowing": lambda debt: rate(debt, self.tiers.rate),
            "Borrowing, initial": lambda debt: rate(debt, self.initial),
            "Liquidation fee of debts": lambda debt: rate(debt, 1.0 + self.tiers.rate) * fee,
        }
        return tuple(
            spread(name, book, market, cash, legs, owed(held, charge, where), **words)
            for name, charge in charges.items()
        )

    def unlisted(self, held: np.ndarray, where: np.ndarray) -> np.ndarray:
        """Rows (R,) of ``where`` that owe an asset without a table of its own."""
        return ((held < 0) & ~self.listed).any(axis=1) & where
