"""SPAN cases as one book on one market: every case is an account and a combined commodity named after itself."""

from typing import Any

import numpy as np

import xlmargin as xm
from xlmargin.spanfiles.model import SCENARIOS, SpanFile

AS_OF = "2026-06-25"
PLAIN = {"currency": "USD", "intra_method": "10"}


class Cases:
    """Gathers contracts and parameters of many cases and runs them at once."""

    def __init__(self, model: str = "span.cme", **common: Any) -> None:
        self.model, self.common = model, {"money_decimals": 16, "wfpr_decimals": 16} | common
        self.instruments: list[dict[str, Any]] = []
        self.positions: list[dict[str, Any]] = []
        self.accounts: dict[str, dict[str, Any]] = {}
        self.by: dict[str, dict[str, Any]] = {}

    def add(
        self, case: str, array: Any, quantity: float, *, commodity: str = "", month: str = "202612", **more: Any
    ) -> None:
        """A contract with its array, held by account ``case``."""
        scope = f"{case} {commodity}".strip()
        name = f"{scope} #{len(self.instruments)}"
        facts = {"kind": "future", "delta": 1.0, "mark": 100.0, "expiry": "2026-12-18", "delta_period": month} | more
        arrays = {f"a{n + 1}": float(array[n]) for n in range(SCENARIOS)}
        currency = {"settle": "USD", "quote": "USD", "underlying": scope}
        self.instruments.append({"instrument": name, **facts, **currency, **arrays})
        self.positions.append({"instrument": name, "quantity": quantity, "account": case})
        self.accounts.setdefault(case, {"account": case, "account_type": "member"})
        self.by.setdefault(scope, dict(PLAIN))

    def commodity(self, case: str, commodity: str = "", **values: Any) -> None:
        """Parameters of a case's combined commodity."""
        self.by.setdefault(f"{case} {commodity}".strip(), dict(PLAIN)).update(values)

    def margin(self, **more: Any) -> xm.Margin:
        """All cases in one call."""
        tables = {"instruments": self.instruments, "positions": self.positions, "accounts": [*self.accounts.values()]}
        book, market = xm.tables(**{k: columns(v) for k, v in tables.items()}, as_of=AS_OF)
        params = xm.model(self.model).params(market.as_of).override("case", by=self.by, **self.common)
        return xm.margin(book, market, self.model, params=params, **more)


def columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def line(margin: xm.Margin, name: str, case: str, heading: str = "maintenance") -> float:
    """The value of a line of one account."""
    found = [part for part in getattr(margin, heading).parts if part.name == name]
    assert len(found) == 1, (name, [p.name for p in getattr(margin, heading).parts])
    return float(found[0].value[row(margin, case)])


def row(margin: xm.Margin, case: str) -> int:
    """The only row of an account."""
    (found,) = np.flatnonzero(margin.account == case)
    return int(found)


def flat_array(scan: float) -> np.ndarray:
    """The array of a future that loses ``scan`` at the whole price scan range, no extreme moves beyond."""
    thirds = np.array([0, 0, 1, 1, -1, -1, 2, 2, -2, -2, 3, 3, -3, -3, 0, 0]) / 3
    return -thirds * scan


def over_file(file: SpanFile, model: str, positions: list[dict[str, Any]], **more: Any) -> xm.Margin:
    """Positions margined over a risk parameter file."""
    params = xm.model(model).params(file.as_of)
    book, market = xm.tables(
        columns(positions),
        instruments=file.instruments([p["instrument"] for p in positions]),
        as_of=file.as_of,
        source=file.revision,
    )
    return xm.margin(book, market, model, params=xm.model(model).load(file, params), **more)
