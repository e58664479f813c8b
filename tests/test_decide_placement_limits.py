"""What may stand where: limits, fees, names of one contract, sizes that a venue refuses, owners, bad input."""

from dataclasses import replace

import numpy as np
import pytest

import xlmargin as xm
from tests.placement_desks import (
    FORWARD,
    MODELS,
    PERP,
    SPOT,
    desk,
    instruments,
    option,
)
from xlmargin.decide.placement import place
from xlmargin.errors import InputError

HEDGED = [("D", option(90_000, "C"), -5.0), ("R", option(90_000, "C"), 5.0)]


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


def test_a_venue_that_refuses_a_size_is_passed_over():
    """Paradex lends itself to any size, Binance's brackets end: what is too large stays out, whatever the margin."""
    listed = {"instrument": ["BTCUSDT"], "mark": [100_000.0], "index": [100_000.0]}
    book, market = xm.tables(
        positions={"account": ["B", "B"], "instrument": ["BTCUSDT"] * 2, "quantity": [1.0, 1.0]},
        instruments=listed,
        assets={"asset": ["USDT"], "price": [1.0]},
        accounts={"account": ["B", "Y"], "venue": ["binance", "bybit"]},
        as_of="2026-11-01",
    )
    hedge = {"instrument": ["BTCUSDT"], "quantity": [30_000.0], "price": [100_000.0]}
    models = {"binance": "binance.usdm", "bybit": "bybit.portfolio"}
    found = place(book, market, models, movable=[], hedges=hedge)
    assert found.frame()["to"].tolist() == ["Y"]
    table = found.gains().set_index("arrangement")
    assert np.isnan(table.loc["everything in one pot: B", "required"])
    assert "the top bracket ends at" in table.loc["everything in one pot: B", "remark"]


def test_isolated_and_hedge_mode_legs_stay():
    listed = {"instrument": ["BTCUSDT"], "mark": [100_000.0], "index": [100_000.0]}
    book, market = xm.tables(
        positions={
            "account": ["B", "Y"],
            "instrument": ["BTCUSDT"] * 2,
            "quantity": [1.0, 1.0],
            "margin_mode": ["isolated", "cross"],
            "posted_margin": [20_000.0, None],
        },
        balances={"account": ["B", "Y"], "asset": ["USDT"] * 2, "amount": [50_000.0] * 2},
        instruments=listed,
        assets={"asset": ["USDT"], "price": [1.0]},
        accounts={"account": ["B", "Y"], "venue": ["binance", "bybit"]},
        as_of="2026-11-01",
    )
    models = {"binance": "binance.usdm", "bybit": "bybit.portfolio"}
    found = place(book, market, models)
    assert found.frame()["from"].tolist() == ["Y"]
    own = xm.margin(book.take([0]), market, "binance.usdm")
    assert found.before[0] == pytest.approx(own.initial.value.sum())
    book = replace(book, legs=book.legs.slice(0, 1).at(slice(0, 1), np.zeros(1, np.int64), 2))
    with pytest.raises(InputError, match="isolated and hedge-mode legs stay where they are"):
        place(book, market, models, movable=["BTCUSDT"])


def test_a_clash_says_what_no_account_can_hold_beside_what_it_holds():
    listed = instruments()
    ether = {"kind": "perp", "underlying": "ETH", "settle": "USDC", "index_confidence": 1.0, "confidence": 1.0}
    listed.loc[len(listed)] = {"instrument": "ETH-PERP", "mark": 2_600.0, "index": 2_600.0, **ether}
    book, market = desk([("D", PERP, 1.0)], {"D": "derive"}, listed=listed)
    hedge = {"instrument": ["ETH-PERP"], "quantity": [5.0]}
    with pytest.raises(
        InputError, match=r"no placement: ETH-PERP beside what is held \(D: .*one underlying an account"
    ):
        place(book, market, {"derive": "derive.portfolio"}, hedges=hedge)


def test_a_contract_may_be_listed_under_another_name_of_the_same_pay_off():
    """A linear call on Derive and an inverse one on Deribit are told to be one: they offset in one account."""
    there = "BTC-25DEC26-90000-C"
    listed = instruments(contract_size=1.0, inverse=False)
    row = dict(listed.iloc[7]) | {"instrument": there, "settle": "BTC", "quote": "USD", "inverse": True}
    listed.loc[len(listed)] = row | {"mark": row["mark"] / FORWARD}
    assert row["strike"] == 90_000.0
    assert row["option_type"] == "C"
    listed.loc[len(listed)] = dict(listed.iloc[0]) | {"instrument": "BTC-PERPETUAL", "settle": "BTC", "inverse": True}
    book, market = desk([("D", option(90_000, "C"), 2.0), ("R", there, -2.0)], listed=listed)
    table = {"instrument": [option(90_000, "C")], "venue": ["R"], "listed_as": [there]}
    found = place(book, market, MODELS, movable=[option(90_000, "C")], eligible=table)
    assert found.frame()[["to", "as", "quantity"]].to_numpy().tolist() == [["R", there, 2.0]]
    assert found.required == pytest.approx(0.0, abs=1e-6)
    table = {"instrument": [PERP], "venue": ["R"], "listed_as": ["BTC-PERPETUAL"]}
    book, market = desk([("D", PERP, 2.0), ("R", there, -2.0)], listed=listed)
    with pytest.raises(InputError, match="BTC-PERPETUAL is not BTC-PERP by another name: its kind or pay-off differs"):
        place(book, market, MODELS, movable=[PERP], eligible=table)


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
