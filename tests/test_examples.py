"""Every notebook of examples/ runs as it stands, in a kernel of its own, and shows figures."""

import itertools
import os
import re
from html import unescape
from pathlib import Path

import pytest

import xlmargin as xm

FOLDER = Path(__file__).parents[1] / "examples"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
WIDGET = "application/vnd.jupyter.widget-view+json"
WHY = "the notebooks need Jupyter: pip install 'xlmargin[jupyter,test]'"

if os.environ.get("CI") != "true":
    for name in ("nbclient", "ipykernel", "ipywidgets", "anywidget"):
        pytest.importorskip(name, reason=WHY)

import nbclient  # noqa: E402
import nbformat  # noqa: E402


def test_the_notebooks_are_there():
    assert {path.stem for path in NOTEBOOKS} >= {"decisions", "magics", "panel", "results"}


@pytest.fixture(scope="module")
def ran():
    """Notebooks executed where they stand, each once."""
    done = {}

    def run(path):
        if path not in done:
            notebook = nbformat.read(path, as_version=4)
            assert all(not cell.get("outputs") for cell in notebook.cells), "examples are kept without outputs"
            where = {"metadata": {"path": str(path.parent)}}
            done[path] = nbclient.NotebookClient(notebook, timeout=120, resources=where).execute()
        return done[path]

    return run


def shown(cell):
    """What a code cell shows as HTML (widgets too), a text for each output."""
    return [out["data"].get("text/html", "") for out in cell.get("outputs", ()) if "data" in out]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_tables(ran, path):
    cells = ran(path).cells
    outputs = [out for cell in cells for out in cell.get("outputs", ())]
    assert not [out for out in outputs if out["output_type"] == "error" or out.get("name") == "stderr"]
    assert any("<table" in page for cell in cells for page in shown(cell))
    assert all("text/html" in out["data"] for out in outputs if WIDGET in out.get("data", {}))


def test_every_decision_is_told_in_a_line_and_shows_figures(ran):
    cells = ran(FOLDER / "decisions.ipynb").cells
    for before, cell in itertools.pairwise(cells):
        if cell.cell_type == "code" and (pages := shown(cell)):
            assert before.cell_type == "markdown", cell.source
            figures = re.findall(r"<td[^>]*>([^<]*\d[^<]*)</td>", pages[0])
            assert len(figures) >= 3, cell.source
            assert not re.search(r"<td[^>]*>-?(nan|inf|None)</td>", pages[0], re.IGNORECASE), cell.source
            assert "array(" not in cell.outputs[0]["data"]["text/plain"], cell.source
    lines = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert max(len(text.splitlines()) for text in lines[1:]) == 1


def test_no_verb_of_decisions_is_left_out():
    source = "\n".join(cell.source for cell in nbformat.read(FOLDER / "decisions.ipynb", as_version=4).cells)
    verbs = {name for name, home in xm.LAZY.items() if home.startswith("decide.")}
    assert len(verbs) >= 17
    assert {verb for verb in verbs if f"xm.{verb}(" not in source} <= {"named_stresses"}


def test_the_figures_of_the_notebook_are_those_of_the_rule(ran):
    """The first row of health, read back from the page, is the margin of that account."""
    cells = ran(FOLDER / "decisions.ipynb").cells
    page = next(shown(cell)[0] for cell in cells if cell.source.endswith("\nhealth"))
    head, first = (re.findall(r"<t[hd][^>]*>([^<]*)", row) for row in re.findall(r"<tr>(.*?)</tr>", page)[:2])
    row = dict(zip(head, map(unescape, first), strict=True))
    margin = xm.margin(*xm.read(FOLDER.parent / "workbooks" / "desk.xlsx"), "derive.portfolio")
    r = list(margin.account).index(row["account"])
    assert float(row["maintenance"].replace(",", "")) == pytest.approx(margin.maintenance.value[r], abs=0.005)
    assert float(row["headroom"].replace(",", "")) == pytest.approx(margin.headroom[r], abs=0.005)
