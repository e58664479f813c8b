"""Binance USD-M futures: brackets per contract; a pool a margin asset, one USD pool in multi-assets mode, or isolated.

Sources: Binance FAQ b3c689c1f50a44cabb3a84e663b81d93 (maintenance margin, liquidation price),
4f83b65d83654b5e933f85ef12bf769d (orders, hedge mode), 87fa7ee33b574f7084d42bd2ce2e463b (open loss),
29b45c485d664028b9ca1cdf90b24f6f (multi-assets mode). How sure: bracket formula official; bracket table a third-party
capture of the live endpoint; the expansion of the liquidation formula agrees with the official worked example;
collateral ratios official but old, how results enter them inferred.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import closed_form
from ...book import Book
from ...collateral import haircut, split_results, without_entry
from ...errors import Note
from ...findings import chain, notes, on_cash, on_legs, rows_with, setting_is
from ...ledger import CASH, Line, Margin
from ...market import Market
from ...params import Params
from ...pools import TRANSFER, currency_of_rows, settled
from ...position_checks import isolated_legs
from ...registry import Ready, Setting, margin_model
from ...scopes import Found, refused_balances
from ...tiers import ratios
from .brackets import LEVERAGE, POSITION_MODE, Held, loaded, order_note, prepared, problems

MULTI = "multi-assets"


@margin_model(
    "binance.usdm",
    needs={"perp": "mark", "future": "mark", "balance": "price?"},
    settings={
        "mode": Setting("single-asset", "asset mode of the futures account", ("single-asset", MULTI)),
        "position_mode": POSITION_MODE,
        "leverage": LEVERAGE,
    },
    exceptions={
        "merging never raises": "brackets are progressive: a larger position pays a higher rate on its top slice",
        "scaling": "brackets are progressive",
    },
    payoffs="linear",
    evidence="formula official; brackets captured from the live endpoint; multi-assets ratios official but old",
    title="Binance USD-M futures",
)
def usdm(book: Book, ready: Ready) -> Margin:
    """Notional at its bracket's rate less the cumulative amount, against the wallet and results of each pool."""
    usd = _usd(book)
    held = Held(book, ready, usd)
    maintenance = Line.total("Maintenance margin", held.maintenance(), formula="Σ |notional| · rate − cum")
    initial = Line.total("Initial margin", held.positions(), held.orders(ready), held.order_loss())
    currency = currency_of_rows(book, ready.market, usd)
    return Margin(_equity(held, ready), initial, maintenance, currency=currency, notes=_notes(held))


def _usd(book: Book) -> np.ndarray:
    """Rows (R,) kept in USD: those of multi-assets accounts."""
    return book.settings["mode"] == MULTI


def _equity(held: Held, ready: Ready) -> Line:
    book, cash = held.book, held.book.cash
    price = np.where(held.usd[cash.row], held.market.price[cash.asset], 1.0)
    moved = cash.kind == TRANSFER
    lost = haircut(
        book,
        held.market,
        cash.amount,
        held.result,
        held.market.price,
        lambda x: ready.ratios.marginal(x, np.broadcast_to(ready.ratio_key, x.shape)),
        held.usd,
        cite=held.p.cite("collateral"),
    )
    return Line.total(
        "Equity",
        Line.of("Wallet", book, np.where(moved, 0.0, cash.amount * price), CASH),
        Line.of("Posted to isolated legs", book, np.where(moved, cash.amount * price, 0.0), CASH),
        split_results(book, held.result * held.rate),
        lost,
    )


def _notes(held: Held) -> tuple[Note, ...]:
    book, market = held.book, held.market
    results = "how results enter the collateral ratio is inferred: they are netted with the balance of their asset"
    return notes(
        order_note(book),
        ("no leverage given: the highest that the bracket allows is taken", "", rows_with(book.legs, held.silent)),
        ("a position has no entry price: its result since entry is not in equity", "", without_entry(book, market)),
        ("collateral ratios are those of old pages; the current list is dynamic", held.p.cite("collateral"), held.usd),
        (results, "inferred from the portfolio margin formula", held.usd & rows_with(book.legs, held.result != 0)),
    )


@usdm.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Brackets by instrument, collateral ratios by asset."""
    table = ratios(p["collateral"], "binance.usdm collateral")
    return {**prepared(market, p), "ratios": table, "ratio_key": table.find(market.assets)}


@usdm.pools
def pools(book: Book, market: Market, p: Params, options: dict[str, Any]) -> Book:
    """A pool a settlement asset, one in USD in multi-assets mode, every isolated leg its own."""
    return settled(book, market, _usd(book))


@usdm.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Brackets, leverage, hedge legs, isolated legs in multi-assets mode, assets that are no margin."""
    multi = setting_is(book, "mode", MULTI)
    why = "multi-assets mode is cross only"
    accepted = [set(p["margin_assets"]) | _settlements(market), set(p["collateral"])]
    who = ["Binance USD-M", "Binance's multi-assets mode"]
    return chain(
        problems(book, market, p),
        isolated_legs(book, market, multi, why),
        refused_balances(book, market, multi.astype(np.int64), accepted, who),
        _unpriced(book, market, multi),
        _without_ratio(book, market, p, multi),
    )


def _settlements(market: Market) -> set[str]:
    """Assets that some instrument settles in."""
    return {str(a) for a in market.assets[market.settle[market.settle >= 0]]}


def _unpriced(book: Book, market: Market, multi: np.ndarray) -> list[Found]:
    """Balances and legs of a USD pool whose asset has no price."""
    cash, legs = book.cash, book.legs
    bare = multi[cash.row] & np.isnan(market.price[cash.asset])
    settle = np.isnan(market.settle_price())[legs.instrument] & multi[legs.row]
    say = "add it to the assets table: multi-assets mode counts in USD"
    return chain(
        on_cash(book, market, bare, "asset", lambda h: f"no price for {market.assets[cash.asset[h]]}; {say}"),
        on_legs(
            book,
            market,
            settle,
            "settle",
            lambda h: f"no price for what {market.name[legs.instrument[h]]} settles in; {say}",
        ),
    )


def _without_ratio(book: Book, market: Market, p: Params, multi: np.ndarray) -> list[Found]:
    """Legs of a USD pool whose settlement asset has no collateral ratio."""
    legs = book.legs
    settle = np.append(market.assets, "")[market.settle[legs.instrument]]
    bad = multi[legs.row] & ~np.isin(settle.astype(str), list(p["collateral"]))
    return list(on_legs(book, market, bad, "settle", lambda h: f"{settle[h]} has no collateral ratio in {p.model}"))


@usdm.loader
def load(payload: Any, p: Params) -> Params:
    """Parameters with the response of GET /fapi/v1/leverageBracket in place of the brackets of its symbols."""
    return loaded(payload, p, "notional")


def liquidation_price(
    wallet: np.ndarray,
    quantity: np.ndarray,
    entry: np.ndarray,
    rate: np.ndarray,
    cum: np.ndarray,
    maintenance: np.ndarray | float = 0.0,
    result: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Binance's published liquidation price for known brackets.

    Parameters: ``wallet`` (N,) cross wallet of the margin asset (isolated: the leg's); ``quantity``, ``entry``,
    ``rate``, ``cum`` (N, L) the one-way leg, or the long and the short leg, of the contract; ``maintenance`` and
    ``result`` (N,) of all other contracts (TMM and UPNL; 0 for isolated). Not positive: shown as "--".
    LP = [WB − TMM + UPNL + Σ(cum − q·EP)] / Σ(|q|·rate − q). Source: FAQ b3c689c1f50a44cabb3a84e663b81d93.

    >>> wb, mm, pnl = np.array([1535443.01]), 356512.508, -448192.885
    >>> liquidation_price(wb, *np.array([[[109.488]], [[32481.98]], [[0.025]], [[16300.0]]]), mm, pnl).round(2)
    array([26316.89])
    """
    return closed_form.linear(wallet - maintenance + result, quantity, entry, rate, cum)


def liquidation_prices(margin: Margin) -> np.ndarray:
    """Liquidation price of each leg (H,) of ``margin.run.book``, other contracts staying at their marks.

    The brackets are iterated until they hold the size at the price. NaN where Binance shows "--" and in
    multi-assets mode, which has no closed form.
    """
    ready, book = margin.run.session.ready, margin.run.book
    held = Held(book, ready, _usd(book))
    key = ready.key[book.legs.instrument]
    found = closed_form.prices(book, ready.market, margin.headroom, held.charge, ready.tiers, key)
    return np.where(held.usd[book.legs.row], np.nan, found)


def auto_exchange(balance: np.ndarray, asset: str, p: Params) -> np.ndarray:
    """What Binance sells (asset) to clear a negative multi-assets ``balance`` past the threshold; 0 before it.

    deficit / haircut. Source: multi-asset-info page, 2025 copy (Regular and VIP 1).
    """
    threshold, factor = p["auto_exchange"][asset]
    return np.where(balance <= -threshold, -balance / factor, 0.0)
