"""dYdX v4 cross margin in exact quantums: liquidity tiers, open-interest scaling, user-set leverage.

Source: dydxprotocol/v4-chain@84d4664b (2026-03-04) protocol/x/perpetuals/{types,lib}, lib/margin/risk.go. How sure:
the rule equals the repository's test vectors to the last quantum; the tiers of the TOML are the repository's genesis,
live ones are set by governance (load the indexer's /v4/perpetualMarkets). ``mark`` is the oracle price. Unsettled
funding belongs into ``accrued``. Open orders reserve nothing: the chain checks an order when it matches.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...errors import InputError, Note
from ...findings import chain, on_legs, rows_with
from ...findings import notes as noted
from ...integers import Tally, decimal, quanta, whole
from ...ledger import CASH, Margin
from ...market import Market
from ...params import Params
from ...pools import TRANSFER
from ...refusals import bare_isolated_legs, foreign_balances, hedge_legs, lent_elsewhere, leverage_above, one_pool
from ...registry import Ready, Setting, margin_model
from ...scopes import Found
from .engine import PPM, adjusted_fraction, notional, requirements


@margin_model(
    "dydx.cross",
    needs={"perp": "mark open_interest?", "balance": "price?"},
    settings={
        "balance": Setting(
            "wallet",
            "USDC given: wallet, or quote as the chain keeps it (cost of positions taken out)",
            ("wallet", "quote"),
        )
    },
    exceptions={"scaling": "requirements are rounded up to whole quantums"},
    payoffs="linear",
    scoped=True,
    evidence="rule equals the repository's test vectors exactly; tiers from the repository's genesis",
    title="dYdX v4 cross margin",
)
def cross(book: Book, ready: Ready) -> Margin:
    """Oracle notional at the tier's fraction, scaled by open interest to open, at the base fraction to keep."""
    held, p, per = Held(book, ready), ready.params, ready.per
    equity = Tally.total(
        "Net collateral",
        Tally.of("USDC", book, np.where(held.moved, 0, held.cash), per, CASH),
        Tally.of("Posted to isolated positions", book, np.where(held.moved, held.cash, 0), per, CASH),
        Tally.of("Positions at oracle price", book, held.positions, per),
        Tally.of("Profit, carrying other positions", book, np.maximum(held.result, 0), per),
        Tally.of("Loss, carried by the rest", book, np.minimum(held.result, 0), per),
        formula="Σ quote balance + signed oracle notional + settled funding",
    )
    base, scaled, set_by_user, maintenance = held.requirements()
    initial = Tally.total(
        "Initial margin",
        Tally.of("Base fraction", book, base, per, cite=p.cite("tiers", "tier")),
        Tally.of("Open-interest scaling", book, scaled - base, per, cite=p.cite("tiers")),
        Tally.of("Leverage set by the user", book, set_by_user - scaled, per),
        formula="Σ ceil(notional · max(fraction(open interest), user's))",
    )
    notes = (*held.notes(), *lent_elsewhere(book))
    kept = Tally.of("Positions", book, maintenance, per, formula="ceil(ceil(notional · base) · fraction)")
    maintained = Tally.total("Maintenance margin", kept)
    return Margin(equity.line, initial.line, maintained.line, currency=p["collateral"], notes=notes)


class Held:
    """A book in quantums: signed notional, cost and result per leg (H,), balances (B,)."""

    def __init__(self, book: Book, ready: Ready) -> None:
        self.book, self.ready, market, legs = book, ready, ready.market, book.legs
        i, decimals = legs.instrument, ready.decimals
        self.moved = book.cash.kind == TRANSFER
        self.cash = quanta(book.cash.amount, decimals)
        size = legs.quantity * market["contract_size"][i]
        self.quantums = np.abs(quanta(size, -ready.resolution[i]))
        self.notional = notional(self.quantums, ready.price[i], ready.exponent[i])
        signed = np.where(size < 0, -self.notional, self.notional)
        quote = (book.settings["balance"] == "quote")[legs.row]
        self.bare = np.isnan(legs.entry) & (legs.quantity != 0) & ~quote
        cost = whole(np.nan_to_num(size * legs.entry) * ready.per)
        since = np.where(self.bare | quote, 0, signed - cost)
        self.positions = np.where(quote, signed, 0)
        self.result = since + quanta(legs.accrued, decimals)

    def requirements(self) -> tuple[np.ndarray, ...]:
        """Requirements (H,) at the base fraction, with open interest, with the user's leverage; and maintenance."""
        ready, i = self.ready, self.book.legs.instrument
        base, fraction, kept = ready.base[i], ready.fraction[i], ready.kept[i]
        with np.errstate(invalid="ignore"):
            wished = np.nan_to_num(np.ceil(PPM / self.book.legs.leverage - 1e-9)).astype(np.int64)
        plain, maintenance = requirements(self.notional, base, kept, base)
        scaled, _ = requirements(self.notional, base, kept, fraction)
        final, _ = requirements(self.notional, base, kept, np.maximum(fraction, wished))
        return plain, scaled, final, maintenance

    def notes(self) -> tuple[Note, ...]:
        """What the figures assume."""
        book, ready = self.book, self.ready
        unknown = ready.unscaled[book.legs.instrument]
        orders = rows_with(book.orders, np.ones(len(book.orders), bool))
        return noted(
            (
                "open interest is not given: initial margin at the base fraction, which may be too low",
                ready.params.cite("tiers"),
                rows_with(book.legs, unknown),
            ),
            (
                "a position has no entry price: its result since entry is not in equity",
                "",
                rows_with(book.legs, self.bare),
            ),
            ("open orders reserve no margin: the chain checks an order when it matches", "v4-chain x/clob", orders),
        )


@cross.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Oracle prices as integers, fractions in ppm after open interest, by instrument (I,)."""
    read, scope = p.on(market.scopes), market.scope
    tier = _tiers(market, p)[scope] if len(market) else np.zeros((0, 4))
    decimals = int(p["quote_decimals"])
    resolution = read("atomic_resolution").astype(np.int64)[scope] if len(market) else np.zeros(0, np.int64)
    price, exponent = decimal(np.nan_to_num(market["mark"]))
    exponent = exponent + resolution + decimals
    base, kept = (tier[:, k].astype(np.int64) for k in (0, 1))
    lower, upper = (quanta(tier[:, k], decimals) for k in (2, 3))
    given = market.column("open_interest")
    interest = notional(quanta(np.nan_to_num(given), -resolution), price, exponent)
    return {
        "per": 10**decimals,
        "decimals": decimals,
        "resolution": resolution,
        "price": price,
        "exponent": exponent,
        "base": base,
        "kept": kept,
        "fraction": adjusted_fraction(base, lower, upper, interest),
        "unscaled": np.isnan(given) & (upper > 0),
    }


def _tiers(market: Market, p: Params) -> np.ndarray:
    """The liquidity tier of each scope (U, 4)."""
    names = p.on(market.scopes)("tier")
    unknown = sorted({n for n in names if n not in p["tiers"]})
    if unknown:
        raise InputError(f"{p.model}: no liquidity tier {', '.join(unknown)}; tiers are {', '.join(p['tiers'])}")
    return np.array([p["tiers"][name] for name in names], np.float64)


@cross.pools
def pools(book: Book, market: Market, p: Params, options: dict[str, Any]) -> Book:
    """One pool a subaccount; an isolated position is its own."""
    return one_pool(book, market)


@cross.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Hedge legs, leverage above the tier, isolated markets in a cross account, balances other than USDC."""
    legs, scope = book.legs, market.scope[book.legs.instrument]
    known = [str(s) in p.by for s in market.scopes]
    kinds = [p.get("market_type", str(s)) if k else "cross" for s, k in zip(market.scopes, known, strict=True)]
    alone = np.array([k == "isolated" for k in kinds], bool)[scope] & ~legs.isolated
    tops = [_top(p, str(s)) if k else np.nan for s, k in zip(market.scopes, known, strict=True)]
    name = market.name[legs.instrument]
    return chain(
        hedge_legs(book, market, "dYdX"),
        leverage_above(book, market, np.append(tops, np.nan)[scope]),
        on_legs(
            book,
            market,
            alone,
            "margin_mode",
            lambda h: f"{name[h]} is an isolated market: it may not stand in a cross account; allowed: isolated",
        ),
        bare_isolated_legs(book, market),
        foreign_balances(book, market, [p["collateral"]], "dYdX"),
    )


def _top(p: Params, scope: str) -> float:
    """Highest leverage that a market's tier allows; none where its fraction is zero."""
    ppm = p["tiers"].get(p.get("tier", scope), [0])[0]
    return PPM / ppm if ppm else np.inf


@cross.loader
def load(payload: Any, p: Params) -> Params:
    """Parameters with the indexer's /v4/perpetualMarkets (or the chain's liquidity tiers) in place.

    Markets give their own fractions, caps (USDC), atomic resolution and type; ``liquidityTiers`` replace tiers by
    name. Raises InputError where the response has another form.
    """
    try:
        if "liquidityTiers" in payload:
            per = 10 ** p["quote_decimals"]
            fresh = {t["name"]: _tier_of_chain(t, per) for t in payload["liquidityTiers"]}
            return p.override("dYdX liquidity tiers", tiers={**p["tiers"], **fresh})
        markets = payload["markets"]
        tiers = {f"{m} (indexer)": _tier_of_market(v) for m, v in markets.items()}
        by = {
            ticker.partition("-")[0]: {
                "tier": f"{ticker} (indexer)",
                "atomic_resolution": int(m["atomicResolution"]),
                "market_type": str(m.get("marketType", "CROSS")).casefold(),
            }
            for ticker, m in markets.items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"dYdX response: {type(error).__name__} {error}") from None
    return p.override("dYdX /v4/perpetualMarkets", by=by, tiers={**p["tiers"], **tiers})


def _tier_of_market(m: dict[str, Any]) -> list[float]:
    initial, kept = float(m["initialMarginFraction"]), float(m["maintenanceMarginFraction"])
    share = round(kept / initial * PPM) if initial else 0
    return [
        round(initial * PPM),
        share,
        *(float(m.get(k) or 0) for k in ("openInterestLowerCap", "openInterestUpperCap")),
    ]


def _tier_of_chain(t: dict[str, Any], per: int) -> list[float]:
    caps = (float(t.get(k) or 0) / per for k in ("openInterestLowerCap", "openInterestUpperCap"))
    return [int(t["initialMarginPpm"]), int(t["maintenanceFractionPpm"]), *caps]
