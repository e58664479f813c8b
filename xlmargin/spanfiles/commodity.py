"""Combined commodities and inter-commodity spreads of an XML file as plain parameters."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from .elements import kids, text
from .faults import Faults, shown

WFPR = {"": 1, "NORMAL": 1, "SCANRANGE_CAP": 2, "SCANRANGE": 3, "1": 1, "2": 2, "3": 3}
SOM = {"": "gross", "GROSS": "gross", "2": "gross", "MAX": "max", "1": "max"}
CHARGE = {"": "F", "F": "F", "P": "P", "W": "W"}
SIDES = ("A", "B")


def commodity(node: Element, faults: Faults) -> dict[str, Any]:
    """The parameters of a ``ccDef``: currency, tiers, calendar spreads, spot rates, short option minimum …"""
    exponent = faults.read_whole("ccDef riskExponent", text(node, "riskExponent", "0"), -9, 9)
    money = 10.0**exponent
    rates = [_som_tier(t, faults, money) for group in kids(node, "somTiers") for t in kids(group, "tier")]
    return {
        "currency": text(node, "currency"),
        "exponent": float(exponent),
        "wfpr_method": _word(node, "wfprMeth", WFPR, faults),
        "som_method": _word(node, "somMeth", SOM, faults),
        "som_rate": rates[0][2] if rates and not rates[0][0] else 0.0,
        "som_tiers": [r for r in rates if r[0]],
        "scan_tiers": _tiers(kids(node, "scanTiers"), faults),
        "inter_tiers": _tiers(kids(node, "interTiers"), faults),
        "intra_tiers": _tiers(kids(node, "intraTiers"), faults),
        "intra_spreads": _in_order([_spread(k, faults, money) for k in kids(node, "dSpread")]),
        "spot": [_spot(k, faults, money) for k in kids(node, "spotRate")],
        "spot_method": "11" if text(node, "spotMeth").upper() in ("11", "BASIS") else "10",
        "links": [_link(k, faults) for k in kids(node, "pfLink")],
    }


def _in_order(spreads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(spreads, key=lambda s: s["priority"])


def _word(node: Element, field: str, words: dict[str, Any], faults: Faults) -> Any:
    word = text(node, field).upper()
    if word not in words:
        allowed = ", ".join(w for w in words if w)
        faults.here(f"{node.tag} {field}", word, f"{shown(word)} is not one of {allowed}")
    return words.get(word, next(iter(words.values())))


def _number(node: Element, field: str, faults: Faults, low: float, default: str = "") -> float:
    return faults.read(f"{node.tag} {field}", text(node, field, default), low)


def _rate(node: Element, faults: Faults, low: float = 0.0) -> float:
    """The value of the first performance-bond rate (the lowest ``r``)."""
    rates = sorted(kids(node, "rate"), key=lambda k: text(k, "r", "0"))
    if not rates:
        faults.here(f"{node.tag} rate", "", "no rate")
        return 0.0
    return _number(rates[0], "val", faults, low)


def _link(node: Element, faults: Faults) -> tuple[str, str, float]:
    return text(node, "exch"), text(node, "pfId"), _number(node, "sc", faults, 1e-9, "1")


def _tier(node: Element, faults: Faults, default: str = "") -> int:
    return faults.read_whole(f"{node.tag} tn", text(node, "tn", default), 0, 9999)


def _bounds(node: Element, faults: Faults) -> list[str]:
    return [faults.read_period(f"tier {f}", text(node, f)) if text(node, f) else "" for f in ("sPe", "ePe")]


def _tiers(groups: list[Element], faults: Faults) -> list[list[Any]]:
    """[number, first period, last period] of each tier; empty periods are open."""
    tiers = [t for g in groups for t in kids(g, "tier")]
    return [[_tier(t, faults, "1"), *_bounds(t, faults)] for t in tiers]


def _som_tier(node: Element, faults: Faults, money: float) -> list[Any]:
    return [*_bounds(node, faults), _rate(node, faults) * money]


def _spot(node: Element, faults: Faults, money: float) -> list[Any]:
    period = faults.read_period("spotRate pe", text(node, "pe"))
    return [period, *(_number(node, f, faults, 0.0, "0") * money for f in ("sprd", "outr"))]


def _side(node: Element, faults: Faults) -> str:
    side = text(node, "rs").upper()
    if side not in SIDES:
        faults.here(f"{node.tag} rs", side, f"side A or B is needed, not {shown(side)}")
    return side


def _spread(node: Element, faults: Faults, money: float) -> dict[str, Any]:
    """A calendar spread: legs are [tier or period, which, ratio, side]."""
    legs = []
    for leg in (k for k in node if k.tag in ("tLeg", "pLeg")):
        tier = leg.tag == "tLeg"
        which = _tier(leg, faults) if tier else faults.read_period("pLeg pe", text(leg, "pe"))
        legs.append(["tier" if tier else "period", which, _number(leg, "i", faults, 1e-9, "1"), _side(leg, faults)])
    if len(legs) < 2:
        faults.here("dSpread", len(legs), "a spread needs two legs or more")
    return {
        "priority": _number(node, "spread", faults, 0, "1"),
        "rate": _rate(node, faults) * money,
        "charge": _word(node, "chargeMeth", CHARGE, faults),
        "legs": legs,
    }


def inter_spread(node: Element, faults: Faults) -> dict[str, Any]:
    """An inter-commodity spread: legs are [combined commodity, ratio, side, tier (0 all), required, own credit]."""
    scanning = node.tag == "hSpread"
    legs, target = [], ""
    for leg in (k for k in node if k.tag in ("tLeg", "pLeg", "sLeg")):
        if text(leg, "isTarget", "0") == "1":
            target = text(leg, "cc")
            continue
        tier = _tier(leg, faults, "0")
        side = _side(leg, faults) if leg.tag != "sLeg" else "A"
        required = float(text(leg, "isRequired", "0") == "1")
        legs.append([text(leg, "cc"), _number(leg, "i", faults, 1e-9, "1"), side, tier, required, 0.0])
        if leg.tag == "pLeg":
            faults.here("pLeg", None, "a period leg between commodities is not read")
    return {
        "priority": _number(node, "spread", faults, 0, "1"),
        "method": "04" if scanning else "01",
        "rate": _rate(node, faults),
        "flat": text(node, "chargeMeth").upper() == "F",
        "super": False,
        "separate": False,
        "legs": legs,
        "target": target,
        "target_ratio": 1.0,
        "least": 1.0,
    }
