"""Binance's shared cases as accounts of one book: every case brings its own contracts and brackets."""

import pytest

import xlmargin as xm
from tests import shared_golden
from tests.tiered_cases import AS_OF, columns, one_bracket, table

UNPUBLISHED = {"BN-PM-03": "the archived example breaks off before prices, rates and the ratio: only two results stand"}


def shared() -> list[dict]:
    """Shared cases of Binance and of no venue; none where the folder is not there."""
    try:
        cases = shared_golden.load("cex_others/test_cases.json")["cases"]
    except pytest.skip.Exception:
        return []
    return [c for c in cases if c["venue"] in ("binance", "generic")]


def groups() -> dict[str, list[dict]]:
    """The cases by what they state."""
    cases = [c for c in shared() if c["id"] not in UNPUBLISHED]

    def of(*words: str) -> list[dict]:
        return [c for c in cases if any(w in c["topic"] for w in words)]

    return {
        "priced": [c for c in of("liquidation", "isolated") if legs_of(c)],
        "figures": [c for c in of("maintenance margin", "unreali", "PnL", "Portfolio Margin (live") if legs_of(c)],
        "recursions": [c for c in cases if "prev_cum" in c["inputs"]],
        "table": [c for c in of("COIN-M") if not {"prev_cum", "contracts"} & set(c["inputs"]) and not legs_of(c)],
        "coinm": [c for c in of("COIN-M") if "contracts" in c["inputs"]],
        "collateral": [c for c in of("collateral value", "haircut") if {"rate", "ratio"} & set(c["inputs"])],
        "exchanges": [c for c in of("auto-exchange") if "deficit" in c["inputs"]],
        "cut short": [c for c in shared() if c["id"] in UNPUBLISHED],
    }


def legs_of(case: dict) -> list[dict]:
    """The contracts of a case that holds positions, the first one the case's own; empty for other cases."""
    i = case["inputs"]
    if "contract1" in i:
        return [i["contract1"], *i["others"]]
    if "position" in i:
        return [i["position"]]
    if "qty" in i and "mmr" in i:
        return [{"symbol": "OWN", "side": i.get("side", 1), "entry": i.get("entry"), "cum": i.get("cum", 0.0), **i}]
    return []


def wallet_of(case: dict) -> float:
    """The wallet behind a case: stated, a leverage's share of the entry value, or an equity at the mark."""
    i = case["inputs"]
    if "wallet_balance" in i:
        return i["wallet_balance"]
    if "equity" in i:
        return i["equity"] - i["other_mm"]
    return i["qty"] * i["entry"] / i["leverage"] if "leverage" in i and "entry" in i else 0.0


def usdm(cases: list[dict]):
    """(book, market, params) of cases of binance.usdm stacked in one call, an account a case."""
    tables = {"positions": [], "instruments": [], "balances": []}
    brackets = []
    for case in cases:
        name, cash = case["id"], f"USDT@{case['id']}"
        tables["balances"].append({"asset": cash, "amount": wallet_of(case), "account": name})
        for leg in legs_of(case):
            own = f"{leg['symbol']}@{name}"
            mark = leg.get("mark", leg["entry"])
            tables["instruments"].append(
                {"instrument": own, "kind": "perp", "underlying": own, "settle": cash, "quote": cash, "mark": mark}
            )
            tables["positions"].append(
                {
                    "instrument": own,
                    "quantity": leg["side"] * leg["qty"],
                    "entry_price": leg["entry"] if leg["entry"] is not None else mark,
                    "leverage": leg.get("leverage", 1),
                    "account": name,
                }
            )
            brackets += one_bracket(f"{own}/{cash}:{cash}", leg["mmr"], leg["cum"])
    book, market = xm.tables(**{k: columns(v) for k, v in tables.items()}, as_of=AS_OF)
    return book, market, xm.model("binance.usdm").params(market.as_of).override("cases", brackets=table(brackets))


def margin(cases: list[dict]) -> xm.Margin:
    """The margin of cases of binance.usdm, an account a case."""
    book, market, params = usdm(cases)
    return xm.margin(book, market, "binance.usdm", params=params)
