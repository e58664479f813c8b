"""Tables of scenarios: what is wrong in them is listed, what cannot be stressed is said, names are forgiven."""

from dataclasses import replace

import numpy as np
import pytest

import xlmargin as xm
from tests.test_decide_exposure import desk
from tests.test_decide_stress import read, with_places
from xlmargin.decide.stress import named_stresses, stress
from xlmargin.decide.stress.plan import PARTS
from xlmargin.market import OPTION


def test_bad_tables_list_every_problem_in_its_row():
    table = {
        "scenario": ["x", "x", "x", "x", "y", "y", "y", "y"],
        "target": ["BTX", "ETH", "Mars", "BTC", "BTC", "ETH", "", "USDC"],
        "price": [-0.2, -1.0, None, None, -0.7, None, None, 0.1],
        "vol": [0.5, None, None, "much", None, None, None, None],
        "lost": [None, None, 1.0, None, None, None, 1.5, None],
        "days": [3, None, None, None, None, None, -1, None],
        "factor": [None, None, None, None, None, "BTC", None, "SOL"],
        "beta": [None, None, None, None, None, 2.0, None, None],
        "volatility": [1.0] * 8,
    }
    with pytest.raises(xm.InputError) as caught:
        stress(desk(), table)
    text = str(caught.value)
    for words in (
        "scenarios row 1, column volatility: no such column; did you mean 'collateral'?; columns are scenario, target",
        "scenarios row 5, column vol: not a number: 'much'",
        "scenarios row 2, column price: nothing follows 'BTX'; did you mean 'BTC'?",
        "scenarios row 2, column days: days is one number for all: leave the target empty",
        "scenarios row 3, column price: ETH by -100%; must be above -100 %",
        "scenarios row 4, column lost: no balance lies at 'Mars'; there are none: fill the column location",
        "scenarios row 8, column lost: 1.5 of the balances at *; a share is between 0 and 1",
        "scenarios row 8, column days: -1 days; must be zero or more",
        "scenarios row 7, column beta: ETH by 2 × -70% is -140% in all; must be above -100 %",
        "scenarios row 9, column beta: a factor and a beta belong together: give both",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    ("scenarios", "words"),
    [
        ("2020-03-21", "no scenario '2020-03-21'; did you mean '2020-03-12'"),
        (["2020-03-12", "2020-03-12"], "two scenarios are called '2020-03-12'"),
        ([], "no scenario: give names or a table"),
        ({"scenario": []}, "no scenario: give names or a table"),
        ({"collateral": -0.1}, "name the asset whose price moves"),
        (
            {"target": ["BTC", "ETH"], "price": [-0.1, None]},
            "row 3, column target: ETH is named, but nothing that moves",
        ),
        ({"target": ["BTC", "BTC"], "price": [0.1, 0.2]}, "row 3, column price: price of BTC stands twice"),
        (3.0, "a float is no table"),
        ({"days": 60.0}, "expires before 60 days have passed; close or settle it first"),
        ({"target": ["ETH"], "factor": ["SOL"], "beta": [1.0]}, "no price move of 'SOL' in this scenario"),
        ({"target": ["BTC", "ETC"], "price": [-0.1, None], "factor": ["", "BTC"], "beta": [None, 1]}, "follows 'ETC'"),
        (
            {"target": ["BTC", "ETH", "*"], "price": [-0.1, 0, 0], "factor": ["", "BTC", "ETH"], "beta": [None, 1, 1]},
            "row 4, column factor: ETH follows a factor itself: name that one",
        ),
    ],
)
def test_what_cannot_be_stressed_ends_in_words(scenarios, words):
    with pytest.raises(xm.InputError, match=words.replace("?", r"\?")):
        stress(desk(), scenarios)


def test_shares_at_one_location_are_at_most_one_together():
    margin = read(with_places("okx.cross", 3), "okx.cross")
    with pytest.raises(xm.InputError, match=r"1\.2 of the balances at A lost or frozen; together at most 1"):
        stress(margin, {"target": ["A"], "lost": [0.7], "frozen": [0.5]})
    with pytest.raises(xm.InputError, match=r"1\.7 of the balances at A lost or frozen; together at most 1"):
        stress(margin, {"target": ["each location", "A"], "lost": [0.7, None], "frozen": [None, 1.0]})
    with pytest.raises(xm.InputError, match="no balance lies at 'Aa'; did you mean 'A'"):
        stress(margin, {"target": ["Aa"], "lost": [0.7]})


def test_an_option_without_volatility_takes_that_of_its_mark_or_cannot_be_stressed():
    book, market = xm.tables(
        {"instrument": ["BTC-25DEC26-90000-C"], "quantity": [-1]},
        instruments={"instrument": ["BTC-25DEC26-90000-C"], "mark": [0.02], "index": [90000.0]},
        as_of="2026-11-25",
        venue="deribit",
    )
    found = stress(book, market, "deribit.standard", "2020-03-12")
    assert any("the one that its mark implies" in n.text for n in found.notes)
    worthless = replace(market, columns={**market.columns, "mark": np.full(1, 1.5)})
    with pytest.raises(xm.InputError, match="column iv: missing for BTC-25DEC26-90000-C"):
        stress(book, worthless, "deribit.standard", "2020-03-12")


def test_names_known_elsewhere_may_stand_in_a_table():
    table = {"target": ["BTC", "XRP"], "price": [-0.1, -0.2]}
    with pytest.raises(xm.InputError, match="nothing follows 'XRP'"):
        stress(desk(), table)
    found = stress(desk(), table, known=["XRP"])
    only = stress(desk(), {"target": ["BTC"], "price": [-0.1]})
    np.testing.assert_array_equal(found.equity, only.equity)


def test_named_scenarios_as_a_table_give_what_they_give_by_name():
    made = with_places("okx.cross", 3)
    by_name = stress(read(made, "okx.cross"))
    by_table = stress(read(made, "okx.cross"), named_stresses().table())
    assert by_table.scenario == by_name.scenario
    np.testing.assert_array_equal(by_table.equity, by_name.equity)
    np.testing.assert_array_equal(by_table.maintenance, by_name.maintenance)
    assert repr(by_name).startswith("<Stress of 3 pools in 6 scenarios under okx.cross>")


def test_case_of_targets_is_forgiven():
    right = {"target": ["BTC", "USDC"], "price": [-0.1, None], "collateral": [None, -0.1]}
    wrong = right | {"target": ["btc", "Usdc"]}
    np.testing.assert_array_equal(stress(desk(), wrong).equity, stress(desk(), right).equity)


def test_parts_are_shares_of_what_happens_together():
    """Shapley value of two parts: the mean of going first and going second."""
    margin = desk()
    table = {"target": ["BTC"], "price": [-0.2], "vol": [0.5]}
    both, price, vol = (
        stress(margin, {k: v for k, v in table.items() if k in ("target", *kinds)}).equity[0] - margin.equity.value
        for kinds in (("price", "vol"), ("price",), ("vol",))
    )
    (parts,) = stress(margin, table).parts().attributions
    assert parts.factor == ("price", "volatility")
    np.testing.assert_allclose(parts.equity[0], (price + both - vol) / 2, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(parts.equity[1], (vol + both - price) / 2, rtol=1e-9, atol=1e-6)
    assert set(parts.factor) <= set(PARTS)
    assert (margin.run.market.kind == OPTION).any()


def test_named_doubts_are_noted_where_they_touch_the_book():
    told = {n.text for n in stress(desk(), "2025-10-10").notes}
    assert any(t.startswith("2025-10-10: BTC, vol +29.8%: no figure for BTC was found") for t in told)
    assert not any("USDe" in t or "WBETH" in t for t in told)
    (btc,) = (n for n in stress(desk(), "2025-10-10").notes if "BTC, vol" in n.text)
    assert btc.where.tolist() == [True, True]
    still = {n.text for n in stress(desk(), "2021-05-19").notes}
    assert "2021-05-19: volatilities stay as they are: no figure of that day has a source" in still
