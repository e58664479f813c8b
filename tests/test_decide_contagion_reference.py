"""Contagion against a plain loop that margins one account at a time, and what must be monotone."""

from itertools import pairwise

import numpy as np
import pytest

import xlmargin as xm
from tests.contagion_books import MODEL, WHOLE, check, depth, perps
from xlmargin.decide.contagion import contagion
from xlmargin.decide.venues import Ladder

NAMES = {"BTCUSDT": "BTC", "ETHUSDT": "ETH"}
START = {"BTCUSDT": 60_000.0, "ETHUSDT": 3_000.0}
RULES = Ladder(step=0.25, target=0.8, fee=0.001, whole_below=5_000.0, cite="test")


class Account:
    """One account in plain numbers; its margin is the rule's own, run on it alone."""

    def __init__(self, cash, held):
        self.cash, self.held, self.broke = cash, dict(held), -1

    def worth(self, marks):
        return self.cash + sum(q * (marks[n] - START[n]) for n, q in self.held.items())

    def figures(self, marks):
        if not self.held:
            return self.cash, 0.0
        names = list(self.held)
        position = {"instrument": names, "quantity": list(self.held.values()), "leverage": [10.0] * len(names)}
        position["entry_price"] = [START[n] for n in names]
        listed = {"instrument": names, "mark": [marks[n] for n in names]}
        cash = {"asset": ["USDT"], "amount": [self.cash]}
        prices = {"asset": ["USDT"], "price": [1.0]}
        found = xm.margin(*xm.tables(position, cash, listed, prices, as_of="2026-11-25", venue="binance"), MODEL)
        return float(found.equity.value[0]), float(found.maintenance.value[0])

    def close(self, share, marks):
        """Close a share at the marks; returns the signed quantities sold (negative) or bought."""
        traded = {n: -share * q for n, q in self.held.items()}
        self.cash += sum(-t * (marks[n] - START[n]) for n, t in traded.items())
        self.held = {} if share == 1.0 else {n: q + traded[n] for n, q in self.held.items()}
        return traded


def liquidate(account, marks, flow, fund):
    """The ladder at one set of marks; returns what the fund gains (negative: what it owes)."""
    gained = 0.0

    def press(traded):
        for n, t in traded.items():
            flow[n] += t * START[n]

    while True:
        have, need = account.figures(marks)
        if have >= need / RULES.target:
            return gained
        if have <= 0:
            press(account.close(1.0, marks))
            gained, account.cash = gained + account.cash, 0.0
            return gained
        size = sum(abs(q) * marks[n] for n, q in account.held.items())
        share = 1.0 if size <= RULES.whole_below else RULES.step
        press(account.close(share, marks))
        fee = min(RULES.fee * share * size, max(account.worth(marks), 0.0))
        account.cash -= fee
        gained += fee


def loop(accounts, shock, depths, fund):
    """Rounds of all accounts; returns the price factors, the fund and what stays uncovered."""
    flow, uncovered, before = dict.fromkeys(START, 0.0), 0.0, None
    for number in range(1000):
        moved = dict.fromkeys(START, 0.0) if number == 0 else shock
        factor = {n: (1 + moved[n]) * (1 + flow[n] / (100 * depths[n])) for n in START}
        marks = {n: START[n] * f for n, f in factor.items()}
        gained, acted = 0.0, False
        for account in accounts.values():
            have, need = account.figures(marks)
            if have < need:
                account.broke = number if account.broke < 0 else account.broke
                gained += liquidate(account, marks, flow, fund)
                acted = True
        fund += gained
        uncovered, fund = uncovered + max(-fund, 0.0), max(fund, 0.0)
        if number > 0 and not acted and factor == before:
            return factor, fund, uncovered
        before = factor
    raise AssertionError("no rest")


@pytest.mark.parametrize("seed", range(5))
def test_the_rounds_of_a_plain_loop(seed):
    rng = np.random.default_rng(seed)
    cash, rows = {}, []
    for a in range(8):
        size = float(rng.uniform(20_000, 400_000))
        cash[f"a{a}"] = float(rng.uniform(0.06, 0.25)) * size
        for n, mark in START.items():
            rows.append((f"a{a}", n, round(float(rng.normal(0.5, 0.6)) * size / mark, 3) or 0.01))
    shock, depths = {"BTCUSDT": -0.12, "ETHUSDT": -0.15}, {"BTCUSDT": 6e4, "ETHUSDT": 3e4}
    accounts = {a: Account(c, {n: q for who, n, q in rows if who == a}) for a, c in cash.items()}
    factor, fund, uncovered = loop(accounts, shock, depths, 2_000.0)
    found = contagion(
        *perps(rows, cash),
        MODEL,
        {"price": {NAMES[n]: m for n, m in shock.items()}},
        depth={"instrument": list(depths), "depth": list(depths.values())},
        funds={"venue": ["binance"], "amount": [2_000.0]},
        rules={MODEL: RULES},
    )
    check(found)
    assert found.broke.tolist() == [a.broke for a in accounts.values()]
    assert found.broke.max() > 1
    mine = dict(zip(found.name, found.factor, strict=True))
    assert [mine[NAMES[n]] for n in START] == pytest.approx(list(factor.values()), rel=1e-12)
    marks = {n: START[n] * f for n, f in factor.items()}
    np.testing.assert_allclose(found.after, [a.worth(marks) for a in accounts.values()], atol=1e-6)
    assert found.fund[0] == pytest.approx(fund, abs=1e-6)
    assert -found.totals["uncovered"] == pytest.approx(uncovered, abs=1e-6)


def longs(seed):
    rng = np.random.default_rng(seed)
    size = rng.uniform(0.2, 3.0, 15).round(3)
    cash = {f"a{n}": float(60_000 * q * rng.uniform(0.02, 0.4)) for n, q in enumerate(size)}
    return perps([(a, "BTCUSDT", float(q)) for a, q in zip(cash, size, strict=True)], cash)


@pytest.mark.parametrize("seed", range(4))
def test_among_longs_a_deeper_market_falls_less_and_a_greater_shock_breaks_no_fewer(seed):
    book, market = longs(seed)
    run = lambda move, d: contagion(book, market, MODEL, {"price": {"BTC": move}}, depth=depth(d), rules=WHOLE)  # noqa: E731
    by_depth = [run(-0.1, d) for d in (2e4, 5e4, 2e5, 1e7)]
    falls = [float(f.factor[f.name == "BTC"][0]) for f in by_depth]
    assert falls == sorted(falls)
    assert falls[0] < falls[-1]
    by_shock = [run(move, 5e4) for move in (-0.02, -0.06, -0.12, -0.2)]
    for mild, hard in pairwise(by_shock):
        assert not ((mild.broke >= 0) & (hard.broke < 0)).any()
