"""The generic search against the closed forms and published prices of OKX, Bybit, Gate and dYdX.

Binance's and Hyperliquid's stand in test_decide_liquidation. What cannot be held against the search:

- Bybit cross margin: the venue calls its own figure an estimate, its rule for hedged pairs was fitted to live rows
  whose equity is not published (specs/cex.md 2.3), and portfolio margin shows no price at all.
- BY-LEG-01: the published 5739.50 is not what its own formula gives (5739.08).
- dYdX's bankruptcy and fillable prices and its insurance fund are amounts of a liquidation order, not prices at which
  equity meets maintenance: test_dydx holds them against the venue's own functions.
- The four cases of simm/liq_binance.json are those of cex_others that test_decide_liquidation runs, by formula again in
  test_binance; its bracket tables are checked there.
- BitMEX's ranking and Bybit's bankruptcy price in simm/liq_adl_examples.json: test_decide_closing.
"""

import numpy as np
import pytest

import xlmargin as xm
from tests import bybit_cases, okx_cases, shared_golden
from tests.test_bybit import ISOLATED as BYBIT
from tests.test_bybit import SYNTHETIC, isolated
from tests.test_decide_liquidation import worst_error
from tests.test_okx import ISOLATED as OKX
from tests.test_okx import LOANS, gate_and_okx
from tests.tiered_cases import AS_OF
from xlmargin.decide.liquidation import liquidation
from xlmargin.rulebooks.bybit import cross as bybit
from xlmargin.rulebooks.okx import cross as okx

NONE = "shared cases are not there"
BEFORE_MARKS = bybit_cases.BEFORE_MARKS
FIRST = 0.005


def ids(cases):
    return pytest.mark.parametrize("case", cases or [pytest.param(None, marks=pytest.mark.skip(NONE))], ids=name)


def name(case):
    return case["id"] if isinstance(case, dict) else "none"


def nearest(margin, price, by="instrument"):
    """The root nearest to a price, of the pools that hold a position or a loan."""
    found = liquidation(margin, by=by, reach=(1e-6, 1e3))
    prices = found.level[found.pair] * found.root
    return prices[np.argmin(np.abs(prices / price - 1.0))]


@ids(OKX)
def test_okx_isolated_positions_at_the_price_that_the_venue_returned(case):
    """Exact but for the tick by which the venue's price lies on the safe side."""
    book, market, params = okx_cases.isolated([case])
    margin = xm.margin(book, market, "okx.cross", params=params)
    wanted, i = case["expected"]["liqPx"], case["inputs"]
    tick = np.sign(okx_cases.signed(case)) * i.get("tick", 0.0)
    assert nearest(margin, wanted) + tick == pytest.approx(wanted, rel=1e-9)
    assert worst_error(margin, okx.liquidation_prices(margin)) < 1e-9


@ids(LOANS)
def test_okx_margin_loans_at_the_price_of_the_coin_owed(case):
    book, market, params = okx_cases.loan(case)
    margin = xm.margin(book, market, "okx.cross", params=params)
    wanted = case["expected"]["liqPx"]
    assert nearest(margin, wanted, by="collateral") == pytest.approx(wanted, rel=1e-9)


@ids(gate_and_okx())
def test_unit_tests_for_gate_and_okx(case):
    i = case["inputs"]
    own = {"instId": "XYZ-USDT-SWAP", "pos": i["qty"], "avgPx": i["entry"], "markPx": i["entry"]}
    own |= {"margin": i["qty"] * i["entry"] / i["leverage"], "mmr_rate": i["mmr"], "taker_fee": i["taker"]}
    own["posSide"] = "short" if i["short"] else "long"
    book, market, params = okx_cases.isolated([{"id": case["id"], "inputs": own}])
    margin = xm.margin(book, market, "okx.cross", params=params)
    assert nearest(margin, case["expected"]) == pytest.approx(case["expected"], abs=case["tolerance"])


@ids(BYBIT + SYNTHETIC)
def test_bybit_isolated_positions_valued_at_entry(case):
    """The published prices are of the era before 2025-09-02, when maintenance followed the entry price."""
    i = case["inputs"]
    inverse = "contracts_usd" in i
    side = i.get("side", -1 if "short" in case["topic"] else 1)
    size = side * i.get("qty", i.get("contracts_usd", 1.0))
    margin = isolated(size, i["entry"], i["leverage"], i["mmr"], inverse, BEFORE_MARKS)
    wanted = case["recomputed"] if case["expected"] is None else case["expected"]
    assert nearest(margin, wanted) == pytest.approx(wanted, abs=case["tolerance"])


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize(("size", "leverage"), [(3.0, 8.0), (-3.0, 8.0), (50.0, 3.0), (-20.0, 25.0)])
def test_bybit_isolated_positions_valued_at_the_mark(size, leverage, inverse):
    """Fees to close are posted with the margin and stand in maintenance: they cancel, and the formula has none."""
    size = size * 1000 if inverse else size
    margin = isolated(size, 100.0, leverage, 0.01, inverse, AS_OF, taker=0.00055)
    formula = float(bybit.liquidation_price(size, 100.0, leverage, 0.01, inverse=inverse, at="mark", taker=0.00055))
    assert nearest(margin, formula) == pytest.approx(formula, rel=1e-9)
    assert worst_error(margin, bybit.liquidation_prices(margin)) < 1e-9


def test_bybits_worked_inverse_example():
    """5,000 contracts at 7890.08, fifty-fold: 7773.5, rounded up to the tick of 0.5 (the rate is the first tier's)."""
    example = shared_golden.load("simm/liq_adl_examples.json")["bybit_inverse"]["example"]
    margin = isolated(example["contracts"], example["entry"], example["leverage"], FIRST, True, BEFORE_MARKS)
    found = nearest(margin, example["liquidation_price"])
    assert np.ceil(found / 0.5) * 0.5 == example["liquidation_price"]


def lone_positions():
    """dYdX subaccounts of one position, each once: (coin, size, quote balance)."""
    try:
        data = shared_golden.load("simm/dydx_v4_liquidation_tests.json")
    except pytest.skip.Exception:
        return []
    cases = [c for kind in ("bankruptcy_price", "fillable_price", "insurance_fund_delta") for c in data[kind]]
    found = {(*c["positions"][0], c["quote_balance_usd"]) for c in cases if len(c["positions"]) == 1}
    return [{"id": f"{coin} {size} and {quote}", "held": (coin, size, quote)} for coin, size, quote in sorted(found)]


@ids(lone_positions())
def test_dydx_accounts_of_the_repositorys_vectors(case):
    """Quote + size·price = 10 % of |size|·price, where a price above zero does so; the engine counts whole quantums."""
    coin, text, quote = case["held"]
    top, _, bottom = text.partition("/")
    size = float(top) / float(bottom or 1)
    spot = {"BTC": 50_000.0, "ETH": 3_000.0}[coin]
    book, market = xm.tables(
        positions={"instrument": [f"{coin}-USD"], "quantity": [size], "entry_price": [spot]},
        balances={"asset": ["USDC"], "amount": [quote + size * spot]},
        instruments={
            "instrument": [f"{coin}-USD"],
            "kind": ["perp"],
            "settle": ["USDC"],
            "mark": [spot],
            "index": [spot],
        },
        as_of=AS_OF,
        venue="dydx",
    )
    tiers = {"test": [200_000, 500_000, 0, 0]}
    params = xm.model("dydx.cross").params(market.as_of).override("vectors", tiers=tiers, by={coin: {"tier": "test"}})
    margin = xm.margin(book, market, "dydx.cross", params=params)
    price = -quote / (size - 0.1 * abs(size))
    if price > 0:
        assert nearest(margin, price) == pytest.approx(price, rel=1e-6)
    else:
        assert not len(liquidation(margin, by="instrument").root)
