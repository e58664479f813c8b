"""README stays true: its example runs, its tables are what the registry and the evidence say."""

import os
import re
import subprocess
import sys

import pytest

import xlmargin as xm
from tests import evidence, shared_golden
from tests.readme_tables import README, rulebooks, section

TEXT = README.read_text(encoding="utf-8")


def test_the_example_runs():
    example, *_ = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], cwd=README.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "derive.portfolio" in done.stdout


def decisions():
    """The lines that the section on decisions starts from, and the calls of its table."""
    text = TEXT.partition("\n## Decisions\n")[2].partition("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL), re.findall(r"\| `(xm\..*)` \|$", text, re.MULTILINE)


@pytest.mark.parametrize("call", decisions()[1])
def test_every_call_of_the_section_on_decisions_runs(call, monkeypatch):
    monkeypatch.chdir(README.parent)
    names = {"xm": xm}
    exec(decisions()[0][0], names)
    found = eval(call, names)
    table = found.frame() if hasattr(found, "frame") else found
    assert len(table), call
    assert not table.isna().all(axis=None), call


def test_the_table_of_rulebooks_is_the_registry():
    assert section(TEXT, "rulebooks") == rulebooks(), "run `make readme`"


def test_the_table_of_evidence_is_what_the_tests_find():
    if not shared_golden.ROOT.exists() and os.environ.get("CI") != "true":
        pytest.skip("shared golden cases are not here, so the whole table cannot be made")

    def facts(table):
        cells = [line.split("|")[1:-1] for line in table.splitlines()]
        return [[c.strip() for n, c in enumerate(row) if n != evidence.HEADINGS.index("worst error")] for row in cells]

    assert facts(section(TEXT, "evidence")) == facts(evidence.table(list(evidence.gather()))), "run `make readme`"


def test_the_two_commands_are_in_the_makefile():
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    for command in re.findall(r"^make (\w+)", TEXT, re.MULTILINE):
        assert f"\n{command}:" in makefile
