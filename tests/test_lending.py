"""Aave v3 and Compound v3: the libraries' own tests; integers against a scalar loop; bad input; payloads."""

from decimal import Decimal
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

import xlmargin as xm
from tests import evidence, shared_golden
from tests.evidence import exactly, relative
from tests.onchain_cases import Stack, own_errors, readds, row_of
from xlmargin.rulebooks.aave import interest, liquidation
from xlmargin.rulebooks.aave.v3 import Lent
from xlmargin.rulebooks.compound.v3 import quote_collateral

AAVE, COMPOUND = "aave.v3", "compound.v3"
GRADE = "asserted by the venue's libraries"


def cases(venue: str) -> dict:
    return shared_golden.load("defi/lending_cases.json")[venue]


@cache
def aave_accounts() -> tuple[xm.Margin, list[dict]]:
    stack, given, reserves = Stack(), cases("aave_v3")["account"], []
    for n, case in enumerate(given):
        name = f"account {n}"
        reserves = reserves if case["reserves"] == "same" else case["reserves"]
        unit = case.get("mrc_usd", given[0]["mrc_usd"])
        _aave_account(stack, name, case, reserves, unit)
    return stack.margin(AAVE), given


def _aave_account(stack: Stack, name: str, case: dict, reserves: list[dict], unit: float) -> None:
    table = {f"{name} {n}": [r["ltv"], r["lt"], 10500, 18] for n, r in enumerate(reserves)}
    mode = {"ltv": case.get("emode_ltv", 0), "threshold": case.get("emode_lt", 0), "collateral": list(table)}
    stack.scope(name, reserves=table, emodes={"1": mode} if case["emode"] else {})
    stack.add("accounts", account=name, emode=case["emode"])
    for asset, r in zip(table, reserves, strict=True):
        common = {"asset": asset, "account": name, "location": name}
        stack.add("assets", asset=asset, price=r["price_mrc"] * unit)
        stack.add("balances", amount=r["supplied"], kind="supplied", **common)
        stack.add("balances", amount=r["borrowed"], kind="loan", **common)


@evidence.suite(AAVE, grade=GRADE, tolerance=1e-15)
def aave_account_summaries():
    margin, given = aave_accounts()
    lent = Lent(margin.run.book, margin.run.session.ready)
    ltv, threshold = lent.averages()
    errors = {}
    for n, case in enumerate(given):
        r = row_of(margin)[f"account {n}"]
        found = {
            "total_collateral_usd": margin.equity.parts[0].value[r],
            "total_debt_usd": -margin.equity.parts[1].value[r],
            "ltv": float(ltv[r]),
            "lt": float(threshold[r]),
            "hf": margin.ratio[r],
            "available_borrows_usd": max(margin.available[r], 0.0),
        }
        for key, value in case["expected"].items():
            scale = 10_000 if key in ("ltv", "lt") and value <= 1 else 1
            errors[f"account {n}", key] = relative(found[key], value * scale)
    return errors


@evidence.suite(AAVE, grade=GRADE, tolerance=0, unit="1e-18")
def aave_health_factors():
    """Collateral and debt of the helper's tests as whole amounts of one reserve at price 1."""
    given = cases("aave_v3")["health_factor"]
    stack = Stack()
    for n, c in enumerate(given):
        name = f"{n}"
        stack.scope(name, reserves={name: [0, c["liq_threshold_bps"], 10500, 18]})
        for kind, key in (("supplied", "collateral"), ("loan", "debt")):
            row = {"asset": name, "kind": kind, "account": name, "location": name}
            stack.add("balances", amount=int(c[key]) / 10**18, **row)
        stack.add("assets", asset=name, price=1.0)
    margin = stack.margin(AAVE)
    health = Lent(margin.run.book, margin.run.session.ready).health()
    errors = {}
    for n, c in enumerate(given):
        found, expected = int(health[row_of(margin)[f"{n}"]]), Decimal(c["expected"])
        wanted = -1 if expected < 0 else int(expected * 10**18)  # the contract keeps 18 digits, the helper more
        errors[f"{n}"] = exactly(found, wanted)
    return errors


@evidence.suite(AAVE, grade=GRADE, tolerance=0, unit="rays and wei")
def aave_interest():
    given = cases("aave_v3")["interest"]
    b, c, line, n = (
        given[k] for k in ("linear_balance", "compounded_interest", "linear_interest", "normalized_income")
    )
    moments = lambda x: (x["last"], x["now"])  # noqa: E731
    return {
        "balance": exactly(
            interest.balance(int(b["scaled"]), int(b["index"]), int(b["rate"]), *moments(b)), int(b["expected"])
        ),
        "compounded": exactly(interest.compounded_interest(int(c["rate"]), *moments(c)), int(c["expected_ray"])),
        "linear": exactly(interest.linear_interest(int(line["rate"]), *moments(line)), int(line["expected_ray"])),
        "income": exactly(interest.normalised_income(int(n["index"]), int(n["rate"]), *moments(n)), int(n["expected"])),
    }


@evidence.suite(AAVE, grade=GRADE, tolerance=0, unit="share")
def aave_close_factors():
    p = xm.model(AAVE).params(1_790_000_000)
    errors = {}
    for n, c in enumerate(cases("aave_v3")["close_factor"]):
        amount = 1999.0 if c["collateral_usd"].startswith("<") else 2000.0
        found = liquidation.close_factor(c["hf"], amount, 2000.0, p)
        errors[f"{n}"] = exactly(found, c["expected_close_factor"])
    return errors


def comet(rows: list[dict], factor: str) -> tuple[xm.Margin, list[dict]]:
    """Accounts of one collateral and a debt of the base asset at price 1, each a market of its own."""
    stack = Stack()
    for n, c in enumerate(rows):
        name = f"{n}"
        factors = [c[factor], c[factor], 0.9, 18, 0]
        stack.scope(name, base="BASE", collateral={name: factors}, store_front=0.5, borrow_min=0)
        common = {"account": name, "location": name}
        stack.add("balances", asset=name, amount=c["collateral"], kind="supplied", **common)
        stack.add("balances", asset="BASE", amount=c["debt"], kind="loan", **common)
        stack.add("assets", asset=name, price=c["price"])
    stack.add("assets", asset="BASE", price=1.0)
    return stack.margin(COMPOUND), rows


@evidence.suite(COMPOUND, grade=GRADE, tolerance=0, unit="yes or no")
def comet_states():
    errors, given = {}, cases("compound_v3")
    for key, factor in (("borrow_collateralized", "borrowCF"), ("liquidatable", "liquidateCF")):
        margin, rows = comet(given[key], factor)
        for n, c in enumerate(rows):
            r = row_of(margin)[f"{n}"]
            found = margin.available[r] >= 0 if key == "borrow_collateralized" else margin.headroom[r] < 0
            errors[f"{key} {n}"] = exactly(bool(found), c["expected"])
    return errors


@evidence.suite(COMPOUND, grade=GRADE, tolerance=1e-12)
def comet_quotes():
    keys = ("base_amount", "price", "liquidation_factor", "store_front")
    rows = cases("compound_v3")["quote_collateral"]
    return {f"{n}": relative(quote_collateral(*(c[k] for k in keys)), c["expected"]) for n, c in enumerate(rows)}


@evidence.suite(COMPOUND, grade="deployment files", tolerance=0, unit="factors")
def comet_markets():
    p, errors = xm.model(COMPOUND).params(1_790_000_000), {}
    for name, market in cases("compound_v3")["markets"].items():
        for asset, own in market["assets"].items():
            wanted = [own[k] for k in ("borrowCF", "liquidateCF", "liquidationFactor")]
            errors[f"{name} {asset}"] = exactly(p.by[name]["collateral"][asset][:3], wanted)
    return errors


@evidence.suite(AAVE, grade="contract rule, worked by hand", tolerance=1e-15)
def own_aave_cases():
    return own_errors(AAVE)


@evidence.suite(COMPOUND, grade="contract rule, worked by hand", tolerance=1e-15)
def own_comet_cases():
    return own_errors(COMPOUND)


SUITES = [
    aave_account_summaries,
    aave_health_factors,
    aave_interest,
    aave_close_factors,
    comet_states,
    comet_quotes,
    comet_markets,
    own_aave_cases,
    own_comet_cases,
]


@pytest.mark.parametrize("suite", SUITES, ids=lambda s: s.errors.__name__)
def test_golden(suite):
    evidence.check(suite)


def random_book(seed: int) -> tuple[Stack, dict[str, list[tuple[str, str, Decimal]]]]:
    rng, stack, held = np.random.default_rng(seed), Stack(), {}
    for asset, price in (("WETH", 3456.78), ("WBTC", 98765.43), ("USDC", 0.9998), ("DAI", 1.0003)):
        stack.add("assets", asset=asset, price=price)
    for a in range(20):
        rows = held.setdefault(f"a{a}", [])
        for asset in ("WETH", "WBTC", "USDC", "DAI"):
            kind = "loan" if asset in ("USDC", "DAI") and rng.random() < 0.7 else "supplied"
            amount = Decimal(int(rng.integers(1, 10**9))).scaleb(-5)
            rows.append((asset, kind, amount))
            stack.add("balances", asset=asset, amount=float(amount), kind=kind, account=f"a{a}")
    return stack, held


def test_aave_against_a_scalar_loop():
    stack, held = random_book(5)
    margin, p = stack.margin(AAVE), xm.model(AAVE).params(1_790_000_000)
    lent = Lent(margin.run.book, margin.run.session.ready)
    price = {r["asset"]: int(Decimal(str(r["price"])) * 10**8) for r in stack.rows["assets"]}
    health = lent.health()
    for r, name in enumerate(margin.account):
        collateral = debt = at_threshold = 0
        for asset, kind, amount in held[name]:
            value = Fraction(amount) * price[asset]
            if kind == "supplied":
                collateral += int(value)
                at_threshold += int(value) * p["reserves"][asset][1]
            else:
                debt += -(-value.numerator // value.denominator)
        assert int(lent.collateral[r]) == collateral
        assert int(lent.debt[r]) == debt
        assert margin.equity.value[r] == (collateral - debt) / 10**8
        assert int(health[r]) == ((at_threshold * 10**18 + debt // 2) // debt // 10**4 if debt else -1)
        assert (margin.headroom[r] < 0) == (debt > 0 and health[r] < 10**18)
    readds(margin, ["a0", "a1"])


def test_eighteen_decimals_of_a_whale_stay_exact():
    stack = Stack()
    stack.add("balances", asset="WETH", amount=123456789.123456, kind="supplied", account="a")
    stack.add("balances", asset="USDC", amount=98765432109.1234, kind="loan", account="a")
    stack.add("assets", asset="WETH", price=3456.78)
    stack.add("assets", asset="USDC", price=1.0)
    margin = stack.margin(AAVE)
    lent = Lent(margin.run.book, margin.run.session.ready)
    assert int(lent.collateral[0]) == int(Fraction("123456789.123456") * Fraction("3456.78") * 10**8)
    assert int(lent.debt[0]) == 9876543210912340000


def test_an_efficiency_mode_can_take_ltv_away():
    stack = Stack()
    mode = {"ltv": 9300, "threshold": 9500, "collateral": ["WETH"], "isolated": True}
    for name, word in (("in", "1"), ("out", None)):
        stack.add("accounts", account=name, emode=word)
        stack.add("balances", asset="WETH", amount=1, kind="supplied", account=name)
        stack.add("balances", asset="WBTC", amount=1, kind="supplied", account=name)
    stack.add("assets", asset="WETH", price=1000.0)
    stack.add("assets", asset="WBTC", price=1000.0)
    margin = stack.margin(AAVE, emodes={"1": mode})
    rows = row_of(margin)
    assert margin.maintenance.value[rows["in"]] == 50 + 250
    assert margin.initial.value[rows["in"]] == 70 + 1000
    assert margin.initial.value[rows["out"]] == 200 + 300


def test_borrowed_against_collateral_stands_beside_margin():
    """One book under a perpetual venue and a lending market: each takes what is its own."""
    stack = Stack()
    stack.add("balances", asset="WETH", amount=10, kind="supplied", account="fund")
    stack.add("balances", asset="USDC", amount=5000, kind="loan", account="fund")
    stack.add("balances", asset="DAI", amount=100, account="fund")
    for asset, price in (("WETH", 2000.0), ("USDC", 1.0), ("DAI", 1.0)):
        stack.add("assets", asset=asset, price=price)
    margin = stack.margin(AAVE)
    assert margin.pool.tolist() == ["Aave v3"]
    assert margin.equity.value.tolist() == [15000.0]
    assert margin.ratio.tolist() == [3.3]
    assert any("wallet balances are not supplied" in n.text for n in margin.notes)
    assert any("health factor" in n.text for n in margin.notes)
