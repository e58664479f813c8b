"""OKX portfolio margin: risk units by underlying, MR1 to MR9 as far as they are known.

unit = max(max(MR1, MR2, MR6) + MR3 + MR4 + MR5 + MR9, MR7); MMR = Σ units + MR8; IMR = 1.3 · Σ units + borrowing.
Sources: position-builder documentation, its example of 2025-01-15 (every term reproduced), OKX notice of 2025-01-02,
portfolio margin article updated 2025-12-04, third-party digests. How sure: linear units and borrowing official; MR1's
volatility shocks, MR2, MR3, MR5 not public (books with options are refused without them, and noticed); MR4 of dated
futures, MR7 beyond BTC and LTC, MR9's place and the spot in use inferred.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...collateral import option_value, split_results, unrealised, without_entry
from ...errors import Note
from ...findings import chain, notes, on_legs, rows_with
from ...ledger import Grid, Line, Margin
from ...market import FUTURE, OPTION, Market
from ...params import Params
from ...position_checks import isolated_legs
from ...registry import Ready, margin_model
from ...risk import largest
from ...scopes import Found
from . import account, units
from .account import Account
from .families import unsized
from .payloads import loaded
from .units import Units

EXACT = ("BTC", "LTC")
VOLATILITY = ("down", "same", "up")


@margin_model(
    "okx.portfolio",
    needs={
        "perp": "mark scope_index",
        "future": "mark scope_index",
        "option": "mark forward iv scope_index",
        "balance": "price",
        "settle": "price",
    },
    exceptions={
        "merging never raises": "the minimum charge is scaled progressively by unit",
        "scaling": "the minimum charge and discounts are progressive",
    },
    evidence="linear units and borrowing exact in the official example; option terms unknown",
    title="OKX portfolio margin",
)
def portfolio(book: Book, ready: Ready) -> Margin:
    """Worst price move or half the extreme one, basis, stablecoins, a minimum charge, and margin on borrowing."""
    legs, p = book.legs, ready.params
    option = ready.market.kind[legs.instrument] == OPTION
    result = np.where(option, legs.accrued, unrealised(book, ready.market))
    value = option_value(book, ready.market)
    held = Account(book, ready, np.ones(len(book), bool), result + value, p["loan_fee"])
    risk = Units(held)
    terms = _terms(risk)
    owing, owing_initial, owing_fee = held.debts()
    derivatives = Line.total("Risk units", *terms, formula="max(max(MR1, MR6) + MR4 + MR9, MR7)")
    maintenance = Line.total(
        "Maintenance margin",
        derivatives,
        owing.named("Borrowing (MR8)"),
        owing_fee,
    )
    uplift = derivatives.scaled("Initial factor", p["initial_factor"] - 1.0, book, cite=p.cite("initial_factor"))
    initial = Line.total("Initial margin", derivatives, uplift, owing_initial)
    equity = _equity(book, ready, held, result, value)
    ratio = np.full(len(book), np.nan)
    np.divide(equity.value, maintenance.value, out=ratio, where=maintenance.value > 0)
    currency, (first, which) = np.full(len(book), "USD", object), _largest(risk)
    grid = _grid(risk, first, which)
    extras = _shown(risk)
    return Margin(
        equity, initial, maintenance, {}, extras, ratio, currency, which, grid, notes=_notes(risk, held, option)
    )


def _terms(risk: Units) -> list[Line]:
    """MR1 or MR6, MR4, MR9 and what lifts their sum to MR7, unit by unit on the legs."""
    book, p = risk.book, risk.ready.params
    extreme = risk.mr6 > risk.mr1
    column = np.where(extreme, risk.at_mr6, risk.at_mr1)
    share = np.where(extreme, p["extreme_share"], 1.0)
    total = np.maximum(risk.mr1, risk.mr6) + risk.mr4 + risk.mr9
    size = np.abs(risk.delta)
    return [
        risk.stress("Stress (MR1, MR6)", column, share, cite=p.cite("moves", "extreme")),
        Line.of("Basis (MR4)", book, risk.mr4_legs, cite=p.cite("basis", "basis_annual")),
        Line.of("Stablecoins (MR9)", book, risk.on_legs(risk.mr9, size), cite=p.cite("hedged")),
        Line.of(
            "Top-up to the minimum charge (MR7)",
            book,
            risk.on_legs(np.maximum(risk.mr7 - total, 0.0), risk.raw_legs),
            cite=p.cite("minimum", "scaling"),
        ),
    ]


def _shown(risk: Units) -> dict[str, Line]:
    """The terms that OKX shows by unit, each by itself; on legs in detail only."""
    if not risk.book.detail:
        sums = {"MR1": risk.mr1, "MR4": risk.mr4, "MR6": risk.mr6, "MR7": risk.mr7, "MR9": risk.mr9}
        return {name: Line(name, risk.nets.up(amount)) for name, amount in sums.items()}
    ones, share = np.ones(len(risk.nets)), np.full(len(risk.nets), risk.ready.params["extreme_share"])
    return {
        "MR1": risk.stress("MR1", risk.at_mr1, ones),
        "MR4": Line.of("MR4", risk.book, risk.mr4_legs),
        "MR6": risk.stress("MR6", risk.at_mr6, share),
        "MR7": Line.of("MR7", risk.book, risk.on_legs(risk.mr7, risk.raw_legs)),
        "MR9": Line.of("MR9", risk.book, risk.on_legs(risk.mr9, np.abs(risk.delta))),
    }


def _equity(book: Book, ready: Ready, held: Account, result: np.ndarray, value: np.ndarray) -> Line:
    """Adjusted equity: discounted currency equity, options at their marks on both sides."""
    rate = ready.market.settle_price()[book.legs.instrument]
    return Line.total(
        "Equity",
        held.wallet()[0],
        split_results(book, result * rate),
        Line.of("Options at their marks", book, value * rate),
        held.discount(),
    )


def _largest(risk: Units) -> tuple[np.ndarray, np.ndarray]:
    """Each row's unit (R,) with the largest stress and the scenario that binds there; −1 where nothing is held."""
    first = largest(risk.row, np.maximum(risk.mr1, risk.mr6), len(risk.book))
    at = np.append(np.where(risk.mr6 > risk.mr1, risk.at_mr6, risk.at_mr1), -1)
    return first, at[first]


def _grid(risk: Units, first: np.ndarray, which: np.ndarray) -> Grid | None:
    """Scenarios of each row's unit with the largest stress (R, S), in detail."""
    if not risk.book.detail:
        return None
    width, some = risk.ready.unit.shape[1], first >= 0
    price, pnl = np.zeros((len(first), width)), np.zeros((len(first), width))
    price[some], pnl[some] = risk.ready.columns[risk.group[first[some]]], risk.pnl[first[some]]
    weight = np.ones(width)
    weight[-2:] = risk.ready.params["extreme_share"]
    pnl[:, -2:] *= weight[-2:]
    direction = np.append(np.tile([-1.0, 0.0, 1.0], (width - 2) // 3), [0.0, 0.0])
    return Grid(np.arange(width), price, direction, weight, pnl, which)


def _notes(risk: Units, held: Account, option: np.ndarray) -> tuple[Note, ...]:
    book, market, orders = risk.book, risk.market, risk.book.orders
    kind = market.kind[book.legs.instrument]
    linear = book.legs.quantity != 0
    other = ~np.isin(market.underlying.astype(str), EXACT)[book.legs.instrument]
    spot = np.zeros(len(book), bool)
    spot[risk.row[risk.spot != 0]] = True
    stable = np.zeros(len(book), bool)
    stable[risk.row[risk.mr9 > 0]] = True
    options = "time decay (MR2), vega term structure (MR3) and interest (MR5) of options are not public and left out"
    by_group = "basis and minimum charge are known for BTC and LTC; other coins' are by group"
    futures = "basis charge of dated contracts (MR4) is inferred: annual move risk times time, at least the perpetual's"
    return notes(
        unsized(book, market),
        ("a position has no entry price: its result since entry is not in equity", "", without_entry(book, market)),
        (options, "", rows_with(book.legs, option)),
        (futures, held.ready.params.cite("basis_annual"), rows_with(book.legs, kind == FUTURE)),
        (by_group, "", rows_with(book.legs, other & linear)),
        ("which spot is in use is inferred: as far as it offsets the unit's delta", "", spot),
        ("MR9 is added to the other terms; its place and higher tiers are not known", "", stable),
        ("margin of open orders is not known and not in the figures", "", rows_with(orders, orders.quantity != 0)),
        ("a currency is held beyond its known discount tiers: the last rate is taken", "", held.beyond()),
        ("borrowing tiers of a currency owed are not known: USDT's are taken", "", held.unlisted()),
    )


@portfolio.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Scenario results and deltas of every instrument, discount and borrowing tiers."""
    return {**account.prepared(market, p), **units.prepared(market, p)}


@portfolio.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Options without volatility shocks, isolated legs, currencies without discount rate."""
    everywhere = np.ones(len(book), bool)
    shocks = np.array([np.isfinite(p.get("vol_up", str(u)) * p.get("vol_down", str(u))) for u in market.scopes], bool)
    i = book.legs.instrument
    bare = (market.kind[i] == OPTION) & ~(shocks[market.scope[i]] if len(market.scopes) else np.zeros(len(i), bool))
    say = "OKX's volatility shocks (MR1) are not public: {} needs vol_up and vol_down by Params.override(by={{…}})"
    return chain(
        on_legs(book, market, bare, "iv", lambda h: say.format(market.name[i[h]])),
        isolated_legs(book, market, everywhere, "portfolio margin takes its risk units across"),
        account.problems(book, market, p, everywhere),
    )


@portfolio.loader
def load(payload: Any, p: Params) -> Params:
    """Parameters with an OKX response in place: position-tiers (MARGIN), discount rates, or the position builder's.

    From the position builder each unit that holds perpetuals only tells its price moves, extreme move, basis rate and
    minimum charge (Σ|delta| within the first scaling tier), so that coins without published rates can be margined.
    """
    data = payload.get("data", [{}]) if isinstance(payload, dict) else [{}]
    found = data[0].get("riskUnitData") if data else None
    if found is None:
        return loaded(payload, p)
    learnt = {u["riskUnit"]: _learnt(u) for u in found if {x["instType"] for x in u["portfolios"]} == {"SWAP"}}
    return p.override(f"position-builder response of {data[0].get('ts', '')}: {', '.join(learnt)}", by=learnt)


def _learnt(unit: dict[str, Any]) -> dict[str, Any]:
    """Moves, extreme move, basis and minimum rate that a unit of perpetuals shows."""
    moves = sorted(float(m) for m in unit["mr1Scenarios"]["volSame"] if float(m) > 0)
    gross = sum(abs(float(x["delta"])) for x in unit["portfolios"])
    return {
        "moves": moves,
        "extreme": abs(float(unit["mr6FinalResult"]["spotShock"])),
        "basis": float(unit["mr4"]) / abs(float(unit["delta"])),
        "minimum": float(unit["mr7"]) / gross,
    }
