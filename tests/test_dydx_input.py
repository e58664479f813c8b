"""dYdX v4: bad input is named, doubts are noted, the indexer's and the chain's payloads are read."""

import pytest

import xlmargin as xm
from tests.onchain_cases import Stack

MODEL = "dydx.cross"


def account(**position) -> Stack:
    stack = Stack()
    stack.add("instruments", instrument="BTC", kind="perp", underlying="BTC", settle="USDC", mark=100000.0)
    stack.add("positions", **{"instrument": "BTC", "quantity": 1, "entry_price": 1e5, "account": "a"} | position)
    return stack


def test_users_leverage_raises_the_initial_margin_alone():
    plain, chosen = account().margin(MODEL), account(leverage=3).margin(MODEL)
    assert plain.initial.value.tolist() == [2000.0]
    assert chosen.initial.value.tolist() == [33333.4]  # ceil(1e6/3) ppm
    assert chosen.maintenance.value.tolist() == plain.maintenance.value.tolist() == [1200.0]


@pytest.mark.parametrize(
    ("position", "message"),
    [
        ({"leverage": 51}, "positions row 2, column leverage: 51x is above the 50x allowed for BTC"),
        ({"side": "short", "quantity": -1}, "dYdX keeps one net position"),
        ({"margin_mode": "isolated"}, "isolated BTC needs its posted margin"),
    ],
)
def test_bad_positions_are_named(position, message):
    with pytest.raises(xm.InputError, match=message):
        account(**position).margin(MODEL)


def test_an_isolated_market_in_a_cross_account_and_foreign_collateral():
    stack = account()
    stack.scope("NEW", tier="Isolated", atomic_resolution=-6, market_type="isolated")
    stack.add("instruments", instrument="NEW", kind="perp", underlying="NEW", settle="USDC", mark=1.0)
    stack.add("positions", instrument="NEW", quantity=10, entry_price=1.0, account="a")
    stack.add("balances", asset="BTC", amount=1, account="a")
    with pytest.raises(xm.InputError) as caught:
        stack.margin(MODEL)
    assert "NEW is an isolated market" in str(caught.value)
    assert "BTC is no margin of dYdX; it takes USDC" in str(caught.value)


def test_a_market_without_a_tier_is_refused():
    stack = Stack()
    stack.add("instruments", instrument="ABC", kind="perp", underlying="ABC", settle="USDC", mark=1.0)
    stack.add("positions", instrument="ABC", quantity=10, entry_price=1.0, account="a")
    with pytest.raises(xm.InputError, match=r"no parameters in dydx\.cross for ABC"):
        stack.margin(MODEL)


def test_doubts_and_missing_open_interest_are_noted():
    stack = Stack()
    stack.add("instruments", instrument="SOL", kind="perp", underlying="SOL", settle="USDC", mark=200.0)
    stack.add("positions", instrument="SOL", quantity=10, entry_price=200.0, account="a")
    texts = [n.text for n in stack.margin(MODEL).notes]
    assert any("open interest is not given" in t for t in texts)
    assert any("early repository genesis" in t for t in texts)


def test_indexer_payload():
    model = xm.model(MODEL)
    market = {
        "ticker": "SOL-USD",
        "initialMarginFraction": "0.05",
        "maintenanceMarginFraction": "0.03",
        "openInterestLowerCap": "20000000",
        "openInterestUpperCap": "50000000",
        "atomicResolution": -7,
        "marketType": "CROSS",
    }
    p = model.load({"markets": {"SOL-USD": market}}, model.params(1_790_000_000))
    assert p["tiers"]["SOL-USD (indexer)"] == [50000, 600000, 20e6, 50e6]
    stack = Stack()
    stack.add(
        "instruments",
        instrument="SOL",
        kind="perp",
        underlying="SOL",
        settle="USDC",
        mark=200.0,
        open_interest=175000.0,
    )
    stack.add("positions", instrument="SOL", quantity=10, entry_price=200.0, account="a")
    book, market = stack.tables()
    margin = xm.margin(book, market, MODEL, params=p)
    assert margin.initial.value.tolist() == [2000 * (0.05 + 0.95 * 0.5)]
    assert not any("genesis" in n.text for n in margin.notes)


def test_chain_tiers_payload():
    model = xm.model(MODEL)
    tier = {
        "name": "Large-Cap",
        "initialMarginPpm": 25000,
        "maintenanceFractionPpm": 500000,
        "openInterestLowerCap": "0",
        "openInterestUpperCap": "0",
    }
    p = model.load({"liquidityTiers": [tier]}, model.params(1_790_000_000))
    assert p["tiers"]["Large-Cap"] == [25000, 500000, 0.0, 0.0]
    with pytest.raises(xm.InputError, match="dYdX response: KeyError 'markets'"):
        model.load({}, model.params(1_790_000_000))
