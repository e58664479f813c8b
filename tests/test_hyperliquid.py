"""Hyperliquid: published rules, live liquidation prices, portfolio-margin formulas; bad input; the meta payload."""

import csv
from functools import cache

import numpy as np
import pytest

import xlmargin as xm
from tests import evidence, shared_golden
from tests.evidence import relative
from tests.onchain_cases import Stack, own_errors, readds
from xlmargin.rulebooks.hyperliquid import cross, portfolio

CROSS, PORTFOLIO = "hyperliquid.cross", "hyperliquid.portfolio"


def live_cases() -> list[dict]:
    """Isolated positions with the venue's own liquidation price, from both shared files, each once."""
    cases = {}
    for c in shared_golden.load("simm/liq_hyperliquid.json")["cases"]:
        cases[c["coin"], c["entry"]] = (
            c["side"],
            c["size"],
            c["collateral"],
            c["max_leverage"],
            c["api_liquidation_price"],
        )
    with (shared_golden.ROOT / "cex_others/hyperliquid_liq_price_cases.csv").open(newline="") as file:
        for r in csv.DictReader(file):
            if "synthetic" not in r["origin"]:
                row = [float(r[k]) for k in ("size", "margin(isolated)", "max_leverage_at_time", "expected_liq_px")]
                cases[r["coin"], float(r["price(entry)"])] = (r["side"], *row)
    names = ("coin", "entry", "side", "size", "posted", "top", "price")
    return [dict(zip(names, (*key, *rest), strict=True)) for key, rest in cases.items()]


@cache
def live_margin() -> tuple[xm.Margin, list[str], list[dict]]:
    stack, names, cases = Stack(), [], live_cases()
    for n, c in enumerate(cases):
        name = f"{c['coin']} {n}"
        names.append(name)
        stack.add("instruments", instrument=name, kind="perp", underlying=name, settle="USDC", mark=c["entry"])
        signed = c["size"] if c["side"] == "long" else -c["size"]
        more = {"margin_mode": "isolated", "posted_margin": c["posted"], "account": name, "leverage": 1}
        stack.add("positions", instrument=name, quantity=signed, entry_price=c["entry"], **more)
        stack.add("balances", asset="USDC", amount=c["posted"], account=name)
    top = [float(c["top"]) for c in cases]
    tiers = {"key": np.array(names, object), "floor": np.zeros(len(names)), "max_leverage": np.array(top)}
    return stack.margin(CROSS, tiers=tiers), names, cases


@evidence.suite(CROSS, grade="venue output (third-party record)", tolerance=1e-4)
def live_liquidation_prices():
    margin, _, cases = live_margin()
    prices = cross.liquidation_prices(margin)
    account = margin.account[margin.run.book.legs.row]
    expected = {f"{c['coin']} {n}": c["price"] for n, c in enumerate(cases)}
    return {name: abs(p / expected[name] - 1) for name, p in zip(account, prices, strict=True)}


@evidence.suite(CROSS, grade="published rule, worked by hand", tolerance=1e-12)
def own_cross_cases():
    return own_errors(CROSS)


@evidence.suite(PORTFOLIO, grade="published formula, worked by hand", tolerance=1e-12)
def own_portfolio_cases():
    return own_errors(PORTFOLIO)


@evidence.suite(CROSS, grade="published tiers", tolerance=1e-12)
def tier_cases():
    errors = {}
    for case in shared_golden.load("defi/hyperliquid_cases.json")["cases"]:
        if "expected_mm" in case:
            found = one_position(case["coin"], case["notional"]).maintenance.value[0]
            errors[case["id"]] = relative(found, case["expected_mm"])
    for case in other_cases("HL-TIER"):
        tiers = {"key": np.array(["X"], object), "floor": np.zeros(1)}
        rate = one_position("X", 1.0, tiers=tiers | {"max_leverage": np.array([case["inputs"]["max_leverage"]])})
        errors[case["id"]] = relative(rate.maintenance.value[0], case["expected"])
    return errors


@evidence.suite(CROSS, grade="published tiers, every bracket", tolerance=1e-12)
def published_tiers():
    tiers = shared_golden.load("defi/hyperliquid_cases.json")["margin_tiers_mainnet"]
    errors = {}
    for coin, brackets in tiers.items():
        size = 2.0 * max(b["lower"] for b in brackets) + 1000.0
        ends = [*(b["lower"] for b in brackets[1:]), size]
        expected = sum((e - b["lower"]) / (2 * b["max_leverage"]) for b, e in zip(brackets, ends, strict=True))
        errors[coin] = relative(one_position(coin, size).maintenance.value[0], expected)
    return errors


def one_position(coin: str, notional: float, **common) -> xm.Margin:
    stack = Stack()
    stack.add("instruments", instrument=coin, kind="perp", underlying=coin, settle="USDC", mark=1.0)
    stack.add("positions", instrument=coin, quantity=notional, entry_price=1.0)
    return stack.margin(CROSS, **common)


def other_cases(prefix: str) -> list[dict]:
    wrong = {"HL-PM-02", "HL-PM-04"}  # the pages' own sums are wrong: specs/cex.md §9
    cases = shared_golden.load("cex_others/test_cases.json")["cases"]
    return [c for c in cases if c["id"].startswith(prefix) and c["id"] not in wrong]


@evidence.suite(PORTFOLIO, grade="published example", tolerance=1e-9)
def published_examples():
    p = xm.model(PORTFOLIO).params(1_780_000_000)
    errors = {}
    for case in other_cases("HL-PM"):
        given, expected = case["inputs"], case["expected"]
        if "balance" in given:
            found = borrowable(given)
        elif "qty" in given:
            partial, full = portfolio.borrow_thresholds(given["qty"] * given["price"], given["ltv"], p)
            stage = str(expected.get("liquidated", "")) if isinstance(expected, dict) else case["topic"]
            found = full if "full" in stage else partial
            expected = expected["threshold"] if isinstance(expected, dict) else expected
        elif "collateral" in given:
            continue
        else:
            found = portfolio.locked(given["borrowed"], given["ltv"], given["price"])
        errors[case["id"]] = relative(found, expected)
    return errors


def borrowable(given: dict) -> float:
    stack = Stack()
    stack.add("balances", asset="HYPE", amount=given["balance"], kind="supplied", account="a")
    stack.add("assets", asset="HYPE", price=given["price"])
    return stack.margin(PORTFOLIO, collateral={"HYPE": [given["ltv"], 50000.0]}).extras["borrowable"].value[0]


@evidence.suite(PORTFOLIO, grade="weak: derived from the formula", tolerance=1e-12)
def derived_examples():
    errors = {}
    for case in shared_golden.load("defi/hyperliquid_cases.json")["cases"]:
        if "expected_ratio" in case:
            margin = ratio_case(case)
            before = margin.maintenance.parts[0].value[0]
            errors[case["id"], "ratio"] = relative(margin.ratio[0], case["expected_ratio"])
            errors[case["id"], "value"] = relative(margin.equity.value[0], case["expected_liquidation_value"])
            errors[case["id"], "requirement"] = relative(before, case["expected_requirement"])
        elif "expected_apy" in case:
            p = xm.model(PORTFOLIO).params(1_780_000_000)
            errors[case["id"]] = relative(portfolio.borrow_rate(case["utilization"], p), case["expected_apy"])
        elif "expected_borrowable" in case:
            errors[case["id"]] = relative(borrowable(case), case["expected_borrowable"])
    return errors


def ratio_case(case: dict) -> xm.Margin:
    """The case's one balance stands for the borrowed token and for the collateral, which the formula adds up."""
    stack = Stack()
    stack.add("assets", asset="USDC", price=case["price"])
    stack.add("assets", asset="C", price=case["price"])
    stack.add("balances", asset="USDC", amount=case["portfolio_balance"], account="a")
    stack.add("balances", asset="USDC", amount=case["borrowed"], kind="loan", account="a")
    stack.add("balances", asset="C", amount=case["portfolio_balance"], kind="supplied", account="a")
    stack.add("instruments", instrument="P", kind="perp", underlying="P", settle="USDC", mark=1.0)
    stack.add("positions", instrument="P", quantity=case["cross_maintenance"] * 2, entry_price=1.0, account="a")
    tiers = {"key": np.array(["P"], object), "floor": np.zeros(1), "max_leverage": np.ones(1)}
    common = {"collateral": {"C": [case["ltv"], case["supply_cap"]]}, "borrowable": {"USDC": case["borrow_cap"]}}
    return stack.margin(PORTFOLIO, tiers=tiers, min_borrow_offset=case["min_borrow_offset"], **common)


@pytest.mark.parametrize(
    "suite",
    [
        live_liquidation_prices,
        own_cross_cases,
        own_portfolio_cases,
        tier_cases,
        published_tiers,
        published_examples,
        derived_examples,
    ],
    ids=lambda s: s.errors.__name__,
)
def test_golden(suite):
    evidence.check(suite)


def test_at_its_liquidation_price_a_position_has_nothing_left():
    stack = Stack()
    for coin, mark, quantity, leverage in (
        ("BTC", 100000.0, 3000.0, 20),
        ("ETH", 4000.0, -30000.0, 15),
        ("SOL", 200.0, 9000.0, 10),
    ):
        stack.add("instruments", instrument=coin, kind="perp", underlying=coin, settle="USDC", mark=mark)
        stack.add("positions", instrument=coin, quantity=quantity, entry_price=mark, leverage=leverage, account="a")
    stack.add("balances", asset="USDC", amount=20e6, account="a")
    margin = stack.margin(CROSS)
    prices, legs = cross.liquidation_prices(margin), margin.run.book.legs
    assert np.isfinite(prices).any()
    for h in np.flatnonzero(np.isfinite(prices)):
        moved = [dict(r) for r in stack.rows["instruments"]]
        name = margin.run.market.name[legs.instrument[h]]
        next(r for r in moved if r["instrument"] == name)["mark"] = prices[h]
        again = Stack()
        again.rows = {**stack.rows, "instruments": moved}
        assert abs(again.margin(CROSS).headroom[0]) < 1e-6 * 20e6


def test_the_ledger_readds():
    margin, names, _ = live_margin()
    readds(margin, names[:3])


def test_an_isolated_position_is_its_own_pool():
    margin, names, cases = live_margin()
    mine = margin.frame().query("account == @names[0]")
    assert set(mine["pool"]) == {"cross", f"{names[0]} isolated"}
    assert mine["equity"].sum() == pytest.approx(cases[0]["posted"])
