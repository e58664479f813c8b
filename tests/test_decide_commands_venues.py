"""Commands over several venues: place, credit, contagion, from tables in files."""

import pandas as pd
import pytest

import xlmargin as xm
from tests.command_runs import agree, told, wrong
from tests.placement_desks import ASSETS, MODELS, PERP, VENUE, instruments, option
from xlmargin.decide.contagion import contagion
from xlmargin.decide.credit import credit
from xlmargin.decide.placement import place

HEDGED = [("D", option(90_000, "C"), -5.0), ("R", option(90_000, "C"), 5.0), ("Y", PERP, 0.5)]
AS_OF = "2026-09-21"
GIVEN = [*(text for venue, model in MODELS.items() for text in ("-m", f"{venue}={model}")), "--as-of", AS_OF]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Accounts at three venues as CSV tables, and the same read."""
    path = tmp_path_factory.mktemp("desk")
    tables = {
        "positions": pd.DataFrame(HEDGED, columns=["account", "instrument", "quantity"]),
        "instruments": instruments(),
        "assets": pd.DataFrame(ASSETS),
        "accounts": pd.DataFrame({"account": list(VENUE), "venue": list(VENUE.values())}),
        "balances": pd.DataFrame({"account": list(VENUE), "asset": "USDC", "amount": 50_000.0}),
    }
    for name, table in tables.items():
        table.to_csv(path / f"{name}.csv", index=False)
    return path


@pytest.fixture(scope="module")
def read(folder):
    return xm.read(folder, as_of=AS_OF)


@pytest.mark.parametrize("show", ["positions", "venues", "gains", "refusals"])
def test_a_placement_by_each_of_its_tables(folder, read, show, tmp_path):
    costs = ["--fees", "0.0001", "--transfer-cost", "0.02", "--exact-up-to", "8"]
    rows, said = told(tmp_path, "place", folder, *GIVEN, "--show", show, *costs)
    found = place(*read, MODELS, fees=0.0001, transfer_cost=0.02, exact_up_to=8)
    agree(rows, found.frame() if show == "positions" else getattr(found, show)())
    assert found.words in said
    assert found.saved > 0
    assert all(f"note: {note.text}" in said for note in found.notes)


def test_what_may_stand_where_is_a_table_of_the_source_or_of_a_file(folder, read, tmp_path):
    table = tmp_path / "eligible.csv"
    name = option(90_000, "C")
    table.write_text(f"instrument,venue\n{name},derive\n{PERP},bybit\n")
    rows, _ = told(tmp_path, "place", folder, *GIVEN, "--eligible", table)
    assert {row["to"] for row in rows if row["instrument"] == name} == {"D"}
    table.write_text(f"instrument,venue\n{name},derve\n")
    assert "derve" in wrong("place", folder, *GIVEN, "--eligible", table)
    (tmp_path / "movable.csv").write_text(f"instrument\n{PERP}\n")
    rows, _ = told(tmp_path, "place", folder, *GIVEN, "--movable", tmp_path / "movable.csv")
    assert {row["instrument"] for row in rows} == {PERP}


@pytest.mark.parametrize("show", ["owners", "venues", "limits", "breaches"])
def test_one_line_over_all_venues(folder, read, show, tmp_path):
    given = ["--line", "2000", "--portfolio", "derive.portfolio", "--collateral", "none", "--show", show]
    rows, said = told(tmp_path, "credit", folder, *GIVEN, *given)
    found = credit(*read, MODELS, {"line": [2000.0]}, portfolio="derive.portfolio", collateral="none")
    agree(rows, found.frame() if show == "owners" else getattr(found, show)())
    assert found.words in said
    assert found.saved[0] > 0


def test_lines_in_a_table(folder, read, tmp_path):
    file = tmp_path / "lines.csv"
    file.write_text("line,venue\n50000,\n100,deribit\n")
    rows, _ = told(tmp_path, "credit", folder, *GIVEN, "--lines", file, "--show", "breaches")
    assert any(row["where"] == "deribit" for row in rows)
    file.write_text("line,venue\nmuch,\n")
    assert "lines row 2, column line: not a number: 'much'" in wrong("credit", folder, *GIVEN, "--lines", file)


@pytest.mark.parametrize("show", ["accounts", "venues", "rounds", "prices"])
def test_a_shock_that_spreads(folder, read, show, tmp_path):
    given = [
        "--price",
        "BTC=25%",
        "--depth",
        "BTC=2e5",
        "--fund",
        "derive=1000",
        "--lost-at",
        "bybit=50%",
        "--slippage",
        "0.5",
    ]
    rows, said = told(tmp_path, "contagion", folder, *GIVEN, *given, "--show", show)
    shock = {"price": {"BTC": 0.25}, "venue": {"bybit": -0.5}}
    how = {
        "depth": {"underlying": ["BTC"], "depth": [2e5]},
        "funds": {"venue": ["derive"], "amount": [1000.0]},
        "slippage": 0.5,
    }
    found = contagion(*read, MODELS, shock, **how)
    agree(rows, {"accounts": found.frame, "venues": found.by_venue}.get(show, getattr(found, show, None))())
    assert found.words in said
    assert found.first == "D"


def test_a_named_stress_that_spreads(folder, read, tmp_path):
    rows, said = told(tmp_path, "contagion", folder, *GIVEN, "--scenario", "2020-03-12")
    found = contagion(*read, MODELS, "2020-03-12")
    agree(rows, found.frame())
    assert all(f"note: {note.text}" in said for note in found.notes)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("place", "--as-of", AS_OF), "D: no model for 'derive'"),
        *(
            ((verb, "--as-of", AS_OF), "say it with -m derive=derive.portfolio -m deribit=deribit.cross_portfolio -m ")
            for verb in ("place", "credit", "contagion")
        ),
        (("place", "-m", "derive=derive.portfoli"), "did you mean 'derive.portfolio'?"),
        (("place", "-m", "derive=derive.portfolio", "-m", "deribit.portfolio"), "give a venue with every model"),
        (("credit", *GIVEN, "--line", "5", "--lines", "x.csv"), "give --line or --lines, not both"),
        (("credit", *GIVEN, "--option", "side=post"), "--option: write model:name=value, not 'side=post'"),
        (("credit", *GIVEN, "--params", "x.json"), "--params: write model=FILE, not 'x.json'"),
        (("credit", *GIVEN, "--params", "derive.portfolio=x.json"), "--params: no file 'x.json'"),
        (("credit", *GIVEN, "--collateral", "cash"), "cash"),
        (("contagion", *GIVEN, "--price", "BTC=-150%"), "must be above -100 %"),
        (("contagion", *GIVEN, "--price", "BTC=-1%", "--scenario", "2020-03-12"), "give --scenario or moves, not both"),
        (("contagion", *GIVEN, "--impact", "cubic"), "cubic"),
        (("contagion", *GIVEN, "--depth", "BTX=5"), "BTX"),
    ],
)
def test_what_is_wrong_is_said_in_words(folder, arguments, said):
    name, *rest = arguments
    assert said in wrong(name, folder, *rest)
