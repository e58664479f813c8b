"""OKX's shared cases as books: isolated positions, margin loans, options and orders, the position builder."""

from collections.abc import Sequence

import pytest

import xlmargin as xm
from tests import shared_golden
from tests.tiered_cases import AS_OF, columns, table


def shared() -> list[dict]:
    """Shared cases of OKX; none where the folder is not there."""
    try:
        return shared_golden.load("deribit_okx/okx_cases.json")["cases"]
    except pytest.skip.Exception:
        return []


def of(*starts: str) -> list[dict]:
    """Cases whose id begins with one of ``starts``."""
    return [c for c in shared() if c["id"].startswith(starts)]


def signed(case: dict) -> float:
    """Quantity of an isolated position with its side."""
    i = case["inputs"]
    short = "short" in (i.get("posSide"), i.get("side")) or case["id"].endswith("SHORT")
    return -abs(i["pos"]) if short else i["pos"]


def isolated(cases: list[dict]):
    """(book, market, params) of isolated contracts, an account a case."""
    positions, instruments, tiers, accounts = [], [], [], []
    for case in cases:
        i, name = case["inputs"], case["id"]
        inverse = "-USD-" in i["instId"]
        coin, cash = f"{i['instId']}@{name}", f"cash@{name}"
        quote = "USD" if inverse else cash
        contract = {"instrument": coin, "kind": "perp", "underlying": coin, "settle": cash, "quote": quote}
        instruments.append(contract | {"inverse": inverse, "mark": i["markPx"], "contract_size": i.get("ctVal", 1)})
        position = {"instrument": coin, "quantity": signed(case), "entry_price": i["avgPx"], "account": name}
        position |= {"margin_mode": "isolated", "posted_margin": i["margin"], "leverage": i.get("lever", 1)}
        positions.append(position)
        tiers.append((f"SWAP {coin}-{quote}", 0.0, i["mmr_rate"]))
        accounts.append({"account": name, "taker": i["taker_fee"], "mode": "single-currency"})
    book, market = xm.tables(
        positions=columns(positions), instruments=columns(instruments), accounts=columns(accounts), as_of=AS_OF
    )
    return book, market, xm.model("okx.cross").params(market.as_of).override("cases", tiers=table(tiers))


def loan(case: dict):
    """(book, market, params) of a margin loan: an asset held and a coin owed, in one pool."""
    i = case["inputs"]
    book, market = xm.tables(
        balances={"asset": ["USDT", "LTC"], "amount": [i["asset_usdt"], -i["liab_ltc"]], "kind": ["wallet", "loan"]},
        assets={"asset": ["USDT", "LTC"], "price": [1.0, i["markPx"]]},
        as_of=AS_OF,
    )
    borrow = {"LTC": [[0, i["mmr_rate"], 1 / 3]], "USDT": [[0, 0.02, 0.1]]}
    params = xm.model("okx.cross").params(market.as_of)
    return book, market, params.override("case", borrow=borrow, loan_fee=i["taker_fee"])


def option(i: dict, *, position: float = 0.0, orders: Sequence[tuple[float, float]] = ()):
    """(book, market, params) of one coin-margined BTC call with a position and orders (quantity, price)."""
    forward = i.get("forward", 5900.0)
    call = {"instrument": "BTC call", "kind": "option", "underlying": "BTC", "settle": "BTC", "quote": "USD"}
    call |= {"inverse": True, "expiry": "2026-12-25", "strike": forward + i.get("otm", 0.0), "option_type": "C"}
    call |= {"forward": forward, "mark": i.get("mark", 0.05), "contract_size": i["ctMult"]}
    held = [{"instrument": "BTC call", "quantity": position}] if position else []
    open_orders = [{"instrument": "BTC call", "quantity": q, "limit_price": price} for q, price in orders]
    book, market = xm.tables(
        instruments=columns([call]),
        positions=columns(held),
        orders=columns(open_orders),
        accounts={"account": ["main"], "mode": ["single-currency"]},
        as_of=AS_OF,
    )
    fee = i.get("fee_per_contract", i.get("fee", 0.0)) / i["ctMult"]
    factor = table([("OPTION BTC-USD", 0.0, i.get("factor", 1.0))])
    params = xm.model("okx.cross").params(market.as_of)
    return book, market, params.override("case", option_factor=factor, option_fee=fee)


def position_builder(case: dict):
    """(book, market) of the official example: simulated positions and assets at inferred index prices."""
    i = case["inputs"]
    names = [p["instId"] for p in i["simPos"]]

    def of(key: str) -> list[float]:
        return [p[key] for p in i["simPos"]]

    contracts = {"mark": of("markPx"), "index": of("indexPx_inferred"), "contract_size": of("ctVal")}
    return xm.tables(
        positions={"instrument": names, "quantity": of("pos"), "entry_price": of("avgPx")},
        instruments={"instrument": names, **contracts},
        balances={"asset": [a["ccy"] for a in i["simAsset"]], "amount": [a["amt"] for a in i["simAsset"]]},
        assets={"asset": ["USDT"], "price": [i["usdt_usd"]]},
        as_of=i["ts"],
        venue="okx",
    )


def by_unit(margin: xm.Margin, heading: str) -> dict[str, float]:
    """What each risk unit adds to a term of a detailed margin, by underlying."""
    legs, market = margin.run.book.legs, margin.run.market
    total: dict[str, float] = {}
    for _, line in margin.lines()[heading].walk():
        if line.amounts is not None and line.on == "legs":
            for h, amount in enumerate(line.amounts):
                name = str(market.underlying[legs.instrument[h]])
                total[name] = total.get(name, 0.0) + float(amount)
    return total
