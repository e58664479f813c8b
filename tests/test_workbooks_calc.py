"""Real LibreOffice Calc: the add-in installed by its command, the desk opened, cells changed, every figure followed."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import openpyxl
import pytest
from xlmargin.workbooks import calc_files, spelling
from xlmargin.workbooks.declared import FUNCTIONS
from xlmargin.workbooks.layout import FIGURES, INPUTS

import xlmargin as xm
from tests.hosts import calls, needs
from tests.hosts.calc import Calc, area, place
from xlmargin.decide.what_if import what_if
from xlmargin.schemas import SCHEMAS

WORKBOOKS = Path(__file__).parents[1] / "workbooks"
DESK = WORKBOOKS / "desk-calc.xlsx"
TOP = 9  # the first figure on the sheet desk
EXACT = ("equity", "initial", "maintenance", "available", "headroom", "ratio")


@pytest.fixture(scope="module")
def calc(tmp_path_factory):
    needs.need(*needs.calc())
    running = Calc(tmp_path_factory.mktemp("calc"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """The desk elsewhere: Calc leaves a lock file beside what it opens."""
    return shutil.copy(DESK, tmp_path_factory.mktemp("desk"))


@pytest.fixture
def desk(calc, copied):
    calc.open(str(copied))
    return calc


@cache
def sheets():
    """Header and rows of every input table of the desk."""
    book, found = openpyxl.load_workbook(DESK, read_only=True, data_only=True), {}
    for name in INPUTS:
        header, *rows = [list(r) for r in book[name].iter_rows(values_only=True)]
        header = [h for h in header if h]
        found[name] = header, [r[: len(header)] for r in rows if any(c is not None for c in r[: len(header)])]
    return found


def tables(keep="", **changes):
    """The desk's own tables with cells changed: ``positions=(row, column, value)``, rows counted as on the sheet."""
    found = {}
    for name, (header, rows) in sheets().items():
        rows = [list(r) for r in rows]
        if name in changes:
            row, column, value = changes[name]
            rows[row - 2][header.index(column)] = value
        found[name] = {h: [r[c] for r in rows] for c, h in enumerate(header)}
    return {name: table for name, table in found.items() if name in SCHEMAS or name == keep}


def cell(name, row, column):
    return f"{name}!{chr(65 + sheets()[name][0].index(column))}{row}"


def row_of(instrument):
    header, rows = sheets()["instruments"]
    return 2 + [r[header.index("instrument")] for r in rows].index(instrument)


def front(calc):
    rows = calc.get(f"desk!A{TOP}:B{TOP + len(FIGURES) - 1}")
    return {name.replace(" ", "_"): value for name, value in rows}


def agrees(calc, margin, account="Hedged"):
    """Every dependent figure is exactly what the core gives: front, summary, ledger, contributions, grid."""
    detail = margin.detail(account)
    shown, want = (
        front(calc),
        {"available": detail.available[0], "headroom": detail.headroom[0], "ratio": detail.ratio[0]},
    )
    want |= {n: getattr(detail, n).value[0] for n in ("equity", "initial", "maintenance")}
    assert {n: shown[n] for n in EXACT} == {n: want[n] for n in EXACT}
    assert shown["benefit"] == xm.benefit(margin).amount[list(margin.account).index(account)]
    header, *rows = [r for r in calc.get("margin!A3:N30") if r[0]]
    summary = {r[0]: dict(zip(header, r, strict=True)) for r in rows}
    for i, name in enumerate(margin.account):
        assert summary[name]["initial"] == margin.initial.value[i], name
        assert summary[name]["equity"] == margin.equity.value[i], name
    ledger = [r for r in calc.get("ledger!A4:H200") if r[0]]
    assert [r[5] for r in ledger] == margin.explain(account)["amount"].tolist()
    contribution = [r for r in calc.get("contribution!A4:H60") if r[0]]
    assert [r[5] for r in contribution] == xm.frames.positions(detail)["initial"].tolist()


def test_the_installed_add_in_answers(calc):
    calc.new()
    calc.put("A1", "=XM_VERSION()")
    assert calc.get("A1")[0][0].startswith(f"xlmargin {xm.__version__}, ")
    assert calc.formulas("A1") == [["=XM.VERSION()"]]


def test_the_desk_opens_with_the_figures_of_the_core(desk):
    agrees(desk, xm.margin(*xm.tables(**tables()), "derive.portfolio"))


@pytest.mark.parametrize(
    ("table", "row", "column", "value"),
    [
        ("positions", 2, "quantity", 7.5),
        ("instruments", "BTC-PERP", "mark", 80_000.0),
        ("instruments", "BTC-20261030-84000-C", "iv", 0.71),
        ("balances", 2, "amount", 12_345.67),
        ("assets", 2, "price", 0.98),
    ],
)
def test_one_changed_cell_moves_every_figure(desk, table, row, column, value):
    row = row_of(row) if isinstance(row, str) else row
    before = front(desk)
    desk.put(cell(table, row, column), value)
    agrees(desk, xm.margin(*xm.tables(**tables(**{table: (row, column, value)})), "derive.portfolio"))
    assert front(desk) != before


def test_another_model_and_another_account(desk):
    desk.put("desk!B3", "derive.standard")
    standard = xm.margin(*xm.tables(**tables()), "derive.standard")
    assert front(desk)["initial"] == standard.detail("Hedged").initial.value[0]
    desk.put("desk!B3", "derive.portfolio")
    desk.put("desk!B4", "Iron condor")
    margin = xm.margin(*xm.tables(**tables()), "derive.portfolio")
    agrees(desk, margin, "Iron condor")


def test_wrong_input_is_told_in_the_cell(desk):
    address = cell("positions", 3, "quantity")
    desk.put(address, "many")
    message = "#XM! positions row 3, column quantity: not a number: 'many'"
    assert front(desk)["initial"] == message
    assert desk.get("margin!A3") == [[message]]
    desk.put(address, -8.0)
    assert isinstance(front(desk)["initial"], float)
    desk.put("desk!B3", "derive.portfoli")
    assert "did you mean 'derive.portfolio'?" in front(desk)["equity"]


def test_an_error_cell_in_a_table_is_told(desk):
    desk.put(cell("positions", 3, "quantity"), "=1/0")
    assert front(desk)["initial"] == "#XM! a cell in the tables holds an error"
    assert desk.text("margin!A3") == "Err:504"


def test_what_if_follows_the_trades(desk):
    desk.put(cell("trades", 2, "quantity"), -3.0)
    header, *rows = [r for r in desk.get("what if!A3:R12") if r[0]]
    trades = tables(trades=(2, "quantity", -3.0), keep="trades")["trades"]
    want = what_if(*xm.tables(**tables()), "derive.portfolio", trades).frame()
    for name in ("equity after", "initial after", "initial change", "standalone", "benefit"):
        assert [r[header.index(name)] for r in rows] == want[name].tolist(), name


def test_the_lite_desk_respelt_is_the_calc_desk(calc, tmp_path):
    file = tmp_path / "respelt.xlsx"
    assert spelling.respell(WORKBOOKS / "desk-lite.xlsx", file, "calc") > len(FIGURES)
    calc.open(str(file))
    calc.put(cell("positions", 2, "quantity"), 7.5)
    margin = xm.margin(*xm.tables(**tables(positions=(2, "quantity", 7.5))), "derive.portfolio")
    assert front(calc)["initial"] == margin.detail("Hedged").initial.value[0]


@pytest.mark.parametrize("name", calls.CALLS)
def test_calc_answers_as_plain_python_does(calc, name):
    function, arguments = calls.CALLS[name]
    want = calls.canonical(FUNCTIONS[function].call(*arguments))
    calc.new()
    references, left = place(calc, arguments)
    address = area(left, len(want), len(want[0]))
    calc.array(address, f"={function}({';'.join(references)})")
    assert calls.canonical(calc.get(address)) == want


def test_a_saved_workbook_keeps_formulas_and_values(desk, tmp_path):
    file = tmp_path / "saved.xlsx"
    desk.save(str(file))
    formula = openpyxl.load_workbook(file)["desk"][f"B{TOP + 2}"].value
    assert "XM.MARGIN(" in formula
    value = openpyxl.load_workbook(file, data_only=True)["desk"][f"B{TOP + 2}"].value
    assert value == pytest.approx(front(desk)["initial"], rel=1e-14)  # Calc writes 15 digits
    assert set(INPUTS) < set(openpyxl.load_workbook(file).sheetnames)


WORKER = """
import json, sys
space = {"__file__": sys.argv[1] + "/calc_addin.py", "__name__": "addin"}
exec(compile(open(space["__file__"]).read(), "calc_addin.py", "exec"), space)
functions = space["Functions"](None)
cells = json.loads(sys.stdin.read())
first = functions.margin(*cells, *[None] * (11 - len(cells)))
bridge = space["Bridge"]
kind = type(bridge.runner).__name__
bridge.runner.process.kill()
bridge.runner.process.wait()
died = functions.version()
again = functions.margin(*cells, *[None] * (11 - len(cells)))
print(json.dumps([kind, first, died, again]))
"""


def test_the_worker_answers_for_another_python(tmp_path):
    needs.need(*needs.calc())
    for name, content in calc_files.files("worker").items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    command = [needs.SYSTEM_PYTHON, "-c", WORKER, str(tmp_path)]
    cells = json.dumps(calls.BOOK)
    done = subprocess.run(command, input=cells, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    kind, first, died, again = json.loads(done.stdout)
    assert kind == "Worker"
    assert first == again == calls.canonical(FUNCTIONS["XM_MARGIN"].call(*calls.BOOK))
    assert died[0][0].startswith("#XM! the Python at ")
