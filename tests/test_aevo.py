"""Aevo: both published examples, cell by cell; what is not known is refused or noted."""

from functools import cache

import numpy as np
import pytest

import xlmargin as xm
from tests import evidence, shared_golden
from tests.onchain_cases import Stack, own_errors, readds, row_of

MODEL, AT = "aevo.portfolio", 1_790_000_000
PRINTED = 0.01  # entry prices and results are both printed to the cent: two roundings of half a cent


@cache
def published() -> tuple[xm.Margin, list[dict]]:
    data = shared_golden.load("defi/aevo_cases.json")
    stack, ladder = Stack(), [[s["spot"], s["iv_abs"]] for s in data["rules"]["scenarios"]]
    for case in data["cases"]:
        name, own = case["id"], data["params"]["ETH"]
        stack.scope(name, scenarios=ladder, unit_floor=own["unit_floor"])
        for n, leg in enumerate(case["legs"]):
            row = {"kind": "option", "underlying": name, "settle": "USDC", "quote": "USD", "index": case["spot"]}
            row |= {"strike": leg["strike"], "option_type": leg["type"], "iv": leg["iv"], "mark": leg["entry"]}
            stack.add("instruments", instrument=f"{name} {n}", expiry=AT + 86400 * case["days"], **row)
            position = {"quantity": leg["qty"], "entry_price": leg["entry"], "account": name}
            stack.add("positions", instrument=f"{name} {n}", **position)
    return stack.margin(MODEL, as_of=AT, initial_multiplier=data["params"]["ETH"]["initial_multiplier"]), data["cases"]


@evidence.suite(MODEL, grade="published worked example", tolerance=PRINTED, unit="USD, as printed")
def published_cells():
    margin, cases = published()
    errors = {}
    for case in cases:
        detail, expected = margin.detail(case["id"]), np.array(case["scenario_pnl"])
        names = [str(n) for n in detail.run.market.name[detail.run.book.legs.instrument]]
        order = np.argsort([int(n.rpartition(" ")[2]) for n in names])
        found = np.column_stack([*detail.grid.cells[order], detail.grid.pnl[0]])
        for s, row in enumerate(np.abs(found - expected)):
            errors |= {(case["id"], f"scenario {s} {n}"): float(e) for n, e in enumerate(row)}
    return errors


@evidence.suite(MODEL, grade="published worked example", tolerance=PRINTED, unit="USD, as printed")
def published_margins():
    margin, cases = published()
    errors = {}
    for case in cases:
        r = row_of(margin)[case["id"]]
        scanned, floor = margin.maintenance.parts
        found = {"scenario_margin": scanned, "floor_margin": floor, "maintenance": margin.maintenance}
        found["initial"] = margin.initial
        errors |= {(case["id"], k): abs(line.value[r] - case[k]) for k, line in found.items()}
    return errors


@evidence.suite(MODEL, grade="published rule, worked by hand", tolerance=1e-12)
def own_cases():
    return own_errors(MODEL)


@pytest.mark.parametrize("suite", [published_cells, published_margins, own_cases], ids=lambda s: s.errors.__name__)
def test_golden(suite):
    evidence.check(suite)


def test_ledger_readds_and_worst_is_named():
    margin, cases = published()
    readds(margin, [c["id"] for c in cases])
    for case in cases:
        totals = [row[2] for row in case["scenario_pnl"]]
        assert margin.worst[row_of(margin)[case["id"]]] == int(np.argmin(totals))


def book(**more) -> Stack:
    stack = Stack()
    for kind in "CP":
        row = {"kind": "option", "underlying": "ETH", "settle": "USDC", "quote": "USD", "expiry": "2027-01-29"}
        row |= {"strike": 4000, "option_type": kind, "iv": 0.6, "mark": 300.0, "index": 4000.0}
        stack.add("instruments", instrument=f"ETH-{kind}", **row)
    stack.add("positions", instrument="ETH-C", quantity=-1, account="a", **more)
    stack.add("positions", instrument="ETH-P", quantity=1, account="a")
    stack.add("balances", asset="USDC", amount=1000, account="a")
    stack.add("assets", asset="USDC", price=1.0)
    return stack


def test_the_unknown_is_noted():
    texts = " | ".join(n.text for n in book().margin(MODEL).notes)
    for part in ("no entry price given", "whether the floor nets them", "initial phase in 2022", "collateral alone"):
        assert part in texts


def test_perpetuals_other_coins_and_foreign_collateral_are_refused():
    stack = book()
    stack.add("instruments", instrument="ETH-PERP", kind="perp", underlying="ETH", settle="USDC", mark=4000.0)
    stack.add("positions", instrument="ETH-PERP", quantity=1, account="a")
    stack.add("balances", asset="DOGE", amount=1, account="a")
    stack.add("assets", asset="DOGE", price=0.1)
    with pytest.raises(xm.InputError) as caught:
        stack.margin(MODEL)
    assert "aevo.portfolio does not margin a perp; it takes option: ETH-PERP" in str(caught.value)
    assert "balances row 3, column asset: DOGE is no margin of Aevo" in str(caught.value)
    stack = Stack()
    row = {"kind": "option", "underlying": "BTC", "settle": "USDC", "quote": "USD", "expiry": "2027-01-29"}
    row |= {"strike": 1e5, "option_type": "C", "iv": 0.5, "mark": 100.0, "index": 1e5}
    stack.add("instruments", instrument="B", **row)
    stack.add("positions", instrument="B", quantity=1)
    with pytest.raises(xm.InputError, match=r"no parameters in aevo\.portfolio for B; it has ETH"):
        stack.margin(MODEL)
