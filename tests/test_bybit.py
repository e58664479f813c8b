"""Bybit against official figures, live hedge rows, the portfolio-margin sample and closed-form prices."""

import numpy as np
import pytest

import xlmargin as xm
from tests import bybit_cases, tiered_cases
from tests.bybit_cases import BEFORE_MARKS
from tests.tiered_cases import AS_OF
from xlmargin.rulebooks.bybit import cross
from xlmargin.tiers import Tiers

TIERED, INVERSE, ISOLATED, HEDGED = (bybit_cases.of(f"BY-{w}") for w in ("LN", "IN", "ISO", "HDG"))
SYNTHETIC, OPTIONS = bybit_cases.of("BY-FT"), bybit_cases.of("BY-OP")
PORTFOLIO = bybit_cases.of("BY-PM")
ROWS = bybit_cases.live_rows()


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda c: c["id"])


def test_every_shared_case_is_run():
    groups = (TIERED, INVERSE, ISOLATED, HEDGED, SYNTHETIC, OPTIONS, PORTFOLIO)
    run = {c["id"] for group in groups for c in group} | set(bybit_cases.KEEP_OUT)
    left = [c["id"] for c in bybit_cases.shared() if c["id"] not in run]
    if left:
        pytest.skip(f"no converter for {', '.join(left)}")


def by_leg(detail, heading):
    """What each leg adds to a heading, with its side."""
    legs = detail.run.book.legs
    total = np.zeros(len(legs))
    for _, line in detail.lines()[heading].walk():
        if line.amounts is not None and line.on == "legs":
            total += line.amounts
    return {int(s): float(x) for s, x in zip(legs.side, total, strict=True)}


@named(TIERED)
def test_risk_tiers(case):
    i, wanted = case["inputs"], case["expected"]
    leg = {"quantity": i["qty"], "entry_price": i["mark"], "leverage": i["leverage"], "mark": i["mark"]}
    margin = bybit_cases.linear([leg], i["tiers"])
    assert margin.maintenance.value[0] == pytest.approx(wanted["MM"], abs=case["tolerance"])
    assert margin.initial.value[0] == pytest.approx(wanted["IM"], abs=case["tolerance"])
    assert tiered_cases.readds(margin) < 1e-9


@named(INVERSE)
def test_inverse_risk_tiers(case):
    """The published position value; the margins that follow from the rule are the file's own recomputation."""
    i, recomputed = case["inputs"], case["recomputed"]
    book, market = xm.tables(
        positions={
            "instrument": ["XYZUSD"],
            "quantity": [i["contracts_usd"]],
            "entry_price": [i["entry"]],
            "leverage": [i["leverage"]],
        },
        instruments={"instrument": ["XYZUSD"], "mark": [i["entry"]]},
        balances={"asset": ["XYZ"], "amount": [100]},
        assets={"asset": ["XYZ"], "price": [i["entry"]]},
        accounts={"account": ["main"], "taker": [0]},
        as_of=BEFORE_MARKS,
        venue="bybit",
    )
    params = xm.model("bybit.cross").params(market.as_of)
    own = {"tiers": bybit_cases.tiers_of("XYZ/USD:XYZ", i["tiers_XYZ"]), "collateral": {"XYZ": 1.0}}
    margin = xm.margin(book, market, "bybit.cross", params=params.override("case", **own))
    value = margin.initial.value[0] * i["leverage"] / i["entry"]
    assert value == pytest.approx(case["expected"]["position_value"], abs=case["tolerance"])
    assert margin.maintenance.value[0] / i["entry"] == pytest.approx(recomputed["MM"], abs=case["tolerance"])


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["local_ts(2026-05-17/18)"])
def test_live_hedge_rows(row):
    margin = bybit_cases.hedge_pair(row)
    detail = margin.detail("main")
    initial, maintenance = by_leg(detail, "initial"), by_leg(detail, "maintenance")
    short = float(row["live_IM_short(=MM_short)"])
    assert initial[1] == pytest.approx(float(row["live_IM_long"]), abs=1.5e-8)
    assert maintenance[1] == pytest.approx(float(row["live_MM_long"]), abs=1.5e-8)
    assert (initial[-1], maintenance[-1]) == (pytest.approx(short, abs=1e-8), pytest.approx(short, abs=1e-8))
    assert any("fitted to live rows" in n.text for n in margin.notes)
    assert tiered_cases.readds(margin) < 1e-9


@named(HEDGED)
def test_hedge_cases(case):
    """Equal or covered legs of the entry-based era; the other leg is larger where the case's is the smaller."""
    i, wanted = case["inputs"], case["expected"]
    sides = {"long": 1, "short": -1}
    own, other = sides[i["side"]], -sides[i["side"]]
    hedged = i.get("hedged_qty", i["qty"])
    extra = 1.0 if i.get("fully_hedged") and not isinstance(wanted, dict) else 0.0
    legs = [
        {"quantity": s * q, "entry_price": i["entry"], "leverage": i["leverage"], "mark": i["entry"], "side": w}
        for w, s, q in ((i["side"], own, i["qty"]), ({-1: "short", 1: "long"}[other], other, hedged + extra))
    ]
    margin = bybit_cases.linear(legs, [[np.inf, 0.005]], taker=i["taker"], as_of=BEFORE_MARKS)
    detail = margin.detail("main")
    found = {"positionIM": by_leg(detail, "initial")[own], "positionMM": by_leg(detail, "maintenance")[own]}
    for name, value in (wanted if isinstance(wanted, dict) else {"positionIM": wanted, "positionMM": wanted}).items():
        assert abs(found[name] - value) <= case["tolerance"], name


@named(ISOLATED + SYNTHETIC)
def test_isolated_liquidation_prices(case):
    i = case["inputs"]
    inverse = "contracts_usd" in i
    wanted = case["expected"] if case["expected"] is not None else case["recomputed"]
    side = i.get("side", -1 if "short" in case["topic"] else 1)
    size = side * i.get("qty", i.get("contracts_usd", 1.0))
    found = cross.liquidation_price(size, i["entry"], i["leverage"], i["mmr"], inverse=inverse)
    assert abs(float(found) - wanted) <= case["tolerance"]
    margin = isolated(size, i["entry"], i["leverage"], i["mmr"], inverse, BEFORE_MARKS)
    assert cross.liquidation_prices(margin)[0] == pytest.approx(wanted, abs=max(case["tolerance"], 1e-9))


def isolated(size, entry, leverage, rate, inverse, as_of, taker=0.0, ratio=1.0):
    """Margin of one isolated position with the margin that its leverage posts."""
    name = "XYZUSD" if inverse else "XYZUSDT"
    value = abs(size) / entry if inverse else abs(size) * entry
    side = np.sign(size) * (-1 if not inverse else 1)
    posted = value / leverage + value * (1 + side / leverage) * taker
    book, market = xm.tables(
        positions={
            "instrument": [name],
            "quantity": [size],
            "entry_price": [entry],
            "leverage": [leverage],
            "margin_mode": ["isolated"],
            "posted_margin": [posted],
        },
        instruments={"instrument": [name], "mark": [entry * ratio]},
        accounts={"account": ["main"], "taker": [taker]},
        as_of=as_of,
        venue="bybit",
    )
    key = "XYZ/USD:XYZ" if inverse else "XYZ/USDT:USDT"
    tiers = bybit_cases.tiers_of(key, [[np.inf, rate]])
    params = xm.model("bybit.cross").params(market.as_of).override("case", tiers=tiers)
    return xm.margin(book, market, "bybit.cross", params=params)


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("size", [3.0, -3.0])
def test_isolated_price_at_the_mark_uses_up_the_margin(size, inverse):
    size = size * 1000 if inverse else size
    margin = isolated(size, 100.0, 8.0, 0.01, inverse, AS_OF, taker=0.00055)
    price = cross.liquidation_prices(margin)[0]
    formula = cross.liquidation_price(size, 100.0, 8.0, 0.01, inverse=inverse, at="mark", taker=0.00055)
    assert price == pytest.approx(float(formula), rel=1e-12)
    at_price = isolated(size, 100.0, 8.0, 0.01, inverse, AS_OF, taker=0.00055, ratio=price / 100.0)
    isolated_row = [str(p).endswith("isolated") for p in at_price.pool].index(True)
    assert at_price.headroom[isolated_row] == pytest.approx(0, abs=1e-9)


@named(OPTIONS)
def test_options(case):
    i, wanted = case["inputs"], case["expected"]
    if "order_price" in i and i.get("qty", 0) > 0:
        found = bybit_cases.option(i, order=(i["qty"], i["order_price"])).initial.value[0]
    else:
        margin = bybit_cases.option(i, position=i.get("qty", -1))
        found = margin.initial.value[0] if "IM" in case["topic"] else margin.maintenance.value[0]
        assert tiered_cases.readds(margin) < 1e-9
    assert abs(found - wanted) <= case["tolerance"]


@pytest.mark.parametrize("path", tiered_cases.own("bybit"), ids=lambda p: p.stem)
def test_own_cases(path):
    margin, expected = tiered_cases.run(path)
    tiered_cases.check(margin, expected)
    assert tiered_cases.readds(margin) < 1e-9


def test_risk_tables_are_the_published_ones():
    tiers = Tiers.of(xm.model("bybit.cross").params(1_795_608_000.0)["tiers"], inclusive=True)
    btc = tiers.find(["BTC/USDT:USDT"])[0]
    size = np.array([2_000_000.0, 2_000_001.0, 2_600_000.0])
    assert tiers.marginal(size, np.full(3, btc)) == pytest.approx([10_000, 10_000.0056, 13_360])
