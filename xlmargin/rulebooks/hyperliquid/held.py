"""What both Hyperliquid models share: tiers by coin, margins of perpetuals, checks, and the meta payload."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...book import Book
from ...collateral import unrealised, without_entry
from ...errors import InputError, Note, nearest
from ...findings import notes, on_legs, on_orders, rows_with
from ...ledger import Line
from ...market import Market
from ...params import Params
from ...refusals import hedge_legs, leverage_above
from ...registry import Ready
from ...scopes import Found
from ...tiers import Tiers, merged

ORDERS_NOTE = "open orders reserve no margin here: the venue checks them when placed and when they match"


class Held:
    """A book of perpetuals under tiers: notional, maintenance and initial margin per leg (H,), in USDC."""

    def __init__(self, book: Book, ready: Ready) -> None:
        self.book, self.market, self.ready, self.p = book, ready.market, ready, ready.params
        legs, tiers = book.legs, ready.tiers
        i = legs.instrument
        self.key = ready.key[i]
        self.size = np.abs(legs.quantity) * self.market["contract_size"][i]
        self.notional = self.size * self.market["mark"][i]
        at = tiers.bracket(self.notional, self.key)
        self.charge = self.notional * tiers.rate[at] - tiers.cum[at]
        self.silent = np.isnan(legs.leverage)
        self.leverage = np.where(self.silent, tiers.max_leverage[at], legs.leverage)
        with np.errstate(invalid="ignore"):
            self.stretched = ~self.silent & (legs.leverage > tiers.max_leverage[at] * (1 + 1e-12))
        self.result = unrealised(book, self.market)

    def maintenance(self) -> Line:
        """Notional at half the initial margin of the highest leverage, tier by tier."""
        words = {"formula": "Σ notional · rate − deduction", "cite": self.p.cite("tiers", "maintenance_share")}
        return Line.of("Perpetuals", self.book, self.charge, **words)

    def initial(self) -> Line:
        """Notional over leverage."""
        return Line.of("Perpetuals", self.book, self.notional / self.leverage, formula="Σ notional / leverage")

    def notes(self) -> tuple[Note, ...]:
        """What the figures assume."""
        book, cite = self.book, self.p.cite("tiers")
        return notes(
            ("no leverage given: the highest that the tier allows is taken", cite, rows_with(book.legs, self.silent)),
            (
                "leverage above what the tier of the present notional allows; the venue checks it only when opening",
                cite,
                rows_with(book.legs, self.stretched),
            ),
            (
                ORDERS_NOTE,
                "hyperliquid-docs trading/margining",
                rows_with(book.orders, np.ones(len(book.orders), bool)),
            ),
            (
                "a position has no entry price: its result since entry is not in equity",
                "",
                without_entry(book, self.market),
            ),
        )


def tiers_of(p: Params) -> Tiers:
    """Tiers with the maintenance rate of each: share / highest leverage."""
    table = p["tiers"]
    leverage = np.asarray(table["max_leverage"], np.float64)
    return Tiers.of({**table, "rate": p["maintenance_share"] / leverage}, f"{p.model} tiers")


def prepared(market: Market, p: Params) -> dict[str, Any]:
    """Tiers, and the number of each instrument's (I,)."""
    tiers = tiers_of(p)
    return {"tiers": tiers, "key": tiers.find(market.scopes[market.scope])}


def problems(book: Book, market: Market, p: Params) -> Iterator[Found]:
    """Missing tiers, leverage that the coin never allows, hedge legs, coins that may only be isolated."""
    made, coin = prepared(market, p), market.scopes[market.scope]
    tiers, key = made["tiers"], made["key"]

    def absent(i: int) -> str:
        return f"no margin tiers for {coin[i]} in {p.model}{nearest(coin[i], tiers.names)}; load the meta response"

    legs, orders = book.legs, book.orders
    yield from on_legs(book, market, (key < 0)[legs.instrument], "instrument", lambda h: absent(legs.instrument[h]))
    yield from on_orders(
        book, market, (key < 0)[orders.instrument], "instrument", lambda o: absent(orders.instrument[o])
    )
    top = np.append(tiers.max_leverage[tiers.first], np.nan)[key][legs.instrument]
    yield from leverage_above(book, market, top)
    broken = ~np.isnan(legs.leverage) & (legs.leverage != np.rint(legs.leverage))
    yield from on_legs(
        book,
        market,
        broken,
        "leverage",
        lambda h: f"leverage is a whole number at Hyperliquid, not {legs.leverage[h]:g}",
    )
    yield from hedge_legs(book, market, "Hyperliquid")
    only = np.isin(coin.astype(str), list(map(str, p["only_isolated"])))[legs.instrument] & ~legs.isolated
    yield from on_legs(
        book, market, only, "margin_mode", lambda h: f"{coin[legs.instrument[h]]} may only be held isolated"
    )


def mixed_dexes(book: Book, market: Market) -> Iterator[Found]:
    """A problem for each leg on another dex than the first of its account: cross margin is shared within one."""
    legs = book.legs
    dex = np.array([str(u).rpartition(":")[0] for u in market.underlying], object)[legs.instrument]
    first = np.full(len(book), "", object)
    first[legs.row[::-1]] = dex[::-1]
    yield from on_legs(
        book,
        market,
        (dex != first[legs.row]) & ~legs.isolated,
        "instrument",
        lambda h: (
            f"{market.name[legs.instrument[h]]} is on another dex than this account's first position: "
            "each dex margins by itself; give it an account of its own"
        ),
    )


def loaded(payload: Any, p: Params) -> Params:
    """Parameters with the tiers of a ``meta`` (or ``metaAndAssetCtxs``) response of the info endpoint.

    ``universe`` names each coin's highest leverage and margin table; tables below 50 are single tiers of that
    leverage. Raises InputError where the response has another form.
    """
    meta = payload[0] if isinstance(payload, list) else payload
    columns: dict[str, list[Any]] = {"key": [], "floor": [], "max_leverage": []}
    try:
        tables = {int(number): table["marginTiers"] for number, table in meta.get("marginTables", [])}
        for coin in meta["universe"]:
            plain = [{"lowerBound": 0, "maxLeverage": coin["maxLeverage"]}]
            for tier in tables.get(int(coin.get("marginTableId", 0)), plain):
                row = (coin["name"], float(tier["lowerBound"]), float(tier["maxLeverage"]))
                for name, cell in zip(columns, row, strict=True):
                    columns[name].append(cell)
        only = [c["name"] for c in meta["universe"] if c.get("onlyIsolated")]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"meta response of Hyperliquid: {type(error).__name__} {error}") from None
    return p.override("Hyperliquid meta response", tiers=merged(p["tiers"], columns), only_isolated=only)
