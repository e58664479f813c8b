"""Paradex: the calculator's portfolios, the repository's vectors and the documents' examples."""

from functools import cache

import numpy as np
import pytest

import xlmargin as xm
from tests import evidence
from tests.evidence import relative
from tests.onchain_cases import Stack, own_errors, readds, row_of
from tests.paradex_cases import OPTION_KEYS, data, published, stacked
from xlmargin.rulebooks.paradex import cross, funding, scan

CROSS, PORTFOLIO = "paradex.cross", "paradex.portfolio"
CALCULATOR = "venue's own calculator"


@cache
def calculated(model: str) -> tuple[xm.Margin, list[dict]]:
    given = data()["sdk_generated"]
    pm = published()["portfolio_margin_docs_2026_08_20"]["BTC"] if model == PORTFOLIO else None
    stack = stacked(given["cases"], given["market_data"], given["market_specs"], pm)
    return stack.margin(model, as_of=given["now"]), given["cases"]


def line(of: xm.Line, name: str) -> np.ndarray:
    return sum((part.value for part in of.parts if part.name.startswith(name)), np.zeros(len(of.value)))


@evidence.suite(PORTFOLIO, grade=CALCULATOR, tolerance=1e-10)
def calculator_portfolios():
    margin, cases = calculated(PORTFOLIO)
    errors = {}
    for case in cases:
        r, expected = row_of(margin)[case["id"]], case["expected_pm"]
        scanned = line(margin.initial, "Scan")[r]
        figures = {
            "IMR": margin.initial.value[r],
            "MMR": margin.maintenance.value[r],
            "worst_loss": scanned,
            "fund_p": line(margin.initial, "Funding")[r],
            "fee_provision_imr": line(margin.initial, "Fee")[r],
            "fee_provision_mmr": line(margin.maintenance, "Fee")[r],
            "spot_balance_margin": line(margin.initial, "Other")[r],
        }
        if expected["delta_min"] > expected["worst_loss"]:
            figures["delta_min"] = scanned + line(margin.initial, "Top-up")[r]
        errors |= {(case["id"], k): relative(v, expected[k]) for k, v in figures.items()}
        errors[case["id"], "worst"] = evidence.exactly(int(margin.worst[r]), expected["worst_idx"])
    return errors


@evidence.suite(CROSS, grade=CALCULATOR, tolerance=1e-10)
def calculator_cross_margins():
    margin, cases = calculated(CROSS)
    errors = {}
    for case in cases:
        r, expected = row_of(margin)[case["id"]], case["expected_xm"]
        initial, kept = margin.initial, margin.maintenance
        figures = {
            "IMR": initial.value[r],
            "MMR": kept.value[r],
            "net_imr": line(initial, "Positions")[r] + line(initial, "Open orders")[r],
            "net_mmr": line(kept, "Positions")[r],
            "fee_provision_imr": line(initial, "Fee")[r],
            "fee_provision_mmr": line(kept, "Fee")[r],
            "open_loss": line(initial, "Open loss")[r],
        }
        errors |= {(case["id"], k): relative(v, expected[k]) for k, v in figures.items()}
    return errors


@cache
def repository() -> tuple[xm.Margin, list[dict]]:
    given = data()["repo_vectors"]
    stack = stacked(given["cases"], given["market_data"], given["market_specs"], None)
    return stack.margin(CROSS, as_of=given["now"]), given["cases"]


def repository_errors(reported: bool) -> dict[str, float]:
    """Errors as shares of each case's own tolerance."""
    margin, cases = repository()
    found = {
        "imr": lambda r: margin.initial.value[r],
        "mmr": lambda r: margin.maintenance.value[r],
        "net_imr": lambda r: line(margin.initial, "Positions")[r] + line(margin.initial, "Open orders")[r],
        "net_mmr": lambda r: line(margin.maintenance, "Positions")[r],
        "fee_provision_imr": lambda r: line(margin.initial, "Fee")[r],
        "fee_provision_mmr": lambda r: line(margin.maintenance, "Fee")[r],
        "open_loss": lambda r: line(margin.initial, "Open loss")[r],
    }
    errors = {}
    for case in cases:
        if ("exchange-reported" in case.get("strength", "")) == reported:
            r = row_of(margin)[case["id"]]
            for key, value in case["expected"].items():
                if key.lower() in found:
                    errors[case["id"], key] = abs(found[key.lower()](r) - value) / case["tol"]
    return errors


@evidence.suite(CROSS, grade="asserted by the venue's repository", tolerance=1.0, unit="of the case's tolerance")
def repository_vectors():
    return repository_errors(reported=False)


@evidence.suite(CROSS, grade="reported by the exchange", tolerance=1.0, unit="of the case's tolerance (0.02 USD)")
def exchange_reported():
    return repository_errors(reported=True)


@evidence.suite(CROSS, grade="asserted by the venue's repository", tolerance=1e-12)
def option_units():
    given = data()["repo_vectors"]
    spec = next(s for s in given["market_specs"].values() if s["option_cross_margin_params"])
    table = spec["option_cross_margin_params"]
    errors = {}
    for c in given["option_unit_cases"]:
        stack = Stack()
        row = {"kind": "option", "underlying": "X", "settle": "USDC", "quote": "USD", "expiry": "2027-01-01"}
        row |= {"strike": c["strike"], "option_type": c["type"], "mark": c["mark"] or 1e-300, "index": c["spot"]}
        stack.add("instruments", instrument="O", **row)
        stack.add("positions", instrument="O", quantity=c["size"] * (1 if c["long"] else -1))
        stack.add("assets", asset="USDC", price=1.0)
        own = {f"option_{k}": [table[k][n] for n in OPTION_KEYS] for k in ("imf", "mmf")}
        stack.scope("X", imf=1.0, option_fee=0.0, **own)
        errors[c["id"]] = relative(stack.margin(CROSS).initial.value[0], c["expected_imr"])
    return errors


@evidence.suite(PORTFOLIO, grade="published example or repository assertion", tolerance=1e-9)
def documents():
    misc, p = data()["repo_vectors"]["misc"], xm.model(PORTFOLIO).params(1_790_000_000)
    errors = {"min_delta": relative(minimum_delta(misc["min_delta_docs"]), misc["min_delta_docs"]["expected"])}
    f = misc["funding_docs"]
    rate = funding.raw_rate(f["premium_rate"], p)
    moved = funding.index_change(rate, f["spot"], f["seconds"], p)
    found = {"raw_rate": rate, "premium": rate * f["spot"], "index_delta": moved, "pnl": -f["size"] * moved}
    errors |= {("funding", k): relative(found[k], v) for k, v in f["expected"].items()}
    i = misc["funding_index"]
    series = i["series_ms"]
    errors["funding index"] = relative(
        funding.rate_of_index(series, 28_800_000, 80_000, p), i["rate_8h_at_28800000_spot_80000"]
    )
    errors["funding pnl"] = relative(-0.01 * (series[1][1] - series[0][1]), i["pnl_long_0_01"])
    for n, c in enumerate(misc["fee_provision"]):
        errors[f"fee {n}"] = relative(fee_of(c), c["expected"])
    for c in misc["live_fraction"]:
        errors[f"live {c['minutes_to_expiry']}"] = relative(live_at(c["minutes_to_expiry"], p), c["expected"])
    return errors


@evidence.suite(PORTFOLIO, grade="repository assertion, loose", tolerance=1.0, unit="of the case's tolerance")
def black_scholes():
    c = data()["repo_vectors"]["misc"]["bs"]
    given = (np.array([float(c[k])]) for k in ("S", "K", "T", "r", "vol"))
    return {"bs": abs(scan.black_scholes(*given, np.array([True]))[0] - c["expected"]) / c["tol"]}


def minimum_delta(case: dict) -> float:
    stack = Stack()
    for n, (quantity, delta) in enumerate(case["legs"]):
        row = {"kind": "perp", "underlying": "X", "settle": "USDC", "quote": "USD", "mark": case["spot"]}
        stack.add("instruments", instrument=f"P{n}", index=case["spot"], delta=delta, **row)
        stack.add("positions", instrument=f"P{n}", quantity=quantity)
    stack.add("assets", asset="USDC", price=1.0)
    own = {"scenarios": [[0.0, 0.0, 1.0]], "min_vol_up": 0.4, "perp_fee": 0.0}
    stack.scope("X", unhedged=case["unhedged"], hedged=case["hedged"], **own)
    return stack.margin(PORTFOLIO).initial.value[0]


def fee_of(case: dict) -> float:
    stack, spot = Stack(), case.get("spot", case["mark"])
    row = {"kind": case["kind"].lower(), "underlying": "X", "settle": "USDC", "quote": "USD", "mark": case["mark"]}
    if case["kind"] == "OPTION":
        row |= {"strike": spot, "option_type": "C", "expiry": "2027-01-01", "iv": 0.5}
    stack.add("instruments", instrument="I", index=spot, **row)
    stack.add("positions", instrument="I", quantity=case["size"])
    stack.add("accounts", account="main", fee_rate=case["rate"])
    stack.add("assets", asset="USDC", price=1.0)
    stack.scope("X", scenarios=[[0.0, 0.0, 1.0]], min_vol_up=0.4, unhedged=0.02, hedged=0.01)
    return line(stack.margin(PORTFOLIO).initial, "Fee")[0]


def live_at(minutes: float, p: xm.Params) -> float:
    at = 1_790_000_000
    row = {"instrument": "BTC-USD-25DEC26-1-C", "kind": "option", "underlying": "BTC", "settle": "USDC"}
    _, market = xm.tables(instruments={k: [v] for k, v in row.items()} | {"expiry": [at + 60 * minutes]}, as_of=at)
    return scan.live_fraction(market, p)[0]


@evidence.suite(CROSS, grade="published example", tolerance=2e-3)
def liquidation_table():
    """The documents print rounded figures and the fee of an older text (50 %)."""
    c = data()["repo_vectors"]["misc"]["liquidation_docs"]
    p = xm.model(CROSS).params(1_790_000_000)
    share, after = cross.partial_liquidation(c["MMR"], c["account_value"], p, fee=0.5)
    errors = {("docs", "share"): abs(share - c["expected_share"])}
    row = next(r for r in c["table"] if r[0] == c["expected_share"])
    errors["docs", "value after"] = relative(after, row[3])
    errors["docs", "ratio after"] = relative(c["MMR"] * (1 - share) / after, row[4])
    return errors


@evidence.suite(CROSS, grade="asserted by the venue's repository", tolerance=1.0, unit="of the case's tolerance")
def liquidation_price():
    """At the price that the calculator finds, account value and maintenance meet."""
    c = data()["repo_vectors"]["misc"]["liquidation_price"]
    stack = Stack()
    row = {"kind": "perp", "underlying": "X", "settle": "USDC", "quote": "USD", "mark": c["expected"]}
    stack.add("instruments", instrument="P", **row)
    stack.add("positions", instrument="P", quantity=c["size"], entry_price=c["entry"])
    stack.add("balances", asset="USDC", amount=c["cash"])
    stack.add("assets", asset="USDC", price=1.0)
    stack.scope("X", imf=c["mmr_rate"] * 2, mmf_factor=0.5, perp_fee=0.0)
    return {"headroom": abs(stack.margin(CROSS).headroom[0]) / c["size"] / c["tol"]}


@evidence.suite(CROSS, grade="published rule, worked by hand", tolerance=1e-12)
def own_cross_cases():
    return own_errors(CROSS)


@evidence.suite(PORTFOLIO, grade="published rule, worked by hand", tolerance=1e-12)
def own_portfolio_cases():
    return own_errors(PORTFOLIO)


SUITES = [
    calculator_portfolios,
    calculator_cross_margins,
    repository_vectors,
    exchange_reported,
    option_units,
    documents,
    black_scholes,
    liquidation_table,
    liquidation_price,
    own_cross_cases,
    own_portfolio_cases,
]


@pytest.mark.parametrize("suite", SUITES, ids=lambda s: s.errors.__name__)
def test_golden(suite):
    evidence.check(suite)


@pytest.mark.parametrize("model", [CROSS, PORTFOLIO])
def test_ledgers_readd(model):
    margin, cases = calculated(model)
    readds(margin, [c["id"] for c in cases])


def test_the_grid_of_one_account():
    margin, cases = calculated(PORTFOLIO)
    chosen = next(c["id"] for c in cases if not c["orders"])
    grid = margin.detail(chosen).grid
    assert grid.pnl.shape[0] == 1
    np.testing.assert_allclose(grid.cells.sum(axis=0), grid.pnl[0], rtol=1e-12)
    assert grid.pnl[0].argmin() == grid.worst[0]
