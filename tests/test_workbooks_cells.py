"""Cells as hosts hand them over: read rightly, or answered with the table, row and column; nothing unsafe goes back."""

import datetime as dt
import json
import math
import time

import numpy as np
import pytest
from xlmargin.workbooks import cells
from xlmargin.workbooks.declared import FUNCTIONS
from xlmargin.workbooks.tabular import tabular

from tests.hosts import calls
from xlmargin.errors import InputError

MARGIN = FUNCTIONS["XM_MARGIN"].call


def initial(positions=calls.POSITIONS, instruments=calls.INSTRUMENTS, balances=calls.BALANCES, **more):
    return MARGIN(positions, calls.MODEL, balances, instruments, calls.ASSETS, "initial", "main", **more)[0][0]


REFERENCE = initial()


def test_blank_rows_are_passed_over():
    trailing = [*calls.POSITIONS, *[["", None, " ", ""]] * 50]
    inside = [calls.POSITIONS[0], ["", None, "", ""], *calls.POSITIONS[1:]]
    above = [[None] * 4, ["My book", None, None, None], *calls.POSITIONS]
    assert initial(trailing) == initial(inside) == initial(above) == REFERENCE


def test_a_hundred_thousand_empty_rows_cost_little():
    start = time.perf_counter()
    for blank in ("", None, 0.0):
        assert initial([*calls.POSITIONS, *[[blank] * 4] * 100_000]) == REFERENCE
    assert time.perf_counter() - start < 5


def test_rows_are_counted_within_the_range():
    above = [[None] * 4, ["My book", None, None, None], *calls.changed(calls.POSITIONS, 3, 2, "x")]
    assert initial(above).startswith("#XM! positions row 5, column quantity: not a number: 'x'")


@pytest.mark.parametrize("volatility", [0.55, "0.55", "55%", " 55 % ", np.float64(0.55)])
def test_numbers_as_text_and_percent(volatility):
    assert initial(instruments=calls.changed(calls.INSTRUMENTS, 3, 3, volatility)) == REFERENCE


@pytest.mark.parametrize(
    "moment",
    [46351.0, "2026-11-25", "2026-11-25T00:00Z", dt.date(2026, 11, 25), dt.datetime(2026, 11, 25), 1795564800.0],
)
def test_dates_as_serials_text_and_dates(moment):
    assert initial(instruments=calls.changed(calls.INSTRUMENTS, 2, 9, moment)) == REFERENCE
    assert initial(as_of=moment) == REFERENCE


def test_an_account_may_be_a_number():
    positions = [row[:3] + [12345.0 if row[3] == "main" else row[3]] for row in calls.POSITIONS]
    balances = [row[:2] + ["12345" if row[2] == "main" else row[2]] for row in calls.BALANCES]
    book = (positions, calls.MODEL, balances, calls.INSTRUMENTS, calls.ASSETS)
    assert MARGIN(*book, "initial", 12345) == MARGIN(*book, "initial", "12345") == [[REFERENCE]]


@pytest.mark.parametrize("error", ["#DIV/0!", "#N/A", "#REF!", "#NAME?", "#XM! something", "Err:504"])
@pytest.mark.parametrize("column", [1, 2, 4])
def test_error_cells_are_told(error, column):
    name = calls.POSITIONS[0][column - 1]
    told = initial(calls.changed(calls.POSITIONS, 4, column, error))
    assert told.startswith(f"#XM! positions row 4, column {name}: the cell holds {error.split(':')[0]}")


def test_an_error_cell_in_a_column_that_is_not_read_is_nothing():
    remarks = [[*row, extra] for row, extra in zip(calls.POSITIONS, ["remark", *["#N/A"] * 5], strict=True)]
    assert initial(remarks) == REFERENCE


def test_columns_in_any_order():
    assert initial([list(reversed(row)) for row in calls.POSITIONS]) == REFERENCE


@pytest.mark.parametrize(
    ("positions", "told"),
    [
        ([["quantity", "instrument"], [calls.CALL, 1.0]], "positions row 2, column quantity: not a number"),
        (calls.changed(calls.POSITIONS, 1, 2, None), "positions row 1, column number 2: row 2 of column 2 holds '2'"),
        (calls.changed(calls.POSITIONS, 1, 2, "account"), "column 'account' stands twice"),
        (
            calls.changed(calls.POSITIONS, 1, 2, "quantty"),
            "positions row 1, column quantity: required column is missing",
        ),
        (calls.POSITIONS[1:], "positions row 1: no header row: a row with instrument, quantity is needed"),
        (5.0, "positions row 1: no header row"),
        ("BTC-PERP", "positions row 1: no header row"),
        ([["instrument"]], "positions row 1, column quantity: required column is missing"),
        (calls.changed(calls.POSITIONS, 2, 2, float("inf")), "positions row 2, column quantity: not a finite number"),
        (calls.changed(calls.POSITIONS, 2, 2, True), "positions row 2, column quantity: not a number: True"),
        (calls.changed(calls.POSITIONS, 2, 2, "=1+1"), "positions row 2, column quantity: not a number: '=1+1'"),
    ],
)
def test_what_cannot_be_read_is_told(positions, told):
    answer = initial(positions)
    assert answer.startswith("#XM! ")
    assert told in answer


def test_several_problems_are_told_together():
    wrong = calls.changed(calls.changed(calls.POSITIONS, 2, 2, "x"), 4, 2, "y")
    assert initial(wrong) == (
        "#XM! positions row 2, column quantity: not a number: 'x' | positions row 4, column quantity: not a number: 'y'"
    )
    many = [calls.POSITIONS[0], *[["BTC-PERP", "x", None, "main"]] * 30]
    assert initial(many).endswith("| and 26 more")


def test_nothing_held_is_said():
    header = [calls.POSITIONS[0]]
    assert initial(header, balances=None) == "#XM! initial: there is no account: positions and balances are empty"
    assert len(MARGIN(header, calls.MODEL, None, calls.INSTRUMENTS)) == 1
    assert MARGIN(None, calls.MODEL)[0][0].startswith("#XM! positions is missing")


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("output", [["initial", "equity"]], "output: one cell is expected, not a range of 1 × 2"),
        ("model", "#REF!", "model: the cell holds #REF!"),
        ("options", 5.0, "options: two columns (name, value) are expected"),
        ("account", "nobody", "no account 'nobody'"),
    ],
)
def test_scalars_that_cannot_be_read_are_told(name, given, told):
    arguments = dict(zip(("positions", "model", "balances", "instruments", "assets"), calls.BOOK, strict=True))
    answer = MARGIN(**{**arguments, "output": "initial", "account": "main", name: given})[0][0]
    assert answer.startswith("#XM! ")
    assert told in answer


def test_what_goes_back_is_safe():
    odd = [np.float64("nan"), float("inf"), None, np.bool_(True), np.int64(7), 2**60, dt.date(2026, 1, 2), "=1+1", b"x"]
    rows = cells.table({"a": odd})
    strict = json.loads(json.dumps(rows, allow_nan=False))
    assert strict[1:] == [[""], [""], [""], [True], [7], [float(2**60)], ["2026-01-02"], ["=1+1"], ["b'x'"]]
    assert cells.emitted(float("nan")) == [["#N/A"]]
    assert len(cells.safe("x" * 50_000)) <= 32_767


@pytest.mark.parametrize("name", calls.CALLS)
def test_every_answer_is_a_rectangle_of_safe_cells(name):
    function, arguments = calls.CALLS[name]
    rows = FUNCTIONS[function].call(*arguments)
    assert len({len(r) for r in rows}) == 1
    for row in rows:
        for cell in row:
            assert type(cell) in (str, bool, int, float)
            assert not isinstance(cell, float) or math.isfinite(cell)


def test_zeros_are_empty_cells_in_office_only(monkeypatch):
    rows = [["instrument", "quantity", "account", "iv", "inverse"], ["BTC-PERP", 0, 0, 0, 0], ["X", 1.5, 0, 0.5, True]]
    assert tabular("positions", rows).columns["account"].tolist() == ["0", "0"]
    monkeypatch.setenv("XLWINGS_ON_SERVER", "true")
    office = tabular("positions", rows).columns
    assert office["account"].tolist() == [None, None]
    assert tabular("positions", calls.changed(rows, 3, 3, "main")).columns["account"].tolist() == [None, "main"]
    assert tabular("positions", calls.changed(rows, 3, 3, 12345)).columns["account"].tolist() == ["0", "12345"]
    assert office["quantity"].tolist() == [0.0, 1.5]
    assert math.isnan(office["iv"][0])
    assert office["inverse"].tolist() == [None, True]


def test_pairs_of_options():
    assert cells.pairs("options", [["a", 1.0], ["", ""], ["b", "x"]]) == {"a": 1.0, "b": "x"}
    assert cells.pairs("options", "a = 1; b=x") == {"a": "1", "b": "x"}
    assert cells.pairs("options", None) == cells.pairs("options", 0.0) == {}
    with pytest.raises(InputError):
        cells.pairs("options", [["a"], ["b"]])
