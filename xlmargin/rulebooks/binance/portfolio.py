"""Binance Portfolio Margin and its Pro programme: one account in USD over margin, USD-M and COIN-M wallets.

Sources: Binance FAQ 5e33af8e6ac04d57a1d0a3398e0a0752 and 4868b2f1aa6c4d08af973328462bb0bd (uniMMR), trading rules
174861644e7049aaa64845f1db2e4376 (initial margin), 446ce2c3357a449599c82436078b0e3b (withdrawal at 1.2 × MM).
How sure: formulas official; collateral rates are the user's to give (published only in part); the account's own
bracket table is not published, the normal tables stand in; how open loss is marked is not known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...collateral import haircut, split_results, without_entry
from ...errors import InputError, Note, nearest
from ...findings import chain, notes, on_cash, on_legs, rows_with, setting_is
from ...ledger import CASH, ORDERS, Line, Margin
from ...market import Market
from ...orders import loss
from ...params import Params
from ...position_checks import isolated_legs
from ...registry import Ready, Setting, margin_model
from ...scopes import Found
from ...tiers import ratios
from .brackets import LEVERAGE, POSITION_MODE, Held, loaded, order_note, prepared, problems

LOAN = 1
PRO = "pro"
LOWEST = "3"


@margin_model(
    "binance.portfolio",
    needs={"perp": "mark", "future": "mark", "balance": "price", "settle": "price"},
    settings={
        "program": Setting("classic", "Portfolio Margin or Portfolio Margin Pro", ("classic", PRO)),
        "margin_leverage": Setting("", "leverage of the cross margin account; 3 unless given", ("3", "5", "10")),
        "position_mode": POSITION_MODE,
        "leverage": LEVERAGE,
    },
    exceptions={
        "merging never raises": "brackets are progressive: a larger position pays a higher rate on its top slice",
        "scaling": "brackets and collateral tiers are progressive",
    },
    evidence="formulas official; collateral rates and brackets incomplete",
    title="Binance Portfolio Margin (uniMMR)",
)
def portfolio(book: Book, ready: Ready) -> Margin:
    """Adjusted equity of the unified account over the maintenance margin of futures and loans: uniMMR."""
    held = Held(book, ready, np.ones(len(book), bool))
    account = Account(held, ready)
    maintenance = Line.total("Maintenance margin", held.maintenance(), account.loans(), formula="Σ futures + Σ loans")
    equity = account.equity()
    uni = np.full(len(book), np.nan)
    np.divide(equity.value, maintenance.value, out=uni, where=maintenance.value > 0)
    bands = ready.params["bands"]
    cite = ready.params.cite("bands")
    levels = {name: maintenance.scaled(f"uniMMR {bands[name]:g}", bands[name], book, cite=cite) for name in bands}
    currency = np.full(len(book), "USD", object)
    initial = account.initial(maintenance, bands["reduce_only"])
    return Margin(equity, initial, maintenance, levels, ratio=uni, currency=currency, notes=account.notes())


class Account:
    """What the unified account adds to brackets: loans, collateral rates, programmes."""

    def __init__(self, held: Held, ready: Ready) -> None:
        self.held, self.ready, self.book, self.market = held, ready, held.book, held.market
        settings, cash = held.book.settings, held.book.cash
        self.pro = settings["program"] == PRO
        self.classic = ~self.pro
        loan = cash.kind == LOAN
        self.amount = np.where(loan, -np.abs(cash.amount), cash.amount)
        price = self.market.price[cash.asset]
        self.worth = self.amount * price
        self.loan = np.where(loan, -self.worth, 0.0)
        self.unsaid = settings["margin_leverage"] == ""
        self.leverage = np.where(self.unsaid, LOWEST, settings["margin_leverage"]).astype(np.float64)
        table = {float(k): v for k, v in ready.params["loan_rate"].items()}
        self.loan_rate = np.array([table[x] for x in sorted(table)])[np.searchsorted(sorted(table), self.leverage)]

    def loans(self) -> Line:
        """Maintenance margin of loans."""
        amounts = self.loan * self.loan_rate[self.book.cash.row]
        return Line.of("Loans", self.book, amounts, CASH, formula="loan · rate", cite=self._cite("loan_rate"))

    def equity(self) -> Line:
        """Σ min(X·P·rate, X·P) less what open orders would lose (classic only)."""
        book, held = self.book, self.held
        lost = haircut(
            book, self.market, self.amount, held.result, self.market.price, self._counted, held.usd,
            cite=self._cite("collateral", "collateral_pro"),
        )  # fmt: skip
        losing = 0.0 - loss(book, self.market) * held.order_rate * self.classic[book.orders.row]
        own = np.where(self.loan > 0, 0.0, self.worth)
        return Line.total(
            "Adjusted equity",
            Line.of("Wallets", book, own, CASH),
            Line.of("Loans owed", book, -self.loan, CASH),
            split_results(book, held.result * held.rate),
            lost,
            Line.of("Open loss of orders", book, losing, ORDERS, formula="Σ min(0, result of a fill at the mark)"),
        )

    def _counted(self, amount: np.ndarray) -> np.ndarray:
        """How much of each asset's sum (R, C) counts: flat rates, or for Pro tiers on its value in USD."""
        price, ready = self.market.price, self.ready
        tiered = ready.pro.marginal(amount * price, np.broadcast_to(ready.pro_key, amount.shape)) / price
        flat = ready.flat.marginal(amount, np.broadcast_to(ready.flat_key, amount.shape))
        return np.where(self.pro[:, None], tiered, flat)

    def initial(self, maintenance: Line, band: float) -> Line:
        """Classic: futures and loans at their leverage; Pro has none, so what may still be withdrawn: 1.2 × MM."""
        book, held, classic = self.book, self.held, 1.0 * self.classic
        borrowed = self.loan / (self.leverage - 1.0)[book.cash.row]
        return Line.total(
            "Initial margin",
            held.positions().scaled("Positions", classic, book),
            held.orders(self.ready).scaled("Open orders", classic, book),
            Line.of("Loans", book, borrowed * classic[book.cash.row], CASH, formula="loan / (leverage − 1)"),
            maintenance.scaled(f"Pro: {band:g} × maintenance", band * self.pro, book, cite=self._cite("bands")),
        )

    def _cite(self, *keys: str) -> str:
        return self.ready.params.cite(*keys)

    def notes(self) -> tuple[Note, ...]:
        """What the figures assume."""
        book, held = self.book, self.held
        futures, loans = rows_with(book.legs, held.size > 0), rows_with(book.cash, self.loan > 0)
        silent = rows_with(book.legs, held.silent)
        ordered = rows_with(book.orders, np.ones(len(book.orders), bool)) & self.classic
        published = np.full(len(book), not self.ready.params.version)
        return notes(
            order_note(book),
            ("no leverage given: the highest that the bracket allows is taken", "", silent & self.classic),
            ("a position has no entry price: its result is not in equity", "", without_entry(book, self.market)),
            ("collateral rates are published only in part and partly old", self._cite("collateral"), published),
            ("the account's own bracket table is not known; the normal tables stand in", "ccxt PR 21180", futures),
            ("how open loss is marked is not known; futures orders are marked at their mark", "", ordered),
            ("margin_leverage 3 is assumed where the accounts table gives none", "", loans & self.unsaid),
            ("Pro has no initial margin; shown is what a withdrawal must leave", self._cite("bands"), self.pro),
        )


@portfolio.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Brackets by instrument, collateral rates by asset for both programmes."""
    flat = ratios(p["collateral"], "binance.portfolio collateral")
    pro = ratios(p["collateral_pro"], "binance.portfolio collateral_pro")
    keys = {"flat_key": flat.find(market.assets), "pro_key": pro.find(market.assets)}
    return {**prepared(market, p), "flat": flat, "pro": pro, **keys}


@portfolio.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Brackets, leverage, hedge legs, isolated legs, and assets without a collateral rate of their programme."""
    everywhere = np.ones(len(book), bool)
    return chain(
        problems(book, market, p),
        isolated_legs(book, market, everywhere, "the unified account is cross only"),
        _unrated(book, market, p),
    )


def _unrated(book: Book, market: Market, p: Params) -> list[Found]:
    pro = setting_is(book, "program", PRO)
    known = [np.isin(market.assets.astype(str), list(p[key])) for key in ("collateral", "collateral_pro")]
    known = np.append(np.array(known), [[True], [True]], axis=1)
    cash, legs = book.cash, book.legs
    settle = market.settle[legs.instrument]

    def say(asset: str, row: int) -> str:
        key = "collateral_pro" if pro[row] else "collateral"
        how = f"give it with Params.override({key}={{…}}) or Model.load(collateralRate response)"
        return f"no collateral rate for {asset} in binance.portfolio{nearest(asset, p[key])}; {how}"

    bad = ~known[pro[cash.row].astype(int), cash.asset] & (cash.kind != LOAN)
    owing = ~known[pro[legs.row].astype(int), settle]
    return chain(
        on_cash(book, market, bad, "asset", lambda h: say(str(market.assets[cash.asset[h]]), cash.row[h])),
        on_legs(book, market, owing, "settle", lambda h: say(str(market.assets[settle[h]]), legs.row[h])),
    )


@portfolio.loader
def load(payload: Any, p: Params) -> Params:
    """Parameters with a leverageBracket (UM or CM) or a collateralRate (v1 flat, v2 tiered) response in place.

    Raises InputError where the payload is none of them.
    """
    rows = payload if isinstance(payload, list) else [payload]
    first = rows[0] if rows and isinstance(rows[0], dict) else {}
    if "brackets" in first:
        usdm = any("notionalFloor" in b for b in first["brackets"])
        return loaded(payload, p, *(("notional", "brackets_usdm") if usdm else ("qty", "brackets_coinm")))
    if "collateralRate" in first:
        fresh = {r["asset"]: float(r["collateralRate"]) for r in rows}
        return p.override("collateralRate response (v1)", collateral={**p["collateral"], **fresh})
    if "collateralInfo" in first:
        tiers = {r["asset"]: _slices(r["collateralInfo"]) for r in rows}
        return p.override("collateralRate response (v2)", collateral_pro={**p["collateral_pro"], **tiers})
    raise InputError("neither a leverageBracket nor a collateralRate response: no brackets, no collateralRate")


def _slices(info: list[dict[str, Any]]) -> list[list[float]]:
    slices = [[float(t["tierFloor"]), float(t["collateralRate"])] for t in info]
    return [*slices, [float(info[-1]["tierCap"])]]
