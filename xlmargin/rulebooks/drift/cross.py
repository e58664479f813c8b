"""Drift v2 cross and isolated margin in the program's integers: weighted collateral against requirements.

Source: drift-labs/protocol-v2@0ae3e3b1 (2026-04-01) programs/drift/src/math/margin.rs. How sure: equal to the
repository's assertions to the last unit (1e-6 USD); weights and ratios of the TOML are its fixtures, live ones are on
chain. Equity is the plain value of deposits less borrows and of unrealised results; what the program leaves out of
collateral is part of the requirement, so that equity − requirement = total collateral − margin requirement, both of
which stand beside it. ``mark`` is the oracle price; a position's ``leverage`` sets its highest margin ratio.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...errors import Note
from ...findings import chain, notes, on_legs, on_orders, rows_with
from ...integers import Tally, added
from ...ledger import CASH, LEGS, ORDERS, Margin
from ...market import SPOT, Market
from ...params import Params
from ...refusals import bare_isolated_legs, foreign_balances, hedge_legs, one_pool
from ...registry import Ready, Setting, margin_model
from ...scopes import Found
from .accounts import USD, loaded, prepared
from .perps import Perps, Terms
from .tokens import Tokens
from .weights import FILL, INITIAL, MAINTENANCE


@margin_model(
    "drift.cross",
    needs={
        "perp": "mark net_user_pnl?",
        "spot": "mark?",
        "balance": "price twap? total_deposits?",
        "settle": "price",
    },
    settings={
        "max_margin_ratio": Setting(0.0, "margin ratio that the user chose, in 1e-4 (0 for none)"),
        "high_leverage": Setting("no", "high-leverage mode of the account", ("no", "yes")),
    },
    options={
        "strict": Setting(
            "no", "lower of price and 5-minute average for assets, higher for liabilities", ("no", "yes")
        ),
        "margin_buffer": Setting(0.0, "liquidation buffer on liabilities, in 1e-4"),
        "margin_ratio_override": Setting(0.0, "ratio in 1e-4 that overrides lower ones (0 for none)"),
    },
    exceptions={
        "merging never raises": "weights and ratios get harder with size",
        "scaling": "weights and ratios get harder with size; values are rounded",
    },
    payoffs="linear",
    scoped=True,
    evidence="equal to the repository's assertions; weights and ratios are its fixtures, live ones on chain",
    title="Drift v2 cross margin",
)
def cross(book: Book, ready: Ready) -> Margin:
    """Weighted deposits and profits against weighted borrows and the worse fill of every market."""
    held = Account(book, ready)
    levels = {kind: held.requirement(kind) for kind in (INITIAL, MAINTENANCE, FILL)}
    extras = {}
    for kind in levels:
        collateral, need = held.program(kind)
        extras[f"{kind} collateral"] = Tally.row("Total collateral", collateral, USD).line
        extras[f"{kind} requirement"] = Tally.row("Margin requirement", need, USD).line
    return Margin(
        held.equity().line,
        levels[INITIAL].line,
        levels[MAINTENANCE].line,
        {"fill": levels[FILL].line},
        extras,
        currency="USD",
        notes=held.notes(),
    )


class Account:
    """A book under the program's rules: tokens and perpetual markets, and the ledger that they make."""

    def __init__(self, book: Book, ready: Ready) -> None:
        self.book, self.ready, self.p = book, ready, ready.params
        self.tokens, self.perps = Tokens(book, ready, ready.terms), Perps(book, ready, ready.terms)
        self.kinds = {kind: self._needs(kind) for kind in (INITIAL, MAINTENANCE, FILL)}

    def _needs(self, kind: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Collateral and requirement of tokens and perpetuals, filled; and requirements without open orders."""
        tokens, perps = self.tokens, self.perps
        filled, alone = tokens.sides(kind, True), perps.requirement(kind, False)
        held = tokens.sides(kind, False) if len(tokens.order) else filled
        counted = perps.collateral(kind)
        open_ = perps.requirement(kind, True) if len(perps.order) else alone
        return {"tokens": filled, "held": held, "perps": (counted, open_), "alone": (counted, alone)}

    def _first(self, number: np.ndarray, amounts: np.ndarray) -> np.ndarray:
        """Amounts per market (N,) on the first holding of each (H,)."""
        if np.array_equal(number, np.arange(len(amounts))):
            return amounts
        out = np.zeros(len(number), amounts.dtype)
        place = np.unique(number, return_index=True)[1]
        out[place] = amounts[number[place]]
        return out

    def _cash(self, name: str, amounts: np.ndarray, **words: str) -> Tally:
        return Tally.of(name, self.book, self._first(self.tokens.of_cash, amounts), USD, CASH, **words)

    def _legs(self, name: str, amounts: np.ndarray, **words: str) -> Tally:
        return Tally.of(name, self.book, self._first(self.perps.of_leg, amounts), USD, LEGS, **words)

    def _orders(self, name: str, of: Tokens | Perps, amounts: np.ndarray, **words: str) -> Tally:
        each = np.zeros(len(self.book.orders), amounts.dtype)
        each[of.order] = self._first(of.of_order, amounts)
        return Tally.of(name, self.book, each, USD, ORDERS, **words)

    def equity(self) -> Tally:
        """Plain value of deposits, borrows and unrealised results."""
        value, result = self.tokens.value(), self.perps.value()
        return Tally.total(
            "Equity",
            self._cash("Deposits", np.maximum(value, 0)),
            self._cash("Borrows", np.minimum(value, 0)),
            self._legs("Profit, carrying other positions", np.maximum(result, 0)),
            self._legs("Loss, carried by the rest", np.minimum(result, 0)),
        )

    def requirement(self, kind: str) -> Tally:
        """What equity must reach: margin requirement plus what collateral does not count."""
        tokens, perps, p, of = self.tokens, self.perps, self.p, self.kinds[kind]
        plain, filled = (need - collateral for collateral, need in (of["held"], of["tokens"]))
        (counted, alone), open_ = of["alone"], of["perps"][1]
        weights, ratios = p.cite("spot"), p.cite(f"margin_ratio_{INITIAL}", f"margin_ratio_{MAINTENANCE}")
        return Tally.total(
            f"{kind.capitalize()} margin",
            self._cash("Weights of deposits and borrows", plain + tokens.value(), cite=weights),
            self._orders("Open spot orders", tokens, filled - plain, cite=weights),
            self._legs("Perpetual positions", alone, cite=ratios),
            self._orders("Open perpetual orders", perps, open_ - alone, cite=p.cite("open_order_requirement")),
            self._legs("Unrealised result not counted", perps.value() - counted),
            formula="margin requirement + (plain value − total collateral)",
        )

    def program(self, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """Total collateral and margin requirement (R,) as the program has them, in 1e-6 USD."""
        rows, of = len(self.book), self.kinds[kind]
        both = zip(of["tokens"], of["perps"], strict=True)
        return tuple(added(self.tokens.row, t, rows) + added(self.perps.row, q, rows) for t, q in both)

    def notes(self) -> tuple[Note, ...]:
        """What the figures assume."""
        book, ready = self.book, self.ready
        high = (book.settings["high_leverage"] == "yes") & rows_with(book.legs, np.ones(len(book.legs), bool))
        cite = "drift-labs/protocol-v2@0ae3e3b1"
        return notes(
            (
                "a position has no entry price: its result since entry is not in equity",
                cite,
                rows_with(book.legs, self.perps.bare),
            ),
            ("high-leverage mode follows the program's source; no case covers it", cite, high),
            (
                "total_deposits is not given: the initial asset weight is not scaled by deposits",
                cite,
                rows_with(book.cash, ready.unscaled[book.cash.asset]),
            ),
            (
                "net_user_pnl is not given: the weight of profits is not scaled by imbalance",
                cite,
                rows_with(book.legs, ready.unbalanced[book.legs.instrument]),
            ),
        )


@cross.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Prices and weights in the program's integers; what this run asks for."""
    strict = options["strict"] == "yes"
    terms = Terms(int(options["margin_buffer"]), int(options["margin_ratio_override"]))
    return {"terms": terms, **prepared(market, p, strict)}


@cross.pools
def pools(book: Book, market: Market, p: Params, options: dict[str, Any]) -> Book:
    """One pool an account; an isolated position is its own."""
    return one_pool(book, market, lends=True)


@cross.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Hedge legs, spot held as a position, isolated positions without margin, tokens without weights."""
    legs, orders, name = book.legs, book.orders, market.name
    spot = (market.kind == SPOT)[legs.instrument]
    token = market.underlying.astype(str)
    known = np.isin(token, [str(a) for a in market.assets[~np.isnan(market.price)]]) & np.isin(token, list(p["spot"]))
    strange = ((market.kind == SPOT) & ~known)[orders.instrument]
    return chain(
        hedge_legs(book, market, "Drift"),
        on_legs(
            book,
            market,
            spot,
            "instrument",
            lambda h: f"{name[legs.instrument[h]]} is spot: put {token[legs.instrument[h]]} into the balances table",
        ),
        on_orders(
            book,
            market,
            strange,
            "instrument",
            lambda o: (
                f"no weights or no price for {token[orders.instrument[o]]}: load its spot market, and give its price "
                "in the assets table"
            ),
        ),
        bare_isolated_legs(book, market),
        foreign_balances(book, market, p["spot"], "Drift", lends=True),
    )


@cross.loader
def load(payload: Any, p: Params) -> Params:
    """Parameters with decoded perpetual and spot market accounts in place."""
    return loaded(payload, p)
