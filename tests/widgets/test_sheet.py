"""Cells as typed, blocks as pasted, and the way back from a book to its tables."""

import numpy as np
import pytest
from xlmargin.widgets.blocks import tables_in
from xlmargin.widgets.desk import Desk
from xlmargin.widgets.paste import paste
from xlmargin.widgets.sheet import Sheet, cell_text

import xlmargin as xm
from tests import derive_cases, shared_golden
from tests.widgets import sample

MODEL = "derive.portfolio"


@pytest.fixture
def sheet():
    return Sheet.of("positions", {"instrument": ["A", "B", "C"], "quantity": [1.0, -2.0, 3.0]})


def cells(sheet, column):
    return [row.get(column) for row in sheet.rows.values()]


def ids(sheet):
    return list(sheet.rows)


def test_a_cell_is_kept_as_typed_when_it_is_no_number(sheet):
    after = sheet.put([(ids(sheet)[1], "quantity", "abc"), (ids(sheet)[2], "quantity", " 1,000 ")])
    assert cells(after, "quantity") == [1.0, "abc", 1000.0]
    assert cells(sheet, "quantity") == [1.0, -2.0, 3.0]


def test_an_emptied_cell_is_blank_not_zero(sheet):
    after = sheet.put([(ids(sheet)[0], "quantity", "")])
    assert cells(after, "quantity") == [None, -2.0, 3.0]
    assert np.isnan(after.columns["quantity"][0])


def test_an_edit_of_a_deleted_row_says_so(sheet):
    gone = ids(sheet)[0]
    with pytest.raises(xm.InputError, match="deleted meanwhile"):
        sheet.without([gone]).put([(gone, "quantity", "5")])


def test_rows_go_in_after_the_one_named_and_keep_their_ids(sheet):
    after = sheet.inserted(ids(sheet)[0], [{"instrument": "N"}])
    assert cells(after, "instrument") == ["A", "N", "B", "C"]
    assert [i for i in after.rows if i in sheet.rows] == ids(sheet)


@pytest.mark.parametrize("value", [0.1 + 0.2, -3.0, 1e-18, 123456789.123456789, 5e20])
def test_shown_numbers_read_back_to_the_last_bit(sheet, value):
    quantity = sheet.schema["quantity"]
    assert sheet.put([(ids(sheet)[0], "quantity", cell_text(quantity, value))]).columns["quantity"][0] == value


def test_paste_without_header_goes_over_the_block_and_past_the_end(sheet):
    done = paste(sheet, "B2\t(1,200)\r\nC2\t15%\r\nD\t$4\r\n", row=ids(sheet)[1], column="instrument")
    assert cells(done.sheet, "instrument") == ["A", "B2", "C2", "D"]
    assert cells(done.sheet, "quantity") == [1.0, -1200.0, 0.15, 4.0]
    assert done.message == "Pasted 3 rows"


def test_paste_with_header_takes_columns_by_name_in_any_order(sheet):
    done = paste(sheet, "Qty\tQuantity\tEntry Price\tINSTRUMENT\n9\t7\t1.5\tX\n", row=ids(sheet)[0], column="quantity")
    first = next(iter(done.sheet.rows.values()))
    assert first == {"quantity": 7.0, "entry_price": 1.5, "instrument": "X"}
    assert "not used: 'Qty'" in done.message


def test_paste_of_one_number_with_a_comma_is_one_cell(sheet):
    done = paste(sheet, "1,200", row=ids(sheet)[0], column="quantity")
    assert cells(done.sheet, "quantity") == [1200.0, -2.0, 3.0]


def test_decimal_comma_is_an_option_and_never_a_guess(sheet):
    swapped = paste(sheet, "1.234,5", row=ids(sheet)[0], column="quantity", decimal=",")
    assert cells(swapped.sheet, "quantity")[0] == 1234.5
    plain = paste(sheet, "1.234,5", row=ids(sheet)[0], column="quantity")
    assert cells(plain.sheet, "quantity")[0] == "1.234,5"


def test_paste_beyond_the_last_column_says_what_was_left(sheet):
    done = paste(sheet, "1\t2\t3\t4", row=ids(sheet)[0], column="entry_price")
    assert "2 columns stood beyond the last one" in done.message


def test_quoted_cells_of_a_spreadsheet_stay_one_cell(sheet):
    done = paste(sheet, '"A\nA"\t5', row=ids(sheet)[0], column="instrument")
    assert cells(done.sheet, "instrument")[0] == "A\nA"


def test_tables_in_a_text_are_told_by_their_headers():
    text = """
instrument\tquantity
BTC-PERP\t-3

asset,price
USDC,1

accounts:
account  manager
main     BTC
"""
    assert tables_in(text) == {
        "positions": {"instrument": ["BTC-PERP"], "quantity": ["-3"]},
        "assets": {"asset": ["USDC"], "price": ["1"]},
        "accounts": {"account": ["main"], "manager": ["BTC"]},
    }


def test_a_text_that_is_no_table_is_refused_with_what_is_allowed():
    with pytest.raises(xm.InputError, match=r"fits no table.*did you mean 'instrument'"):
        tables_in("instrumet size\nX 1")
    with pytest.raises(xm.InputError, match="no table"):
        tables_in(" \n ")


def test_undo_and_redo_walk_over_every_kind_of_step():
    desk = Desk.of(*sample.book())
    first = desk.sheets
    row = ids(desk.sheets["positions"])[0]
    desk.put("positions", [(row, "quantity", "9")])
    desk.add("positions", row)
    desk.delete("positions", [row])
    desk.paste("balances", "ETH\t4", None, "asset")
    last = desk.sheets
    assert all(desk.undo() for _ in range(4))
    assert desk.sheets is first
    assert not desk.undo()
    assert all(desk.redo() for _ in range(4))
    assert desk.sheets is last


def same_market(a, b):
    assert all(np.array_equal(a[c], b[c], equal_nan=True) for c in a.columns)
    assert a.name.tolist() == b.name.tolist()
    assert a.scopes[a.scope].tolist() == b.scopes[b.scope].tolist()


@pytest.mark.parametrize("count", [0, 9, 60])
def test_a_desk_gives_back_the_same_book_and_market(count):
    book, market = sample.book(count)
    again, there, problems = Desk.of(book, market).build(market.as_of)
    assert not problems
    same_market(market, there)
    before, after = xm.margin(book, market, MODEL), xm.margin(again, there, MODEL)
    for name in ("equity", "initial", "maintenance"):
        assert getattr(before, name).value.tolist() == getattr(after, name).value.tolist()


def test_deployed_contract_cases_survive_the_way_through_a_desk():
    data = shared_golden.load("defi/derive_chain_cases.json")
    book, market, params = derive_cases.pmrm2(data["pm2_cases"], data["param_sets"])
    again, there, problems = Desk.of(book, market).build(market.as_of)
    assert not problems
    before, after = (xm.margin(b, m, MODEL, params=params) for b, m in ((book, market), (again, there)))
    assert before.account.tolist() == after.account.tolist()
    assert before.initial.value.tolist() == after.initial.value.tolist()
    assert before.equity.value.tolist() == after.equity.value.tolist()


def test_problems_find_their_cells():
    desk = Desk.of(*sample.book())
    positions = ids(desk.sheets["positions"])
    balances = ids(desk.sheets["balances"])
    desk.put("positions", [(positions[2], "quantity", "abc"), (positions[3], "instrument", "")])
    desk.put("balances", [(balances[0], "amount", "1e999")])
    _, _, problems = desk.build(sample.AS_OF)
    errors = desk.errors(problems)
    assert "not a number: 'abc'" in errors["positions"][positions[2], "quantity"]
    assert "empty; needed: name as the venue" in errors["positions"][positions[3], "instrument"]
    assert "not a number: '1e999'" in errors["balances"][balances[0], "amount"]
