"""The least pairing against brute force over every cut, and what is said where it is not proved."""

from functools import cache
from itertools import combinations

import numpy as np
import pytest

import xlmargin as xm
from tests.regt_cases import Cases, line, strategies

SPOT, SIZE = 100.0, 100.0
RIGHTS = ("C", "P")


class Option:
    """A series in plain numbers, written from the published rules alone."""

    def __init__(self, right, quantity, strike, price, days):
        self.call, self.quantity, self.strike, self.price, self.days = right == "C", quantity, strike, price, days
        away = max(strike - SPOT, 0.0) if self.call else max(SPOT - strike, 0.0)
        into = max(SPOT - strike, 0.0) if self.call else max(strike - SPOT, 0.0)
        floor = 0.1 * (SPOT if self.call else strike)
        self.naked = SIZE * (price + max(0.2 * SPOT - away, floor))
        self.away, self.into = SIZE * away, SIZE * into

    def worth(self, at):
        return max(at - self.strike, 0.0) if self.call else max(self.strike - at, 0.0)


def netted(shorts, longs):
    prices = [o.strike for o in (*shorts, *longs)]
    return max(0.0, *(SIZE * (sum(o.worth(x) for o in shorts) - sum(o.worth(x) for o in longs)) for x in prices))


def group_cost(members, level):
    """What one group asks, or None where nobody recognises it; 'S' stands for a lot of shares, +1 long or −1 short."""
    shares = [m for m in members if isinstance(m, tuple)]
    shorts = [m for m in members if not isinstance(m, tuple) and m.quantity < 0]
    longs = [m for m in members if not isinstance(m, tuple) and m.quantity > 0]
    if shares:
        return with_shares(shares, shorts, longs, level)
    if len(members) == 1:
        return shorts[0].naked if shorts else 0.0
    if len(shorts) == 2 and not longs and shorts[0].call != shorts[1].call:
        a, b = shorts
        return a.naked + SIZE * b.price if a.naked >= b.naked else b.naked + SIZE * a.price
    return spread(shorts, longs)


def spread(shorts, longs):
    if len(shorts) != len(longs) or len(shorts) not in (1, 2):
        return None
    if sorted(o.call for o in shorts) != sorted(o.call for o in longs):
        return None
    if len(shorts) == 1:
        if longs[0].days < shorts[0].days:
            return None
        return min(shorts[0].naked, netted(shorts, longs))
    return netted(shorts, longs) if len({o.days for o in (*shorts, *longs)}) == 1 else None


def with_shares(shares, shorts, longs, level):
    if len(shares) != 1 or len(shorts) > 1 or len(longs) > 1:
        return None
    sign, value = shares[0][1], SPOT * SIZE
    initial, kept = 0.5 * value, (0.25 if sign > 0 else 0.30)
    if any(o.call != (sign > 0) for o in shorts) or any(o.call != (sign < 0) for o in longs):
        return None
    into = sum(o.into for o in shorts)
    if level == "initial" and not (shorts and longs):
        return initial + into
    if not shorts and not longs:
        return kept * value
    if not longs:
        counted = min(value, shorts[0].strike * SIZE) if sign > 0 else value
        return kept * counted + into
    limited = 0.1 * longs[0].strike * SIZE
    if not shorts:
        return min(limited + longs[0].away, kept * value)
    return both_sides(shorts[0], longs[0], sign, initial, kept, limited, level)


def both_sides(short, long, sign, initial, kept, limited, level):
    if short.days != long.days:
        return None
    if short.strike == long.strike:
        return (initial if level == "initial" else limited) + short.into
    if sign < 0 or short.strike < long.strike:
        return None
    asked = min(limited + long.away, kept * short.strike * SIZE)
    return (initial if level == "initial" else asked) + short.into


def brute_force(options, lots, level):
    """The least over every partition of contracts and lots into groups of up to four."""
    items = [*options, *([("S", np.sign(lots))] if lots else [])]
    start = tuple([abs(int(o.quantity)) for o in options] + ([abs(lots)] if lots else []))

    @cache
    def least(left):
        first = next((i for i, n in enumerate(left) if n), None)
        if first is None:
            return 0.0
        pool = [i for i, n in enumerate(left) for _ in range(n)]
        pool.remove(first)
        best, seen = float("inf"), set()
        for width in range(4):
            for others in combinations(pool, width):
                if others in seen:
                    continue
                seen.add(others)
                cost = group_cost([items[i] for i in (first, *others)], level)
                if cost is not None:
                    rest = list(left)
                    for i in (first, *others):
                        rest[i] -= 1
                    best = min(best, cost + least(tuple(rest)))
        return best

    return least(start)


def random_position(rng):
    options, seen = [], set()
    for _ in range(int(rng.integers(2, 6))):
        right, strike = str(rng.choice(RIGHTS)), float(rng.choice([85, 90, 95, 100, 105, 110]))
        days = int(rng.choice([30, 60]))
        if (right, strike, days) in seen:
            continue
        seen.add((right, strike, days))
        price = round(float(rng.uniform(0.5, 4.0)), 2) + max(SPOT - strike if right == "C" else strike - SPOT, 0.0)
        options.append(Option(right, float(rng.choice([-2, -1, 1, 2])), strike, price, days))
    return options, int(rng.choice([-1, 0, 0, 1, 2]))


def test_least_cut_against_brute_force():
    rng = np.random.default_rng(11)
    drawn = [random_position(rng) for _ in range(60)]
    made = Cases()
    for n, (options, lots) in enumerate(drawn):
        for o in options:
            made.option(f"case {n}", "C" if o.call else "P", o.quantity, o.strike, o.price, SPOT, o.days)
        if lots:
            made.shares(f"case {n}", lots * SIZE, SPOT)
    margin = made.margin()
    assert not margin.notes
    for n, (options, lots) in enumerate(drawn):
        for level in ("initial", "maintenance"):
            found = line(margin, "Strategies", f"case {n}", level)
            found += line(margin, "Shares counted at the exercise price", f"case {n}", level)
            if not any(o.quantity < 0 for o in options) and not lots:
                continue
            assert found == pytest.approx(brute_force(options, lots, level), abs=1e-6), (n, level)


def large(rng, case="big", series=30, terms=(30,)):
    made, seen = Cases(), set()
    while len(seen) < series:
        right, strike, days = str(rng.choice(RIGHTS)), float(rng.integers(60, 141)), int(rng.choice(terms))
        if (right, strike, days) in seen:
            continue
        seen.add((right, strike, days))
        inside = max(SPOT - strike if right == "C" else strike - SPOT, 0.0)
        quantity = float(rng.choice([-1, 1]) * rng.integers(1, 5))
        made.option(case, right, quantity, strike, inside + float(rng.uniform(0.5, 4)), SPOT, days)
    return made


def test_beyond_the_bound_it_says_so_and_by_how_much():
    made = large(np.random.default_rng(3), series=24)
    exact = made.margin()
    assert not exact.notes
    rough = made.margin({"most_groups": 50})
    assert rough.initial.value[0] >= exact.initial.value[0] - 1e-6
    above = rough.initial.value[0] - exact.initial.value[0]
    assert above <= rough.extras["unproved"].value[0] + 1e-6
    assert any("prove that the cut" in n.text for n in rough.notes) or above < 0.01


def test_spreads_of_any_number_of_legs_never_ask_more():
    for seed in range(4):
        made = large(np.random.default_rng(seed), series=16, terms=(30, 60))
        named, free = made.margin(), made.margin(options={"spreads": "any"})
        assert free.initial.value[0] <= named.initial.value[0] + 1e-6
        assert not free.notes


def test_a_pool_asks_its_largest_netted_loss():
    """Six series that no group of four nets in full, worked by hand: at 110 the calls lose 10, covered by the rest."""
    made = Cases()
    for right, quantity, strike in (
        ("C", 1, 95),
        ("C", -1, 100),
        ("C", 1, 110),
        ("C", -1, 105),
        ("P", -1, 100),
        ("P", 1, 90),
    ):
        made.option("six", right, quantity, strike, 3.0, SPOT)
    free = made.margin(options={"spreads": "any"})
    results = dict.fromkeys((0, 90, 95, 100, 105, 110), 0.0)
    for x in results:
        calls = max(x - 95, 0) - max(x - 100, 0) + max(x - 110, 0) - max(x - 105, 0)
        results[x] = SIZE * (calls - max(100 - x, 0) + max(90 - x, 0))
    assert line(free, "Strategies", "six") == pytest.approx(max(0.0, -min(results.values())), abs=1e-9)
    (name,) = strategies(free, "six")
    assert name.startswith("Spread of 6 series")


def test_the_pairing_stands_in_the_ledger():
    made = Cases()
    for right, quantity, strike in (("P", 3, 90), ("P", -3, 95), ("C", -2, 105), ("C", 2, 110)):
        made.option("condor", right, quantity, strike, 2.0, SPOT)
    made.shares("condor", 150, SPOT)
    margin = made.margin()
    groups = strategies(margin, "condor")
    assert sum(groups.values()) == pytest.approx(line(margin, "Strategies", "condor"))
    legs = "-1 C 105 2026-10-21, -1 P 95 2026-10-21, +1 C 110 2026-10-21, +1 P 90 2026-10-21"
    iron = {name: value for name, value in groups.items() if name.startswith("Iron condor")}
    assert all(name.endswith(legs) for name in iron), iron
    assert sum(iron.values()) >= 500.0
    assert line(margin, "Shares without options", "condor") == 0.5 * 50 * SPOT
    detail = margin.detail("condor")
    assert all(tree.gap(detail.run.book) < 1e-9 for tree in detail.lines().values())


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        ({"quantity": 1.5}, "quantity", "whole contracts"),
        ({"class": "shares"}, "class", "no such class"),
        ({"mark": None}, "mark", "missing for"),
        ({"index": None}, "index", "missing for"),
        ({"kind": "future"}, "instrument", "does not margin a future"),
    ],
)
def test_bad_input_is_named(change, column, words):
    row = {"instrument": "mine", "kind": "option", "underlying": "ABC", "settle": "USD", "quote": "USD"}
    row |= {"option_type": "C", "strike": 100.0, "mark": 5.0, "contract_size": 100.0, "expiry": "2027-03-19"}
    row |= {"index": 100.0, "class": "equity", "quantity": -1} | change
    quantity = row.pop("quantity")
    book, market = xm.tables(
        {"instrument": ["mine"], "quantity": [quantity]},
        instruments={k: [v] for k, v in row.items()},
        as_of="2026-11-25",
    )
    with pytest.raises(xm.InputError) as error:
        xm.margin(book, market, "regt.strategy")
    problem = error.value.problems[0]
    assert (problem.table, problem.row, problem.column) == ("positions", 2, column)
    assert words in problem.message


def test_short_shares_under_five_dollars_are_noted():
    made = Cases()
    made.shares("cheap", -1000, 3.0)
    margin = made.margin()
    assert margin.maintenance.value[0] == 0.3 * 3000
    assert any("under 5 USD" in n.text for n in margin.notes)
