"""Desk workbooks, templates, update and respell: what stands in the files, and that they are what their source says."""

import re
import zipfile
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from typer.testing import CliRunner
from xlmargin.workbooks import calc_install, commands, excel_install, spelling, targets
from xlmargin.workbooks.book_writer import TOP, write
from xlmargin.workbooks.layout import INPUTS, PAGES, Desk
from xlmargin.workbooks.losses import losses
from xlmargin.workbooks.update import update

import xlmargin as xm
from tests.hosts import calls
from xlmargin.cli import app
from xlmargin.errors import InputError
from xlmargin.schemas import schema

WORKBOOKS = Path(__file__).parents[1] / "workbooks"
NUMBER = re.compile(r"<v>(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)</v>")
DANGEROUS = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "{=1}", "http://example.org", "_x0041_")
commands.register(app)
pytestmark = pytest.mark.filterwarnings("ignore:Sparkline Group extension")


def parts(path):
    """Every part of a workbook, numbers to twelve digits and without the version of Python."""
    found = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            text = archive.read(name).decode("utf-8")
            text = NUMBER.sub(lambda m: f"<v>{float(m[1]):.12g}</v>", text)
            found[name] = re.sub(r"Python \d+\.\d+\.\d+", "Python", text)
    return found


def sheet_xml(path, title):
    index = openpyxl.load_workbook(path, read_only=True).sheetnames.index(title) + 1
    with zipfile.ZipFile(path) as archive:
        return archive.read(f"xl/worksheets/sheet{index}.xml").decode("utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return {p.stem.removeprefix("desk-"): p for p in targets.build(tmp_path_factory.mktemp("desks"))}


@pytest.mark.parametrize("target", spelling.TARGETS)
def test_the_desk_files_are_what_their_source_says(built, target):
    ours, fresh = parts(WORKBOOKS / f"desk-{target}.xlsx"), parts(built[target])
    stale = [name for name in fresh if ours.get(name) != fresh[name]]
    assert not stale, f"desk-{target}.xlsx is stale in {stale}: python -m xlmargin.workbooks.targets writes it anew"
    assert set(ours) == set(fresh)


@pytest.mark.parametrize(("target", "form"), spelling.FORMS.items())
def test_formulas_are_spelt_for_their_host(built, target, form):
    for page in PAGES:
        xml = sheet_xml(built[target], page.name)
        formulas = re.findall(r"<f\b[^>]*>([^<]*)</f>", xml)
        assert formulas == [page.formula.text(form.format(page.formula.function.removeprefix("XM_")))[1:]]
        top = re.search(rf'<c r="A{TOP + 1}"[^>]*>', xml)[0]
        assert ('cm="1"' in top) == (target != "calc")
    with zipfile.ZipFile(built[target]) as archive:
        assert ("xl/metadata.xml" in archive.namelist()) == (target != "calc")


def test_a_file_of_values_has_no_formula(built):
    with zipfile.ZipFile(built["values"]) as archive:
        sheets = [archive.read(n) for n in archive.namelist() if n.startswith("xl/worksheets/")]
    assert not any(re.search(rb"<f[ >]", xml) for xml in sheets)


@pytest.mark.parametrize("target", spelling.TARGETS)
def test_every_result_shows_before_anything_is_loaded(built, target):
    book, cells = openpyxl.load_workbook(built[target], data_only=True), targets.content().cells()
    for page in PAGES:
        want = page.formula.result(cells)
        area = {"min_row": TOP + 1, "max_row": TOP + len(want), "max_col": len(want[0]), "values_only": True}
        shown = [list(r) for r in book[page.name].iter_rows(**area)]
        assert calls.alike(calls.canonical(shown), calls.canonical(want), 1e-14), page.name


def test_the_desk_helps_to_fill_it(built):
    book = openpyxl.load_workbook(built["lite"])
    assert set(INPUTS) < set(book.defined_names)
    for name in ("positions", "instruments", "balances"):
        sheet, known = book[name], {c.name: c for c in schema(name)}
        for cell in sheet[1]:
            if cell.value in known:
                assert known[cell.value].meaning in cell.comment.text
        validated = {str(v.sqref)[0] for v in sheet.data_validations.dataValidation}
        chosen = [c for c in sheet[1] if c.value in known and known[c.value].choices]
        assert validated == {c.column_letter for c in chosen}
    front = {str(v.sqref) for v in book["desk"].data_validations.dataValidation}
    assert front == {"B3", "B4"}
    assert [row[0] for row in book["lists"].iter_rows(min_row=2, values_only=True)] == list(xm.models())
    rules = [r for area in book["margin"].conditional_formatting for r in area.rules]
    assert any("<" in r.formula[0] for r in rules)
    readme = " ".join(str(c.value) for row in book["README"].iter_rows() for c in row if c.value)
    assert "#NAME?" in readme
    assert "XM_MARGIN(positions, model" in readme


def test_the_desk_is_read_as_a_book():
    book, market = xm.read(WORKBOOKS / "desk-lite.xlsx")
    own, _ = xm.read(WORKBOOKS / "desk.xlsx")
    assert list(book.account) == list(own.account)
    assert len(book.legs) == len(own.legs)
    want = xm.margin(*xm.read(WORKBOOKS / "desk.xlsx"), "derive.portfolio")
    assert xm.margin(book, market, "derive.portfolio").initial.value == pytest.approx(want.initial.value, rel=1e-9)


def test_no_text_of_a_table_becomes_a_formula(tmp_path):
    rows = [{"instrument": text, "quantity": 1.0, "account": text} for text in DANGEROUS]
    for target in spelling.TARGETS:
        path = write(Desk.filled("=1+1", {"positions": rows}, model="derive.portfolio"), tmp_path / "x.xlsx", target)
        sheet = openpyxl.load_workbook(path)["positions"]
        at = [c.value for c in sheet[1]].index("instrument")
        cells = [row[at] for row in sheet.iter_rows(min_row=2, max_row=1 + len(DANGEROUS))]
        assert all(c.data_type == "s" and c.hyperlink is None for c in cells)
        assert [c.value for c in cells if not c.value.startswith("_")] == [t for t in DANGEROUS if t[0] != "_"]
        assert all(c.quotePrefix for c in cells if c.value.startswith(("=", "+", "-", "@")))


@pytest.mark.parametrize("target", spelling.TARGETS)
def test_the_template_command(tmp_path, target):
    path = tmp_path / "desk.xlsx"
    done = CliRunner().invoke(app, ["template", "--target", target, "--model", "derive.standard", "-o", str(path)])
    assert done.exit_code == 0, done.output
    book = openpyxl.load_workbook(path)
    header = [c.value for c in book["instruments"][1] if c.value]
    assert header == [c.name for c in schema("instruments")]
    assert book["desk"]["B3"].value == "derive.standard"
    assert len(xm.read(path, as_of="2026-11-25")[0]) == 0
    assert list(tmp_path.iterdir()) == [path]


def test_a_filled_template_gives_the_margin(tmp_path):
    path = tmp_path / "desk.xlsx"
    write(Desk.empty("Desk", model="derive.portfolio"), path, "lite")
    book = openpyxl.load_workbook(path)
    given = {"positions": calls.POSITIONS, "instruments": calls.INSTRUMENTS, "balances": calls.BALANCES}
    for name, table in given.items():
        header = [c.value for c in book[name][1]]
        for r, row in enumerate(table[1:], 2):
            for title, value in zip(table[0], row, strict=True):
                book[name].cell(r, header.index(title) + 1).value = value
    book["assets"]["A2"], book["assets"]["B2"] = "USDC", 1.0
    book.save(path)
    margin = xm.margin(*xm.read(path), "derive.portfolio")
    want = {r[0]: r[4] for r in calls.canonical(xlmargin_summary())[1:]}
    assert dict(zip(margin.account, margin.initial.value, strict=True)) == want


def xlmargin_summary():
    from xlmargin.workbooks import XM_MARGIN

    return XM_MARGIN(*calls.BOOK)


@pytest.mark.parametrize(("first", "second"), [("lite", "calc"), ("classic", "lite"), ("calc", "classic")])
def test_respelling_there_and_back_changes_nothing(built, tmp_path, first, second):
    there, back = tmp_path / "there.xlsx", tmp_path / "back.xlsx"
    assert spelling.respell(built[first], there, second) > len(PAGES)
    spelling.respell(there, back, first)
    with zipfile.ZipFile(built[first]) as old, zipfile.ZipFile(back) as new:
        assert {n: old.read(n) for n in old.namelist()} == {n: new.read(n) for n in new.namelist()}
    assert spelling.FORMS[second].format("MARGIN") + "(" in sheet_xml(there, "margin")


def own_workbook(path):
    """A user's workbook with what openpyxl keeps and what it drops, around the tables of the calls."""
    with xlsxwriter.Workbook(str(path)) as book:
        tables = dict(
            zip(("positions", "balances", "instruments", "assets"), (calls.POSITIONS, *calls.BOOK[2:]), strict=True)
        )
        for name, table in tables.items():
            sheet = book.add_worksheet(name)
            for r, row in enumerate(table):
                for c, value in enumerate(row):
                    if value is not None:
                        sheet.write(r, c, value)
        mine = book.add_worksheet("mine")
        mine.write("A1", "Initial margin")
        mine.write("A3", "main")
        mine.write_dynamic_array_formula("D1", "=SORT(positions!B2:B6)", None, -3.0)
        mine.write_array_formula("F1:F2", "{=positions!B2:B3*2}", None, 4.0)
        mine.add_sparkline("E1", {"range": "positions!B2:B6"})
        mine.insert_textbox("H1", "a text box")
        mine.data_validation("A5", {"validate": "list", "source": ["a", "b"]})
        bold = book.add_format({"bold": True})
        mine.conditional_format("B1", {"type": "cell", "criteria": ">", "value": 0, "format": bold})
        mine.write_comment("A1", "my note")
        for name, cell in (("xm_initial", "B1"), ("xm_ratio", "B2"), ("xm_account", "A3"), ("xm_intial", "B4")):
            book.define_name(name, f"=mine!${cell[0]}${cell[1]}")


def test_update_fills_a_users_own_workbook(tmp_path):
    path = tmp_path / "own.xlsx"
    own_workbook(path)
    done = update(path, "derive.portfolio")
    margin = xm.margin(*xm.read(path), "derive.portfolio")
    book = openpyxl.load_workbook(path)
    header, *rows = book["xm margin"].iter_rows(values_only=True)
    assert [r[header.index("initial")] for r in rows] == pytest.approx(margin.initial.value, rel=1e-14)
    assert book["mine"]["B1"].value == pytest.approx(margin.detail("main").initial.value[0], rel=1e-14)
    assert book["mine"]["B2"].value == pytest.approx(margin.detail("main").ratio[0], rel=1e-14)
    assert book["mine"]["A1"].comment.text == "my note"
    assert book["mine"].data_validations.dataValidation
    assert list(book["mine"].conditional_formatting)
    assert sum(1 for _ in book["xm ledger"].iter_rows()) > 20
    xml = sheet_xml(path, "mine")
    assert re.search(r'<c r="D1"[^>]* cm="1"', xml)
    assert not re.search(r'<c r="F1"[^>]* cm="1"', xml)
    words = " ".join(done.warnings)
    assert "sparklines" in words
    assert "text boxes" in words
    assert "xm_intial is left as it was" in words
    assert done.named == ("xm_initial", "xm_ratio")
    assert (tmp_path / "own.backup.xlsx").exists()
    assert losses(tmp_path / "own.backup.xlsx")


def test_update_again_leaves_nothing_of_before(tmp_path):
    path = tmp_path / "own.xlsx"
    own_workbook(path)
    update(path, "derive.portfolio")
    book = openpyxl.load_workbook(path)
    for row in (5, 6):
        for cell in book["positions"][row]:
            cell.value = None
    for cell in book["balances"][3]:
        cell.value = None
    book.save(path)
    update(path, "derive.portfolio")
    rows = [r for r in openpyxl.load_workbook(path)["xm margin"].iter_rows(min_row=2, values_only=True) if r[0]]
    assert [r[0] for r in rows] == ["main"]


def test_update_writes_text_as_text(tmp_path):
    path = tmp_path / "own.xlsx"
    own_workbook(path)
    book = openpyxl.load_workbook(path)
    for name, column in (("positions", "D"), ("balances", "C")):
        for cell in book[name][column][1:]:
            cell.value, cell.data_type = ("=HYPERLINK(1)", "s") if cell.value == "main" else (cell.value, "s")
    book.save(path)
    update(path, "derive.portfolio")
    sheet = openpyxl.load_workbook(path)["xm margin"]
    assert (sheet["A2"].value, sheet["A2"].data_type) == ("=HYPERLINK(1)", "s")
    assert sheet["A2"].quotePrefix


def test_update_of_wrong_input_changes_nothing(tmp_path):
    path = tmp_path / "own.xlsx"
    own_workbook(path)
    book = openpyxl.load_workbook(path)
    book["positions"]["B3"] = "many"
    book.save(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="positions row 3, column quantity: not a number: 'many'"):
        update(path, "derive.portfolio")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    (tmp_path / "no.xlsx").write_bytes(b"PK\x03\x04 not a workbook")
    for name in ("no.xlsx", "missing.xlsx", "a.csv"):
        with pytest.raises(InputError, match=name.partition(".")[0]):
            update(tmp_path / name, "derive.portfolio")


def test_update_elsewhere_leaves_the_original(tmp_path):
    path, other = tmp_path / "own.xlsx", tmp_path / "other.xlsx"
    own_workbook(path)
    before = path.read_bytes()
    done = CliRunner().invoke(app, ["update", str(path), "-m", "derive.portfolio", "-o", str(other)])
    assert done.exit_code == 0, done.output
    assert path.read_bytes() == before
    assert "xm margin" in openpyxl.load_workbook(other, read_only=True).sheetnames


def test_unknown_targets_and_missing_programs_are_told(tmp_path):
    with pytest.raises(InputError, match="did you mean 'lite'"):
        spelling.checked("lit")
    with pytest.raises(calc_install.CalcError, match="no unopkg at /nowhere"):
        calc_install.install("/nowhere")
    with pytest.raises(calc_install.CalcError, match="refused"):
        calc_install.install("/bin/false", tmp_path)


def test_excel_install_says_what_classic_needs(tmp_path):
    said = "\n".join(excel_install.install(platform="linux"))
    assert "Windows only" in said
    assert "xlwings addin install" in said
    assert "xlmargin.workbooks" in said
    file = tmp_path / ".xlwings" / "xlwings.conf"
    file.parent.mkdir()
    file.write_text('"SHOW CONSOLE","True"\n"UDF MODULES","mine"\n')
    for _ in range(2):
        excel_install.configure(file)
    lines = file.read_text().splitlines()
    assert lines[0] == '"SHOW CONSOLE","True"'
    assert lines.count('"UDF MODULES","xlmargin.workbooks"') == 1
    assert len(lines) == 3
