"""OKX against live payloads of isolated positions, the official position builder, option examples and slow loops."""

import numpy as np
import pytest

import xlmargin as xm
from tests import evidence, okx_cases, shared_golden, tiered_cases
from xlmargin.rulebooks.okx import cross

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


OWN = tiered_cases.own_proof("okx.cross", "okx", __name__)


def test_own_evidence():
    evidence.check(OWN)


def test_every_shared_case_is_run():
    run = {c["id"] for group in GROUPS for c in group} | set(UNCHECKABLE)
    left = [c["id"] for c in okx_cases.shared() if c["id"] not in run]
    if left:
        pytest.skip(f"no converter for {', '.join(left)}")


CROSS = "okx.cross"


@evidence.suite(CROSS, grade="live payloads: isolated contracts", tolerance=1e-9)
def isolated():
    off = {}
    for case in ISOLATED:
        book, market, params = okx_cases.isolated([case])
        margin = xm.margin(book, market, CROSS, params=params)
        row, i = [str(p).endswith("isolated") for p in margin.pool].index(True), case["inputs"]
        size = okx_cases.signed(case) * i.get("ctVal", 1)
        tick, inverse = i.get("tick", 0.0), "-USD-" in i["instId"]
        price = cross.liquidation_price(i["margin"], size, i["avgPx"], i["mmr_rate"], i["taker_fee"], inverse, tick)
        found = {
            "upl": tiered_cases.figure(margin, "Unrealised result")[row],
            "mmr": tiered_cases.figure(margin, "Position tiers")[row],
            "mgnRatio": margin.ratio[row],
            "liqPx": cross.liquidation_prices(margin)[0] + np.sign(size) * tick,
        }
        for name in found.keys() & case["expected"].keys():
            off[case["id"], name] = evidence.relative(found[name], case["expected"][name])
        off[case["id"], "liqPx by formula"] = evidence.relative(price, case["expected"]["liqPx"])
        assert tiered_cases.readds(margin) < 1e-9
    return off


@evidence.suite(CROSS, grade="live payloads: margin loans", tolerance=1e-9)
def loans():
    off = {}
    for case in LOANS:
        book, market, params = okx_cases.loan(case)
        margin = xm.margin(book, market, CROSS, params=params)
        wanted, i = case["expected"], case["inputs"]
        price = cross.loan_liquidation_price(i["asset_usdt"], i["liab_ltc"], i["mmr_rate"], i["taker_fee"])
        found = {"mmr": tiered_cases.figure(margin, "Borrowing")[0], "mgnRatio": margin.ratio[0], "liqPx": price}
        off |= {(case["id"], name): evidence.relative(found[name], wanted[name]) for name in wanted}
        assert tiered_cases.readds(margin) < 1e-9
    return off


@pytest.mark.parametrize("made", [isolated, loans], ids=lambda m: m.grade)
def test_live_payloads(made):
    if not okx_cases.shared():
        pytest.skip("no shared cases")
    evidence.check(made)


@named(LOANS)
def test_a_loan_is_used_up_at_its_liquidation_price(case):
    i = case["inputs"]
    price = cross.loan_liquidation_price(i["asset_usdt"], i["liab_ltc"], i["mmr_rate"], i["taker_fee"])
    book, market, params = okx_cases.loan({**case, "inputs": {**i, "markPx": price}})
    assert xm.margin(book, market, CROSS, params=params).ratio[0] == pytest.approx(1.0, rel=1e-12)


def gate_and_okx():
    try:
        cases = shared_golden.load("cex_others/test_cases.json")["cases"]
    except pytest.skip.Exception:
        return []
    return [c for c in cases if c["venue"] == "gate/okx" and "leverage" in c["inputs"]]


def found_price(case):
    """Liquidation price of a unit test of freqtrade: margin is the entry value over the leverage."""
    i = case["inputs"]
    size, margin = (-1 if i["short"] else 1) * i["qty"], i["qty"] * i["entry"] / i["leverage"]
    return float(cross.liquidation_price(margin, size, i["entry"], i["mmr"], i["taker"]))


PROOFS = tiered_cases.proofs(CROSS, "isolated liquidation prices", gate_and_okx(), found_price, __name__)


@pytest.mark.parametrize("made", PROOFS, ids=lambda m: m.grade)
def test_prices_of_unit_tests(made):
    evidence.check(made)


@evidence.suite(CROSS, grade="copy of the official 2020 option example, as printed", tolerance=0.0, unit="BTC")
def options():
    off = {}
    for case in POSITIONS:
        book, market, params = okx_cases.option(case["inputs"], position=-1)
        margin = xm.margin(book, market, CROSS, params=params)
        for name, value in case["expected"].items():
            found = margin.initial.value[0] if "im" in name else margin.maintenance.value[0]
            off[case["id"], name] = abs(round(found, 5) - value)
    for case in BUYS:
        i = case["inputs"]
        book, market, params = okx_cases.option(i, orders=[(i["contracts"], i["order_price"])])
        found = xm.margin(book, market, CROSS, params=params).initial.value[0]
        off[case["id"], "order"] = abs(round(found, 9) - case["expected"]["order_margin_btc"])
    return off


def test_option_examples():
    if not POSITIONS:
        pytest.skip("no shared cases")
    evidence.check(options)


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
