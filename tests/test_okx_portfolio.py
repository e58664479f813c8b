"""okx.portfolio against the official position builder and the worked terms of notices."""

import numpy as np
import pytest

import xlmargin as xm
from tests import evidence, okx_cases, tiered_cases
from tests.okx_cases import by_unit
from xlmargin.tiers import ratios

PORTFOLIO = "okx.portfolio"
BUILDER, SCALING, STABLE, RATIO = (okx_cases.of(f"OKX-PM-{w}") for w in ("POSITION", "MR7-SCALING", "MR9", "IMR"))


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda c: c["id"])


def near(found, wanted, rel=1e-12):
    assert found == pytest.approx(wanted, rel=rel, abs=1e-12)


@evidence.suite(PORTFOLIO, grade="official position-builder example", tolerance=1e-9)
def builder():
    off = {}
    for case in BUILDER:
        book, market = okx_cases.position_builder(case)
        margin = xm.margin(book, market, PORTFOLIO)
        wanted, detail = case["expected"], margin.detail("main")

        def line(name, of=margin):
            return tiered_cases.figure(of, name)[0]

        found = {
            "eq": margin.equity.value[0],
            "totalImr": margin.initial.value[0],
            "marginRatio": margin.ratio[0],
            "derivMmr": line("Risk units"),
            "borrowMmr": line("Borrowing (MR8)"),
            "totalMmr": line("Risk units") + line("Borrowing (MR8)"),
            "upl": line("Unrealised result"),
        }
        off |= {(case["id"], name): evidence.relative(value, wanted[name]) for name, value in found.items()}
        borrow = wanted["assets"]["USDT"]["borrowImr"]
        off[case["id"], "borrowImr"] = evidence.relative(line("Borrowing, initial"), borrow)
        for term in ("MR1", "MR4", "MR6", "MR7", "MR9"):
            own = by_unit(detail, term)
            for unit, figures in wanted["riskUnits"].items():
                off[case["id"], f"{unit} {term}"] = evidence.relative(own[unit], figures[term.lower()])
        off |= {(case["id"], k): v for k, v in grid_of(detail, wanted["riskUnits"]["BTC"]).items()}
        assert tiered_cases.readds(margin) < 1e-9
    return off


def grid_of(detail, unit):
    """Errors of the scenarios that OKX shows for the unit with the largest stress."""
    label, worst = int(detail.grid.worst[0]), unit["mr1_worst"]
    shown = dict(zip(detail.grid.price[0, 1:-2:3].round(9), detail.grid.pnl[0, 1:-2:3], strict=True))
    off = {f"move {k}": evidence.relative(shown[float(k)], v) for k, v in unit["mr1_volSame"].items()}
    off["worst move"] = evidence.relative(detail.grid.price[0, label], worst["spotShock"])
    return off | {"worst result": evidence.relative(detail.grid.pnl[0, label], worst["pnl"])}


def test_position_builder():
    if not BUILDER:
        pytest.skip("no shared cases")
    evidence.check(builder)


def one_unit(p, **rates):
    """Margin of one account of two BTC perpetuals under rates of our own: (quantities by settlement) at 100,000."""
    names = {"USDT": "BTC-USDT-SWAP", "USD": "BTC-USD-SWAP"}
    book, market = xm.tables(
        positions={
            "instrument": [names[k] for k in p],
            "quantity": list(p.values()),
            "entry_price": [100_000] * len(p),
        },
        instruments={
            "instrument": [names[k] for k in p],
            "mark": [100_000] * len(p),
            "index": [100_000] * len(p),
            "contract_size": [1 if k == "USDT" else 100_000 for k in p],
        },
        balances={"asset": ["USDT", "BTC"], "amount": [1e9, 0]},
        assets={"asset": ["USDT", "BTC"], "price": [1.0, 100_000]},
        as_of=tiered_cases.AS_OF,
        venue="okx",
    )
    params = xm.model("okx.portfolio").params(market.as_of)
    common = {k: rates.pop(k) for k in list(rates) if k == "hedged"}
    return xm.margin(book, market, "okx.portfolio", params=params.override("ours", by={"BTC": rates}, **common))


@named(SCALING)
def test_minimum_charge_scaling(case):
    i, wanted = case["inputs"], case["expected"]
    steps = [
        [0, i["tiers"]["mult"][0]],
        *([u, m] for u, m in zip(i["tiers"]["upper"], i["tiers"]["mult"][1:], strict=False)),
    ]
    tiers = ratios({"X": steps})
    near(tiers.marginal(np.array([float(i["MR7_raw"])]), np.zeros(1, int))[0], wanted["MR7_adj"])
    move, rate = i["MR_other"] / 1e6, i["MR7_raw"] / 1e6
    calm = {"moves": [move / 3, move / 2, move], "extreme": move, "basis": 0.0, "basis_annual": 0.0}
    margin = one_unit({"USDT": 10}, **calm, minimum=rate, scaling=steps)
    near(margin.maintenance.value[0], wanted["MMR_after"], 1e-9)
    margin = one_unit({"USDT": 10}, **calm, minimum=rate, scaling=[[0, 1]])
    near(margin.maintenance.value[0], wanted["MMR_before"], 1e-9)


@named(STABLE)
def test_stablecoin_hedge(case):
    i, floor, table = case["inputs"], 0.0, []
    for size, rate in i["slices"]:
        table.append([floor, rate])
        floor += size
    coins = i["hedged_usd"] / 100_000
    margin = one_unit({"USDT": coins, "USD": -coins}, hedged=table)
    near(tiered_cases.figure(margin, "MR9")[0], case["expected"]["MR9"], 1e-9)
    assert any("MR9 is added" in n.text for n in margin.notes)


@named(RATIO)
def test_initial_over_maintenance(case):
    published = case["expected"]["PM"]
    margin = one_unit({"USDT": 10})
    assert margin.initial.value[0] / margin.maintenance.value[0] == pytest.approx(
        published["IMR"] / published["MMR"], abs=1e-5
    )


def test_spot_counts_only_as_far_as_it_hedges():
    """Short 10 BTC of perpetuals beside 4 BTC of spot loses on a rise what 6 BTC lose; beyond that it adds nothing."""

    def stress(quantity, coins):
        book, market = xm.tables(
            positions={"instrument": ["BTC-USDT-SWAP"], "quantity": [quantity], "entry_price": [100_000]},
            instruments={"instrument": ["BTC-USDT-SWAP"], "mark": [100_000], "index": [100_000]},
            balances={"asset": ["USDT", "BTC"], "amount": [1e6, coins]},
            assets={"asset": ["USDT", "BTC"], "price": [1.0, 100_000]},
            as_of=tiered_cases.AS_OF,
            venue="okx",
        )
        margin = xm.margin(book, market, "okx.portfolio")
        assert tiered_cases.readds(margin) < 1e-9
        return tiered_cases.figure(margin, "Stress (MR1, MR6)")[0]

    assert stress(-10, 4) == pytest.approx(6 * 100_000 * 0.12)
    assert stress(-10, 15) == pytest.approx(0, abs=1e-6)
    assert stress(10, 4) == pytest.approx(10 * 100_000 * 0.12)
