"""The same calls in every Excel host give the same answers: xlwings' own dispatchers, server, VBA, and Pyodide."""

import json
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from xlmargin.workbooks.declared import FUNCTIONS
from xlmargin.workbooks.registry import LONGEST_DESCRIPTION

from tests.hosts import calls, classic, needs, officejs, pyodide_setup, server, wheel

LONGEST_VBA_LINE = 1023


@pytest.fixture(scope="module")
def plain():
    return {name: calls.canonical(FUNCTIONS[f].call(*a)) for name, (f, a) in calls.CALLS.items()}


@pytest.fixture(scope="module")
def office():
    needs.need(needs.module("xlwings", "xlwings"))
    return officejs.run(calls.lines())


@pytest.fixture(scope="module")
def windows():
    needs.need(needs.module("xlwings", "xlwings"))
    return classic.run(calls.lines())


@pytest.fixture(scope="module")
def over_http(tmp_path_factory):
    needs.need(needs.module("xlwings_server", "xlwings-server"), needs.program("node", "nodejs"))
    with server.running(tmp_path_factory.mktemp("server")) as address:
        return server.run(address, calls.lines())


@pytest.fixture(scope="module")
def in_pyodide(tmp_path_factory):
    place = pyodide_setup.folder()
    needs.need(needs.module("xlwings_server", "xlwings-server"), needs.program("node", "nodejs"))
    if os.environ.get("CI") == "true":
        try:
            pyodide_setup.setup(place)
        except SystemExit as error:
            pytest.skip(f"Pyodide with NumPy cannot be had here: {error}")
    needs.need(pyodide_setup.missing(place))
    built = wheel.build(tmp_path_factory.mktemp("wheel"))
    package = Path(find_spec("xlwings_server").origin).parent
    script = Path(__file__).parent / "hosts" / "pyodide.mjs"
    done = subprocess.run(
        ["node", str(script), str(place), str(built), str(package)],
        input=calls.lines(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", calls.CALLS)
def test_officejs_dispatch(plain, office, name):
    assert calls.canonical(office[name]) == plain[name]


@pytest.mark.parametrize("name", calls.CALLS)
def test_classic_com_server(plain, windows, name):
    assert calls.canonical(windows["answers"][name]) == plain[name]


@pytest.mark.parametrize("name", calls.CALLS)
def test_xlwings_server_over_http(plain, over_http, name):
    assert calls.canonical(over_http["answers"][name]) == plain[name]


@pytest.mark.parametrize("name", calls.CALLS)
def test_lite_in_pyodide(plain, in_pyodide, name):
    """Within 1e-9 relative: another NumPy, another mathematical library."""
    assert calls.alike(calls.canonical(in_pyodide["answers"][name]), plain[name], 1e-9)


def test_empty_cells_as_zero_are_empty_cells(plain):
    """Some builds of Office.js hand empty cells over as 0: no answer may change by that."""
    good = "\n".join(json.dumps([n, f, a]) for n, (f, a) in calls.GOOD.items() if n != "prices")
    answers = officejs.run(good, "--blank-zero")
    for name in calls.GOOD:
        if name != "prices":
            assert calls.canonical(answers[name]) == plain[name], name


def test_every_host_registers_every_function(office, windows, over_http, in_pyodide):
    names = set(FUNCTIONS)
    assert {f["id"] for f in office[""]["functions"]} == names
    assert set(over_http["registered"]) == set(in_pyodide["registered"]) == names
    assert {option.partition("!")[2] for option in windows["options"]} == names


def test_officejs_metadata_describes_every_argument(office):
    for found in office[""]["functions"]:
        function = FUNCTIONS[found["id"]]
        assert found["description"] == function.description
        assert [p["name"] for p in found["parameters"]] == [a.name for a in function.arguments]
        assert [p["description"] for p in found["parameters"]] == [a.meaning for a in function.arguments]
        assert [not p.get("optional") for p in found["parameters"]] == [a.required for a in function.arguments]
        assert all(p["dimensionality"] == "matrix" for p in found["parameters"])


def test_the_vba_module(windows):
    vba = windows["vba"]
    assert vba.isascii()
    assert max(map(len, vba.splitlines())) <= LONGEST_VBA_LINE
    for function in FUNCTIONS.values():
        arguments = ", ".join(a.name if a.required else f"Optional {a.name}" for a in function.arguments)
        assert f"Function {function.name}({arguments})\n" in vba
        names = ", ".join(a.name for a in function.arguments)
        assert f'XLPy.CallUDF("xlmargin.workbooks", "{function.name}", Array({names}), ThisWorkbook' in vba


def test_the_wizard_shows_every_argument(windows):
    for option, texts in windows["options"].items():
        function = FUNCTIONS[option.partition("!")[2]]
        assert texts["Category"] == "xlmargin"
        assert texts["Description"] == function.description
        given = texts["ArgumentDescriptions"] or []
        assert given == [a.meaning for a in function.arguments]
        assert all(len(text) <= LONGEST_DESCRIPTION for text in given)
