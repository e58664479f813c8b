"""What a clearing house's risk parameter file says: contracts with their arrays, combined commodities, spreads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import InputError, Problem, nearest
from .faults import Faults, period_number

SCENARIOS = 16
KIND = {"FUT": "future", "CMB": "future", "PHY": "spot", "EQT": "spot"}
TEXTS = ("name", "exchange", "product", "type", "right", "period", "delta_period", "commodity", "currency")
NUMBERS = ("strike", "price", "size", "premium", "delta", "scaling", "iv", "expiry", "scan_range", "index", "line")
DAY = 86400.0


@dataclass(frozen=True, eq=False)
class SpanFile:
    """One file, read whole: ``contracts`` are columns (I,), ``arrays`` (I, 16) losses of one long contract in money.

    ``commodities`` hold the parameters of each combined commodity and ``spreads`` the inter-commodity spreads in
    their order, rates in money (risk exponent applied). ``remarks`` say what of the file is not used.
    """

    name: str
    sha256: str
    format: str
    organisation: str
    date: str
    qualifier: str
    created: str
    contracts: dict[str, np.ndarray]
    arrays: np.ndarray
    commodities: dict[str, dict[str, Any]]
    spreads: list[dict[str, Any]]
    conversions: dict[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.arrays)

    @property
    def revision(self) -> str:
        """File name, what it holds for, when it was made and the start of its SHA-256: the stamp of every result."""
        words = " ".join(filter(None, [self.organisation, self.date, self.qualifier]))
        return f"{self.name} ({words}, created {self.created}, sha256 {self.sha256[:12]})"

    @property
    def as_of(self) -> float:
        """The business date as epoch seconds UTC, at the time of creation where the file was made on that day."""
        at = self.created[8:12] if self.created[:8] == self.date else ""
        moment = dt.datetime.strptime(f"{self.date}{at or '0000'}", "%Y%m%d%H%M")
        return moment.replace(tzinfo=dt.UTC).timestamp()

    def instruments(self, only: Iterable[str] | None = None) -> dict[str, Any]:
        """The instruments table for ``xm.tables``: every contract, or those named in ``only``.

        Raises InputError with the nearest name for each that the file does not have.
        """
        rows = np.arange(len(self)) if only is None else self._found(list(dict.fromkeys(only)))
        at = {k: v[rows] for k, v in self.contracts.items()}
        option = np.array([k.startswith("O") for k in at["type"]], bool)
        table = {
            "instrument": at["name"],
            "kind": np.array([KIND.get(k, "option") for k in at["type"]], object),
            "underlying": np.where(at["commodity"] == "", at["product"], at["commodity"]),
            "scope": at["commodity"],
            "settle": at["currency"],
            "quote": at["currency"],
            "contract_size": at["size"],
            "expiry": at["expiry"],
            "strike": np.where(option, at["strike"], np.nan),
            "option_type": at["right"],
            "mark": np.where(at["price"] > 0, at["price"], np.nan),
            "iv": np.where(option & (at["iv"] > 0), at["iv"], np.nan),
            "index": np.where(at["index"] > 0, at["index"], np.nan),
            "settlement": at["price"],
            "delta": at["delta"],
            "delta_scaling": at["scaling"],
            "delta_period": np.array([period_number(p) for p in at["delta_period"]], np.float64),
            "period": at["period"],
            "premium": at["premium"],
            "product": at["product"],
            "product_type": at["type"],
            "span_file": np.full(len(rows), self.revision, object),
        }
        return table | {f"a{n + 1}": self.arrays[rows, n] for n in range(SCENARIOS)}

    def _found(self, names: list[str]) -> np.ndarray:
        number = {name: i for i, name in enumerate(self.contracts["name"])}
        missing = [n for n in names if n not in number]
        if missing:
            told = [f"not in {self.name}: {n!r}{nearest(n, number)}" for n in missing]
            raise InputError([Problem("positions", 0, "instrument", n, m) for n, m in zip(missing, told, strict=True)])
        return np.array([number[n] for n in names], np.int64)


def columns_of(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Contract records as typed columns (I,)."""
    out: dict[str, np.ndarray] = {}
    for key in TEXTS:
        out[key] = np.empty(len(rows), object)
        out[key][:] = [r[key] for r in rows]
    for key in NUMBERS:
        out[key] = np.array([r[key] for r in rows], np.float64)
    return out


def named(columns: dict[str, np.ndarray], faults: Faults) -> None:
    """Give every contract its name: product, type, period and for options right and strike.

    The exchange stands before it where two exchanges of the file share a product code and type.
    """
    homes: dict[tuple[str, str], set[str]] = {}
    for exchange, product, kind in zip(columns["exchange"], columns["product"], columns["type"], strict=True):
        homes.setdefault((product, kind), set()).add(exchange)
    names = [
        _name(columns, i, len(homes[columns["product"][i], columns["type"][i]]) > 1)
        for i in range(len(columns["name"]))
    ]
    seen: set[str] = set()
    for i, name in enumerate(names):
        if name in seen:
            faults.add(int(columns["line"][i]), "contract", name, f"{name} stands twice")
        seen.add(name)
    columns["name"][:] = names


def _name(c: dict[str, np.ndarray], i: int, ambiguous: bool) -> str:
    words = [c["exchange"][i]] if ambiguous else []
    words += [c["product"][i], c["type"][i], c["period"][i]]
    if c["right"][i]:
        if c["delta_period"][i][:6] != c["period"][i][:6]:
            words.append(f"on {c['delta_period'][i]}")
        words += [c["right"][i], f"{c['strike'][i]:.10g}"]
    return " ".join(filter(None, words))


def end_of(period: str) -> float:
    """The last second of a period (day or month) as epoch seconds UTC; NaN where there is none.

    >>> end_of("20260630") == end_of("202606")
    True
    """
    if not period or not int(period[:6]):
        return np.nan
    year, month, day = int(period[:4]), int(period[4:6]), period[6:8]
    if day.isdigit() and int(day):
        start = dt.datetime(year, month, 1, tzinfo=dt.UTC) + dt.timedelta(days=int(day))
    else:
        start = dt.datetime(year + month // 12, month % 12 + 1, 1, tzinfo=dt.UTC)
    return start.timestamp() - 1.0
