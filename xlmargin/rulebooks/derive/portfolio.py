"""Derive's portfolio manager PMRM2: one underlying an account, scenarios with discounts, contingencies.

Source: derivexyz/v2-core@7736900d (2026-01-21) PMRM_2.sol, PMRMLib_2.sol; margin(book) of the contract is
equity less the requirement given here. How sure: the rule is checked against the repository's golden
portfolios (1e-9) and against margins read from the deployed contracts (1e-6 USD); parameters are secondary
(reconstructed from events) and dated in the TOML; SOL and ADA come from documentation tables only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...collateral import unrealised
from ...errors import Note
from ...ledger import CASH, Line, Margin
from ...market import OPTION, Market
from ...params import Params
from ...registry import Ready, Setting, margin_model
from ...risk import low_confidence
from ...scopes import Found, mixed_scopes, refused_balances, scope_of_rows
from ...texts import numbered
from .held import Held, confidences
from .ladder import Ladder
from .scan import scenario_loss, worst_labels
from .values import curves, unit_values


@margin_model(
    "derive.portfolio",
    needs={
        "option": "forward iv rate scope_index confidence?",
        "perp": "mark scope_index confidence?",
        "balance": "price confidence?",
        "settle": "price",
    },
    settings={
        "manager": Setting("", "underlying of the portfolio manager; needed where an account holds collateral only"),
        "mm_factor": Setting(np.nan, "maintenance factor of accounts with an override library (PMRM_2_1)"),
    },
    exceptions={
        "merging never raises": "static discounts differ by the sign of each expiry's value, so merging can cost"
    },
    payoffs="linear",
    scoped=True,
    scope_setting="manager",
    evidence="rule checked against on-chain margins; parameters from on-chain events (secondary)",
    title="Derive portfolio margin (PMRM2)",
)
def portfolio(book: Book, ready: Ready) -> Margin:
    """Worst scenario or basis move, scaled, plus contingencies for perpetuals, naked shorts, collateral and oracles."""
    p, held = ready.params, Held(book, ready)
    scan_line, grid = scenario_loss(held)
    factor = held.of("mm_factor")
    own = book.settings["mm_factor"]
    factor = np.where(np.isnan(own), factor, own)
    common = _contingencies(held)
    peg = np.maximum(held.of("peg_loss_threshold") - held.stable, 0.0) * held.of("peg_loss_factor")
    maintenance = Line.total(
        "Maintenance margin",
        scan_line,
        scan_line.scaled("Maintenance factor", factor - 1.0, book, cite=p.cite("mm_factor")),
        *common,
        formula="scenario loss × mm_factor + contingencies",
    )
    initial = Line.total(
        "Initial margin",
        scan_line,
        scan_line.scaled("Initial factor", held.of("im_factor") - 1.0, book, cite=p.cite("im_factor")),
        scan_line.scaled("Stable-coin peg", peg, book, cite=p.cite("peg_loss_threshold", "peg_loss_factor")),
        *common,
        *_initial_contingencies(held),
        formula="scenario loss × (im_factor + peg) + contingencies",
    )
    return Margin(
        _equity(held),
        initial,
        maintenance,
        currency=held.currency,
        worst=worst_labels(held, grid),
        grid=grid,
        notes=_notes(held),
    )


@portfolio.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Ladders by scope, curves by expiry, unit values of every option in every scenario, haircuts by asset."""
    read, ladder = p.on(market.scopes), Ladder.of(p, market.scopes)
    expiry_of, first = market.group("scope", "expiry")
    curve = curves(market, read, first)
    unit = unit_values(market, read, ladder, curve, expiry_of)
    return {
        "option_mark": unit[:, -1].copy(),
        **_confidence(market, read),
        "of_scope": p.on(market.scopes, none=0.0),
        "ladder": ladder,
        "expiry_of": expiry_of,
        "strike_of": market.group(expiry_of, "strike")[0],
        "curve": curve,
        "unit": unit,
        **_haircuts(market, p),
        **_cash_assets(market, read),
    }


def _confidence(market: Market, read: Any) -> dict[str, Any]:
    """Instruments without a confidence (I,), and whether any price is so doubtful that it can cost margin."""
    given = (market.column("confidence"), market.on_scope("index_confidence"), market.asset_columns["confidence"])
    threshold = np.max(read("conf_threshold"), initial=0.0) if len(market.scopes) else 0.0
    lowest = min(float(np.fmin.reduce(values, initial=1.0)) for values in given)
    return {"silent": np.isnan(given[0]), "doubtful": lowest < threshold}


def _haircuts(market: Market, p: Params) -> dict[str, np.ndarray]:
    """MM haircut, IM haircut on top and risk cancelling by names of scope and asset (U+1, C, 3), NaN where refused.

    ``scope_kind`` (U+1,) and ``asset_kind`` (C,) say which name each scope and asset has: names may repeat.
    """
    (scope_kind, scopes), (asset_kind, assets) = (numbered([*map(str, n)]) for n in (market.scopes, market.assets))
    table = p.once(_haircut_table, tuple(scopes), tuple(assets))
    return {"haircut": table, "scope_kind": np.append(scope_kind, len(scopes)), "asset_kind": asset_kind}


def _haircut_table(p: Params, scopes: tuple[str, ...], assets: tuple[str, ...]) -> np.ndarray:
    """MM haircut, IM haircut on top and risk cancelling of each asset under each scope and none (U+1, C, 3)."""
    table = np.full((len(scopes) + 1, len(assets), 3), np.nan)
    for u, accepted in enumerate(p.on(scopes)("collateral") if scopes else ()):
        folded = {name.casefold(): row for name, row in accepted.items()}
        for c, name in enumerate(assets):
            table[u, c] = folded.get(name.casefold(), np.nan)
    table.flags.writeable = False
    return table


def _cash_assets(market: Market, read: Any) -> dict[str, np.ndarray]:
    """Number of each manager's cash asset by world and name (W, K), and each scope's name (U+1,).

    The last scope stands for accounts without one.
    """
    names = read("cash_asset") if len(market.scopes) else []
    kind, words = numbered([*names, "USDC"])
    return {"cash_asset": market.asset_numbers(words), "cash_kind": kind}


def _contingencies(held: Held) -> list[Line]:
    """Requirements common to both margins."""
    book, p = held.book, held.p
    perp, naked = held.charge(held.perp, "mm_perp_pct"), held.charge(held.naked, "mm_option_pct")
    return [
        Line.of("Perpetuals", book, perp, cite=p.cite("mm_perp_pct")),
        Line.of("Uncovered short options", book, naked, cite=p.cite("mm_option_pct")),
        Line.of("Collateral haircut", book, held.collateral * held.haircut[:, 0], CASH, cite=p.cite("collateral")),
    ]


def _initial_contingencies(held: Held) -> list[Line]:
    """Requirements of initial margin alone: perpetuals, naked shorts, collateral, and prices that oracles doubt."""
    book, p = held.book, held.p
    perp, naked = held.charge(held.perp, "im_perp_pct"), held.charge(held.naked, "im_option_pct")
    haircut = held.collateral * held.haircut[:, 1]
    doubt, doubted = _doubts(held)
    cite = p.cite("conf_threshold", "conf_margin")
    return [
        Line.of("Perpetuals, initial", book, perp, cite=p.cite("im_perp_pct")),
        Line.of("Uncovered short options, initial", book, naked, cite=p.cite("im_option_pct")),
        Line.of("Collateral haircut, initial", book, haircut, CASH, cite=p.cite("collateral")),
        Line.of("Doubtful prices", book, doubt, cite=cite),
        Line.of("Doubtful collateral prices", book, doubted, CASH, cite=cite),
    ]


def _doubts(held: Held) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What oracles' doubts about prices add per leg (H,) and per balance (B,); None where nothing is doubted."""
    if not held.ready.doubtful:
        return None, None
    charge, threshold = held.of("conf_margin"), held.of("conf_threshold")
    legs_confidence, cash_confidence = confidences(held)
    row, cash_row = held.book.legs.row, held.book.cash.row
    legs = held.exposure * low_confidence(legs_confidence, threshold[row], charge[row])
    cash = held.collateral * low_confidence(cash_confidence, threshold[cash_row], charge[cash_row])
    return legs, cash


def _equity(held: Held) -> Line:
    """Mark-to-market value: cash, options, perpetual result, collateral."""
    book, legs = held.book, held.book.legs
    marks = legs.quantity * held.ready.option_mark[legs.instrument]
    result = np.where(held.is_perp, unrealised(book, held.market), legs.accrued) if len(held.perps) else legs.accrued
    return Line.total(
        "Equity",
        Line.of("Cash", book, np.where(held.is_cash, book.cash.amount, 0.0), CASH),
        Line.of("Options", book, marks),
        Line.of("Perpetual result", book, result),
        Line.of("Collateral", book, held.collateral, CASH),
    )


def _notes(held: Held) -> tuple[Note, ...]:
    """What the figures assume."""
    market, legs = held.market, held.book.legs
    bare = np.zeros(len(legs), bool)
    bare[held.perps] = np.isnan(legs.entry[held.perps]) & (legs.accrued[held.perps] == 0)
    settling = (market.kind == OPTION) & (market.seconds < held.p["settlement_seconds"])
    if settling.any():
        settling &= np.isnan(market.column("forward_fixed"))
    late = "within 30 minutes of expiry the fixed part of the forward is taken at the forward itself"
    found = [
        ("oracle confidence is not given for some instruments and taken as 1", "PMRM_2.sol", held.ready.silent),
        ("a perpetual has no entry price: its result since entry is not in equity", "", bare),
        (f"{late}; give forward_fixed to state it", "PMRM_2.sol", settling),
    ]
    notes = []
    for text, cite, where in found:
        if where.any():
            touched = where if where is bare else where[legs.instrument]
            rows = held.book.sum(touched.astype(np.float64)) > 0
            notes += [Note(text, cite, rows)] if rows.any() else []
    crowded = _crowded(held)
    text = "holds options of more expiries than the manager takes: it refuses every trade of such an account"
    return (*notes, Note(text, held.p.cite("max_expiries"), crowded)) if crowded.any() else tuple(notes)


def _crowded(held: Held) -> np.ndarray:
    """Rows (R,) with options of more expiries than the manager arranges."""
    nets, most = held.nets, held.of("max_expiries")
    if not np.any(np.diff(nets.start) > most):
        return np.zeros(len(held.book), bool)
    with_options = nets.sum(held.is_option.astype(np.float64)) > 0
    return nets.up(with_options.astype(np.float64)) > most


@portfolio.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """One underlying an account, and only collateral that its manager takes."""
    accepted, who = [], []
    for name in map(str, market.scopes):
        covered = name in p.by
        accepted.append({p.get("cash_asset", name), *p.get("collateral", name)} if covered else set(market.assets))
        who.append(f"the {name} manager")
    accepted.append({p["cash_asset"]})
    who.append("an account without a manager (name it in column manager of the accounts table)")
    scope = scope_of_rows(book, market)
    refused = refused_balances(book, market, scope, accepted, who)
    return [*mixed_scopes(book, market, "the portfolio manager"), *refused]
