"""Rulebook × evidence × cases × worst error, over every suite that golden tests register; README shows the same."""

import pytest

import xlmargin as xm
from tests import evidence

ISSUE_5 = (
    "binance.usdm",
    "binance.coinm",
    "binance.portfolio",
    "okx.cross",
    "okx.portfolio",
    "bybit.cross",
    "bybit.portfolio",
    "hyperliquid.cross",
    "hyperliquid.portfolio",
    "paradex.cross",
    "paradex.portfolio",
    "dydx.cross",
    "drift.cross",
    "aevo.portfolio",
    "synthetix.v3",
    "aave.v3",
    "compound.v3",
)


@pytest.fixture(scope="module")
def rows():
    return list(evidence.gather())


def test_the_matrix_is_printed_and_holds(rows, capsys):
    with capsys.disabled():
        print("\n" + evidence.table(rows))
    off = [row for row in rows if not row.worst <= row.tolerance]
    assert not off


def test_every_row_names_a_rulebook_that_exists(rows):
    assert {row.model for row in rows} <= set(xm.models())


@pytest.mark.parametrize("model", ISSUE_5)
def test_every_crypto_rulebook_has_evidence(rows, model):
    if model not in xm.models():
        pytest.skip(f"{model} is not registered")
    mine = [row for row in rows if row.model == model]
    if not mine:
        pytest.skip(f"no suite of {model} records its errors here (tests/evidence.py)")
    assert sum(row.cases for row in mine) > 0


def test_table_shows_exactness_and_counts():
    row = evidence.Evidence("toy.cross", "official", 3, 7, 0.0, 0.0, "USD")
    assert evidence.table([row]).splitlines()[-1] == "| `toy.cross` | official | 3 | 7 | exact | 0 | USD |"


def test_check_names_the_case_that_is_off():
    made = evidence.Suite(
        "toy.cross", "official", 1e-9, "relative", lambda: {"good": 0.0, "bad": 1.0, "nan": float("nan")}
    )
    with pytest.raises(AssertionError, match=r"beyond 1e-09 relative: \{'bad': 1.0, 'nan': nan\}"):
        evidence.check(made)
    with pytest.raises(AssertionError, match="no case"):
        evidence.check(evidence.Suite("toy.cross", "official", 1e-9, "relative", dict))
