"""Reg T cases as accounts of one book: options on an underlying of their own, shares beside them."""

from typing import Any

import numpy as np

import xlmargin as xm
from tests.span_cases import columns

AS_OF = 1_790_000_000
DAY = 86400
TERMS = {"near": 30, "far": 90}


class Cases:
    """Gathers positions of many cases and margins them at once."""

    def __init__(self) -> None:
        self.instruments: list[dict[str, Any]] = []
        self.positions: list[dict[str, Any]] = []

    def option(
        self,
        case: str,
        right: str,
        quantity: float,
        strike: float,
        price: float,
        spot: float,
        days: int = 30,
        **more: Any,
    ) -> None:
        """An option of ``case``; a price of nil is taken as a hundred-millionth, for a mark must be above zero."""
        row = {"kind": "option", "option_type": right.upper(), "strike": strike, "mark": max(price, 1e-8)}
        row |= {"contract_size": 100, "index": spot, "expiry": AS_OF + days * DAY + 3600}
        self._add(case, quantity, row | more)

    def shares(self, case: str, quantity: float, price: float, **more: Any) -> None:
        """Shares of ``case``."""
        self._add(case, quantity, {"kind": "spot", "mark": price} | more)

    def _add(self, case: str, quantity: float, row: dict[str, Any]) -> None:
        name = f"{case} #{len(self.instruments)}"
        common = {"underlying": case, "settle": "USD", "quote": "USD"}
        self.instruments.append({"instrument": name, **common, **row})
        self.positions.append({"instrument": name, "quantity": quantity, "account": case})

    def margin(self, overlay: dict[str, Any] | None = None, **how: Any) -> xm.Margin:
        """All cases in one call, parameters replaced by ``overlay``."""
        book, market = xm.tables(columns(self.positions), instruments=columns(self.instruments), as_of=AS_OF)
        params = xm.model("regt.strategy").params(market.as_of).override("case", **(overlay or {}))
        return xm.margin(book, market, "regt.strategy", params=params, **how)


def line(margin: xm.Margin, name: str, case: str, heading: str = "initial") -> float:
    """The value of a line of one account."""
    (found,) = [part for part in getattr(margin, heading).parts if part.name == name]
    return float(found.value[np.flatnonzero(margin.account == case)[0]])


def strategies(margin: xm.Margin, case: str, heading: str = "initial") -> dict[str, float]:
    """The groups formed and what each asks."""
    top = getattr(margin.detail(case), heading).parts[0]
    return {group.name: float(group.value[0]) for underlying in top.parts for group in underlying.parts}
