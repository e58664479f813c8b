"""Credit lines: sums over venues, one pot against the accounts by themselves, lines, limits, breaches, bad input."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests.placement_desks import (
    ASSETS,
    COIN_MODELS,
    FORWARD,
    MODELS,
    PERP,
    SPOT,
    coins,
    desk,
    instruments,
    option,
    random_positions,
)
from xlmargin.decide.across import across
from xlmargin.decide.credit import credit
from xlmargin.errors import InputError

HEDGED = [("D", option(90_000, "C"), -5.0), ("R", option(90_000, "C"), 5.0)]
BY_HAND = tomllib.loads((Path(__file__).parent / "golden/decide_placement/by_hand.toml").read_text())
OWNERS = ["north", "north", "south"]


@pytest.mark.parametrize("case", BY_HAND["credit"], ids=lambda c: c["name"])
def test_cases_worked_by_hand(case):
    book, market = coins(BY_HAND, case)
    lines = {"line": [case["line"]]}
    found = credit(book, market, COIN_MODELS, lines, portfolio="dydx.cross", collateral=case["collateral"])
    for name in ("required", "net", "saved", "used", "utilisation"):
        assert getattr(found, name)[0] == pytest.approx(case[name]), name
    assert found.venues()["share of net"].tolist() == pytest.approx(case["share"])
    assert found.venues()["short"].tolist() == pytest.approx(case["short"])
    assert found.breaches()["severity"].tolist() == case["severities"]


def one_account(positions, model, cash):
    """All positions in one account with all the cash, margined from tables of its own."""
    held = pd.DataFrame([("one", n, q) for _, n, q in positions], columns=["account", "instrument", "quantity"])
    book, market = desk(held, {"one": ""}, cash=cash)
    return xm.margin(book, market, model)


@pytest.mark.parametrize("seed", range(4))
def test_required_is_the_sum_of_venues_and_net_is_one_account(seed):
    positions = random_positions(np.random.default_rng(seed), 8)
    book, market = desk(positions)
    found = credit(book, market, MODELS, portfolio="derive.portfolio")
    each = across(book, market, MODELS)
    assert found.required[0] == pytest.approx(sum(m.initial.value.sum() for m in each.values()))
    one = one_account(positions, "derive.portfolio", 150_000.0)
    assert found.net[0] == pytest.approx(one.initial.value.sum())
    assert found.whole.equity[0] == pytest.approx(one.equity.value.sum())
    assert found.used[0] == pytest.approx(max(0.0, -one.available[0]))
    assert found.saved[0] == pytest.approx(found.required[0] - found.net[0])
    table = found.venues()
    assert table["required"].sum() == pytest.approx(found.required[0])
    assert table["share of net"].sum() == pytest.approx(found.net[0])
    assert table["adds to net"].sum() == pytest.approx(found.net[0])
    assert table["saved"].sum() == pytest.approx(found.saved[0])


def test_two_accounts_that_hedge_each_other_need_nothing_as_one():
    found = credit(*desk(HEDGED), MODELS, portfolio="derive.portfolio")
    assert found.net[0] == pytest.approx(0.0, abs=1e-6)
    assert found.saved[0] == pytest.approx(found.required[0])
    assert found.venues()["saved"].tolist() == pytest.approx(found.venues()["required"].tolist())
    assert "no line given" in found.words
    assert found.frame()["state"].tolist() == ["no line given"]
    assert "nan" not in found.words


def test_merging_under_a_lawful_house_model_never_asks_more_than_its_own_accounts():
    for seed in range(4):
        positions = random_positions(np.random.default_rng(seed), 8)
        book, market = desk(positions)
        found = credit(book, market, "deribit.portfolio", portfolio="deribit.portfolio")
        assert found.saved[0] >= -1e-6


def test_venue_contributions_follow_the_ledger():
    """Two outright perpetuals the same way: a venue adds what its size is of the whole, to the last cent."""
    book, market = desk([("D", PERP, 3.0), ("R", PERP, 1.0)])
    found = credit(book, market, MODELS, portfolio="derive.portfolio")
    adds = found.venues().set_index("venue")["adds to net"]
    assert adds["derive"] == pytest.approx(3 * adds["deribit"])
    assert adds.sum() == pytest.approx(found.net[0])


def test_without_a_house_model_nothing_is_netted():
    book, market = desk(HEDGED)
    found = credit(book, market, MODELS)
    assert found.net[0] == pytest.approx(found.required[0])
    assert found.saved[0] == 0.0
    assert "not netted: no portfolio model given" in found.words
    short = sum(np.maximum(0.0, -m.available).sum() for m in across(book, market, MODELS).values())
    assert found.used[0] == pytest.approx(short)


def test_utilisation_of_a_line_by_hand():
    positions = [("D", PERP, 10.0)]
    book, market = desk(positions, {"D": "derive"}, cash=20_000.0)
    one = one_account(positions, "derive.portfolio", 20_000.0)
    need = float(one.initial.value[0])
    lines = {"line": [200_000.0], "limit": [0.9], "warn": [0.5]}
    found = credit(book, market, MODELS, lines, portfolio="derive.portfolio")
    assert found.used[0] == pytest.approx(need - 20_000.0)
    assert found.utilisation[0] == pytest.approx((need - 20_000.0) / 200_000.0)
    assert found.frame()["free"][0] == pytest.approx(180_000.0 - found.used[0])
    bare = credit(book, market, MODELS, lines, portfolio="derive.portfolio", collateral="none")
    assert bare.used[0] == pytest.approx(need)


@pytest.mark.parametrize(
    ("share", "state", "severity"),
    [
        (0.5, "over the line", "critical"),
        (1.05, "over the limit", "serious"),
        (1.3, "near the limit", "warning"),
        (2.5, "within the limit", ""),
    ],
)
def test_states_of_a_line(share, state, severity):
    """Limit at 90 %, warning at 60 % of a line that is a multiple of what is used."""
    book, market = desk([("D", PERP, 10.0)], {"D": "derive"})
    used = float(credit(book, market, MODELS, portfolio="derive.portfolio").used[0])
    lines = {"line": [used * share], "limit": [0.9], "warn": [0.6]}
    found = credit(book, market, MODELS, lines, portfolio="derive.portfolio")
    assert found.state(0) == state
    assert found.limits().query("kind == 'line'")["severity"].tolist() == [severity]
    assert (state in found.breaches()["state"].tolist()) == bool(severity)


def test_limits_on_venues_and_underlyings():
    positions = [("D", PERP, 2.0), ("R", PERP, -5.0), ("Y", option(80_000, "P"), 4.0)]
    book, market = desk(positions)
    lines = {
        "line": [1e6, 1_000.0, 1e9, 1_000.0, 5 * SPOT, 1e9, 5.0],
        "venue": ["", "derive", "deribit", "", "", "", "kraken"],
        "underlying": ["", "", "", "BTC", "BTC", "btc", ""],
        "measure": ["", "", "", "requirement", "gross", "net", ""],
    }
    found = credit(book, market, MODELS, lines, portfolio="derive.portfolio")
    table = found.limits().set_index(["kind", "where"])
    derive = across(book, market, MODELS)["derive"].initial.value.sum()
    assert table.loc[("venue", "derive"), "amount"] == pytest.approx(derive)
    assert table.loc[("venue", "derive"), "severity"] == "serious"
    assert table.loc[("venue", "derive"), "excess"] == pytest.approx(derive - 1_000.0)
    assert table.loc[("venue", "deribit"), "severity"] == ""
    assert table.loc[("venue", "kraken"), "severity"] == "note"
    one = one_account(positions, "derive.portfolio", 0.0)
    assert table.loc[("underlying, requirement", "BTC"), "amount"] == pytest.approx(one.initial.value.sum())
    put = (
        4.0
        * xm.pricing.greeks(
            FORWARD, 80_000, 0.5 + (1 - 80_000 / SPOT) * 0.3, (1_798_185_600 - 1.79e9) / xm.pricing.YEAR, False
        )["delta"]
    )
    assert table.loc[("underlying, net", "BTC"), "amount"] == pytest.approx(abs(-3.0 + put) * SPOT, rel=1e-2)
    assert table.loc[("underlying, gross", "BTC"), "amount"] == pytest.approx((3.0 - put) * SPOT, rel=1e-2)


def test_accounts_short_at_a_venue_are_breaches():
    book, market = desk([("D", PERP, 10.0)], {"D": "derive"}, cash=1_000.0)
    found = credit(book, market, MODELS, {"line": [1e9]}, portfolio="derive.portfolio").breaches()
    assert found["kind"].tolist() == ["account"]
    assert found["severity"].tolist() == ["critical"]
    need = across(book, market, MODELS)["derive"].maintenance.value[0]
    assert found["excess"][0] == pytest.approx(need - 1_000.0)


def test_owners_have_lines_of_their_own():
    positions = [("D", PERP, 2.0), ("R", PERP, -2.0), ("Y", PERP, 1.0)]
    book, market = desk(positions, owner=OWNERS)
    lines = {"owner": ["north", "south"], "line": [50_000.0, 40_000.0], "currency": ["USD", "USDC"]}
    found = credit(book, market, MODELS, lines, portfolio="derive.portfolio")
    assert found.owners.tolist() == ["north", "south"]
    assert found.accounts.tolist() == [2, 1]
    assert found.net[0] == pytest.approx(0.0, abs=1e-6)
    alone = across(*desk([("Y", PERP, 1.0)], {"Y": "derive"}), MODELS)["derive"]
    assert found.net[1] == pytest.approx(alone.initial.value[0])
    assert len(found.words.splitlines()) == 2
    both = credit(*desk(positions), MODELS, portfolio="derive.portfolio")
    assert both.owners.tolist() == ["all accounts"]


def test_lines_in_coins_are_converted():
    book, market = desk([("D", PERP, 10.0)], {"D": "derive"})
    in_coins, in_money = (
        credit(
            book, market, MODELS, {"line": [amount], "currency": [currency]}, portfolio="derive.portfolio", currency=c
        )
        for amount, currency, c in ((2.0, "BTC", "USD"), (2.0 * SPOT, "USD", "BTC"))
    )
    assert in_coins.lines.line[0] == pytest.approx(2.0 * SPOT)
    assert in_money.lines.line[0] == pytest.approx(2.0)
    assert in_coins.utilisation[0] == pytest.approx(in_money.utilisation[0])


def test_a_house_model_that_cannot_take_a_book_says_why_and_the_others_go_on():
    listed = instruments()
    listed.loc[len(listed)] = {
        "instrument": "DOGE-PERP",
        "kind": "perp",
        "underlying": "DOGE",
        "settle": "USDC",
        "mark": 0.2,
        "index": 0.2,
    }
    accounts = {"D": "derive", "x": "paradex"}
    book, market = desk(
        [("D", PERP, 1.0), ("x", "DOGE-PERP", 100.0)], accounts, listed=listed, owner=["north", "south"]
    )
    models = MODELS | {"paradex": "paradex.cross"}
    lines = {"owner": ["north", "south"], "line": [1e5, 1e5]}
    found = credit(book, market, models, lines, portfolio="derive.portfolio")
    assert np.isfinite(found.net[0])
    assert np.isnan(found.net[1])
    assert "derive.portfolio cannot take it" in found.whole.remark[1]
    assert "DOGE-PERP" in found.words.splitlines()[1]
    assert "nan" not in found.words
    assert found.state(1) == "not known"


def test_lines_are_read_with_the_book(tmp_path):
    for name, table in {
        "positions": {"account": ["D"], "instrument": [PERP], "quantity": [1.0]},
        "instruments": {
            "instrument": [PERP],
            "mark": [SPOT],
            "index": [SPOT],
            "index_confidence": [1.0],
            "as_of": [1.79e9],
        },
        "assets": ASSETS,
        "accounts": {"account": ["D"], "venue": ["derive"]},
        "lines": {"line": [1e5]},
    }.items():
        pd.DataFrame(table).to_csv(tmp_path / f"{name}.csv", index=False)
    book, market = xm.read(tmp_path)
    assert credit(book, market, MODELS, portfolio="derive.portfolio").lines.line.tolist() == [1e5]


@pytest.mark.parametrize(
    ("lines", "how", "message"),
    [
        ({"owner": ["nrth"], "line": [1.0]}, {}, "no owner 'nrth'; did you mean 'north'"),
        ({"owner": ["north"], "line": [-1.0]}, {}, "a line cannot be below zero, is -1"),
        ({"owner": ["north", "north"], "line": [1.0, 2.0]}, {}, "north has two lines"),
        ({"owner": ["north"], "amount": [1.0]}, {}, "required column is missing"),
        ({"owner": ["north"], "line": [1.0], "currency": ["XYZ"]}, {}, "no USD price for XYZ"),
        ({"owner": ["north"], "line": [1.0], "venue": ["derive"], "underlying": ["BTC"]}, {}, "not on both"),
        ({"line": [1.0]}, {}, "no owner is given; there are north, south"),
        (None, {"collateral": "cash"}, "collateral is counted as equity or none"),
        (None, {"currency": "XYZ"}, "no USD price for XYZ"),
        (None, {"level": "initia"}, "no level 'initia'; did you mean 'initial'"),
        (None, {"portfolio": "derive.portfoli"}, r"did you mean 'derive\.portfolio'"),
    ],
)
def test_bad_input_is_said_in_words(lines, how, message):
    book, market = desk([("D", PERP, 1.0), ("R", PERP, -1.0), ("Y", PERP, 1.0)], owner=OWNERS)
    with pytest.raises(xm.XlmarginError, match=message):
        credit(book, market, MODELS, lines, **how)


def test_accounts_without_owner_or_venue_are_refused():
    book, market = desk([("D", PERP, 1.0)], owner=["north", "", "south"])
    with pytest.raises(InputError, match="R: no owner is given, but other accounts have one"):
        credit(book, market, MODELS)
    book, market = desk([("D", PERP, 1.0)], {"D": "drive"})
    with pytest.raises(InputError, match="D: no model for 'drive'; did you mean 'derive'"):
        credit(book, market, MODELS)
    with pytest.raises(InputError, match="an empty book"):
        credit(book.take([]), market, MODELS)


def test_what_is_used_of_a_line_reads_as_a_sentence():
    enough = credit(*desk([("D", PERP, 1.0)], {"D": "derive"}, cash=90_000.0), MODELS, {"line": [50_000.0]})
    assert enough.words.endswith("equity covers it; 0.00 of the line of 50,000.00 is used (0.0 %): within the limit")
    short = credit(*desk([("D", PERP, 10.0)], {"D": "derive"}, cash=20_000.0), MODELS, {"line": [500_000.0]})
    used = f"{short.used[0]:,.2f}"
    assert f"equity leaves {used} of it uncovered; {used} of the line of 500,000.00 is used" in short.words
    bare = credit(*desk([("D", PERP, 1.0)], {"D": "derive"}), MODELS, {"line": [9e5]}, collateral="none")
    assert "no collateral is counted against it" in bare.words
