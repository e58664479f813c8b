"""Commands on falls, crises and collateral: simulate, prevent, stress, dynamic, allocate."""

import pandas as pd
import pytest

import xlmargin as xm
from tests.command_runs import DESK, LITE, MODEL, agree, desk, hedged, told, wrong
from xlmargin.decide.dynamic import dynamic as xm_dynamic
from xlmargin.decide.stress import stress as xm_stress

CALL = "BTC-20261030-84000-C"


FALL = ["BTC=-5%,-12%,-15%,-30%"]


def test_a_simulation_books_every_amount(tmp_path):
    rows, said = told(
        tmp_path, "simulate", DESK, "-a", "Hedged", "--price", *FALL, "--slippage", "0.01", "--fund", "1e4"
    )
    found = xm.simulate(hedged(), {"BTC": [-0.05, -0.12, -0.15, -0.3]}, slippage=0.01, fund=1e4)
    agree(rows, found.frame())
    assert "\nliquidated; in all account -56,023.17" in said
    parties = ("account", "others", "market", "venue", "fund", "deleveraged", "uncovered")
    assert all(sum(row[p] for p in parties) == pytest.approx(0, abs=1e-6) for row in rows)


def test_a_path_may_be_a_table(tmp_path):
    file = tmp_path / "fall.csv"
    file.write_text("step,BTC,BTC vol\n1,-5%,0\n2,-12%,0.3\n,,\n3,-0.3,60 %\n")
    by_table, _ = told(tmp_path, "simulate", DESK, "-a", "Hedged", "--path", file)
    given = ["--price", "BTC=-5%,-12%,-30%", "--vol", "BTC=0,0.3,0.6"]
    by_words, _ = told(tmp_path, "simulate", DESK, "-a", "Hedged", *given)
    assert by_table == by_words
    file.write_text("step,BTC\n1,-5%\n2,down\n")
    assert wrong("simulate", DESK, "-a", "Hedged", "--path", file) == "path row 3, column BTC: not a number: 'down'"
    file.write_text("step\n1\n")
    assert "no moves: a column named as an underlying" in wrong("simulate", DESK, "-a", "Hedged", "--path", file)


def test_what_would_have_prevented_it_does(tmp_path):
    rows, _ = told(tmp_path, "prevent", DESK, "-a", "Hedged", "--price", "BTC=-5%,-12%,-20%")
    assert {row["what"] for row in rows if row["kind"] == "hedge"} == {"BTC-PERP", CALL, "BTC-20270326-65000-P"}
    deposit = next(row for row in rows if row["kind"] == "deposit")
    book, market = desk()
    for share, safe in ((1.0, True), (0.999, False)):
        cash = {"asset": ["USDC"], "amount": [deposit["amount"] * share]}
        after = xm.what_if(book.take([0]), market, MODEL, cash=cash, moves={"price": {"BTC": -0.2}})
        assert bool(after.after["equity"][0] >= after.after["maintenance"][0] - 1e-6) == safe


def test_a_named_crisis_and_moves_of_ones_own(tmp_path):
    rows, said = told(tmp_path, "stress", DESK, "-a", "Hedged")
    found = xm_stress(hedged())
    agree(rows, found.frame())
    assert found.words in said
    given = ["--scenario", "2020-03-12", "--price", "BTC=-30%", "--vol", "*=50%", "--frozen", "derive=0.5"]
    rows, _ = told(tmp_path, "stress", DESK, "-a", "Hedged", *given)
    own = {"scenario": ["as given"] * 3, "target": ["BTC", "*", "derive"], "price": [-0.3, None, None]}
    own |= {"vol": [None, 0.5, None], "frozen": [None, None, 0.5]}
    agree(rows, xm_stress(hedged(), ["2020-03-12", own]).frame())
    parts, _ = told(tmp_path, "stress", DESK, "-a", "Hedged", *given, "--show", "parts", "--level", "initial")
    agree(parts, xm_stress(hedged(), ["2020-03-12", own]).parts("initial").frame())
    worst, _ = told(tmp_path, "stress", DESK, "--show", "worst")
    assert len(worst) == 7


def test_a_scenario_table_of_the_source_or_of_a_file(tmp_path):
    """The sheet scenarios of a desk holds a grid of results: it is no table of scenarios."""
    rows, _ = told(tmp_path, "stress", LITE, "-a", "Hedged")
    assert {"2020-03-12", "2025-10-10"} <= {row["scenario"] for row in rows}
    file = tmp_path / "mine.csv"
    file.write_text("scenario,target,price,vol\nfall,BTC,-20%,\nfall,*,,0.3\nrise,BTC,0.2,\n")
    rows, _ = told(tmp_path, "stress", LITE, "-a", "Hedged", "--scenarios", file)
    assert [row["scenario"] for row in rows] == ["fall", "rise"]
    file.write_text("scenario,target,price\nfall,BTX,-20%\n")
    text = wrong("stress", LITE, "--scenarios", file)
    assert text.startswith("scenarios row 2, column price: nothing follows 'BTX'; did you mean 'BTC'?")


def test_the_named_crises_are_listed_with_their_sources(tmp_path):
    rows, _ = told(tmp_path, "stress", DESK, "--show", "known")
    assert rows[0]["name"] == "2020-03-12"
    assert all(row["source"] for row in rows)


def test_tomorrows_requirement_and_how_it_came_to_be(tmp_path):
    given = ["--vol", "BTC=0.5,0.6,0.8", "--reference", "BTC=0.5", "--cap", "1.3"]
    found = xm_dynamic(hedged(), vol={"BTC": [0.5, 0.6, 0.8]}, reference={"BTC": 0.5}, cap=1.3)
    for show, frame in (("requirement", found.frame()), ("path", found.path()), ("multipliers", found.multipliers())):
        rows, _ = told(tmp_path, "dynamic", DESK, "-a", "Hedged", *given, "--show", show)
        agree(rows, frame)
    assert found.frame()["tomorrow"][0] > found.frame()["published"][0]


def allocation(folder, required=120):
    (folder / "assets.csv").write_text("asset,quantity,price,haircut,cost\ncash,100,1,0,0.05\nbond,50,2,0.1,0.01\n")
    (folder / "requirements.csv").write_text(f"requirement,required\nCCP,{required}\nbank,30\n")
    return folder


def test_collateral_where_it_costs_least(tmp_path):
    """The bond is the cheaper; 100 of it count 90, the rest is 60 of cash: 100·0.01 + 60·0.05 = 4."""
    rows, said = told(tmp_path, "allocate", allocation(tmp_path))
    assert "cost 4, proved least" in said
    assert sum(row["value"] for row in rows if row["asset"] == "bond") == pytest.approx(100)
    assert sum(row["cost"] for row in rows) == pytest.approx(4)
    left, _ = told(tmp_path, "allocate", tmp_path, "--show", "assets")
    assert {row["asset"]: row["left"] for row in left} == pytest.approx({"cash": 40, "bond": 0})
    with pd.ExcelWriter(tmp_path / "posting.xlsx") as book:
        for name in ("assets", "requirements"):
            pd.read_csv(tmp_path / f"{name}.csv").to_excel(book, sheet_name=name.title(), index=False)
    assert told(tmp_path, "allocate", tmp_path / "posting.xlsx")[0] == rows


def test_collateral_that_does_not_suffice_names_the_clash(tmp_path):
    text = wrong("allocate", allocation(tmp_path, required=1200))
    assert "requirement CCP is missed by 1,040 given quantity of cash, quantity of bond" in text
    (tmp_path / "pairs.csv").write_text("asset,requirement\nbnd,CCP\n")
    assert "pairs row 2, column asset: no asset 'bnd'; did you mean 'bond'?" in wrong("allocate", tmp_path)
    (tmp_path / "requirements.csv").unlink()
    assert f"{tmp_path.name}: no requirements table" in wrong("allocate", tmp_path)
