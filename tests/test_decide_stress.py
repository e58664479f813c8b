"""Stress is plain margin on a market moved and on balances taken away by hand; parts add up; bad input gets words."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests.law_books import GENERATORS, PARAMS
from tests.test_decide_exposure import desk
from tests.test_decide_worlds import COINS, MODELS, _fill, law_book
from xlmargin.decide.moves import movable
from xlmargin.decide.stress import stress
from xlmargin.market import SENSITIVITY

CASES = tomllib.loads((Path(__file__).parent / "golden/decide_stress/futures_by_hand.toml").read_text())["case"]
TABLES = ("positions", "instruments", "balances", "assets")


def margin_of(model, seed, accounts=3):
    book, market, params = law_book(model, seed, accounts)
    return xm.margin(book, market, model, params=params)


def everything(market):
    """A table that moves whatever this market has, the first underlying and asset their own way."""
    first = [str(market.underlying[0])] if len(market) and market.underlying[0] else []
    coin = [str(a) for a in market.assets[np.isfinite(market.price)]][:1]
    rows = [{"price": -0.3, "vol": 0.4, "basis": -0.01, "rate": 0.01}]
    rows += [{"target": n, "price": 0.1, "vol": -0.2, "basis": 0.02} for n in first]
    rows += [{"target": n, "collateral": -0.05} for n in coin]
    return pd.DataFrame(rows).assign(scenario="all")


def by_hand(market, table):
    """The market that ``everything`` asks for, by plain loops over its names."""
    rows = {}
    for row in table.to_dict("records"):
        name = row["target"] if isinstance(row.get("target"), str) else "*"
        rows.setdefault(name, {}).update({k: v for k, v in row.items() if v == v})
    priced = {n for n, r in rows.items() if n != "*" and "price" in r}
    pick = lambda name, what: 1.0 + rows[name if name in priced else "*"][what]  # noqa: E731
    asset = np.ones(len(market.assets))
    for c, name in enumerate(map(str, market.assets)):
        if name in priced or movable(market)[c]:
            asset[c] = pick(name, "price")
        asset[c] *= 1.0 + rows.get(name, {}).get("collateral", 0.0)
    return market.shocked(
        price=np.array([pick(str(n), "price") for n in market.underlying]),
        vol=np.array([pick(str(n), "vol") for n in market.underlying]),
        basis=np.array([pick(str(n), "basis") for n in market.underlying]),
        rate=0.01,
        asset=asset,
    )


@pytest.mark.parametrize("model", MODELS)
def test_a_scenario_is_plain_margin_on_a_market_moved_by_hand(model):
    margin = margin_of(model, 11)
    session = margin.run.session
    table = everything(session.market)
    found = stress(margin, table)
    book, market, params = law_book(model, 11, 3)
    plain = xm.margin(book, by_hand(market, everything(session.market)), model, params=params)
    np.testing.assert_allclose(found.equity[0], plain.equity.value, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(found.initial[0], plain.initial.value, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(found.maintenance[0], plain.maintenance.value, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_no_move_changes_nothing(model):
    margin = margin_of(model, 5)
    found = stress(margin, {"scenario": ["nothing"]})
    np.testing.assert_array_equal(found.equity[0], margin.equity.value)
    np.testing.assert_array_equal(found.initial[0], margin.initial.value)
    np.testing.assert_array_equal(found.maintenance[0], margin.maintenance.value)
    for taken in (found.pnl, found.lost, found.frozen):
        assert not taken.any()
    assert found.parts().frame().empty


@pytest.mark.parametrize("model", MODELS)
def test_every_model_meets_the_named_scenarios_and_parts_add_up(model):
    margin = margin_of(model, 6, accounts=2)
    found = stress(margin)
    table = found.frame()
    numbers = table.select_dtypes("number")
    assert np.all(np.isfinite(numbers))
    assert list(dict.fromkeys(table["scenario"])) == list(found.scenario)
    np.testing.assert_allclose(
        table["equity change"], table["pnl"] - table["lost"] - table["frozen"], rtol=1e-9, atol=1e-6
    )
    np.testing.assert_allclose(table["owned"], table["equity after"] + table["frozen"], rtol=1e-9, atol=1e-6)
    for k, parts in enumerate(found.parts().attributions):
        if parts.factor:
            change = found.equity[k] - margin.equity.value, found.maintenance[k] - margin.maintenance.value
            np.testing.assert_allclose(parts.equity.sum(axis=0), change[0], rtol=1e-9, atol=1e-6)
            np.testing.assert_allclose(parts.requirement.sum(axis=0), change[1], rtol=1e-9, atol=1e-6)


def with_places(model, seed):
    """Tables of a law book whose balances lie in turn at A and at B."""
    made = GENERATORS[model](np.random.default_rng(seed), 3)
    if model in COINS:
        made["assets"].append({**made["assets"][0], "asset": "BTC", "price": 83_500.0})
        made["balances"] += [{"asset": "BTC", "amount": 0.2, "account": f"a{a}"} for a in range(3)]
    for row in made.get("instruments", ()):
        _fill(row)
    for n, row in enumerate(made.get("balances", ())):
        row["location"] = "AB"[n % 2]
    return made


def read(made, model):
    book, market = xm.tables(**{name: pd.DataFrame(rows) for name, rows in made.items()})
    return xm.margin(book, market, model, params=PARAMS[model](market.as_of) if model in PARAMS else None)


def test_worlds_that_move_the_currency_of_account_and_worlds_that_do_not_stand_apart():
    margin = read(with_places("crossmargin.one_pot", 1), "crossmargin.one_pot")
    table = {"target": ["USD", "A", "*"], "collateral": [-0.2, None, None], "lost": [None, 0.5, None]}
    found = stress(margin, table | {"price": [None, None, -0.1]})
    (parts,) = found.parts().attributions
    assert parts.factor == ("price", "collateral", "lost")
    np.testing.assert_allclose(parts.equity.sum(axis=0), found.equity[0] - margin.equity.value, rtol=1e-9)
    np.testing.assert_allclose(parts.equity[1], 0.0, atol=1e-6)


def test_a_location_of_another_account_is_known_where_one_account_is_asked():
    margin = read(with_places("okx.cross", 3), "okx.cross")
    table = {"target": ["A", "B"], "scenario": ["a", "b"], "lost": [1.0, 1.0]}
    whole = stress(margin, table).frame()
    for name in margin.account:
        alone = stress(margin, table, account=str(name)).frame()
        pd.testing.assert_frame_equal(whole[whole["account"] == name].reset_index(drop=True), alone, check_exact=True)


@pytest.mark.parametrize("model", MODELS)
def test_a_lost_location_is_the_book_without_its_balances(model):
    made = with_places(model, 8)
    if not any(row["location"] == "A" for row in made.get("balances", ())):
        pytest.skip("no balances")
    found = stress(read(made, model), {"target": ["a"], "lost": [1.0]}).frame().set_index(["account", "pool"])
    kept = [r for r in made["balances"] if r["location"] != "A" or r["amount"] <= 0 or r.get("kind") == "loan"]
    columns = {name: [] for name in made["balances"][0]}
    plain = read({**made, "balances": kept or columns}, model).frame().set_index(["account", "pool"])
    same = found.index.intersection(plain.index)
    assert len(same)
    for mine, theirs in (
        ("equity after", "equity"),
        ("initial after", "initial"),
        ("maintenance after", "maintenance"),
    ):
        np.testing.assert_allclose(found.loc[same, mine], plain.loc[same, theirs], rtol=1e-12, atol=1e-9)
    gone = found.drop(same)
    assert np.allclose(gone["equity after"], 0.0)


def test_frozen_balances_are_owned_and_do_not_count():
    made = with_places("okx.cross", 3)
    margin = read(made, "okx.cross")
    lost = stress(margin, {"target": ["A"], "lost": [0.6]})
    frozen = stress(margin, {"target": ["A"], "frozen": [0.6]})
    np.testing.assert_array_equal(lost.equity, frozen.equity)
    np.testing.assert_allclose(frozen.owned[0], margin.equity.value, rtol=1e-12)
    np.testing.assert_allclose(lost.owned, lost.equity, rtol=1e-12)
    assert (lost.lost > 0).any()
    assert any("stay open at their marks" in n.text for n in lost.notes)


def test_debts_at_a_failed_location_are_still_owed():
    made = with_places("aave.v3", 3)
    for row in made["balances"]:
        row["location"] = "chain"
    found = stress(read(made, "aave.v3"), {"target": "chain", "lost": 1.0})
    assert np.all(found.maintenance[0] + 0.0 >= 0.0)
    assert np.all(found.headroom[0] < 0.0)


@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_cases_worked_by_hand(case):
    book, market = xm.tables(**{t: case[t] for t in TABLES}, as_of="2026-11-25", venue=case["venue"])
    found = stress(book, market, case["model"], scenarios=case["scenarios"])
    (row,) = found.frame().to_dict("records")
    for name, value in case["expected"].items():
        assert row[name] == pytest.approx(value, abs=1e-9), name
    parts = found.parts().frame().set_index("part")
    for name, (equity, requirement) in case["parts"].items():
        assert parts.loc[name, "equity"] == pytest.approx(equity, abs=1e-9)
        assert parts.loc[name, "maintenance"] == pytest.approx(requirement, abs=1e-9)
    assert set(parts.index) == {*case["parts"], "all together"}


def test_one_account_alone_is_as_inside_many():
    margin = desk()
    whole, alone = stress(margin).frame(), stress(margin, account="b").frame()
    inside = whole[whole["account"] == "b"].reset_index(drop=True)
    pd.testing.assert_frame_equal(inside, alone, check_exact=True)


def test_the_worst_scenario_of_each_account_and_a_line_for_each():
    found = stress(desk())
    worst = found.worst()
    assert list(worst["account"]) == ["a", "b"]
    for r in range(2):
        assert worst["headroom"][r] == found.headroom[:, r].min()
    lines = found.words.split("\n")
    assert len(lines) == len(found.scenario)
    assert lines[0].startswith("2020-03-12: 1 of 2 fall below maintenance; weakest a cross: headroom -")


def test_an_account_below_maintenance_before_is_told_apart():
    book, market = xm.tables(
        {"instrument": ["BTCUSDT"], "quantity": [1.0], "entry_price": [60_000.0], "leverage": [10.0]},
        {"asset": ["USDT"], "amount": [10_050.0]},
        {"instrument": ["BTCUSDT"], "mark": [50_000.0], "index": [50_000.0]},
        {"asset": ["USDT"], "price": [1.0]},
        as_of="2026-11-25",
        venue="binance",
    )
    table = {"scenario": ["down", "up"], "target": ["BTC", "BTC"], "price": [-0.1, 0.1]}
    found = stress(book, market, "binance.usdm", table)
    down, up = found.frame()["remark"]
    assert down.startswith("already below maintenance before any move, still 5,130.00 USDT short")
    assert up.startswith("already below maintenance before any move, 4,830.00 USDT above after it")
    assert "0 of 1 fall below maintenance, 1 were below before" in found.words.split("\n")[0]
    assert list(found.frame()["state before"]) == ["liquidatable"] * 2
    assert list(found.frame()["state after"]) == ["bankrupt", "sound"]


def test_a_scenario_of_each_location_names_it():
    margin = read(with_places("okx.cross", 3), "okx.cross")
    found = stress(margin, "2022-11 exchange failure")
    assert found.scenario == ("2022-11 exchange failure, A", "2022-11 exchange failure, B")
    assert (found.frozen > 0).any(axis=1).all()


def test_one_of_each_location_can_be_asked_for_by_name():
    margin = read(with_places("okx.cross", 3), "okx.cross")
    every, one = stress(margin, "2022-11 exchange failure"), stress(margin, "2022-11 exchange failure, b")
    assert one.scenario == ("2022-11 exchange failure, B",)
    np.testing.assert_array_equal(one.equity[0], every.equity[1])
    with pytest.raises(xm.InputError, match="no scenario '2022-11 exchange failure, C'; did you mean"):
        stress(margin, "2022-11 exchange failure, C")


def test_margin_posted_to_an_isolated_leg_lies_at_the_venue():
    """What the venue loses it loses of the posted margin too, as in contagion; a custodian's failure leaves that."""
    book, market = xm.tables(
        {"instrument": ["BTCUSDT"], "quantity": [0.1], "margin_mode": ["isolated"], "posted_margin": [600.0]}
        | {"entry_price": [50_000.0], "leverage": [10.0]},
        {"asset": ["USDT", "USDT"], "amount": [700.0, 300.0], "location": ["", "Ceffu"]},
        {"instrument": ["BTCUSDT"], "mark": [50_000.0], "index": [50_000.0]},
        {"asset": ["USDT"], "price": [1.0]},
        {"account": ["main"], "venue": ["Binance"]},
        as_of="2026-11-25",
        venue="binance",
    )
    table = {"scenario": ["all", "half", "custodian"], "target": ["*", "Binance", "Ceffu"], "lost": [1.0, 0.5, 1.0]}
    found = stress(book, market, "binance.usdm", table).frame().set_index(["scenario", "pool"])
    wallet, leg = "USDT", "BTCUSDT isolated"
    equity = {("all", wallet): 0, ("all", leg): 0, ("half", wallet): 350, ("half", leg): 300}
    equity |= {("custodian", wallet): 100, ("custodian", leg): 600}
    assert found["equity after"].to_dict() == equity
    assert found["lost"].to_dict() == {key: {wallet: 400.0, leg: 600.0}[key[1]] - left for key, left in equity.items()}


def test_a_balance_without_a_location_lies_at_its_account_s_venue():
    book, market = xm.tables(
        {"instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [50_000.0], "leverage": [10.0]},
        {"asset": ["USDT", "USDT"], "amount": [1000.0, 500.0], "location": ["", "Ceffu"]},
        {"instrument": ["BTCUSDT"], "mark": [50_000.0], "index": [50_000.0]},
        {"asset": ["USDT"], "price": [1.0]},
        {"account": ["main"], "venue": ["Binance"]},
        as_of="2026-11-25",
        venue="binance",
    )
    found = stress(
        book, market, "binance.usdm", {"scenario": ["v", "c"], "target": ["binance", "ceffu"], "lost": [1, 1]}
    )
    assert found.lost.ravel().tolist() == [1000.0, 500.0]


def test_sensitivities_stay_as_they_are_and_say_so():
    model = next(m for m in MODELS if m.startswith("simm"))
    margin = margin_of(model, 4)
    assert (margin.run.market.kind == SENSITIVITY).all()
    found = stress(margin, "2020-03-12")
    np.testing.assert_array_equal(found.initial[0], margin.initial.value)
    assert any("sensitivities are not revalued" in n.text for n in found.notes)
