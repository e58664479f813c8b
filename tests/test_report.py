"""The report read back: every sum, every figure, every scenario and curve is the core's; LibreOffice agrees."""

import re
import zipfile
from itertools import pairwise

import numpy as np
import openpyxl
import pytest
from xlmargin.workbooks import report

import xlmargin as xm
from tests import law_books
from tests.report_reading import (
    MARGINS,
    OWN_FORMULAS,
    Written,
    columns,
    derive,
    ledger_rows,
    recalculated,
    sums,
    table,
    values,
)
from xlmargin import frames
from xlmargin.shocks import moved


@pytest.fixture(scope="module", params=MARGINS)
def written(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.xlsx"
    return Written.of(MARGINS[request.param](), path, title=request.param)


def test_every_sum_is_its_cells(written):
    found = [*sums(written)]
    assert len(found) > 3 * len(written.margin.account)
    for sheet, place, parts, value, size in found:
        assert abs(parts - value) <= 1e-9 * size, (sheet, place)


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


def test_the_ledger_is_explain(written):
    """Every line and every holding stands there with its amount, one level below what it adds to."""
    told_apart = re.compile(rf" \(({'|'.join(map(re.escape, written.margin.lines()))})\)$")  # lines of one name
    got = [(level, str(name), amount) for _, level, name, amount, *_ in ledger_rows(written) if amount != ""]
    got = [(level, name if level else told_apart.sub("", name), amount) for level, name, amount in got]
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


def test_curves_stand_there_or_the_reason_does(written):
    told = any("no sheet of price moves" in str(v) for v in written.values["Notices"].values())
    figures = [v for v in written.values.get("Price moves", {}).values() if isinstance(v, float)]
    assert told == (not figures)
    assert "–" not in [v for k, v in written.values.get("Price moves", {}).items() if k[0] in "CDEF"]


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
            words = "not published" if np.isnan(entry["value"]) else "no limit"
            assert row["Value"] == (entry["value"] if np.isfinite(entry["value"]) else words)


def test_notices_stand_with_their_accounts(written):
    words = [str(v) for v in written.values["Notices"].values()]
    for note in written.margin.notes:
        assert note.text in words


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
        test_curves_stand_there_or_the_reason_does,
        test_positions_add_up,
        test_parameters_with_unit_date_and_source,
        test_notices_stand_with_their_accounts,
    ):
        holds(found)
