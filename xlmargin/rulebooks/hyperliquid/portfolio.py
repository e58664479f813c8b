"""Hyperliquid portfolio margin (alpha): borrowing against tokens and perpetuals in one ratio.

Source: hyperliquid-docs trading/portfolio-margin and support/faq/portfolio-margin (archived copies, alpha text). How
sure: formula only. No official example gives the ratio; what "portfolio balance" of a token is with several
collaterals is not published and is read here as wallet and supplied amount (for the settlement asset with the result
of perpetuals). Each token's price is the assets table's: the venue takes the median of spot, mark and oracle.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book, added
from ...errors import Note
from ...findings import chain, notes, rows_with
from ...ledger import CASH, Line, Margin
from ...market import Market
from ...params import Params
from ...refusals import foreign_balances, isolated_legs
from ...registry import Ready, margin_model
from ...scopes import Found
from .held import Held, loaded, prepared, problems

LOAN = 1
FORMULA = "formula only: the venue publishes no example of the ratio, and parts of its terms are not defined"
SEVERAL = (
    "several collaterals: whether the borrow cap holds for each or for their sum is not published; the sum is taken"
)


@margin_model(
    "hyperliquid.portfolio",
    needs={"perp": "mark", "balance": "price"},
    exceptions={
        "merging never raises": "tiers are progressive, and caps are per user",
        "scaling": "tiers are progressive, caps and the borrow offset are fixed amounts",
        "initial at least maintenance": "maintenance divides by the liquidation ratio what opening counts once",
    },
    payoffs="linear",
    evidence="formula only (alpha text)",
    title="Hyperliquid portfolio margin (alpha)",
)
def portfolio(book: Book, ready: Ready) -> Margin:
    """The borrowable token whose requirement is largest against its liquidation value, tested at 0.95."""
    held = Lent(book, ready)
    p, tight = ready.params, held.tightest
    equity = Line.total(
        "Liquidation value",
        Line.of("Balance of the tightest token", book, held.balance_of_tightest, CASH),
        Line.of("Result of perpetuals", book, np.where(held.settles[tight][book.legs.row], held.perps.result, 0.0)),
        Line.of("Collateral within caps at threshold", book, held.capped * held.threshold, CASH),
        Line("Relief: borrow cap", held.over_cap[np.arange(len(book)), tight], cite=p.cite("borrowable")),
    )
    need = [
        Line("Minimum borrow offset", held.offset, cite=p.cite("min_borrow_offset")),
        Line.of("Borrowed", book, held.borrowed_of_tightest, CASH),
    ]
    before = Line.total("Requirement", held.perps.maintenance(), *need)
    raise_by = 1.0 / p["liquidation_ratio"] - 1.0
    up = before.scaled("Uplift: liquidation ratio", raise_by, book, cite=p.cite("liquidation_ratio"))
    maintenance = Line.total("Maintenance margin", before, up, formula="requirement / liquidation ratio")
    ltv = Line.of(
        "LTV below threshold", book, held.capped * (held.threshold - held.ltv), CASH, cite=p.cite("collateral")
    )
    initial = Line.total("Initial margin", held.perps.initial(), *need, ltv)
    able = Line.of("Borrowable", book, held.capped * held.ltv, CASH, formula="Σ amount within cap · price · LTV")
    return Margin(
        equity,
        initial,
        maintenance,
        extras={"borrowable": able},
        ratio=held.ratio[np.arange(len(book)), tight],
        currency="USD",
        notes=held.notes(),
    )


class Lent:
    """Balances and loans by row and borrowable token (R, T): requirement, value, ratio, and the tightest token (R,)."""

    def __init__(self, book: Book, ready: Ready) -> None:
        self.book, self.ready, cash, market, p = book, ready, book.cash, ready.market, ready.params
        self.perps = Held(book, ready)
        loan = cash.kind == LOAN
        debt = np.where(loan, np.abs(cash.amount), np.maximum(-cash.amount, 0.0))
        amount = np.where(loan, 0.0, np.maximum(cash.amount, 0.0))
        price = market.price[cash.asset]
        self.ltv, cap = ready.ltv[cash.asset], ready.supply_cap[cash.asset]
        self.threshold = np.where(self.ltv > 0, p["threshold_base"] + p["threshold_slope"] * self.ltv, 0.0)
        total = added(cash.row * len(market.assets) + cash.asset, amount, len(book) * len(market.assets))
        held = total[cash.row * len(market.assets) + cash.asset]
        within = np.divide(np.minimum(held, cap), held, out=np.zeros(len(held)), where=held > 0)
        self.capped = np.where(self.ltv > 0, amount * within * price, 0.0)
        self.settles = ready.token == ready.settle
        self._ratios(debt * price, amount * price)

    def _ratios(self, debt: np.ndarray, worth: np.ndarray) -> None:
        book, ready, cash, p = self.book, self.ready, self.book.cash, self.ready.params
        rows, tokens = len(book), len(ready.token)
        token = ready.token_of[cash.asset]
        at = cash.row * tokens + np.maximum(token, 0)
        borrowed = added(at, np.where(token >= 0, debt, 0.0), rows * tokens).reshape(rows, tokens)
        balance = added(at, np.where(token >= 0, worth, 0.0), rows * tokens).reshape(rows, tokens)
        balance = balance + np.where(self.settles, book.sum(self.perps.result)[:, None], 0.0)
        charge = book.sum(self.perps.charge)
        lent = cash.sum(self.capped * self.threshold)[:, None]
        self.over_cap = np.minimum(ready.borrow_cap - lent, 0.0)
        self.offset = np.where((charge > 0) | (borrowed.sum(axis=1) > 0), p["min_borrow_offset"], 0.0)
        requirement = self.offset[:, None] + charge[:, None] + borrowed
        value = balance + lent + self.over_cap
        ratio = np.divide(requirement, value, out=np.full(value.shape, np.inf), where=value > 0)
        self.ratio = np.where(requirement > 0, ratio, 0.0)
        counts = (
            (borrowed > 0)
            | (self.settles & (borrowed.sum(axis=1, keepdims=True) == 0))
            | (self.settles & (charge > 0)[:, None])
        )
        self.tightest = np.where(counts, self.ratio, -1.0).argmax(axis=1)
        mine = token == self.tightest[cash.row]
        self.balance_of_tightest = np.where(mine, worth, 0.0)
        self.borrowed_of_tightest = np.where(mine, debt, 0.0)

    def notes(self) -> tuple[Note, ...]:
        """What the figures assume."""
        book, cash = self.book, self.book.cash
        width = len(self.ready.ltv)
        posted = np.unique((cash.row * width + cash.asset)[(self.ltv > 0) & (self.capped > 0)])
        several = np.bincount(posted // max(width, 1), minlength=len(book)) > 1
        everyone = rows_with(book.legs, np.ones(len(book.legs), bool)) | rows_with(cash, np.ones(len(cash), bool))
        cite = "hyperliquid-docs trading/portfolio-margin (alpha)"
        return self.perps.notes() + notes((FORMULA, cite, everyone), (SEVERAL, cite, several))


@portfolio.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Tiers by instrument; LTV and supply cap by asset (C,), borrow cap by token (T,)."""
    tokens = list(p["borrowable"])
    number = {name: t for t, name in enumerate(tokens)}
    collateral = [p["collateral"].get(str(a), (0.0, 0.0)) for a in market.assets]
    return {
        **prepared(market, p),
        "ltv": np.array([c[0] for c in collateral], np.float64),
        "supply_cap": np.array([c[1] for c in collateral], np.float64),
        "token": np.array(tokens, object),
        "token_of": np.array([number.get(str(a), -1) for a in market.assets], np.int64),
        "borrow_cap": np.array([float(p["borrowable"][t]) for t in tokens]),
        "settle": p["settle"],
    }


@portfolio.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Tiers, leverage, modes, and tokens that are neither collateral nor borrowable."""
    accepted = {*p["collateral"], *p["borrowable"]}
    return chain(
        problems(book, market, p),
        isolated_legs(book, market, "portfolio margin"),
        foreign_balances(book, market, accepted, "Hyperliquid's portfolio margin", lends=True),
    )


@portfolio.loader
def load(payload: Any, p: Params) -> Params:
    """Parameters with the tiers of a meta response of the info endpoint in place."""
    return loaded(payload, p)


def borrow_thresholds(value: float, ltv: float, p: Params) -> tuple[float, float]:
    """Borrowed amounts from which a loan against ``value`` of one token is liquidated partly and in full.

    value·(LTV + (1 − LTV)·share), share 1/2 and 2/3. Source: hyperliquid-docs support/faq/portfolio-margin.
    """
    return tuple(value * (ltv + (1.0 - ltv) * p[key]) for key in ("partial_share", "full_share"))


def locked(borrowed: float, ltv: float, price: float) -> float:
    """Tokens that a loan keeps from being withdrawn: borrowed / LTV / price. Source: as above.

    >>> locked(100.0, 0.5, 40.0)
    5.0
    """
    return borrowed / ltv / price


def borrow_rate(utilisation: float, p: Params) -> float:
    """Yearly rate paid on borrowed stables: base + slope·(utilisation − kink)⁺. Source: trading/portfolio-margin."""
    return p["borrow_base"] + p["borrow_slope"] * max(0.0, utilisation - p["borrow_kink"])
