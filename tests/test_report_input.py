"""Reports of awkward input: hostile words, crowds, very many holdings, accounts left out, impossible paths."""

import re
import zipfile

import numpy as np
import openpyxl
import pytest
from xlmargin.workbooks import desk, report

import xlmargin as xm
from tests.report_reading import INDEX, OWN_FORMULAS, Written, columns, derive, sums, table

HOSTILE = [
    '=HYPERLINK("http://x.example","click")',
    "+cmd|' /C calc'!A0",
    "@SUM(1,2)",
    "-1+1",
    "http://x.example",
    "\tx",
    "a\x01b\ud800",
]


def test_words_of_an_input_never_become_formulas_or_links(tmp_path):
    n = len(HOSTILE)
    instruments = {
        "instrument": [*HOSTILE],
        "kind": ["perp"] * n,
        "underlying": ["BTC"] * n,
        "settle": ["USDC"] * n,
        "mark": [INDEX] * n,
        "index": [INDEX] * n,
    }
    positions = {"instrument": [*HOSTILE], "quantity": [1.0] * n, "account": [*HOSTILE], "entry_price": [INDEX] * n}
    balances = {"asset": ["USDC"] * n, "amount": [50_000.0] * n, "account": [*HOSTILE]}
    book, market = xm.tables(
        positions, balances, instruments, {"asset": ["USDC"], "price": [1.0]}, as_of="2026-09-24", source="=1+1"
    )
    m = xm.margin(book, market, "derive.portfolio")
    found = Written.of(m, tmp_path / "report.xlsx", title="=1+1")
    for sheet, cells in found.formulas.items():
        for formula in cells.values():
            assert any(re.fullmatch(own, formula) for own in OWN_FORMULAS), (sheet, formula)
    texts = set(map(str, found.values["Summary"].values()))
    assert {w for w in HOSTILE if w.isprintable()} <= texts
    with zipfile.ZipFile(found.path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/charts/chart"):
                assert all("x.example" not in f for f in re.findall(r"<c:f>(.*?)</c:f>", archive.read(name).decode()))
            if name.endswith(".rels"):
                assert "x.example" not in archive.read(name).decode()
    sheet = openpyxl.load_workbook(found.path)["Summary"]
    texts = [c for row in sheet for c in row if c.data_type == "s" and c.value.startswith(("=", "+", "-", "@"))]
    assert {w for w in HOSTILE if w[0] in "=+-@"} <= {c.value for c in texts}
    assert all(c.quotePrefix for c in texts)


def crowd(accounts):
    rng = np.random.default_rng(7)
    instruments = [row["instrument"] for row in desk.tables(desk.load("desk.toml"))["instruments"]][1:]
    tables = {name: columns(rows) for name, rows in desk.tables(desk.load("desk.toml")).items()}
    names = [f"account {i:03}" for i in range(accounts)]
    tables["positions"] = {
        "instrument": list(rng.choice(instruments, 4 * accounts)),
        "quantity": rng.integers(-3, 4, 4 * accounts) + 0.5,
        "account": list(np.repeat(names, 4)),
    }
    tables["balances"] = {"asset": ["USDC"] * accounts, "amount": rng.uniform(2e4, 3e5, accounts), "account": names}
    tables["accounts"] = {"account": names}
    return xm.margin(*xm.tables(**tables), "derive.portfolio")


def test_many_accounts_are_all_summed_up_and_the_tightest_shown_in_full(tmp_path):
    m = crowd(60)
    found = Written.of(m, tmp_path / "report.xlsx")
    rows = table(found, "Summary", "Account")
    np.testing.assert_array_equal([row["Equity"] for row in rows], m.equity.value)
    usage = np.where(m.equity.value > 0, m.maintenance.value / m.equity.value, np.inf)
    tightest = set(m.account[np.argsort(-usage, kind="stable")[:25]])
    heads = [v for k, v in found.values["Ledger"].items() if k[0] == "A" and str(v).endswith(" · USDC")]
    assert {h.removesuffix(" · USDC") for h in heads} == tightest
    assert any("25 of 60 accounts are shown in full" in str(v) for v in found.values["Ledger"].values())


def test_very_many_holdings_are_summed_in_one_row(tmp_path):
    tables = {name: columns(rows) for name, rows in desk.tables(desk.load("desk.toml")).items()}
    strikes = np.arange(40_000, 140_000, 250)
    names = [f"BTC-20270326-{k}-C" for k in strikes]
    common = {"index": INDEX, "forward": 85_000.0, "iv": 0.4, "rate": 0.03, "confidence": 1.0}
    tables["instruments"] = {"instrument": names, **{k: [v] * len(names) for k, v in common.items()}}
    tables["positions"] = {
        "instrument": names,
        "quantity": np.linspace(-1, 1, len(names)),
        "account": ["all"] * len(names),
    }
    tables["balances"] = {"asset": ["USDC"], "amount": [1e6], "account": ["all"]}
    tables["accounts"] = {"account": ["all"]}
    book, market = xm.tables(**tables, as_of="2026-09-24")
    found = Written.of(xm.margin(book, market, "derive.portfolio"), tmp_path / "report.xlsx")
    further = [v for k, v in found.values["Ledger"].items() if k[0] == "A" and "further, each smaller" in str(v)]
    assert further
    assert all(v.startswith(f"{len(names) - 250:,} further") for v in further)
    assert all(abs(parts - value) <= 1e-9 * size for *_, parts, value, size in sums(found))


def test_what_was_left_out_is_told(tmp_path):
    tables = {name: columns(rows) for name, rows in desk.tables(desk.load("desk.toml")).items()}
    tables["instruments"]["iv"][tables["instruments"]["instrument"].index("BTC-20261030-85000-C")] = None
    m = xm.margin(*xm.tables(**tables), "derive.portfolio", on_problem="collect")
    assert m.problems
    found = Written.of(m, tmp_path / "report.xlsx")
    words = list(map(str, found.values["Notices"].values()))
    for problem in m.problems:
        assert problem.message in words
    assert "left out: see Notices" in " ".join(map(str, found.values["Summary"].values()))


def test_a_book_of_which_nothing_is_left_still_gives_a_report(tmp_path):
    tables = {name: columns(rows) for name, rows in desk.tables(desk.load("desk.toml")).items()}
    tables["instruments"]["forward"] = [None] * len(tables["instruments"]["instrument"])
    tables["accounts"] = tables["balances"] = None
    tables["positions"] = {k: v[1:5] for k, v in tables["positions"].items()}
    m = xm.margin(*xm.tables(**tables), "derive.portfolio", on_problem="collect")
    assert len(m.account) == 0
    found = Written.of(m, tmp_path / "report.xlsx")
    assert "0 accounts" in " ".join(map(str, found.values["Summary"].values()))


def test_nothing_half_written(tmp_path):
    m = derive("desk_eth.xlsx")
    taken = tmp_path / "report.xlsx"
    taken.mkdir()
    with pytest.raises(OSError, match="report"):
        report.write(m, taken)
    assert [p.name for p in tmp_path.iterdir()] == ["report.xlsx"]


def test_a_path_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(xm.InputError, match=r"an \.xlsx workbook"):
        report.write(derive("desk_eth.xlsx"), tmp_path / "report.csv")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("x")
    with pytest.raises(xm.InputError, match="its folder cannot be made"):
        report.write(derive("desk_eth.xlsx"), tmp_path / "file" / "report.xlsx")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_the_folder_of_a_report_is_made(tmp_path):
    assert report.write(derive("desk_eth.xlsx"), tmp_path / "new" / "report.xlsx").exists()


def test_the_same_margin_gives_the_same_file(tmp_path):
    one, two = (report.write(derive(), tmp_path / f"{n}.xlsx").read_bytes() for n in (1, 2))
    assert one == two
