"""Contracts of an XML file: product families, series and contracts become columns and arrays."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from .elements import CONTRACTS, Marks, kids, text
from .faults import LARGEST, Faults, shown
from .model import SCENARIOS, columns_of, end_of, named

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
PHYSICAL = ("PHY", "EQT")


class Contracts:
    """Gathers contracts; what only the whole file can tell (underlyings, combined commodities) is filled in last."""

    def __init__(self, faults: Faults, marks: Marks) -> None:
        self.faults, self.marks = faults, marks
        self.rows: list[dict[str, Any]] = []
        self.arrays = array("d")
        self.families: dict[tuple[str, str], dict[str, Any]] = {}
        self.physical: dict[tuple[str, str], float] = {}
        self.months: dict[tuple[str, str, str], str] = {}
        self.read: Counter[str] = Counter()
        self.remarks: list[str] = []
        self._start_exchange()

    def _start_exchange(self) -> None:
        self.since = len(self.rows)
        self.open: list[tuple[dict, Any, Any]] = []

    def family(self, element: Element, counts: Counter[str]) -> None:
        """Read a finished product family; ``counts`` are the contracts of each kind that have ended so far."""
        held = list(_contracts(element))
        for tag, number in Counter(node.tag for node, _ in held).items():
            outside = counts[tag] - self.read[tag] - number
            if outside:
                self._outside(tag, self.read[tag] + 1)
            self.read[tag] = counts[tag] - number
        place = text(element, "pfId")
        under = element.find("undPf")
        own = {"product": text(element, "pfCode"), "under": None}
        if under is not None:
            own["under"] = (text(under, "exch"), text(under, "pfId"))
        self.open.append((self.families, (place,), own))
        common: dict[str, Any] = {}
        of: Element | None = None
        for node, series in held:
            self.read[node.tag] += 1
            self.faults.line = self.marks.of(node.tag, self.read[node.tag])
            if series is not of:
                common, of = self._common(node.tag, series, family=element), series
            self._contract(node, common, place)

    def _outside(self, tag: str, number: int) -> None:
        self.faults.line = self.marks.of(tag, number)
        self.faults.here(tag, None, f"a {tag} outside its product family (wrong order?)")

    def exchange(self, name: str) -> None:
        """Give what has been read since the last exchange the name of the one that ends here."""
        for row in self.rows[self.since :]:
            row["exchange"] = name
            row["commodity"] = (name, row["commodity"])
        for target, key, value in self.open:
            if target is self.families and value["under"]:
                value["under"] = (value["under"][0] or name, value["under"][1])
            target[(name, *key)] = value
        self._start_exchange()

    def _common(self, tag: str, series: Element, family: Element) -> dict[str, Any]:
        """What the contracts of a series (or a contract by itself) take from it and from their product family."""
        for field, given in (("pfCode", text(family, "pfCode")), ("pe", text(series, "pe"))):
            if not given:
                self.faults.here(f"{tag} {field}", "", f"{field} of its product or series is missing")
                return {}
        period = self.faults.read_period(f"{tag} pe", text(series, "pe"))
        under = series.find("undC")
        return {
            "name": "",
            "exchange": "",
            "product": text(family, "pfCode"),
            "type": FAMILIES[family.tag],
            "right": "",
            "period": period,
            "delta_period": None if under is None else tuple(text(under, f) for f in ("exch", "pfId", "cId")),
            "commodity": text(family, "pfId"),
            "currency": text(family, "currency"),
            "strike": math.nan,
            "size": self._size(tag, text(series, "cvf") or text(family, "cvf")),
            "premium": 0.0 if text(family, "valueMeth").startswith("FUT") else 1.0,
            "scaling": self._scaling(series.tag, text(series, "sc")),
            "expiry": self._expiry(tag, text(series, "setlDate"), period),
            "scan_range": self._scan_range(series),
            "index": math.nan,
        }

    def _contract(self, node: Element, common: dict[str, Any], place: str) -> None:
        """Read a contract; one that cannot be margined (a physical without array) gives its price alone."""
        if not common:
            return
        tag, own = node.tag, {child.tag: child.text or "" for child in node}
        price = self._number(tag, own, "p", 0.0 if tag == "opt" else math.nan)
        if common["type"] in PHYSICAL:
            self.open.append((self.physical, (place,), price))
        if tag != "opt":
            self.open.append((self.months, (place, own.get("cId", "").strip()), common["period"]))
        risk = node.find("ra")
        if risk is None:
            if common["type"] not in PHYSICAL:
                self.faults.here(f"{tag} ra", "", "a contract without risk array")
        elif self._array(tag, risk):
            self.rows.append(self._row(tag, own, risk, common, price))

    def _row(
        self, tag: str, own: dict[str, str], risk: Element, common: dict[str, Any], price: float
    ) -> dict[str, Any]:
        row = common | {
            "price": price,
            "delta": self._number("ra", {"d": text(risk, "d")}, "d", math.nan, -100.0, 100.0),
            "iv": self._number(tag, own, "v", 0.0, 0.0, 1e4),
            "line": float(self.faults.line),
        }
        if tag == "opt":
            row |= {"right": self._right(own.get("o", "")), "strike": self._number(tag, own, "k", math.nan)}
            if own.get("cvf"):
                row["size"] = self._size(tag, own["cvf"])
            if own.get("sc"):
                row["scaling"] = self._scaling(tag, own["sc"])
            if own.get("setlDate"):
                row["expiry"] = self._expiry(tag, own["setlDate"].strip(), row["period"])
        return row

    def _number(
        self,
        tag: str,
        own: dict[str, str],
        field: str,
        default: float,
        low: float = -LARGEST,
        high: float = LARGEST,
    ) -> float:
        given = own.get(field, "").strip()
        if given == "":
            if math.isnan(default):
                self.faults.here(f"{tag} {field}", "", f"{field} is missing")
            return default
        return self.faults.read(f"{tag} {field}", given, low, high)

    def _array(self, tag: str, risk: Element) -> bool:
        texts = [a.text or "" for a in risk.iterfind("a")]
        if len(texts) != SCENARIOS:
            self.faults.here(f"{tag} ra a", None, f"{len(texts)} array values; {SCENARIOS} are needed")
            return False
        try:
            values = [float(t) for t in texts]
        except ValueError:
            values = [math.nan]
        if not -LARGEST <= min(values) <= max(values) <= LARGEST or math.isnan(sum(values)) or "_" in "".join(texts):
            for n, given in enumerate(texts):
                self.faults.read(f"{tag} ra a (scenario {n + 1})", given)
            return False
        self.arrays.extend(values)
        return True

    def _right(self, given: str) -> str:
        right = given.strip().upper()[:1]
        if right not in ("C", "P") or not right:
            self.faults.here("opt o", given, f"C or P is needed, not {shown(given)}")
        return right

    def _size(self, tag: str, given: str) -> float:
        if not given:
            return math.nan
        return self.faults.read(f"{tag} cvf", given.strip(), 1e-12)

    def _scaling(self, tag: str, given: str) -> float:
        """Delta scaling as stated here; NaN asks for that of the product's link (``sc`` may stand on either)."""
        given = given.strip()
        return self.faults.read(f"{tag} sc", given, 1e-9) if given.replace(".", "", 1).isdigit() else math.nan

    def _expiry(self, tag: str, date: str, period: str) -> float:
        if len(date) == 8 and date.strip("0"):
            date = self.faults.read_period(f"{tag} setlDate", date)
        else:
            date = period
        try:
            return end_of(date)
        except ValueError:
            self.faults.here(f"{tag} setlDate", date, f"no such date: {date}")
            return math.nan

    def _scan_range(self, series: Element) -> float:
        for kid in kids(series, "scanRate"):
            if text(kid, "priceScan"):
                return self.faults.read("scanRate priceScan", text(kid, "priceScan"), 0.0)
        return math.nan

    def finished(
        self, commodities: dict[str, dict[str, Any]], counts: Counter[str]
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Columns (I,) and arrays (I, 16) in money."""
        for tag in CONTRACTS:
            if counts[tag] > self.read[tag]:
                self._outside(tag, self.read[tag] + 1)
        if self.open:
            self.faults.here("exchange exch", None, "products stand outside an exchange")
            self.exchange("")
        if not self.rows:
            self.faults.here("ra", None, "no contract with a risk array in the file")
        for row in self.rows:
            if math.isnan(row["size"]) and not self.faults.problems:
                self.faults.add(int(row["line"]), "cvf", "", "no contract value factor here or above")
        self._fill(commodities)
        columns = columns_of(self.rows)
        named(columns, self.faults)
        arrays = np.array(self.arrays, np.float64).reshape(-1, SCENARIOS)
        exponent = {code: 10.0 ** c["exponent"] for code, c in commodities.items()}
        scale = np.array([exponent.get(code, 1.0) for code in columns["commodity"]], np.float64)
        return columns, arrays * scale[:, None] if len(arrays) == len(scale) else arrays

    def _fill(self, commodities: dict[str, dict[str, Any]]) -> None:
        """Combined commodity, currency, scaling, delta month and underlying price of every contract."""
        home = _homes(commodities)
        spot = {self.families[at]["product"]: price for at, price in self.physical.items() if at in self.families}
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

    def _delta_period(self, row: dict[str, Any]) -> str:
        """The month whose delta an option moves: its underlying future's, else its own."""
        under = row["delta_period"]
        if row["type"] not in ("OOF", "OOC") or not under:
            return row["period"]
        exchange, family, contract = under
        found = self.months.get((exchange or row["exchange"], family, contract))
        if found is None:
            message = f"its underlying contract {under} is not in the file"
            self.faults.add(int(row["line"]), "undC", under, message)
            return row["period"]
        return found


def _contracts(family: Element) -> Iterator[tuple[Element, Element]]:
    """Contracts of a family, each with the series (or itself) that says when it ends."""
    for child in family:
        if child.tag == "series":
            yield from ((option, child) for option in child.iterfind("opt"))
        elif child.tag in CONTRACTS and child.tag != "opt":
            yield child, child


def _homes(commodities: dict[str, dict[str, Any]]) -> dict[tuple[str, str], tuple[str, float]]:
    """Combined commodity and link scaling of each family; a product of a commodity's own code belongs to it."""
    home: dict[tuple[str, str], tuple[str, float]] = {("", code): (code, 1.0) for code in commodities}
    for code, values in commodities.items():
        for exchange, family, scaling in values.pop("links"):
            home[exchange, family] = (code, scaling)
    return home
