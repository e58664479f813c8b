"""Lending markets: bad input is named; reserves and assetInfo payloads are read."""

import pytest

import xlmargin as xm
from tests.onchain_cases import Stack

AAVE, COMPOUND = "aave.v3", "compound.v3"


@pytest.mark.parametrize(
    ("model", "rows", "message"),
    [
        (
            AAVE,
            [{"asset": "WETH", "amount": 1}],
            "WETH is a wallet balance; Aave v3 counts what is supplied or borrowed",
        ),
        (AAVE, [{"asset": "PEPE", "amount": 1, "kind": "supplied"}], "no reserve PEPE in Aave v3; it lists DAI, USDC"),
        (
            COMPOUND,
            [{"asset": "WETH", "amount": 1, "kind": "loan"}],
            "WETH cannot be borrowed in mainnet/usdc: it lends USDC",
        ),
        (COMPOUND, [{"asset": "DAI", "amount": 1, "kind": "supplied"}], "no reserve DAI in mainnet/usdc"),
    ],
)
def test_bad_balances_are_named(model, rows, message):
    stack = Stack()
    for row in rows:
        stack.add("balances", **row)
        stack.add("assets", asset=row["asset"], price=1.0)
    with pytest.raises(xm.InputError, match=message):
        stack.margin(model)


def test_unknown_modes_markets_and_positions_are_refused():
    stack = Stack()
    stack.add("accounts", account="main", emode="stable", market="mainnet/usdx")
    stack.add("balances", asset="USDC", amount=1, kind="supplied")
    stack.add("assets", asset="USDC", price=1.0)
    with pytest.raises(xm.InputError, match="no efficiency mode 'stable'; known are none"):
        stack.margin(AAVE)
    with pytest.raises(xm.InputError, match=r"no Compound market 'mainnet/usdx'; known are .* did you mean"):
        stack.margin(COMPOUND)
    stack.add("positions", instrument="BTC-PERPETUAL", quantity=1)
    with pytest.raises(xm.InputError, match=r"aave\.v3 does not margin a perp"):
        stack.margin(AAVE)


def test_aave_payload():
    model = xm.model(AAVE)
    reserve = {"symbol": "WETH", "decimals": 18, "baseLTVasCollateral": "8050", "reserveLiquidationThreshold": "8300"}
    payload = {"market": "Base", "reserves": [reserve | {"reserveLiquidationBonus": "10500"}], "emodes": []}
    p = model.load(payload, model.params(1_790_000_000))
    assert p.by["Base"]["reserves"] == {"WETH": [8050, 8300, 10500, 18]}
    stack = Stack()
    for location in ("Base", "Aave v3"):
        stack.add("balances", asset="WETH", amount=1, kind="supplied", location=location)
    stack.add("assets", asset="WETH", price=1000.0)
    book, market = stack.tables()
    margin = xm.margin(book, market, AAVE, params=p)
    assert dict(zip(margin.pool, margin.maintenance.value, strict=True)) == {"Aave v3": 175.0, "Base": 170.0}
    with pytest.raises(xm.InputError, match="Aave reserves: KeyError"):
        model.load({"reserves": [{}]}, p)


def test_compound_payload():
    model = xm.model(COMPOUND)
    asset = {"symbol": "WETH", "borrowCollateralFactor": "830000000000000000", "scale": "1000000000000000000"}
    asset |= {"liquidateCollateralFactor": "900000000000000000", "liquidationFactor": "950000000000000000"}
    payload = {"market": "mainnet/usdc", "base": "USDC", "assets": [asset]}
    p = model.load(payload, model.params(1_790_000_000))
    assert p.by["mainnet/usdc"]["collateral"] == {"WETH": [0.83, 0.9, 0.95, 18, 0.0]}
    with pytest.raises(xm.InputError, match="Compound assetInfo: KeyError"):
        model.load({}, p)
