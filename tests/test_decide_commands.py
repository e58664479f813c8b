"""The commands of decisions: the figures of the verbs, on the sample desk; what is wrong is said in words."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import xlmargin as xm
from tests.command_runs import APP, DESK, LITE, MODEL, agree, desk, hedged, run, told, wrong
from xlmargin.decide import commands

CALL = "BTC-20261030-84000-C"


STATES = {
    "exposure": ([], lambda m: xm.exposure(m).frame()),
    "exposure by expiry": (["--by", "Expiry"], lambda m: xm.exposure(m).by_expiry().drop(columns="expiry")),
    "exposure by asset": (["--by", "asset"], lambda m: xm.exposure(m).by_asset()),
    "exposure, offsets": (["--by", "offsets"], lambda m: xm.exposure(m).offsets()),
    "health": ([], lambda m: xm.health(m).frame()),
    "health, alerts": (["--alerts"], lambda m: xm.health(m).alerts()),
    "liquidation": ([], lambda m: xm.liquidation(m).frame()),
    "liquidation of a level": (
        ["--by", "volatility", "--level", "initial"],
        lambda m: xm.liquidation(m, "volatility", "initial").frame(),
    ),
    "sensitivity": (["--bump", "0.02", "--days", "2"], lambda m: xm.sensitivity(m, bump=0.02, days=2.0).frame()),
    "attribution": (
        ["--price", "BTC=-20%", "--vol", "BTC=+30%", "--rate", "0.01"],
        lambda m: xm.attribution(m, price={"BTC": -0.2}, vol={"BTC": 0.3}, rate=0.01).frame(),
    ),
    "surface": (
        ["--prices", "-20%,0,0.1", "--vols", "0,50%", "--figure", "equity"],
        lambda m: xm.surface(m, moves=[-0.2, 0.0, 0.1], vols=[0.0, 0.5]).crossed("equity"),
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_has_the_figures_of_its_verb(name, tmp_path):
    arguments, verb = STATES[name]
    rows, said = told(tmp_path, name.split()[0].rstrip(","), DESK, "-a", "Hedged", *arguments)
    frame = verb(hedged())
    agree([{k: v for k, v in row.items() if k in frame} for row in rows], frame)
    assert said.startswith(f"{MODEL}, parameters of ")


@pytest.mark.parametrize("kind", ["csv", "json", "xlsx"])
def test_dates_stand_in_every_kind_of_file(kind, tmp_path):
    out = tmp_path / f"out.{kind}"
    done = run("exposure", DESK, "-a", "Hedged", "--by", "expiry", "-o", out)
    assert done.exit_code == 0, done.exception
    read = {"csv": pd.read_csv, "json": pd.read_json, "xlsx": partial(pd.read_excel, engine="openpyxl")}[kind]
    expiry = pd.to_datetime(read(out)["expiry"], utc=True).dropna()
    assert [f"{e:%Y-%m-%d %H:%M}" for e in expiry] == ["2026-10-30 08:00", "2027-03-26 08:00"]


def test_a_surface_crossed_holds_every_figure_of_its_rows():
    found = xm.surface(hedged(), "BTC", moves=[-0.2, 0.1], vols=[0.0, 0.5, 1.0])
    rows, crossed = found.frame(), found.crossed("headroom")
    assert list(crossed.columns[-3:]) == ["volatility as it is", "volatility +50.0 %", "volatility +100.0 %"]
    for price, *values in crossed[crossed.columns[2:]].itertuples(index=False):
        assert values == rows[np.isclose(rows["price"], price)].sort_values("vol")["headroom"].tolist()


def test_every_account_where_none_is_named(tmp_path):
    rows, _ = told(tmp_path, "health", DESK, "-m", "derive.standard")
    agree(rows, xm.health(*desk(), "derive.standard").frame())
    assert len(rows) == 7


def test_what_if_of_trades_money_and_moves(tmp_path):
    trades = {"instrument": ["BTC-PERP", CALL], "quantity": [-2.0, 1.0], "account": ["Hedged"] * 2}
    given = ["--trade", "BTC-PERP=-2", "--trade", f"{CALL}=1", "--cash", "USDC=-5000", "--price", "BTC=-10%"]
    rows, _ = told(tmp_path, "whatif", DESK, "-a", "Hedged", *given, "--days", "1")
    moves = {"price": {"BTC": -0.1}, "days": 1.0}
    frame = xm.what_if(*desk(), MODEL, trades, cash={"asset": ["USDC"], "amount": [-5000.0]}, moves=moves).frame()
    agree(rows, frame[frame["account"] == "Hedged"])
    assert rows[0]["equity change"] != 0


def test_what_if_of_the_sources_own_trades_and_of_a_file(tmp_path):
    rows, _ = told(tmp_path, "whatif", LITE)
    assert [row["basket"] for row in rows] == ["sell two coins", "buy back calls"]
    file = tmp_path / "mine.csv"
    file.write_text(f"Basket,Instrument,Quantity,Close\na,{CALL},,0.5\nb,BTC-PERP,-1,\n")
    rows, _ = told(tmp_path, "whatif", LITE, "--trades", file, "--cash", "USDC=700", "-a", "Hedged")
    trades = pd.read_csv(file)
    cash = {"basket": ["a", "b"], "asset": ["USDC"] * 2, "amount": [700.0] * 2}
    frame = xm.what_if(*xm.read(LITE), MODEL, trades, cash=cash).frame()
    agree(rows, frame[frame["account"] == "Hedged"])


def test_what_if_of_moves_alone_leaves_out_what_trades_cost(tmp_path):
    rows, _ = told(tmp_path, "whatif", DESK, "--price", "BTC=-10%", "-a", "Hedged")
    assert rows[0]["standalone"] is None
    assert rows[0]["equity after"] < rows[0]["equity before"]


def test_a_path_and_what_it_proves(tmp_path):
    rows, said = told(
        tmp_path, "path", DESK, "-a", "Hedged", "--trade", "BTC-PERP=-2", "--trade", f"{CALL}=2", "--slices", "2"
    )
    trades = {"instrument": ["BTC-PERP", CALL], "quantity": [-2.0, 2.0]}
    found = xm.path(*desk(), MODEL, trades, slices=2, account="Hedged")
    agree(rows, found.frame())
    assert found.words in said


def test_slices_are_sized_from_depth(tmp_path):
    how = ("--depth", "BTC-PERP=40", "--volatility", "45%", "--seconds", "60", "--fixed", "0.001%")
    rows, said = told(tmp_path, "path", DESK, "-a", "Hedged", "--trade", "BTC-PERP=-6", *how)
    sizes = xm.slices_of({"BTC-PERP": -6.0}, depth=40.0, volatility=0.45, seconds=60.0, fixed=1e-5)
    assert len(rows) == 1 + sizes.count[0] > 2
    assert sizes.words in said
    refused = run("path", DESK, "-a", "Hedged", "--trade", "BTC-PERP=-6", "--depth", "BTC-PRP=40")
    assert "no leg of 'BTC-PRP'; did you mean 'BTC-PERP'" in str(refused.exception)


def test_hedges_and_their_proof(tmp_path):
    rows, said = told(tmp_path, "hedges", DESK, "-a", "Hedged", "--candidate", "BTC-PERP", "--delta", "BTC=-1:0.5")
    found = xm.hedges(*desk(), MODEL, ["BTC-PERP"], account="Hedged", delta={"BTC": (-1.0, 0.5)})
    agree(rows, found.frame())
    assert found.words in said
    assert "best: " in said
    rows, _ = told(tmp_path, "hedges", DESK, "-a", "Hedged", "--candidate", "BTC-PERP", "--ranking")
    assert rows[0]["saving"] > 0


def test_hedges_of_a_table_with_costs(tmp_path):
    file = tmp_path / "candidates.csv"
    file.write_text(f"instrument,most,cost,lot\nBTC-PERP,3,20,0.1\n{CALL},3,35,0.1\n")
    rows, said = told(
        tmp_path, "hedges", DESK, "-a", "Hedged", "--candidates", file, "--budget", "40", "--most-trades", "1"
    )
    assert len(rows) == 1
    assert sum(row["cost"] for row in rows) <= 40 + 1e-6
    assert abs(rows[0]["quantity"] * 10) == pytest.approx(round(abs(rows[0]["quantity"] * 10)))
    assert f"for {rows[0]['cost']:,.2f}" in said


def test_hedges_of_the_whole_market_say_that_costs_are_missing():
    done = run("hedges", DESK, "-a", "Hedged", "--seconds", "2")
    assert "every trade is free as given" in done.output
    assert "every trade is free" not in run("hedges", DESK, "-a", "Hedged", "--seconds", "2", "--fee", "0.001").output


def test_limits_that_clash_are_named():
    text = wrong("hedges", DESK, "-a", "Hedged", "--candidate", "BTC-PERP", "--delta", "BTC=900:901")
    assert "delta of BTC" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("health", DESK, "-a", "Hedge"), "no account 'Hedge'; did you mean 'Hedged'?"),
        (("health", DESK.with_name("dsk.xlsx")), "did you mean 'desk.xlsx'?"),
        (("health", DESK, "-m", "derive.portfoli"), "did you mean 'derive.portfolio'?"),
        (("exposure", DESK, "--by", "underlyin"), "--by: 'underlyin' is not one of"),
        (("liquidation", DESK, "--level", "maintenence"), "did you mean 'maintenance'?"),
        (("whatif", DESK), "no trades table; give --trades FILE or --trade NAME=QUANTITY"),
        (("whatif", DESK, "--trade", "BTC-PRP=1"), "the market lists no BTC-PRP; did you mean 'BTC-PERP'?"),
        (("whatif", DESK, "--trade", "BTC-PERP"), "--trade: write name=value, not 'BTC-PERP'"),
        (("whatif", DESK, "--trade", "BTC-PERP=1", "--trades", DESK), "give --trades or --trade, not both"),
        (("whatif", DESK, "--price", "BTC=-150%"), "BTC by -150%; must be above -100 %"),
        (("whatif", DESK, "--price", "BTX=-10%"), "nothing follows 'BTX'; did you mean 'BTC'?"),
        (("whatif", DESK, "--price", "BTC=1", "--price", "BTC=2"), "--price: BTC is given twice"),
        (("path", DESK, "--trade", "BTC-PERP=1"), "say which account: Hedged, Call spread"),
        (("hedges", DESK, "-a", "Hedged", "--delta", "BTC=5"), "--delta: write lowest:highest, not '5'"),
        (("hedges", DESK, "-a", "Hedged", "--candidates", "no.csv"), "candidates: no file or folder 'no.csv'"),
        (("simulate", DESK, "-a", "Hedged"), "no path table; give --path FILE, or --price NAME=MOVE,MOVE"),
        (("simulate", DESK, "--price", "BTC=-5%"), "a simulation runs one pool"),
        (("simulate", DESK, "-a", "Hedged", "--price", "BTC=-5%,-10%", "--vol", "BTC=1"), "moves of one length"),
        (("prevent", DESK, "--price", "BTC=-5%"), "say which account: Hedged"),
        (("surface", DESK, "--underlying", "BTX"), "nothing follows 'BTX'; did you mean 'BTC'?"),
        (("surface", DESK, "--prices", "-100%"), "must be above -100 %"),
        (("stress", DESK, "--scenario", "2020-03"), "no scenario '2020-03'; did you mean '2020-03-12'?"),
        (("stress", DESK, "--lost", "Kraken=1"), "no balance lies at 'Kraken'; there are derive"),
        (("stress", DESK, "--show", "all"), "--show: 'all' is not one of accounts, worst, parts, known"),
        (("dynamic", DESK), "no history table; give --history FILE with prices by day, or --vol and --reference"),
        (
            ("dynamic", DESK, "--vol", "BTC=0.5", "--reference", "BTC=0.5", "--cap", "-1"),
            "cap is -1.0; it must be above",
        ),
        (("attribution", DESK), "0 factors; between 1 and 12"),
    ],
)
def test_what_is_wrong_is_said_in_words(arguments, said):
    assert said in wrong(*arguments)


@pytest.mark.parametrize("name", [*commands.VERBS, *commands.PLAIN])
def test_help_says_what_it_answers(name):
    done = CliRunner().invoke(APP, [name, "--help"], env={"COLUMNS": "300"})
    assert done.exit_code == 0
    assert (commands.VERBS | commands.PLAIN)[name].__doc__.partition("\n")[0] in done.output
    assert "--output" in done.output
    common = ("--model", "--as-of", "--option", "--params", "--venue") if name in commands.VERBS else ()
    assert all(option in done.output for option in common)
