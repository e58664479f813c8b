"""Paradex: bad input is named, what is not known is noted, the venue's payloads are read."""

import pytest

import xlmargin as xm
from tests.onchain_cases import Stack

CROSS, PORTFOLIO = "paradex.cross", "paradex.portfolio"


def account(coin="BTC", **position) -> Stack:
    stack = Stack()
    stack.add("instruments", instrument=f"{coin}-USD-PERP", mark=100000.0, index=100000.0)
    given = {"instrument": f"{coin}-USD-PERP", "quantity": 1, "entry_price": 1e5, "account": "a"}
    stack.add("positions", **given | position)
    stack.add("assets", asset="USDC", price=1.0)
    return stack


@pytest.mark.parametrize(
    ("model", "position", "message"),
    [
        (CROSS, {"leverage": 51}, "positions row 2, column leverage: 51x is above the 50x allowed for BTC-USD-PERP"),
        (CROSS, {"side": "long"}, "Paradex keeps one net position"),
        (CROSS, {"margin_mode": "isolated"}, "isolated BTC-USD-PERP needs its posted margin"),
        (
            PORTFOLIO,
            {"margin_mode": "isolated", "posted_margin": 5},
            "portfolio margin margins one pool; allowed: cross",
        ),
        (PORTFOLIO, {"side": "short"}, "Paradex keeps one net position"),
    ],
)
def test_bad_positions_are_named(model, position, message):
    with pytest.raises(xm.InputError, match=message):
        account(**position).margin(model)


def test_missing_tables_are_refused():
    with pytest.raises(xm.InputError, match=r"no parameters in paradex\.portfolio for SOL-USD-PERP"):
        account("SOL").margin(PORTFOLIO)
    stack = account("SOL")
    stack.add("instruments", instrument="SOL-USD-25DEC26-200-C", mark=10.0, index=200.0)
    stack.add("positions", instrument="SOL-USD-25DEC26-200-C", quantity=1, account="a")
    with pytest.raises(xm.InputError, match=r"no option parameters for SOL in paradex\.cross"):
        stack.margin(CROSS)
    stack = Stack()
    stack.add("instruments", instrument="BTC-USD-PERP")
    stack.add("positions", instrument="BTC-USD-PERP", quantity=1)
    stack.add("assets", asset="USDC", price=1.0)
    with pytest.raises(xm.InputError, match="column mark: missing for BTC-USD-PERP"):
        stack.margin(CROSS)


def test_users_leverage_raises_the_initial_margin_alone():
    plain, chosen = account().margin(CROSS), account(leverage=10).margin(CROSS)
    assert (plain.initial.value[0], chosen.initial.value[0]) == (2030.0, 10030.0)
    assert chosen.maintenance.value.tolist() == plain.maintenance.value.tolist() == [1030.0]


def test_isolated_positions_are_their_own_pool():
    stack = account(margin_mode="isolated", posted_margin=5000)
    stack.add("balances", asset="USDC", amount=8000, account="a")
    margin = stack.margin(CROSS)
    found = dict(zip(margin.pool, margin.equity.value, strict=True))
    assert found == {"cross": 3000.0, "BTC-USD-PERP isolated": 5000.0}


def test_what_is_not_known_is_noted():
    stack = account(quantity=400)
    texts = " | ".join(n.text for n in stack.margin(CROSS).notes)
    assert "beyond the published position limit" in texts
    texts = " | ".join(n.text for n in stack.margin(PORTFOLIO).notes)
    for part in ("no funding rate given", "no delta served", "since October 2026"):
        assert part in texts


def test_balances_lent_elsewhere_are_left_out_and_said():
    stack = account()
    stack.add("balances", asset="WETH", amount=10, kind="supplied", account="a")
    stack.add("balances", asset="USDC", amount=100, kind="loan", account="a")
    stack.add("assets", asset="WETH", price=2600.0)
    margin = stack.margin(PORTFOLIO)
    assert margin.equity.value.tolist() == [0.0]
    assert any("belong to a lending market" in n.text for n in margin.notes)


def test_markets_payload():
    model = xm.model(CROSS)
    side = {
        "premium_multiplier": "1",
        "long_itm": "0.25",
        "short_itm": "0.18",
        "short_otm": "0.12",
        "short_put_cap": "0.5",
    }
    payload = {
        "results": [
            {"base_currency": "SOL", "delta1_cross_margin_params": {"imf_base": "0.04", "mmf_factor": "0.6"}},
            {"base_currency": "SOL", "option_cross_margin_params": {"imf": side, "mmf": side}},
        ]
    }
    p = model.load(payload, model.params(1_790_000_000))
    assert p.by["SOL"]["imf"] == 0.04
    assert p.by["SOL"]["option_imf"] == [1.0, 0.25, 0.18, 0.12, 0.5]
    book, market = account("SOL").tables()
    assert xm.margin(book, market, CROSS, params=p).maintenance.value.tolist() == [100000 * 0.04 * 0.6 + 30]
    with pytest.raises(xm.InputError, match="/v1/markets response of Paradex: KeyError 'base_currency'"):
        model.load({"results": [{}]}, p)


def test_portfolio_margin_payload():
    model = xm.model(PORTFOLIO)
    vol = {"vega_power_short_dte": "0.3", "vega_power_long_dte": "0.13", "dte_floor_days": 1, "min_vol_shock_up": "0.4"}
    block = {
        "base_asset": "BTC",
        "unhedged_margin_factor": "0.002",
        "hedged_margin_factor": "0.001",
        "mmf_factor": "0.5",
    }
    scenarios = [{"spot_shock": "-0.14", "vol_shock": "0.4", "weight": "1"}]
    payload = {"results": [{**block, "vol_shock_params": vol, "scenarios": scenarios}]}
    p = model.load(payload, model.params(1_790_000_000))
    assert p.by["BTC"]["scenarios"] == [[-0.14, 0.4, 1.0]]
    book, market = account().tables()
    margin = xm.margin(book, market, PORTFOLIO, params=p)
    assert margin.initial.value[0] == pytest.approx(14030.0)
    assert not any("October 2026" in n.text for n in margin.notes)
    with pytest.raises(xm.InputError, match="portfolio-margin-config of Paradex: KeyError"):
        model.load({"results": [{}]}, p)
