"""Decisions show themselves: a line on a console, a table without empty columns in a notebook."""

import html
import re
from importlib import import_module

import pandas as pd
import pytest

import xlmargin as xm
from xlmargin.decide.shown import Shown
from xlmargin.errors import Note
from xlmargin.html import decision, figure, told


@pytest.fixture(scope="module")
def desk():
    from tests.test_readme import README

    return xm.read(README.parent / "workbooks" / "desk.xlsx")


@pytest.fixture(scope="module")
def margin(desk):
    return xm.margin(*desk, "derive.portfolio")


def test_every_result_with_a_table_shows_it():
    homes = [import_module(f"xlmargin.{home}") for home in xm.LAZY.values() if home.startswith("decide.")]
    named = {name: found for home in homes for name, found in vars(home).items() if not name.startswith("_")}
    tables = [r for r in named.values() if isinstance(r, type) and hasattr(r, "frame") and r is not xm.Margin]
    assert len(tables) >= 14
    assert all(issubclass(r, Shown) for r in tables), [r for r in tables if not issubclass(r, Shown)]
    assert all(r.__repr__.__qualname__ != "__create_fn__.<locals>.__repr__" for r in tables)


@pytest.mark.parametrize("verb", ["exposure", "health", "liquidation", "sensitivity", "surface", "stress"])
def test_a_result_is_a_short_text_and_a_table(margin, verb):
    found = getattr(xm, verb)(margin)
    assert "array(" not in repr(found)
    assert len(repr(found)) < 1_000
    page = found._repr_html_()
    assert page.count("<table>") == page.count("</table>") == 1
    assert not re.search(r">-?(nan|inf)<", page)
    assert "<td" in page
    assert "Hedged" in page


def test_moves_are_signed_shares_and_figures_are_not_cut(margin):
    page = html.unescape(xm.liquidation(margin)._repr_html_())
    found = xm.liquidation(margin).frame().set_index("account").loc["Hedged"]
    assert f"{found['down']:+.1%}".replace("%", " %") in page
    assert f"{found['down price']:,.2f}" in page
    net = xm.exposure(margin).frame().set_index("account").loc["Risk reversal", "net"]
    assert f"{net:.6g}" in xm.exposure(margin)._repr_html_()


def test_columns_without_entries_are_left_out_and_long_tables_say_so(margin):
    frame = xm.health(margin).frame()
    heads = re.findall(r"<th[^>]*>([^<]*)", decision(frame))
    assert "pool" in frame
    assert "pool" not in heads
    assert "account" in heads
    assert "… and 11 more rows" in decision(xm.sensitivity(margin).frame())
    assert "<p>&lt;b&gt;</p>" in decision(frame, "<b>")


def test_what_is_missing_is_a_dash():
    assert [figure(v) for v in (float("nan"), float("inf"), 1e-12, 99.5, -1234.567)] == [
        "–",
        "–",
        "0",
        "99.5",
        "-1,234.57",
    ]
    assert [told("up", float("nan")), told("saved share", 0.5), told("remark", float("nan"))] == ["–", "50.0 %", "–"]


def test_further_tables_show_whole_words_and_what_is_taken_from_them_is_plain(margin):
    alerts = xm.health(margin).alerts()
    assert html.escape(alerts["message"][0]) in alerts._repr_html_()
    assert type(alerts[["account"]]) is type(alerts.head(2).sort_values("what")) is pd.DataFrame
    worst = xm.stress(margin).worst()
    assert html.escape(worst["remark"][0]) in worst._repr_html_()


def test_health_says_how_many_are_in_which_state_and_who_is_next(margin):
    found = xm.health(margin)
    assert found.words == "5 sound, 1 liquidatable, 1 near; nearest to maintenance: Calendar, BTC +1.9 %"
    assert found.words in repr(found)


def test_notes_are_told_be_they_texts_or_notes(margin):
    page = decision(xm.health(margin).frame(), "", ["a text", "a text", Note("a note", "", None)])
    assert page.endswith("<ul><li>a text</li><li>a note</li></ul>")


def test_a_change_is_called_one(desk):
    found = xm.what_if(*desk, "derive.portfolio", cash={"asset": ["USDC"], "amount": [100.0], "account": ["Hedged"]})
    assert found.frame()["equity change"].tolist() == [pytest.approx(100.0)]
    assert not {"equity", "initial", "maintenance"} & set(found.frame())
