"""%load_ext xlmargin: the magics, their messages and completion, in a real IPython shell."""

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from xlmargin.widgets.panel import MarginPanel

import xlmargin as xm
from tests.browser.servers import ROOT
from tests.widgets import sample

DESK = str(ROOT / "workbooks" / "desk.xlsx")
PASTED = """instrument\tquantity\tmark\tindex
BTC-PERP\t2\t100,000\t100,000

asset\tamount
USDC\t50,000

asset\tprice
USDC\t1
"""


@pytest.fixture
def shell():
    made = InteractiveShell.instance()
    made.run_line_magic("load_ext", "xlmargin")
    yield made
    made.run_line_magic("unload_ext", "xlmargin")
    made.extension_manager.loaded.discard("xlmargin")
    InteractiveShell.clear_instance()


def test_a_workbook_becomes_a_panel(shell):
    panel = shell.run_line_magic("margin", f"{DESK} derive.portfolio --account 'Naked calls'")
    assert isinstance(panel, MarginPanel)
    assert panel.account == "Naked calls"
    there = xm.margin(*xm.read(DESK), "derive.portfolio")
    assert panel.margin.initial.value.tolist() == there.initial.value.tolist()


def test_names_of_the_notebook_become_a_panel(shell):
    shell.user_ns["book"], shell.user_ns["market"] = sample.book()
    shell.user_ns["both"] = sample.book()
    for source in ("book,market", "both"):
        panel = shell.run_line_magic("margin", f"{source} --model=derive.standard")
        assert panel.margin.stamp["model"] == "derive.standard"


def test_pasted_tables_become_a_panel(shell):
    panel = shell.run_cell_magic("margin", "derive.portfolio --as-of 2026-09-24", PASTED)
    assert panel.margin.equity.value.tolist() == [50_000.0]
    assert panel.margin.initial.value[0] > 0
    assert panel.margin.stamp["market time"] == "2026-09-24 00:00:00Z"


def test_what_is_wrong_in_a_pasted_table_shows_at_its_cell(shell):
    panel = shell.run_cell_magic("margin", "derive.portfolio --as-of 2026-09-24", PASTED.replace("\t2\t", "\ttwo\t"))
    assert panel.stale
    assert list(panel._positions["errors"].values()) == ["not a number: 'two'"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no.xlsx", r"no file or folder 'no\.xlsx'"),
        (f"{DESK} derive.portfoli", "did you mean 'derive.portfolio'"),
        (f"{DESK} --colour red", "unknown option --colour"),
        (f"{DESK} --account", "--account needs a value"),
        (f"{DESK} derive.portfolio derive.standard", "one model only"),
    ],
)
def test_mistakes_are_answered_in_a_line(shell, line, message):
    with pytest.raises(UsageError, match=message):
        shell.run_line_magic("margin", line)


def test_nothing_at_all_says_how(shell, capsys):
    assert shell.run_line_magic("margin", "") is None
    said = capsys.readouterr().out
    assert "%margin desk.xlsx" in said
    assert "derive.portfolio" in said


@pytest.mark.parametrize(
    "text", ["%margin desk.xlsx deri", "%%margin deri", "%margin book,market deri", "%margin desk.xlsx --model deri"]
)
def test_model_names_are_completed(shell, text):
    _, found = shell.complete(None, text)
    assert "derive.portfolio" in found
    assert all("deri" in word for word in found)


def test_options_and_files_are_completed(shell, monkeypatch):
    monkeypatch.chdir(ROOT / "workbooks")
    assert "--account" in shell.complete(None, "%margin desk.xlsx --a")[1]
    assert "desk.xlsx" in shell.complete(None, "%margin des")[1]
