"""What is shipped: one script without imports, nothing from a content network, clear words where a package lacks."""

import ast
import json
import re
import subprocess
import sys

import nbclient
import nbformat
import pytest
import typer
from typer.testing import CliRunner
from xlmargin.widgets import HOMES, __all__, assets, commands
from xlmargin.widgets.panel import MarginPanel
from xlmargin.widgets.pieces import PositionsGrid

from tests.browser.servers import ROOT
from xlmargin.errors import XlmarginError

WIDGETS = ROOT / "widgets"
SCRIPTS = sorted(WIDGETS.glob("*.js"))


@pytest.mark.parametrize("entry", ["panel.js", "piece.js"])
def test_the_script_is_one_module(entry):
    script = assets.script(entry)
    assert not re.search(r"^import ", script, re.MULTILINE)
    assert re.findall(r"^export (.*)", script, re.MULTILINE) == ["default { render };"]
    names = re.findall(r"^(?:class|function|const|let) (\w+)", script, re.MULTILINE)
    assert len(names) == len(set(names))


def test_every_script_is_used_and_small():
    used = assets.script("panel.js") + assets.script("piece.js")
    for path in SCRIPTS:
        assert f"// {path.name}\n" in used
        assert len(path.read_text().splitlines()) <= 300, path.name
    assert len(used) < 120_000


def test_a_widget_carries_the_script_itself():
    """Before the first instance a class holds a text, after it a trait: read the instance."""
    panel = MarginPanel()
    assert panel._esm == assets.script("panel.js")
    from tests.widgets import sample

    grid = PositionsGrid(*sample.book())
    assert grid._esm == assets.script("piece.js")
    assert panel._css == grid._css == assets.style()


def test_nothing_is_fetched_from_outside():
    shipped = [*SCRIPTS, *WIDGETS.glob("*.css"), *(p for p in (WIDGETS / "voila").rglob("*") if p.is_file())]
    for path in shipped:
        found = set(re.findall(r"(?:https?:)?//[\w-]+\.[\w.]+", path.read_text()))
        assert found <= {"http://www.w3.org"}, path


def test_widgets_hold_no_numbers_of_rules():
    """No figure is worked out in the browser: scripts never parse a text into a number but a cell's own place."""
    for path in SCRIPTS:
        text = path.read_text()
        assert "parseFloat" not in text, path.name
        assert set(re.findall(r"Number\(([^)]*)\)", text)) <= {"td.dataset.scenario"}, path.name


def test_every_public_name_is_there():
    import xlmargin.widgets as widgets

    assert sorted(HOMES) == sorted(__all__) == dir(widgets)
    assert all(getattr(widgets, name) for name in __all__)
    with pytest.raises(AttributeError, match="no attribute 'MarginPanell'"):
        _ = widgets.MarginPanell


def test_without_anywidget_the_message_says_what_to_install():
    code = (
        "import sys; sys.modules['anywidget'] = None\n"
        "import xlmargin.widgets as w\n"
        "try: w.MarginPanel\nexcept ImportError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert run.stdout.strip() == "MarginPanel needs anywidget: pip install 'xlmargin[jupyter]'", run.stderr


def test_the_state_needs_no_widget_library():
    code = (
        "import sys; sys.modules['anywidget'] = sys.modules['ipywidgets'] = None\n"
        "from xlmargin.widgets import PanelState\n"
        "print(PanelState(model='derive.portfolio').margin.initial.value[0])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert run.stdout.strip() == "0.0", run.stderr


def app():
    made = typer.Typer()
    commands.register(made)
    return made


def test_the_template_becomes_a_notebook_that_runs(tmp_path):
    target, source = tmp_path / "mine.ipynb", ROOT / "workbooks" / "desk.xlsx"
    done = CliRunner().invoke(app(), ["notebook", str(target), "--source", str(source), "-m", "derive.standard"])
    assert done.exit_code == 0, done.output
    notebook = nbformat.read(target, as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "margin.xlsx").stat().st_size > 5_000
    assert "derive.standard" in json.dumps(notebook)
    again = CliRunner().invoke(app(), ["notebook", str(target)])
    assert isinstance(again.exception, XlmarginError)
    assert "is there already" in str(again.exception)


def test_a_dashboard_of_nothing_is_refused_before_a_server_starts(tmp_path):
    missing = CliRunner().invoke(app(), ["dash", str(tmp_path / "no.xlsx")])
    assert "no file or folder" in str(missing.exception)
    with pytest.raises(XlmarginError, match=r"did you mean 'derive\.portfolio'"):
        commands.dashboard(tmp_path, "derive.portfoli")
    with pytest.raises(XlmarginError, match="not one of light, dark"):
        commands.voila(tmp_path, 8866, theme="green")


def test_a_path_with_quotes_stays_one_text_in_the_dashboard(tmp_path):
    page = commands.dashboard(tmp_path / 'it\'s "x".xlsx', "derive.portfolio", '"); import os #')
    code = page["cells"][0]["source"]
    calls = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert len(calls) == 2
