"""Records of a .pa2 file other than the arrays: combined commodities, spreads, prices and scan ranges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .faults import Faults, period_number

OF_COMMODITY = ("3", "4", "C", "E", "S")
ACCOUNTS = ("member", "hedger", "speculator")
KEPT = ("5", "V", "X", "Y", "Z", "91", "92")
METHODS = ("01", "02", "03", "04", "10", "20")


class Commodities:
    """Gathers what the file says of combined commodities (2, 3, 4, C, E, S), spreads (6), prices (P) and series (B)."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.values: dict[str, dict[str, Any]] = {}
        self.exchange = ""
        self.keys: dict[tuple[str, str], str] = {}
        self.moved: dict[tuple[str, str], tuple[str, str]] = {}
        self.home: dict[tuple[str, str, str], tuple[str, float]] = {}
        self.prices: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.series: dict[tuple[str, ...], dict[str, Any]] = {}
        self.conversions: dict[str, float] = {}
        self.kept: dict[str, list[dict[str, Any]]] = {k: [] for k in KEPT}
        self.remarks: list[str] = []
        self._spreads: list[dict[str, Any]] = []

    def add(self, kind: str, r: dict[str, Any], line: int) -> None:
        """Take in one record."""
        if kind in OF_COMMODITY:
            code = r.get("combined_commodity", "")
            key = self.keys.get((self.exchange, code))
            if key is None:
                message = f"combined commodity {code!r} has no record 2 before this line (wrong order?)"
                self.faults.add(line, f"{kind} combined_commodity", code, message)
                return
            getattr(self, f"_record_{kind}")(self.values[key], r, line)
        elif kind in ("1", "2", "6", "B", "P", "R", "T"):
            getattr(self, f"_record_{kind}")(r, line)
        elif kind in KEPT:
            self.kept[kind].append(r)

    def home_of(self, exchange: str, product: str, kind: str) -> tuple[str, float]:
        """Combined commodity of a product (empty where it has none) and what its array values are multiplied by."""
        exchange, product = self.moved.get((exchange, product), (exchange, product))
        return self.home.get((exchange, product, kind), ("", 1.0))

    def _record_1(self, r: dict[str, Any], line: int) -> None:
        self.exchange = r.get("exchange", "")

    def _record_R(self, r: dict[str, Any], line: int) -> None:
        target = (r.get("alt_exchange", ""), r.get("alt_product", ""))
        self.moved[r.get("exchange", ""), r.get("product_code", "")] = target

    def _record_T(self, r: dict[str, Any], line: int) -> None:
        self.conversions[f"{r.get('from_iso', '')}/{r.get('to_iso', '')}"] = r.get("rate", np.nan)

    def _record_2(self, r: dict[str, Any], line: int) -> None:
        code, exchange = r.get("combined_commodity", ""), r.get("exchange", "")
        if not code:
            self.faults.add(line, "2 combined_commodity", "", "no combined commodity code")
        fresh = {
            "exchange": exchange,
            "currency": r.get("pb_currency_iso", ""),
            "exponent": float(r.get("risk_exponent", 0)),
            "style": r.get("option_margin_style", "P"),
            "cap_option_value": r.get("limit_option_value", "N"),
            "combination": r.get("combination_method", ""),
            "wfpr_method": 1,
            "som_method": "gross",
            "som_rate": 0.0,
            "intra_method": "01",
            "spot_method": "01",
            **{k: [] for k in ("som_tiers", "scan_tiers", "inter_tiers", "intra_tiers", "intra_spreads", "spot")},
        }
        self.exchange = exchange
        key = self.keys.setdefault((exchange, code), f"{exchange}:{code}" if code in self.values else code)
        self.values.setdefault(key, fresh)
        for n in range(1, 7):
            if r.get(f"p{n}_code"):
                sign = -1 if r.get(f"p{n}_array_dec_sign") == "-" else 1
                decimals = sign * r.get(f"p{n}_array_dec", 0)
                self.home[exchange, r[f"p{n}_code"], r.get(f"p{n}_type", "")] = (key, 10.0**-decimals)

    def _record_3(self, own: dict[str, Any], r: dict[str, Any], line: int) -> None:
        own["intra_method"] = r.get("intra_method", "01")
        own["intra_tiers"] += self._tiers(r, line, 4, "tier{}_start_day", "tier{}_end_day")
        ratios = {a: r.get(f"init_ratio_{a}", 0.0) for a in ACCOUNTS}
        if all(ratios.values()):
            own["initial_ratio"] = ratios

    def _record_4(self, own: dict[str, Any], r: dict[str, Any], line: int) -> None:
        own["spot_method"] = r.get("spot_method", "01")
        own["som_rate"] = float(r.get("som_rate", 0))
        own["som_method"] = "max" if r.get("som_method") == "1" else "gross"
        factors = {a: r.get(f"adj_{a}", 0.0) for a in ACCOUNTS}
        if all(factors.values()):
            own["adjustment"] = factors
        for n in (1, 2):
            if own["spot_method"] == "10" and r.get(f"spot{n}_month"):
                period = self.faults.period(line, f"4 spot{n}_month", f"{r[f'spot{n}_month']:06d}")
                rates = [float(r.get(f"spot{n}_rate_{k}", 0)) for k in ("spread", "outright")]
                own["spot"].append([period, *rates])

    def _record_C(self, own: dict[str, Any], r: dict[str, Any], line: int) -> None:
        legs = [
            ["tier", r.get(f"leg{n}_tier", 0), self._ratio(r, n, "C", line), self._side(r, n, "C", line)]
            for n in range(1, 9)
            if r.get(f"leg{n}_side")
        ]
        self._calendar(own, r, legs, line, "C", series=False)

    def _record_E(self, own: dict[str, Any], r: dict[str, Any], line: int) -> None:
        legs = []
        for n in range(1, 5):
            if r.get(f"leg{n}_side"):
                text = f"20{r.get(f'leg{n}_month', 0):04d}{r.get(f'leg{n}_day', '')}"
                period = self.faults.period(line, f"E leg{n}_month", text)
                legs.append(["period", period, self._ratio(r, n, "E", line), self._side(r, n, "E", line)])
        self._calendar(own, r, legs, line, "E", series=True)

    def _calendar(self, own: dict, r: dict, legs: list, line: int, kind: str, series: bool) -> None:
        if len(legs) < 2 or len(legs) != r.get("n_legs", len(legs)):
            message = f"{len(legs)} legs stand here, {r.get('n_legs', 'two or more')} are announced"
            self.faults.add(line, f"{kind} n_legs", len(legs), message)
        spread = {
            "priority": float(r.get("priority", 0)),
            "rate": float(r.get("charge_rate", 0)),
            "charge": "F",
            "legs": legs,
            "series": series,
        }
        own["intra_spreads"].append(spread)

    def _record_S(self, own: dict[str, Any], r: dict[str, Any], line: int) -> None:
        method = r.get("method", "01")
        own["wfpr_method"] = int(r.get("wfpr_method") or own["wfpr_method"])
        if own["wfpr_method"] not in (1, 2, 3):
            self.faults.add(line, "S wfpr_method", own["wfpr_method"], "1, 2 or 3 is needed")
        tiers = self._tiers(r, line, 5, "tier{}_sd", "tier{}_ed")
        if method == "30":
            own["som_tiers"] += [[*t[1:], float(r.get(f"tier{n + 1}_som_rate", 0))] for n, t in enumerate(tiers)]
        if method in ("10", "21", "22"):
            own["scan_tiers"] += tiers
        if method in ("20", "21", "23"):
            own["inter_tiers"] += tiers
        if method == "02":
            own["each_month"] = 1.0
        if method not in ("01", "02", "10", "20", "21", "22", "23", "30"):
            self.faults.add(line, "S method", method, f"scanning method {method!r} is not known")

    def _tiers(self, r: dict[str, Any], line: int, most: int, start_day: str, end_day: str) -> list[list[Any]]:
        tiers = []
        for n in range(1, most + 1):
            if not r.get(f"tier{n}_start"):
                continue
            bounds = []
            for end, day in (("start", start_day), ("end", end_day)):
                text = f"{r.get(f'tier{n}_{end}', 0):06d}{r.get(day.format(n), '')}"
                bounds.append(self.faults.period(line, f"tier{n}_{end}", text))
            if all(bounds) and period_number(bounds[0]) > period_number(bounds[1], end=True):
                self.faults.add(line, f"tier{n}_end", bounds[1], f"tier {n} ends before it starts ({bounds[0]})")
            tiers.append([r.get(f"tier{n}_no", n), *bounds])
        return tiers

    def _ratio(self, r: dict[str, Any], n: int, kind: str, line: int) -> float:
        ratio = float(r.get(f"leg{n}_ratio", 0))
        if ratio <= 0:
            self.faults.add(line, f"{kind} leg{n}_ratio", ratio, "a leg's ratio must be above zero")
        return ratio

    def _side(self, r: dict[str, Any], n: int, kind: str, line: int) -> str:
        side = r.get(f"leg{n}_side", "")
        if side not in ("A", "B"):
            self.faults.add(line, f"{kind} leg{n}_side", side, f"side A or B is needed, not {side!r}")
        return side

    def _record_P(self, r: dict[str, Any], line: int) -> None:
        self.prices[r.get("exchange", ""), r.get("product_code", ""), r.get("product_type", "")] = r

    def _record_B(self, r: dict[str, Any], line: int) -> None:
        months = (_month(r, "futures_month", "futures_day"), _month(r, "option_month", "option_day"))
        self.series[r.get("exchange", ""), r.get("product_code", ""), r.get("product_type", ""), *months] = r

    def _record_6(self, r: dict[str, Any], line: int) -> None:
        method = r.get("method", "01")
        if method not in METHODS:
            self.faults.add(line, "6 method", method, f"spread method {method!r} is not one of {', '.join(METHODS)}")
        flat = r.get("credit_calc") == "F"
        legs = list(self._legs(r, line))
        if len(legs) + bool(r.get("target_cc")) < 2:
            self.faults.add(line, "6 leg2_cc", len(legs), "a spread needs two legs or more")
        self._spreads.append(
            {
                "priority": float(r.get("priority", 0)),
                "method": method,
                "rate": r.get("credit_rate", 0.0) * (100.0 if flat else 1.0),
                "flat": flat,
                "super": r.get("spread_group_flag") == "S",
                "separate": r.get("separate_credit_flag", "N") == "Y",
                "legs": legs,
                "target": self.keys.get((r.get("target_exch", ""), r.get("target_cc", "")), r.get("target_cc", "")),
                "target_ratio": r.get("target_ratio") or 1.0,
                "least": float(r.get("min_legs") or 1),
                "line": line,
            }
        )

    def _legs(self, r: dict[str, Any], line: int) -> Iterator[list[Any]]:
        for n in range(1, 5):
            if code := r.get(f"leg{n}_cc"):
                side = self._side(r, n, "6", line)
                required = float(r.get(f"leg{n}_required", "N") == "Y")
                own = [r.get(f"tier{n}", 0), required, r.get(f"leg{n}_credit", 0.0)]
                key = self.keys.get((r.get(f"leg{n}_exch", ""), code), code)
                yield [key, self._ratio(r, n, "6", line), side, *own]

    def spreads(self) -> list[dict[str, Any]]:
        """Inter-commodity spreads in the order of their priority."""
        return sorted(self._spreads, key=lambda s: s["priority"])

    def finished(self, columns: dict[str, np.ndarray]) -> dict[str, dict[str, Any]]:
        """Every combined commodity with its rates in money, series spreads before tier spreads, both by priority."""
        for own in self.values.values():
            money = 10.0 ** own["exponent"]
            own["som_rate"] *= money
            for row in own["som_tiers"]:
                row[-1] *= money
            for row in own["spot"]:
                row[1:] = [v * money for v in row[1:]]
            for spread in own["intra_spreads"]:
                spread["rate"] *= money
            own["intra_spreads"].sort(key=lambda s: (not s["series"], s["priority"]))
        return self.values


def _month(r: dict[str, Any], month: str, day: str) -> str:
    """A period from its month and day or week code; empty where there is none.

    >>> _month({"futures_month": 202507, "futures_day": "00"}, "futures_month", "futures_day")
    '202507'
    """
    number = r.get(month, 0)
    code = str(r.get(day, "")).strip("0") and str(r.get(day, ""))
    return f"{number:06d}{code}" if number else ""
