"""Deribit standard margin, segregated (S:SM) and cross (X:SM): every position by itself, summed by pool.

Sources: releases and articles named in the TOML. How sure: futures rates official up to 2025 (worked examples
reproduced), a tier model quoted for 2026 is not known in full; inverse options checked against captured positions;
linear options are third-party practice; X:SM follows S:SM in USD (inferred).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...errors import Note, Problem
from ...ledger import Line, Margin
from ...market import OPTION, Market
from ...params import Params
from ...registry import Ready, margin_model
from .accounts import (
    ORDER_SETTINGS,
    balance_lines,
    crossed,
    haircut_amounts,
    numeraire,
    one_pool_for_settings,
    option_line,
    order_lines,
    price_of_assets,
    segregated,
    shared_notes,
)

NEEDS = {
    "perp": "mark index",
    "future": "mark index",
    "option": "mark index",
}
FACTS: dict[str, Any] = {
    "params": "standard.toml",
    "settings": ORDER_SETTINGS,
    "exceptions": {
        "merging never raises": "futures rates grow with the position, so merging costs",
        "scaling": "futures rates grow with the position",
    },
}


@margin_model(
    "deribit.standard",
    needs=NEEDS,
    evidence="futures: official worked examples; inverse options: captured positions; linear options: third party",
    title="Deribit standard margin, segregated (S:SM)",
    **FACTS,
)
def standard(book: Book, ready: Ready) -> Margin:
    """Futures at rates that grow with size, short options by index; per settlement currency, option value no margin."""
    initial = _initial(book, ready)
    return _verdict(book, ready, initial, initial)


@margin_model(
    "deribit.cross_standard",
    needs=NEEDS | {"balance": "price", "settle": "price"},
    evidence="as deribit.standard; pooling and haircuts official in outline, details inferred",
    title="Deribit standard margin, cross collateral (X:SM)",
    **FACTS,
)
def cross_standard(book: Book, ready: Ready) -> Margin:
    """The same position margins in one USD pool over all cross-collateral currencies, less haircuts."""
    own = _initial(book, ready)
    with_haircut = Line.total("Initial margin", *own.parts, haircut_amounts(book, ready.market, ready.params))
    return _verdict(book, ready, with_haircut, own)


def _verdict(book: Book, ready: Ready, initial: Line, own: Line) -> Margin:
    balance = Line.total("Margin balance", *balance_lines(book, ready.market, with_options=False))
    results = balance.parts[1].value
    withdrawable = np.where(results > 0, balance.parts[0].value, balance.value) - own.value
    extras = {
        "venue equity": Line.total("Equity", balance, option_line(book, ready.market)),
        "withdrawable": Line("Withdrawable", withdrawable),
        "venue initial": own,
    }
    return Margin(
        balance,
        initial,
        Line.total("Maintenance margin", *_positions(book, ready, "maintenance")),
        extras=extras,
        currency=numeraire(book),
        notes=(*shared_notes(book, ready.market), *_notes(book, ready)),
    )


def _initial(book: Book, ready: Ready) -> Line:
    return Line.total("Initial margin", *_positions(book, ready, "initial"), *order_lines(book))


def _positions(book: Book, ready: Ready, level: str) -> list[Line]:
    """Margin of each leg by itself in the pool's currency."""
    legs, market, p = book.legs, ready.market, ready.params
    i = legs.instrument
    rate = price_of_assets(book, market)[legs.row, market.settle[i]]
    is_option = market.kind[i] == OPTION
    futures = np.where(is_option, 0.0, _future(legs.quantity, i, ready, level)) * rate
    options = np.where(is_option, _short_option(legs.quantity, i, ready, level), 0.0) * rate
    names = ("im0", "inc") if level == "initial" else ("mm0", "inc")
    formula = "n·(base rate + increment·n), n in coins"
    return [
        Line.of("Futures and perpetuals", book, futures, formula=formula, cite=p.cite(*names)),
        Line.of("Short options", book, options, cite=p.cite("option_im_otm", "option_im_floor", "option_mm")),
    ]


def _future(quantity: np.ndarray, i: np.ndarray, ready: Ready, level: str) -> np.ndarray:
    """n·(rate0 + inc·n) in coin, or times the index for linear contracts; inverse size is in USD."""
    market = ready.market
    contracts = np.abs(quantity) * market["contract_size"][i]
    with np.errstate(divide="ignore", invalid="ignore"):
        coins = np.where(market.inverse[i], contracts / market["mark"][i], contracts)
    rate = (ready.im0 if level == "initial" else ready.mm0)[i]
    return coins * (rate + ready.inc[i] * coins) * np.where(market.inverse[i], 1.0, market["index"][i])


def _short_option(quantity: np.ndarray, i: np.ndarray, ready: Ready, level: str) -> np.ndarray:
    """Margin of short options in the settlement currency; 0 for longs.

    inverse: IM call max(0.15 − OTM/S, 0.10) + mark, put at least its MM; MM call 0.075 + mark, put
    max(0.075, 0.075·mark) + mark; linear: the same fractions of the index.
    """
    market = ready.market
    call, strike, index, mark = market.call[i], market["strike"][i], market["index"][i], market["mark"][i]
    unit = np.where(market.inverse[i], 1.0, index)
    out = np.maximum(np.where(call, strike - index, index - strike), 0.0) / index
    mm = ready.option_mm[i]
    maintenance = np.where(call, mm * unit, np.maximum(mm * unit, mm * mark)) + mark
    initial = np.maximum(ready.option_im_otm[i] - out, ready.option_im_floor[i]) * unit + mark
    initial = np.where(call, initial, np.maximum(initial, maintenance))
    per_contract = initial if level == "initial" else maintenance
    return np.maximum(-quantity, 0.0) * ready.option_size[i] * per_contract


def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Rates by instrument (I,), NaN where the coin has none."""
    names = ("im0", "mm0", "inc", "option_im_otm", "option_im_floor", "option_mm", "contract_multiplier")
    by_scope = {k: np.array([_rate(p, str(u), k) for u in market.scopes], np.float64) for k in names}
    made = {k: v[market.scope] for k, v in by_scope.items()}
    size = market["contract_size"]
    made["option_size"] = np.where(market.inverse | (size != 1.0), size, made["contract_multiplier"])
    return made


def _rate(p: Params, scope: str, key: str) -> float:
    return p.by.get(scope, {}).get(key, p.common.get(key, np.nan))


def _notes(book: Book, ready: Ready) -> list[Note]:
    """Doubts about the option rule where a short option rests on it."""
    market, i = ready.market, book.legs.instrument
    short = (market.kind[i] == OPTION) & (book.legs.quantity < 0)
    touched = {
        "margin of linear options follows third-party practice: the fractions of inverse options times the index": short
        & ~market.inverse[i],
        "the 0.15 − OTM branch of short-option initial margin rests on third-party text": short & _otm_branch(i, ready),
    }
    if (book.pool == "cross").any():
        text = "X:SM excludes option value from the margin balance as S:SM does (inferred)"
        touched[text] = (market.kind[i] == OPTION) & (book.pool == "cross")[book.legs.row]
    rows = {text: book.sum(where.astype(np.float64)) > 0 for text, where in touched.items()}
    return [Note(text, "", where) for text, where in rows.items() if where.any()]


def _otm_branch(i: np.ndarray, ready: Ready) -> np.ndarray:
    market = ready.market
    call, strike, index = market.call[i], market["strike"][i], market["index"][i]
    out = np.maximum(np.where(call, strike - index, index - strike), 0.0) / index
    return ready.option_im_otm[i] - out > ready.option_im_floor[i]


def check(book: Book, market: Market, p: Params) -> list[tuple[Problem, np.ndarray]]:
    """A future needs published rates for its coin."""
    found = []
    rates = np.array([_rate(p, str(u), "im0") for u in market.scopes], np.float64)
    missing = np.isnan(rates)[market.scope] & (market.kind != OPTION)
    for h in np.flatnonzero(missing[book.legs.instrument]):
        r, name = book.legs.row[h], market.name[book.legs.instrument[h]]
        have = ", ".join(u for u in p.by if "im0" in p.by[u])
        message = f"no published futures rates for {name}; there are rates for {have}"
        problem = Problem("positions", int(book.legs.sheet_row[h]), "instrument", name, message, str(book.account[r]))
        found.append((problem, r))
    return [*found, *one_pool_for_settings(book, market, cross=False)]


def check_cross(book: Book, market: Market, p: Params) -> list[tuple[Problem, np.ndarray]]:
    """As ``check``; a cross account is one pool."""
    return [f for f in check(book, market, p) if f[0].column not in ORDER_SETTINGS]


standard.prepare(prepare)
standard.pools(segregated)
standard.check(check)
cross_standard.prepare(prepare)
cross_standard.pools(crossed)
cross_standard.check(check_cross)
