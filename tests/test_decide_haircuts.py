"""Published haircut schedules against the shared tables, row by row; in the allocation; bad input in words."""

import itertools

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests import shared_golden
from tests.command_runs import told
from xlmargin.decide.collateral import allocate
from xlmargin.decide.collateral.schedules import FILE, Schedule
from xlmargin.decide.programme import Infeasible
from xlmargin.errors import InputError, NoVersion
from xlmargin.params import versions
from xlmargin.tiers import ratios

DAY = "2026-11-25"
YEARS = {"<1y": 0.5, "<=1y": 1.0, "1-5y": 3.0, ">5y": 10.0, None: np.nan}
US = {
    "gov_related": "government",
    "gse_not_explicit": "agency",
    "other_public_debt": "corporate",
    "equity_sp500_or_related": "equity",
    "equity_sp1500_not_sp500": "wider equity",
    "gold": "gold",
}
BCBS = {
    "cash_same_currency": "cash",
    "hq_gov_central_bank": "government",
    "hq_corporate_covered": "corporate",
    "equity_major_index": "equity",
    "gold": "gold",
}
STEPS = {"CQS1": (1,), "CQS2-3": (2, 3), "CQS4_or_below": (4, 6)}


def shared():
    return shared_golden.load("simm/collateral_haircuts.json")


@pytest.mark.parametrize(
    ("name", "key", "classes", "mismatch"),
    [
        ("us", "us_prudential_regulators_table_B", US, "fx_mismatch_additive"),
        ("bcbs", "bcbs_iosco_appendix_B", BCBS, "fx_mismatch_additive"),
    ],
)
def test_tables_of_the_us_regulators_and_of_basel(name, key, classes, mismatch):
    table, own = shared()[key], Schedule.of(name, DAY)
    for kind, years, percent in table["rows"]:
        assert own.haircut(classes[kind], YEARS[years]) == pytest.approx(percent / 100, abs=1e-15)
    assert own.mismatch == table[mismatch] / 100
    assert len(own.kind) - (name == "us") == len(table["rows"])


def test_annex_ii_of_the_european_union():
    table, own = shared()["eu_2016_2251_annex_II"], Schedule.of("eu", DAY)
    kinds = ("government", "corporate", "securitisation")
    for words, steps in STEPS.items():
        for years, row in table["long_term_rating"][words].items():
            for (kind, percent), step in itertools.product(zip(kinds, row, strict=True), steps):
                found = own.haircut(kind, YEARS[years], step)
                assert found == pytest.approx(np.nan if percent is None else percent / 100, nan_ok=True)
    other = table["other"]
    assert own.haircut("cash") == other["cash"] / 100
    assert own.haircut("gold") == other["gold"] / 100
    assert own.haircut("equity") == other["equities_main_index_and_convertibles"] / 100
    assert own.mismatch == other["fx_mismatch"] / 100


def test_the_boundary_of_one_year_is_each_schedules_own():
    """The US table says less than one year, the others up to one year."""
    assert Schedule.of("us", DAY).haircut("government", 1.0) == 0.02
    assert Schedule.of("bcbs", DAY).haircut("government", 1.0) == 0.005
    assert Schedule.of("eu", DAY).haircut("government", 5.0, 1) == 0.02


def test_schedules_come_into_force_one_after_another():
    assert len(versions(FILE)) == 3
    assert Schedule.of("bcbs", "2014-01-01").mismatch == 0.08
    with pytest.raises(InputError, match=r"no schedule 'eu'.*in force then: bcbs"):
        Schedule.of("eu", "2014-01-01")
    with pytest.raises(NoVersion, match="first are of 2013-09-02"):
        Schedule.of("bcbs", "2013-01-01")


# --- in the allocation ---------------------------------------------------------------------------------------------

ASSETS = {
    "asset": ["USD cash", "EUR cash", "Bund 3y", "loan ABS"],
    "class": ["cash", "cash", "government", "securitisation"],
    "quality": [None, None, 1, 4],
    "maturity": [None, None, 3.0, 2.0],
    "currency": ["USD", "EUR", "EUR", "EUR"],
    "quantity": [50.0, 100.0, 200.0, 300.0],
    "cost": [0.05, 0.02, 0.01, 0.0],
}
NEEDS = {"requirement": ["IM"], "required": [100.0], "currency": ["USD"]}


def test_currency_mismatch_adds_to_the_haircut():
    """The bund counts 1 − 0.02 − 0.08 in dollars; it is the cheapest by what counts, then the euros at 1 − 0.08."""
    found = allocate(ASSETS, NEEDS, haircuts="eu", as_of=DAY)
    row = found.frame().iloc[0]
    assert list(found.frame()["asset"]) == ["Bund 3y"]
    assert row["quantity"] == pytest.approx(100.0 / 0.9)
    assert found.cost == pytest.approx(0.01 * 100.0 / 0.9)
    at_home = allocate(ASSETS, NEEDS | {"currency": ["EUR"]}, haircuts="eu", as_of=DAY)
    assert at_home.frame().iloc[0]["quantity"] == pytest.approx(100.0 / 0.98)


def test_the_least_of_all_postings_by_enumeration():
    """A grid over how much of each asset is posted, the last one filling the gap."""
    need = 240.0
    found = allocate(ASSETS, {**NEEDS, "required": [need]}, haircuts="eu", as_of=DAY)
    counts = {"USD cash": 1.0, "EUR cash": 0.92, "Bund 3y": 0.9}
    best = np.inf
    for euros, bunds in itertools.product(np.linspace(0, 100, 201), np.linspace(0, 200, 401)):
        dollars = max(0.0, need - counts["EUR cash"] * euros - counts["Bund 3y"] * bunds)
        if dollars <= 50.0:
            best = min(best, 0.05 * dollars + 0.02 * euros + 0.01 * bunds)
    assert found.cost == pytest.approx(best, rel=5e-3)
    assert found.cost <= best + 1e-9


def test_what_may_not_be_posted_is_left_out_and_said():
    found = allocate(ASSETS, NEEDS, haircuts="eu", as_of=DAY)
    assert "loan ABS" not in set(found.frame()["asset"])
    texts = [n.text for n in found.notes]
    assert "may not be posted under schedule eu: loan ABS" in texts
    assert all("2016/2251" in n.cite for n in found.notes if not n.text.startswith("no price is given"))
    only = {c: [v[3]] for c, v in ASSETS.items()}
    with pytest.raises(InputError, match="no asset may be posted at any requirement"):
        allocate(only, NEEDS, haircuts="eu", as_of=DAY)


def test_a_haircut_of_ones_own_goes_first():
    assets = {**ASSETS, "haircut": [None, None, 0.25, 0.5], "cost": [0.05, 0.02, 0.01, 0.001]}
    found = allocate(assets, NEEDS, haircuts="eu", as_of=DAY)
    assert found.frame().iloc[0]["asset"] == "loan ABS"
    assert found.frame().iloc[0]["counted"] == pytest.approx(100.0)
    assert found.frame().iloc[0]["quantity"] == pytest.approx(200.0)
    pairs = {"asset": ["Bund 3y"], "requirement": ["IM"], "haircut": [0.5]}
    assert allocate(ASSETS, NEEDS, pairs, haircuts="eu", as_of=DAY).frame().iloc[0]["quantity"] == pytest.approx(200.0)


def test_only_listed_pairs_are_eligible():
    pairs = {"asset": ["USD cash", "EUR cash"], "requirement": ["IM", "IM"]}
    found = allocate(ASSETS, NEEDS, pairs, haircuts="us", as_of=DAY)
    assert dict(zip(found.frame()["asset"], found.frame()["quantity"], strict=True)) == pytest.approx(
        {"EUR cash": 100.0, "USD cash": 8.0}
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"class": ["cash", "cash", "govrnment", "equity"]},
            "assets row 4, column class: Bund 3y: no class 'govrnment'",
        ),
        ({"class": ["cash", "cash", "govrnment", "equity"]}, "did you mean 'government'?"),
        ({"quality": [None] * 4}, "government needs its credit quality step (1, 2, 3 …) in column quality"),
        ({"quality": [None, None, 1.5, 4]}, "government needs its credit quality step"),
        ({"maturity": [None, None, None, 2.0]}, "government needs its residual maturity in years in column maturity"),
        ({"maturity": [None, None, "long", 2.0]}, "assets row 4, column maturity: not a number: 'long'"),
    ],
)
def test_bad_assets_in_words(change, words):
    with pytest.raises(InputError) as raised:
        allocate(ASSETS | change, NEEDS, haircuts="eu", as_of=DAY)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"haircuts": "eu"}, "a published schedule needs a date"),
        ({"haircuts": "eur", "as_of": DAY}, "no schedule 'eur'; did you mean 'eu'?"),
        ({"haircuts": "eu", "as_of": "yesterday"}, "column as_of"),
    ],
)
def test_bad_schedules_in_words(how, words):
    with pytest.raises(InputError) as raised:
        allocate(ASSETS, NEEDS, **how)
    assert words in str(raised.value)


def test_a_missing_class_column_is_named():
    with pytest.raises(InputError, match="assets row 1, column class: required column is missing"):
        allocate({"asset": ["a"], "quantity": [1.0]}, NEEDS, haircuts="us", as_of=DAY)


def test_the_command_takes_a_schedule(tmp_path):
    for name, table in (("assets", ASSETS), ("requirements", NEEDS)):
        pd.DataFrame(table).to_csv(tmp_path / f"{name}.csv", index=False)
    rows, said = told(tmp_path, "allocate", tmp_path, "--haircuts", "eu", "--as-of", DAY)
    assert [row["asset"] for row in rows] == ["Bund 3y"]
    assert "may not be posted under schedule eu: loan ABS" in said


# --- the venues' own examples beside the schedules -------------------------------------------------------------------


def test_flat_haircuts_of_bit_com():
    """Published discounted values of two coins and their total, within the printed digits."""
    case = shared()["bit_com_flat_example"]
    name, equity, haircut, index, discounted = zip(*case["rows"], strict=True)
    assets = {"asset": name, "quantity": equity, "price": index, "haircut": haircut, "cost": [0.0, 1.0]}
    found = allocate(assets, {"requirement": ["all"], "required": [case["expected_total"] - 1e-3]})
    counted = dict(zip(found.frame()["asset"], found.frame()["counted"], strict=True))
    assert counted["BTC"] == pytest.approx(discounted[0], abs=1e-3)
    assert sum(counted.values()) == pytest.approx(case["expected_total"], abs=2e-3)
    with pytest.raises(Infeasible):
        allocate(assets, {"requirement": ["all"], "required": [case["expected_total"] + 0.01]})


@pytest.mark.parametrize("rate", ["rate_before", "rate_after"])
def test_tiers_of_okx_by_size(rate):
    """What a holding counts for by tiers in the programme is the marginal sum that OKX's rulebook takes."""
    case = shared()["okx_discount_rate_example"]
    bounds = case["upper_bound_coin"]
    floors = [0.0, *bounds[:-1]]
    held = 555e6
    own = ratios({"X": [*map(list, zip(floors, case[rate], strict=True)), [bounds[-1]]]})
    wanted = float(own.marginal(np.array([held]), own.find(["X"]))[0])
    assets = {"asset": ["X"], "quantity": [held], "cost": [1.0]}
    tiers = pd.DataFrame({"asset": "X", "floor": [*floors, bounds[-1]], "ratio": [*case[rate], 0.0]})
    found = allocate(assets, {"requirement": ["all"], "required": [wanted]}, tiers=tiers)
    assert found.frame()["quantity"][0] == pytest.approx(held, rel=1e-9)


def test_the_rulebooks_tiers_are_those_of_the_announcements():
    data = shared()
    bybit = xm.model("bybit.cross").params(1.79e9)["collateral"]["BTC"]
    upper, ratio = zip(*data["bybit_cvr_example"]["BTC"], strict=True)
    assert bybit == [[floor, r] for floor, r in zip([0, *upper[:-1]], ratio, strict=True)]
    okx = xm.model("okx.cross").params(1.79e9)["discount_usd"]["BETH"]
    upper, ratio = zip(*data["okx_beth_example"]["after_usd"], strict=True)
    assert okx == [[floor, r] for floor, r in zip([0, *upper[:-1]], ratio, strict=True)]
