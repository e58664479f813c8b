"""dYdX v4: every vector of the repository to the last quantum; bad input; the venue's payloads."""

from fractions import Fraction

import numpy as np
import pytest

import xlmargin as xm
from tests import evidence, shared_golden
from tests.dydx_cases import accounts, as_margin, margin_rows, one, subaccount, usd_subaccount
from tests.dydx_cases import coins as base_quantums
from tests.evidence import exactly
from tests.onchain_cases import Stack, own_errors, readds
from xlmargin.rulebooks.dydx import engine, liquidation

MODEL = "dydx.cross"
GRADE = "asserted by the venue's repository"


def vectors() -> dict:
    return shared_golden.load("defi/dydx_cases.json")


def usd_vectors() -> dict:
    return shared_golden.load("simm/dydx_v4_liquidation_tests.json")


def cap(case: dict, name: str) -> np.ndarray:
    return one(case.get(f"openInterest{name}", 0))


@evidence.suite(MODEL, grade=GRADE, tolerance=0, unit="quantums")
def fractions():
    errors, cases = {}, vectors()["cases"]
    for c in cases["maintenance_margin_ppm"]:
        found = engine.maintenance_fraction(one(c["initialMarginPpm"]), one(c["maintenanceFractionPpm"]))
        errors["mm " + c["name"]] = exactly(int(found[0]), c["expectedMaintenanceMarginPpm"])
    for c in cases["max_abs_funding_clamp_ppm"]:
        given = (one(c[k]) for k in ("clampFactorPpm", "initialMarginPpm", "maintenanceFractionPpm"))
        errors["clamp " + c["name"]] = exactly(int(engine.funding_clamp(*given)[0]), c["expectedUpperBoundPpm"])
    for c in cases["adjusted_initial_margin_ppm"]:
        caps = [cap(c, k) for k in ("LowerCap", "UpperCap", "Notional")]
        found = engine.adjusted_fraction(one(c["initialMarginPpm"]), *caps)
        errors["im " + c["name"]] = exactly(int(found[0]), c["expectedPpm"])
    return errors


@evidence.suite(MODEL, grade=GRADE, tolerance=0, unit="quantums")
def amounts():
    errors, cases = {}, vectors()["cases"]
    for c in cases["initial_margin_quote_quantums"]:
        base = one(c["initialMarginPpm"])
        fraction = engine.adjusted_fraction(base, *(cap(c, k) for k in ("LowerCap", "UpperCap", "Notional")))
        found, _ = engine.requirements(one(c["bigQuoteQuantums"]), base, base, fraction)
        errors["im " + c["name"]] = exactly(int(found[0]), c["expectedInitialMarginQuoteQuantums"])
    for c in cases["settlement_ppm"]:
        found = engine.settlement(one(c["funding_index"]), one(c["index"]), one(c["quantums"]))
        errors["funding " + c["name"]] = exactly(int(found[0]), c["expected_settlement_ppm"])
    for c in cases["net_notional"]:
        exponent = np.array([c["exponent"] + c["atomicResolution"] + 6])
        found = int(engine.notional(one(abs(c["quantums"])), one(c["price"]), exponent)[0])
        errors["notional " + c["name"]] = exactly(found if c["quantums"] >= 0 else -found, c["expected"])
    return errors


@evidence.suite(MODEL, grade=GRADE, tolerance=0, unit="quantums")
def requirements_by_engine():
    errors = {}
    for row in margin_rows(vectors()):
        exponent = np.array([row["exponent"] + row["resolution"] + 6])
        value, interest = (
            engine.notional(one(abs(row[k])), one(row["price"]), exponent) for k in ("quantums", "interest")
        )
        base, kept = one(row["initialMarginPpm"]), one(row["maintenanceFractionPpm"])
        fraction = engine.adjusted_fraction(base, one(row["lower"]), one(row["upper"]), interest)
        initial, maintenance = engine.requirements(value, base, kept, fraction)
        errors[row["name"], "imr"] = exactly(int(initial[0]), row["imr"])
        errors[row["name"], "mmr"] = exactly(int(maintenance[0]), row["mmr"])
    return errors


@evidence.suite(MODEL, grade=GRADE + ", through the rule", tolerance=0, unit="quantums")
def requirements_by_rule():
    rows = [r for r in margin_rows(vectors()) if r["price"] and r["quantums"] and r["price"] < 10**15]
    margin = as_margin(rows)
    row_of = {name: r for r, name in enumerate(margin.account)}
    errors = {}
    for row in rows:
        for key, level in (("imr", "initial"), ("mmr", "maintenance")):
            value = getattr(margin, level).value[row_of[row["name"]]]
            errors[row["name"], key] = exactly(value, row[key] / 10**6)
    return errors


def outcome(call, expected_error):
    """What a liquidation function gives, or that it refuses."""
    try:
        return call()
    except xm.InputError:
        return "refused" if expected_error else "refused by mistake"


@evidence.suite(MODEL, grade=GRADE, tolerance=0, unit="quantums")
def bankruptcy_and_fillable_prices():
    errors, data = {}, vectors()
    for c in data["cases"]["bankruptcy_price"]:
        held = subaccount(c, data)
        found = outcome(
            lambda h=held, c=c: liquidation.bankruptcy_quote(h, c["perpetualId"], c["deltaQuantums"]),
            "expected_error" in c,
        )
        errors["bankruptcy " + c["name"]] = exactly(found, c.get("expected", "refused"))
    for c in data["cases"]["fillable_price"]:
        given = (subaccount(c, data), c["perpetualId"], c["deltaQuantums"], c["ba_ppm"], c["smmr_ppm"])
        found = outcome(lambda g=given: liquidation.fillable_price(*g), "expected_error" in c)
        expected = Fraction(c["expected"]) if "expected" in c else "refused"
        errors["fillable " + c["name"]] = exactly(found, expected)
    return errors


@evidence.suite(MODEL, grade=GRADE, tolerance=0, unit="quantums")
def second_file():
    errors, data = {}, usd_vectors()
    for c in data["bankruptcy_price"]:
        held, number = usd_subaccount(c, data)
        given = (held, number[c["perp"]], base_quantums(c["delta_size"]))
        found = outcome(lambda g=given: liquidation.bankruptcy_quote(*g), c["expected_error"])
        expected = c["expected_bankruptcy_usd"]
        errors["bankruptcy " + c["name"]] = exactly(found, "refused" if expected is None else round(expected * 1e6))
    for c in data["fillable_price"]:
        held, number = usd_subaccount(c, data)
        more = (c["bankruptcy_adjustment_ppm"], c["spread_to_mmr_ppm"])
        given = (held, number[c["perp"]], base_quantums(c["delta_size"]), *more)
        found = outcome(lambda g=given: liquidation.fillable_price(*g) * 100, c["expected_error"])
        text = c.get("expected_fillable_price_usd")
        errors["fillable " + c["name"]] = exactly(found, Fraction(text) if text else "refused")
    for c in data["insurance_fund_delta"]:
        held, number = usd_subaccount(c, data)
        size = base_quantums(c["fill_size"]) * (1 if c["is_buy"] else -1)
        filled = -size * round(c["fill_price_usd"] * 1e6) // 10**8
        bankrupt = liquidation.bankruptcy_quote(held, number[c["perp"]], size)
        found = liquidation.insurance_fund_delta(bankrupt, filled, c["max_liquidation_fee_ppm"])
        errors["insurance " + c["name"]] = exactly(found, round(c["expected_insurance_fund_delta_usd"] * 1e6))
    return errors


@evidence.suite(MODEL, grade=GRADE + ", through the rule", tolerance=0, unit="yes or no")
def liquidatable_accounts():
    data = vectors()
    cases = data["cases"]["is_liquidatable"]
    margin = accounts(cases, data)
    errors = {}
    for r, c in zip(map(int, margin.account), (cases[int(a)] for a in margin.account), strict=True):
        by_rule = bool(margin.maintenance.value[r] > 0 and margin.headroom[r] < 0)
        errors[c["name"], "rule"] = exactly(by_rule, c["expected"])
        errors[c["name"], "engine"] = exactly(subaccount(c, data).liquidatable(), c["expected"])
    return errors


@evidence.suite(MODEL, grade="repository rule, worked by hand", tolerance=1e-15)
def own_cases():
    return own_errors(MODEL)


@pytest.mark.parametrize(
    "suite",
    [
        fractions,
        amounts,
        requirements_by_engine,
        requirements_by_rule,
        bankruptcy_and_fillable_prices,
        second_file,
        liquidatable_accounts,
        own_cases,
    ],
    ids=lambda s: s.errors.__name__,
)
def test_golden(suite):
    evidence.check(suite)


def test_rule_against_a_scalar_loop():
    rng = np.random.default_rng(3)
    stack, expected = Stack(), {}
    for coin, mark in (("BTC", 98765.43), ("ETH", 3456.789), ("SOL", 234.5)):
        stack.add("instruments", instrument=coin, kind="perp", underlying=coin, settle="USDC", mark=mark)
    tiers = {"BTC": (20000, 600000), "ETH": (20000, 600000), "SOL": (50000, 600000)}
    for n in range(50):
        need = keep = 0
        for coin, mark, step in (("BTC", 98765.43, 4), ("ETH", 3456.789, 3), ("SOL", 234.5, 1)):
            size = int(rng.integers(-(10**6), 10**6)) or 1
            stack.add("positions", instrument=coin, quantity=size / 10**step, entry_price=mark, account=f"a{n}")
            value = int(Fraction(abs(size), 10**step) * Fraction(str(mark)) * 10**6)
            im, mf = tiers[coin]
            first = -(-value * im // 10**6)
            need, keep = need + first, keep + -(-first * mf // 10**6)
        expected[f"a{n}"] = (need, keep)
    margin = stack.margin(MODEL)
    for r, name in enumerate(margin.account):
        assert margin.initial.value[r] == expected[name][0] / 10**6
        assert margin.maintenance.value[r] == expected[name][1] / 10**6
    readds(margin, ["a0", "a7"])


def test_a_doubt_that_two_markets_share_is_said_once():
    stack = Stack()
    for account, coin in (("both", "BTC"), ("both", "ETH"), ("one", "ETH")):
        stack.add("instruments", instrument=coin, kind="perp", underlying=coin, settle="USDC", mark=1_000.0)
        stack.add("positions", instrument=coin, quantity=1.0, entry_price=1_000.0, account=account)
    told = [note for note in stack.margin(MODEL).notes if note.text.startswith("liquidity tiers")]
    assert [note.where.tolist() for note in told] == [[True, True]]
