"""The report read back: formulas by openpyxl, cached values by calamine, both recalculated by LibreOffice."""

import doctest
import importlib
import re
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import openpyxl
import pytest
from openpyxl.utils import get_column_letter, range_boundaries
from python_calamine import CalamineWorkbook
from xlmargin.workbooks import desk, report

import xlmargin as xm
from tests import law_books
from xlmargin import frames
from xlmargin.reading import read
from xlmargin.shocks import moved

INDEX = 83_500.0
DESK, ETHER, SEGREGATED, STANDARD = "derive desk", "derive ether", "deribit.portfolio", "deribit.standard"
REFERENCE = re.compile(r"(?:(\w+)!)?\$?([A-Z]+)\$?(\d+)(?::\$?([A-Z]+)\$?(\d+))?")
OWN_FORMULAS = (
    r"(\+?SUM\([A-Z0-9:,]+\))+",
    r"[A-Z]+\d+-[A-Z]+\d+",
    r"Ledger![A-Z]+\d+",
    r"IF\([A-Z]+\d+[<>=]0,.*\)",
)


@dataclass
class Written:
    """A report and what it was written from."""

    path: object
    margin: xm.Margin
    formulas: dict
    values: dict

    @classmethod
    def of(cls, margin, path, **how):
        return cls(report.write(margin, path, **how), margin, formulas(path), values(path))


def formulas(path):
    """Sheet -> {cell: text of its formula}."""
    book = openpyxl.load_workbook(path)
    return {
        sheet.title: {cell.coordinate: cell.value[1:] for row in sheet for cell in row if cell.data_type == "f"}
        for sheet in book
    }


def values(path):
    """Sheet -> {cell: cached value}, empty cells left out."""
    book = CalamineWorkbook.from_path(str(path))
    return {
        name: {
            f"{get_column_letter(c)}{r}": value
            for r, row in enumerate(book.get_sheet_by_name(name).to_python(skip_empty_area=False), start=1)
            for c, value in enumerate(row, start=1)
            if value != ""
        }
        for name in book.sheet_names
    }


def operands(written, sheet, formula):
    """Cached values of every cell that a formula names; an empty cell is 0."""
    found = []
    for other, left, top, right, bottom in REFERENCE.findall(formula):
        low, first, high, last = range_boundaries(f"{left}{top}:{right or left}{bottom or top}")
        cells = written.values[other or sheet]
        found += [
            cells.get(f"{get_column_letter(c)}{r}", 0.0) for r in range(first, last + 1) for c in range(low, high + 1)
        ]
    return found


def deribit(model):
    """Two accounts on three pools, options and futures, inverse and linear."""
    names = ["BTC-PERPETUAL", "BTC-25DEC26", "BTC-27NOV26-90000-C", "BTC-27NOV26-75000-P", "BTC_USDC-PERPETUAL"]
    instruments = {
        "instrument": names,
        "mark": [83_550.0, 84_800.0, 0.021, 0.018, 83_520.0],
        "index": [INDEX] * 5,
        "forward": [None, None, 84_300.0, 84_300.0, None],
        "iv": [None, None, 0.42, 0.45, None],
    }
    positions = {
        "instrument": [names[i] for i in (0, 1, 2, 3, 0, 4)],
        "quantity": [250_000.0, -250_000.0, -25.0, -25.0, -500_000.0, 2.5],
        "entry_price": [84_000.0, 86_000.0, None, None, 83_900.0, 83_000.0],
        "account": ["Basis", "Basis", "Vol", "Vol", "Vol", "Vol"],
    }
    balances = {"asset": ["BTC", "USDC", "BTC"], "amount": [6.0, 90_000.0, 20.0], "account": ["Basis", "Vol", "Vol"]}
    assets = {"asset": ["BTC", "USDC"], "price": [INDEX, 1.0]}
    book, market = xm.tables(positions, balances, instruments, assets, as_of="2026-10-20")
    return xm.margin(book, market, model)


def derive(name="desk.xlsx"):
    book, market = read(desk.HERE / name)
    return xm.margin(book, market, "derive.portfolio")


MARGINS = {
    DESK: derive,
    ETHER: lambda: derive("desk_eth.xlsx"),
    SEGREGATED: lambda: deribit(SEGREGATED),
    STANDARD: lambda: deribit(STANDARD),
}


@pytest.fixture(scope="module", params=MARGINS)
def written(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.xlsx"
    return Written.of(MARGINS[request.param](), path, title=request.param)


def table(written, sheet, first_head):
    """Rows of a table under its headings, as dictionaries, down to the first empty one."""
    cells = written.values[sheet]
    top = next(int(k[1:]) for k, v in cells.items() if k[0] == "A" and k[1:].isdigit() and v == first_head)
    heads = {k.rstrip("0123456789"): v for k, v in cells.items() if re.fullmatch(rf"[A-Z]+{top}", k)}
    rows, r = [], top + 1
    while f"A{r}" in cells:
        rows.append({head: cells.get(f"{c}{r}", "") for c, head in heads.items()})
        r += 1
    return rows


def test_every_sum_is_its_cells(written):
    count = 0
    for sheet, cells in written.formulas.items():
        for place, formula in cells.items():
            if formula.startswith("SUM("):
                parts = operands(written, sheet, formula)
                size = max(1.0, sum(map(abs, parts)))
                assert abs(sum(parts) - written.values[sheet][place]) <= 1e-9 * size, (sheet, place)
                count += 1
    assert count > 3 * len(written.margin.account)


def test_every_formula_is_the_reports_own_and_has_its_value(written):
    for sheet, cells in written.formulas.items():
        for place, formula in cells.items():
            assert any(re.fullmatch(own, formula) for own in OWN_FORMULAS), formula
            assert place in written.values[sheet], (sheet, place)


def test_the_summary_is_the_margin(written):
    m, rows = written.margin, table(written, "Summary", "Account")
    saving = xm.benefit(m)
    assert [row["Account"] for row in rows] == list(m.account)
    wanted = {
        "Equity": m.equity.value,
        "Initial margin": m.initial.value,
        "Maintenance margin": m.maintenance.value,
        "Available": m.available,
        "Headroom": m.headroom,
        "Initial without netting": saving.gross_initial,
        "Netting benefit": saving.amount,
        "Benefit": saving.percent,
    } | {name.capitalize(): line.value for name, line in (m.levels | m.extras).items()}
    for head, figures in wanted.items():
        np.testing.assert_array_equal([row[head] for row in rows], figures, err_msg=head)
    for row, ratio, available, headroom in zip(rows, m.ratio, m.available, m.headroom, strict=True):
        assert row["Ratio"] == (ratio if np.isfinite(ratio) else "–")
        state = "below maintenance" if headroom < 0 else "below initial" if available < 0 else "in order"
        assert row["State"] == state


def test_what_the_figures_rest_on_is_stamped(written):
    words = " ".join(str(v) for v in written.values["Summary"].values())
    for key in ("model", "parameters", "market time", "market source"):
        assert str(written.margin.stamp[key]) in words


def ledger_rows(written):
    """(outline level, name, amount, formula text, source) of the ledger's rows from the fifth on, by account block."""
    sheet = openpyxl.load_workbook(written.path)["Ledger"]
    cells = written.values["Ledger"]
    for r in range(5, sheet.max_row + 1):
        level = sheet.row_dimensions[r].outlineLevel
        yield r, level, *(cells.get(f"{c}{r}", "") for c in "ABCD")


def test_the_ledger_is_explain(written):
    """Every line and every holding stands there with its amount, one level below what it adds to."""
    got = [(level, str(name), amount) for _, level, name, amount, *_ in ledger_rows(written) if amount != ""]
    got = [row for row in got if row[1] not in ("Available", "Headroom") and (row[0] < 2 or row[2] != 0)]
    want = []
    for account in dict.fromkeys(written.margin.account):
        detail = written.margin.detail(account)
        for pool in detail.pool:
            tree = detail.explain()
            tree = tree[tree["pool"] == pool]
            want += [
                (min(t.depth, 7), t.holding or t.line, t.amount)
                for t in tree.itertuples()
                if t.depth < 2 or t.amount != 0
            ]
    assert [row[:2] for row in got] == [row[:2] for row in want]
    np.testing.assert_allclose([row[2] for row in got], [row[2] for row in want], rtol=1e-12, atol=1e-12)


def test_an_outline_level_lies_under_its_parent(written):
    levels = [level for _, level, *_ in ledger_rows(written)]
    assert max(levels) > 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_ledger_lines_carry_formula_text_and_source(written):
    shown = {(str(name), how, source) for _, _, name, _, how, source in ledger_rows(written)}
    for top in written.margin.lines().values():
        for _, line in top.walk():
            if (line.cite or line.formula) and line.value.any():
                assert (line.name, line.formula, line.cite) in shown


def test_the_worst_scenario_is_marked(written):
    grids = [written.margin.detail(name).grid for name in dict.fromkeys(written.margin.account)]
    if grids[0] is None:
        assert "Scenarios" not in written.values
        return
    sheet = openpyxl.load_workbook(written.path)["Scenarios"]
    marked = [c.coordinate for row in sheet for c in row if c.border.left.style == "thick"]
    bound = [grid.pnl[r, s] for grid in grids for r, s in enumerate(grid.worst) if s >= 0]
    assert bound
    assert [written.values["Scenarios"][k] for k in marked] == bound


def test_every_scenario_is_shown(written):
    if written.margin.run.detail(written.margin.account[0]).grid is None:
        return
    shown = sorted(v for v in written.values["Scenarios"].values() if isinstance(v, float))
    for account in dict.fromkeys(written.margin.account):
        table = frames.matrix(written.margin.detail(account))
        positions = np.searchsorted(shown, table["pnl"])
        np.testing.assert_array_equal(np.take(shown, positions), table["pnl"])


def test_curves_are_the_rule_on_a_moved_market(written):
    m, cells = written.margin, written.values["Price moves"]
    market = m.run.market
    heads = [int(k[1:]) for k, v in cells.items() if v == "Price move"]
    assert len(heads) == len(m.account)
    for r, head in enumerate(heads):
        rows = [n for n in range(head + 1, head + 30) if isinstance(cells.get(f"A{n}"), float)]
        for n in rows[:: max(len(rows) // 3, 1)]:
            shift = cells[f"A{n}"]
            shocked = moved(market, {str(u): shift for u in set(market.underlying)})
            again = xm.margin(m.run.book, shocked, m.stamp["model"], params=m.run.session.params)
            got = [cells[f"{c}{n}"] for c in "CDEF"]
            want = [again.equity.value[r] - m.equity.value[r], again.equity.value[r], again.initial.value[r]]
            np.testing.assert_allclose(got, [*want, again.maintenance.value[r]], rtol=1e-12, atol=1e-9)


def test_charts_name_cells_only(written):
    with zipfile.ZipFile(written.path) as archive:
        charts = [archive.read(n).decode() for n in archive.namelist() if n.startswith("xl/charts/chart")]
    pooled = len(set(written.margin.currency)) > 1
    assert len(charts) == len(written.margin.account) + (0 if pooled else 1)
    for chart in charts:
        references = re.findall(r"<c:f>(.*?)</c:f>", chart)
        assert references
        assert all(re.fullmatch(r"(Summary|'Price moves')!\$[A-Z]+\$\d+(:\$[A-Z]+\$\d+)?", f) for f in references)


def test_positions_add_up(written):
    cells, m = written.values["Positions"], written.margin
    totals = [int(k[1:]) for k, v in cells.items() if k[0] == "A" and v == "Total"]
    assert len(totals) == len(m.account)
    for line, column in zip((m.equity, m.initial, m.maintenance), "EFG", strict=True):
        np.testing.assert_array_equal([cells.get(f"{column}{r}") for r in totals], line.value)


def test_parameters_with_unit_date_and_source(written):
    params = written.margin.run.session.params
    known = {(e["parameter"], e["scope"]): e for e in params.rows()}
    rows = table(written, "Parameters", "Parameter")
    assert rows
    for row in rows:
        entry = known[row["Parameter"].split(" · ")[0], row["Scope"]]
        assert (row["Unit"], row["In force since"], row["Source"], row["How sure"]) == tuple(
            entry[k] for k in ("unit", "effective", "source", "evidence")
        )
        if isinstance(entry["value"], float | int) and not isinstance(entry["value"], bool):
            assert row["Value"] == ("not published" if np.isnan(entry["value"]) else entry["value"])


def test_notices_stand_with_their_accounts(written):
    words = [str(v) for v in written.values["Notices"].values()]
    for note in written.margin.notes:
        assert note.text in words


def recalculated(path, folder):
    """The workbook as LibreOffice computes it, from a copy that has formulas and no values."""
    if shutil.which("soffice") is None:
        pytest.skip("LibreOffice is not installed (apt-get install libreoffice-calc-nogui)")
    bare = folder / "bare.xlsx"
    openpyxl.load_workbook(path).save(bare)
    out = folder / "out"
    command = ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", "xlsx"]
    subprocess.run([*command, "--outdir", str(out), str(bare)], check=True, capture_output=True, timeout=120)
    return values(out / "bare.xlsx")


def test_libreoffice_computes_the_cached_values(written, tmp_path):
    again = recalculated(written.path, tmp_path)
    for sheet, cells in written.formulas.items():
        for place in cells:
            cached, computed = written.values[sheet][place], again[sheet].get(place, 0.0)
            if isinstance(cached, str):
                assert computed == cached, (sheet, place)
            else:
                assert computed == pytest.approx(cached, rel=1e-9, abs=1e-9), (sheet, place)


def test_a_changed_leaf_moves_its_totals(tmp_path):
    path = report.write(derive(), tmp_path / "report.xlsx")
    before, book = values(path), openpyxl.load_workbook(path)
    sheet = book["Ledger"]
    names = {sheet.cell(r, 1).value: r for r in range(27, 4, -1)}
    leaf, equity = names["USDC"], names["Equity"]
    assert sheet.cell(leaf, 2).data_type == "n"
    sheet.cell(leaf, 2).value += 1000.0
    book.save(path)
    after = recalculated(path, tmp_path)
    assert after["Ledger"][f"B{equity}"] == pytest.approx(before["Ledger"][f"B{equity}"] + 1000.0)
    head = next(k for k, v in before["Summary"].items() if v == "Available")
    row = int(head.strip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) + 1
    column = head.rstrip("0123456789")
    assert after["Summary"][f"{column}{row}"] == pytest.approx(before["Summary"][f"{column}{row}"] + 1000.0)


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


@pytest.mark.parametrize("model", sorted(law_books.GENERATORS))
def test_every_rulebook_has_a_report(model, tmp_path):
    made = law_books.GENERATORS[model](np.random.default_rng(11), 4)
    book, market = xm.tables(**{name: columns(rows) for name, rows in made.items()})
    params = law_books.PARAMS[model](market.as_of) if model in law_books.PARAMS else None
    found = Written.of(xm.margin(book, market, model, params=params), tmp_path / "report.xlsx", title=model)
    for holds in (
        test_every_sum_is_its_cells,
        test_every_formula_is_the_reports_own_and_has_its_value,
        test_the_summary_is_the_margin,
        test_the_ledger_is_explain,
        test_an_outline_level_lies_under_its_parent,
        test_every_scenario_is_shown,
        test_positions_add_up,
        test_parameters_with_unit_date_and_source,
        test_notices_stand_with_their_accounts,
    ):
        holds(found)


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


def columns(rows):
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


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
    test_every_sum_is_its_cells(found)


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


@pytest.mark.parametrize(("name", "message"), [("report.csv", "an .xlsx workbook"), ("none/report.xlsx", "no folder")])
def test_a_path_that_cannot_be_written_is_refused(tmp_path, name, message):
    with pytest.raises(xm.InputError, match=message):
        report.write(derive("desk_eth.xlsx"), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_the_same_margin_gives_the_same_file(tmp_path):
    one, two = (report.write(derive(), tmp_path / f"{n}.xlsx").read_bytes() for n in (1, 2))
    assert one == two


@pytest.mark.parametrize("name", ["desk", "report_paper", "report_content"])
def test_examples(name):
    assert doctest.testmod(importlib.import_module(f"xlmargin.workbooks.{name}")).failed == 0
