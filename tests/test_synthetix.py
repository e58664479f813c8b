"""Synthetix v3: the repository's assertions, at every price state."""

from functools import cache

import pytest

import xlmargin as xm
from tests import evidence, shared_golden
from tests.evidence import exactly, relative
from tests.onchain_cases import Stack, own_errors, readds, row_of
from xlmargin.rulebooks.synthetix.v3 import fill_price

MODEL = "synthetix.v3"
GRADE = "asserted by the venue's repository"


@cache
def accounts() -> tuple[xm.Margin, list[tuple[str, dict, dict]]]:
    """Every case and price state as an account; fills at the price that the skew gives an empty market."""
    data = shared_golden.load("defi/synthetix_v3_cases.json")
    stack, states = Stack(), []
    for case in data["cases"]:
        for n, state in enumerate(case.get("expected_states", [{"expected": case.get("expected")}])):
            name = f"{case['id']} {n}"
            states.append((name, case, state))
            stack.add("balances", asset="snxUSD", amount=case["collateral"], account=name)
            for coin, size in case["positions"].items():
                _position(stack, name, coin, size, data["markets"][coin], case, state)
    stack.add("assets", asset="snxUSD", price=1.0)
    reward = data["liquidation_params"]
    common = {"reward_ratio": reward["liquidation_reward_ratio"], "reward_min": reward["min_liquidation_reward"]}
    return stack.margin(MODEL, reward_max=reward["max_liquidation_reward"], **common), states


def _position(stack, name, coin, size, market, case, state) -> None:
    own, mark = f"{coin}@{name}", state.get("prices", {}).get(coin, market["price"])
    least = case.get("min_position_margin", {}).get(coin, 0)
    stack.scope(
        own, min_position_margin=least, **{k: market[k] for k in ("skew_scale", "im_fraction", "min_im", "mm_scalar")}
    )
    stack.add("instruments", instrument=own, kind="perp", underlying=own, settle="snxUSD", mark=mark)
    entry = fill_price(market["price"], 0.0, size, market["skew_scale"])
    stack.add("positions", instrument=own, quantity=size, entry_price=entry, account=name)


@evidence.suite(MODEL, grade=GRADE, tolerance=1e-12)
def margins():
    margin, states = accounts()
    errors = {}
    for name, _, state in states:
        r = row_of(margin)[name]
        reward = margin.initial.parts[2].value[r]
        found = {
            "available_margin": margin.equity.value[r],
            "available": margin.equity.value[r],
            "initial_margin_excl_reward": margin.initial.value[r] - reward,
            "maintenance_margin_excl_reward": margin.maintenance.value[r] - reward,
            "withdrawable": margin.available[r],
        }
        for key, value in (state.get("expected") or state).items():
            if key in found:
                errors[name, key] = relative(found[key], value)
    return errors


@evidence.suite(MODEL, grade=GRADE, tolerance=1e-9)
def results():
    margin, states = accounts()
    errors = {}
    for name, _, state in states:
        detail = margin.detail(name)
        names = detail.run.market.name[detail.run.book.legs.instrument]
        amounts = detail.equity.parts[-1].parts[0].amounts + detail.equity.parts[-1].parts[1].amounts
        found = dict(zip([str(n).partition("@")[0] for n in names], amounts, strict=True))
        errors |= {(name, coin): relative(found[coin], v) for coin, v in state.get("pnl", {}).items()}
    return errors


@evidence.suite(MODEL, grade=GRADE, tolerance=0, unit="yes or no")
def liquidatable():
    margin, states = accounts()
    stated = [(name, s["liquidatable"]) for name, _, s in states if "liquidatable" in s]
    return {name: exactly(bool(margin.headroom[row_of(margin)[name]] < 0), flag) for name, flag in stated}


@evidence.suite(MODEL, grade="repository rule, worked by hand", tolerance=1e-12)
def own_cases():
    return own_errors(MODEL)


@pytest.mark.parametrize("suite", [margins, results, liquidatable, own_cases], ids=lambda s: s.errors.__name__)
def test_golden(suite):
    evidence.check(suite)


def test_ledger_readds():
    margin, states = accounts()
    readds(margin, [name for name, *_ in states])


def test_fixture_parameters_are_noted_and_orders_too():
    stack = Stack()
    stack.add("instruments", instrument="BTC-PERP", kind="perp", underlying="BTC", settle="snxUSD", mark=30000.0)
    stack.add("positions", instrument="BTC-PERP", quantity=1)
    stack.add("orders", instrument="BTC-PERP", quantity=1, limit_price=1.0)
    texts = " | ".join(n.text for n in stack.margin(MODEL).notes)
    for part in ("test fixtures", "no entry price", "open orders are not margined"):
        assert part in texts


def test_bad_input():
    stack = Stack()
    stack.add("instruments", instrument="BTC-PERP", kind="perp", underlying="BTC", settle="snxUSD", mark=30000.0)
    stack.add("positions", instrument="BTC-PERP", quantity=1, margin_mode="isolated", posted_margin=5)
    stack.add("balances", asset="PEPE", amount=1)
    stack.add("assets", asset="PEPE", price=1.0)
    with pytest.raises(xm.InputError) as caught:
        stack.margin(MODEL)
    assert "BTC-PERP is isolated, but Synthetix margins one pool" in str(caught.value)
    assert "PEPE is no margin of Synthetix" in str(caught.value)
