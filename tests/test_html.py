"""Core results show themselves as plain HTML: every figure of the result is there, and nothing is executed."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests.widgets import sample
from xlmargin import frames, html

MODEL = "derive.portfolio"


class Cells(HTMLParser):
    """The text of every table cell, and every tag that was opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells, self.tags, self.open = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open = tag in ("td", "th")
        if self.open:
            self.cells.append("")

    def handle_endtag(self, tag):
        self.open = self.open and tag not in ("td", "th")

    def handle_data(self, data):
        if self.open:
            self.cells[-1] += data


@pytest.fixture(scope="module")
def desk():
    book, market = sample.book()
    return book, market, xm.margin(book, market, MODEL)


def test_margin_shows_every_figure_and_its_stamp(desk):
    result = desk[2]
    text = result._repr_html_()
    cells = Cells(text).cells
    for value in (result.equity.value[0], result.initial.value[0], result.maintenance.value[0], result.available[0]):
        assert html.amount(value, "USDC") in cells
    assert html.amount(xm.benefit(result).amount[0], "USDC") in cells
    assert html.share(result.ratio[0]) in cells
    assert MODEL in text
    assert result.stamp["market time"] in text
    assert all(note.text in text for note in result.notes)


def test_the_ledger_stands_below_a_single_account(desk):
    result = desk[2]
    cells = Cells(result._repr_html_()).cells
    for row in result.explain().itertuples():
        assert html.amount(row.amount, "USDC") in cells


def test_line_shows_all_parts(desk):
    line = desk[2].initial
    cells = [c.replace("\u2003", "") for c in Cells(line._repr_html_()).cells]
    assert all(part.name in cells for _, part in line.walk())


def test_comparison_shows_itself_and_derived_tables_are_ordinary(desk):
    table = xm.compare(*desk[:2], xm.models())
    cells = Cells(table._repr_html_()).cells
    assert html.amount(table["initial"].iloc[0]) in cells
    assert type(table[["model"]]) is pd.DataFrame


def test_no_style_script_or_outside_address(desk):
    for shown in (desk[2], desk[2].equity, xm.compare(*desk[:2], [MODEL])):
        parsed = Cells(shown._repr_html_())
        assert not {"script", "style", "link", "img", "iframe"} & set(parsed.tags)
        assert not re.search(r"\bon\w+\s*=", shown._repr_html_())


def test_names_from_a_book_are_escaped():
    tables = sample.desk(account="<img src=x onerror=alert(1)>")
    text = xm.margin(*xm.tables(**tables, as_of=sample.AS_OF), MODEL)._repr_html_()
    assert "<img" not in text
    assert "&lt;img src=x" in text


def test_a_long_result_says_how_much_is_left():
    many = xm.Book.bare(50, np.arange(50), np.zeros(50, int), np.ones(50))
    _, market = xm.tables(
        {"instrument": ["BTC-PERP"], "quantity": [1], "mark": [100.0], "index": [100.0]},
        assets={"asset": ["USDC"], "price": [1.0]},
        as_of=sample.AS_OF,
    )
    text = xm.margin(many, market, MODEL)._repr_html_()
    assert "and 30 more rows" in text


def test_the_worst_scenario_is_said_in_moves(desk):
    """Its number alone says nothing; each pool's words are those of the grid of its account."""
    margin = desk[2]
    table = frames.summary(margin, most_legs=1_000)
    assert "worst scenario" not in margin.frame()
    for account, words in zip(table["account"], table["worst scenario"], strict=True):
        detail = margin.detail(account)
        grid = frames.matrix(detail)
        worst = grid[grid["worst"]].iloc[0]
        assert words == detail.frame()["worst scenario"][0]
        assert words.startswith(f"price {100 * worst['price']:+.4g} %, volatility ")
        assert words in margin._repr_html_()
