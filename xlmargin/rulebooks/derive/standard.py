"""Derive's Standard Manager: each market by itself, options by expiry as the better of isolated and maximum loss.

Source: derivexyz/v2-core@7736900d (2026-01-21) StandardManager.sol. The contract's margin is equity less the
requirement given here. How sure: the rule is checked against the repository's cases and on-chain margins;
parameters come from the deployment script and on-chain events (dated in the TOML), some markets from documentation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...collateral import unrealised
from ...errors import Note
from ...ledger import CASH, Line, Margin
from ...market import OPTION, PERP, Market
from ...params import Params
from ...pricing import YEAR, black76
from ...registry import Ready, margin_model
from ...risk import low_confidence, max_loss
from ...scopes import Found, lowest_confidence, refused_balances


@margin_model(
    "derive.standard",
    needs={
        "option": "forward iv scope_index confidence?",
        "perp": "mark scope_index confidence?",
        "balance": "price confidence?",
        "settle": "price",
    },
    exceptions={
        "merging never raises": "the better of isolated and maximum loss is taken for the whole expiry at once"
    },
    payoffs="linear",
    scoped=True,
    evidence="rule checked against repository and on-chain margins; parameters from script, events and documentation",
    title="Derive standard margin (SRM)",
)
def standard(book: Book, ready: Ready) -> Margin:
    """Perpetuals by value, options by expiry as the better of isolated and maximum loss, base collateral discounted."""
    held = Held(book, ready)
    equity = Line.total(
        "Equity",
        Line.of("Cash", book, np.where(held.is_cash, book.cash.amount, 0.0), CASH),
        Line.of("Options", book, held.option_value),
        Line.of("Perpetual result", book, np.where(held.is_perp, unrealised(book, ready.market), book.legs.accrued)),
        Line.of("Base collateral", book, held.base / held.stable[book.cash.row], CASH),
    )
    initial = Line.total(
        "Initial margin",
        *_requirements(held, "im"),
        *_initial_only(held),
        formula="Σ markets + oracle and depeg add-ons",
    )
    maintenance = Line.total("Maintenance margin", *_requirements(held, "mm"), formula="Σ markets")
    return Margin(equity, initial, maintenance, currency=held.currency, notes=_notes(held))


@standard.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Option values undiscounted, expiries, and base factors by asset."""
    read = p.on(market.scopes)
    tau = np.nan_to_num(market.seconds) / YEAR
    option = market.kind == OPTION
    value = np.zeros(len(market))
    o = np.flatnonzero(option)
    total_vol = market["iv"][o] * np.sqrt(tau[o])
    value[o] = black76(market["forward"][o], market["strike"][o], total_vol, market.call[o])
    base = {key: np.array([p.get(key, str(a)) for a in market.assets]) for key in ("margin_factor", "im_scale")}
    base |= {key: np.array([p.get(key, str(a)) for a in market.assets]) for key in ("base_threshold", "oc_factor")}
    cash = {p["cash_asset"], *(p.get("cash_asset", str(u)) for u in market.scopes)}
    return {
        "read": read,
        "value": value * market["contract_size"],
        "expiry_of": market.group("scope", "expiry")[0],
        "base": base,
        "cash_assets": np.flatnonzero(np.isin(market.assets.astype(str), list(map(str, cash)))),
    }


class Held:
    """A book seen by this rule: values per leg and balance that several lines share."""

    def __init__(self, book: Book, ready: Ready) -> None:
        market, legs, cash = ready.market, book.legs, book.cash
        self.book, self.ready, self.market, self.p = book, ready, market, ready.params
        i = legs.instrument
        self.scope, self.kind, self.call = market.scope[i], market.kind[i], market.call[i]
        self.is_option, self.is_perp = self.kind == OPTION, self.kind == PERP
        self.quantity = legs.quantity * market["contract_size"][i]
        self.index = market.on_scope("index")[self.scope]
        self.option_value = np.where(self.is_option, legs.quantity * ready.value[i], 0.0)
        self.is_cash = np.isin(cash.asset, ready.cash_assets)
        self.base = np.where(self.is_cash, 0.0, cash.amount * market.price[cash.asset])
        self.stable, self.currency = self._stable()
        self.nets = book.split(ready.expiry_of)

    def _stable(self) -> tuple[np.ndarray, np.ndarray]:
        """USD price and name of each row's cash asset (R,)."""
        market, row_asset = self.market, np.full(len(self.book), -1, np.int64)
        row_asset[self.book.legs.row] = market.settle[self.book.legs.instrument]
        row_asset[self.book.cash.row[self.is_cash]] = self.book.cash.asset[self.is_cash]
        price = np.append(market.price, 1.0)[row_asset]
        return np.where(np.isnan(price), 1.0, price), np.append(market.assets, self.p["cash_asset"])[row_asset]

    def of(self, key: str) -> np.ndarray:
        """A parameter by leg (H,)."""
        return self.ready.read(key)[self.scope]


def _requirements(held: Held, level: str) -> list[Line]:
    """Perpetuals, options and base of one level ("im" or "mm"), as requirements on mark-to-market equity."""
    book, p, i = held.book, held.p, held.book.legs.instrument
    perp = np.where(held.is_perp, np.abs(held.quantity) * held.market["mark"][i], 0.0) * held.of(f"perp_{level}")
    isolated = _isolated(held, level)
    relief = _relief(held, level, isolated)
    factor = np.where(held.base == 0, 0.0, held.ready.base["margin_factor"][book.cash.asset])
    if level == "im":
        factor = factor * held.ready.base["im_scale"][book.cash.asset]
    discount = held.base / held.stable[book.cash.row] - held.base * factor
    option_keys = ("max_spot_req", "min_spot_req", "mm_call_spot_req", "mm_put_spot_req", "mm_put_mtm_req")
    return [
        Line.of("Perpetuals", book, perp, cite=p.cite(f"perp_{level}")),
        Line.of("Options, isolated", book, held.option_value - isolated, cite=p.cite(*option_keys)),
        Line.of("Relief: maximum loss", book, -relief, cite=p.cite(f"unpaired_{level}_scale")),
        Line.of("Base discount", book, discount, CASH, cite=p.cite("margin_factor", "im_scale")),
    ]


def _isolated(held: Held, level: str) -> np.ndarray:
    """Net value after margin of each option leg alone (H,): 0 for longs, negative for shorts."""
    value, quantity, spot = held.option_value, held.quantity, held.index
    strike = held.market["strike"][held.book.legs.instrument]
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.maximum(np.where(held.call, strike - spot, spot - strike), 0.0) / spot
    share = np.maximum(held.of("min_spot_req"), held.of("max_spot_req") - out)
    put_charge = np.minimum(held.of("mm_put_spot_req") * spot * quantity, held.of("mm_put_mtm_req") * value)
    put_mm = put_charge + value
    if level == "mm":
        margin = np.where(held.call, held.of("mm_call_spot_req") * spot * quantity + value, put_mm)
    else:
        charge = share * spot * quantity + value
        margin = np.where(held.call, charge, np.minimum(charge, put_mm * held.of("mm_offset_scale")))
    return np.where(held.is_option & (quantity < 0), margin, 0.0)


def _relief(held: Held, level: str, isolated: np.ndarray) -> np.ndarray:
    """What each leg gains (H,) where its expiry is better off by maximum loss than by isolated margins."""
    nets, i = held.nets, held.book.legs.instrument
    quantity = np.where(held.is_option, held.quantity, 0.0)
    strike = np.where(held.is_option, held.market["strike"][i], 0.0)
    loss, where = max_loss(nets, strike, quantity, held.call)
    reach = where[nets.net] - strike
    payoff = quantity * np.maximum(np.where(held.call, reach, -reach), 0.0)
    at_worst = np.where((loss < 0)[nets.net], payoff, 0.0)
    calls = np.where(held.call, quantity, 0.0)
    unpaired = np.where((nets.sum(calls) < 0)[nets.net], calls, 0.0)
    forward = np.where(held.is_option, held.market["forward"][i], 0.0)
    bounded = at_worst + unpaired * forward * held.of(f"unpaired_{level}_scale")
    better = nets.sum(bounded) > nets.sum(isolated)
    return np.where(better[nets.net], bounded - isolated, 0.0)


def _initial_only(held: Held) -> list[Line]:
    """Add-ons of initial margin: stable-coin depeg and prices that oracles doubt."""
    book, p, market, row = held.book, held.p, held.market, held.book.legs.row
    perp = np.where(held.is_perp, np.abs(held.quantity), 0.0)
    short = np.where(held.is_option, np.maximum(-held.quantity, 0.0), 0.0)
    gap = np.maximum(held.of("depeg_threshold") - held.stable[row], 0.0)
    spot = np.nan_to_num(market.on_scope("index_confidence"), nan=1.0)[held.scope]
    own = np.minimum(market.column("confidence", 1.0)[book.legs.instrument], spot)
    expiry = lowest_confidence(own, held.is_option, held.nets.net, np.full(len(held.nets), np.inf))[held.nets.net]
    charge = held.of("oc_factor") * held.index
    perp_doubt = perp * low_confidence(own, held.of("perp_threshold"), charge)
    option_doubt = short * low_confidence(expiry, held.of("option_threshold"), charge)
    cite = p.cite("perp_threshold", "option_threshold", "oc_factor")
    return [
        Line.of(
            "Depeg", book, (perp + short) * gap * held.of("depeg_factor") * held.index, cite=p.cite("depeg_factor")
        ),
        Line.of("Doubtful perpetual price", book, perp_doubt, cite=cite),
        Line.of("Doubtful option price", book, option_doubt, cite=cite),
        Line.of("Doubtful base price", book, _base_doubt(held), CASH, cite=p.cite("base_threshold", "oc_factor")),
    ]


def _base_doubt(held: Held) -> np.ndarray:
    """Oracle add-on per balance (B,): only where the discounted base counts at all."""
    base, asset = held.ready.base, held.book.cash.asset
    confidence = np.nan_to_num(held.market.asset_columns["confidence"], nan=1.0)[asset]
    counts = held.base * base["margin_factor"][asset] * base["im_scale"][asset] != 0
    doubt = held.base * low_confidence(confidence, base["base_threshold"][asset], base["oc_factor"][asset])
    return np.where(counts, doubt, 0.0)


def _notes(held: Held) -> tuple[Note, ...]:
    """What the figures assume."""
    book, market, notes = held.book, held.market, []
    silent = book.sum(np.isnan(market.column("confidence"))[book.legs.instrument].astype(np.float64)) > 0
    if silent.any():
        notes.append(
            Note("oracle confidence is not given for some instruments and taken as 1", "StandardManager.sol", silent)
        )
    bare = held.is_perp & np.isnan(book.legs.entry) & (book.legs.accrued == 0)
    rows = book.sum(bare.astype(np.float64)) > 0
    if rows.any():
        notes.append(Note("a perpetual has no entry price: its result since entry is not in equity", "", rows))
    return tuple(notes)


@standard.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Only cash and base assets that have a margin factor are collateral."""
    base = {name for name, values in p.by.items() if values.get("margin_factor", 0.0) > 0}
    cash = {p["cash_asset"], *(values["cash_asset"] for values in p.by.values() if "cash_asset" in values)}
    nowhere = np.full(len(book), -1, np.int64)
    return list(refused_balances(book, market, nowhere, [base | cash], ["the Standard Manager"]))
