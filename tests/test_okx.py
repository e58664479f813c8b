"""OKX against live payloads of isolated positions, the official position builder, option examples and slow loops."""

import numpy as np
import pytest

import xlmargin as xm
from tests import okx_cases, shared_golden, tiered_cases
from tests.okx_cases import by_unit
from xlmargin.rulebooks.okx import cross
from xlmargin.tiers import ratios

UNCHECKABLE = {"OKX-DISCOUNT-BTC": "the tiers above 20 BTC are not published, so the digest's total cannot be reached"}
ISOLATED = okx_cases.of("OKX-ISO-LINEAR", "OKX-ISO-INVERSE")
LOANS = okx_cases.of("OKX-ISO-MARGIN")
POSITIONS = okx_cases.of("OKX-OPT-POSITION")
BUYS, SELLS, CLOSES = (okx_cases.of(f"OKX-OPT-{w}") for w in ("BUY", "SELL", "CLOSE"))
BUILDER, SCALING, STABLE, RATIO = (okx_cases.of(f"OKX-PM-{w}") for w in ("POSITION", "MR7", "MR9", "IMR"))
GROUPS = (ISOLATED, LOANS, POSITIONS, BUYS, SELLS, CLOSES, BUILDER, SCALING, STABLE, RATIO)


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda c: c["id"])


def near(found, wanted, rel=1e-12):
    assert found == pytest.approx(wanted, rel=rel, abs=1e-12)


def test_every_shared_case_is_run():
    run = {c["id"] for group in GROUPS for c in group} | set(UNCHECKABLE)
    left = [c["id"] for c in okx_cases.shared() if c["id"] not in run]
    if left:
        pytest.skip(f"no converter for {', '.join(left)}")


@named(ISOLATED)
def test_isolated(case):
    book, market, params = okx_cases.isolated([case])
    margin = xm.margin(book, market, "okx.cross", params=params)
    row, i = [str(p).endswith("isolated") for p in margin.pool].index(True), case["inputs"]
    size = okx_cases.signed(i) * i.get("ctVal", 1)
    tick, inverse = i.get("tick", 0.0), "-USD-" in i["instId"]
    price = cross.liquidation_price(i["margin"], size, i["avgPx"], i["mmr_rate"], i["taker_fee"], inverse, tick)
    found = {
        "upl": tiered_cases.figure(margin, "Unrealised result")[row],
        "mmr": tiered_cases.figure(margin, "Position tiers")[row],
        "mgnRatio": margin.ratio[row],
        "liqPx": cross.liquidation_prices(margin)[0] + np.sign(size) * tick,
    }
    for name in found.keys() & case["expected"].keys():
        near(found[name], case["expected"][name], 1e-9 if name == "upl" else 1e-12)
    near(float(price), case["expected"]["liqPx"])
    assert tiered_cases.readds(margin) < 1e-9


@named(LOANS)
def test_margin_loan(case):
    book, market, params = okx_cases.loan(case)
    margin = xm.margin(book, market, "okx.cross", params=params)
    wanted, i = case["expected"], case["inputs"]
    near(tiered_cases.figure(margin, "Borrowing")[0], wanted["mmr"])
    near(margin.ratio[0], wanted["mgnRatio"])
    price = cross.loan_liquidation_price(i["asset_usdt"], i["liab_ltc"], i["mmr_rate"], i["taker_fee"])
    near(price, wanted["liqPx"])
    moved = {**case, "inputs": {**i, "markPx": price}}
    book, market, params = okx_cases.loan(moved)
    assert xm.margin(book, market, "okx.cross", params=params).ratio[0] == pytest.approx(1.0, rel=1e-12)
    assert tiered_cases.readds(margin) < 1e-9


def short_price(cases):
    """Liquidation prices of Gate and OKX by freqtrade's unit tests: entry, leverage, rate and fee given."""
    i = cases["inputs"]
    side = -1 if i["short"] else 1
    return cross.liquidation_price(
        i["qty"] * i["entry"] / i["leverage"], side * i["qty"], i["entry"], i["mmr"], i["taker"]
    )


def synthetic():
    try:
        cases = shared_golden.load("cex_others/test_cases.json")["cases"]
    except pytest.skip.Exception:
        return []
    return [c for c in cases if c["venue"] == "gate/okx"]


@named(synthetic())
def test_synthetic_liquidation_prices(case):
    assert abs(float(short_price(case)) - case["expected"]) <= case["tolerance"]


@named(POSITIONS)
def test_short_option(case):
    book, market, params = okx_cases.option(case["inputs"], position=-1)
    margin = xm.margin(book, market, "okx.cross", params=params)
    assert round(margin.initial.value[0], 5) == case["expected"]["position_im_per_contract"]


@named(BUYS)
def test_order_that_buys_an_option(case):
    i = case["inputs"]
    book, market, params = okx_cases.option(i, orders=[(i["contracts"], i["order_price"])])
    margin = xm.margin(book, market, "okx.cross", params=params)
    near(margin.initial.value[0], case["expected"]["order_margin_btc"])


@named(SELLS)
def test_order_that_sells_an_option(case):
    """With the published inputs of the position where the case gives none of its own."""
    base = POSITIONS[0]["inputs"] if POSITIONS else {}
    i = {**base, **case["inputs"]}
    book, market, params = okx_cases.option(i, orders=[(-i.get("contracts", 1), i["order_price"])])
    margin = xm.margin(book, market, "okx.cross", params=params)
    wanted = next(iter(case["expected"].values()))
    assert margin.initial.value[0] == pytest.approx(wanted, abs=5e-4)


@named(CLOSES)
def test_orders_that_close_options(case):
    base = POSITIONS[0]["inputs"] if POSITIONS else {}
    for i, wanted in zip(case["inputs"], case["expected"], strict=True):
        fee = i.get("fee", i.get("fee_rate", 0.0) * i["ctMult"])
        selling = "sell_to_close" in i
        given = {**base, **i, "fee": fee}
        held, quantity = (1, -1) if selling else (-1, 1)
        price = i["sell_to_close"] if selling else i["buy_to_close"]
        book, market, params = okx_cases.option(given, position=held, orders=[(quantity, price)])
        margin = xm.margin(book, market, "okx.cross", params=params)
        assert tiered_cases.figure(margin, "Option orders")[0] == wanted


@pytest.mark.parametrize("path", tiered_cases.own("okx"), ids=lambda p: p.stem)
def test_own_cases(path):
    margin, expected = tiered_cases.run(path)
    tiered_cases.check(margin, expected)
    assert tiered_cases.readds(margin) < 1e-9


@named(BUILDER)
def test_position_builder(case):
    book, market = okx_cases.position_builder(case)
    margin = xm.margin(book, market, "okx.portfolio")
    wanted = case["expected"]
    figures = {"eq": margin.equity.value, "totalImr": margin.initial.value, "marginRatio": margin.ratio}
    figures |= {"derivMmr": tiered_cases.figure(margin, "Risk units")}
    figures |= {"borrowMmr": tiered_cases.figure(margin, "Borrowing (MR8)")}
    figures |= {"upl": tiered_cases.figure(margin, "Unrealised result")}
    for name, value in figures.items():
        near(value[0], wanted[name], 1e-9)
    near(figures["derivMmr"][0] + figures["borrowMmr"][0], wanted["totalMmr"], 1e-9)
    near(tiered_cases.figure(margin, "Borrowing, initial")[0], wanted["assets"]["USDT"]["borrowImr"], 1e-9)
    detail = margin.detail("main")
    for term in ("MR1", "MR4", "MR6", "MR7", "MR9"):
        found = by_unit(detail, term)
        for unit, figures in wanted["riskUnits"].items():
            near(found[unit], figures[term.lower()], 1e-9)
    found = by_unit(detail, "maintenance")
    debt = wanted["borrowMmr"] + figures_fee(margin)
    assert sum(found.values()) + cash_of(detail) == pytest.approx(wanted["derivMmr"] + debt, rel=1e-9)
    worst = wanted["riskUnits"]["BTC"]["mr1_worst"]
    label = int(detail.grid.worst[0])
    near(detail.grid.price[0, label], worst["spotShock"])
    near(detail.grid.pnl[0, label], worst["pnl"], 1e-9)
    assert tiered_cases.readds(margin) < 1e-9


def figures_fee(margin):
    return tiered_cases.figure(margin, "Liquidation fee of debts")[0]


def cash_of(detail):
    leaves = [line for _, line in detail.maintenance.walk() if line.amounts is not None and line.on == "cash"]
    return sum(float(line.amounts.sum()) for line in leaves)


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
