"""Contagion by hand: chains of two and three accounts, the fire-sale fixed point, books that balance, bad input."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xlmargin as xm
from tests.test_decide_worlds import MODELS, law_book
from xlmargin.decide.contagion import contagion
from xlmargin.decide.simulate import simulate
from xlmargin.decide.valuation import value
from xlmargin.decide.venues import Ladder

MODEL = "binance.usdm"
RATE = 0.004
MARK = 60_000.0
WHOLE = {MODEL: Ladder(step=1.0, cite="test")}
FIFTH = {MODEL: Ladder(step=0.2, cite="test")}


def perps(rows, cash, owner=None, venue=None, more=None):
    """Accounts at binance.usdm: ``rows`` of account, instrument, quantity; all entered at the mark."""
    marks = {"BTCUSDT": MARK, "ETHUSDT": 3_000.0}
    who = list(cash)
    accounts = {"account": who, "venue": [(venue or {}).get(a, "binance") for a in who]}
    accounts |= {"owner": [owner.get(a) for a in who]} if owner else {}
    return xm.tables(
        {
            "account": [r[0] for r in rows],
            "instrument": [r[1] for r in rows],
            "quantity": [r[2] for r in rows],
            "entry_price": [marks[r[1]] for r in rows],
            "leverage": [10.0] * len(rows),
        },
        {"asset": ["USDT"] * len(who), "amount": list(cash.values()), "account": who} | (more or {}),
        {"instrument": list(marks), "mark": list(marks.values())},
        {"asset": ["USDT"], "price": [1.0]},
        accounts=accounts,
        as_of="2026-11-25",
    )


def depth(btc=np.nan, eth=np.nan):
    own = {n: d for n, d in (("BTC", btc), ("ETH", eth)) if np.isfinite(d)}
    return {"underlying": list(own), "depth": list(own.values())}


def check(found, tolerance=1e-6):
    """Books balance in every round and in all, worth is what the books say, positions only shrink."""
    scale = max(1.0, np.abs(found.before).max(initial=0.0), np.abs(found.sold).max(initial=0.0))
    assert sum(found.totals.values()) == pytest.approx(0.0, abs=tolerance * scale)
    gained = sum(found.flows.values())
    np.testing.assert_allclose(found.before + gained, found.after, atol=tolerance * scale)
    measured = np.zeros(len(found.account))
    for s in found.standings:
        np.add.at(measured, s.account, value(s.book, s.there.market, "USD"))
    np.testing.assert_allclose(measured, found.after, atol=tolerance * scale)
    assert len(found.told) <= found.bound + 1
    assert (found.fund >= 0).all()
    assert found.totals["uncovered"] <= 0.0


def only_shrinks(found, book, market):
    """Every leg at the end is a part of the leg at the start, of the same sign."""
    at = {
        (str(book.account[r]), str(market.name[i])): 0.0
        for r, i in zip(book.legs.row, book.legs.instrument, strict=True)
    }
    end = dict(at)
    for r, i, q in zip(book.legs.row, book.legs.instrument, book.legs.quantity, strict=True):
        at[str(book.account[r]), str(market.name[i])] += q
    for s in found.standings:
        legs = s.book.legs
        for r, i, q in zip(legs.row, legs.instrument, legs.quantity, strict=True):
            end[str(s.book.account[r]), str(s.base.market.name[i])] += q
    for key, left in end.items():
        assert abs(left) <= abs(at[key]) * (1 + 1e-12)
        assert left * at[key] >= 0


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
            legs = found.standings[0].book.legs
            left = np.zeros(2)
            left[legs.instrument] = legs.quantity
            np.testing.assert_allclose(left, alone.size[-1] * [1.0, 0.5], atol=1e-12)


def test_an_account_below_maintenance_at_the_start_breaks_in_round_0():
    book, market = perps([("late", "BTCUSDT", 1.0), ("fine", "BTCUSDT", 1.0)], {"late": 100.0, "fine": 9_000.0})
    found = contagion(book, market, MODEL, depth=depth(1e5), rules=WHOLE)
    check(found)
    assert found.broke.tolist() == [0, -1]
    assert "1 were below maintenance at the start." in found.words
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
)
def test_books_balance_on_random_books(seed, btc, own, fund, step, together, impact):
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


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_a_venue(model):
    """A crash through random books of every model; what rounds skip has not changed: final figures are margin's own."""
    book, market, params = law_book(model, 9, accounts=4)
    names = sorted(set(map(str, market.underlying)) - {"", "USD", "nan"})
    priced = [n for n in names if n not in ("USDC", "USDT")]
    sensitivity = model.startswith(("simm", "schedule"))
    coins = [str(a) for a in market.assets if str(a) in ("BTC", "ETH", "WETH", "WBTC")]
    falls = {} if sensitivity else dict.fromkeys([*priced, *coins], -0.35)
    table = {"underlying": list(falls), "depth": [3e5] * len(falls)} if falls else None
    own = {model: params} if params else None
    found = contagion(book, market, model, {"price": falls} if falls else None, depth=table, params=own)
    check(found, 1e-7)
    assert found.resting
    for s in found.standings:
        again = s.there.run(s.book)
        np.testing.assert_allclose(s.equity, again.equity.value, rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(s.need, again.maintenance.value, rtol=1e-9, atol=1e-6)
    assert list(found.frame()["account"]) == list(book.account)
