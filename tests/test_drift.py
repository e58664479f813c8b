"""Drift v2: every assertion of the repository that the shared file keeps, to the last unit."""

from decimal import Decimal

import numpy as np
import pytest

import xlmargin as xm
from tests import drift_cases, evidence, shared_golden
from tests.dydx_cases import one
from tests.evidence import exactly
from tests.onchain_cases import Stack, own_errors, readds
from xlmargin.rulebooks.drift import weights

MODEL = "drift.cross"
GRADE = "asserted by the venue's repository"


def data() -> dict:
    return shared_golden.load("defi/drift_cases.json")


def units(amount: float, per: int = 10**6) -> int:
    return int((Decimal(str(amount)) * per).to_integral_value())


@evidence.suite(MODEL, grade=GRADE, tolerance=0, unit="1e-4")
def spot_weights():
    errors = {}
    for n, c in enumerate(data()["spot_weight_cases"]):
        m, kind = c["market"], c["type"]
        size = weights.token_size(one(c["size_raw"]), np.array([m["decimals"]]))
        of, pair = (weights.asset_weight, "asset") if c["weight"] == "asset" else (weights.liability_weight, "liab")
        found = of(kind, size, one(c["imf_factor"]), one(m[f"init_{pair}"]), one(m[f"maint_{pair}"]))
        errors[f"weight {n}"] = exactly(int(found[0]), c["expected"])
    for n, c in enumerate(data()["scaled_initial_asset_weight"]):
        worth = units(c["price"] * c["deposits"])
        found = weights.scaled_initial(one(c["init_asset"]), one(units(c["start"])), one(worth))
        errors[f"scaled {n}"] = exactly(int(found[0]), c["expected"])
    for n, c in enumerate(data()["unrealised_pnl_weight"]):
        given = (one(c[k]) for k in ("upnl_raw", "upnl_imf_factor", "init_weight"))
        found = weights.pnl_weight(c["type"], *given, one(10000))
        errors[f"result {n}"] = exactly(int(found[0]), c["expected"])
    return errors


@evidence.suite(MODEL, grade=GRADE + ", through the rule", tolerance=0, unit="1e-6 USD")
def perpetual_values():
    errors = {}
    for n, c in enumerate(data()["perp_value"]):
        stack = Stack()
        row = {"kind": "perp", "underlying": "P", "settle": "USDC", "quote": "USDC", "mark": c["oracle"]}
        stack.add("instruments", instrument="P", **row)
        entry = -(c["quote_raw"] / 1e6) / (c["base_raw"] / 1e9)
        stack.add("positions", instrument="P", quantity=c["base_raw"] / 1e9, entry_price=entry)
        stack.add("assets", asset="USDC", price=1.0)
        own = {"margin_ratio_initial": c["margin_ratio_initial"], "margin_ratio_maintenance": 500}
        own |= {"imf_factor": c["imf_factor"], "unrealized_pnl_imf_factor": c["upnl_imf_factor"]}
        stack.scope("P", unrealized_pnl_initial_asset_weight=c["upnl_init_weight"], **own)
        margin = stack.margin(MODEL)
        errors[str(n), "margin"] = exactly(
            units(margin.extras["initial requirement"].value[0]), c["expected_margin_raw"]
        )
        errors[str(n), "result"] = exactly(units(margin.extras["initial collateral"].value[0]), c["expected_upnl_raw"])
        if "expected_unweighted_upnl_raw" in c:
            errors[str(n), "plain"] = exactly(units(margin.equity.value[0]), c["expected_unweighted_upnl_raw"])
    return errors


@evidence.suite(MODEL, grade=GRADE + ", through the rule", tolerance=0, unit="1e-6 USD")
def prediction_markets():
    errors = {}
    for n, c in enumerate(data()["prediction_market"]):
        stack = Stack()
        row = {"kind": "perp", "underlying": "P", "settle": "USDC", "quote": "USDC", "mark": c["oracle"]}
        stack.add("instruments", instrument="P", **row)
        stack.add("positions", instrument="P", quantity=c["base"], entry_price=-c["quote"] / c["base"])
        stack.add("assets", asset="USDC", price=1.0)
        own = {"margin_ratio_initial": c["margin_initial"], "margin_ratio_maintenance": c["margin_maint"]}
        stack.scope("P", contract_type="prediction", **own)
        extras = stack.margin(MODEL).extras
        for kind, (need, result) in c["expected"].items():
            errors[str(n), f"{kind} margin"] = exactly(units(extras[f"{kind} requirement"].value[0]), units(need))
            errors[str(n), f"{kind} result"] = exactly(units(extras[f"{kind} collateral"].value[0]), units(result))
    return errors


@evidence.suite(MODEL, grade=GRADE + ", through the rule", tolerance=0, unit="1e-6 USD")
def accounts():
    errors = {}
    for case in data()["accounts"]:
        margin, kind = drift_cases.account(case, data()["markets"]), case["type"]
        pools = {"": margin.pool == "cross", "isolated_": margin.pool != "cross"}
        for key, value in case["expected"].items():
            where = pools["isolated_" if key.startswith("isolated_") else ""]
            word = "collateral" if key.endswith("total_collateral") else "requirement"
            found = margin.extras[f"{kind} {word}"].value[where]
            errors[case["id"], key] = exactly(units(found[0]), units(value))
            net = getattr(margin, kind).value - margin.equity.value
            program = margin.extras[f"{kind} requirement"].value - margin.extras[f"{kind} collateral"].value
            errors[case["id"], "balance"] = exactly(net.round(9).tolist(), program.round(9).tolist())
    return errors


@evidence.suite(MODEL, grade="program rule, worked by hand", tolerance=1e-15)
def own_cases():
    return own_errors(MODEL)


SUITES = [spot_weights, perpetual_values, prediction_markets, accounts, own_cases]


@pytest.mark.parametrize("suite", SUITES, ids=lambda s: s.errors.__name__)
def test_golden(suite):
    evidence.check(suite)


@pytest.mark.parametrize("kind", ["initial", "fill", "maintenance"])
def test_premium_and_discount_against_scalars(kind):
    rng = np.random.default_rng(7)
    size = rng.integers(0, 10**17, 200)
    factor, low, high = (
        rng.choice([0, 10, 1000, 50000], 200),
        rng.integers(1, 10**4, 200),
        rng.integers(10**4, 2 * 10**4, 200),
    )
    premium, discount = weights.size_premium(size, factor, high), weights.size_discount(size, factor, low)
    for n in range(200):
        root = int(Decimal(int(size[n]) * 10 + 1).sqrt().to_integral_value(rounding="ROUND_FLOOR"))
        w, f = int(high[n]), int(factor[n])
        assert premium[n] == (w if f == 0 else max(w, w - w // 5 + root * f // 10**7))
        w = int(low[n])
        assert discount[n] == (w if f == 0 else min(w, 11_000_000_000 // (10**6 + root * f // 10**5)))
    middle = weights.by_type(kind, low, high)
    expected = {"initial": low, "fill": (low + high) // 2, "maintenance": high}[kind]
    assert (middle == expected).all()


def test_high_leverage_phases_in_with_size():
    """Ratios of the mode at size zero, of the size itself far out, and never falling in between."""
    plain, high = (one(1000), one(500)), (one(100), one(60))
    sizes = [np.array([10**k]) for k in range(6, 17)]
    yes = np.array([True])
    ratios = [int(weights.margin_ratio("initial", s, one(1000), plain, high, yes)[0]) for s in sizes]
    assert ratios[0] == 100
    assert ratios == sorted(ratios)
    assert ratios[-1] == int(weights.size_premium(sizes[-1], one(1000), one(1000))[0])
    assert int(weights.margin_ratio("maintenance", sizes[0], one(0), plain, high, yes)[0]) == 500


def book() -> Stack:
    stack = Stack()
    row = {"kind": "perp", "underlying": "SOL", "settle": "USDC", "quote": "USDC", "mark": 200.0}
    stack.add("instruments", instrument="SOL-PERP", **row)
    stack.add("positions", instrument="SOL-PERP", quantity=10, entry_price=190, account="a")
    stack.add("balances", asset="SOL", amount=50, account="a")
    stack.add("balances", asset="USDC", amount=-100, account="a")
    stack.add("assets", asset="USDC", price=1.0)
    stack.add("assets", asset="SOL", price=200.0)
    return stack


def test_ledger_readds_with_orders_on_both_sides():
    stack = book()
    row = {"kind": "spot", "underlying": "SOL", "settle": "USDC", "quote": "USDC"}
    stack.add("instruments", instrument="SOL/USDC", **row)
    for instrument, quantity in (("SOL/USDC", 20), ("SOL/USDC", -80), ("SOL-PERP", 30), ("SOL-PERP", -50)):
        stack.add("orders", instrument=instrument, quantity=quantity, limit_price=200, account="a")
    margin = stack.margin(MODEL)
    readds(margin, ["a"])
    names = {part.name: part.value[0] for part in margin.initial.parts}
    assert names["Open spot orders"] > 0
    assert names["Open perpetual orders"] == 200 * 30 * 0.1 + 0.02  # |10 − 50| instead of |10|, two orders


def test_bad_input_is_named():
    stack = book()
    stack.add("instruments", instrument="SOL/USDC", kind="spot", underlying="SOL", settle="USDC")
    stack.add("instruments", instrument="JTO/USDC", kind="spot", underlying="JTO", settle="USDC")
    stack.scope("JTO", margin_ratio_initial=1000, margin_ratio_maintenance=500)
    stack.add("positions", instrument="SOL/USDC", quantity=1, account="a")
    stack.add("positions", instrument="SOL-PERP", quantity=1, side="long", account="b")
    stack.add("orders", instrument="JTO/USDC", quantity=1, limit_price=1, account="a")
    stack.add("balances", asset="DOGE", amount=1, account="a")
    stack.add("assets", asset="DOGE", price=0.1)
    with pytest.raises(xm.InputError) as caught:
        stack.margin(MODEL)
    for part in (
        "SOL/USDC is spot: put SOL into the balances table",
        "Drift keeps one net position",
        "orders row 2, column instrument: no weights or no price for JTO",
        "DOGE is no margin of Drift; it takes SOL, USDC",
    ):
        assert part in str(caught.value)


def test_fixture_weights_are_noted():
    texts = " | ".join(n.text for n in book().margin(MODEL).notes)
    assert "fixtures of the repository's tests" in texts


def test_market_accounts_payload():
    perp = {"symbol": "SOL-PERP", "marginRatioInitial": 500, "marginRatioMaintenance": 300, "imfFactor": 50}
    spot = {"symbol": "SOL", "decimals": 9, "initialAssetWeight": 8500, "maintenanceAssetWeight": 9200}
    spot |= {"initialLiabilityWeight": 11500, "maintenanceLiabilityWeight": 10800, "imfFactor": 100}
    spot["scaleInitialAssetWeightStart"] = 1_000_000_000_000
    model = xm.model(MODEL)
    p = model.load({"perpMarkets": [perp], "spotMarkets": [spot]}, model.params(1_790_000_000))
    assert p.by["SOL"]["margin_ratio_initial"] == 500
    assert p["spot"]["SOL"] == [8500, 9200, 11500, 10800, 100, 9, 1e6]
    book_, market = book().tables()
    margin = xm.margin(book_, market, MODEL, params=p)
    assert any("total_deposits is not given" in n.text for n in margin.notes)
    assert not any("fixtures" in n.text for n in margin.notes)
    with pytest.raises(xm.InputError, match="Drift market accounts: KeyError 'marginRatioInitial'"):
        model.load({"perpMarkets": [{"symbol": "SOL-PERP"}]}, p)
