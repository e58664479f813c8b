"""The commands of decisions: the figures of the verbs, on the sample desk."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import xlmargin as xm
from xlmargin.decide import commands

DESK = Path(__file__).parents[1] / "workbooks" / "desk.xlsx"
APP = typer.Typer()
commands.register(APP)


@pytest.mark.parametrize("verb", ["exposure", "health", "liquidation"])
def test_a_command_gives_the_figures_of_its_verb(verb, tmp_path):
    out = tmp_path / "out.json"
    done = CliRunner().invoke(APP, [verb, str(DESK), "-a", "Hedged", "-o", str(out)])
    assert done.exit_code == 0, done.output
    told = json.loads(out.read_text())
    table = getattr(xm, verb)(*xm.read(DESK), "derive.portfolio", account="Hedged").frame()
    assert list(told[0]) == list(table.columns)
    for column in table.select_dtypes("number").columns:
        given = [row[column] for row in told]
        for a, b in zip(given, table[column], strict=True):
            assert (a is None and b != b) or a == pytest.approx(b, rel=1e-6)


def test_an_unknown_account_names_the_nearest():
    done = CliRunner().invoke(APP, ["health", str(DESK), "-a", "Hedge"])
    assert isinstance(done.exception, xm.InputError)
    assert "did you mean 'Hedged'" in str(done.exception)
