"""Aave v3: health factor of supplied collateral against debt, in the contract's own integers.

Source: aave-dao/aave-v3-origin@fd1fbd91 GenericLogic.sol, LiquidationLogic.sol; aave/aave-utilities@d4c93961. How sure:
equal to the libraries' own tests. ``ratio`` is the health factor: Σ value · threshold / debt, liquidatable below 1,
infinite without debt. Values are whole multiples of 1e-8 USD: collateral rounded down, debt rounded up. Live reserve
parameters are on chain (PoolDataProvider); those of the TOML are the launch's. Supplied balances count as collateral;
one that is not enabled as collateral belongs under kind wallet.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...errors import InputError, Note
from ...findings import chain, notes
from ...integers import CEIL, FLOOR, HALF_UP, POWERS, Tally, added, as_float, divide, muldiv, multiply, parts, quanta
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
    words,
)
from ...market import Market
from ...params import Params
from ...registry import Ready, Setting, margin_model
from ...scopes import Found

PRICE_DECIMALS = 8
BASIS = 10_000
WAD = 10**18
BASE = 10**PRICE_DECIMALS
FINE = BASE * BASIS
MARKET = "Aave v3"


@margin_model(
    "aave.v3",
    needs={"balance": "price"},
    settings={"emode": Setting("", "efficiency-mode category of the account; empty for none")},
    exceptions={"scaling": "values and average ratios are rounded to whole units"},
    evidence="equal to the libraries' tests; reserve parameters of the launch, live ones are on chain",
    title="Aave v3 health factor",
)
def v3(book: Book, ready: Ready) -> Margin:
    """Collateral at its liquidation threshold against debt; the ratio is the health factor."""
    lent_ = Lent(book, ready)
    p, cite = ready.params, ready.params.cite("reserves")
    equity = Tally.total(
        "Equity",
        Tally.of("Supplied", book, lent_.supplied, BASE, CASH),
        Tally.of("Borrowed", book, -lent_.borrowed, BASE, CASH),
    )
    kept = Tally.of(
        "Supplied × (1 − threshold)", book, multiply(lent_.supplied, BASIS - lent_.threshold), FINE, CASH, cite=cite
    )
    maintenance = Tally.total("Maintenance margin", kept)
    open_ = Tally.of("Supplied × (1 − LTV)", book, multiply(lent_.supplied, BASIS - lent_.ltv), FINE, CASH, cite=cite)
    collateral = multiply(lent_.collateral, np.array(BASIS))
    rounding = collateral - multiply(lent_.power(), np.array(BASIS)) - open_.quanta
    initial = Tally.total("Initial margin", open_, Tally.row("Rounding of the average LTV", rounding, FINE))
    text = "the ratio is the health factor: liquidatable below 1; initial margin is what LTV keeps from being borrowed"
    extra = notes((text, p.cite("liquidation_threshold"), lent_.debt > 0))
    extra += (*left_out(book, MARKET), *_launch(book, ready))
    return Margin(equity.line, initial.line, maintenance.line, ratio=lent_.health_factor(), currency="USD", notes=extra)


class Lent:
    """Balances valued in 1e-8 USD with the ratios that apply in their market and efficiency mode (B,)."""

    def __init__(self, book: Book, ready: Ready) -> None:
        self.book, cash = book, book.cash
        place = book.settings[PLACE][cash.row]
        names, own = words(book.settings["emode"])
        mode = np.array([ready.category.get(_category(name), 0) for name in names], np.int64)[own][cash.row]
        self.ltv, self.threshold = (table[place, mode, cash.asset] for table in (ready.ltv, ready.threshold))
        price, decimals = ready.price[cash.asset], ready.decimals[place, cash.asset]
        self.supplied = worth(supplies(book), price, decimals, FLOOR)
        self.borrowed = worth(debts(book), price, decimals, CEIL)
        rows = len(book)
        self.collateral, self.debt = (added(cash.row, v, rows) for v in (self.supplied, self.borrowed))
        self.at_threshold = added(cash.row, multiply(self.supplied, self.threshold), rows)
        self.at_ltv = added(cash.row, multiply(self.supplied, self.ltv), rows)

    def health(self) -> np.ndarray:
        """Health factor (R,) in 1e-18, rounded as the contract does; −1 without debt."""
        debt = np.maximum(self.debt, 1)
        factor = divide(
            muldiv(self.at_threshold.astype(object), WAD, debt.astype(object), HALF_UP).astype(object), BASIS
        )
        return np.where(self.debt > 0, factor, -1)

    def health_factor(self) -> np.ndarray:
        """Health factor (R,) as a number; infinite without debt, NaN where nothing is held."""
        number = np.where(self.debt > 0, as_float(self.health().astype(object), WAD), np.inf)
        return np.where((self.debt > 0) | (self.collateral > 0), number, np.nan)

    def averages(self) -> tuple[np.ndarray, np.ndarray]:
        """Average LTV and threshold (R,) in whole basis points."""
        held = np.maximum(self.collateral, 1)
        return tuple(divide(total, held) for total in (self.at_ltv, self.at_threshold))

    def power(self) -> np.ndarray:
        """What the collateral could borrow (R,) in 1e-8 USD: collateral at the average LTV."""
        return muldiv(self.collateral, self.averages()[0], BASIS)


def worth(amount: np.ndarray, price: np.ndarray, decimals: np.ndarray, rounding: str) -> np.ndarray:
    """Value (N,) of amounts in 1e-8 USD: balance · price / unit; ``price`` is in 1e-8 USD.

    >>> worth(np.array([1.5]), np.array([10**8]), np.array([18]), FLOOR).tolist()
    [150000000]
    """
    whole, rest = parts(amount, decimals)
    return multiply(whole, price) + muldiv(rest, price, POWERS[decimals], rounding)


def _launch(book: Book, ready: Ready) -> tuple[Note, ...]:
    held = np.zeros(len(book), bool)
    held[book.cash.row] = not ready.params.version
    text = "reserve parameters are those of Aave v3 Ethereum's launch; live ones are on chain: load PoolDataProvider"
    return notes((text, ready.params.cite("reserves"), held & (book.settings[PLACE] == 0)))


def _places(p: Params) -> list[str]:
    return [MARKET, *(name for name, own in p.by.items() if "reserves" in own)]


@v3.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """LTV, threshold and decimals by market (P), efficiency mode (E) and asset (C)."""
    places, assets = _places(p), [str(a) for a in market.assets]
    reserves = [p.by.get(name, {}).get("reserves", p["reserves"]) for name in places]
    emodes = [p.by.get(name, {}).get("emodes", p["emodes"]) for name in places]
    categories = {name: n + 1 for n, name in enumerate(sorted({str(c) for modes in emodes for c in modes}))}
    shape = (len(places), len(categories) + 1, len(assets))
    ltv, threshold = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    decimals = np.zeros((len(places), len(assets)), np.int64)
    for n, own in enumerate(reserves):
        table = np.array([own.get(a, (0, 0, 0, 0))[:4] for a in assets], np.int64).reshape(-1, 4)
        ltv[n], threshold[n], decimals[n] = table[:, 0], table[:, 1], table[:, 3]
        for category, mode in emodes[n].items():
            at = n, categories[str(category)]
            ltv[at], threshold[at] = _in_mode(mode, assets, table)
    return {
        "category": categories,
        "ltv": ltv,
        "threshold": threshold,
        "decimals": decimals,
        "price": quanta(np.nan_to_num(market.price), PRICE_DECIMALS),
    }


def _in_mode(mode: dict[str, Any], assets: list[str], table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """LTV and threshold of every asset in an efficiency mode: the mode's own for its collateral."""
    inside = np.isin(assets, [str(a) for a in mode["collateral"]])
    none = np.isin(assets, [str(a) for a in mode.get("zero_ltv", ())]) | (bool(mode.get("isolated")) & ~inside)
    ltv = np.where(inside, mode["ltv"], table[:, 0])
    return np.where(none, 0, ltv), np.where(inside, mode["threshold"], table[:, 1])


@v3.pools
def pools(book: Book, market: Market, p: Params, options: dict[str, Any]) -> Book:
    """A pool an account and market; the market is the balance's location where parameters know it."""
    return by_market(book, markets_of(book, _places(p), default=MARKET), _places(p))


@v3.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Reserves that the market does not list, forgotten kinds, unknown efficiency modes."""
    known = _places(p)
    place = markets_of(book, known, default=MARKET)
    listed = [set(p.by.get(name, {}).get("reserves", p["reserves"])) for name in known]
    modes = {str(c) for own in [p["emodes"], *(v.get("emodes", {}) for v in p.by.values())] for c in own}
    found = chain(unpledged(book, market, MARKET), unknown_reserves(book, market, place, known, listed))
    return [*found, *unknown_words(book, "emode", modes, "efficiency mode", _category)]


def _category(word: str) -> str:
    """An efficiency mode as written in a cell; 0 and empty are none."""
    return "" if word == "0" else str(word)


@v3.loader
def load(payload: Any, p: Params) -> Params:
    """Parameters with reserves and efficiency modes as PoolDataProvider (or the UI data provider) gives them.

    ``payload``: {"market": name, "reserves": [{"symbol", "decimals", "baseLTVasCollateral" or "ltv",
    "reserveLiquidationThreshold" or "liquidationThreshold", "reserveLiquidationBonus" or "liquidationBonus"}],
    "emodes": [{"id" or "label", "ltv", "liquidationThreshold", "liquidationBonus", "collateral": [symbols]}]}.
    """
    try:
        reserves = {r["symbol"]: [int(_one(r, k)) for k in RESERVE_FIELDS] for r in payload["reserves"]}
        emodes = {str(_one(m, ("id", "label"))): _mode(m) for m in payload.get("emodes", [])}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"Aave reserves: {type(error).__name__} {error}") from None
    name = payload.get("market", MARKET)
    if name == MARKET:
        return p.override("Aave PoolDataProvider", reserves=reserves, emodes=emodes)
    return p.override("Aave PoolDataProvider", by={name: {"reserves": reserves, "emodes": emodes}})


RESERVE_FIELDS = (
    ("baseLTVasCollateral", "ltv"),
    ("reserveLiquidationThreshold", "liquidationThreshold"),
    ("reserveLiquidationBonus", "liquidationBonus"),
    ("decimals",),
)


def _one(row: dict[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        if name in row:
            return row[name]
    raise KeyError(names[0])


def _mode(mode: dict[str, Any]) -> dict[str, Any]:
    return {
        "ltv": int(mode["ltv"]),
        "threshold": int(mode["liquidationThreshold"]),
        "bonus": int(mode.get("liquidationBonus", 0)),
        "collateral": list(mode["collateral"]),
        "zero_ltv": list(mode.get("zeroLtv", ())),
        "isolated": bool(mode.get("isolated", False)),
    }
