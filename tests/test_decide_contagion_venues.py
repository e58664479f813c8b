"""Contagion over owners, failed venues and twenty venues at once; every model as a venue."""

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from benchmarks import bench_contagion as bench
from tests.contagion_books import MODEL, RATE, WHOLE, check, depth, perps, refused
from tests.test_decide_worlds import MODELS, law_book
from xlmargin.decide.across import across
from xlmargin.decide.contagion import contagion
from xlmargin.decide.moves import named
from xlmargin.decide.worlds import apply

FALL = {"price": {"BTC": -0.5}}


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
    table = pd.DataFrame({"scenario": "mine", "target": list(typed), "price": list(typed.values())})
    again = contagion(book, market, MODEL, table, depth=depth(1e5, 1e5), rules=WHOLE)
    np.testing.assert_allclose(again.after, found.after, rtol=1e-12)
    assert "there are 2020-03-12" in refused(book, market, MODEL, "2019-01-01")


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
    assert found.first in set(book.account[found.broke == found.broke[found.broke >= 0].min()])
    words = dict(zip(found.broke.tolist(), table["broke"], strict=True))
    assert words[-1] == "never"
    assert words[1] == "by the shock"
    assert all(word == f"round {number}" for number, word in words.items() if number > 1)
    assert repr(found).startswith("<Contagion: ")
    venues = found.by_venue()
    assert venues["accounts"].tolist() == [15] * 20
    assert venues["broke"].sum() == told["broke"].sum()
    assert venues["uncovered"].sum() == pytest.approx(-found.totals["uncovered"])
    assert venues["deficit"].sum() == pytest.approx(table["deficit"].sum())
    assert any("options press on the underlying by their delta" in n.text for n in found.notes)
    stopped = contagion(book, market, bench.venues(), bench.SHOCK, depth=bench.depth(300), most_rounds=1)
    assert not stopped.resting
    assert "did not come to rest" in stopped.words
    check(stopped)


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


@pytest.mark.parametrize("seed", range(4))
def test_books_balance_over_lenders_options_and_perpetuals(seed):
    rng = np.random.default_rng(seed)
    made = bench.tables(60, seed)
    made["accounts"]["owner"] = [f"o{n % 20}" for n in range(60)]
    book, market = xm.tables(**made, as_of=bench.AS_OF)
    found = contagion(
        book,
        market,
        bench.venues(),
        {"price": dict.fromkeys(bench.SPOT, float(rng.uniform(-0.5, 0.3))), "venue": ["venue 3"]},
        depth=bench.depth(float(rng.choice([2.0, 60.0, 1e4]))),
        funds={"venue": ["venue 1", "venue 2"], "amount": [1e4, 1e3]},
        owners="together",
        slippage=0.5,
    )
    check(found)
    assert found.resting
    assert (found.factor > 0).all()
    assert found.flows["moved"].sum() == pytest.approx(0.0, abs=1e-6)
    lent = next(c for c in found.cohorts if c.base.model.id == "aave.v3")
    held = {k: np.bincount(lent.book.cash.row, lent.book.cash.amount * (lent.book.cash.kind == k)) for k in (1, 2)}
    start = lent.base.pooled(lent.book).account
    first = made["balances"].assign(side=lambda t: t["amount"].where(t["kind"] == "supplied", -t["amount"]))
    owed = first[first["kind"] == "loan"].set_index("account")["side"].reindex(start).to_numpy()
    assert (held[1] >= owed - 1e-9).all()
    assert (held[1] <= 1e-9).all()
    assert (held[2] >= 0).all()
    gone = found.venue == "venue 3"
    np.testing.assert_allclose(found.after[gone & (found.flows["moved"] == 0)], 0.0, atol=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_an_owner_who_can_cover_it_saves_the_account_whatever_the_rounding(seed):
    rng = np.random.default_rng(seed)
    size, move = rng.uniform(0.3, 3.0), rng.uniform(0.1, 0.12)
    cash = {"a": float(size * 60_000 * rng.uniform(0.1, 0.104)), "b": 1e6}
    book, market = perps([("a", "BTCUSDT", float(size))], cash, {"a": "o", "b": "o"})
    found = contagion(book, market, MODEL, {"price": {"BTC": -move}}, owners="together")
    check(found)
    assert found.broke.tolist() == [-1, -1]
    assert any("owners move money" in note.text for note in found.notes) == bool(found.flows["moved"].any())


def test_a_manager_keeps_an_account_whose_positions_are_gone():
    """Derive: collateral counts as its manager says, taken from the positions until there are none."""
    positions = {"instrument": ["BTC-PERP"] * 2, "quantity": [4.0, 0.1], "entry_price": [1e5] * 2}
    book, market = xm.tables(
        positions | {"account": ["far", "near"]},
        {"asset": ["USDC", "USDT"] * 2, "amount": [2e4, 3e4, 1e5, 100.0], "account": ["far"] * 2 + ["near"] * 2},
        {"instrument": ["BTC-PERP"], "mark": [1e5], "index": [1e5]},
        {"asset": ["USDC", "USDT"], "price": [1.0, 1.0]},
        accounts={"account": ["far", "near"], "owner": ["one", "one"]},
        as_of="2026-11-25",
    )
    for how in ("apart", "together"):
        found = contagion(book, market, "derive.portfolio", FALL, owners=how)
        check(found)
        assert found.after[0] == 0.0
        assert np.isfinite(np.concatenate([s.need for s in found.cohorts])).all()
