"""Paradex cross margin (XM): each market by its open side, options by table, fees and open loss, tokens in full.

Source: tradeparadex/paradex-docs@9b82a75a (2026-08-20) cross-margin-requirement.mdx, margin-requirements.mdx;
paradex-py@334a7f81 (the venue's own calculator). How sure: equal to the calculator's cases and to one margin that
the exchange reported (within the fee provision).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book, added
from ...errors import InputError, Note
from ...findings import chain, notes, rows_with
from ...ledger import LEGS, ORDERS, Line, Margin
from ...market import OPTION, Market
from ...params import Params
from ...refusals import bare_isolated_legs, leverage_above, one_pool
from ...registry import Ready, margin_model
from ...scopes import Found
from .held import FEE, Held, problems, published_fees, without_table

OPTION_KEYS = ("premium_multiplier", "long_itm", "short_itm", "short_otm", "short_put_cap")


@margin_model(
    "paradex.cross",
    needs={"perp": "mark", "future": "mark", "option": "mark scope_index", "balance": "price", "settle": "price"},
    settings={"fee_rate": FEE},
    payoffs="linear",
    scoped=True,
    evidence="equal to the venue's own calculator; one exchange-reported margin",
    title="Paradex cross margin (XM)",
)
def cross(book: Book, ready: Ready) -> Margin:
    """Mark notional at the margin fraction for perpetuals, premium or spot share for options, market by market."""
    held, p = Held(book, ready), ready.params
    nets = Markets(held)
    initial, maintenance = nets.positions("imf"), nets.positions("mmf")
    with_orders = nets.open("imf")
    cite = p.cite("imf", "option_imf")
    fee, order_fee = nets.fees()
    margin = Line.total(
        "Initial margin",
        Line.of("Positions", book, initial[nets.of_leg], LEGS, cite=cite),
        Line.of("Open orders", book, nets.share(with_orders - initial), ORDERS, cite=cite),
        Line.of("Fee provision of positions", book, fee, LEGS, cite=p.cite("perp_fee", "option_fee")),
        Line.of("Fee provision of orders", book, order_fee, ORDERS, cite=p.cite("perp_fee", "option_fee")),
        Line.of(
            "Open loss of orders", book, nets.open_loss(), ORDERS, formula="(limit − mark)⁺ · size, sells mirrored"
        ),
        held.spot(),
        formula="Σ markets max(open side) + fees + open loss + other tokens",
    )
    kept = Line.total(
        "Maintenance margin",
        Line.of("Positions", book, maintenance[nets.of_leg], cite=p.cite("mmf_factor", "option_mmf")),
        Line.of("Fee provision of positions", book, fee, cite=p.cite("perp_fee", "option_fee")),
        held.spot(),
    )
    equity = held.equity()
    free = np.minimum(equity.value - margin.value, equity.parts[0].value)
    extras = {"free collateral": Line("Free collateral", free, formula="min(value − initial margin, collateral)")}
    return Margin(equity, margin, kept, extras=extras, currency="USD", notes=(*held.notes(), *_notes(held)))


class Markets:
    """Legs and orders of one account and instrument side by side: position, open buys and sells (N,)."""

    def __init__(self, held: Held) -> None:
        self.held, self.ready, book, market = held, held.ready, held.book, held.market
        legs, orders, width = book.legs, book.orders, max(len(held.market), 1)
        keys = np.concatenate([legs.row * width + legs.instrument, orders.row * width + orders.instrument])
        rising = np.all(keys[1:] > keys[:-1])
        pools, number = (keys, np.arange(len(keys))) if rising else np.unique(keys, return_inverse=True)
        self.row, self.instrument = pools // width, pools % width
        self.of_leg, self.of_order = number[: len(legs)], number[len(legs) :]
        size = np.where(orders.reduce_only, 0.0, held.order_size)
        count = len(pools)
        self.position = added(self.of_leg, held.quantity, count)
        buys, sells = (added(self.of_order, np.maximum(sign * size, 0.0), count) for sign in (1, -1))
        self.buy, self.sell = np.maximum(buys + self.position, 0.0), np.maximum(sells - self.position, 0.0)
        self.side = np.where(size >= 0, 1, -1)
        self.volume = np.abs(size)
        self.buys, self.sells = buys, sells
        self.mark = market["mark"][self.instrument]
        self.is_option = market.kind[self.instrument] == OPTION

    def positions(self, key: str) -> np.ndarray:
        """Requirement (N,) of what is held."""
        return np.maximum(*self._sides(key, np.maximum(self.position, 0.0), np.maximum(-self.position, 0.0)))

    def open(self, key: str) -> np.ndarray:
        """Requirement (N,) of the larger open side."""
        return np.maximum(*self._sides(key, self.buy, self.sell))

    def _sides(self, key: str, long: np.ndarray, short: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        fraction = self._fraction(key) * self.mark
        option = [self.ready.option[key][side][self.instrument] for side in ("long", "short")]
        return tuple(
            size * np.where(self.is_option, of_option, fraction)
            for size, of_option in zip((long, short), option, strict=True)
        )

    def _fraction(self, key: str) -> np.ndarray:
        """Margin fraction of perpetuals (N,): the market's, or the user's 1 / leverage if that is higher."""
        leverage = np.full(len(self.row), np.nan)
        leverage[self.of_leg] = self.held.book.legs.leverage
        imf = self.ready.imf[self.instrument]
        if key == "mmf":
            return imf * self.ready.mmf_factor[self.instrument]
        with np.errstate(divide="ignore"):
            return np.fmax(imf, 1.0 / leverage)

    def share(self, amounts: np.ndarray) -> np.ndarray:
        """Amounts per market (N,) over the orders (O,) of the side that binds."""
        long, short = self._sides("imf", self.buy, self.sell)
        side = np.where(long >= short, 1, -1)
        total = np.where(side > 0, self.buys, self.sells)
        binds = self.side == side[self.of_order]
        part = np.divide(
            self.volume, total[self.of_order], out=np.zeros(len(self.volume)), where=binds & (self.volume > 0)
        )
        return amounts[self.of_order] * part

    def fees(self) -> tuple[np.ndarray, np.ndarray]:
        """Fee provision of positions (H,), and what the larger open side adds, per order (O,)."""
        unit = self.held.fees(self.row, self.instrument)
        held = np.abs(self.position)
        more = np.maximum(np.maximum(self.buy, self.sell) - held, 0.0)
        side = np.where(self.buy >= self.sell, 1, -1)
        total = np.where(side > 0, self.buys, self.sells)
        binds = (self.side == side[self.of_order]) & (self.volume > 0)
        part = np.divide(self.volume, total[self.of_order], out=np.zeros(len(self.volume)), where=binds)
        return (unit * held)[self.of_leg], (unit * more)[self.of_order] * part

    def open_loss(self) -> np.ndarray:
        """What each order (O,) would lose at the mark when it fills."""
        gap = self.side * (self.held.book.orders.price - self.held.order_mark)
        return np.maximum(gap, 0.0) * self.volume


def _notes(held: Held) -> tuple[Note, ...]:
    limit = held.ready.limit[held.book.legs.instrument]
    over = (limit > 0) & (np.abs(held.quantity) > limit)
    text = "a position is beyond the published position limit of its market"
    return notes((text, held.p.cite("position_limit"), rows_with(held.book.legs, over)))


@cross.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Fractions by instrument (I,); requirement of one unit of each option, long and short."""
    read, scope = p.on(market.scopes), market.scope
    of = lambda key: read(key)[scope] if len(market) else np.zeros(0)  # noqa: E731
    option = {key: _option_units(market, read, key) for key in ("imf", "mmf")}
    return {
        "imf": of("imf"),
        "mmf_factor": of("mmf_factor"),
        "limit": of("position_limit"),
        "fee": published_fees(market, p),
        "option": option,
    }


def _option_units(market: Market, read: Any, key: str) -> dict[str, np.ndarray]:
    """Requirement of one option by instrument (I,).

    Long min(mark · multiplier, long ITM · spot); short max(short ITM · spot − OTM, short OTM · spot), puts capped.
    """
    none = np.zeros(len(market))
    if not (market.kind == OPTION).any():
        return {"long": none, "short": none}
    table = np.array([row or [np.nan] * len(OPTION_KEYS) for row in read(f"option_{key}")], np.float64)[market.scope]
    multiplier, long_itm, short_itm, short_otm, cap = table.T
    spot, strike = market.on_scope("index")[market.scope], market["strike"]
    out = np.maximum(np.where(market.call, strike - spot, spot - strike), 0.0)
    short = np.maximum(short_itm * spot - out, short_otm * spot)
    short = np.where(market.call, short, np.minimum(short, cap * spot))
    long = np.minimum(market["mark"] * multiplier, long_itm * spot)
    is_option = market.kind == OPTION
    return {"long": np.where(is_option, long, 0.0), "short": np.where(is_option, short, 0.0)}


@cross.pools
def pools(book: Book, market: Market, p: Params, options: dict[str, Any]) -> Book:
    """One pool an account; an isolated position is its own."""
    return one_pool(book, market)


@cross.check
def check(book: Book, market: Market, p: Params) -> list[Found]:
    """Hedge legs, leverage above the market's, options without table, isolated positions without margin."""
    known = [str(s) in p.by and "imf" in p.by[str(s)] for s in market.scopes]
    tops = [1.0 / p.get("imf", str(s)) if k else np.nan for s, k in zip(market.scopes, known, strict=True)]
    perp = np.where(market.kind == OPTION, np.inf, np.append(tops, np.nan)[market.scope])
    return chain(
        problems(book, market, p),
        leverage_above(book, market, perp[book.legs.instrument]),
        without_table(book, market, p, "option_imf"),
        bare_isolated_legs(book, market),
    )


@cross.loader
def load(payload: Any, p: Params) -> Params:
    """Parameters with the response of GET /v1/markets in place: fractions of perpetuals, tables of options.

    Raises InputError where a market lacks its fields.
    """
    by: dict[str, dict[str, Any]] = {}
    try:
        for market in payload["results"]:
            own = by.setdefault(market["base_currency"], {})
            if market.get("delta1_cross_margin_params"):
                params = market["delta1_cross_margin_params"]
                own |= {"imf": float(params["imf_base"]), "mmf_factor": float(params["mmf_factor"])}
            if market.get("option_cross_margin_params"):
                for side in ("imf", "mmf"):
                    table = market["option_cross_margin_params"][side]
                    own[f"option_{side}"] = [float(table[k]) for k in OPTION_KEYS]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"/v1/markets response of Paradex: {type(error).__name__} {error}") from None
    return p.override("Paradex /v1/markets", by={base: own for base, own in by.items() if own})


def partial_liquidation(maintenance: float, value: float, p: Params, fee: float | None = None) -> tuple[float, float]:
    """Smallest share of an account that the venue closes, and the account value after its penalty.

    Shares in steps of 20 % until maintenance / value is below 90 %; penalty = share · fee · maintenance. The whole
    account where no share suffices. Source: paradex-docs liquidations.mdx (text 70 %, worked table 50 %).

    >>> import xlmargin as xm
    >>> partial_liquidation(88.8, 80.0, xm.model("paradex.cross").params(1_790_000_000), fee=0.5)
    (0.4, 62.24)
    """
    fee = p["liquidation_fee"] if fee is None else fee
    steps = round(1 / p["liquidation_step"])
    for share in (n / steps for n in range(1, steps + 1)):
        left, after = maintenance * (1 - share), value - share * fee * maintenance
        if after > 0 and left / after < p["liquidation_target"]:
            return share, round(after, 10)
    return 1.0, value - fee * maintenance
