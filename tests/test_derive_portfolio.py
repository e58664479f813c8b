"""derive.portfolio against the repository's golden portfolios and the deployed contracts' own margins."""

import numpy as np
import pytest

import xlmargin as xm
from tests import derive_cases, shared_golden
from tests.derive_cases import net


@pytest.fixture(scope="module")
def repository():
    data = shared_golden.load("defi/derive_pmrm2_portfolio_cases.json")
    cases = [c for c in data["cases"] if c["asserted_by_repo"]]
    ladders = {s["id"]: s["list"] for s in data["scenario_sets"]}
    book, market, params = derive_cases.pmrm2(cases, {p["id"]: p for p in data["param_sets"]}, ladders)
    return cases, book, xm.margin(book, market, "derive.portfolio", params=params)


@pytest.fixture(scope="module")
def chain():
    data = shared_golden.load("defi/derive_chain_cases.json")
    cases = data["pm2_cases"]
    book, market, params = derive_cases.pmrm2(cases, data["param_sets"])
    return cases, book, xm.margin(book, market, "derive.portfolio", params=params)


def expected(cases, key):
    return np.array([float(c["expected"][key]) for c in cases])


@pytest.mark.parametrize(("level", "key"), [("initial", "IM"), ("maintenance", "MM")])
def test_repository_margins(repository, level, key):
    cases, _, margin = repository
    assert [c["id"] for c in cases] == list(margin.account)
    np.testing.assert_allclose(net(margin, level), expected(cases, key), rtol=1e-9, atol=1e-8)


def test_repository_mark_to_market(repository):
    cases, _, margin = repository
    np.testing.assert_allclose(margin.equity.value, expected(cases, "portfolio_mtm"), rtol=1e-9, atol=1e-8)


def test_repository_scenarios(repository):
    cases, _, margin = repository
    for case in cases:
        grid = margin.detail(case["id"]).grid
        published = np.full(len(case["expected"]["scenario_pnl"]), np.nan)
        real = grid.label[0] >= 0
        published[grid.label[0][real]] = grid.pnl[0][real]
        scale = np.abs(case["expected"]["scenario_pnl"]).max()
        np.testing.assert_allclose(published, case["expected"]["scenario_pnl"], rtol=1e-9, atol=1e-9 * max(scale, 1))


@pytest.mark.parametrize(("level", "key"), [("initial", "IM"), ("maintenance", "MM")])
def test_chain_margins(chain, level, key):
    cases, _, margin = chain
    np.testing.assert_allclose(net(margin, level), expected(cases, key), rtol=0, atol=1e-6)


def test_chain_worst_scenario(chain):
    cases, _, margin = chain
    assert margin.worst.tolist() == [c["expected"]["worst_scenario_index"] for c in cases]


def test_ledger_readds(repository):
    _, _, margin = repository
    for account in margin.account:
        detail = margin.detail(account)
        for line in detail.lines().values():
            assert line.gap(detail.run.book) < 1e-9, (account, line.name)
