"""Combined commodities and inter-commodity spreads of an XML file as plain parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .faults import Faults, shown

if TYPE_CHECKING:
    from .spn import Node

WFPR = {"": 1, "NORMAL": 1, "SCANRANGE_CAP": 2, "SCANRANGE": 3, "1": 1, "2": 2, "3": 3}
SOM = {"": "gross", "GROSS": "gross", "2": "gross", "MAX": "max", "1": "max"}
CHARGE = {"": "F", "F": "F", "P": "P", "W": "W"}
SIDES = ("A", "B")


def commodity(node: Node, faults: Faults) -> dict[str, Any]:
    """The parameters of a ``ccDef``: currency, tiers, calendar spreads, spot rates, short option minimum …"""
    exponent = faults.whole(node.line, "ccDef riskExponent", node.text("riskExponent", "0"), -9, 9)
    money = 10.0**exponent
    kids = lambda tag: [k for k in node.kids if k.tag == tag]  # noqa: E731
    rates = [_som_tier(t, faults, money) for group in kids("somTiers") for t in group.kids if t.tag == "tier"]
    return {
        "currency": node.text("currency"),
        "exponent": float(exponent),
        "wfpr_method": _word(node, "wfprMeth", WFPR, faults),
        "som_method": _word(node, "somMeth", SOM, faults),
        "som_rate": rates[0][2] if rates and not rates[0][0] else 0.0,
        "som_tiers": [r for r in rates if r[0]],
        "scan_tiers": _tiers(kids("scanTiers"), faults),
        "inter_tiers": _tiers(kids("interTiers"), faults),
        "intra_tiers": _tiers(kids("intraTiers"), faults),
        "intra_spreads": sorted((_spread(k, faults, money) for k in kids("dSpread")), key=lambda s: s["priority"]),
        "spot": [_spot(k, faults, money) for k in kids("spotRate")],
        "spot_method": "11" if node.text("spotMeth").upper() in ("11", "BASIS") else "10",
        "links": [_link(k, faults) for k in kids("pfLink")],
    }


def _word(node: Node, field: str, words: dict[str, Any], faults: Faults) -> Any:
    text = node.text(field).upper()
    if text not in words:
        allowed = ", ".join(w for w in words if w)
        faults.add(node.line, f"{node.tag} {field}", text, f"{shown(text)} is not one of {allowed}")
    return words.get(text, next(iter(words.values())))


def _number(node: Node, field: str, faults: Faults, low: float, default: str = "") -> float:
    return faults.number(node.line, f"{node.tag} {field}", node.text(field, default), low)


def _rate(node: Node, faults: Faults, low: float = 0.0) -> float:
    """The value of the first performance-bond rate (the lowest ``r``)."""
    rates = sorted((k for k in node.kids if k.tag == "rate"), key=lambda k: k.text("r", "0"))
    if not rates:
        faults.add(node.line, f"{node.tag} rate", "", "no rate")
        return 0.0
    return _number(rates[0], "val", faults, low)


def _link(node: Node, faults: Faults) -> tuple[str, str, float]:
    return node.text("exch"), node.text("pfId"), _number(node, "sc", faults, 1e-9, "1")


def _tier(node: Node, faults: Faults, default: str = "") -> int:
    return faults.whole(node.line, f"{node.tag} tn", node.text("tn", default), 0, 9999)


def _bounds(node: Node, faults: Faults) -> list[str]:
    return [faults.period(node.line, f"tier {f}", node.text(f)) if node.text(f) else "" for f in ("sPe", "ePe")]


def _tiers(groups: list[Node], faults: Faults) -> list[list[Any]]:
    """[number, first period, last period] of each tier; empty periods are open."""
    tiers = [t for g in groups for t in g.kids if t.tag == "tier"]
    return [[_tier(t, faults, "1"), *_bounds(t, faults)] for t in tiers]


def _som_tier(node: Node, faults: Faults, money: float) -> list[Any]:
    return [*_bounds(node, faults), _rate(node, faults) * money]


def _spot(node: Node, faults: Faults, money: float) -> list[Any]:
    period = faults.period(node.line, "spotRate pe", node.text("pe"))
    return [period, *(_number(node, f, faults, 0.0, "0") * money for f in ("sprd", "outr"))]


def _side(node: Node, faults: Faults) -> str:
    side = node.text("rs").upper()
    if side not in SIDES:
        faults.add(node.line, f"{node.tag} rs", side, f"side A or B is needed, not {shown(side)}")
    return side


def _spread(node: Node, faults: Faults, money: float) -> dict[str, Any]:
    """A calendar spread: legs are [tier or period, which, ratio, side]."""
    legs = []
    for leg in (k for k in node.kids if k.tag in ("tLeg", "pLeg")):
        tier = leg.tag == "tLeg"
        which = _tier(leg, faults) if tier else faults.period(leg.line, "pLeg pe", leg.text("pe"))
        legs.append(["tier" if tier else "period", which, _number(leg, "i", faults, 1e-9, "1"), _side(leg, faults)])
    if len(legs) < 2:
        faults.add(node.line, "dSpread", len(legs), "a spread needs two legs or more")
    return {
        "priority": _number(node, "spread", faults, 0, "1"),
        "rate": _rate(node, faults) * money,
        "charge": _word(node, "chargeMeth", CHARGE, faults),
        "legs": legs,
    }


def inter_spread(node: Node, faults: Faults) -> dict[str, Any]:
    """An inter-commodity spread: legs are [combined commodity, ratio, side, tier (0 all), required, own credit]."""
    scanning = node.tag == "hSpread"
    legs, target = [], ""
    for leg in (k for k in node.kids if k.tag in ("tLeg", "pLeg", "sLeg")):
        if leg.text("isTarget", "0") == "1":
            target = leg.text("cc")
            continue
        tier = _tier(leg, faults, "0")
        side = _side(leg, faults) if leg.tag != "sLeg" else "A"
        required = float(leg.text("isRequired", "0") == "1")
        legs.append([leg.text("cc"), _number(leg, "i", faults, 1e-9, "1"), side, tier, required, 0.0])
        if leg.tag == "pLeg":
            faults.add(leg.line, "pLeg", None, "a period leg between commodities is not read")
    return {
        "priority": _number(node, "spread", faults, 0, "1"),
        "method": "04" if scanning else "01",
        "rate": _rate(node, faults),
        "flat": node.text("chargeMeth").upper() == "F",
        "super": False,
        "separate": False,
        "legs": legs,
        "target": target,
        "target_ratio": 1.0,
        "least": 1.0,
    }
