"""Dynamic margin on bad input: every refusal in words."""

import numpy as np
import pytest

import xlmargin as xm
from tests.test_decide_dynamic import LONG, VOL, account, history, of, on_deribit
from tests.test_decide_trades import perps
from tests.test_decide_worlds import law_book
from xlmargin.decide.dynamic import dynamic
from xlmargin.decide.dynamic.regime import FILE
from xlmargin.decide.dynamic.scaled import FORMS
from xlmargin.errors import InputError
from xlmargin.params import Params


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({}, "no price history: give one (a table history)"),
        ({"history": history(40, BTC=None, ETH=None)}, "40 days with a price of every name; at least 62 are needed"),
        ({"history": history(100, BTC=None)}, "no column ETH in the history"),
        ({"history": history(100, size=0.0, BTC=None, ETH=None)}, "prices that never moved tell no regime"),
        ({"vol": VOL, "reference": LONG, "history": history(BTC=None, ETH=None)}, "history or vol, not both"),
        ({"vol": VOL, "reference": LONG, "floor": 1.2, "cap": 1.1}, "the floor 1.2 is above the cap 1.1"),
        ({"vol": VOL, "reference": LONG, "speed": -0.1}, "speed is -0.1; it must be zero or more"),
        ({"vol": VOL, "reference": LONG, "cap": 0.0}, "cap is 0.0; it must be above zero"),
        ({"vol": VOL, "reference": LONG, "buffer": float("nan")}, "buffer is nan; it must be zero or more"),
        ({"vol": VOL, "reference": LONG, "tool": "bufer"}, "no tool 'bufer'; did you mean 'buffer'?"),
        ({"vol": VOL, "reference": LONG, "days": 0}, "0 days ahead; a whole number of at least 1"),
        ({"vol": VOL, "reference": LONG, "scale": ["bracket"]}, "did you mean 'brackets'?"),
        ({"vol": VOL, "reference": LONG, "scale": []}, "name at least one of brackets"),
        ({"vol": {"BTC": [0.5, 0.6]}, "reference": LONG}, "none is given for ETH"),
        ({"vol": {**VOL, "ETC": [1, 1, 1]}, "reference": LONG}, "nothing held follows 'ETC'; did you mean 'ETH'?"),
        (
            {"vol": {"BTC": [0.5, 0.0], "ETH": [1, 1]}, "reference": LONG},
            "volatility row 2, column BTC: must be above zero",
        ),
        (
            {"vol": {"BTC": [0.5], "ETH": [1, 1]}, "reference": LONG},
            "series of one length are needed, not BTC 1, ETH 2",
        ),
        ({"vol": {"BTC": 0.5, "ETH": 1.0}}, "one volatility alone tells no regime: give the long-run one (reference)"),
        ({"vol": VOL, "reference": {"BTC": 0.5}}, "reference, column ETH: none is given for ETH"),
        ({"vol": VOL, "reference": 0.0}, "must be above zero and finite, is 0"),
    ],
)
def test_bad_input_in_words(how, words):
    book, market = account()
    with pytest.raises(InputError) as raised:
        of(book, market, **how)
    assert words in str(raised.value)


def test_a_gap_in_the_history_is_named_with_its_row():
    book, market = account()
    table = history(100, BTC=None, ETH=None)
    table["ETH"][50] = np.nan
    with pytest.raises(InputError, match=r"history row 52, column ETH: no price of ETH on 2026-10-07"):
        of(book, market, history=table)


def test_a_move_past_one_hundred_per_cent_is_refused():
    book, market = on_deribit()
    with pytest.raises(InputError, match=r"price_range.*BTC at 8 times: .* must stay below 100 %; set a lower cap"):
        dynamic(book, market, "deribit.portfolio", vol={"BTC": [0.1, 0.8]}, reference=0.1)


def test_a_rulebook_without_moves_says_why_and_what_could_scale():
    book, market, params = law_book("var.ewma", 1)
    with pytest.raises(InputError, match=r"it follows volatility by itself.*name parameters to scale, such as"):
        dynamic(book, market, "var.ewma", params=params, vol={}, reference=1.0)


def test_a_book_of_cash_follows_nothing():
    book, market = perps({"instrument": [], "quantity": []}, {"asset": ["USDT"], "amount": [5.0]})
    with pytest.raises(InputError, match="no positions"):
        of(book, market, vol={}, reference=1.0)


@pytest.mark.parametrize("days", [0, 5])
def test_a_path_longer_than_what_is_known_is_refused(days):
    book, market = on_deribit()
    found = dynamic(book, market, "deribit.portfolio", vol={"BTC": [0.4, 0.5]}, reference=0.4)
    with pytest.raises(InputError, match="1 to 2 are known"):
        found.path(days)


def test_the_declared_table_names_parameters_that_exist():
    p = Params.load(FILE, 1.79e9)
    assert set(p.by) == set(xm.models())
    for name, own in p.by.items():
        units = xm.model(name).params(1.79e9).units
        for row in own.get("scales", ()):
            assert row["form"] in FORMS
            assert row["name"] in units
            assert row.get("by", row["name"]) in units
