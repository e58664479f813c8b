"""Placements against every assignment margined from tables of its own; bounds, lots, limits, hedges, bad input."""

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests.law_books import GENERATORS, PARAMS
from tests.placement_desks import (
    COIN_MODELS,
    MODELS,
    PERP,
    SPOT,
    VENUE,
    coins,
    desk,
    option,
    random_positions,
    required,
)
from xlmargin.comparison import in_currency
from xlmargin.decide.placement import place
from xlmargin.decide.placement.arrangements import LAW

BY_HAND = tomllib.loads((Path(__file__).parent / "golden/decide_placement/by_hand.toml").read_text())
HEDGED = [("D", option(90_000, "C"), -5.0), ("R", option(90_000, "C"), 5.0)]


@pytest.mark.parametrize("case", BY_HAND["place"], ids=lambda c: c["name"])
def test_cases_worked_by_hand(case):
    book, market = coins(BY_HAND, case)
    how = {key: case[key] for key in ("level", "move_cost", "fees", "lots", "transfer_cost") if key in case}
    if "hedge" in case:
        how |= {"movable": [], "hedges": {"instrument": ["BTC"], "quantity": [case["hedge"]]}}
    if "most" in case:
        how["eligible"] = {"instrument": ["BTC", "BTC"], "venue": ["H", "X"], "most": [np.nan, case["most"]]}
    found = place(book, market, COIN_MODELS, **how)
    assert found.exact
    assert found.before.sum() == pytest.approx(case["before"])
    assert found.required == pytest.approx(case["after"])
    assert found.cost == pytest.approx(case.get("cost", 0.0))
    table = found.frame()
    assert {a: own["quantity"].tolist() for a, own in table.groupby("to")} == case["at"]
    told = dict(zip(found.venues()["account"], found.venues()["to bring"], strict=True))
    assert case.get("to_bring", told) == pytest.approx(told)


def brute(positions, level="initial", accounts=VENUE, models=MODELS):
    """The least over all assignments."""
    return min(
        required([(a, n, q) for a, (_, n, q) in zip(to, positions, strict=True)], accounts, level, models)
        for to in itertools.product(accounts, repeat=len(positions))
    )


def as_placed(found):
    """The positions as placed, to be margined anew."""
    table = found.frame()
    return list(zip(table["to"], table["instrument"], table["quantity"], strict=True))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("level", ["initial", "maintenance"])
def test_the_placement_is_the_least_of_all_assignments(seed, level):
    positions = random_positions(np.random.default_rng(seed), 4)
    found = place(*desk(positions), MODELS, level=level)
    assert found.exact
    assert found.required == pytest.approx(brute(positions, level), rel=1e-9)
    assert found.required == pytest.approx(required(as_placed(found), level=level), rel=1e-9)
    assert found.bound == pytest.approx(found.required)
    assert found.before.sum() == pytest.approx(required(positions, level=level), rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_figures_as_held_are_those_of_the_margins(seed):
    positions = random_positions(np.random.default_rng(seed), 9)
    book, market = desk(positions)
    found = place(book, market, MODELS)
    for r, account in enumerate(VENUE):
        own = xm.margin(book.take([r]), market, MODELS[VENUE[account]])
        assert found.before[r] == pytest.approx(own.initial.value.sum())
        assert found.equity[r] == pytest.approx(own.equity.value.sum())
    table = found.gains().set_index("arrangement")["required"]
    assert table["as held now"] == pytest.approx(found.before.sum())
    assert table["best placement"] == pytest.approx(found.required)
    for account in VENUE:
        together = [(account, n, q) for _, n, q in positions]
        assert table[f"everything in one pot: {account}"] == pytest.approx(required(together), rel=1e-9)
    alone = sum(required([p]) for p in positions)
    assert table["each position by itself, where it is held"] == pytest.approx(alone, rel=1e-9)
    assert found.required <= table.min() + 1e-6


def test_two_accounts_that_hedge_each_other_become_one_pot():
    found = place(*desk(HEDGED), MODELS)
    assert found.required == pytest.approx(0.0, abs=1e-6)
    assert found.saved == pytest.approx(found.before.sum())
    assert found.frame()["to"].nunique() == 1
    assert found.frame()["moves"].sum() == 1
    assert "1 position moves" in found.words
    assert "proved least" in found.words


def test_positions_stay_where_nothing_is_gained():
    found = place(*desk([("D", PERP, 1.0)], {"D": "derive"}), {"derive": "derive.portfolio"})
    assert not found.frame()["moves"].any()
    assert "nothing moves" in found.words


@pytest.mark.parametrize("seed", range(4))
def test_exchanges_reach_what_going_through_all_finds_on_small_books(seed):
    positions = random_positions(np.random.default_rng(10 + seed), 9)
    exact = place(*desk(positions), MODELS)
    search = place(*desk(positions), MODELS, exact_up_to=1)
    assert exact.exact
    assert not search.exact
    assert search.required >= exact.required - 1e-6
    assert search.required <= 1.02 * exact.required + 1e-6
    assert search.required == pytest.approx(required(as_placed(search)), rel=1e-9)
    assert "no bound is known" in search.proof


@pytest.mark.parametrize("seed", range(3))
def test_accounts_under_one_rule_that_merging_never_raises_have_a_bound(seed):
    accounts = {"a": "deribit", "b": "deribit", "c": "deribit"}
    positions = random_positions(np.random.default_rng(seed), 14, "abc")
    found = place(*desk(positions, accounts), {"deribit": "deribit.portfolio"})
    assert not found.exact
    together = required([("a", n, q) for _, n, q in positions], {"a": "deribit"})
    assert found.bound == pytest.approx(together, rel=1e-9)
    assert found.bound - 1e-6 <= found.required <= found.before.sum() + 1e-6
    assert found.saved >= 0
    assert "no placement is below" in found.words
    assert ("proved least" in found.words) == (found.required <= found.bound * (1 + 1e-9))


@pytest.mark.parametrize("model", [m for m in xm.models() if LAW not in xm.model(m).exceptions])
def test_the_law_behind_the_bound_holds_for_initial_margin_too(model):
    """The laws test merging on maintenance; placements lean on it for both."""
    if not set(xm.model(model).needs) & {"perp", "option", "future", "spot"}:
        pytest.skip(f"{model} holds no positions that could be placed")
    for seed in range(6):
        tables = {k: pd.DataFrame(v) for k, v in GENERATORS[model](np.random.default_rng(seed), 2).items()}
        one = {k: v.assign(account="all") if "account" in v else v for k, v in tables.items() if k != "accounts"}
        needs = []
        for given in (tables, one):
            book, market = xm.tables(**given)
            params = PARAMS[model](market.as_of) if model in PARAMS else None
            found = xm.margin(book, market, model, params=params)
            needs.append((found.initial.value * in_currency(found)).sum())
        assert needs[1] <= needs[0] * (1 + 1e-8)


def test_lots_are_a_finer_choice():
    positions = [("D", PERP, 4.0), ("D", option(80_000, "P"), 3.0), ("R", PERP, -2.0)]
    whole, split = (place(*desk(positions), MODELS, lots=n) for n in (1, 4))
    assert split.exact
    assert split.required <= whole.required + 1e-6
    grid = []
    for x, y, z in itertools.product(itertools.product(range(5), repeat=2), repeat=3):
        if max(sum(x), sum(y), sum(z)) > 4 or len(grid) > 400:
            continue
        grid.append((x, y, z))
    for x, y, z in grid[:: max(1, len(grid) // 12)]:
        held = []
        for (_, name, q), (d, r) in zip(positions, (x, y, z), strict=True):
            parts = zip("DRY", (d, r, 4 - d - r), strict=True)
            held += [(a, name, q * n / 4) for a, n in parts if n]
        assert split.required <= required(held) + 1e-6
    assert split.frame().groupby("instrument")["quantity"].sum().to_dict() == pytest.approx(
        {PERP: 2.0, option(80_000, "P"): 3.0}
    )


def test_a_venue_without_an_account_is_a_candidate():
    book, market = desk([("D", option(90_000, "C"), -5.0)], {"D": "derive"})
    found = place(book, market, MODELS)
    accounts = {"D": "derive", "(new) deribit": "deribit", "(new) bybit": "bybit"}
    each = {a: required([(a, option(90_000, "C"), -5.0)], {a: v}) for a, v in accounts.items()}
    assert found.required == pytest.approx(min(each.values()))
    assert found.frame()["to"].tolist() == [min(each, key=each.get)]
    assert found.venues()["account"].tolist() == list(accounts)


def test_a_hedge_goes_where_it_helps_and_positions_may_be_held_in_place():
    book, market = desk([("R", option(90_000, "C"), -5.0), ("D", PERP, 0.5)])
    hedge = {"instrument": [option(90_000, "C")], "quantity": [5.0]}
    found = place(book, market, MODELS, movable=[], hedges=hedge)
    assert found.frame()[["from", "to"]].to_numpy().tolist() == [["(hedge)", "R"]]
    each = [required([("R", option(90_000, "C"), -5.0), ("D", PERP, 0.5), (a, option(90_000, "C"), 5.0)]) for a in "DY"]
    there = required([("D", PERP, 0.5)])
    assert found.required == pytest.approx(there)
    assert found.required < min(each)
    assert found.gains()["remark"].iloc[0] == "without the hedges"


def test_figures_may_be_in_a_coin():
    """Inverse perpetuals at two Deribit accounts: what is required in BTC, in USD at its price, and one pot."""
    name = "BTC-PERPETUAL"
    book, market = xm.tables(
        positions={"account": ["a", "b"], "instrument": [name] * 2, "quantity": [500_000.0, -300_000.0]},
        balances={"account": ["a", "b"], "asset": ["BTC"] * 2, "amount": [1.0, 1.0]},
        instruments={"instrument": [name], "mark": [SPOT], "index": [SPOT]},
        assets={"asset": ["BTC"], "price": [SPOT]},
        accounts={"account": ["a", "b"], "venue": ["deribit"] * 2},
        as_of=1.79e9,
    )
    coin, money = (place(book, market, {"deribit": "deribit.portfolio"}, currency=c) for c in ("BTC", "USD"))
    held = xm.margin(book, market, "deribit.portfolio")
    assert coin.before == pytest.approx(held.initial.value)
    assert money.required == pytest.approx(coin.required * SPOT)
    assert coin.required < 0.3 * coin.before.sum()


def test_notes_of_the_models_come_with_the_answer():
    found = place(
        *desk([("Y", PERP, 1.0), ("Y", option(80_000, "P"), 1.0)], {"Y": "bybit"}), {"bybit": "bybit.portfolio"}
    )
    assert any("contingency of delta" in note.text or "collateral ratios" in note.text for note in found.notes)
    assert "on what this rests on" in found.words


def test_what_must_be_brought_where_is_said():
    """Nothing stands at the accounts: each account's requirement is to be brought, and the words say it."""
    book, market = desk([("D", PERP, 10.0), ("R", option(80_000, "C"), -2.0)], cash=10.0)
    found = place(book, market, MODELS)
    lacking = found.venues().query("`to bring` > 0").sort_values("to bring", ascending=False)
    told = ", ".join(f"{r['to bring']:,.2f} to {r['account']}" for _, r in lacking.iterrows())
    assert len(lacking)
    assert f"equity to bring: {told};" in found.words
    assert "to bring" not in place(*desk(HEDGED), MODELS).words
