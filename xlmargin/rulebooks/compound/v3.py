"""Compound v3 (Comet): collateral at its factors against a debt in the base asset, in the contract's own integers.

Source: compound-finance/comet@d5a30b0a Comet.sol. How sure: equal to the repository's tests; factors are those of the
deployment files, live ones are set by governance. Borrowing is allowed while −debt + Σ floor(floor(amount · price) ·
borrow factor) ≥ 0, and an account is liquidatable once the same sum with liquidate factors is below 0. ``ratio`` is
that sum over the debt, liquidatable below 1. Values are whole multiples of 1e-8 USD. The market of a balance is its
location ("mainnet/usdc"), else the account's ``market``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...book import Book
from ...errors import InputError, Note
from ...findings import chain, notes, on_cash
from ...integers import FLOOR, POWERS, Tally, added, as_float, muldiv, multiply, parts, quanta
from ...ledger import CASH, Margin
from ...lending import (
    PLACE,
    by_market,
    debts,
    left_out,
    markets_of,
    supplies,
    unknown_reserves,
    unknown_words,
    unpledged,
)
from ...market import Market
from ...params import Params
from ...registry import Ready, Setting, margin_model
from ...scopes import Found

PRICE_DECIMALS = 8
BASE = 10**PRICE_DECIMALS
FACTOR = 10**18
BASE_DECIMALS = 18
DEFAULT = "mainnet/usdc"
BORROW, LIQUIDATE, LIQUIDATION, DECIMALS, CAP = range(5)


@margin_model(
    "compound.v3",
    needs={"balance": "price"},
    settings={"market": Setting("", f"lending market of balances whose location is none; {DEFAULT} if empty")},
    exceptions={"scaling": "values are rounded down to whole units"},
    evidence="equal to the repository's tests; factors of the deployment files",
    title="Compound v3 (Comet) account health",
)
def v3(book: Book, ready: Ready) -> Margin:
    """Collateral at its factors against the debt in the base asset; liquidatable where the ratio is below 1."""
    lent, cite = Lent(book, ready), ready.params.cite("collateral")
    equity = Tally.total(
        "Equity",
        Tally.of("Collateral", book, lent.collateral, BASE, CASH),
        Tally.of("Base asset supplied", book, lent.base, BASE, CASH),
        Tally.of("Borrowed", book, -lent.debt, BASE, CASH),
    )
    words = {"formula": "value − floor(value · factor)", "cite": cite}
    kept = Tally.of(
        "Collateral beyond its liquidate factor", book, lent.collateral - lent.at_liquidate, BASE, CASH, **words
    )
    open_ = Tally.of("Collateral beyond its borrow factor", book, lent.collateral - lent.at_borrow, BASE, CASH, **words)
    maintenance = Tally.total("Maintenance margin", kept)
    initial = Tally.total("Initial margin", open_)
    return Margin(
        equity.line, initial.line, maintenance.line, ratio=lent.health(), currency="USD", notes=_notes(lent, ready)
    )


class Lent:
    """Balances valued in 1e-8 USD, with the factors of their market (B,)."""

    def __init__(self, book: Book, ready: Ready) -> None:
        self.book, cash = book, book.cash
        self.place = book.settings[PLACE][cash.row]
        at = self.place, cash.asset
        price = ready.price[cash.asset]
        is_base = ready.base[self.place] == ready.kind[cash.asset]
        decimals = np.where(is_base, BASE_DECIMALS, ready.decimals[at])
        supplied = worth(supplies(book), price, decimals)
        self.debt = worth(debts(book), price, decimals)
        self.base, self.collateral = np.where(is_base, supplied, 0), np.where(is_base, 0, supplied)
        self.at_borrow, self.at_liquidate = (
            muldiv(self.collateral, factor[at], FACTOR, FLOOR) for factor in (ready.borrow, ready.liquidate)
        )
        self.small = (self.debt > 0) & (debts(book) < ready.borrow_min[self.place])

    def health(self) -> np.ndarray:
        """Collateral at liquidate factors and base supplied over debt (R,); infinite without debt, NaN if empty."""
        row, rows = self.book.cash.row, len(self.book)
        have = added(row, self.at_liquidate + self.base, rows)
        debt = added(row, self.debt, rows)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(debt > 0, as_float(have, BASE) / as_float(debt, BASE), np.where(have > 0, np.inf, np.nan))


def worth(amount: np.ndarray, price: np.ndarray, decimals: np.ndarray) -> np.ndarray:
    """Value (N,) of amounts in 1e-8 USD, rounded down; ``price`` is in 1e-8 USD."""
    whole, rest = parts(amount, decimals)
    return multiply(whole, price) + muldiv(rest, price, POWERS[decimals], FLOOR)


def _notes(lent: Lent, ready: Ready) -> tuple[Note, ...]:
    book, cash = lent.book, lent.book.cash
    held, small = np.zeros(len(book), bool), np.zeros(len(book), bool)
    held[cash.row] = True
    small[cash.row[lent.small]] = True
    shipped = np.array([not ready.params.version] * len(book), bool)
    cite = ready.params.cite("collateral")
    return notes(
        (
            "the ratio is collateral at liquidate factors over debt: liquidatable below 1",
            "Comet.sol isLiquidatable",
            held,
        ),
        (
            "factors are those of the deployment files; governance may have changed them: load assetInfo",
            cite,
            held & shipped,
        ),
        ("a debt is below the market's smallest borrow", ready.params.cite("borrow_min"), small),
        *((n.text, n.cite, n.where) for n in left_out(book, "Comet.sol")),
    )


def _places(p: Params) -> list[str]:
    return [name for name, own in p.by.items() if "collateral" in own]


@v3.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Factors in 1e-18, decimals and base asset by market (P) and asset (C)."""
    places = _places(p)
    assets, kind = np.unique(market.assets.astype(str), return_inverse=True)
    number = {name: c for c, name in enumerate(assets)}
    tables = [[p.by[m]["collateral"].get(a, (0, 0, 0, 0, 0)) for a in assets] for m in places]
    table = np.array(tables, np.float64).reshape(len(places), len(assets), 5)[:, kind]
    return {
        "kind": kind,
        "base": np.array([number.get(p.by[m]["base"], -1) for m in places], np.int64),
        "borrow_min": np.array([float(p.by[m].get("borrow_min", 0)) for m in places]),
        "borrow": quanta(table[:, :, BORROW], 18),
        "liquidate": quanta(table[:, :, LIQUIDATE], 18),
        "decimals": table[:, :, DECIMALS].astype(np.int64),
        "price": quanta(np.nan_to_num(market.price), PRICE_DECIMALS),
    }


@v3.pools
def pools(book: Book, market: Market, p: Params, options: dict[str, Any]) -> Book:
    """A pool an account and market."""
    return by_market(book, markets_of(book, _places(p), "market", DEFAULT), _places(p))


@v3.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Unknown markets, assets that a market does not take, loans of another asset than the base, forgotten kinds."""
    known = _places(p)
    place = markets_of(book, known, "market", DEFAULT)
    listed = [{*p.by[m]["collateral"], p.by[m]["base"]} for m in known]
    return chain(
        unpledged(book, market, "Compound"),
        unknown_words(book, "market", known, "Compound market"),
        unknown_reserves(book, market, place, known, listed),
        _foreign_loans(book, market, p, place, known),
    )


def _foreign_loans(book: Book, market: Market, p: Params, place: np.ndarray, known: Sequence[str]) -> Iterator[Found]:
    names, bases = market.assets[book.cash.asset], [str(p.by[m]["base"]) for m in known]
    table = np.array([[str(a) == base for a in market.assets] for base in bases], bool).reshape(len(bases), -1)
    bad = (debts(book) > 0) & (place >= 0) & ~table[place, book.cash.asset]

    def say(h: int) -> str:
        return f"{names[h]} cannot be borrowed in {known[place[h]]}: it lends {bases[place[h]]}"

    yield from on_cash(book, market, bad, "asset", say)


@v3.loader
def load(payload: Any, p: Params) -> Params:
    """Parameters with a market's ``assetInfo`` structures in place.

    ``payload``: {"market": name, "base": symbol, "storeFrontPriceFactor"?, "baseBorrowMin"? (base units),
    "assets": [{"symbol", "borrowCollateralFactor", "liquidateCollateralFactor", "liquidationFactor" (1e-18), "scale",
    "supplyCap"}]}. Raises InputError where a field is missing.
    """
    try:
        collateral = {a["symbol"]: _asset(a) for a in payload["assets"]}
        own: dict[str, Any] = {"base": payload["base"], "collateral": collateral}
        own["store_front"] = int(payload.get("storeFrontPriceFactor", FACTOR)) / FACTOR
        own["borrow_min"] = float(payload.get("baseBorrowMin", 0))
        name = payload["market"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"Compound assetInfo: {type(error).__name__} {error}") from None
    return p.override(f"Compound assetInfo of {name}", by={name: own})


def _asset(a: dict[str, Any]) -> list[float]:
    factors = [int(a[k]) / FACTOR for k in ("borrowCollateralFactor", "liquidateCollateralFactor", "liquidationFactor")]
    scale = int(a["scale"])
    return [*factors, len(str(scale)) - 1, int(a.get("supplyCap", 0)) / scale]


def quote_collateral(base_amount: float, price: float, liquidation_factor: float, store_front: float) -> float:
    """Collateral that a buyer of absorbed collateral gets for ``base_amount`` of the base asset worth 1.

    base / (price · (1 − store front · (1 − liquidation factor))). Source: Comet.sol quoteCollateral.

    >>> quote_collateral(200.0, 200.0, 0.6, 0.5)
    1.25
    """
    return base_amount / (price * (1.0 - store_front * (1.0 - liquidation_factor)))
