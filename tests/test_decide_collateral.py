"""Collateral: the published instances to their printed optimum, exact small enumerations, clashes named."""

import itertools

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests import shared_golden
from xlmargin.decide.collateral import allocate
from xlmargin.decide.programme import Infeasible, Programme


def shared():
    return shared_golden.load("simm/collateral_optimisation_tests.json")


def korpas(limits):
    case = shared()["instance_korpas"]
    count, accounts = len(case["quantity"]), len(case["exposure"])
    assets = {"asset": [f"a{i}" for i in range(count)], "quantity": case["quantity"], "price": case["value"]}
    needs = {"requirement": [f"r{j}" for j in range(accounts)], "required": case["exposure"]}
    rows = []
    for i, j in itertools.product(range(count), range(accounts)):
        cost = abs(case["tier"][i] - case["duration"][j]) / (case["quantity"][i] * case["value"][i])
        row = {"asset": f"a{i}", "requirement": f"r{j}", "haircut": 1 - case["value_factor"][i][j], "cost": cost}
        rows.append(row | ({"limit": case["single_limit"][i][j]} if limits else {}))
    return case, allocate(assets, needs, pd.DataFrame(rows))


def test_korpas_with_limits():
    case, found = korpas(True)
    assert found.cost == pytest.approx(case["expected"]["objective_with_limits"], rel=1e-9)
    assert found.exact
    table = np.zeros((len(case["quantity"]), len(case["exposure"])))
    for _, row in found.frame().iterrows():
        i = int(row["asset"][1:])
        table[i, int(row["requirement"][1:])] = row["quantity"] / case["quantity"][i]
    np.testing.assert_allclose(table, case["expected"]["Q_with_limits"], atol=1e-7)


def test_korpas_without_limits():
    case, found = korpas(False)
    assert found.cost == pytest.approx(case["expected"]["objective_without_limits"], rel=1e-9)


def bank(lot=None, minimum=None, most=None):
    case = shared()["instance_toy_bank"]
    a, o = pd.DataFrame(case["assets"]), case["obligations"]
    assets = {"asset": a["name"], "quantity": a["market_value"], "haircut": a["haircut"], "cost": a["opportunity_cost"]}
    if lot:
        assets["lot"] = [lot] * len(a)
    needs = {"requirement": [x["name"] for x in o], "required": [x["required"] for x in o]}
    needs |= {"minimum": [minimum] * len(o)} if minimum else {}
    needs |= {"most_assets": [most] * len(o)} if most else {}
    pairs = [{"asset": a["name"][i], "requirement": x["name"]} for x in o for i in x["eligible"]]
    return case, allocate(assets, needs, pd.DataFrame(pairs))


@pytest.mark.parametrize(
    ("key", "terms"),
    [
        ("optimum_lp", {}),
        ("optimum_mip_lot_1e6", {"lot": 1e6}),
        ("optimum_mip_lot_1e6_mta_5e5_maxassets_1", {"lot": 1e6, "minimum": 5e5, "most": 1}),
        ("optimum_lp_maxassets_1", {"most": 1}),
    ],
)
def test_toy_bank(key, terms):
    case, found = bank(**terms)
    assert found.cost == pytest.approx(case[key], rel=1e-9)
    assert found.bound == pytest.approx(case[key], rel=1e-6)
    assert found.exact
    assert "proved least" in found.words
    if terms.get("most"):
        assert (found.frame().groupby("requirement").size() <= 1).all()
    if terms.get("lot"):
        np.testing.assert_allclose(found.frame()["quantity"] % 1e6, 0.0, atol=1e-3)


def test_one_requirement_is_cheapest_to_deliver():
    """Without limits: sort by cost per counted value and fill."""
    rng = np.random.default_rng(1)
    for _ in range(5):
        quantity, haircut, cost = rng.uniform(1, 10, 6), rng.uniform(0, 0.3, 6), rng.uniform(0.01, 0.05, 6)
        need = 0.6 * ((1 - haircut) * quantity).sum()
        assets = {"asset": list("abcdef"), "quantity": quantity, "haircut": haircut, "cost": cost}
        found = allocate(assets, {"requirement": ["r"], "required": [need]})
        left, paid = need, 0.0
        for i in np.argsort(cost / (1 - haircut)):
            used = min(quantity[i], left / (1 - haircut[i]))
            left, paid = left - used * (1 - haircut[i]), paid + used * cost[i]
        assert found.cost == pytest.approx(paid)


def test_lots_by_enumeration():
    assets = {
        "asset": ["a", "b"],
        "quantity": [6.0, 6.0],
        "haircut": [0.1, 0.25],
        "cost": [0.05, 0.04],
        "lot": [2.0, 1.0],
    }
    found = allocate(assets, {"requirement": ["r", "s"], "required": [3.3, 2.9]})
    best = np.inf
    for a1, a2, b1, b2 in itertools.product(range(0, 7, 2), range(0, 7, 2), range(7), range(7)):
        if a1 + a2 <= 6 and b1 + b2 <= 6 and 0.9 * a1 + 0.75 * b1 >= 3.3 and 0.9 * a2 + 0.75 * b2 >= 2.9:
            best = min(best, 0.05 * (a1 + a2) + 0.04 * (b1 + b2))
    assert found.cost == pytest.approx(best)


def test_tiers_count_each_slice_at_its_ratio():
    """BTC counts 0.95 to 10 coins and 0.8 beyond: 15 coins at 100 are worth 9.5·100 + 5·80."""
    assets = {"asset": ["BTC", "USDC"], "quantity": [15.0, 1e6], "price": [100.0, 1.0], "cost": [0.01, 0.1]}
    tiers = {"asset": ["BTC", "BTC"], "floor": [0.0, 10.0], "ratio": [0.95, 0.8]}
    need = {"requirement": ["r"], "required": [950.0 + 400.0 + 50.0]}
    table = allocate(assets, need, tiers=tiers).frame().set_index("asset")
    assert table.loc["BTC", "quantity"] == pytest.approx(15.0)
    assert table.loc["BTC", "counted"] == pytest.approx(1350.0)
    assert table.loc["USDC", "quantity"] == pytest.approx(50.0)


def test_groups_and_moves():
    assets = {"asset": ["x", "y", "z"], "quantity": [10.0] * 3, "cost": [0.01, 0.01, 0.05], "group": ["A", "A", "B"]}
    need = {"requirement": ["r"], "required": [10.0]}
    groups = {"group": ["A"], "requirement": ["r"], "share": [0.4]}
    found = allocate(assets, need, groups=groups)
    assert found.cost == pytest.approx(4 * 0.01 + 6 * 0.05)
    held = {"asset": ["x", "y", "z"], "requirement": ["r"] * 3, "held": [0.0, 0.0, 10.0]}
    stay = allocate(assets, need, held, move_cost=0.1)
    assert stay.cost == pytest.approx(10 * 0.05)
    assert stay.frame()["asset"].tolist() == ["z"]


def test_a_clash_is_named():
    assets = {"asset": ["x", "y"], "quantity": [5.0, 5.0], "haircut": [0.0, 0.5]}
    with pytest.raises(Infeasible) as caught:
        allocate(assets, {"requirement": ["r", "s"], "required": [5.0, 4.0]})
    text = str(caught.value)
    assert "no solution meets every limit" in text
    assert "is missed by 1.5" in text or "is missed by 3" in text
    with pytest.raises(Infeasible, match="share of A in r"):
        allocate(
            {"asset": ["x"], "quantity": [50.0], "group": ["A"]},
            {"requirement": ["r"], "required": [10.0]},
            groups={"group": ["A"], "requirement": ["r"], "share": [0.5]},
        )


def test_bad_tables_are_told_together():
    with pytest.raises(xm.InputError) as caught:
        allocate(
            {"asset": ["x"], "quantity": [-1.0], "haircut": [1.5]},
            {"requirement": ["r"], "requird": [1.0]},
            {"asset": ["xx"], "requirement": ["r"]},
            tiers={"asset": ["x", "x"], "floor": [0.0, 1.0], "ratio": [0.5, 0.9]},
        )
    text = str(caught.value)
    assert "assets row 2, column quantity: -1 is out of range" in text
    assert "assets row 2, column haircut: 1.5 is out of range" in text
    assert "requirements row 1, column required: required column is missing; did you mean 'requird'?" in text
    assert "no asset 'xx'; did you mean 'x'?" in text
    assert "ratios of x rise with size" in text


def test_an_unbounded_programme_says_so():
    programme = Programme(np.array([-1.0]), np.zeros(1), np.full(1, np.inf), np.zeros(1, bool))
    programme.add("floor", [0], [1.0], 0.0, np.inf)
    with pytest.raises(Infeasible, match="unbounded: give limits on the amounts"):
        programme.solve()


def test_a_price_that_is_not_given_is_said_to_count_as_one():
    calls = {"requirement": ["CCP"], "required": [50.0]}
    bare = allocate({"asset": ["cash", "bond"], "quantity": [100.0, 50.0], "price": [None, 2.0]}, calls)
    assert [note.text for note in bare.notes] == ["no price is given of cash: a unit of it counts as 1"]
    assert bare.notes[0].text in bare._repr_html_()
    assert allocate({"asset": ["cash"], "quantity": [100.0]}, calls).notes
    assert not allocate({"asset": ["cash"], "quantity": [100.0], "price": [1.0]}, calls).notes
