"""The command in the hands of someone new: misspelt names, wrong dates, odd payloads, narrow windows."""

import json
import re
import subprocess
import sys

import pandas as pd
import pytest

import xlmargin as xm
from xlmargin import cli

MODEL = ("-m", "deribit.portfolio", "--as-of", "2026-11-25")
TABLES = {
    "positions": "Account,Instrument,Quantity,Entry price\n"
    "alice,BTC-PERPETUAL,-100000,84000\nalice,BTC-25DEC26-90000-C,5,\nbob,BTC-25DEC26-80000-P,-3,\n",
    "instruments": "instrument,mark,iv,forward,index\nBTC-PERPETUAL,84010,,,84000\n"
    "BTC-25DEC26-90000-C,0.021,0.46,84400,84000\nBTC-25DEC26-80000-P,0.025,0.5,84400,84000\n",
    "balances": "account,asset,amount\nalice,BTC,3\nbob,BTC,2\n",
}
PAYLOAD = {"result": {"model_params": {"currency_pair": {"btc_usd": {"price_range": 0.2}}}}}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder of CSV tables, ``desk``, beside which the commands run."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "desk"
    folder.mkdir()
    for name, text in TABLES.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command as its entry point does: exit code, output, errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["xlmargin", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        told = capsys.readouterr()
        return stop.value.code or 0, told.out, told.err

    return call


def test_margin_of_a_folder(desk, run):
    code, out, err = run("margin", "desk", *MODEL)
    assert code == 0
    book, market = xm.read(desk, as_of="2026-11-25", venue="deribit")
    frame = xm.margin(book, market, "deribit.portfolio").frame()
    for value in frame["initial"]:
        assert f"{value:.6g}" in out
    assert "parameters of" in out
    assert "note: " in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("margin", "desk", "-m", "deribit.portfolio", "--as-of", "25 Nov 2026"), "--as-of: not a date: '25 Nov 2026'"),
        (("compare", "desk", "--as-of", "soon"), "--as-of: not a date: 'soon'"),
        (("margin", "desk", *MODEL, "--venue", "deribt"), "no venue 'deribt'; did you mean 'deribit'?"),
        (("margin", "desk", *MODEL, "--params", "payload.jsn"), "no file 'payload.jsn'; did you mean 'payload.json'?"),
        (("margin", "desk", *MODEL, "--option", "foo"), "name=value, not foo"),
        (("explain", "desk", *MODEL, "-a", "alic"), "no account 'alic'; did you mean 'alice'? (accounts: alice, bob)"),
        (("compare", "desk", *MODEL, "-a", "carol"), "no account 'carol' (accounts: alice, bob)"),
        (("compare", "desk", "-m", "deribt.standard"), "did you mean 'deribit.standard'?"),
        (("margin", "dsk"), "did you mean 'desk'?"),
        (("margin", "desk", *MODEL, "-o", "x.txt"), "write .csv, .json, .xlsx"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(desk, run, arguments, said):
    (desk.parent / "payload.json").write_text(json.dumps(PAYLOAD))
    code, _, err = run(*arguments)
    assert code == 2
    assert said in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({}, "nothing in it is a parameter of deribit.portfolio"),
        ({"result": {"other": {"a": 1}}}, "nothing in it is a parameter of deribit.portfolio"),
        ([1, 2], "not a payload that deribit.portfolio reads"),
        ({"currency_pair": {"btc_usd": {"price_range": "wide"}}}, "is a number"),
        ({"currency_pair": {"btc_usd": {"price_rang": 0.2}}}, "did you mean 'price_range'?"),
    ],
)
def test_a_payload_that_cannot_be_used_is_refused(desk, run, payload, said):
    (desk.parent / "payload.json").write_text(json.dumps(payload))
    code, _, err = run("margin", "desk", *MODEL, "--params", "payload.json")
    assert code == 2
    assert said in err


def test_own_parameters_are_used_and_named(desk, run):
    (desk.parent / "payload.json").write_text(json.dumps(PAYLOAD))
    _, plain, _ = run("margin", "desk", *MODEL)
    code, out, _ = run("margin", "desk", *MODEL, "--params", "payload.json")
    assert code == 0
    assert "with payload.json" in out
    assert _row(out, "bob") != _row(plain, "bob")


def _row(out, account):
    return next(line for line in out.splitlines() if f" {account} " in line)


def test_decisions_take_options_and_own_parameters(desk, run):
    (desk.parent / "payload.json").write_text(json.dumps(PAYLOAD))
    _, plain, _ = run("health", "desk", *MODEL, "-a", "bob")
    code, out, _ = run("health", "desk", *MODEL, "-a", "bob", "--params", "payload.json")
    assert code == 0
    assert "with payload.json" in out
    assert _row(out, "bob") != _row(plain, "bob")
    (desk.parent / "payload.json").write_text('{"currency_pair": {"btc_usd": {"price_range": "wide"}}}')
    for verb in (
        ("health",),
        ("whatif", "--price", "BTC=-1%"),
        ("hedges", "-a", "bob", "--candidate", "BTC-PERPETUAL"),
    ):
        code, _, err = run(verb[0], "desk", *MODEL, *verb[1:], "--params", "payload.json")
        assert code == 2
        assert err.startswith("error: payload.json: ") or "is a number" in err
    code, _, err = run("credit", "desk", "-m", "deribit.portfolio", "--as-of", "2026-11-25", "--option", "side=post")
    assert code == 2
    assert err == "error: --option: write model:name=value, not 'side=post'\n"


def test_a_simulation_asks_for_the_pool_where_there_are_several(desk, run):
    (desk / "balances.csv").write_text(TABLES["balances"] + "alice,ETH,3\n")
    given = ("simulate", "desk", *MODEL, "-a", "alice", "--price", "BTC=-5%,-10%")
    code, _, err = run(*given)
    assert code == 2
    assert "say which account and pool: alice / BTC, alice / ETH" in err
    code, out, _ = run(*given, "--pool", "BTC")
    assert code == 0
    assert "(BTC)" in out


def test_problems_come_row_by_row(desk, run):
    text = TABLES["instruments"].replace("84400", "")
    (desk / "instruments.csv").write_text(text)
    code, _, err = run("margin", "desk", *MODEL)
    assert code == 2
    lines = err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("error: positions row ") for line in lines)
    rows = [int(re.search(r"row (\d+)", line)[1]) for line in lines]
    assert rows == sorted(rows)


def test_a_misspelt_file_does_not_pass_for_an_empty_book(desk, run):
    (desk / "positions.csv").rename(desk / "position.csv")
    code, _, err = run("margin", "desk", *MODEL)
    assert code == 0
    assert "desk holds no positions; passed over: position.csv" in err


def test_a_misspelt_sheet_does_not_pass_for_an_empty_book(desk, run):
    with pd.ExcelWriter("desk.xlsx") as book:
        for name in TABLES:
            title = "Postions" if name == "positions" else name
            pd.read_csv(desk / f"{name}.csv").to_excel(book, sheet_name=title, index=False)
    code, _, err = run("margin", "desk.xlsx", *MODEL)
    assert code == 0
    assert "desk.xlsx holds no positions; passed over: Postions" in err


def test_explain_keeps_to_its_account(desk, run):
    code, out, err = run("explain", "desk", *MODEL, "-a", "bob")
    assert code == 0
    assert "amounts in BTC\n" in out
    assert "[bob]" in err
    assert "alice" not in err


def test_explain_names_the_pool_where_there_are_several(desk, run):
    (desk / "balances.csv").write_text(TABLES["balances"] + "alice,ETH,3\n")
    _, out, _ = run("explain", "desk", *MODEL, "-a", "alice")
    pools = [line.split("│")[1].strip() for line in out.splitlines() if line.startswith("│")]
    assert set(pools) == {"BTC", "ETH"}
    assert pools == sorted(pools)
    assert "amounts in BTC, ETH" in out or "amounts in ETH, BTC" in out


def test_compare_lists_refusals_below(desk, run):
    code, out, _ = run("compare", "desk", *MODEL, "-m", "binance.usdm")
    assert code == 0
    table, refusals = out.split("models that cannot take this book:\n")
    assert "binance.usdm" not in table
    assert refusals.startswith("  binance.usdm: ")
    assert "more)" in refusals


def test_compare_that_no_model_can_take_fails(desk, run):
    code, out, _ = run("compare", "desk", *MODEL, "--currency", "EUR")
    assert code == 2
    assert "no USD price for EUR" in out


def test_output_makes_its_folder_and_says_what_it_holds(desk, run):
    code, out, _ = run("margin", "desk", *MODEL, "-o", "new/folder/margin.csv")
    assert code == 0
    assert "deribit.portfolio, parameters of" in out
    assert list(pd.read_csv("new/folder/margin.csv")["account"]) == ["alice", "bob"]


def test_a_file_that_cannot_be_written_is_said(desk, run):
    (desk.parent / "taken").write_text("")
    code, _, err = run("margin", "desk", *MODEL, "-o", "taken/margin.csv")
    assert code == 2
    assert err.startswith("error: taken: ")


def test_a_library_that_is_missing_is_named_with_its_extra(desk, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (desk.parent / "positions.parquet").write_bytes(b"")
    code, _, err = run("batch", "positions.parquet", "-o", "margins.parquet")
    assert code == 2
    assert "pip install 'xlmargin[batch]'" in err


def workbook(folder):
    """The tables of a folder as desk.xlsx beside it."""
    path = folder.parent / "desk.xlsx"
    with pd.ExcelWriter(path) as book:
        for name in TABLES:
            pd.read_csv(folder / f"{name}.csv").to_excel(book, sheet_name=name, index=False)
    return path


def test_a_workbook_is_updated_under_own_parameters(desk, run):
    (desk.parent / "payload.json").write_text(json.dumps(PAYLOAD))
    workbook(desk)
    code, _, err = run("update", "desk.xlsx", *MODEL, "--params", "payload.json", "-o", "own.xlsx")
    assert code == 0, err
    code, _, _ = run("margin", "desk", *MODEL, "--params", "payload.json", "-o", "own.csv")
    want = pd.read_csv("own.csv")
    got = pd.read_excel("own.xlsx", sheet_name="xm margin", engine="openpyxl")
    assert got["initial"].tolist() == pytest.approx(want["initial"].tolist())
    run("update", "desk.xlsx", *MODEL, "-o", "plain.xlsx")
    assert (
        pd.read_excel("plain.xlsx", sheet_name="xm margin", engine="openpyxl")["initial"].tolist()
        != got["initial"].tolist()
    )


def test_an_update_refuses_an_option_that_the_model_has_not(desk, run):
    workbook(desk)
    code, _, err = run("update", "desk.xlsx", *MODEL, "--option", "side=post")
    assert code == 2
    assert "side" in err


def test_a_template_is_a_workbook(desk, run):
    code, _, err = run("template", "-o", "desk.csv")
    assert code == 2
    assert err == "error: desk.csv: a template is a workbook: give a name that ends in .xlsx\n"
    assert not (desk.parent / "desk.csv").exists()


def test_an_answer_that_no_trade_gives_is_said_with_code_2(desk, run):
    given = ("hedges", "desk", *MODEL, "-a", "bob", "--candidate", "BTC-PERPETUAL", "--delta", "BTC=900:901")
    code, out, err = run(*given)
    assert code == 2
    assert out == ""
    assert "delta of BTC within 900 … 901" in err
    assert err.count("\n") == 1


def test_params_says_where_it_cuts(run):
    code, out, _ = run("params", "simm")
    assert code == 0
    assert "…" in out


def test_version_in_a_process_of_its_own():
    done = subprocess.run([sys.executable, "-m", "xlmargin.cli", "--version"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"xlmargin \d+\.\d+\.\d+\n", done.stdout)


def test_one_account_may_be_asked_for_alone(desk, run, tmp_path):
    for command in ("margin", "report"):
        code, out, _ = run(command, "desk", *MODEL, "-a", "bob", *(["-o", "bob.xlsx"] if command == "report" else []))
        assert code == 0
        assert "bob" in out
        assert "alice" not in out
        assert "no account 'carol'" in run(command, "desk", *MODEL, "--account", "carol")[2]
    assert (tmp_path / "bob.xlsx").is_file()
