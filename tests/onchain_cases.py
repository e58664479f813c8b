"""Cases of on-chain venues stacked in one book: every case is an account and a scope named after itself."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import xlmargin as xm

AS_OF = "2026-11-01"
OWN = Path(__file__).parent / "golden"


class Stack:
    """Tables filled row by row, and the parameters that each case brings."""

    def __init__(self) -> None:
        names = ("accounts", "positions", "orders", "balances", "instruments", "assets")
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        self.by: dict[str, dict[str, Any]] = {}

    def add(self, table: str, **row: Any) -> None:
        self.rows[table].append(row)

    def scope(self, name: str, **values: Any) -> None:
        self.by.setdefault(name, {}).update(values)

    def tables(self, as_of: Any = AS_OF) -> tuple[xm.Book, xm.Market]:
        return xm.tables(**{k: columns(v) for k, v in self.rows.items() if v}, as_of=as_of)

    def margin(self, model: str, as_of: Any = AS_OF, options: Any = None, **common: Any) -> xm.Margin:
        """The model over all cases with their own parameters in place of the rulebook's."""
        book, market = self.tables(as_of)
        params = xm.model(model).params(market.as_of).override("golden case", by=self.by, **common)
        return xm.margin(book, market, model, params=params, options=options)


def columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def row_of(margin: xm.Margin) -> dict[str, int]:
    """Row number by account (the first pool of each)."""
    return {name: r for r, name in reversed(list(enumerate(margin.account)))}


def own_cases(model: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The project's own cases of a model: file name and content."""
    for path in sorted((OWN / model).glob("*.toml")):
        yield path.stem, tomllib.loads(path.read_text(encoding="utf-8"))


def run_own(model: str, case: dict[str, Any]) -> xm.Margin:
    """One own case: its tables, options and parameters under the model."""
    book, market = xm.tables(
        **{name: columns(rows) for name, rows in case["tables"].items()},
        as_of=case["as_of"],
        venue=case.get("venue", ""),
    )
    given = case.get("params", {})
    params = xm.model(model).params(market.as_of)
    if given:
        params = params.override(case["source"], by=given.get("by", {}), **given.get("set", {}))
    return xm.margin(book, market, model, params=params, options=case.get("options"))


def own_errors(model: str) -> dict[tuple[str, str], float]:
    """Relative error of each expected figure of each own case, by case with account, and figure."""
    from tests.evidence import relative

    errors = {}
    for name, case in own_cases(model):
        margin = run_own(model, case)
        assert case["source"], f"{model}/{name} has no source"
        for account, figures in case["expected"].items():
            lines = margin.detail(account).lines()
            for figure, value in figures.items():
                found = margin.ratio[row_of(margin)[account]] if figure == "ratio" else lines[figure].value[0]
                errors[f"{name} {account}", figure] = relative(found, value)
    return errors


def readds(margin: xm.Margin, accounts: Iterable[str]) -> None:
    """Every line of every account is the sum of its parts."""
    for account in accounts:
        detail = margin.detail(account)
        for line in detail.lines().values():
            assert line.gap(detail.run.book) < 1e-9, (account, line.name)
