"""derive.portfolio against the repository's golden portfolios and the deployed contracts' own margins."""

from functools import cache

import numpy as np
import pytest

import xlmargin as xm
from tests import derive_cases, evidence, onchain_cases, shared_golden
from tests.derive_cases import net

MODEL = "derive.portfolio"
LEVELS = {"IM": "initial", "MM": "maintenance"}


@cache
def repository():
    data = shared_golden.load("defi/derive_pmrm2_portfolio_cases.json")
    cases = [c for c in data["cases"] if c["asserted_by_repo"]]
    ladders = {s["id"]: s["list"] for s in data["scenario_sets"]}
    book, market, params = derive_cases.pmrm2(cases, {p["id"]: p for p in data["param_sets"]}, ladders)
    return cases, xm.margin(book, market, MODEL, params=params)


@cache
def chain():
    data = shared_golden.load("defi/derive_chain_cases.json")
    cases = data["pm2_cases"]
    book, market, params = derive_cases.pmrm2(cases, data["param_sets"])
    return cases, xm.margin(book, market, MODEL, params=params)


@evidence.suite(MODEL, grade="repository golden portfolios: IM, MM, mark-to-market", tolerance=1e-9)
def repository_margins():
    cases, margin = repository()
    assert [c["id"] for c in cases] == list(margin.account)
    figures = {key: net(margin, level) for key, level in LEVELS.items()} | {"portfolio_mtm": margin.equity.value}
    return {
        (case["id"], key): evidence.relative(found[r], case["expected"][key])
        for key, found in figures.items()
        for r, case in enumerate(cases)
    }


@evidence.suite(MODEL, grade="repository golden portfolios: every scenario", tolerance=1e-9, unit="of largest")
def repository_scenarios():
    cases, margin = repository()
    errors = {}
    for case in cases:
        grid, want = margin.detail(case["id"]).grid, np.array(case["expected"]["scenario_pnl"])
        real = grid.label[0] >= 0
        found = np.full(len(want), np.nan)
        found[grid.label[0][real]] = grid.pnl[0][real]
        errors[case["id"]] = float(np.abs(found - want).max() / max(1.0, np.abs(want).max()))
    return errors


@evidence.suite(MODEL, grade="margins read from the deployed contracts", tolerance=1e-6, unit="USD")
def chain_margins():
    cases, margin = chain()
    return {
        (case["id"], key): abs(net(margin, level)[r] - float(case["expected"][key]))
        for key, level in LEVELS.items()
        for r, case in enumerate(cases)
    }


@evidence.suite(MODEL, grade="worst scenario of the deployed contracts", tolerance=0.0, unit="number")
def chain_worst():
    cases, margin = chain()
    return {
        c["id"]: evidence.exactly(int(w), c["expected"]["worst_scenario_index"])
        for c, w in zip(cases, margin.worst, strict=True)
    }


@evidence.suite(MODEL, grade="own cases on the rulebook's dated parameters", tolerance=1e-9)
def own():
    return onchain_cases.own_errors(MODEL)


def test_repository_margins():
    evidence.check(repository_margins)


def test_repository_scenarios():
    evidence.check(repository_scenarios)


def test_chain_margins():
    evidence.check(chain_margins)


def test_chain_worst_scenario():
    evidence.check(chain_worst)


def test_own_cases():
    evidence.check(own)


def test_ledger_readds():
    _, margin = repository()
    onchain_cases.readds(margin, margin.account)


def test_dated_parameters_are_those_of_the_chain():
    """Every parameter set that the chain cases bring stands in the rulebook on their day."""
    data = shared_golden.load("defi/derive_chain_cases.json")
    for case in data["pm2_cases"]:
        own_day = xm.model(MODEL).params(case["timestamp"])
        parameters = data["param_sets"][case["params"]]
        for key, value in (derive_cases.flat(parameters) | {"scenarios": parameters["scenarios"]}).items():
            assert own_day.get(key, case["underlying"]) == value, (case["id"], key)


def test_override_library_lowers_maintenance():
    """PMRM_2_1: an account with an override library keeps its own maintenance factor."""
    cases, margin = chain()
    book, market, params = derive_cases.pmrm2(
        cases[:1], shared_golden.load("defi/derive_chain_cases.json")["param_sets"]
    )
    book.settings["mm_factor"] = np.array([0.35], object)
    lower = xm.margin(book, market, MODEL, params=params)
    relief = (0.8 - 0.35) * lower.initial.parts[0].value[0]
    assert np.isclose(lower.maintenance.value[0], margin.maintenance.value[0] - relief, rtol=1e-12)


def test_collateral_without_manager_is_refused():
    book, market = xm.tables(
        balances={"asset": ["USDT"], "amount": [5.0]},
        assets={"asset": ["USDC", "USDT"], "price": [1.0, 1.0]},
        as_of="2026-11-25",
    )
    with pytest.raises(xm.InputError, match=r"balances row 2, column asset: USDT is not collateral .* column manager"):
        xm.margin(book, market, MODEL)


@pytest.mark.parametrize("model", [MODEL, "derive.standard"])
def test_a_balance_of_nothing_needs_no_manager(model):
    book, market = xm.tables(
        balances={"asset": ["USDT", "FOO"], "amount": [0.0, 0.0]},
        assets={"asset": ["USDC", "USDT", "FOO"], "price": [1.0, 1.0, 2.0]},
        as_of="2026-11-25",
    )
    margin = xm.margin(book, market, model)
    assert margin.equity.value.tolist() == margin.initial.value.tolist() == margin.maintenance.value.tolist() == [0.0]


def test_manager_setting_gives_collateral_its_haircut():
    book, market = xm.tables(
        balances={"asset": ["USDT"], "amount": [1000.0]},
        assets={"asset": ["USDC", "USDT"], "price": [1.0, 1.0]},
        instruments={"instrument": ["BTC-PERP"], "mark": [84_000.0], "index": [84_000.0]},
        accounts={"account": ["main"], "manager": ["BTC"]},
        as_of="2026-11-25",
    )
    margin = xm.margin(book, market, MODEL)
    haircuts = xm.model(MODEL).params(market.as_of).get("collateral", "BTC")["USDT"]
    assert margin.equity.value[0] == 1000.0
    assert np.isclose(margin.maintenance.value[0], 1000 * haircuts[0])
    assert np.isclose(margin.initial.value[0], 1000 * (haircuts[0] + haircuts[1]))


def test_more_expiries_than_the_manager_takes_are_noted():
    """PMRM_2.sol refuses to arrange a portfolio of more than maxExpiries (16 since 2026-08-13) option expiries."""
    days = np.arange(1, 18)
    table = {
        "instrument": [f"ETH-202612{d:02d}-3000-C" for d in days] + ["ETH-PERP"],
        "quantity": np.ones(18),
        "forward": 3000.0,
        "mark": [np.nan] * 17 + [3000.0],
        "iv": [0.6] * 17 + [np.nan],
        "rate": 0.04,
        "index": 3000.0,
        "entry_price": 3000.0,
    }
    length = {k: np.broadcast_to(v, 18) for k, v in table.items()}
    few = {k: v[1:] for k, v in length.items()}
    both = {k: np.append(v, few[k]) for k, v in length.items()} | {"account": ["seventeen"] * 18 + ["sixteen"] * 17}
    assets = {"asset": ["USDC"], "price": [1.0]}
    margin = xm.margin(*xm.tables(both, assets=assets, as_of="2026-11-25"), "derive.portfolio")
    note = next(n for n in margin.notes if "more expiries" in n.text)
    assert dict(zip(margin.account, note.where, strict=True)) == {"seventeen": True, "sixteen": False}
    assert "2026-08-13" in note.cite
