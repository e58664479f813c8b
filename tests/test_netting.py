"""What netting saves: both sides without balances, so that a haircut is no cost of netting."""

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests.law_books.derive import tables

MODEL = "derive.portfolio"


def desk(seed=4, accounts=5):
    return {name: pd.DataFrame(rows) for name, rows in tables(np.random.default_rng(seed), accounts).items()}


def test_gross_is_each_position_alone():
    made = desk()
    saving = xm.benefit(xm.margin(*xm.tables(**made), MODEL))
    for r, account in enumerate(saving.account):
        mine = made["positions"][made["positions"]["account"] == account]
        alone = 0.0
        for n in range(len(mine)):
            single = {"positions": mine.iloc[n : n + 1], "instruments": made["instruments"], "assets": made["assets"]}
            alone += xm.margin(*xm.tables(**single), MODEL).initial.value[0]
        assert saving.gross_initial[r] == pytest.approx(alone, rel=1e-12)


def test_collateral_is_no_cost_of_netting():
    made = desk()
    bare = {name: table for name, table in made.items() if name != "balances"}
    with_cash = xm.benefit(xm.margin(*xm.tables(**made), MODEL))
    without = xm.benefit(xm.margin(*xm.tables(**bare), MODEL))
    np.testing.assert_allclose(with_cash.amount, without.amount, rtol=1e-12)
    np.testing.assert_allclose(with_cash.percent, 1 - with_cash.net_initial / with_cash.gross_initial, rtol=1e-12)


def test_a_single_position_saves_nothing():
    made = desk(accounts=1)
    made["positions"] = made["positions"].iloc[:1]
    saving = xm.benefit(xm.margin(*xm.tables(**made), MODEL))
    assert saving.amount[0] == pytest.approx(0.0, abs=1e-9)


def test_compare_ranks_models_and_says_who_cannot():
    made = desk(accounts=2)
    table = xm.compare(*xm.tables(**made), ["derive.portfolio", "derive.standard", "deribit.portfolio"])
    for account in ("a0", "a1"):
        mine = table[table["account"] == account]
        assert list(mine["initial"]) == sorted(mine["initial"])
        assert set(mine["model"]) == {"derive.portfolio", "derive.standard"}
    (refused,) = table.loc[table["account"].isna(), "remark"]
    assert "deribit.portfolio" in refused
    saving = xm.benefit(xm.margin(*xm.tables(**made), MODEL))
    price = 0.9995
    told = table[(table["model"] == MODEL)].set_index("account")["benefit"]
    np.testing.assert_allclose([told[a] for a in saving.account], saving.amount * price, rtol=1e-12)


def test_gross_has_a_row_a_position():
    made = desk(accounts=3)
    assert len(xm.gross(*xm.tables(**made), MODEL).account) == len(made["positions"])


def test_a_comparison_is_as_wide_as_its_first_problems_and_keeps_the_rest():
    book, market = xm.tables(**desk(accounts=2))
    table = xm.compare(book, market, xm.models())
    longest = max(table["remark"], key=len)
    assert longest.count("\n") > 1
    assert f"{longest.splitlines()[0][:50]}" in table.to_string()
    assert f"(and {longest.count(chr(10))} more)" in table.to_string()
    assert max(map(len, table.to_string().splitlines())) < 300
    assert longest in table["remark"].tolist()
