"""Contagion by hand: chains of two and three accounts, the fire-sale fixed point, books that balance, bad input."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xlmargin as xm
from tests.contagion_books import FIFTH, MARK, MODEL, RATE, WHOLE, check, depth, only_shrinks, perps, refused
from xlmargin.decide.contagion import contagion
from xlmargin.decide.simulate import simulate
from xlmargin.decide.venues import Ladder


def test_nothing_happens_without_a_shock_to_healthy_accounts():
    book, market = perps([("a", "BTCUSDT", 1.0), ("b", "BTCUSDT", -1.0)], {"a": 6_000.0, "b": 6_000.0})
    found = contagion(book, market, MODEL, depth=depth(1e5))
    check(found)
    assert found.broke.tolist() == [-1, -1]
    assert found.first == ""
    assert found.after.tolist() == [6_000.0, 6_000.0]
    assert found.words == "All 2 accounts stay above maintenance."
    assert found.prices().empty
    assert found.resting


def test_two_accounts_in_closed_form():
    """a breaks by the shock and is sold whole; its sale breaks b; c is too rich to break."""
    rows = [("a", "BTCUSDT", 2.0), ("b", "BTCUSDT", 1.0), ("c", "BTCUSDT", 0.5)]
    book, market = perps(rows, {"a": 12_100.0, "b": 6_700.0, "c": 9_000.0})
    shock, own = -0.1, 42_000.0
    found = contagion(book, market, MODEL, {"price": {"BTC": shock}}, depth=depth(own), rules=WHOLE)
    check(found)
    first = MARK * (1 + shock)
    assert 12_100 + 2 * (first - MARK) < 2 * first * RATE
    assert 6_700 + (first - MARK) >= first * RATE
    second = first * (1 - 2 * MARK / (100 * own))
    assert 6_700 + (second - MARK) < second * RATE
    third = first * (1 - 3 * MARK / (100 * own))
    assert found.broke.tolist() == [1, 2, -1]
    assert found.factor[found.name == "BTC"] == pytest.approx([third / MARK])
    deficit = -(6_700 + second - MARK)
    assert deficit > 0
    assert found.flows["deficit"].tolist() == pytest.approx([0.0, deficit, 0.0])
    assert found.after.tolist() == pytest.approx([12_100 + 2 * (first - MARK), 0.0, 9_000 + 0.5 * (third - MARK)])
    assert found.totals["uncovered"] == pytest.approx(-deficit)
    table = found.rounds()
    assert table["move BTC"].tolist() == pytest.approx([0.0, shock, second / MARK - 1, third / MARK - 1])
    assert table["sold BTC"].tolist() == pytest.approx([0.0, 2 * first, second, 0.0])
    grown = (third / MARK - 1) / shock
    assert found.prices()["amplification"].tolist() == pytest.approx([grown])
    assert found.first == "a"
    assert f"BTC ends {third / MARK - 1:+.2%}, {grown:.2f} times the shock." in found.words
    assert "2 of 3 accounts at 1 of 1 venues break" in found.words


def test_a_fund_pays_before_anything_stays_uncovered():
    book, market = perps([("a", "BTCUSDT", 1.0)], {"a": 5_000.0})
    for fund, short in ((0.0, 1_000.0), (400.0, 600.0), (1_500.0, 0.0)):
        funds = {"venue": ["Binance"], "amount": [fund]}
        found = contagion(book, market, MODEL, {"price": {"BTC": -0.1}}, funds=funds, rules=WHOLE)
        check(found)
        assert found.flows["deficit"].tolist() == pytest.approx([1_000.0])
        assert found.totals["uncovered"] == pytest.approx(-short)
        assert found.fund.tolist() == pytest.approx([max(fund - 1_000.0, 0.0)])
        assert found.rounds()["uncovered"].sum() == pytest.approx(short)


def test_a_fire_sale_ends_at_its_fixed_point():
    """Equal accounts, each with a higher threshold than the last: the price at which the first k are sold.

    With linear impact the final price is P = P1·(1 − k·q·P0 / (100·D)) for the least k at which account k+1 holds.
    """
    count, q, own, shock = 12, 1.0, 60_000.0, -0.08
    first = MARK * (1 + shock)
    cash = {f"a{k}": 4_900.0 + 250.0 * k + 60.0 * k**2 for k in range(count)}
    book, market = perps([(a, "BTCUSDT", q) for a in cash], cash)
    price = lambda k: first * (1 - k * q * MARK / (100 * own))  # noqa: E731
    holds = lambda a, p: cash[a] + q * (p - MARK) >= q * p * RATE  # noqa: E731
    k = next(k for k in range(count + 1) if all(holds(f"a{j}", price(k)) for j in range(k, count)))
    assert 2 < k < count
    found = contagion(book, market, MODEL, {"price": {"BTC": shock}}, depth=depth(own), rules=WHOLE)
    check(found)
    assert int((found.broke > 0).sum()) == k
    assert found.factor[found.name == "BTC"][0] == pytest.approx(price(k) / MARK)


def test_the_square_root_law_by_hand():
    book, market = perps([("a", "BTCUSDT", 4.0)], {"a": 20_000.0})
    table = {"instrument": ["BTCUSDT"], "daily_volume": [1e7], "daily_volatility": [0.04], "coefficient": [0.8]}
    found = contagion(book, market, MODEL, {"price": {"BTC": -0.1}}, depth=table, impact="square_root", rules=WHOLE)
    check(found)
    move = 0.8 * 0.04 * np.sqrt(4 * MARK / 1e7)
    assert found.factor[found.name == "BTC"][0] == pytest.approx(0.9 * (1 - move))
    assert any("Tóth" in n.cite for n in found.notes)


@pytest.mark.parametrize("slippage", [0.0, 0.5, 1.0])
def test_slippage_is_a_share_of_the_own_move(slippage):
    """One coin sold at 52,800 moves the price by 60,000 / 100 D: what it slips by is owed on top of the deficit."""
    book, market = perps([("a", "BTCUSDT", 1.0), ("b", "BTCUSDT", -0.1)], {"a": 7_000.0, "b": 9_000.0})
    shock = {"price": {"BTC": -0.12}}
    found = contagion(book, market, MODEL, shock, depth=depth(30_000.0), rules=WHOLE, slippage=slippage)
    check(found)
    slipped = slippage * 52_800.0 * 60_000.0 / 3e6
    assert found.flows["slipped"].tolist() == pytest.approx([-slipped, 0.0])
    assert found.flows["deficit"].tolist() == pytest.approx([200.0 + slipped, 0.0])
    assert found.totals["buyers"] == pytest.approx(slipped)
    assert any(f"bear {slippage:.0%} of the move" in n.text for n in found.notes)


def test_sales_and_purchases_of_a_round_offset():
    """A long and a short of one size liquidated in the same round leave the price where it was."""
    book, market = perps(
        [("long", "BTCUSDT", 1.0), ("hedged", "BTCUSDT", -1.0), ("hedged", "ETHUSDT", 20.0)],
        {"long": 5_000.0, "hedged": 2_000.0},
    )
    shock = {"price": {"BTC": -0.1, "ETH": -0.2}}
    found = contagion(book, market, MODEL, shock, depth=depth(btc=1e3, eth=1e6), rules=WHOLE)
    check(found)
    assert found.broke.tolist() == [1, 1]
    by = dict(zip(found.name, found.factor, strict=True))
    assert by["BTC"] == pytest.approx(0.9)
    assert by["ETH"] == pytest.approx(0.8 * (1 - 20 * 3_000 / 1e8))


def test_one_account_alone_is_the_simulation():
    """Without impact a round is a point of ``simulate``: same ladder, same fees, same deficit."""
    for cash in (6_100.0, 6_230.0, 6_400.0, 5_500.0):
        book, market = perps([("a", "BTCUSDT", 1.0), ("a", "ETHUSDT", 0.5)], {"a": cash})
        path = {"BTC": [-0.1], "ETH": [-0.1]}
        for own in (FIFTH[MODEL], Ladder(step=0.1, target=0.8, fee=0.0005, backstop=0.3, cite="test"), None):
            alone = simulate(xm.margin(book, market, MODEL), path, rules=own, fund=200.0)
            found = contagion(
                book,
                market,
                MODEL,
                {"price": {"BTC": -0.1, "ETH": -0.1}},
                rules={MODEL: own} if own else None,
                funds={"venue": ["binance"], "amount": [200.0]},
            )
            check(found)
            assert found.after[0] == pytest.approx(alone.equity[-1], abs=1e-6)
            assert found.fund[0] == pytest.approx(alone.fund, abs=1e-6)
            assert found.totals["uncovered"] == pytest.approx(alone.totals["uncovered"], abs=1e-6)
            legs = found.cohorts[0].book.legs
            left = np.zeros(2)
            left[legs.instrument] = legs.quantity
            np.testing.assert_allclose(left, alone.size[-1] * [1.0, 0.5], atol=1e-12)


def test_an_account_below_maintenance_at_the_start_breaks_in_round_0():
    book, market = perps([("late", "BTCUSDT", 1.0), ("fine", "BTCUSDT", 1.0)], {"late": 100.0, "fine": 9_000.0})
    found = contagion(book, market, MODEL, depth=depth(1e5), rules=WHOLE)
    check(found)
    assert found.broke.tolist() == [0, -1]
    assert "1 was below maintenance at the start." in found.words
    assert found.factor[found.name == "BTC"][0] == pytest.approx(1 - MARK / 1e7)
    assert found.after.tolist() == pytest.approx([100.0, 9_000.0 - MARK * MARK / 1e7])


def random_case(seed, accounts=6):
    rng = np.random.default_rng(seed)
    cash, rows = {}, []
    for a in range(accounts):
        name = f"a{a}"
        size = float(rng.uniform(10_000, 300_000))
        cash[name] = float(rng.uniform(0.005, 0.3)) * size
        for instrument, mark in (("BTCUSDT", MARK), ("ETHUSDT", 3_000.0)):
            if rng.random() < 0.8:
                rows.append((name, instrument, round(float(rng.normal()) * size / mark, 4) or 0.01))
    return rows, cash


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10**6),
    btc=st.floats(-0.6, 0.6),
    own=st.floats(1e3, 1e7),
    fund=st.floats(0, 1e5),
    step=st.sampled_from([0.1, 0.2, 0.5, 1.0]),
    together=st.booleans(),
    impact=st.sampled_from(["linear", "square_root"]),
    slippage=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_books_balance_on_random_books(seed, btc, own, fund, step, together, impact, slippage):
    rows, cash = random_case(seed)
    owner = {f"a{a}": f"o{a % 3}" for a in range(6)}
    book, market = perps(rows, cash, owner)
    table = {"underlying": ["BTC", "ETH"], "depth": [own, own / 3]}
    if impact == "square_root":
        table |= {"daily_volume": [own * 50, own * 20], "daily_volatility": [0.05, 0.07], "coefficient": [1.0, 0.7]}
    found = contagion(
        book,
        market,
        MODEL,
        {"price": {"BTC": btc, "ETH": 0.8 * btc}},
        depth=table,
        funds={"venue": ["binance"], "amount": [fund]},
        impact=impact,
        owners="together" if together else "apart",
        slippage=slippage,
        rules={MODEL: Ladder(step=step, fee=0.001, cite="test")},
    )
    check(found)
    only_shrinks(found, book, market)
    assert found.resting
    assert (found.factor > 0).all()
    assert found.flows["moved"].sum() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_accounts_does_not_matter(seed):
    rows, cash = random_case(seed, 9)
    book, market = perps(rows, cash)
    how = {"depth": depth(2e5, 1e5), "rules": FIFTH, "funds": {"venue": ["binance"], "amount": [5e3]}}
    shock = {"price": {"BTC": -0.15, "ETH": -0.2}}
    found = contagion(book, market, MODEL, shock, **how)
    order = np.random.default_rng(seed).permutation(len(book))
    other = contagion(book.take(order), market, MODEL, shock, **how)
    assert (found.broke > 0).any()
    assert other.broke.tolist() == found.broke[order].tolist()
    np.testing.assert_allclose(other.after, found.after[order], atol=1e-6)
    np.testing.assert_allclose(other.factor, found.factor, rtol=1e-12)
    assert other.totals["uncovered"] == pytest.approx(found.totals["uncovered"], abs=1e-6)


def test_nobody_buys_through_the_last_percent():
    book, market = perps([("a", "BTCUSDT", 1.0), ("b", "BTCUSDT", 1.0)], {"a": 5_000.0, "b": 20_000.0})
    found = contagion(book, market, MODEL, {"price": {"BTC": -0.1}}, depth=depth(500.0), rules=WHOLE)
    check(found)
    only_shrinks(found, book, market)
    assert found.factor[found.name == "BTC"][0] == pytest.approx(0.9 * 0.01)
    assert found.resting
    assert any("BTC find no buyer through the last 1 %" in n.text for n in found.notes)
    legs = found.cohorts[0].book.legs
    assert legs.quantity.tolist() == pytest.approx([1.0 - 0.99 * 100 * 500 / MARK, 1.0])
    assert "owe" in found.words
    assert found.after.sum() < 0


def test_orders_are_cancelled_before_anything_is_sold():
    marks = {"instrument": ["BTCUSDT"], "mark": [MARK]}
    orders = {"instrument": ["BTCUSDT"], "quantity": [3.0], "limit_price": [MARK], "account": ["a"]}
    book, market = xm.tables(
        {"account": ["a"], "instrument": ["BTCUSDT"], "quantity": [1.0], "entry_price": [MARK], "leverage": [10.0]},
        {"asset": ["USDT"], "amount": [6_100.0], "account": ["a"]},
        marks,
        {"asset": ["USDT"], "price": [1.0]},
        orders=orders,
        accounts={"account": ["a"]},
        as_of="2026-11-25",
        venue="binance",
    )
    found = contagion(book, market, MODEL, {"price": {"BTC": -0.1}}, rules=WHOLE)
    check(found)
    assert len(found.cohorts[0].book.orders) == 0
    assert found.broke.tolist() == [1]


def test_bad_input_in_words():
    book, market = perps([("a", "BTCUSDT", 1.0)], {"a": 6_000.0, "b": 1.0}, venue={"b": "bnance"})
    text = refused(book, market, {"Bybit": "bybit.cross"})
    assert "a: no model for 'binance'" in text
    assert "b: no model for 'bnance'" in text
    book, market = perps([("a", "BTCUSDT", 1.0)], {"a": 6_000.0})
    text = refused(
        book, market, MODEL, {"price": {"BTC": -1.2}, "location": {"x": -0.5}, "prise": {}, "owner": {"a": 0.4}}
    )
    assert "BTC by -120%; must be above -100 %" in text
    assert "no location 'x'; there are binance" in text
    assert "no shock of 'prise'; did you mean 'price'?" in text
    assert "a: 0.4 is no share lost; give -1 (all) to 0 (nothing)" in text
    text = refused(book, market, MODEL, depth={"underlying": ["BTX", "BTC"], "depth": [1.0, -5.0]})
    assert "depth row 2, column underlying: nothing in the market is called 'BTX'; did you mean 'BTC'?" in text
    assert "depth row 3, column depth: -5.0 is no number above zero" in text
    assert "did you mean 'square_root'" in refused(book, market, MODEL, impact="square root")
    assert "column daily_volume" in refused(book, market, MODEL, depth=depth(1.0), impact="square_root")
    text = refused(book, market, MODEL, funds={"venue": ["binanse", "binance"], "amount": [1.0, -1.0]})
    assert "no account stands at 'binanse'; did you mean 'binance'?" in text
    assert "-1.0 is no amount of zero or more" in text
    assert "allowed: apart, together" in refused(book, market, MODEL, owners="apar")
    assert "0.0 is no share" not in (text := refused(book, market, MODEL, slippage=-0.1))
    assert "-0.1 is no share of a round's price move" in text
    assert "3 scenarios" in refused(book, market, MODEL, ["2020-03-12", "2021-05-19", "2025-10-10"])
    assert "give 1 or more" in refused(book, market, MODEL, most_rounds=0)
    assert "empty book" in refused(book.take([]), market, MODEL)
