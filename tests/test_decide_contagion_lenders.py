"""Lenders in a contagion: repaid shares, bonuses and penalties by hand, collateral that pulls perpetuals down."""

from dataclasses import replace

import numpy as np
import pytest

import xlmargin as xm
from tests.contagion_books import MODEL, WHOLE, check, perps
from xlmargin.decide.contagion import contagion
from xlmargin.decide.contagion.lenders import Terms


def aave(*accounts):
    """Accounts with ETH supplied and USDC borrowed."""
    who = [f"a{n}" for n in range(len(accounts))]
    eth, usdc = zip(*accounts, strict=True)
    return xm.tables(
        balances={
            "account": who * 2,
            "asset": ["WETH"] * len(who) + ["USDC"] * len(who),
            "amount": [*eth, *usdc],
            "kind": ["supplied"] * len(who) + ["loan"] * len(who),
        },
        assets={"asset": ["WETH", "USDC"], "price": [2_000.0, 1.0]},
        accounts={"account": who, "venue": ["aave"] * len(who)},
        as_of="2026-11-25",
    )


@pytest.mark.parametrize(
    ("move", "seized", "repaid"),
    [
        (-0.16, 7_350.0, 7_000.0),
        (-0.25, 14_700.0, 14_000.0),
        (-0.35, 13_000.0, 13_000.0 / 1.05),
    ],
)
def test_a_lender_repays_half_or_all_and_keeps_the_bonus(move, seized, repaid):
    """10 ETH at 2,000 against 14,000 USDC, threshold 82.5 %, bonus 5 %: health 0.99, 0.884 and 0.766."""
    book, market = aave((10.0, 14_000.0), (10.0, 5_000.0))
    table = {"asset": ["WETH"], "depth": [20_000.0]}
    found = contagion(book, market, {"aave": "aave.v3"}, {"price": {"WETH": move}}, depth=table)
    check(found)
    assert found.broke.tolist() == [1, -1]
    assert found.flows["bonus"][0] == pytest.approx(-(seized - repaid))
    assert found.totals["liquidators"] == pytest.approx(seized - repaid)
    assert found.sold[0] == pytest.approx(seized + repaid)
    left = 14_000.0 - repaid if seized == 13_000.0 else 0.0
    assert found.totals["uncovered"] == pytest.approx(-left)
    coins = seized / (1 + move)
    assert found.factor[found.name == "WETH"][0] == pytest.approx((1 + move) * (1 - coins / 2e6))
    held = found.cohorts[0].book.cash
    assert held.amount[held.row == 0].tolist() == pytest.approx(
        [10.0 - seized / (2_000 * (1 + move)), -(14_000.0 - repaid) if left == 0 else 0.0], abs=1e-9
    )


def test_a_lender_and_a_venue_of_perpetuals_pull_each_other_down():
    """Seized ETH moves the perpetual, whose liquidation moves the collateral of the next borrower."""
    lent = {
        "account": ["b1", "b1", "b2", "b2", "p"],
        "asset": ["WETH", "USDC", "WETH", "USDC", "USDT"],
        "amount": [10.0, 14_000.0, 10.0, 13_550.0, 510.0],
        "kind": ["supplied", "loan", "supplied", "loan", "wallet"],
    }
    book, market = xm.tables(
        {"account": ["p"], "instrument": ["ETHUSDT"], "quantity": [1.5], "entry_price": [2_000.0], "leverage": [5.0]},
        lent,
        {"instrument": ["ETHUSDT"], "mark": [2_000.0]},
        {"asset": ["WETH", "USDC", "USDT"], "price": [2_000.0, 1.0, 1.0], "follows": ["ETH", "", ""]},
        accounts={"account": ["b1", "b2", "p"], "venue": ["aave", "aave", "binance"]},
        as_of="2026-11-25",
    )
    models = {"aave": "aave.v3", "binance": MODEL}
    shock = {"price": {"ETH": -0.157}}
    calm = contagion(book, market, models, shock)
    assert calm.broke.tolist() == [1, -1, -1]
    assert any("no price impact of ETH" in n.text for n in calm.notes)
    found = contagion(book, market, models, shock, depth={"underlying": ["ETH"], "depth": [4_000.0]}, rules=WHOLE)
    check(found)
    assert found.broke.tolist() == [1, 3, 2]
    first = 2_000 * 0.843
    seized = 7_000 * 1.05 / first
    second = first * (1 - seized * 2_000 / 4e5)
    assert 10 * second * 0.825 > 13_550.0
    assert 510 + 1.5 * (second - 2_000) < 0
    third = first * (1 - (seized + 1.5) * 2_000 / 4e5)
    assert 10 * third * 0.825 < 13_550.0
    last = seized + 1.5 + 6_775 * 1.05 / third
    assert found.factor[found.name == "ETH"][0] == pytest.approx(first * (1 - last * 2_000 / 4e5) / 2_000)


def test_terms_of_lenders_are_their_own_parameters():
    """Aave: half, all at or below 0.95 or under 2,000 USD, 5 % on WETH; Compound: the penalty of the pool's market."""
    book, market = aave((10.0, 14_000.0))
    made, checked = xm.session(book, market, "aave.v3")
    terms = Terms.of(made)
    assert (terms.share, terms.whole_health, terms.whole_below) == (0.5, 0.95, 2_000)
    assert terms.bonus(made.pooled(checked)).tolist() == pytest.approx([0.05, 0.045])
    settings = {"market": np.array(["arbitrum/usdc"], object)}
    made, checked = xm.session(replace(book, settings=book.settings | settings), market, "compound.v3")
    assert Terms.of(made).bonus(made.pooled(checked)).tolist() == pytest.approx([1 / 0.95 - 1, 0.0])
    made, checked = xm.session(*perps([("a", "BTCUSDT", 1.0)], {"a": 1.0}), MODEL)
    assert Terms.of(made).share == 1.0
    assert not Terms.of(made).bonus(made.pooled(checked)).any()


def test_a_compound_account_pays_the_penalty_of_its_market():
    """10 ETH at 2,000, liquidated at 85 %, penalty 1 / 0.95: at −20 % a debt of 14,000 takes 14,736.84 of 16,000."""
    book, market = aave((10.0, 14_000.0))
    settings = {"market": np.array(["arbitrum/usdc"], object)}
    book = replace(book, settings=book.settings | settings)
    found = contagion(book, market, "compound.v3", {"price": {"WETH": -0.2}})
    check(found)
    assert found.broke.tolist() == [1]
    assert found.flows["bonus"][0] == pytest.approx(-14_000.0 * (1 / 0.95 - 1))
    assert found.after[0] == pytest.approx(16_000.0 - 14_000.0 / 0.95)
    assert any("absorb the account whole" in n.text for n in found.notes)
