"""OKX outside portfolio margin: position tiers on the whole position, options by formula, discounted currencies.

Sources: okx.com/help/iv-multi-currency-margin-mode-cross-margin-trading (equity, ratio), ii-option-margin (options),
okx-to-change-initial-margin-requirement-imr-for-futures-under-one-way-mode (2024-10-24: orders), live payloads of
isolated positions. How sure: isolated ratios and liquidation prices checked to the last digit on live payloads; option
formulas official; tiers mostly old or partial (load the venue's); how option value enters equity is inferred.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import closed_form
from ...book import Book
from ...collateral import notional, option_value, split_results, unrealised, without_entry
from ...errors import Note
from ...findings import chain, notes, on_legs, rows_with, setting_is
from ...ledger import ORDERS, Line, Margin
from ...market import OPTION, Market
from ...orders import loss, of_position, opening
from ...orders import notional as order_value
from ...params import Params
from ...pools import currency_of_rows, settled
from ...position_checks import hedge_legs, isolated_legs, leverage_above, missing_tables, past_the_top
from ...registry import Ready, Setting, margin_model
from ...scopes import Found
from ...tiers import Tiers
from . import options
from .account import Account, prepared, problems
from .families import families, groups, sizes, unsized
from .liquidation import liquidation_price, loan_liquidation_price
from .payloads import loaded

__all__ = ["cross", "liquidation_price", "liquidation_prices", "loan_liquidation_price"]

SINGLE = "single-currency"
ORDER_RULE = "OKX notice of 2024-10-24 (IMR of futures under one-way mode)"


@margin_model(
    "okx.cross",
    needs={"perp": "mark", "future": "mark", "option": "mark forward", "balance": "price?"},
    settings={
        "mode": Setting("multi-currency", "account mode", ("multi-currency", SINGLE)),
        "position_mode": Setting("", "position mode; read from the legs unless given", ("one-way", "hedge")),
        "leverage": Setting(np.nan, "leverage of legs that state none"),
        "taker": Setting(np.nan, "taker fee of the account (fraction); the regular one unless given"),
    },
    exceptions={
        "merging never raises": "the tier of the total size sets the rate of the whole position",
        "scaling": "the tier of the total size sets the rate of the whole position",
    },
    evidence="isolated checked on live payloads; options official; tiers partial",
    title="OKX single- and multi-currency margin",
)
def cross(book: Book, ready: Ready) -> Margin:
    """Position value at its tier's rate, options by formula, debts and fees, against discounted currency equity."""
    held = Held(book, ready)
    owing, owing_initial, owing_fee = held.account.debts()
    maintenance = Line.total(
        "Maintenance margin",
        Line.of("Position tiers", book, held.maintenance, formula="value · tier MMR", cite=held.cite("tiers")),
        Line.of("Short options", book, held.short("maintenance"), cite=held.cite("option_maintenance")),
        owing,
        Line.of("Liquidation fee", book, held.fee, formula="value · taker", cite=held.cite("taker")),
        owing_fee,
    )
    initial = Line.total(
        "Initial margin",
        Line.of("Positions", book, held.initial, formula="value / leverage"),
        Line.of("Short options", book, held.short("initial"), cite=held.cite("option_least", "option_most")),
        owing_initial,
        *held.orders(),
    )
    ratio = np.full(len(book), np.nan)
    equity = held.equity()
    np.divide(equity.value, maintenance.value, out=ratio, where=maintenance.value > 0)
    currency = currency_of_rows(book, ready.market, held.usd)
    return Margin(equity, initial, maintenance, ratio=ratio, currency=currency, notes=_notes(held))


def _usd(book: Book) -> np.ndarray:
    """Rows (R,) kept in USD: the wallet pool of multi-currency accounts."""
    return (book.settings["mode"] != SINGLE) & ~rows_with(book.legs, book.legs.isolated)


class Held:
    """A book under position tiers: value, tier, leverage and fee per leg, in the currency of its row."""

    def __init__(self, book: Book, ready: Ready) -> None:
        market, tiers, legs = ready.market, ready.tiers, book.legs
        i, self.option = legs.instrument, market.kind[legs.instrument] == OPTION
        self.book, self.ready, self.market, self.usd = book, ready, market, _usd(book)
        self.rate = np.where(self.usd[legs.row], market.settle_price()[i], 1.0)
        self.order_rate = np.where(self.usd[book.orders.row], market.settle_price()[book.orders.instrument], 1.0)
        self.value = np.where(self.option, 0.0, notional(book, market))
        self.size = sizes(book, ready.family, market.kind == OPTION)
        at = tiers.bracket(self.size, ready.key[i])
        self.tier = np.where(self.option, 0.0, tiers.rate[at])
        wished = book.settings["leverage"][legs.row]
        own = np.where(np.isnan(legs.leverage), wished, legs.leverage)
        self.silent = np.isnan(own) & ~self.option
        self.leverage = np.where(np.isnan(own), tiers.max_leverage[at], own)
        taker = book.settings["taker"]
        self.taker = np.where(np.isnan(taker), ready.params["taker"], taker)[legs.row]
        worth = np.abs(self.value) * self.rate
        self.maintenance, self.fee = worth * self.tier, worth * self.taker
        at_entry = legs.isolated & market.inverse[i] & ~np.isnan(legs.entry)
        entered = np.abs(legs.quantity) * market["contract_size"][i] / legs.entry
        base = np.where(at_entry, entered, np.abs(self.value)) * self.rate
        self.initial = np.where(self.option | (base == 0), 0.0, base / self.leverage)
        self.result = np.where(self.option, legs.accrued, unrealised(book, market))
        self.options = np.where(self.usd[legs.row], option_value(book, market), 0.0)
        margin_part = np.minimum(self.options, 0.0)
        self.account = Account(book, ready, self.usd, self.result + margin_part, ready.params["loan_fee"])

    def cite(self, *keys: str) -> str:
        """Dates and sources behind parameters."""
        return self.ready.params.cite(*keys)

    def factor(self, instrument: np.ndarray, size: np.ndarray) -> np.ndarray:
        """Margin factor of option families at ``size`` contracts short; 1 where no table is known."""
        found = self.ready.factors.whole(size, self.ready.factor_key[instrument], np.ones(len(size)))
        return np.where(np.isnan(found), 1.0, found)

    def short(self, level: str) -> np.ndarray:
        """Margin of short options (H,) at a level, in the currency of the row."""
        factor = self.factor(self.book.legs.instrument, self.size)
        return options.position(self.book, self.market, self.ready.units[level], factor) * self.rate

    def orders(self) -> tuple[Line, Line, Line]:
        """Open orders: futures by the worse side and what they lose at the mark, options one by one."""
        book, market, orders = self.book, self.market, self.book.orders
        i = orders.instrument
        option = market.kind[i] == OPTION
        value = np.where(option, 0.0, order_value(book, market))
        top = self.ready.tiers.leverage(np.abs(orders.quantity), self.ready.key[i])
        wished = book.settings["leverage"][orders.row]
        leverage = of_position(book, market, self.leverage, np.where(np.isnan(wished), top, wished))
        extra = np.where(option, 0.0, opening(book, market, self.value, value) / leverage)
        short = of_position(book, market, self.size, np.zeros(len(orders)))
        factor = self.factor(i, short + np.where(orders.quantity < 0, -orders.quantity, 0.0))
        single = options.orders(book, market, self.ready.units, factor)
        lost = np.where(option, 0.0, loss(book, market))
        formula = "max(|position + buys|, |position − sells|) − |position|, / leverage"
        return (
            Line.of("Open orders", book, extra * self.order_rate, ORDERS, formula=formula, cite=ORDER_RULE),
            Line.of("Order loss", book, lost * self.order_rate, ORDERS, cite=ORDER_RULE),
            Line.of("Option orders", book, single * self.order_rate, ORDERS, cite=self.cite("option_opening")),
        )

    def equity(self) -> Line:
        """Currency equity, discounted; long options are no margin."""
        wallet, posted = self.account.wallet()
        short = np.minimum(self.options, 0.0) * self.rate
        return Line.total(
            "Equity",
            wallet,
            posted,
            split_results(self.book, self.result * self.rate),
            Line.of("Short options at their marks", self.book, short),
            self.account.discount(),
        )


def _notes(held: Held) -> tuple[Note, ...]:
    book, market, orders = held.book, held.market, held.book.orders
    rows = rows_with(book.legs, held.option & (book.legs.quantity != 0))
    short = rows_with(book.legs, held.option & (book.legs.quantity < 0))
    unfactored = short & rows_with(book.legs, held.ready.factor_key[book.legs.instrument] < 0)
    own = np.full(len(book), not held.ready.params.version) & rows_with(book.legs, held.value != 0)
    hedged = rows_with(orders, orders.side != 0)
    several = "open orders in hedge mode are margined as in one-way mode, leg by leg (inferred)"
    fee = "the liquidation fee of options is not known and not in the requirement"
    value = "inferred: long options are no margin, short ones count at their marks in multi-currency mode"
    return notes(
        unsized(book, market),
        ("no leverage given: the highest that the tier allows is taken", "", rows_with(book.legs, held.silent)),
        ("a position has no entry price: its result since entry is not in equity", "", without_entry(book, market)),
        ("position tiers are old or partial; load the venue's", held.cite("tiers"), own),
        ("the margin factor of options is not known and taken as 1", held.cite("option_factor"), unfactored),
        (value, "okx.com/help, multi-currency mode", rows),
        (fee, "", short),
        (several, ORDER_RULE, hedged),
        ("a currency is held beyond its known discount tiers: the last rate is taken", "", held.account.beyond()),
        ("borrowing tiers of a currency owed are not known: USDT's are taken", "", held.account.unlisted()),
    )


@cross.prepare
def prepare(market: Market, p: Params, options_: dict[str, Any]) -> dict[str, Any]:
    """Tiers by family, option margins per unit, discount and borrowing tiers by asset."""
    names = families(market)
    tiers = Tiers.of(p["tiers"], "okx.cross tiers", inclusive=True)
    factors = Tiers.of(p["option_factor"], "okx.cross option_factor", inclusive=True)
    return {
        "tiers": tiers,
        "key": tiers.find(names),
        "family": groups(names),
        "factors": factors,
        "factor_key": factors.find(names),
        "units": options.units(market, p),
        **prepared(market, p),
    }


@cross.pools
def pools(book: Book, market: Market, p: Params, options_: dict[str, Any]) -> Book:
    """One USD pool in multi-currency mode, else a pool a settlement currency; every isolated leg its own."""
    return settled(book, market, book.settings["mode"] != SINGLE)


@cross.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Tiers, leverage, hedge and isolated legs, option parameters, currencies without discount rate."""
    names, legs = families(market), book.legs
    tiers = Tiers.of(p["tiers"], "okx.cross tiers", inclusive=True)
    option = market.kind == OPTION
    key = np.where(option, 0, tiers.find(names))
    size = sizes(book, groups(names), option)
    own = np.where(option, -1, key)[legs.instrument]
    how = "give them with Model.load(position-tiers response) or Params.override"
    together = ~setting_is(book, "mode", SINGLE)
    never = np.zeros(len(book), bool)
    return chain(
        missing_tables(book, market, key, names, tiers, "okx.cross position tiers", how),
        past_the_top(book, market, size, tiers, own, word="part of a family held in contracts: "),
        leverage_above(book, market, size, tiers, own),
        hedge_legs(book, market),
        isolated_legs(book, market, never, ""),
        _option_gaps(book, market, p),
        problems(book, market, p, together),
    )


def _option_gaps(book: Book, market: Market, p: Params) -> list[Found]:
    """Options on underlyings without a published c, and USD-margined ones without index."""
    unit = options.units(market, p)
    bare = np.isnan(unit["initial"]) & (market.kind == OPTION)
    unpublished = np.isnan(unit["maintenance"]) & (market.kind == OPTION) & ~bare
    i = book.legs.instrument
    say = "no option_maintenance (c) is published for {}; give it with Params.override(by={{…}})"
    return chain(
        on_legs(book, market, bare[i], "index", lambda h: f"missing for {market.name[i[h]]} (USD-margined option)"),
        on_legs(book, market, unpublished[i], "instrument", lambda h: say.format(market.underlying[i[h]])),
    )


@cross.loader
def load(payload: Any, p: Params) -> Params:
    """Parameters with a position-tiers or discount-rate response of OKX in place (see ``payloads.loaded``)."""
    return loaded(payload, p)


def liquidation_prices(margin: Margin) -> np.ndarray:
    """Liquidation price of each leg (H,) of ``margin.run.book`` before the venue's tick, others at their marks.

    NaN for options and in pools kept in USD, whose discounted equity has no closed form.
    """
    ready, book = margin.run.session.ready, margin.run.book
    held = Held(book, ready)
    rate = held.tier + held.taker
    price = closed_form.at_rates(
        book, ready.market, margin.headroom, np.abs(held.value) * rate, rate, np.zeros(len(rate))
    )
    known = ~held.option & ~held.usd[book.legs.row] & (price > 0)
    return np.where(known, price, np.nan)
