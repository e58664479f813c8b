"""Facts of instruments from tables and names: remembered by content, and no run leaves its mark on the next."""

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from xlmargin.errors import InputError

AS_OF = "2026-11-25"
NAMES = ["BTC-27DEC26-60000-C", "BTC-27DEC26-60000-P", "ETH-PERPETUAL", "BTC-27NOV26-90000-P"]


def read(**columns):
    table = pd.DataFrame({"instrument": NAMES, **columns})
    return xm.tables(table.assign(quantity=1.0), instruments=table, as_of=AS_OF)


def test_what_is_stated_in_one_book_does_not_stand_in_the_next():
    plain = read()[1]
    stated = read(contract_size=[2.0, 1.0, 1.0, 1.0], settle=["USDC", "", "", ""])[1]
    again = read()[1]
    assert sorted(stated["contract_size"]) == [1.0, 1.0, 1.0, 2.0]
    assert "USDC" in set(stated.assets[stated.settle])
    for column in plain.columns:
        assert np.array_equal(plain[column], again[column], equal_nan=True), column
    assert plain.assets[plain.settle].tolist() == again.assets[again.settle].tolist()


def test_a_contradiction_is_told_every_time():
    for _ in range(2):
        with pytest.raises(InputError, match=r"option_type: P here, but the name BTC-27DEC26-60000-C says C"):
            read(option_type=["P", "P", None, "P"])


def test_a_word_with_spaces_around_it_is_the_same_word():
    """Two spellings of one underlying are one scope with one index, also where the table states each row once."""
    names = ["one", "two", "three"]
    table = pd.DataFrame(
        {
            "instrument": names,
            "kind": "option",
            "underlying": ["BTC", " BTC", "BTC "],
            "settle": "USDC",
            "quote": "USDC",
            "index": [90_000.0, np.nan, np.nan],
        }
    )
    _, market = xm.tables(instruments=table, as_of=AS_OF)
    assert market.scopes.tolist() == ["BTC"]
    assert market.on_scope("index").tolist() == [90_000.0]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2]])
def test_instruments_stand_in_one_order_and_equal_ones_by_name(order):
    twice = [*NAMES, "BTC_USDC-27DEC26-60000-C"]
    table = pd.DataFrame({"instrument": [twice[i] for i in [4, *order]]})
    _, market = xm.tables(instruments=table, as_of=AS_OF)
    found = market.name.tolist()
    assert found == sorted(found, key=lambda n: ("ETH" in n, "27DEC" in n, n.endswith("C"), n))


def test_a_column_that_stands_twice_in_a_frame_is_told():
    frame = pd.DataFrame([["BTC-PERPETUAL", 1.0, 2.0]], columns=["instrument", "quantity", "Quantity"])
    with pytest.raises(InputError, match="column 'quantity' stands twice"):
        xm.tables(frame, as_of=AS_OF)
