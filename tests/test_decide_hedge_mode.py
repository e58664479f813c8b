"""Both sides of an instrument held: which leg a trade goes to, and what the verbs make of it."""

import numpy as np
import pytest

import xlmargin as xm
from xlmargin.decide.hedges.hedges import hedges
from xlmargin.decide.path import path
from xlmargin.decide.placement.placement import place
from xlmargin.decide.simulate.prevent import prevent
from xlmargin.decide.trades import Trades, traded
from xlmargin.decide.what_if import what_if

NAME, MODEL, MARK = "BTC-USDT-SWAP", "okx.cross", 60_000.0


def desk(isolated=False, quantity=(1.0, -0.4), side=("long", "short"), **more):
    """+1 long and −0.4 short at 10×: 8,400 of initial margin, both legs counted."""
    legs = {"account": "a", "instrument": NAME, "leverage": 10.0, "entry_price": MARK, "mark": MARK, "index": MARK}
    given = {k: [v] * len(quantity) for k, v in (legs | {"contract_size": 1.0}).items()}
    given |= {"quantity": list(quantity), "side": list(side)}
    if isolated:
        given |= {"margin_mode": ["isolated"] * len(quantity), "posted_margin": [6000.0 * abs(q) for q in quantity]}
    return xm.tables(
        positions=given | more,
        balances={"account": ["a"], "asset": ["USDT"], "amount": [20_000.0]},
        assets={"asset": ["USDT", "USD"], "price": [1.0, 1.0]},
        as_of="2026-06-01",
        venue="okx",
    )


def legs_after(quantities, sides=None, **how):
    """(side, quantity) of each leg after trades one after another."""
    book, market = desk(**how)
    n = len(quantities)
    side = np.zeros(n, np.int8) if sides is None else np.array(sides, np.int8)
    trades = Trades.of(np.zeros(n), np.zeros(n), np.array(quantities), side=side)
    legs = traded(book, market, trades).legs
    return {(int(s), round(float(q), 12)) for s, q in zip(legs.side, legs.quantity, strict=True)}


@pytest.mark.parametrize(
    ("quantities", "sides", "after"),
    [
        ([-0.5], None, {(1, 0.5), (-1, -0.4)}),
        ([0.3], None, {(1, 1.0), (-1, -0.1)}),
        ([-1.5], None, {(-1, -0.9)}),
        ([0.5], None, {(1, 1.1)}),
        ([-0.7, -0.7], None, {(-1, -0.8)}),
        ([-0.7, 0.9], None, {(1, 0.8)}),
        ([0.5], [1], {(1, 1.5), (-1, -0.4)}),
        ([-0.5], [-1], {(1, 1.0), (-1, -0.9)}),
        ([0.2, -1.1], [1, 0], {(1, 0.1), (-1, -0.4)}),
    ],
)
def test_a_trade_without_a_side_closes_the_leg_of_the_opposite_direction_first(quantities, sides, after):
    assert legs_after(quantities, sides) == after


def test_one_way_trades_turn_a_position_as_before():
    assert legs_after([-1.5], quantity=(1.0,), side=("",)) == {(0, -0.5)}


def test_a_fee_is_paid_once_where_a_trade_goes_to_both_legs():
    book, market = desk()
    trades = Trades.of(np.zeros(1), np.zeros(1), np.array([-1.5]), fee=np.array([7.0]))
    assert traded(book, market, trades).cash.amount.tolist() == [20_000.0 - 7.0]


@pytest.mark.parametrize(
    ("trade", "after"),
    [
        ({"close": [0.5]}, 4200.0),
        ({"close": [0.5], "side": ["long"]}, 5400.0),
        ({"close": [1.0], "side": ["short"]}, 6000.0),
        ({"quantity": [-0.5]}, 5400.0),
        ({"quantity": [0.4]}, 6000.0),
        ({"quantity": [0.4], "side": ["long"]}, 10_800.0),
    ],
)
def test_what_if_reaches_the_legs(trade, after):
    found = what_if(*desk(), MODEL, {"instrument": [NAME], **trade})
    assert found.before["initial"].tolist() == pytest.approx([8400.0])
    assert found.after["initial"].tolist() == pytest.approx([after])


def test_what_if_lists_a_basket_that_closes_more_of_a_leg_than_there_is():
    found = what_if(*desk(), MODEL, {"instrument": [NAME], "quantity": [-1.5], "side": ["long"]})
    assert "-0.5 on the long leg" in found.refused[0][2]


@pytest.mark.parametrize(("side", "said"), [("", "a does not hold BTC"), ("short", "does not hold a short leg of BTC")])
def test_a_share_of_nothing_is_said(side, said):
    held = ("",) if side else ("long",)
    book, market = desk(quantity=(1.0,), side=held)
    if not side:
        book = traded(book, market, Trades.of([0], [0], [-1.0]))
    with pytest.raises(xm.InputError, match=said):
        what_if(book, market, MODEL, {"instrument": [NAME], "close": [0.5], "side": [side]})


def test_an_isolated_leg_is_closed_where_it_stands():
    """Half of the long leg: half its margin is free, the short leg's pool is as it was."""
    found = what_if(*desk(isolated=True), MODEL, {"instrument": [NAME], "quantity": [-0.5]}).frame().set_index("pool")
    assert found["equity after"].to_dict() == {
        f"{NAME} long isolated": 3000.0,
        f"{NAME} short isolated": 2400.0,
        "USD": 14_600.0,
    }
    assert found["initial after"][f"{NAME} long isolated"] == pytest.approx(3000.0)


@pytest.mark.parametrize("side", ["", "long"])
@pytest.mark.parametrize(("share", "after"), [(1.0, {}), (0.5, {"USD": 3000.0, "isolated": 6000.0})])
def test_a_share_is_closed_of_the_cross_and_of_the_isolated_leg(side, share, after):
    """1 cross and 2 isolated at 10×: each leg loses its own share, and nothing turns."""
    given = desk(quantity=(1.0, 2.0), side=(side, side), margin_mode=["cross", "isolated"], posted_margin=[None, 12e3])
    found = what_if(*given, MODEL, {"instrument": [NAME], "close": [share]})
    left = {str(p).split()[-1]: v for p, v in zip(found.pool, found.after["initial"], strict=True) if v}
    assert left == pytest.approx(after)
    assert found.after["equity"].sum() == pytest.approx(20_000.0)


def test_trades_that_name_no_leg_count_on_the_cross_leg_alone():
    """1 cross and 2 isolated long, 0.5 short: a sale of 2 closes the 1 and opens 1 more short."""
    given = {"quantity": (1.0, 2.0, -0.5), "side": ("long", "long", "short")}
    given |= {"margin_mode": ["cross", "isolated", "cross"], "posted_margin": [None, 12e3, None]}
    book, market = desk(**given)
    with pytest.raises(xm.InputError, match=r"closes 2 of a long leg of 1"):
        path(book, market, MODEL, {"instrument": [NAME], "quantity": [-2.0], "side": ["long"]})
    assert legs_after([-2.0], **given) == {(1, 2.0), (-1, -1.5)}
    assert hedges(book, market, MODEL, [NAME]).search.margin.held.tolist() == [1.0, -0.5]


def test_a_path_goes_by_the_sides():
    trades = {"instrument": [NAME, NAME], "quantity": [-0.5, 0.2], "side": ["long", "short"]}
    found = path(*desk(), MODEL, trades)
    assert found.initial.tolist() == pytest.approx([8400.0, 5400.0, 4200.0])
    assert found.frame()["side"].tolist() == ["", "long", "short"]
    unsided = path(*desk(), MODEL, {k: v for k, v in trades.items() if k != "side"})
    assert unsided.initial.tolist() == pytest.approx([8400.0, 5400.0, 4200.0])
    with pytest.raises(xm.InputError, match=r"closes 1\.5 of a long leg of 1"):
        path(*desk(), MODEL, {"instrument": [NAME], "quantity": [-1.5], "side": ["long"]})


def test_prevent_closes_the_opposite_leg():
    """A fall of 40 % costs 0.6 · 24,000 = 14,400 of 20,000; of 3 long 62,400: selling first closes the long leg."""
    book, market = desk(quantity=(3.0, -0.4))
    remedy = {r.kind: r for r in prevent(book, market, MODEL, {"BTC": [-0.4]})}["hedge"]
    assert remedy.amount < 0
    after = what_if(
        book, market, MODEL, {"instrument": [NAME], "quantity": [remedy.amount]}, moves={"price": {"BTC": -0.4}}
    )
    assert after.after["equity"][0] == pytest.approx(after.after["maintenance"][0], abs=1.0)


def test_prevent_reduces_an_isolated_leg_and_hedges_it_with_nothing_else():
    book, market = desk(isolated=True)
    pool = f"{NAME} long isolated"
    found = prevent(book, market, MODEL, {"BTC": [-0.2]}, pool=pool)
    remedy = {r.kind: r for r in found}["hedge"]
    assert -1.0 <= remedy.amount < 0.0
    trades = {"instrument": [NAME], "quantity": [remedy.amount], "side": ["long"]}
    after = what_if(book, market, MODEL, trades, moves={"price": {"BTC": -0.2}}).frame().set_index("pool")
    assert after["equity after"][pool] >= after["maintenance after"][pool]
    cash = prevent(book, market, MODEL, {"BTC": [-0.2]}, pool="USD")
    assert "holds nothing of BTC" in {r.kind: r for r in cash}["hedge"].words


@pytest.mark.parametrize(
    ("candidates", "after", "trades"),
    [
        ({"instrument": [NAME], "cost": [100.0]}, 0.0, {"long": -1.0, "short": 0.4}),
        ({"instrument": [NAME], "cost": [100.0], "most": [0.5]}, 3000.0, {"long": -0.5, "short": 0.4}),
        ({"instrument": [NAME], "cost": [100.0], "most": [0.5], "side": ["long"]}, 5400.0, {"long": -0.5}),
        ({"instrument": [NAME], "lot": [0.3], "cost": [100.0]}, 1200.0, {"long": -0.9, "short": 0.3}),
    ],
)
def test_hedges_trade_either_leg_and_the_bound_covers_both(candidates, after, trades):
    """Every unit of either leg asks 6,000: no list of trades goes below what is left of both."""
    found = hedges(*desk(), MODEL, candidates, seconds=5.0)
    assert found.after == pytest.approx(after, abs=1e-3)
    assert found.bound <= after + found.cost.sum() + 1e-3
    assert dict(zip(found.side, found.quantity, strict=True)) == pytest.approx(trades, abs=1e-6)
    assert "best: " in found.words
    assert np.all(found.ranking()["quantity"].abs() <= 1.0)


def test_a_side_of_what_is_held_one_way_is_no_candidate():
    with pytest.raises(xm.InputError, match="is held in one-way mode: leave the side empty"):
        hedges(*desk(quantity=(1.0,), side=("",)), MODEL, {"instrument": [NAME], "side": ["short"]})
    found = hedges(*desk(isolated=True), MODEL, {"instrument": [NAME], "cost": [10.0]}, seconds=5.0)
    assert (found.before, found.after) == (pytest.approx(8400.0), pytest.approx(0.0, abs=1e-3))


def test_a_placement_says_that_legs_of_hedge_mode_stay():
    both = {"instrument": [NAME, NAME, "ETH-USDT-SWAP"], "quantity": [1.0, -0.4, 2.0], "side": ["long", "short", ""]}
    common = {"account": "a", "leverage": 10.0, "entry_price": MARK, "mark": MARK, "index": MARK, "contract_size": 1.0}
    book, market = xm.tables(
        positions=both | {k: [v] * 3 for k, v in common.items()},
        balances={"account": ["a", "b"], "asset": ["USDT"] * 2, "amount": [20_000.0] * 2},
        assets={"asset": ["USDT", "USD"], "price": [1.0, 1.0]},
        accounts={"account": ["a", "b"], "venue": [MODEL] * 2, "owner": ["x"] * 2},
        as_of="2026-06-01",
        venue="okx",
    )
    found = place(book, market)
    assert list(found.items.name) == ["ETH-USDT-SWAP"]
    assert [list(n.where) for n in found.notes if "hedge-mode legs stay" in n.text] == [[True, False]]


def test_a_new_leg_has_the_leverage_of_the_other_side():
    book, market = desk(quantity=(1.0,), side=("long",))
    legs = traded(book, market, Trades.of([0], [0], [-0.5], side=np.array([-1], np.int8))).legs
    assert legs.leverage.tolist() == [10.0, 10.0]
