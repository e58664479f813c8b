"""Derive's golden cases as one book on one market: every case is a scope named after itself."""

import numpy as np

import xlmargin as xm
from xlmargin.pricing import svi_volatility

AS_OF = 1_790_000_000
GROUPS = ("margin", "vol_shock", "basis", "other", "skew")


def columns(rows: list[dict]) -> dict[str, list]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def flat(parameters: dict) -> dict:
    return {key: value for group in GROUPS for key, value in parameters[group].items()}


def pmrm2(cases: list[dict], parameters: dict[str, dict], ladders: dict[str, list] | None = None):
    """(book, market, params) of portfolio-manager cases stacked in one call."""
    tables = {"instruments": [], "positions": [], "balances": [], "assets": [], "accounts": []}
    overlays = {}
    for case in cases:
        _portfolio(case, tables)
        own = parameters[case["params"]]
        ladder = ladders[case["scenarios"]] if ladders else own["scenarios"]
        overlays[case["id"]] = flat(own) | {
            "scenarios": ladder,
            "cash_asset": f"USDC@{case['id']}",
            "collateral": {
                f"{c['name']}@{case['id']}": [c["mm_haircut"], c["im_haircut"], float(c["risk_cancelling"])]
                for c in case["inputs"]["collaterals"]
            },
        }
    book, market = xm.tables(**{k: columns(v) for k, v in tables.items()}, as_of=AS_OF)
    params = xm.model("derive.portfolio").params(AS_OF).override("golden case", by=overlays)
    return book, market, params


def _portfolio(case: dict, tables: dict[str, list]) -> None:
    name, inputs = case["id"], case["inputs"]
    spot, stable, perp = inputs["spot"], inputs["stable"], inputs["perp"]
    cash = f"USDC@{name}"
    common = {"underlying": name, "settle": cash, "quote": cash, "index": spot[0], "index_confidence": spot[1]}
    tables["accounts"].append({"account": name, "manager": name})
    tables["assets"].append({"asset": cash, "price": stable[0]})
    tables["balances"].append({"asset": cash, "amount": inputs["cash"], "account": name})
    tables["instruments"].append({"instrument": f"spot {name}", "kind": "spot", **common})
    for c in inputs["collaterals"]:
        asset = f"{c['name']}@{name}"
        tables["assets"].append({"asset": asset, "price": c["price"], "confidence": c["confidence"]})
        tables["balances"].append({"asset": asset, "amount": c["amount"], "account": name})
    if perp["size"]:
        own = f"perp {name}"
        tables["instruments"].append(
            {"instrument": own, "kind": "perp", "mark": perp["price"], "confidence": perp["confidence"], **common}
        )
        accrued = perp["unrealised_pnl"] + perp["unrealised_funding"]
        tables["positions"].append({"instrument": own, "quantity": perp["size"], "account": name, "accrued": accrued})
    feeds = {f["seconds_to_expiry"]: f for f in inputs["feeds"]}
    for n, option in enumerate(inputs["options"]):
        _option(name, n, option, feeds[option["seconds_to_expiry"]], common, tables)


def _option(name: str, n: int, option: dict, feed: dict, common: dict, tables: dict[str, list]) -> None:
    own = f"option {n} {name}"
    vol = option.get("vol")
    if vol is None:
        svi = dict(feed["svi"])
        vol = float(svi_volatility(option["strike"], forward=svi.pop("fwd"), **svi))
    confidence = min(feed.get(k, 1.0) for k in ("forward_confidence", "rate_confidence", "vol_confidence"))
    tables["instruments"].append(
        {
            "instrument": own,
            "kind": "option",
            "expiry": AS_OF + option["seconds_to_expiry"],
            "strike": option["strike"],
            "option_type": option["type"],
            "iv": vol or 1e-18,
            "forward": feed["forward"],
            "rate": feed.get("rate"),
            "confidence": confidence,
            **({"forward_fixed": feed["forward_fixed"]} if "forward_fixed" in feed else {}),
            **common,
        }
    )
    tables["positions"].append({"instrument": own, "quantity": option["amount"], "account": name})


def standard(cases: list[dict], parameters: dict[str, dict]):
    """(book, market, params) of Standard Manager cases stacked in one call."""
    tables = {"instruments": [], "positions": [], "balances": [], "assets": [], "accounts": []}
    overlays = {}
    for case in cases:
        name, inputs, own = case["id"], case["inputs"], parameters[case["params"]]
        cash = f"USDC@{name}"
        tables["accounts"].append({"account": name})
        tables["assets"].append({"asset": cash, "price": inputs["stable_price"]})
        tables["balances"].append({"asset": cash, "amount": inputs["cash"], "account": name})
        for underlying, held in inputs["markets"].items():
            _market(name, underlying, held, cash, tables)
            overlays[f"{underlying}@{name}"] = standard_params(own) | {"cash_asset": cash}
    book, market = xm.tables(**{k: columns(v) for k, v in tables.items()}, as_of=AS_OF)
    return book, market, xm.model("derive.standard").params(AS_OF).override("golden case", by=overlays)


def standard_params(own: dict) -> dict:
    return {
        "perp_mm": own["perp_mm"],
        "perp_im": own["perp_im"],
        **own["option"],
        **own["oracle"],
        "depeg_threshold": own["depeg"]["threshold"],
        "depeg_factor": own["depeg"]["factor"],
        **own["base"],
    }


def _market(name: str, underlying: str, held: dict, cash: str, tables: dict[str, list]) -> None:
    scope, spot, perp = f"{underlying}@{name}", held["spot"], held["perp"]
    common = {"underlying": scope, "settle": cash, "quote": cash, "index": spot[0], "index_confidence": spot[1]}
    tables["instruments"].append({"instrument": f"spot {scope}", "kind": "spot", **common})
    if held["base"]:
        tables["assets"].append({"asset": scope, "price": spot[0], "confidence": spot[1]})
        tables["balances"].append({"asset": scope, "amount": float(held["base"]), "account": name})
    if perp["size"]:
        own = f"perp {scope}"
        tables["instruments"].append(
            {"instrument": own, "kind": "perp", "mark": perp["price"], "confidence": perp["confidence"], **common}
        )
        accrued = sum(perp.get(k, 0.0) for k in ("unrealised_pnl", "unrealised_funding"))
        tables["positions"].append({"instrument": own, "quantity": perp["size"], "account": name, "accrued": accrued})
    feeds = {f["seconds_to_expiry"]: f for f in held["feeds"]}
    for n, option in enumerate(held["options"]):
        _option(scope, n, option, feeds[option["seconds_to_expiry"]], common, tables)
        tables["positions"][-1]["account"] = name


def net(margin: xm.Margin, level: str) -> np.ndarray:
    """Margin as the contract returns it: equity less requirement (R,)."""
    return margin.equity.value - getattr(margin, level).value
