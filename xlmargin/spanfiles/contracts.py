"""Contracts of an XML file: product families, series and contracts become columns and arrays."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING, Any

import numpy as np

from .faults import LARGEST, Faults, shown
from .model import SCENARIOS, columns_of, end_of, named

if TYPE_CHECKING:
    from .spn import Node

FAMILIES = {
    "futPf": "FUT",
    "phyPf": "PHY",
    "equityPf": "EQT",
    "cmbPf": "CMB",
    "oofPf": "OOF",
    "oopPf": "OOP",
    "oocPf": "OOC",
    "ooePf": "OOE",
}


class Contracts:
    """Gathers contracts; what only the whole file can tell (underlyings, combined commodities) is filled in last."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.rows: list[dict[str, Any]] = []
        self.arrays = array("d")
        self.lines = array("q")
        self.families: dict[tuple[str, str], dict[str, Any]] = {}
        self.physical: dict[tuple[str, str], float] = {}
        self.months: dict[tuple[str, str, str], tuple[str, float]] = {}
        self.remarks: list[str] = []

    def add(self, node: Node, stack: list[Node]) -> None:
        """Read a contract whose series and family are still open."""
        option = node.tag == "opt"
        series = stack[-1] if option else node
        family = stack[-2] if option and len(stack) > 1 else stack[-1]
        if family.tag not in FAMILIES or (option and series.tag != "series"):
            self.faults.add(node.line, node.tag, None, f"a {node.tag} outside its product family (wrong order?)")
            return
        if not family.text("pfCode") or not series.text("pe"):
            needed = "pfCode" if not family.text("pfCode") else "pe"
            self.faults.add(
                node.line, f"{node.tag} {needed}", "", f"{needed} must stand before the contracts it is for"
            )
            return
        exchange = next((n.text("exch") for n in reversed(stack) if n.tag == "exchange"), "")
        self._record(node, series, family, exchange)

    def _record(self, node: Node, series: Node, family: Node, exchange: str) -> None:
        price = self._number(node, "p", 0.0 if node.tag == "opt" else math.nan)
        period = self.faults.period(node.line, f"{node.tag} pe", series.text("pe"))
        place = (exchange, family.text("pfId"))
        if FAMILIES[family.tag] in ("PHY", "EQT"):
            self.physical[place] = price
        self.months[(*place, node.text("cId"))] = (period, price)
        risk = next((k for k in node.kids if k.tag == "ra"), None)
        if risk is None:
            if node.tag not in ("phy", "equity"):
                self.faults.add(node.line, f"{node.tag} ra", "", "a contract without risk array")
            return
        if not self._array(node, risk):
            return
        under = next((k for k in series.kids if k.tag == "undC"), None)
        self.rows.append(
            {
                "name": "",
                "exchange": exchange,
                "product": family.text("pfCode"),
                "type": FAMILIES[family.tag],
                "right": self._right(node),
                "period": period,
                "delta_period": under and (under.text("exch"), under.text("pfId"), under.text("cId")),
                "commodity": place,
                "currency": family.text("currency"),
                "strike": self._number(node, "k", math.nan) if node.tag == "opt" else math.nan,
                "price": price,
                "size": self._size(node, series, family),
                "premium": 0.0 if family.text("valueMeth").startswith("FUT") else 1.0,
                "delta": self._number(risk, "d", math.nan, -100.0, 100.0),
                "scaling": self._scaling(node, series),
                "iv": self._number(node, "v", 0.0, 0.0, 1e4),
                "expiry": self._expiry(node, series, period),
                "scan_range": self._scan_range(node, series),
                "index": math.nan,
                "line": float(node.line),
            }
        )

    def _number(self, node: Node, field: str, default: float, low: float = -LARGEST, high: float = LARGEST) -> float:
        text = node.text(field)
        if text == "":
            if math.isnan(default):
                self.faults.add(node.line, f"{node.tag} {field}", "", f"{field} is missing")
            return default
        return self.faults.number(node.line, f"{node.tag} {field}", text, low, high)

    def _array(self, node: Node, risk: Node) -> bool:
        texts = risk.texts("a")
        if len(texts) != SCENARIOS:
            message = f"{len(texts)} array values; {SCENARIOS} are needed"
            self.faults.add(node.line, f"{node.tag} ra a", None, message)
            return False
        try:
            values = [float(t) for t in texts]
        except ValueError:
            values = [math.nan]
        if not all(abs(v) <= LARGEST for v in values) or any("_" in t for t in texts):
            for n, text in enumerate(texts):
                self.faults.number(node.line, f"{node.tag} ra a (scenario {n + 1})", text)
            return False
        self.arrays.extend(values)
        return True

    def _right(self, node: Node) -> str:
        if node.tag != "opt":
            return ""
        right = node.text("o").upper()[:1]
        if right not in ("C", "P") or not right:
            self.faults.add(node.line, "opt o", node.text("o"), f"C or P is needed, not {shown(node.text('o'))}")
        return right

    def _size(self, *nodes: Node) -> float:
        for node in nodes:
            if node.text("cvf"):
                return self._number(node, "cvf", math.nan, 1e-12)
        self.faults.add(nodes[0].line, f"{nodes[0].tag} cvf", "", "no contract value factor here or above")
        return math.nan

    def _scaling(self, node: Node, series: Node) -> float:
        """The contract's own delta scaling; NaN asks for that of its product's link (``sc`` may stand on either)."""
        for at in (node, series):
            text = at.text("sc")
            if text.replace(".", "", 1).isdigit():
                return self.faults.number(at.line, f"{at.tag} sc", text, 1e-9)
        return math.nan

    def _expiry(self, node: Node, series: Node, period: str) -> float:
        date = node.text("setlDate") or series.text("setlDate")
        if len(date) == 8 and date.strip("0"):
            date = self.faults.period(node.line, f"{node.tag} setlDate", date)
        else:
            date = period
        try:
            return end_of(date)
        except ValueError:
            self.faults.add(node.line, f"{node.tag} setlDate", date, f"no such date: {date}")
            return math.nan

    def _scan_range(self, *nodes: Node) -> float:
        for node in nodes:
            for kid in node.kids:
                if kid.tag == "scanRate" and kid.text("priceScan"):
                    return self._number(kid, "priceScan", math.nan, 0.0)
        return math.nan

    def close(self, family: Node, exchange: str) -> None:
        """Keep what a finished product family says of its underlying."""
        under = next((k for k in family.kids if k.tag == "undPf"), None)
        self.families[exchange, family.text("pfId")] = {
            "product": family.text("pfCode"),
            "under": (under.text("exch") or exchange, under.text("pfId")) if under else None,
        }

    def finished(self, commodities: dict[str, dict[str, Any]]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Columns (I,) and arrays (I, 16) in money."""
        home = self._homes(commodities)
        spot = {
            self.families[place]["product"]: price for place, price in self.physical.items() if place in self.families
        }
        unlinked = set()
        for row in self.rows:
            place = row["commodity"]
            code, scaling = home.get(place) or home.get(("", row["product"])) or ("", 1.0)
            if not code:
                unlinked.add(row["product"])
            row["commodity"] = code
            row["currency"] = commodities.get(code, {}).get("currency") or row["currency"]
            row["scaling"] = scaling if math.isnan(row["scaling"]) else row["scaling"]
            row["delta_period"] = self._delta_period(row)
            under = self.families.get(place, {}).get("under")
            row["index"] = self.physical.get(under, spot.get(row["product"], math.nan))
        if unlinked:
            self.remarks.append(f"products in no combined commodity: {', '.join(sorted(unlinked)[:20])}")
        columns = columns_of(self.rows)
        named(columns, self.faults)
        arrays = np.array(self.arrays, np.float64).reshape(-1, SCENARIOS)
        exponent = {code: 10.0 ** c["exponent"] for code, c in commodities.items()}
        scale = np.array([exponent.get(code, 1.0) for code in columns["commodity"]], np.float64)
        return columns, arrays * scale[:, None] if len(arrays) == len(scale) else arrays

    def _homes(self, commodities: dict[str, dict[str, Any]]) -> dict[tuple[str, str], tuple[str, float]]:
        """Combined commodity and link scaling of each family; a product of a commodity's own code belongs to it."""
        home: dict[tuple[str, str], tuple[str, float]] = {("", code): (code, 1.0) for code in commodities}
        for code, values in commodities.items():
            for exchange, family, scaling in values.pop("links"):
                home[exchange, family] = (code, scaling)
        return home

    def _delta_period(self, row: dict[str, Any]) -> str:
        """The month whose delta an option moves: its underlying future's, else its own."""
        under = row["delta_period"]
        if row["type"] not in ("OOF", "OOC") or not under:
            return row["period"]
        exchange, family, contract = under
        found = self.months.get((exchange or row["exchange"], family, contract))
        if found is None:
            self.faults.add(int(row["line"]), "undC", under, f"its underlying contract {under} is not in the file")
            return row["period"]
        return found[0]
