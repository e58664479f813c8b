"""Binance: random books against slow loops, hedge legs, isolated pools, both unified programmes."""

import numpy as np
import pytest

import xlmargin as xm
from tests import binance_random, tiered_cases
from tests.tiered_cases import AS_OF
from xlmargin.rulebooks.binance import coinm, usdm


@pytest.mark.parametrize("seed", range(3))
def test_random_books_against_a_slow_loop(seed):
    (book, market), tables = binance_random.random_book(seed)
    margin = xm.margin(book, market, "binance.usdm")
    wanted = binance_random.slow(tables, usdm.usdm.params(market.as_of))
    got = {(a, p): i for i, (a, p) in enumerate(zip(margin.account, margin.pool, strict=True))}
    assert set(wanted) <= set(got)
    for key, figures in wanted.items():
        for name, value in figures.items():
            assert getattr(margin, name).value[got[key]] == pytest.approx(value, rel=1e-9, abs=1e-6), (key, name)
    assert tiered_cases.readds(margin) < 1e-9
    assert tiered_cases.same_alone(margin)


def test_profit_of_one_position_carries_another():
    (book, market), _ = binance_random.random_book(1)
    margin = xm.margin(book, market, "binance.usdm")
    carried = tiered_cases.figure(margin, "Profit, carrying other positions")
    borne = tiered_cases.figure(margin, "Loss, carried by the rest")
    assert (carried >= 0).all()
    assert (borne <= 0).all()
    assert ((carried > 0) & (borne < 0)).any()


def test_hedge_legs_share_one_liquidation_price():
    book, market = xm.tables(
        positions={
            "instrument": ["BTCUSDT", "BTCUSDT"],
            "quantity": [2, -1],
            "side": ["long", "short"],
            "entry_price": [60000, 62000],
            "leverage": [20, 20],
        },
        balances={"asset": ["USDT"], "amount": [10000]},
        instruments={"instrument": ["BTCUSDT"], "mark": [61000]},
        as_of=AS_OF,
        venue="binance",
    )
    margin = xm.margin(book, market, "binance.usdm")
    price = usdm.liquidation_prices(margin)
    assert price[0] == price[1]
    wb, q, ep = np.array([10000.0]), np.array([[2.0, -1.0]]), np.array([[60000.0, 62000.0]])
    tiers = margin.run.session.ready.tiers
    at = tiers.bracket(np.abs(q) * price[0], np.full(q.shape, margin.run.session.ready.key[0]))
    assert usdm.liquidation_price(wb, q, ep, tiers.rate[at], tiers.cum[at])[0] == pytest.approx(price[0], rel=1e-12)


def test_coinm_liquidation_price_and_isolated_pool():
    book, market = xm.tables(
        positions={
            "instrument": ["BTCUSD_PERP", "BTCUSD_261225"],
            "quantity": [500, -100],
            "entry_price": [60000, 61000],
            "leverage": [10, 10],
            "margin_mode": ["cross", "isolated"],
            "posted_margin": [None, 0.02],
        },
        balances={"asset": ["BTC"], "amount": [0.2]},
        instruments={
            "instrument": ["BTCUSD_PERP", "BTCUSD_261225"],
            "mark": [61000, 61500],
            "contract_size": [100, 100],
        },
        as_of=AS_OF,
        venue="binance",
    )
    params = coinm.coinm.params(market.as_of)
    brackets = params["brackets"]
    dated = {**brackets, "key": np.array(["BTC/USD:BTC-261225"] * len(brackets["key"]), object)}
    both = {k: np.concatenate([brackets[k], dated[k]]) for k in brackets}
    margin = xm.margin(book, market, "binance.coinm", params=params.override("both", brackets=both))
    assert margin.pool.tolist() == ["BTC", "BTCUSD_261225 isolated"]
    assert margin.equity.value == pytest.approx(
        [0.2 - 0.02 + 50000 * (1 / 60000 - 1 / 61000), 0.02 - 10000 * (1 / 61000 - 1 / 61500)]
    )
    price = coinm.liquidation_prices(margin)
    leg = np.array([[[50000.0]], [[60000.0]], [[0.004]], [[0.0]]])
    in_detail = dict(zip(market.name[margin.run.book.legs.instrument], price, strict=True))
    assert in_detail["BTCUSD_PERP"] == pytest.approx(coinm.liquidation_price(np.array([0.18]), *leg)[0], rel=1e-12)


def test_uni_mmr_of_both_programmes():
    """Classic and Pro beside each other: the ratio, the bands, and min(X·P·rate, X·P) with a negative asset in full."""
    book, market = xm.tables(
        positions={
            "instrument": ["BTCUSDT"] * 2,
            "quantity": [1, 1],
            "entry_price": [60000] * 2,
            "leverage": [10] * 2,
            "account": ["c", "p"],
        },
        balances={
            "asset": ["BTC", "USDT", "ETH"] * 2,
            "amount": [2, -5000, -1] * 2,
            "kind": ["wallet", "wallet", "loan"] * 2,
            "account": ["c"] * 3 + ["p"] * 3,
        },
        assets={"asset": ["BTC", "USDT", "ETH"], "price": [61000, 1.0, 3000]},
        instruments={"instrument": ["BTCUSDT"], "mark": [61000]},
        accounts={"account": ["c", "p"], "program": ["classic", "pro"], "margin_leverage": [5, 5]},
        as_of=AS_OF,
        venue="binance",
    )
    params = xm.model("binance.portfolio").params(market.as_of)
    params = params.override("mine", collateral_pro={"BTC": [[0, 1.0], [100_000, 0.9]], "USDT": 1.0})
    margin = xm.margin(book, market, "binance.portfolio", params=params)
    maintenance = 61000 * 0.004 + 3000 * 0.08
    classic = 122_000 * 0.95 - 5000 + 1000 - 3000
    pro = 100_000 + 22_000 * 0.9 - 5000 + 1000 - 3000
    assert margin.maintenance.value == pytest.approx([maintenance] * 2)
    assert margin.equity.value == pytest.approx([classic, pro])
    assert margin.ratio == pytest.approx([classic / maintenance, pro / maintenance])
    assert margin.initial.value == pytest.approx([6100 + 3000 / 4, 1.2 * maintenance])
    assert margin.levels["liquidation"].value == pytest.approx([1.05 * maintenance] * 2)
    assert tiered_cases.readds(margin) < 1e-9
