"""Columns of text as numbered words: the same words in the same rows, however they came."""

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from xlmargin.texts import Texts

WORDS = ["b", None, " a ", "b", "", "c"]
WANTED = ["b", "", "a", "b", "", "c"]
WAYS = {
    "object": np.array(WORDS, object),
    "pandas text": pd.Series(WORDS, dtype="str"),
    "pandas objects": np.asarray(pd.Series(WORDS, dtype=object)),
    "categories": pd.Series(pd.Categorical(WORDS, categories=["never", "c", "b", " a ", ""])),
    "numbered": Texts(np.array([2, -1, 0, 2, 4, 1]), np.array([" a ", "c", "b", "never", ""], object)),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_same_words(way):
    texts = Texts.of(WAYS[way])
    assert texts.array.tolist() == WANTED
    assert list(dict.fromkeys(texts.words)) == ["b", "", "a", "c"]
    assert "never" not in texts.words
    assert texts.such("b", "").tolist() == [True, True, False, True, True, False]


def test_numbers_and_gaps_become_words():
    assert Texts.of(np.array([1.0, 2.5, np.nan])).array.tolist() == ["1", "2.5", ""]
    assert Texts.of(pd.Series([3.0, None, "x", 3], dtype=object)).array.tolist() == ["3", "", "x", "3"]
    assert Texts.of(pd.Series([7, None], dtype="Int64")).array.tolist() == ["7", ""]
    assert Texts.of(np.array([["x"], 1, pd.NA], object)).array.tolist()[1:] == ["1", ""]


def test_words_are_filled_and_sorted():
    own, other = Texts.of(np.array(["", "x", ""], object)), Texts.of(np.array(["a", "b", ""], object))
    assert own.filled(other).array.tolist() == ["a", "x", ""]
    words, number = own.filled(other).sorted()
    assert (words.tolist(), number.tolist()) == (["", "a", "x"], [1, 2, 0])


def test_a_book_of_categories_is_the_book_of_its_words():
    """Unused categories are no accounts, and accounts stand in order of appearance."""
    names = ["BTC-PERP", "ETH-PERP", "BTC-PERP"]
    table = pd.DataFrame({"instrument": names, "quantity": [1.0, 2.0, 3.0], "account": ["z", "a", "z"]})
    coded = table.astype({"instrument": "category", "account": pd.CategoricalDtype(["a", "nobody", "z"])})
    for made in (table, coded):
        book, market = xm.tables(made, as_of="2026-11-25")
        assert book.account.tolist() == ["z", "a"]
        assert market.name[book.legs.instrument].tolist() == ["BTC-PERP", "ETH-PERP"]
        assert book.legs.quantity.tolist() == [4.0, 2.0]


def test_columns_that_stand_twice_and_cells_that_are_lists_are_told():
    twice = pd.DataFrame([["BTC-PERP", "ETH-PERP", 2]], columns=["instrument", "instrument", "quantity"])
    with pytest.raises(xm.InputError, match="column 'instrument' stands twice"):
        xm.tables(twice, as_of="2026-11-25")
    with pytest.raises(xm.InputError, match=r"not a number: \[1\]"):
        xm.tables({"instrument": ["BTC-PERP"], "quantity": [[1]]}, as_of="2026-11-25")


def test_a_blank_cell_does_not_rename_accounts(tmp_path):
    """Accounts 1 and 2, one balance without an account: pandas turns that column into floats."""
    positions = pd.DataFrame({"account": [1, 2], "instrument": "BTC-PERP", "quantity": [1.0, -1.0], "mark": 90_000.0})
    balances = pd.DataFrame({"account": [1, 2, None], "asset": "USDC", "amount": [5_000.0, 6_000.0, 7_000.0]})
    made = {"positions": positions.assign(index=90_000.0), "balances": balances}
    made["assets"] = pd.DataFrame({"asset": ["USDC"], "price": [1.0]})
    for name, table in made.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    for source in (made, tmp_path):
        book, market = xm.read(source, venue="derive.portfolio", as_of="2026-01-01")
        assert book.account.tolist() == ["1", "2", "main"]
        assert xm.margin(book, market, "derive.portfolio").equity.value.tolist() == [5_000.0, 6_000.0, 7_000.0]
