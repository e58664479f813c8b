"""Binance's three models against published figures and live rows, registered as evidence.suite by group of cases."""

import csv
from dataclasses import replace

import numpy as np
import pytest

import xlmargin as xm
from tests import binance_cases, evidence, shared_golden, tiered_cases
from tests.binance_cases import legs_of, wallet_of
from tests.tiered_cases import AS_OF
from xlmargin.params import read_csv
from xlmargin.rulebooks.binance import usdm
from xlmargin.tiers import Tiers

NOW = 1_795_608_000.0
GROUPS = binance_cases.groups()


def found_by_formula(case):
    """Binance's published formula on the case's own figures."""
    own, *others = legs_of(case)
    rest = [o["mark"] * o["qty"] * o["mmr"] - o["cum"] for o in others]
    results = [o["side"] * o["qty"] * (o["mark"] - o["entry"]) for o in others]
    wallet, maintenance = wallet_of(case), sum(rest) + case["inputs"].get("other_mm", 0.0)
    if "equity" in case["inputs"]:
        wallet += maintenance
    entry = own["entry"] if own["entry"] is not None else own["mark"]
    leg = np.array([[[own["side"] * own["qty"]]], [[entry]], [[own["mmr"]]], [[own["cum"]]]])
    return usdm.liquidation_price(np.array([wallet]), *leg, maintenance, sum(results))[0]


def found_by_engine(case):
    """The engine's liquidation price of the case's first contract."""
    if "other_mm" in case["inputs"]:
        return found_by_formula(case)
    margin = binance_cases.margin([case])
    own = f"{legs_of(case)[0]['symbol']}@{case['id']}"
    held = margin.run.market.name[margin.run.book.legs.instrument] == own
    return usdm.liquidation_prices(margin)[held][0]


def found_figures(case):
    """Notional, margins and result of a position, as many as the case expects."""
    margin, leg = binance_cases.margin([case]), legs_of(case)[0]
    found = {
        "notional": abs(leg["qty"] * leg["mark"]),
        "initial_margin": margin.initial.value[0],
        "maint_margin": margin.maintenance.value[0],
        "upnl": tiered_cases.figure(margin, "Unrealised result")[0],
    }
    if isinstance(case["expected"], dict):
        return found
    of_result = any(word in case["topic"].casefold() for word in ("unreali", "pnl"))
    return found["upnl" if of_result else "maint_margin"]


def found_cumulative(case):
    """The cumulative amount of a bracket above a given one."""
    i = case["inputs"]
    before = [("X", 0.0, 0.0), ("X", i["prev_cum"] / i["prev_mmr"], i["prev_mmr"])]
    return Tiers.of(tiered_cases.table([*before, ("X", i["floor"], i["mmr"])])).cum[-2]


def found_in_table(case):
    """The cumulative amount of the rulebook's own COIN-M table at a notional."""
    sizes = [v for v in case["inputs"].values() if isinstance(v, int | float)]
    tiers = Tiers.of(xm.model("binance.coinm").params(NOW)["brackets"])
    return tiers.cum[tiers.bracket(np.array([max(sizes)]), tiers.find(["BTC/USD:BTC"]))][0]


def found_coinm(case):
    """Maintenance margin of a COIN-M position."""
    i = case["inputs"]
    book, market = xm.tables(
        positions={"instrument": ["BTCUSD_PERP"], "quantity": [i["contracts"]], "entry_price": [i["mark"]]},
        instruments={"instrument": ["BTCUSD_PERP"], "mark": [i["mark"]], "contract_size": [i["contract_size"]]},
        as_of=AS_OF,
        venue="binance",
    )
    brackets = tiered_cases.table(tiered_cases.one_bracket("BTC/USD:BTC", i["mmr"], i["cum"]))
    params = xm.model("binance.coinm").params(market.as_of).override("case", brackets=brackets)
    return xm.margin(book, market, "binance.coinm", params=params).maintenance.value[0]


def found_collateral(case):
    """Equity of balances at a collateral ratio, in multi-assets mode or the unified account."""
    i = case["inputs"]
    multi = "usd" in i
    amounts = [i["usd"]] if multi else [v for k, v in i.items() if k.startswith("btc_")]
    asset = i.get("asset", "BTC")
    book, market = xm.tables(
        balances={"asset": [asset] * len(amounts), "amount": amounts},
        assets={"asset": [asset], "price": [1.0]},
        accounts={"account": ["main"], **({"mode": ["multi-assets"]} if multi else {})},
        as_of=AS_OF,
    )
    model = "binance.usdm" if multi else "binance.portfolio"
    rates = {asset: i["ratio"] if multi else i["rate"]}
    params = xm.model(model).params(market.as_of).override("case", collateral=rates)
    return xm.margin(book, market, model, params=params).equity.value[0]


def found_exchange(case):
    """What clears a deficit at an exchange haircut."""
    i = case["inputs"]
    params = xm.model("binance.usdm").params(NOW).override("case", auto_exchange={"USDT": [i["deficit"], i["haircut"]]})
    assert usdm.auto_exchange(-i["deficit"] + 1, "USDT", params) == 0
    return usdm.auto_exchange(-i["deficit"], "USDT", params)


USDM, COINM, PORTFOLIO = "binance.usdm", "binance.coinm", "binance.portfolio"
MULTI = [c for c in GROUPS["collateral"] if "usd" in c["inputs"]]
UNIFIED = [c for c in GROUPS["collateral"] if "usd" not in c["inputs"]]
KINDS = (
    (USDM, "liquidation prices by the published formula", GROUPS["priced"], found_by_formula),
    (USDM, "liquidation prices of the engine", GROUPS["priced"], found_by_engine),
    (USDM, "position figures", GROUPS["figures"], found_figures),
    (USDM, "cumulative amounts", GROUPS["recursions"], found_cumulative),
    (USDM, "collateral and exchange", MULTI, found_collateral),
    (USDM, "collateral and exchange", GROUPS["exchanges"], found_exchange),
    (COINM, "maintenance", GROUPS["coinm"], found_coinm),
    (COINM, "cumulative amounts", GROUPS["table"], found_in_table),
    (PORTFOLIO, "collateral", UNIFIED, found_collateral),
)
PROOFS = [made for kind in KINDS for made in tiered_cases.proofs(*kind, __name__)]
PROOFS += [tiered_cases.own_proof(model, "binance", __name__) for model in (USDM, COINM)]


@pytest.mark.parametrize("made", PROOFS, ids=lambda m: f"{m.model} {m.grade}")
def test_shared_cases(made):
    evidence.check(made)


def test_every_shared_case_is_run():
    run = {c["id"] for group in GROUPS.values() for c in group}
    left = [c["id"] for c in binance_cases.shared() if c["id"] not in run]
    if left:
        pytest.skip(f"no converter for {', '.join(left)}")


def test_equity_is_maintenance_at_the_liquidation_price():
    cases = GROUPS["priced"]
    if not cases:
        pytest.skip("no shared cases")
    margin = binance_cases.margin(cases)
    prices, legs, ready = usdm.liquidation_prices(margin), margin.run.book.legs, margin.run.session.ready
    first = np.unique(legs.row, return_index=True)[1]
    mark = ready.market["mark"].copy()
    mark[legs.instrument[first]] = prices[first]
    moved = replace(margin.run.session, market=ready.market.with_columns(mark=mark))
    moved = replace(moved, ready=replace(ready, market=moved.market))
    again = moved.run(margin.run.book)
    scale = np.maximum(1.0, np.abs(again.maintenance.value))
    assert np.abs(again.headroom / scale)[legs.row[first]].max() < 1e-9


@pytest.mark.parametrize("case", GROUPS["cut short"], ids=lambda c: c["id"])
def test_what_is_left_of_the_unified_example(case):
    """Only the two results of the cut example can be asserted; its loans agree with 10 % at three times leverage."""
    i = case["inputs"]
    sign = {"short": -1, "long": 1}
    linear = [p for p in i["positions"] if "qty" in p]
    names = ["BTCUSDT", "BTCUSDT_220624"]
    loans = {a: m for a, m in i["margin"].items() if m["loan"]}
    book, market = xm.tables(
        positions={
            "instrument": names,
            "quantity": [sign[p["side"]] * p["qty"] for p in linear],
            "entry_price": [p["entry"] for p in linear],
            "leverage": [1, 1],
        },
        instruments={"instrument": names, "mark": [p["mark"] for p in linear]},
        balances={"asset": list(loans), "amount": [-m["loan"] for m in loans.values()], "kind": ["loan"] * len(loans)},
        assets={"asset": ["USDT", *loans], "price": [1.0, *[1.0] * len(loans)]},
        as_of="2022-05-01",
        venue="binance",
    )
    brackets = tiered_cases.table([("BTC/USDT:USDT", 0, 0.005), ("BTC/USDT:USDT-220624", 0, 0.005)])
    params = xm.model("binance.portfolio").params(market.as_of)
    params = params.override("case", brackets_usdm=brackets, collateral=dict.fromkeys(["USDT", *loans], 1.0))
    margin = xm.margin(book, market, "binance.portfolio", params=params).detail("main")
    results = sum(part.amounts for part in margin.equity.parts[2].parts)
    by_name = dict(zip(market.name[margin.run.book.legs.instrument], results, strict=True))
    assert [by_name[n] for n in names] == pytest.approx([case["expected"][k] for k in ("upnl_perp", "upnl_quarter")])
    lent = tiered_cases.figure(margin, "Loans")[0]
    assert tiered_cases.amounts_of(margin, "maintenance", "Loans").tolist() == pytest.approx(
        [m["mm"] for m in loans.values()]
    )
    assert lent > 0


@pytest.mark.parametrize("path", tiered_cases.own("binance"), ids=lambda p: p.stem)
def test_own_cases_readd(path):
    margin, expected = tiered_cases.run(path)
    tiered_cases.check(margin, expected)
    assert tiered_cases.readds(margin) < 1e-9


def test_liquidation_cases_of_the_solver_by_formula():
    data = shared_golden.load("simm/liq_binance.json")
    for case in data["cases"]:
        leg = np.array([[[case["side"] * case["qty"]]], [[case["entry"]]], [[case["mmr"]]], [[case["cum"]]]])
        wallet = np.array([case["wallet_balance"]])
        found = usdm.liquidation_price(wallet, *leg, case["tmm_other"], case["upnl_other"])[0]
        assert found == pytest.approx(case["expected"], abs=0.0055)
    for key, rows in data["bracket_tables"].items():
        floor, rate, cum = (np.array(c) for c in zip(*rows, strict=True))
        Tiers.of({"key": np.array([key] * len(rows), object), "floor": floor, "rate": rate, "cum": cum})


def test_bracket_tables_are_the_published_ones():
    ours = read_csv(usdm.usdm.file.with_name("usdm.csv"))
    place = {(k, f): i for i, (k, f) in enumerate(zip(ours["key"], ours["floor"], strict=True))}
    path = shared_golden.ROOT / "cex_others/binance_usdm_brackets.csv"
    if not path.exists():
        pytest.skip("shared tables are not there")
    with path.open() as file:
        rows = [r for r in csv.DictReader(file) if (r["symbol_ccxt"], float(r["notional_floor"])) in place]
    assert len(rows) >= 0.9 * len(place)
    tiers = Tiers.of(ours)
    for r in rows:
        i = place[r["symbol_ccxt"], float(r["notional_floor"])]
        assert (tiers.rate[i], tiers.max_leverage[i]) == (float(r["maint_margin_rate"]), float(r["max_leverage"]))
        assert tiers.cum[i] == pytest.approx(float(r["cum"]), abs=1e-6)
