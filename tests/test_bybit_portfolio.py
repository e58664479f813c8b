"""bybit.portfolio against the official endpoint sample: grid, totals, contingencies, factor."""

import numpy as np
import pytest

import xlmargin as xm
from tests import bybit_cases, evidence, tiered_cases
from tests.tiered_cases import AS_OF

CASES = bybit_cases.of("BY-PM")


@pytest.fixture(scope="module")
def sample():
    """The sample, its margin as published parts allow, and the same with the payload's contingencies loaded."""
    data = bybit_cases.portfolio_sample()
    book, market = bybit_cases.portfolio(data)
    payload = {"result": {"assetPnlRange": [{"baseCoin": "BTC", "contingency": data["contingency"]}]}}
    model = xm.model("bybit.portfolio")
    loaded = model.load(payload, model.params(market.as_of))
    return data, xm.margin(book, market, model), xm.margin(book, market, model, params=loaded)


def grid_of(detail, kind):
    held = [h for h, i in enumerate(detail.run.book.legs.instrument) if detail.run.market.kind[i] == kind]
    return detail.grid.cells[held[0]].reshape(-1, 3)


@evidence.suite("bybit.portfolio", grade="official endpoint sample (BTC)", tolerance=1e-6, unit="USD")
def grid():
    """33 option cells and 11 perpetual ones; the printed totals carry four decimals only and have their own test."""
    data = bybit_cases.portfolio_sample()
    detail = xm.margin(*bybit_cases.portfolio(data), "bybit.portfolio").detail("main")
    option, perp = grid_of(detail, 3), grid_of(detail, 1)
    wanted = np.array(list(data["option_up_mid_down"].values()))
    off = {}
    for n, move in enumerate(data["perp"]):
        off |= {("sample", f"option {move} {v}"): abs(option[n, v] - wanted[n, v]) for v in range(3)}
        off["sample", f"perpetual {move}"] = abs(perp[n, 0] - data["perp"][move])
    futures = tiered_cases.figure(detail, "Futures contingency")[0]
    return off | {("sample", "futures"): abs(futures - float(data["contingency"]["futureContingency"]))}


def test_grid():
    bybit_cases.portfolio_sample()
    evidence.check(grid)


def test_totals_and_the_scenario_that_binds(sample):
    data, margin, _ = sample
    detail = margin.detail("main")
    total = detail.grid.pnl[0].reshape(-1, 3).min(axis=1)
    np.testing.assert_allclose(total, list(data["all"].values()), rtol=0, atol=1e-4)
    move, vol = detail.grid.price[0, margin.worst[0]], detail.grid.vol[margin.worst[0]]
    assert (move, vol) == (float(data["maxLossPriceMove"]), np.sign(float(data["maxLossIvShock"])))
    assert tiered_cases.readds(margin) < 1e-9


def contingencies(margin):
    units = next(line for _, line in margin.maintenance.walk() if line.name == "Risk units")
    return sum(part.value[0] for part in units.parts[1:])


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_cases(sample, case):
    """Each published figure as the engine forms it from the sample's positions and loaded contingencies."""
    _, _, margin = sample
    i, wanted = case["inputs"], case["expected"]
    units = tiered_cases.figure(margin, "Risk units")[0]
    if "file" in i:
        pytest.skip("the grid has its own test")
    if "equity" in i:
        found = {"MMR": i["MM"] / i["equity"], "IMR": i["IM"] / i["equity"], "available": i["equity"] - i["IM"]}
        assert margin.ratio[0] == margin.maintenance.value[0] / margin.equity.value[0]
        assert margin.available[0] == margin.equity.value[0] - margin.initial.value[0]
        assert all(abs(found[k] - v) <= case["tolerance"] for k, v in wanted.items())
        return
    if "perp" in i:
        found = -tiered_cases.figure(margin, "Largest loss")[0]
    elif "future_delta" in i:
        found = contingencies(margin)
    elif "max_loss" in i:
        found = units
    elif isinstance(wanted, (int, float)) and wanted < 10:  # a ratio of the two margins, not an amount
        found = 1 + tiered_cases.figure(margin, "Initial factor")[0] / units
    else:
        found = units * margin.run.session.params["initial_factor"]
    assert abs(found - wanted) <= case["tolerance"]


def test_initial_margin_and_notes(sample):
    data, bare, full = sample
    assert any("contingency of delta over expiries has no published formula" in n.text for n in bare.notes)
    assert not any("no published formula" in n.text for n in full.notes)
    units = tiered_cases.figure(full, "Risk units")[0]
    uplift = tiered_cases.figure(full, "Initial factor")[0]
    assert units + uplift == pytest.approx(
        float(data["asset"]["assetIM"]), abs=0.12
    )  # the file's unexplained gap × 1.2
    assert (units + uplift) / units == pytest.approx(float(data["asset"]["assetIM"]) / float(data["asset"]["assetMM"]))


def test_the_account_may_state_a_contingency(sample):
    data, _, full = sample
    stated = {"delta_contingency": float(data["contingency"]["futureDeltaContingency"])}
    book, market = bybit_cases.portfolio(data, **stated)
    margin = xm.margin(book, market, "bybit.portfolio")
    assert margin.maintenance.value[0] == pytest.approx(full.maintenance.value[0], abs=1e-9)
    assert not any("no published formula" in n.text for n in margin.notes)


def test_spot_on_top_of_the_position_does_not_count():
    """Long perpetuals beside long spot: the spot loses too, and Bybit's sample shows no such loss."""

    def loss(coins, hedging):
        book, market = xm.tables(
            positions={"instrument": ["BTCUSDT"], "quantity": [-10], "entry_price": [100_000]},
            instruments={"instrument": ["BTCUSDT"], "mark": [100_000], "index": [100_000]},
            balances={"asset": ["USDT", "BTC"], "amount": [1e6, coins]},
            assets={"asset": ["USDT", "BTC"], "price": [1.0, 100_000]},
            accounts={"account": ["main"], "spot_hedging": [hedging]},
            as_of=AS_OF,
            venue="bybit",
        )
        margin = xm.margin(book, market, "bybit.portfolio")
        assert tiered_cases.readds(margin) < 1e-9
        return tiered_cases.figure(margin, "Largest loss")[0]

    assert loss(4, "off") == pytest.approx(100_000)
    assert loss(4, "on") == pytest.approx(60_000)
    assert loss(-4, "on") == pytest.approx(100_000)
    assert loss(20, "on") == pytest.approx(0, abs=1e-6)
