"""Every wrong input ends with words: table, row, column, value, what is allowed; nothing half-written; exit code 2."""

import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm

AS_OF = "2026-11-25T00:00Z"
CALL = "BTC-20261225-90000-C"


def book(**changes):
    """A good little book, then the changes."""
    tables = {
        "positions": {"instrument": ["BTC-PERP", CALL], "quantity": [1.0, -2.0], "entry_price": [80_000.0, None]},
        "instruments": {
            "instrument": ["BTC-PERP", CALL],
            "mark": [83_500.0, None],
            "iv": [None, 0.5],
            "forward": [None, 84_000.0],
            "index": [83_400.0, 83_400.0],
            "rate": [None, 0.04],
        },
        "balances": {"asset": ["USDC"], "amount": [30_000.0]},
        "assets": {"asset": ["USDC"], "price": [1.0]},
    }
    for name, columns in changes.items():
        tables[name] = {**tables.get(name, {}), **columns}
        tables[name] = {k: v for k, v in tables[name].items() if v is not None}
    return tables


def message(model="derive.portfolio", as_of=AS_OF, **changes):
    with pytest.raises(xm.XlmarginError) as error:
        xm.margin(*xm.tables(**book(**changes), as_of=as_of), model)
    return str(error.value)


def test_the_good_book_is_good():
    assert xm.margin(*xm.tables(**book(), as_of=AS_OF), "derive.portfolio").initial.value[0] > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"positions": {"quantity": None, "quantty": [1, 2]}}, ["positions row 1", "did you mean 'quantty'"]),
        ({"positions": {"quantity": ["x", 1.0]}}, ["positions row 2, column quantity", "not a number: 'x'"]),
        ({"positions": {"quantity": [np.inf, 1.0]}}, ["positions row 2, column quantity", "finite"]),
        ({"positions": {"quantity": [np.nan, 1.0]}}, ["positions row 2, column quantity", "empty"]),
        ({"positions": {"quantity": ["nan", 1.0]}}, ["positions row 2, column quantity", "not a number: 'nan'"]),
        (
            {"positions": {"instrument": ["BTC-PERP", "BTC-20261232-90000-C"]}},
            ["positions row 3, column instrument", "BTC-20261232-90000-C", "did you mean"],
        ),
        ({"instruments": {"iv": [None, None]}}, ["positions row 3, column iv", CALL]),
        ({"instruments": {"iv": [None, 0.0]}}, ["instruments row 3, column iv", "above zero"]),
        ({"instruments": {"iv": [None, -0.5]}}, ["instruments row 3, column iv", "above zero"]),
        ({"instruments": {"mark": [None, None]}}, ["positions row 2, column mark", "BTC-PERP"]),
        ({"instruments": {"mark": [-1.0, None]}}, ["instruments row 2, column mark", "above zero"]),
        ({"instruments": {"index": [None, None]}}, ["column index", "BTC-PERP", CALL]),
        ({"assets": {"price": [0.0]}}, ["assets row 2, column price", "above zero"]),
        ({"balances": {"asset": ["DOGE"]}}, ["balances row 2, column asset", "DOGE", "assets table"]),
        (
            {"balances": {"asset": ["DOGE"]}, "assets": {"asset": ["USDC", "DOGE"], "price": [1.0, 0.2]}},
            ["balances row 2, column asset", "not collateral of the BTC manager"],
        ),
        (
            {"instruments": {"instrument": ["BTC-PERP", CALL, CALL], "mark": [83_500.0, None, None]}
             | {"iv": [None, 0.5, 0.6], "forward": [None, 84_000.0, 84_000.0], "index": [83_400.0] * 3}
             | {"rate": [None, 0.04, 0.04]}},
            ["instruments row 4, column iv", "0.6 here, 0.5 elsewhere", CALL],
        ),
        (
            {"positions": {"instrument": ["ETH-PERP", CALL]}, "instruments": {"instrument": ["ETH-PERP", CALL]}},
            ["positions row 3", "one underlying an account", "ETH"],
        ),
        ({"positions": {"side": ["sideways", None]}}, ["row 2, column side", "'sideways' is not one of long"]),
        ({"instruments": {"strike": [None, 91_000.0]}}, ["instruments row 3, column strike", "the name", "90000"]),
        ({"accounts": {"account": ["main", "main"]}}, ["accounts row 3, column account", "stands twice"]),
    ],
)  # fmt: skip
def test_messages_name_place_value_and_what_is_allowed(changes, words):
    text = message(**changes)
    for word in words:
        assert word in text, text


def test_expired_option():
    assert "positions row 3, column expiry: expired" in message(as_of="2026-12-26")


def test_date_before_the_first_version():
    assert "no parameters in force on 2020-01-01; the first are of 2025-06-09" in message(as_of="2020-01-01")


def test_unknown_model_names_the_nearest():
    assert "did you mean 'derive.portfolio'" in message(model="derive.portfoli")


def test_unknown_option_and_setting():
    tables = xm.tables(**book(), as_of=AS_OF)
    with pytest.raises(xm.InputError, match="no option 'speed'"):
        xm.margin(*tables, "derive.portfolio", options={"speed": 1})
    assert "not a number: 'high'" in message(accounts={"account": ["main"], "mm_factor": ["high"]})


def test_missing_valuation_time():
    assert "no valuation time: give as_of" in message(as_of=None)


def test_a_misspelt_table_is_no_empty_book():
    with pytest.raises(xm.InputError, match="position: no such table; did you mean 'positions'"):
        xm.tables(position={"instrument": ["BTC-PERP"], "quantity": [1.0]}, as_of=AS_OF)
    with pytest.raises(xm.InputError, match="a str is no table: give a DataFrame"):
        xm.tables("hello", as_of=AS_OF)


def test_a_word_for_a_number_among_parameters():
    params = xm.model("derive.portfolio").params(1.79e9)
    with pytest.raises(xm.ParameterError, match=r"mm_factor is a number .*, not 'high'"):
        params.override("test", mm_factor="high")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("instrument;quantity\nBTC-PERP;1\n", "separated by semicolons"),
        ("instrument,quantity\nBTC-PERP,1,2\n", "more cells than the header"),
    ],
)
def test_csv_of_another_shape(tmp_path, text, words):
    (tmp_path / "positions.csv").write_text(text)
    with pytest.raises(xm.InputError, match=words):
        xm.read(tmp_path, as_of=AS_OF)


def test_columns_of_different_length():
    with pytest.raises(xm.InputError, match="positions, column quantity: columns differ in length: 2 rows"):
        xm.tables({"instrument": ["BTC-PERP", CALL], "quantity": [1.0]}, as_of=AS_OF)


def test_several_problems_are_listed_together():
    text = message(
        positions={"quantity": ["x", "y"], "entry_price": [-1.0, None]},
        assets={"price": ["dear"]},
        instruments={"iv": [1, -1]},
    )
    assert len(text.splitlines()) >= 5


def test_a_bad_account_stays_out_of_a_bulk_run():
    tables = book(
        positions={"account": ["good", "bad"]}, balances={"account": ["good"]}, instruments={"iv": [None, None]}
    )
    margin = xm.margin(*xm.tables(**tables, as_of=AS_OF), "derive.portfolio", on_problem="collect")
    assert list(margin.account) == ["good"]
    assert [(p.account, p.column) for p in margin.problems] == [("bad", "iv")]


@pytest.mark.parametrize("spoiled", ["quantity", "iv", "underlying"])
def test_every_bad_account_is_listed_however_many(spoiled):
    """500 bad accounts among 510: none of them gets a figure, each has its row of problems."""
    names = [f"a{n}" for n in range(510)]
    tables = book()
    tables["positions"] = {"instrument": [CALL] * 510, "quantity": [1.0] * 510, "account": names}
    tables["balances"] = {"asset": ["USDC"] * 510, "amount": [1e5] * 510, "account": names}
    if spoiled == "quantity":
        tables["positions"]["quantity"] = ["many"] * 500 + [1.0] * 10
    elif spoiled == "iv":
        other = "BTC-20261225-95000-C"
        tables["positions"]["instrument"] = [other] * 500 + [CALL] * 10
        facts = {"mark": None, "iv": None, "forward": 84_000.0, "index": 83_400.0, "rate": 0.04, "instrument": other}
        tables["instruments"] = {k: [*v, facts[k]] for k, v in tables["instruments"].items()}
    else:
        more = {"instrument": ["ETH-PERP"] * 500, "quantity": [1.0] * 500, "account": names[:500]}
        tables["positions"] = {k: v + more[k] for k, v in tables["positions"].items()}
        facts = {"mark": 2_600.0, "iv": None, "forward": None, "index": 2_600.0, "rate": None, "instrument": "ETH-PERP"}
        tables["instruments"] = {k: [*v, facts[k]] for k, v in tables["instruments"].items()}
    if spoiled == "quantity":
        with pytest.raises(xm.InputError) as error:
            xm.tables(**tables, as_of=AS_OF)
        assert {p.row for p in error.value.problems} == set(range(2, 502))
        assert str(error.value).endswith("… and 300 more")
        return
    margin = xm.margin(*xm.tables(**tables, as_of=AS_OF), "derive.portfolio", on_problem="collect")
    assert list(margin.account) == names[500:]
    assert {p.account for p in margin.problems} == set(names[:500])


def test_unknown_parameters_are_refused():
    params = xm.model("derive.portfolio").params(1.79e9)
    with pytest.raises(xm.ParameterError, match="'mm_facto' is not declared; did you mean 'mm_factor'"):
        params.override("test", mm_facto=1.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[units]\nx="1"\n[[version]]\neffective=2024-01-01\nsource="s"\nset={y=1}', "'y' has no unit"),
        ('[units]\nx="1"\n[[version]]\neffective=2024-01-01\nset={x=1}', "no source"),
        (
            '[units]\nx="1"\n[[version]]\neffective=2024-01-02\nsource="s"\nset={x=1}\n'
            '[[version]]\neffective=2024-01-01\nsource="s"\nset={x=2}',
            "not in order",
        ),
        ('[[version]]\neffective=2024-01-01\nsource="s"', "no 'units'"),
    ],
)
def test_parameter_files_are_checked(tmp_path, text, words):
    file = tmp_path / "toy.toml"
    file.write_text(f'model = "toy"\n{text}\n', encoding="utf-8")
    with pytest.raises(xm.ParameterError, match=words):
        xm.Params.load(file, 1.79e9)


def workbook(path, sheets):
    with pd.ExcelWriter(path, engine="xlsxwriter") as writer:
        for name, table in sheets.items():
            pd.DataFrame(table).to_excel(writer, sheet_name=name, index=False)
    return path


def command(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "xlmargin.cli", *map(str, arguments)], capture_output=True, text=True, cwd=cwd
    )


def test_command_line_lists_problems_and_writes_nothing(tmp_path):
    file = workbook(tmp_path / "bad.xlsx", book(instruments={"iv": [None, None]}))
    done = command("report", file, "--as-of", AS_OF, "-o", "report.xlsx", cwd=tmp_path)
    assert done.returncode == 2
    assert "positions row 3, column iv: missing for" in done.stderr
    assert "Traceback" not in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["bad.xlsx"]


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 broken", b"PK\x05\x06" + bytes(18)])
def test_corrupt_workbook(tmp_path, content):
    file = tmp_path / "desk.xlsx"
    file.write_bytes(content)
    with pytest.raises(xm.InputError, match=r"desk\.xlsx: not a workbook or damaged"):
        xm.read(file)


def test_truncated_workbook(tmp_path):
    file = workbook(tmp_path / "desk.xlsx", book())
    whole = file.read_bytes()
    for share in (0.3, 0.6, 0.95):
        file.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(xm.InputError, match="desk"):
            xm.read(file)


def test_zip_bomb_is_not_opened(tmp_path):
    file = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as member,
    ):
        for _ in range(200):
            member.write(bytes(1 << 20))
    with pytest.raises(xm.InputError, match="would unpack to 200 MB"):
        xm.read(file)


def test_a_sheet_of_a_million_rows(tmp_path):
    import xlsxwriter

    file = tmp_path / "long.xlsx"
    with xlsxwriter.Workbook(str(file), {"constant_memory": True}) as writer:
        sheet = writer.add_worksheet("positions")
        sheet.write_row(0, 0, ["instrument", "quantity"])
        sheet.write_row(1_000_000, 0, ["BTC-PERP", 1])
    with pytest.raises(xm.InputError, match=r"positions: 1,000,00. rows .* at most 500,000"):
        xm.read(file, as_of=AS_OF)


def test_missing_file_and_wrong_kind(tmp_path):
    (tmp_path / "desk.txt").write_text("x")
    with pytest.raises(xm.InputError, match=r"no file or folder .*did you mean 'desk\.txt'"):
        xm.read(tmp_path / "desk.xlsx")
    with pytest.raises(xm.InputError, match=r"cannot read a \.txt file"):
        xm.read(tmp_path / "desk.txt")
    with pytest.raises(xm.InputError, match="no table here"):
        xm.read(tmp_path)


def test_workbook_and_folder_read_the_same(tmp_path):
    tables = {name: pd.DataFrame(columns) for name, columns in book().items()}
    file = workbook(tmp_path / "desk.xlsx", tables)
    csv, parquet = tmp_path / "csv", tmp_path / "parquet"
    for folder in (csv, parquet):
        folder.mkdir()
    for name, table in tables.items():
        table.to_csv(csv / f"{name}.csv", index=False)
        table.to_parquet(parquet / f"{name}.parquet")
    results = [xm.margin(*xm.read(p, as_of=AS_OF), "derive.portfolio").initial.value[0] for p in (file, csv, parquet)]
    direct = xm.margin(*xm.tables(**tables, as_of=AS_OF), "derive.portfolio").initial.value[0]
    assert results == [direct] * 3


def test_header_may_stand_lower(tmp_path):
    file = tmp_path / "desk.xlsx"
    with pd.ExcelWriter(file, engine="xlsxwriter") as writer:
        pd.DataFrame({"instrument": ["BTC-PERP"], "quantity": ["many"]}).to_excel(
            writer, sheet_name="Positions", index=False, startrow=3
        )
    with pytest.raises(xm.InputError, match="positions row 5, column quantity: not a number: 'many'"):
        xm.read(file, as_of=AS_OF)
