"""Hedges: exact optima against enumeration and a plain scenario programme, lots, limits, proof; bad input in words."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

import xlmargin as xm
from tests.test_decide_liquidation import iron
from tests.test_decide_trades import perps
from xlmargin.decide.candidates import reach
from xlmargin.decide.exposure import Greeks
from xlmargin.decide.hedges import hedges
from xlmargin.decide.programme import Infeasible
from xlmargin.decide.trades import Trades, marks, traded
from xlmargin.decide.what_if import what_if

MODEL = "bybit.portfolio"
STRIKES = (70_000, 80_000, 90_000, 100_000, 110_000)


def desk(quantities, cash=1e6):
    """BTC options on Bybit's portfolio margin, valued at Black-76; the market lists ten of them."""
    names = [f"BTC-25DEC26-{k}-{t}-USDT" for k in STRIKES for t in "CP"]
    n = len(names)
    columns = {"forward": [90_000.0] * n, "iv": [0.55] * n, "index": [90_000.0] * n}
    book, market = xm.tables(
        None,
        {"asset": ["USDT"], "amount": [cash]},
        {"instrument": names, **columns},
        {"asset": ["USDT", "BTC"], "price": [1.0, 90_000.0]},
        as_of="2026-11-25",
        venue="bybit",
    )
    market = market.with_columns(mark=marks(market))
    held = market.numbered(list(quantities))
    return traded(book, market, Trades.of(np.zeros(len(held), int), held, list(quantities.values()))), market


SHORT = {"BTC-25DEC26-100000-C-USDT": -10.0, "BTC-25DEC26-80000-P-USDT": -10.0}


def need(book, market, model, trades):
    """Initial margin with trades, by what_if."""
    if not any(trades.values()):
        return xm.margin(book, market, model).initial.value[0]
    table = {"instrument": [n for n, q in trades.items() if q], "quantity": [q for q in trades.values() if q]}
    return what_if(book, market, model, table, standalone=False).after["initial"][0]


def test_the_answer_is_that_of_a_scenario_programme():
    """The whole programme written out: margin ≥ −(P₀ + Σ x·P) · factor + short charges in every scenario."""
    book, market = desk(SHORT)
    names = [f"BTC-25DEC26-{kind}-USDT" for kind in ("110000-C", "70000-P", "90000-C", "90000-P")]
    table = {"instrument": names, "most": [4.0] * len(names), "cost": [3.0] * len(names)}
    found = hedges(book, market, MODEL, table)
    assert np.isfinite(found.bound)
    assert found.gap <= 1e-5 * found.after
    assert "best: " in found.words
    trades = dict(zip(found.instrument, found.quantity, strict=True))
    assert found.after == pytest.approx(need(book, market, MODEL, trades))
    rng = np.random.default_rng(0)
    total = found.after + found.cost.sum()
    for _ in range(60):
        other = {n: trades.get(n, 0.0) + float(rng.normal() * rng.choice([0.01, 0.3, 3.0])) for n in names}
        other = {n: float(np.clip(q, -4, 4)) for n, q in other.items()}
        assert need(book, market, MODEL, other) + 3.0 * sum(map(abs, other.values())) >= total - 1e-5 * total


def test_against_the_linear_programme_of_the_ten_points():
    """The ten points with their minimum a contract are a pure scenario rule: the same optimum by linprog."""
    names = ["ABC 2026-12-18 100 C", "ABC 2026-12-18 110 C", "ABC 2026-12-18 90 P", "ABC 2026-12-18 105 C"]
    n = len(names)
    instruments = {"instrument": names, "kind": ["option"] * n, "underlying": ["ABC"] * n, "settle": ["USD"] * n}
    instruments |= {"quote": ["USD"] * n, "strike": [100.0, 110.0, 90.0, 105.0], "option_type": ["C", "C", "P", "C"]}
    instruments |= {
        "mark": [4.0, 1.2, 1.1, 2.3],
        "index": [100.0] * n,
        "rate": [0.04] * n,
        "contract_size": [100.0] * n,
    }
    instruments |= {"expiry": ["2026-12-18"] * n}
    held = {"instrument": names[:1], "quantity": [-10.0]}
    cash = {"asset": ["USD"], "amount": [50_000.0]}
    book, market = xm.tables(held, cash, instruments, as_of="2026-11-25")
    wide = reach(book, market, "occ.portfolio", names, {})
    cost = 20.0
    table = {"instrument": names[1:], "most": [30.0] * 3, "cost": [cost] * 3}
    found = hedges(book, market, "occ.portfolio", table)
    number = [wide.number[name] for name in names]
    profit, least = wide.session.ready.profit[number], wide.session.ready.minimum[number]
    losses = np.hstack([-profit[1:].T, profit[1:].T, -np.ones((10, 1))])
    contracts = np.array([[*least[1:], *least[1:], -1.0]])
    right = np.append(-10.0 * profit[0], -10.0 * least[0])
    answer = linprog([cost] * 6 + [1.0], np.vstack([losses, contracts]), right, bounds=[(0, 30)] * 6 + [(0, None)])
    assert found.after + found.cost.sum() == pytest.approx(answer.fun, rel=1e-6)
    assert found.bound == pytest.approx(answer.fun, rel=1e-5)
    assert found.saving > 0
    assert "best: " in found.words


def test_lots_and_number_of_trades_by_enumeration():
    book, market = desk(SHORT)
    names = ["BTC-25DEC26-110000-C-USDT", "BTC-25DEC26-70000-P-USDT", "BTC-25DEC26-90000-C-USDT"]
    table = {"instrument": names, "most": [10.0] * 3, "lot": [5.0] * 3, "cost": [20.0] * 3}
    every = {}
    for sizes in itertools.product((-10.0, -5.0, 0.0, 5.0, 10.0), repeat=3):
        every[sizes] = need(book, market, MODEL, dict(zip(names, sizes, strict=True))) + 20.0 * sum(map(abs, sizes))
    found = hedges(book, market, MODEL, table)
    assert found.after + found.cost.sum() == pytest.approx(min(every.values()))
    assert np.all(found.quantity % 5.0 == 0)
    assert found.bound == pytest.approx(min(every.values()), rel=1e-5)
    single = hedges(book, market, MODEL, table, most_trades=1)
    least = min(v for s, v in every.items() if np.count_nonzero(s) <= 1)
    assert len(single.instrument) == 1
    assert single.after + single.cost.sum() == pytest.approx(least)


def test_delta_and_vega_stay_within_their_limits():
    book, market = desk(SHORT)
    names = [str(n) for n in market.name]
    free = hedges(book, market, MODEL, {"instrument": names, "most": [5.0] * len(names)})
    unit = Greeks.of(market)

    def after(found, per):
        trades = dict(zip(found.instrument, found.quantity, strict=True))
        x = np.array([trades.get(n, 0.0) for n in names])
        return float(per @ x + per[book.legs.instrument] @ book.legs.quantity)

    kept = hedges(
        book,
        market,
        MODEL,
        {"instrument": names, "most": [5.0] * len(names)},
        delta={"BTC": (-0.5, 0.5)},
        vega={"BTC": (-900.0, -700.0)},
    )
    assert -0.5 - 1e-6 <= after(kept, unit.delta) <= 0.5 + 1e-6
    assert -900.0 - 1e-3 <= after(kept, unit.vega) <= -700.0 + 1e-3
    assert kept.after >= free.after - 1e-6


def test_a_budget_is_kept_and_more_money_never_hurts():
    book, market = desk(SHORT)
    table = {"instrument": [str(n) for n in market.name], "most": [10.0] * 10, "cost": [50.0] * 10}
    last = np.inf
    for budget in (0.0, 200.0, 500.0, 2_000.0):
        found = hedges(book, market, MODEL, table, budget=budget)
        assert found.cost.sum() <= budget + 1e-6
        total = found.after + found.cost.sum()
        assert total <= last + 1e-3
        last = total


def test_a_rule_that_is_not_convex_is_said_to_be_and_re_runs_are_given():
    """Reg T pairs positions in whole contracts: no bound, but what is given is run exactly and saves."""
    margin = iron([(2600, "C"), (3000, "C")], [-20, 3], 60_000.0)
    book, market = margin.run.book, margin.run.market
    found = hedges(
        book, market, "derive.portfolio", {"instrument": ["ETH-20261225-3000-C"], "most": [30.0], "lot": [1.0]}
    )
    assert found.saving > 0
    sizes = [need(book, market, "derive.portfolio", {"ETH-20261225-3000-C": float(q)}) for q in range(-30, 31)]
    assert found.after == pytest.approx(min(sizes), rel=1e-6)


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_a_search_that_is_cut_short_is_no_worse_than_to_do_nothing(rounds):
    book, market = desk(SHORT)
    names = [str(n) for n in market.name]
    table = {"instrument": names, "most": [500.0] * len(names), "cost": [2_000.0] * len(names)}
    found = hedges(book, market, MODEL, table, rounds=rounds)
    assert found.after + found.cost.sum() <= found.before
    if rounds == 0:
        assert np.isnan(found.bound)
        assert "exact re-runs, no bound" in found.words


def test_tiers_are_convex_and_a_hedge_closes_what_costs():
    book, market = perps(
        {"instrument": ["BTCUSDT"], "quantity": [5.0], "entry_price": [60_000.0], "leverage": [10.0]},
        {"asset": ["USDT"], "amount": [1e5]},
    )
    found = hedges(book, market, "binance.usdm", {"instrument": ["BTCUSDT"], "most": [5.0], "cost": [30.0]})
    assert found.quantity.tolist() == pytest.approx([-5.0])
    assert found.after == pytest.approx(0.0, abs=1e-3)
    dear = hedges(book, market, "binance.usdm", {"instrument": ["BTCUSDT"], "most": [5.0], "cost": [7_000.0]})
    assert len(dear.instrument) == 0
    assert dear.saving == pytest.approx(0.0)


def test_ranking_is_each_candidate_alone():
    book, market = desk(SHORT)
    names = [str(n) for n in market.name]
    table = {"instrument": names, "most": [8.0] * len(names), "cost": [10.0] * len(names)}
    ranking = hedges(book, market, MODEL, table).ranking()
    first = ranking.iloc[0]
    before = xm.margin(book, market, MODEL).initial.value[0]
    assert first["saving"] == pytest.approx(
        before - need(book, market, MODEL, {first["instrument"]: first["quantity"]})
    )
    assert first["per_cost"] == pytest.approx(first["saving"] / first["cost"])
    assert ranking["per_cost"].is_monotonic_decreasing


def test_bad_input_in_words():
    book, market = desk(SHORT)
    with pytest.raises(xm.InputError, match="no candidates: the list is empty"):
        hedges(book, market, MODEL, [])
    with pytest.raises(xm.InputError, match="the market lists no BTC-25DEC26-95000-C-USDT"):
        hedges(book, market, MODEL, ["BTC-25DEC26-95000-C-USDT"])
    with pytest.raises(xm.InputError, match="candidates row 2, column most: must be above zero"):
        hedges(book, market, MODEL, {"instrument": ["BTC-25DEC26-90000-C-USDT"], "most": [-1.0]})
    with pytest.raises(xm.InputError, match="delta: nothing follows 'ETH'"):
        hedges(book, market, MODEL, ["BTC-25DEC26-90000-C-USDT"], delta={"ETH": (0, 1)})
    with pytest.raises(Infeasible, match=r"delta of BTC within 500 … 600 is missed by"):
        hedges(book, market, MODEL, ["BTC-25DEC26-90000-C-USDT"], delta={"BTC": (500, 600)})


@pytest.mark.parametrize("seed", range(6))
def test_no_enumerated_size_beats_the_answer_and_a_convex_rule_is_never_called_otherwise(seed):
    """One to three candidates of the desk on Derive's rule, which is convex there: a charge turns at no holding."""
    book, market = xm.read(Path(__file__).parents[1] / "workbooks" / "desk.xlsx")
    rng = np.random.default_rng(seed)
    names = [str(n) for n in rng.choice(market.name, int(rng.integers(1, 4)), replace=False)]
    names[0] = "BTC-PERP" if not seed % 2 else names[0]
    table = {"instrument": names, "lot": [0.1] * len(names), "cost": rng.uniform(0, 150, len(names))}
    for account in ("Naked calls", "Risk reversal"):
        found = hedges(book, market, "derive.portfolio", table, account=account)
        assert "best: " in found.words
        most = np.floor(found.search.most * 10) / 10
        tried = np.round(rng.uniform(-1, 1, (800, len(names))) * most, 1)
        total = found.search.margin(tried).need + np.abs(tried) @ found.search.cost
        assert total.min() >= found.after + found.cost.sum() - 1e-4 * found.before


def test_a_free_trade_has_no_saving_per_cost_and_a_size_alone_is_the_best_alone():
    book, market = xm.read(Path(__file__).parents[1] / "workbooks" / "desk.xlsx")
    found = hedges(book, market, "derive.portfolio", ["BTC-PERP"], account="Naked calls")
    (alone,) = found.ranking().to_dict("records")
    assert np.isnan(alone["per_cost"])
    assert alone["quantity"] == pytest.approx(found.quantity[0], rel=0.02)
    assert alone["saving"] == pytest.approx(found.saving, rel=0.01)


def test_pools_of_other_currencies_are_counted_in_dollars_throughout():
    """A candidate that would open a pool in another coin: every re-run counts in USD, so that figures compare."""
    names = ["BTC-PERPETUAL", "ETH-PERPETUAL"]
    book, market = xm.tables(
        {"instrument": names[:1], "quantity": [100_000.0], "entry_price": [80_000.0]},
        {"asset": ["BTC", "ETH"], "amount": [1.0, 1.0]},
        {"instrument": names, "mark": [80_000.0, 3_000.0], "index": [80_000.0, 3_000.0]},
        {"asset": ["BTC", "ETH"], "price": [80_000.0, 3_000.0]},
        as_of="2026-11-25",
        venue="deribit",
    )
    margin = xm.margin(book, market, "deribit.standard")
    assert set(margin.currency) == {"BTC", "ETH"}
    found = hedges(book, market, "deribit.standard", names)
    assert found.currency == "USD"
    assert found.before == pytest.approx((margin.initial.value * [80_000.0, 3_000.0]).sum())
    assert found.instrument.tolist() == names[:1]
    assert found.quantity[0] == pytest.approx(-100_000.0, rel=1e-4)
    assert found.after == pytest.approx(0.0, abs=1e-3 * found.before)
    alone = xm.tables(
        {"instrument": names[:1], "quantity": [100_000.0], "entry_price": [80_000.0]},
        {"asset": ["BTC"], "amount": [1.0]},
        {"instrument": names, "mark": [80_000.0, 3_000.0], "index": [80_000.0, 3_000.0]},
        {"asset": ["BTC", "ETH"], "price": [80_000.0, 3_000.0]},
        as_of="2026-11-25",
        venue="deribit",
    )
    one = hedges(*alone, "deribit.standard", names)
    assert (one.currency, one.instrument.tolist()) == ("USD", names[:1])
    assert one.before == pytest.approx(found.before)
    assert hedges(*alone, "deribit.standard", names[:1]).currency == "BTC"
