"""Books for clearing houses and brokers: futures and options with risk arrays, US options with shares."""

from typing import Any

import numpy as np

import xlmargin as xm
from tests.span_files import MONTHS, YEARS, future_array, option_arrays

AS_OF = "2026-06-25"
SCOPES = {"AAA": 1000.0, "BBB": 400.0}
STRIKES = np.array([0.9, 1.0, 1.1])
SPAN_MODELS = ("span.cme", "span.nse")


def contract(name: str, scope: str, array: np.ndarray, delta: float, month: int, **facts: Any) -> dict[str, Any]:
    common = {"underlying": scope, "settle": "USD", "quote": "USD", "index": SCOPES[scope], "as_of": AS_OF}
    arrays = {f"a{n + 1}": float(v) for n, v in enumerate(array)}
    when = {"expiry": f"{MONTHS[month][:4]}-{MONTHS[month][4:6]}-{MONTHS[month][6:]}", "delta_period": MONTHS[month]}
    return {"instrument": f"{scope} {name} {MONTHS[month]}", "delta": delta, **common, **when, **arrays, **facts}


def span_instruments() -> list[dict[str, Any]]:
    made = []
    for scope, spot in SCOPES.items():
        for month in range(3):
            made.append(contract("FUT", scope, future_array(spot, 0.1), 1.0, month, kind="future", mark=spot))
            for right in "CP":
                price, arrays, delta = option_arrays(spot, STRIKES * spot, YEARS[month], right == "C", 0.1)
                for n, k in enumerate(STRIKES):
                    facts = {"kind": "option", "option_type": right, "strike": k * spot, "mark": max(price[n], 0.01)}
                    made.append(contract(f"{right}{k:g}", scope, arrays[n], delta[n], month, **facts))
    return made


def span(rng, accounts):
    """Accounts of a few whole contracts and a balance; every type of account, one of them gross."""
    instruments = span_instruments()
    positions, balances, settings = [], [], []
    for a in range(accounts):
        for n in rng.choice(len(instruments), size=int(rng.integers(1, 7)), replace=False):
            quantity = float(rng.integers(1, 9) * rng.choice([-1, 1]))
            positions.append({"instrument": instruments[n]["instrument"], "quantity": quantity, "account": f"a{a}"})
        balances.append({"asset": "USD", "amount": float(round(rng.uniform(0, 1e5), 2)), "account": f"a{a}"})
        kind = ("member", "hedger", "speculator")[a % 3]
        settings.append({"account": f"a{a}", "account_type": kind, "netting": "gross" if a == 4 else "net"})
    return {"instruments": instruments, "positions": positions, "balances": balances, "accounts": settings}


def span_params(model: str):
    """Parameters as a clearing house's file would give them: calendar and delivery charges, one credit."""
    pairs = [(0, 1), (1, 2), (0, 2)]
    spreads = []
    for n, (i, j) in enumerate(pairs):
        legs = [["period", MONTHS[i], 1.0, "A"], ["period", MONTHS[j], 1.0, "B"]]
        spreads.append({"priority": n, "rate": 10.0 * (n + 1), "charge": "F", "legs": legs})
    own = {"currency": "USD", "intra_spreads": spreads, "som_rate": 5.0, "spot": [[MONTHS[0], 1.0, 2.0]]}
    legs = [["AAA", 1.0, "A", 0, 0.0, 0.0], ["BBB", 2.0, "B", 0, 0.0, 0.0]]
    inter = {"priority": 1, "method": "01", "rate": 60.0, "flat": False, "super": False, "separate": False}
    inter |= {"legs": legs, "target": "", "target_ratio": 1.0, "least": 1}

    def at(as_of):
        params = xm.model(model).params(as_of)
        return params.override("made up", by={scope: dict(own) for scope in SCOPES}, inter_spreads=[inter])

    return at


def us_instruments(rng) -> list[dict[str, Any]]:
    made = []
    for name, spot in (("ABC", 100.0), ("XYZ", 40.0)):
        common = {"underlying": name, "settle": "USD", "quote": "USD", "class": "equity", "as_of": AS_OF}
        made.append({"instrument": name, "kind": "spot", "mark": spot, **common})
        for month in range(2):
            expiry = f"{MONTHS[month][:4]}-{MONTHS[month][4:6]}-{MONTHS[month][6:]}"
            for k in (0.9, 1.0, 1.1):
                for right in "CP":
                    inside = max(spot - k * spot if right == "C" else k * spot - spot, 0.0)
                    option = {
                        "instrument": f"{name} {expiry} {k * spot:g} {right}",
                        "kind": "option",
                        "option_type": right,
                    }
                    option |= {"option_type": right, "strike": k * spot, "expiry": expiry, "contract_size": 100}
                    option |= {"index": spot, "rate": 0.04}
                    made.append(option | {"mark": round(inside + float(rng.uniform(0.5, 3.0)), 2), **common})
    return made


def us(rng, accounts):
    """Accounts of a few whole contracts and shares, some lots of which are odd."""
    instruments = us_instruments(rng)
    positions, balances = [], []
    for a in range(accounts):
        for n in rng.choice(len(instruments), size=int(rng.integers(1, 8)), replace=False):
            size = 100 if instruments[n]["kind"] == "spot" else 1
            quantity = float(rng.integers(1, 5) * rng.choice([-1, 1]) * size + (20 if size > 1 else 0))
            positions.append({"instrument": instruments[n]["instrument"], "quantity": quantity, "account": f"a{a}"})
        balances.append({"asset": "USD", "amount": float(round(rng.uniform(0, 1e5), 2)), "account": f"a{a}"})
    return {"instruments": instruments, "positions": positions, "balances": balances}


def joint(rng, accounts):
    """Books of two clearing houses: futures at A, options at B, with risk arrays for SPAN and all that TIMS needs."""
    made = span(rng, accounts)
    for row in made["instruments"]:
        row |= {"house": "A" if row["kind"] == "future" else "B", "rate": 0.04, "class": "equity"}
    return made


def joint_params(model: str, second: str):
    """The houses' rulebooks with SPAN parameters as from a file."""

    def at(as_of):
        own = span_params("span.cme")(as_of)
        values = {"parameters_a": own} | ({"parameters_b": own} if second == "span.cme" else {})
        return xm.model(model).params(as_of).override("made up", model_b=second, **values)

    return at


BY_MODEL = dict.fromkeys(SPAN_MODELS, span) | dict.fromkeys(("occ.portfolio", "regt.strategy"), us)
BY_MODEL |= dict.fromkeys(("crossmargin.two_pot", "crossmargin.one_pot"), joint)
MODELS = tuple(BY_MODEL)
PARAMS = {model: span_params(model) for model in SPAN_MODELS}
PARAMS["crossmargin.two_pot"] = joint_params("crossmargin.two_pot", "occ.portfolio")
PARAMS["crossmargin.one_pot"] = joint_params("crossmargin.one_pot", "span.cme")
