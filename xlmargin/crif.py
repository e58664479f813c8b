"""CRIF rows read and checked: what ISDA's risk types ask of each column, a problem for every row that is wrong.

Amounts: PV per +1 bp (rates, credit), per +1 % (equity, commodity, FX); volatility rows are σ·dV/dσ for rates and
credit, dV per volatility point for equity, commodity and FX. No row can show that its unit is another.
Add-ons (Param_… rows and notionals of products) stand in the same table or in ``terms``.

Source: ISDA SIMM Methodology, Risk Data Standards 1.36 (2017-02-01); OpenSourceRisk/Engine crifloader.cpp for
headers and spellings that files use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from . import crif_words as spoken
from .crif_rows import NUMBERS, Sensitivities, Words, distinct, unread
from .crif_words import RISK_TYPES, SCHEDULE, SIMM, one_of
from .errors import Problem
from .parsing import read_number, read_time

TYPES = tuple(RISK_TYPES)
NETTING_SET = ("account", "agreement_type", "call_type", "initial_margin_type", "legal_entity_id")
MOST = 100
LARGEST = 1e18
Cleaner = Callable[[str], str]


def read(given: Mapping[str, Any], problems: list[Problem]) -> Sensitivities | None:
    """The rows of the tables ``crif`` and ``terms`` of ``given``; None where neither is there.

    What is wrong is appended to ``problems``, row by row, and such rows are left out.
    """
    tables = {name: given[name] for name in ("crif", "terms") if given.get(name) is not None}
    if not tables:
        return None
    reader = _Reader(unread(tables, problems), problems)
    for step in (reader.netting_sets, reader.types, reader.models, reader.columns, reader.dates, reader.amounts):
        step()
    reader.once()
    return _with_notionals(reader.rows.at(np.flatnonzero(~reader.bad)))


def _with_notionals(rows: Sensitivities) -> Sensitivities:
    """A notional row for each trade of the schedule that has none but whose PV tells the notional of the trade."""
    kind, told = rows.words["risk_type"], ~np.isnan(rows.notional)
    columns = [rows.words[c] for c in ("account", "im_model", "trade_id")]
    _, trade = distinct([c.code for c in columns], [len(c.words) for c in columns])
    stated = np.isin(trade, trade[kind.such("Notional")])
    telling = np.flatnonzero(kind.such("PV") & told & ~stated)
    _, first = np.unique(trade[telling], return_index=True)
    at = telling[first]
    if not len(at):
        return rows
    currency = rows.words["notional_trade_ccy"].texts[at]
    dollars = np.isin(currency, ("", "USD"))
    return rows.with_rows(
        at,
        risk_type=np.full(len(at), "Notional", object),
        amount_currency=currency,
        usd=np.where(dollars, rows.notional[at], np.nan),
        amount=rows.notional[at],
    )


class _Reader:
    """Rows while they are read: ``rows`` so far, which are ``bad``, which are still ``readable``."""

    def __init__(self, rows: Sensitivities, problems: list[Problem]) -> None:
        self.rows, self.problems = rows, problems
        self.bad = np.zeros(len(rows), bool)
        self.readable = np.ones(len(rows), bool)
        self.raw = dict(zip(NUMBERS, (rows.amount, rows.usd, rows.notional), strict=True))

    def refuse(self, where: np.ndarray, column: str, say: Callable[[int], str]) -> None:
        """A problem for each readable row where ``where`` (N,); the row is left out."""
        fresh = np.flatnonzero(where & self.readable)
        self.bad |= where
        for i in fresh[:MOST]:
            cells = self.raw[column] if column in self.raw else self.rows.words[column].texts
            self.problems.append(self.rows.problem(int(i), column, cells[i], say(int(i))))
        if len(fresh) > MOST:
            message = f"… and {len(fresh) - MOST} more rows like these"
            self.problems.append(replace(self.rows.problem(int(fresh[0]), column, None, message), row=0, account=""))

    def put(self, **columns: Words) -> None:
        """Replace columns of words."""
        self.rows = replace(self.rows, words={**self.rows.words, **columns})

    def clean(self, column: str, kind: np.ndarray, cleaners: Sequence[Cleaner]) -> None:
        """Each word as ``cleaners[kind]`` spells it; one that it refuses is a problem of every row that has it."""
        words = self.rows.words[column]
        first, place = distinct([kind, words.code], [len(cleaners), len(words.words)])
        cleaned, wrong = [], {}
        for n, i in enumerate(first):
            try:
                cleaned.append(cleaners[kind[i]](words.words[words.code[i]]))
            except ValueError as error:
                cleaned.append("")
                wrong[n] = str(error)
        if wrong:
            self.refuse(np.isin(place, list(wrong)), column, lambda i: wrong[int(place[i])])
        self.put(**{column: Words(place, tuple(cleaned)).merged()})

    def netting_sets(self) -> None:
        """The account is the portfolio, with whatever else tells its netting set apart."""
        parts = [self.rows.words[c] for c in NETTING_SET]
        first, place = distinct([p.code for p in parts], [len(p.words) for p in parts])
        texts = zip(*(p.at(first).texts for p in parts), strict=True)
        names = [" / ".join(filter(None, (row[0] or "main", *row[1:]))) for row in texts]
        self.put(account=Words(place, tuple(names)).merged())

    def types(self) -> None:
        """The risk type as ISDA spells it; without it no other column can be read."""
        self.clean("risk_type", self._same(), [lambda word: one_of(word, TYPES, "a risk type")])
        number = {name: t for t, name in enumerate(TYPES)}
        column = self.rows.words["risk_type"]
        self.type = np.array([number.get(w, 0) for w in column.words], np.int64)[column.code]
        self.readable = ~self.bad

    def _same(self) -> np.ndarray:
        return np.zeros(len(self.rows), np.int64)

    def models(self) -> None:
        """SIMM or Schedule; where nothing is said, a PV or a notional of a product class is for the schedule."""
        cleaners = [lambda word: one_of(word, spoken.IM_MODELS, "an IM model") if word else ""]
        self.clean("im_model", self._same(), cleaners)
        said, kind = self.rows.words["im_model"], self.rows.words["risk_type"]
        grid = kind.such("PV") | (kind.such("Notional") & ~self.rows.words["product_class"].such(""))
        self.schedule = said.such(SCHEDULE) | (said.such("") & grid)
        texts = np.where(self.schedule, SCHEDULE, np.where(said.such(""), SIMM, said.texts))
        self.put(im_model=Words.of(texts))
        wrong = self.schedule & ~kind.such("PV", "Notional")
        self.refuse(wrong, "im_model", lambda i: f"{kind.texts[i]} is not part of the schedule: PV and Notional are")
        wrong = kind.such("PV") & ~self.schedule
        self.refuse(wrong, "im_model", lambda i: "a PV belongs to the schedule: write Schedule")

    def columns(self) -> None:
        """Product class, qualifier, bucket and labels as each risk type asks for them; what it ignores is dropped."""
        types = [RISK_TYPES[t] for t in TYPES]
        n = len(types)
        kind = np.where(self.schedule, n, self.type)
        self.clean("product_class", kind, [*(_product(t.product) for t in types), _schedule_product])
        self.clean("qualifier", kind, [*(QUALIFIERS[t.qualifier] for t in types), _nothing])
        self.clean("bucket", kind, [*(_bucket if t.bucket else _nothing for t in types), _nothing])
        self.clean("label1", kind, [*(_tenor(t.label1) if t.label1 else _nothing for t in types), _nothing])
        self.clean("label2", kind, [*(LABELS2[t.label2] for t in types), _nothing])
        trades = [
            "trade_id",
            self.schedule.astype(np.int64),
            [_nothing, _needed("a trade: the schedule nets PV by it")],
        ]
        self.clean(*trades)
        for side in ("collect_regulations", "post_regulations"):
            self.clean(side, self._same(), [spoken.regulations])
        for column in ("amount_currency", "notional_trade_ccy"):
            self.clean(column, self._same(), [lambda word: spoken.currency(word) if word else ""])

    def dates(self) -> None:
        """End dates of schedule rows, and the newest valuation date."""
        end = self._moments("end_date", self.schedule)
        self.refuse(self.schedule & np.isnan(end), "end_date", lambda i: "empty; needed: the end date of the trade")
        valued = self._moments("valuation_date", np.ones(len(self.rows), bool))
        known = valued[~np.isnan(valued)]
        self.rows = replace(self.rows, end=end, valued=float(known.max()) if len(known) else None)

    def _moments(self, column: str, wanted: np.ndarray) -> np.ndarray:
        words = self.rows.words[column]
        moments, wrong = np.full(len(words.words), np.nan), {}
        for k, word in enumerate(words.words):
            try:
                moments[k] = read_time(word) if word else np.nan
            except ValueError as error:
                wrong[k] = str(error)
        self.refuse(wanted & np.isin(words.code, list(wrong)), column, lambda i: wrong[int(words.code[i])])
        return np.where(wanted, moments[words.code], np.nan)

    def amounts(self) -> None:
        """Amounts in US dollars where that column is filled, plain numbers for multipliers and factors."""
        amount, usd, notional = (self._numbers(name) for name in NUMBERS)
        money = np.array([RISK_TYPES[t].money for t in TYPES], bool)[self.type]
        plain = np.where(np.isnan(amount), usd, amount)
        self.rows = replace(self.rows, usd=np.where(money, usd, plain), amount=amount, notional=notional)
        self.refuse(np.isnan(plain), "amount_usd", lambda i: "empty, and no amount in another currency beside it")
        bare = money & np.isnan(usd) & self.rows.words["amount_currency"].such("")
        self.refuse(bare, "amount_currency", lambda i: "empty, and the amount in USD is not given")
        low = self.rows.words["risk_type"].such("Param_ProductClassMultiplier") & (plain < 1)
        self.refuse(low, "amount", lambda i: f"a product class multiplier is at least 1, is {plain[i]:g}")

    def _numbers(self, column: str) -> np.ndarray:
        import pandas as pd

        cells = self.raw[column]
        numbers, wrong = _plain_numbers(cells), {}
        unread = np.isnan(numbers) & ~pd.isna(cells)
        for i in np.flatnonzero(unread & (cells != "") if unread.any() else unread):
            try:
                numbers[i] = _amount(cells[i])
            except ValueError as error:
                wrong[int(i)] = str(error)
        for i in np.flatnonzero(np.abs(numbers) > LARGEST):
            wrong[int(i)] = f"no amount is as large as {numbers[i]:g}"
        unread = np.isin(np.arange(len(cells)), list(wrong))
        self.refuse(unread, column, lambda i: wrong[i])
        return np.where(unread, 1.0, numbers)

    def once(self) -> None:
        """A multiplier or factor may stand once for one netting set, product and list of regulations."""
        one = ("account", "risk_type", "qualifier", "collect_regulations", "post_regulations")
        columns = [self.rows.words[c] for c in one]
        _, place = distinct([c.code for c in columns], [len(c.words) for c in columns])
        factor = self.rows.words["risk_type"].such("Param_ProductClassMultiplier", "Param_AddOnNotionalFactor")
        candidates = np.flatnonzero(factor & ~self.bad)
        _, first = np.unique(place[candidates], return_index=True)
        again = np.zeros(len(self.rows), bool)
        again[np.delete(candidates, first)] = True
        self.refuse(again, "qualifier", lambda i: "stands twice for this netting set")


def _plain_numbers(cells: np.ndarray) -> np.ndarray:
    """Cells that are numbers or read as such at once; NaN for the others."""
    import pandas as pd

    if cells.dtype.kind == "f":
        return cells
    flags = np.fromiter((isinstance(c, bool | np.bool_) for c in cells), bool, len(cells))
    cells = np.where(flags, None, cells)
    try:
        return np.array(pd.to_numeric(pd.Series(cells, dtype=object), errors="coerce"), np.float64)
    except (OverflowError, TypeError):
        return np.full(len(cells), np.nan)


def _amount(cell: Any) -> float:
    if isinstance(cell, str) and cell.strip().endswith("%"):
        raise ValueError(f"not an amount: {cell!r} (write 5 for 5 %)")
    return read_number(cell) if str(cell).strip() else np.nan


def _nothing(word: str) -> str:
    return ""


def _needed(what: str) -> Cleaner:
    def clean(word: str) -> str:
        if not word:
            raise ValueError(f"empty; needed: {what}")
        return word

    return clean


def _product(rule: str) -> Cleaner:
    def clean(word: str) -> str:
        if rule == "needed":
            return one_of(word, spoken.PRODUCT_CLASSES, "a product class")
        if word:
            raise ValueError(f"{word!r} here; it must be empty for this risk type")
        return ""

    return clean


def _schedule_product(word: str) -> str:
    return one_of(word, spoken.SCHEDULE_CLASSES, "a product class of the schedule")


def _bucket(word: str) -> str:
    if not word:
        raise ValueError("empty; needed: a bucket number or Residual")
    return spoken.RESIDUAL if word.casefold() == "residual" else word


def _tenor(tenors: tuple[str, ...]) -> Cleaner:
    return lambda word: one_of(word, tenors, "a tenor of this risk type")


QUALIFIERS: dict[str, Cleaner] = {
    "": _nothing,
    "currency": spoken.currency,
    "pair": spoken.pair,
    "name": _needed("an issuer, index or commodity"),
    "product": _needed("a product"),
    "class": lambda word: one_of(word, spoken.PRODUCT_CLASSES, "a product class"),
}
LABELS2: dict[str, Cleaner] = {
    "": _nothing,
    "free": lambda word: word,
    "subcurve": lambda word: one_of(word, spoken.SUBCURVES, "a sub-curve"),
}
