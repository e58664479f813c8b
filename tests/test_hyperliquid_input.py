"""Hyperliquid: bad input is named, what the venue accepts is noted, the meta payload is read."""

import pytest

import xlmargin as xm
from tests.onchain_cases import Stack, readds, row_of
from xlmargin.rulebooks.hyperliquid import portfolio

CROSS, PORTFOLIO = "hyperliquid.cross", "hyperliquid.portfolio"


def account(**position) -> Stack:
    stack = Stack()
    row = {"instrument": "BTC", "kind": "perp", "underlying": "BTC", "settle": "USDC", "mark": 100000.0}
    stack.add("instruments", **row)
    stack.add("positions", **{"instrument": "BTC", "quantity": 1, "entry_price": 1e5, "account": "a"} | position)
    return stack


@pytest.mark.parametrize(
    ("position", "message"),
    [
        ({"leverage": 50}, "positions row 2, column leverage: 50x is above the 40x allowed for BTC"),
        ({"leverage": 2.5}, "whole number at Hyperliquid, not 2.5"),
        ({"side": "long"}, "Hyperliquid keeps one net position"),
        ({"margin_mode": "isolated"}, "isolated BTC needs its posted margin"),
    ],
)
def test_bad_positions_are_named(position, message):
    with pytest.raises(xm.InputError, match=message):
        account(**position).margin(CROSS)


def test_a_coin_without_tiers_and_a_foreign_balance_are_refused():
    stack = account()
    stack.add("instruments", instrument="XYZ", kind="perp", underlying="XYZ", settle="USDC", mark=1.0)
    stack.add("positions", instrument="XYZ", quantity=1, entry_price=1.0, account="a")
    stack.add("balances", asset="USDT", amount=1, account="a")
    with pytest.raises(xm.InputError) as caught:
        stack.margin(CROSS)
    text = str(caught.value)
    assert "no margin tiers for XYZ in hyperliquid.cross" in text
    assert "balances row 2, column asset: USDT is no margin of Hyperliquid's perpetuals" in text


def test_what_the_venue_accepts_is_noted():
    stack = account(quantity=2000, leverage=40)
    stack.add("orders", instrument="BTC", quantity=1, limit_price=99000, account="a")
    texts = [n.text for n in stack.margin(CROSS).notes]
    assert any("leverage above what the tier" in t for t in texts)
    assert any("open orders reserve no margin" in t for t in texts)


def test_before_2024_there_are_no_parameters():
    with pytest.raises(xm.NoVersion):
        xm.model(CROSS).params(1_600_000_000)


def test_meta_payload():
    payload = {
        "universe": [
            {"name": "BTC", "szDecimals": 5, "maxLeverage": 40, "marginTableId": 56},
            {"name": "NEW", "szDecimals": 0, "maxLeverage": 3, "marginTableId": 3, "onlyIsolated": True},
        ],
        "marginTables": [
            [
                56,
                {
                    "description": "tiered 40x",
                    "marginTiers": [
                        {"lowerBound": "0.0", "maxLeverage": 40},
                        {"lowerBound": "150000000.0", "maxLeverage": 20},
                    ],
                },
            ],
        ],
    }
    model = xm.model(CROSS)
    p = model.load([payload, []], model.params(1_790_000_000))
    assert p["only_isolated"] == ["NEW"]
    assert set(p["tiers"]["key"]) >= {"BTC", "NEW", "ETH"}
    stack = Stack()
    stack.add("instruments", instrument="NEW", kind="perp", underlying="NEW", settle="USDC", mark=2.0)
    stack.add("positions", instrument="NEW", quantity=30, entry_price=2.0, account="a")
    book, market = stack.tables()
    with pytest.raises(xm.InputError, match="NEW may only be held isolated"):
        xm.margin(book, market, CROSS, params=p)
    with pytest.raises(xm.InputError, match="meta response of Hyperliquid: KeyError 'universe'"):
        model.load({}, model.params(1_790_000_000))


def test_portfolio_margin_says_what_it_does_not_know():
    stack = account(leverage=10)
    for asset in ("HYPE", "BTC"):
        stack.add("balances", asset=asset, amount=1, kind="supplied", account="a")
        stack.add("assets", asset=asset, price=40.0)
    margin = stack.margin(PORTFOLIO)
    texts = [n.text for n in margin.notes]
    assert portfolio.FORMULA in texts
    assert portfolio.SEVERAL in texts
    readds(margin, ["a"])
    assert row_of(margin)["a"] == 0
