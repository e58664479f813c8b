"""Bybit against official figures, live hedge rows, the portfolio-margin sample and closed-form prices."""

import numpy as np
import pytest

import xlmargin as xm
from tests import bybit_cases, evidence, tiered_cases
from tests.bybit_cases import BEFORE_MARKS
from tests.tiered_cases import AS_OF
from xlmargin.rulebooks.bybit import cross
from xlmargin.tiers import Tiers

TIERED, INVERSE, ISOLATED, PAIRS = (bybit_cases.of(f"BY-{w}") for w in ("LN", "IN", "ISO", "HDG"))
HEDGED = [c for c in PAIRS if "side" in c["inputs"]]
SYNTHETIC, OPTIONS = bybit_cases.of("BY-FT"), bybit_cases.of("BY-OP")
PORTFOLIO = bybit_cases.of("BY-PM")
ROWS = bybit_cases.live_rows()


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda c: c["id"])


def test_every_shared_case_is_run():
    groups = (TIERED, INVERSE, ISOLATED, PAIRS, SYNTHETIC, OPTIONS, PORTFOLIO)
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


def found_tiers(case):
    """Margins of a position under the case's own tiers, its fee left out as in the illustration."""
    i = case["inputs"]
    leg = {"quantity": i["qty"], "entry_price": i["mark"], "leverage": i["leverage"], "mark": i["mark"]}
    margin = bybit_cases.linear([leg], i["tiers"])
    value = margin.initial.value[0] * i["leverage"]
    return {"MM": margin.maintenance.value[0], "IM": margin.initial.value[0], "position_value": value}


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


@evidence.suite("bybit.cross", grade="live rows: hedge pairs", tolerance=1.5e-8, unit="USDT")
def live_hedges():
    off = {}
    for row in ROWS:
        detail, name = bybit_cases.hedge_pair(row).detail("main"), row["local_ts(2026-05-17/18)"]
        initial, maintenance = by_leg(detail, "initial"), by_leg(detail, "maintenance")
        short = float(row["live_IM_short(=MM_short)"])
        off[name, "long IM"] = abs(initial[1] - float(row["live_IM_long"]))
        off[name, "long MM"] = abs(maintenance[1] - float(row["live_MM_long"]))
        off[name, "short IM"], off[name, "short MM"] = abs(initial[-1] - short), abs(maintenance[-1] - short)
        assert any("fitted to live rows" in n.text for n in detail.notes)
        assert all(line.gap(detail.run.book) < 1e-9 for line in detail.lines().values())
    return off


def test_live_hedge_rows():
    if not ROWS:
        pytest.skip("no shared rows")
    evidence.check(live_hedges)


def found_hedge(case):
    """Margins of one leg of the entry-based era; the other leg is larger where the case's is the smaller."""
    i, wanted = case["inputs"], case["expected"]
    own = {"long": 1, "short": -1}[i["side"]]
    hedged, extra = i.get("hedged_qty", i["qty"]), 0.0 if isinstance(wanted, dict) else 1.0
    sizes = ((i["side"], own, i["qty"]), ({1: "long", -1: "short"}[-own], -own, hedged + extra))
    legs = [
        {"quantity": s * q, "entry_price": i["entry"], "leverage": i["leverage"], "mark": i["entry"], "side": w}
        for w, s, q in sizes
    ]
    margin = bybit_cases.linear(legs, [[np.inf, 0.005]], taker=i["taker"], as_of=BEFORE_MARKS)
    detail = margin.detail("main")
    found = {"positionIM": by_leg(detail, "initial")[own], "positionMM": by_leg(detail, "maintenance")[own]}
    return found if isinstance(wanted, dict) else found["positionIM"]


def found_price(case):
    """Liquidation price of an isolated position of the entry-based era, by formula and by engine alike."""
    i = case["inputs"]
    inverse = "contracts_usd" in i
    side = i.get("side", -1 if "short" in case["topic"] else 1)
    size = side * i.get("qty", i.get("contracts_usd", 1.0))
    added = next((i[k] for k in ("added", "extra_margin", "added_margin", "extra") if k in i), 0.0)
    found = float(cross.liquidation_price(size, i["entry"], i["leverage"], i["mmr"], added=added, inverse=inverse))
    margin = isolated(size, i["entry"], i["leverage"], i["mmr"], inverse, BEFORE_MARKS, added=added)
    assert cross.liquidation_prices(margin)[0] == pytest.approx(found, rel=1e-12)
    return found


def isolated(size, entry, leverage, rate, inverse, as_of, taker=0.0, ratio=1.0, added=0.0):
    """Margin of one isolated position with the margin that its leverage posts."""
    name = "XYZUSD" if inverse else "XYZUSDT"
    value = abs(size) / entry if inverse else abs(size) * entry
    side = np.sign(size) * (-1 if not inverse else 1)
    posted = value / leverage + value * (1 + side / leverage) * taker + added
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


def found_option(case):
    """Margin of a short option or of an order that buys one."""
    i = case["inputs"]
    if "order_price" in i and i.get("qty", 0) > 0:
        return bybit_cases.option(i, order=(i["qty"], i["order_price"])).initial.value[0]
    margin = bybit_cases.option(i, position=-abs(i.get("qty", -1)))
    assert tiered_cases.readds(margin) < 1e-9
    found = {"IM": margin.initial.value[0], "MM": margin.maintenance.value[0]}
    return found if isinstance(case["expected"], dict) else found["IM" if "IM" in case["topic"] else "MM"]


KINDS = (
    ("risk tiers", TIERED, found_tiers),
    ("hedged legs", HEDGED, found_hedge),
    ("isolated liquidation prices", ISOLATED + SYNTHETIC, found_price),
    ("options", OPTIONS, found_option),
)
PROOFS = [made for kind in KINDS for made in tiered_cases.proofs("bybit.cross", *kind, __name__)]
PROOFS.append(tiered_cases.own_proof("bybit.cross", "bybit", __name__))


@pytest.mark.parametrize("made", PROOFS, ids=lambda m: m.grade)
def test_shared_cases(made):
    evidence.check(made)


@named([c for c in ISOLATED if c["expected"] is None])
def test_prices_whose_published_answer_is_cut_off(case):
    """Against the data file's own recomputation."""
    assert abs(found_price(case) - case["recomputed"]) <= case["tolerance"]


@pytest.mark.parametrize("path", tiered_cases.own("bybit"), ids=lambda p: p.stem)
def test_own_cases_readd(path):
    margin, expected = tiered_cases.run(path)
    tiered_cases.check(margin, expected)
    assert tiered_cases.readds(margin) < 1e-9


def test_risk_tables_are_the_published_ones():
    tiers = Tiers.of(xm.model("bybit.cross").params(1_795_608_000.0)["tiers"], inclusive=True)
    btc = tiers.find(["BTC/USDT:USDT"])[0]
    size = np.array([2_000_000.0, 2_000_001.0, 2_600_000.0])
    assert tiers.marginal(size, np.full(3, btc)) == pytest.approx([10_000, 10_000.0056, 13_360])
