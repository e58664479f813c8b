"""Assets that wrap or stake a coin move with it: in named moves, shocks, liquidation, exposure; bad names refused."""

import numpy as np
import pytest
from xlmargin.widgets.tables import tables_of

import xlmargin as xm
from xlmargin.decide.exposure import exposure
from xlmargin.decide.moves import Moves, groups, named
from xlmargin.decide.worlds import apply
from xlmargin.shocks import moved

ASSETS = {
    "asset": ["ETH", "weETH", "aUSDC", "USDC"],
    "price": [2000.0, 2100.0, 1.01, 1.0],
    "follows": ["", "ETH", "USDC", None],
}


def desk(**more):
    """One account: a perpetual on ETH, staked ETH as collateral; a wrapped stablecoin is priced."""
    return xm.tables(
        positions={"instrument": ["ETH-PERP"], "quantity": [5.0], "entry_price": [2000.0]},
        balances={"asset": ["weETH", "USDC"], "amount": [1.0, 100.0]},
        instruments={"instrument": ["ETH-PERP"], "mark": [2000.0], "index": [2000.0]},
        assets=ASSETS | more,
        as_of="2026-11-25",
        venue="derive",
    )


def price(market, name):
    return float(market.price[list(market.assets).index(name)])


def test_a_staked_coin_moves_with_its_coin_and_a_wrapped_stablecoin_stands():
    _, market = desk()
    for after in (apply(market, named(market, {"ETH": -0.4})), moved(market, {"ETH": -0.4})):
        assert price(after, "weETH") == 2100.0 * 0.6
        assert price(after, "ETH") == 2000.0 * 0.6
        assert price(after, "aUSDC") == 1.01
    everything = apply(market, named(market, rest={"price": -0.5}))
    assert [price(everything, n) for n in ("weETH", "aUSDC")] == [1050.0, 1.01]


def test_a_price_of_its_own_wins_and_a_depeg_reaches_those_that_follow():
    _, market = desk()
    own = apply(market, named(market, {"ETH": -0.4, "weETH": -0.5}, collateral={"weETH": -0.1}))
    assert price(own, "weETH") == pytest.approx(2100.0 * 0.5 * 0.9)
    assert price(apply(market, named(market, collateral={"USDC": -0.12})), "aUSDC") == pytest.approx(1.01 * 0.88)


def test_moves_of_a_path_follow_too():
    _, market = desk()
    names, _ = groups(market)
    found = Moves.none(market, 1).follow(market, names, np.array([[0.7]]))
    assert dict(zip(market.assets, found.asset[0], strict=True)) == {
        "ETH": 0.7,
        "weETH": 0.7,
        "aUSDC": 1.0,
        "USDC": 1.0,
    }


def test_liquidation_knows_that_collateral_falls_with_the_position():
    book, market = desk()
    with_it = xm.liquidation(xm.margin(book, market, "derive.portfolio")).frame()
    without = xm.liquidation(xm.margin(*desk(follows=[""] * 4), "derive.portfolio")).frame()
    assert set(with_it["target"]) == {"ETH"}
    assert {"ETH", "weETH"} <= set(without["target"])
    falls = lambda table: table.set_index("target").loc["ETH", "down"]  # noqa: E731
    assert falls(with_it) > falls(without)


def test_exposure_counts_staked_coins_at_their_worth():
    book, market = desk()
    row = exposure(xm.margin(book, market, "derive.portfolio")).frame().set_index("underlying").loc["ETH"]
    assert row["collateral"] == pytest.approx(2100.0 / 2000.0)
    assert row["with_collateral_usd"] == pytest.approx(5 * 2000.0 + 2100.0)


def test_tables_give_the_column_back():
    assert tables_of(*desk())["assets"]["follows"] == ["", "ETH", "USDC", ""]


@pytest.mark.parametrize(
    ("follows", "words"),
    [
        (["", "EHT", "", ""], "assets row 3, column follows: weETH follows 'EHT', .* did you mean 'ETH'"),
        (["", "ETH", "weETH", ""], "assets row 4, column follows: aUSDC follows weETH, which follows another itself"),
    ],
)
def test_unknown_leaders_and_chains_are_refused(follows, words):
    with pytest.raises(xm.InputError, match=words):
        desk(follows=follows)
