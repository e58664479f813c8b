"""Tables on a terminal: no figure is cut, words and figures share the width, a pipe is as wide as it needs to be."""

import numpy as np
import pandas as pd
import pytest

from xlmargin import terminal


def test_a_table_without_rows_says_so(capsys):
    terminal.show(pd.DataFrame({"account": [], "message": []}), "alerts of main")
    assert capsys.readouterr().out == "alerts of main\nnone\n"


def test_words_and_figures_share_what_is_there(capsys):
    texts = ["the first of many words that are said", "short"]
    table = pd.DataFrame({"name": texts, "an amount of money": [1234567.0, 1.0], "note": texts[::-1]})
    for width in (60, 80, 200):
        terminal.show(table, "title", width)
        out = capsys.readouterr().out
        assert max(map(len, out.splitlines())) <= width
        assert "1,234,567.00" in out
        for word in ("said", "short", "amount", "money"):
            assert word in out


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_figure_is_cut(width, capsys):
    figures = {f"column {n}": [123456.78 * (n + 1), -0.0123456 / (n + 1)] for n in range(8)}
    table = pd.DataFrame({"account": ["a long name of an account", "b"], "pool": ["", ""], **figures})
    terminal.show(table, "A title that is longer than the window is wide, and is not folded into the table", width)
    out = capsys.readouterr().out
    assert "…" not in out
    assert "pool" not in out
    for values in figures.values():
        for value in values:
            assert (f"{value:,.2f}" if abs(value) >= 100 else f"{value:.6g}") in out
    assert max(map(len, out.splitlines()[1:])) <= width


def test_a_table_that_goes_to_a_pipe_is_as_wide_as_its_figures(capsys):
    table = pd.DataFrame({f"a column {n}": [1234567.89] for n in range(40)})
    terminal.show(table, "title")
    assert capsys.readouterr().out.count("1,234,567.89") == 40


def test_headings_of_several_levels_are_one_and_no_figure_is_squeezed(capsys):
    columns = pd.MultiIndex.from_product([["BTC", "all together"], ["down price", "up price"], ["", "limit"]])
    table = pd.DataFrame(1e6 + np.arange(24.0).reshape(3, 8), columns=columns)
    terminal.show(table, "wide", width=400)
    told = capsys.readouterr().out
    assert "('BTC'" not in told
    assert all(word in told for word in ("together", "limit", "down", "BTC"))
    for value in table.to_numpy().ravel():
        assert f"{value:,.2f}" in told


def test_shares_moves_and_answers_are_told_as_in_a_notebook_and_written_as_they_are(tmp_path, capsys):
    table = pd.DataFrame({"down": [-0.102882], "share": [1.0], "passes": [True], "move BTC": [0.25], "net": [-0.5]})
    terminal.show(table, "title")
    out = capsys.readouterr().out
    for text in ("-10.3 %", "100.0 %", "yes", "+25.0 %", "-0.5"):
        assert text in out
    terminal.tell(table, tmp_path / "out.json", "title")
    assert pd.read_json(tmp_path / "out.json").to_dict("records") == table.to_dict("records")
