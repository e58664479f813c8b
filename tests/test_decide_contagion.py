"""Contagion by hand: chains of two and three accounts, the fire-sale fixed point, books that balance, bad input."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xlmargin as xm
from benchmarks import bench_contagion as bench
from tests.test_decide_worlds import MODELS, law_book
from xlmargin.decide.across import across
from xlmargin.decide.contagion import contagion
from xlmargin.decide.moves import named
from xlmargin.decide.simulate import simulate
from xlmargin.decide.valuation import value
from xlmargin.decide.venues import Ladder
from xlmargin.decide.worlds import apply

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
    for s in found.cohorts:
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
    for s in found.cohorts:
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
            legs = found.cohorts[0].book.legs
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
    for s in found.cohorts:
        again = s.there.run(s.book)
        np.testing.assert_allclose(s.equity, again.equity.value, rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(s.need, again.maintenance.value, rtol=1e-9, atol=1e-6)
    assert list(found.frame()["account"]) == list(book.account)


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


def test_owners_save_their_accounts_with_what_they_can_spare():
    rows = [("a", "BTCUSDT", 1.0)]
    book, market = perps(rows, {"a": 6_100.0, "b": 5_000.0, "c": 300.0}, {"a": "o", "b": "o", "c": "x"})
    shock = {"price": {"BTC": -0.1}}
    apart = contagion(book, market, MODEL, shock, rules=WHOLE)
    check(apart)
    assert apart.broke.tolist() == [1, -1, -1]
    saved = contagion(book, market, MODEL, shock, rules=WHOLE, owners="together")
    check(saved)
    need = 54_000 * RATE - 100.0
    assert saved.broke.tolist() == [-1, -1, -1]
    assert saved.flows["moved"].tolist() == pytest.approx([need, -need, 0.0])
    assert saved.after.tolist() == pytest.approx([100 + need, 5_000 - need, 300.0])
    assert saved.words.startswith("All 3 accounts stay above maintenance.")


def test_a_drained_owner_breaks_elsewhere():
    """What o moves to a is missing at b when c's sale moves the price on; apart, b holds."""
    rows = [("a", "BTCUSDT", 1.0), ("b", "BTCUSDT", 0.1), ("c", "BTCUSDT", 2.0)]
    cash = {"a": 6_100.0, "b": 2_000.0, "c": 12_000.0}
    book, market = perps(rows, cash, {"a": "o", "b": "o", "c": "x"}, {"a": "v1", "b": "v2", "c": "v3"})
    models = dict.fromkeys(("v1", "v2", "v3"), MODEL)
    how = {"depth": depth(25_000.0), "rules": WHOLE, "shock": {"price": {"BTC": -0.1}}}
    apart = contagion(book, market, models, **how)
    assert apart.broke.tolist() == [1, -1, 1]
    drained = contagion(book, market, models, owners="together", **how)
    check(drained)
    assert drained.broke[2] == 1
    assert drained.broke[0] == 2
    assert drained.flows["moved"][0] == pytest.approx(-drained.flows["moved"][1])
    assert drained.after[1] < apart.after[1]


def test_what_is_lost_at_a_location_a_venue_and_an_owner():
    where = {"location": ["bridge", "", "bridge"]}
    rows = [("a", "BTCUSDT", 0.1), ("b", "BTCUSDT", 0.1)]
    cash = {"a": 1_000.0, "b": 1_000.0, "c": 500.0}
    book, market = perps(rows, cash, {"a": "x", "b": "y", "c": "y"}, {"a": "v1", "b": "v2", "c": "v1"}, where)
    models = {"v1": MODEL, "v2": MODEL}
    half = contagion(book, market, models, {"location": {"Bridge": -0.5}})
    check(half)
    assert half.flows["lost"].tolist() == [-500.0, 0.0, -250.0]
    assert half.broke.tolist() == [-1, -1, -1]
    every = contagion(book, market, models, {"location": "bridge", "price": {"BTC": -0.01}}, rules=WHOLE)
    check(every)
    assert every.flows["lost"].tolist() == [-1_000.0, 0.0, -500.0]
    assert every.broke.tolist() == [1, -1, -1]
    assert every.totals["uncovered"] == pytest.approx(-60.0)
    venue = contagion(book, market, models, {"venue": ["v1"], "price": {"BTC": -0.01}})
    check(venue)
    assert venue.flows["lost"].tolist() == pytest.approx([-940.0, 0.0, -500.0])
    assert venue.after.tolist() == pytest.approx([0.0, 940.0, 0.0])
    assert venue.totals["lost"] == pytest.approx(1_440.0)
    assert not venue.sold.any()
    owner = contagion(book, market, models, {"owner": {"y": -0.97}}, rules=WHOLE)
    check(owner)
    assert owner.flows["lost"].tolist() == pytest.approx([0.0, -970.0, -485.0])
    assert owner.broke.tolist() == [-1, -1, -1]


def test_a_named_stress_is_the_shock_of_its_numbers():
    """What the stress says of BTC and ETH, typed by hand, gives the same; a venue's own balances lie there."""
    book, market = perps([("a", "BTCUSDT", 1.0), ("b", "ETHUSDT", 5.0)], {"a": 9_000.0, "b": 2_500.0, "c": 900.0})
    found = contagion(book, market, MODEL, "2025-10-10", depth=depth(1e5, 1e5), rules=WHOLE)
    check(found)
    typed = {str(n): f - 1.0 for n, f in zip(found.name, found.shock, strict=True) if str(n) in ("BTC", "ETH")}
    assert min(typed.values()) < -0.05
    same = contagion(book, market, MODEL, {"price": typed}, depth=depth(1e5, 1e5), rules=WHOLE)
    assert same.broke.tolist() == found.broke.tolist()
    np.testing.assert_allclose(same.after, found.after, rtol=1e-12)
    gone = contagion(book, market, MODEL, {"location": {"binance": -0.25}})
    check(gone)
    assert gone.flows["lost"].tolist() == [-2_250.0, -625.0, -225.0]
    assert "there are 2020-03-12" in refused(book, market, MODEL, "2019-01-01")


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


@pytest.fixture(scope="module")
def desk():
    made = bench.tables(300)
    return xm.tables(**made, as_of=bench.AS_OF)


def test_accounts_at_twenty_venues_without_impact_are_each_alone(desk):
    book, market = desk
    found = contagion(book, market, bench.venues(), bench.SHOCK)
    check(found)
    assert (found.broke >= 0).any()
    for r in range(0, len(book), 7):
        alone = contagion(book.take([r]), market, bench.venues(), bench.SHOCK)
        assert alone.broke[0] == found.broke[r]
        assert alone.after[0] == pytest.approx(found.after[r], rel=1e-12, abs=1e-9)
        assert alone.sold[0] == pytest.approx(found.sold[r], rel=1e-12)


def test_survivors_are_worth_and_need_what_margin_says_at_the_final_prices(desk):
    book, market = desk
    found = contagion(book, market, bench.venues(), bench.SHOCK, depth=bench.depth(300))
    check(found)
    assert found.broke.max() > 1
    moves = {str(n): f - 1.0 for n, f in zip(found.name, found.factor, strict=True) if n in bench.SPOT}
    last = apply(market, named(market, price=moves, vol=bench.SHOCK["vol"]))
    whole = across(book, last, bench.venues())
    need = {str(a): v for m in whole.values() for a, v in zip(m.account, m.maintenance.value, strict=True)}
    calm = found.broke < 0
    assert 5 < calm.sum() < len(calm)
    for s in found.cohorts:
        for r in np.flatnonzero(calm[s.account]):
            assert s.need[r] == pytest.approx(need[str(book.account[s.account[r]])], rel=1e-9)


def test_tables_of_a_contagion(desk):
    book, market = desk
    found = contagion(book, market, bench.venues(), bench.SHOCK, depth=bench.depth(300))
    table, told = found.frame(), found.rounds()
    assert list(table["account"]) == list(book.account)
    assert told["broke"].sum() == (found.broke >= 0).sum()
    assert told["sold"].sum() == pytest.approx(table["sold"].sum())
    assert told["deficit"].sum() == pytest.approx(table["deficit"].sum())
    assert told["result"].sum() == pytest.approx(-found.totals["counterparties"])
    assert found.first in set(table.loc[table["broke"] == table.loc[table["broke"] >= 0, "broke"].min(), "account"])
    assert repr(found).startswith("<Contagion: ")
    assert any("options press on the underlying by their delta" in n.text for n in found.notes)
    stopped = contagion(book, market, bench.venues(), bench.SHOCK, depth=bench.depth(300), most_rounds=1)
    assert not stopped.resting
    assert "did not come to rest" in stopped.words
    check(stopped)


def refused(*given, **how):
    with pytest.raises(xm.InputError) as caught:
        contagion(*given, **how)
    return str(caught.value)


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
    assert "give 1 or more" in refused(book, market, MODEL, most_rounds=0)
    assert "empty book" in refused(book.take([]), market, MODEL)
