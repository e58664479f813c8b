"""Named stresses: every number dated, sourced and graded; a file with anything undeclared or missing is refused."""

import datetime as dt
import re

import pytest

import xlmargin as xm
from xlmargin.decide.stress.stresses import FILE, SHARES, WHAT, named_stresses

WHOLE = """
[units]
price = "fraction"
[[scenario]]
name = "n"
title = "t"
date = 2020-01-01
words = "w"
[[scenario.number]]
target = "BTC"
what = "price"
from = 100.0
to = 80.0
unit = "USD"
date = 2020-01-01
source = "s"
sure = "sure"
"""


def load(tmp_path, text):
    path = tmp_path / f"{abs(hash(text))}.toml"
    path.write_text(text)
    return named_stresses(path)


def test_the_five_days_are_there_with_sources():
    names = [s.name for s in named_stresses()]
    assert names == ["2020-03-12", "2021-05-19", "2022-05 stablecoin", "2022-11 exchange failure", "2025-10-10"]
    for scenario in named_stresses():
        assert scenario.title
        assert len(scenario.words) > 40
        assert scenario.source
        for n in scenario.numbers:
            assert n.what in WHAT
            assert all((n.source, n.unit, n.published))
            assert scenario.date <= n.date <= scenario.date + dt.timedelta(days=10)
            assert n.value > -1.0
            assert n.what not in SHARES or n.value <= 1.0
            assert n.sure == "sure" or len(n.doubt) > 10


def test_a_source_is_a_page_a_data_file_or_a_said_assumption():
    for row in named_stresses().numbers().itertuples():
        known = re.search(r"https?://|github\.com|CoinDesk of \d{4}-\d\d-\d\d", row.source)
        assert known or (row.source == "assumption of this file" and row.sure == "doubt"), row


def test_moves_are_those_of_the_published_levels():
    table = named_stresses().numbers().set_index(["scenario", "target", "what"])
    assert table.loc[("2020-03-12", "BTC", "price"), "value"] == 3782.13 / 7934.58 - 1.0
    assert table.loc[("2020-03-12", "*", "price"), "value"] == table.loc[("2020-03-12", "ETH", "price"), "value"]
    assert table.loc[("2025-10-10", "USDe", "collateral"), "value"] == pytest.approx(-0.35)
    assert table.loc[("2022-11 exchange failure", "each location", "frozen"), "value"] == 1.0
    assert len(named_stresses().frame()) == len(named_stresses())


def test_a_whole_file_loads_and_an_unknown_name_names_the_nearest(tmp_path):
    found = load(tmp_path, WHOLE)
    assert found["N "].numbers[0].value == pytest.approx(-0.2)
    with pytest.raises(xm.InputError, match="no scenario 'm'"):
        found["m"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[units]", "extra = 1\n[units]", "'extra' is not declared"),
        ('title = "t"\n', "", "scenario 'n': no title"),
        ('words = "w"', 'words = "w"\nwrods = "x"', "'wrods' is not declared; did you mean 'words'"),
        ('source = "s"\n', "", "number 1: no source"),
        ('unit = "USD"\n', "", "number 1: no unit"),
        ('what = "price"', 'what = "prices"', "no unit declared for 'prices'; did you mean 'price'"),
        ('sure = "sure"', 'sure = "maybe"', "sure is 'sure', or 'doubt' with a doubt in words"),
        ('sure = "sure"', 'sure = "doubt"', "sure is 'sure', or 'doubt' with a doubt in words"),
        ("to = 80.0\n", "", "give a value, or from and to, or like"),
        ("to = 80.0", "to = 0.0", "price by -1 cannot be"),
        ("from = 100.0\nto = 80.0", 'like = "ETH"', "like 'ETH', of which no price stands before"),
        ('price = "fraction"', 'price = "fraction"\nspeed = "x"', "'speed' is not declared"),
        ('target = "BTC"', 'target = "BTC"\ncolour = "red"', "'colour' is not declared"),
    ],
)
def test_files_that_are_not_whole_are_refused(tmp_path, old, new, words):
    assert WHOLE.count(old) == 1
    with pytest.raises(xm.ParameterError, match=words.replace("?", r"\?")):
        load(tmp_path, WHOLE.replace(old, new))


def test_two_of_one_name_or_one_number_twice_are_refused(tmp_path):
    number = WHOLE[WHOLE.index("[[scenario.number]]") :]
    with pytest.raises(xm.ParameterError, match="price of BTC stands twice"):
        load(tmp_path, WHOLE + number)
    with pytest.raises(xm.ParameterError, match="two scenarios of one name"):
        load(tmp_path, WHOLE + WHOLE[WHOLE.index("[[scenario]]") :])


def test_the_file_is_the_one_shipped():
    assert FILE.name == "stresses.toml"
    assert FILE.exists()
