"""Paradex portfolio and cross margin beside the venue's own Python calculator, on one book, in one process.

The calculator is the pure Python part ``margin`` of paradex-py (PyPI). It is loaded from its folder, for the package
itself asks for starknet-crypto-py (``benchmarks.peers`` installs it without). Both get the same served market, the same
positions and orders, and the rulebook's own parameters; the figures of every book are compared.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np

import xlmargin as xm
from benchmarks import Row, alternating, best
from benchmarks.peers import packages, titled
from xlmargin.rulebooks.paradex.scan import black_scholes, normal

PORTFOLIO, CROSS = "paradex.portfolio", "paradex.cross"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SPOT, RATE, FUNDING, FEE = 84_000.0, 0.0, 0.00012, 0.0003
PERP = "BTC-USD-PERP"
EXPIRIES, STRIKES = (2, 9, 16, 30, 44, 58, 93, 121, 149, 212, 303, 394), 42
OPTION_COLUMNS = ("premium_multiplier", "long_itm", "short_itm", "short_otm", "short_put_cap")
SIZES, ACCOUNTS, EACH = (10, 100, 1000), 1000, 10
Item = dict[str, Any]


@dataclass(frozen=True)
class Served:
    """What the venue serves, in the calculator's shape: prices and specifications by market."""

    data: dict[str, Item]
    specs: dict[str, Item]


@dataclass(frozen=True)
class Held:
    """One account in the calculator's shape."""

    positions: list[Item]
    orders: list[Item]


def served(params: xm.Params) -> Served:
    """A perpetual and a chain of 1,008 options on BTC."""
    read = params.on(["BTC"])
    delta1 = {"imf_base": float(read("imf")[0]), "mmf_factor": float(read("mmf_factor")[0])}
    given = {"funding_rate": FUNDING, "interest_rate": RATE, "fee_rate": FEE, "underlying_price": SPOT}
    data = {PERP: {"mark_price": SPOT * 1.0004, "delta": 1.0, "mark_iv": None, **given}}
    specs: dict[str, Item] = {PERP: {"asset_kind": "PERP", "delta1_cross_margin_params": delta1}}
    sides = {k: dict(zip(OPTION_COLUMNS, map(float, read(f"option_{k}")[0]), strict=True)) for k in ("imf", "mmf")}
    for name, strike, call, iv, mark, delta in _chain():
        data[name] = {"mark_price": mark, "delta": delta, "mark_iv": iv, **given, "funding_rate": 0.0}
        specs[name] = {"asset_kind": "OPTION", "option_type": "CALL" if call else "PUT", "strike_price": strike}
        specs[name]["option_cross_margin_params"] = sides
    return Served(data, specs)


def _chain() -> Iterator[tuple[str, float, bool, float, float, float]]:
    """Name, strike, call, volatility, mark and delta of each option."""
    at = [datetime(NOW.year, NOW.month, NOW.day, 8, tzinfo=UTC) + timedelta(days=d) for d in EXPIRIES]
    strikes = np.linspace(45_000.0, 148_000.0, STRIKES).round(-3)
    for expiry, strike, call in ((e, float(k), c) for e in at for k in strikes for c in (True, False)):
        iv = round(0.45 + 0.3 * float(np.log(strike / SPOT)) ** 2, 4)
        tau = (expiry - NOW).total_seconds() / 86_400 / 365
        arguments = [np.array([x]) for x in (SPOT, strike, tau, RATE, iv, call)]
        mark = max(round(float(black_scholes(*arguments)[0]), 3), 0.001)
        d1 = np.array([(np.log(SPOT / strike) + 0.5 * iv * iv * tau) / (iv * np.sqrt(tau))])
        delta = round(float(normal(d1)[0]) - (0.0 if call else 1.0), 8)
        name = f"BTC-USD-{expiry.day}{expiry:%b%y}-{strike:.0f}-{'C' if call else 'P'}".upper()
        yield name, strike, call, iv, mark, delta


def account(market: Served, count: int, rng: np.random.Generator) -> Held:
    """Positions in ``count`` different markets, the perpetual among them, and a tenth as many orders."""
    names = np.array([m for m in market.data if m != PERP])
    chosen = [PERP, *rng.choice(names, count - 1, replace=False)]
    side = lambda: str(rng.choice(["BUY", "SELL"]))  # noqa: E731
    size = lambda: round(float(rng.exponential(2.0)), 3) + 0.001  # noqa: E731
    positions = [{"market": str(m), "side": side(), "size": size()} for m in chosen]
    orders = [{"market": str(m), "side": side(), "size": size()} for m in rng.choice(chosen, max(count // 10, 1))]
    for order in orders:
        order["price"] = round(market.data[order["market"]]["mark_price"] * float(rng.uniform(0.9, 1.1)), 3)
    return Held(positions, orders)


def tables(market: Served, accounts: list[Held]) -> dict[str, dict[str, list[Any]]]:
    """The same accounts and the markets that they use as columns for ``xm.tables``."""
    signed = lambda i: i["size"] if i["side"] == "BUY" else -i["size"]  # noqa: E731
    positions = [(p["market"], signed(p), f"a{a}") for a, held in enumerate(accounts) for p in held.positions]
    orders = [(o["market"], signed(o), o["price"], f"a{a}") for a, held in enumerate(accounts) for o in held.orders]
    names = sorted({row[0] for row in (*positions, *orders)})
    read = lambda key: [market.data[n][key] for n in names]  # noqa: E731
    facts = {"mark": "mark_price", "delta": "delta", "iv": "mark_iv", "index": "underlying_price"}
    facts |= {"funding_rate": "funding_rate", "rate": "interest_rate"}
    return {
        "positions": _columns(("instrument", "quantity", "account"), positions),
        "orders": _columns(("instrument", "quantity", "limit_price", "account"), orders),
        "instruments": {"instrument": names} | {ours: read(theirs) for ours, theirs in facts.items()},
        "assets": {"asset": ["USDC"], "price": [1.0]},
    }


def _columns(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def calculator() -> ModuleType:
    """The venue's calculator, without running the package around it. Raises ImportError where it is absent."""
    folder, name = packages("paradex") / "paradex_py" / "margin", "paradex_margin"
    at = folder / "__init__.py"
    spec = importlib.util.spec_from_file_location(name, at, submodule_search_locations=[str(folder)])
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def config(params: xm.Params) -> Item:
    """The rulebook's own parameters of BTC as the venue serves them."""
    read = params.on(["BTC"])
    one = lambda key: float(read(key)[0])  # noqa: E731
    moves = [dict(zip(("spot_shock", "vol_shock", "weight"), map(float, s), strict=True)) for s in read("scenarios")[0]]
    vol = {"vega_power_short_dte": one("vega_power_short"), "vega_power_long_dte": one("vega_power_long")}
    vol |= {"dte_floor_days": one("dte_floor"), "min_vol_shock_up": one("min_vol_up")}
    factors = {"unhedged_margin_factor": one("unhedged"), "hedged_margin_factor": one("hedged")}
    factors["mmf_factor"] = one("mmf_factor")
    return {"base_asset": "BTC", **factors, "scenarios": moves, "vol_shock_params": vol}


def theirs(model: str, market: Served, accounts: list[Held]) -> Callable[[], list[tuple[float, float]]]:
    """Initial and maintenance margin of each account by the calculator, an account a call."""
    peer = calculator()
    given = config(xm.model(PORTFOLIO).params(NOW.timestamp()))

    def one(held: Held) -> tuple[float, float]:
        if model == PORTFOLIO:
            found = peer.compute_pm(held.positions, held.orders, market.data, market.specs, given, now=NOW)
        else:
            found = peer.compute_xm(held.positions, held.orders, market.data, market.specs)
        return found["IMR"], found["MMR"]

    return lambda: [one(held) for held in accounts]


def difference(margin: xm.Margin, figures: list[tuple[float, float]]) -> float:
    """The largest relative difference of initial and maintenance margin over all accounts."""
    row = {name: n for n, name in enumerate(margin.account)}
    at = [row[f"a{a}"] for a in range(len(figures))]
    ours = np.column_stack([margin.initial.value[at], margin.maintenance.value[at]])
    return float(np.abs(ours / np.array(figures) - 1.0).max())


def compared(job: str, model: str, market: Served, accounts: list[Held]) -> Iterator[Row]:
    """Two rows: margin of books in memory, and the same from columns of names and numbers."""
    given = tables(market, accounts)
    reading = lambda: xm.tables(**given, as_of=NOW.timestamp(), venue="paradex")  # noqa: E731
    book, served_ = reading()
    margin = lambda: xm.margin(book, served_, model)  # noqa: E731
    whole = lambda: xm.margin(*reading(), model)  # noqa: E731
    try:
        peer = theirs(model, market, accounts)
        figures = peer()
        against = titled("paradex")
    except Exception as error:
        said = f"cannot run: {type(error).__name__}: {str(error)[:80]}"
        yield Row(f"{job}: margin", best(margin), "paradex-py", remark=said)
        yield Row(f"{job}: read and margin", best(whole), "paradex-py", remark=said)
        return
    told = f"largest relative difference {difference(margin(), figures):.1e}"
    for what, ours in (("margin", margin), ("read and margin", whole)):
        mine, other = alternating(ours, peer, 3 if len(accounts) > 1 else 7)
        yield Row(f"{job}: {what}", mine, against, mine / other, "", f"theirs {other:.3g} s; {told}")


def rows() -> Iterator[Row]:
    """Single books of 10, 100 and 1,000 positions, then a thousand accounts at once against a loop."""
    market = served(xm.model(CROSS).params(NOW.timestamp()))
    for model in (PORTFOLIO, CROSS):
        rng = np.random.default_rng(7)
        for count in SIZES:
            yield from compared(f"{model}, {count:,} positions", model, market, [account(market, count, rng)])
        many = [account(market, EACH, rng) for _ in range(ACCOUNTS)]
        yield from compared(f"{model}, {ACCOUNTS:,} accounts × {EACH}", model, market, many)
