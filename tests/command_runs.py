"""Commands of decisions as a user runs them: what they write, what they say, what they refuse."""

import json
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import xlmargin as xm
from xlmargin.decide import commands
from xlmargin.errors import XlmarginError

DESK = Path(__file__).parents[1] / "workbooks" / "desk.xlsx"
LITE = DESK.with_name("desk-lite.xlsx")
MODEL = "derive.portfolio"
APP = typer.Typer()
commands.register(APP)


@cache
def desk():
    """Book and market of the sample desk."""
    return xm.read(DESK)


@cache
def hedged():
    """The margin of its first account."""
    book, market = desk()
    return xm.margin(book.take([0]), market, MODEL)


def run(*arguments):
    return CliRunner().invoke(APP, list(map(str, arguments)))


def told(tmp_path, *arguments):
    """The rows that a command writes, and what it says besides."""
    out = tmp_path / "out.json"
    done = run(*arguments, "-o", out)
    assert done.exit_code == 0, done.exception or done.output
    return json.loads(out.read_text()), done.output


def agree(rows, frame):
    """Rows of JSON (ten digits) against a DataFrame, column by column and row by row."""
    assert len(rows) == len(frame)
    assert not rows or list(rows[0]) == list(frame.columns)
    for column in frame:
        for got, want in zip((row[column] for row in rows), frame[column], strict=True):
            if isinstance(want, float):
                assert (got is None and not abs(want) < float("inf")) or got == pytest.approx(want, rel=1e-6, abs=1e-9)
            elif isinstance(want, str | bool | int):
                assert got == want


def wrong(*arguments):
    """The words in which a command refuses."""
    done = run(*arguments)
    assert isinstance(done.exception, XlmarginError), done.output
    return str(done.exception)
