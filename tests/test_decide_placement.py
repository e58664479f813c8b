"""Placements against every assignment margined from tables of its own; bounds, lots, limits, hedges, bad input."""

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest

import xlmargin as xm
from tests.placement_desks import (
    COIN_MODELS,
    MODELS,
    PERP,
    SPOT,
    VENUE,
    coins,
    desk,
    instruments,
    option,
    random_positions,
    required,
)
from xlmargin.decide.assign import Pots
from xlmargin.decide.placement import place
from xlmargin.errors import InputError

BY_HAND = tomllib.loads((Path(__file__).parent / "golden/decide_placement/by_hand.toml").read_text())
HEDGED = [("D", option(90_000, "C"), -5.0), ("R", option(90_000, "C"), 5.0)]


@pytest.mark.parametrize("case", BY_HAND["place"], ids=lambda c: c["name"])
def test_cases_worked_by_hand(case):
    book, market = coins(BY_HAND, case)
    how = {key: case[key] for key in ("level", "move_cost", "fees", "lots") if key in case}
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


def test_moving_must_pay_for_itself():
    book, market = desk(HEDGED)
    free = place(book, market, MODELS)
    dear = place(book, market, MODELS, move_cost=free.saved + 1.0)
    cheap = place(book, market, MODELS, move_cost=free.saved - 1.0)
    assert not dear.frame()["moves"].any()
    assert cheap.frame()["moves"].sum() == 1
    assert cheap.cost == pytest.approx(free.saved - 1.0)
    assert "at a cost of" in cheap.words


def test_fees_are_paid_on_both_ends():
    positions = [("D", PERP, 1.0), ("R", PERP, -1.0)]
    book, market = desk(positions)
    found = place(book, market, MODELS, fees={"derive": 0.001, "deribit": 0.0005})
    assert found.frame()["moves"].sum() == 1
    assert found.cost == pytest.approx(0.0015 * (SPOT + 40.0))


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


def test_only_what_is_named_moves_and_only_where_it_may():
    positions = [*HEDGED, ("Y", PERP, 1.0)]
    book, market = desk(positions)
    some = place(book, market, MODELS, movable=[PERP])
    assert set(some.frame()["instrument"]) == {PERP}
    table = {"instrument": [option(90_000, "C")] * 2, "venue": ["bybit", "R"]}
    found = place(book, market, MODELS, eligible=table)
    held = found.frame().set_index("from")["to"]
    assert held["D"] in ("D", "R", "Y")
    assert held["R"] in ("R", "Y")
    assert "the eligible table does not name" in " ".join(found.refusals()["reason"])


def test_the_most_that_may_stand_somewhere_is_kept():
    book, market = desk([("D", option(90_000, "C"), -4.0), ("R", option(90_000, "C"), 4.0)])
    table = {"instrument": [option(90_000, "C")] * 3, "venue": ["D", "R", "Y"], "most": [4.0, 4.0, 1.0]}
    found = place(book, market, MODELS, eligible=table, lots=4)
    at = found.frame().query("account == 'Y'") if "account" in found.frame() else found.frame().query("to == 'Y'")
    assert at["quantity"].abs().max() <= 1.0 if len(at) else True
    assert found.required == pytest.approx(0.0, abs=1e-6)


def test_the_same_contract_at_two_venues_is_matched_by_its_fields():
    listed = instruments(contract_size=1.0, venue="derive")
    there = {
        "instrument": "BTC_USDC-PERPETUAL",
        "mark": SPOT + 40.0,
        "index": SPOT,
        "contract_size": 0.5,
        "venue": "deribit",
    }
    listed.loc[len(listed)] = there
    book, market = desk([("D", PERP, 2.0), ("R", "BTC_USDC-PERPETUAL", -4.0)], listed=listed)
    found = place(book, market, MODELS)
    assert found.required == pytest.approx(0.0, abs=1e-6)
    moved = found.frame().query("moves")
    told = {PERP: ("BTC_USDC-PERPETUAL", 4.0), "BTC_USDC-PERPETUAL": (PERP, -2.0)}
    for name, there, quantity in zip(moved["instrument"], moved["as"], moved["quantity"], strict=True):
        assert (there, quantity) == told[name]
    assert set(found.refusals()["reason"]) == {f"Y lists no {PERP}", "Y lists no BTC_USDC-PERPETUAL"}


def test_one_pot_that_cannot_hold_all_says_why():
    listed = instruments()
    listed.loc[len(listed)] = {"instrument": "DOGE-PERP", "mark": 0.2, "index": 0.2}
    book, market = desk([("D", PERP, 1.0), ("x", "DOGE-PERP", 100.0)], {"D": "derive", "x": "paradex"}, listed=listed)
    found = place(book, market, {"derive": "derive.portfolio", "paradex": "paradex.cross"})
    table = found.gains().set_index("arrangement")
    assert np.isnan(table.loc["everything in one pot: D", "required"])
    assert "DOGE-PERP" in table.loc["everything in one pot: D", "remark"]


def test_owners_are_placed_one_at_a_time():
    book, market = desk([("D", PERP, 1.0), ("R", PERP, -1.0)], owner=["north", "south", "south"])
    with pytest.raises(InputError, match="several owners; say which: north, south"):
        place(book, market, MODELS)
    south = place(book, market, MODELS, owner="south")
    assert {p.account for p in south.pots} == {"R", "Y", "(new) derive"}
    with pytest.raises(InputError, match="did you mean 'north'"):
        place(book, market, MODELS, owner="nrth")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"movable": ["BTC-PERPS"]}, "no position in BTC-PERPS; did you mean 'BTC-PERP'"),
        ({"hedges": {"instrument": ["BTC-PERX"], "quantity": [1]}}, "the market lists no BTC-PERX; did you mean"),
        ({"hedges": {"instrument": [PERP], "quantity": [0]}}, "trades nothing"),
        ({"eligible": {"instrument": [PERP], "venue": ["deribitt"]}}, "no venue or account 'deribitt'; did you mean"),
        ({"eligible": {"instrument": ["BTC"], "venue": ["deribit"]}}, "BTC is none of what can be moved"),
        ({"lots": 0}, "lots are whole and at least 1"),
        ({"move_cost": -1.0}, "cannot be below zero"),
        ({"fees": {"derib": 0.1}}, "no venue 'derib'; did you mean 'deribit'"),
        ({"level": "initia"}, "no level 'initia'; did you mean 'initial'"),
        ({"currency": "XYZ"}, "no USD price for XYZ"),
    ],
)
def test_bad_input_is_said_in_words(how, message):
    with pytest.raises(InputError, match=message):
        place(*desk([("D", PERP, 1.0), ("R", PERP, -1.0)]), MODELS, **how)


def test_no_venue_for_a_position_says_which_and_why():
    book, market = desk([("D", option(90_000, "C"), 1.0)], {"D": "derive"})
    with pytest.raises(InputError, match="leaves too little room"):
        place(
            book,
            market,
            {"derive": "derive.portfolio"},
            eligible={"instrument": [option(90_000, "C")], "venue": ["derive"], "most": [0.5]},
        )
    hedge = {"instrument": [option(90_000, "C")], "quantity": [1.0]}
    book, market = desk([("H", PERP, 1.0)], {"H": "hyperliquid"})
    with pytest.raises(InputError, match=r"hyperliquid\.cross does not margin an option"):
        place(book, market, {"hyperliquid": "hyperliquid.cross"}, hedges=hedge)
    with pytest.raises(InputError, match="no model for 'derive'"):
        place(*desk([("D", PERP, 1.0)], {"D": "derive"}), {"deriv": "derive.portfolio"})
    with pytest.raises(xm.UnknownModel, match=r"did you mean 'derive\.portfolio'"):
        place(*desk([("D", PERP, 1.0)], {"D": "derive"}), {"derive": "derive.portfoli"})
    with pytest.raises(InputError, match="nothing to place"):
        place(*desk([("D", PERP, 1.0)], {"D": "derive"}), {"derive": "derive.portfolio"}, movable=[])


def test_sharing_out_is_exact_against_every_sharing():
    """Random costs of loads, two pots and three, things in lots: as the plain minimum over all sharings."""
    rng = np.random.default_rng(5)
    lots = np.array([2, 1, 3])
    shape = tuple(lots + 1)
    for pots in (1, 2, 3):
        tables = [rng.normal(size=shape) for _ in range(pots)]
        tables[0][1, 0, 2] = np.inf
        found = Pots([lambda n, t=t: t[tuple(n.T)] for t in tables], lots).exact()
        ways = itertools.product(itertools.product(*(range(n + 1) for n in lots)), repeat=pots)
        whole = [w for w in ways if tuple(np.sum(w, axis=0)) == tuple(lots)]
        assert found.cost == pytest.approx(min(sum(t[x] for t, x in zip(tables, w, strict=True)) for w in whole))
        assert (found.counts.sum(axis=0) == lots).all()
        assert sum(t[tuple(c)] for t, c in zip(tables, found.counts, strict=True)) == pytest.approx(found.cost)
