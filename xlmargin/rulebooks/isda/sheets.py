"""A book seen by SIMM: cases by regulation, sheets by product class, every measure on them, and their ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np

from ...book import Book
from ...crif_words import PRODUCT_CLASSES, currency
from ...ledger import Line
from ...registry import Ready
from .addons import AddOns, addons
from .cases import cases, chosen
from .labels import BASE, BUCKETED, CLASSES
from .measure import Held, Measured, measure

P, R = len(PRODUCT_CLASSES), len(CLASSES)
WEIGHTS = {"Delta": "delta_weight", "Vega": "vega_weight", "Curvature": "delta_weight", BASE: "base_weight"}
FORMULA = {
    "Delta": "√(ΣK² + ΣΣ γ S S), K² = ΣΣ ρ f WS WS, WS = weight × amount × concentration",
    "Vega": "as delta, on weight × ratio × σ × vega × concentration",
    "Curvature": "max(ΣCVR + λ√(ΣK² + ΣΣ γ² S S), 0), CVR = scaling × σ × vega",
    BASE: "√(ΣΣ ρ WS WS)",
}


class Sheets:
    """A book seen by SIMM: cases by regulation, a sheet per case and product class, and every measure on them."""

    def __init__(self, book: Book, ready: Ready) -> None:
        self.book, self.ready = book, ready
        self.cases = cases(book, ready.counts, ready.regimes, ready.options)
        self.measured = {key: measure(self.held, f, book.detail) for key, f in ready.factors.items()}
        self.by_class = np.zeros((len(self.cases) * P, R))
        for (c, _), m in self.measured.items():
            self.by_class[:, c] += m.value
        self.product, self.share = _across(self.by_class, ready.correlation)
        entries = (book.legs.instrument[self.cases.leg], self.cases.case, book.legs.quantity[self.cases.leg])
        self.terms: AddOns = addons(ready.terms, *entries, len(self.cases))
        self.best = self.cases.worst(self.total, len(book))

    @cached_property
    def entry(self) -> np.ndarray:
        """Entries of the cases that are risk sensitivities."""
        return np.flatnonzero(self.ready.product[self.book.legs.instrument[self.cases.leg]] >= 0)

    @cached_property
    def held(self) -> Held:
        """Amounts by sheet, with the sign of the side that is asked for."""
        book, leg, case = self.book, self.cases.leg[self.entry], self.cases.case[self.entry]
        instrument = book.legs.instrument[leg]
        sign = np.where(chosen(book, self.ready.options, "side") == "post", -1.0, 1.0)
        words = _currencies(book, self.ready)
        group, _ = self.ready.calibration.grouping("fx_volatility_groups", words)
        number = {word: i for i, word in enumerate(self.ready.labels.qualifier.words)}
        own = np.array([number.get(w, -2) for w in words], np.int64)
        row = np.repeat(self.cases.row, P)
        amount = book.legs.quantity[leg] * sign[book.legs.row[leg]]
        return Held(instrument, case * P + self.ready.product[instrument], amount, len(row), group[row], own[row])

    @cached_property
    def total(self) -> np.ndarray:
        """What each case asks for (N,): product classes with their multipliers, fixed and notional add-ons."""
        products = (self.product.reshape(-1, P) * self.terms.multiplier).sum(axis=1)
        money = np.bincount(self.cases.case, self.terms.fixed + self.terms.notional, len(self.cases))
        return products + money

    def under(self, regulation: str) -> np.ndarray:
        """What a regulation asks for by row (R,), nothing where no record names it."""
        mine = self.cases.names(np.arange(len(self.cases))) == regulation
        out = np.zeros(len(self.book))
        out[self.cases.row[mine]] = self.total[mine]
        return out

    def pick(self, values: np.ndarray, product: int) -> np.ndarray:
        """Values by sheet, at the case that binds and one product class (R,)."""
        return values[self.best * P + product]

    def simm(self) -> Line:
        """The model's own margin: product classes, risk classes, margin types, and with detail buckets."""
        present = np.zeros((P, R), bool)
        for (c, _), factors in self.ready.factors.items():
            present[np.maximum(self.ready.product, 0)[factors.of >= 0], c] = True
        lines = [self._product(p, np.flatnonzero(present[p])) for p in np.flatnonzero(present.any(axis=1))]
        formula = "sum of product classes"
        return Line.total("SIMM", *lines, formula=formula) if lines else Line("SIMM", np.zeros(len(self.book)))

    def _product(self, p: int, classes: np.ndarray) -> Line:
        lines = [self._risk_class(p, int(c)) for c in classes]
        formula = "√(ΣΣ ψ IM IM), shared out by Σψ IM / SIMM"
        cite = self.ready.params.cite("class_correlation")
        return Line.total(PRODUCT_CLASSES[p], *lines, formula=formula, cite=cite)

    def _risk_class(self, p: int, c: int) -> Line:
        kinds = [kind for own, kind in self.measured if own == c]
        line = Line.total(CLASSES[c].name, *(self._kind(p, c, kind) for kind in kinds))
        return replace(line, alone=self.pick(self.by_class[:, c], p))

    def _kind(self, p: int, c: int, kind: str) -> Line:
        measured = self.measured[c, kind]
        value = self.pick(measured.value * self.share[:, c], p)
        key = f"{CLASSES[c].prefix}_{WEIGHTS[kind]}"
        line = Line(
            kind,
            value,
            alone=self.pick(measured.value, p),
            cite=self.ready.calibration.cite(key),
            formula=FORMULA[kind],
        )
        return self._buckets(line, measured, p, c, kind) if self.book.detail else line

    def _buckets(self, line: Line, measured: Measured, p: int, c: int, kind: str) -> Line:
        """The same line with what each leg adds to it, bucket by bucket."""
        factors = self.ready.factors[c, kind]
        row = self.book.legs.row[self.cases.leg[self.entry]]
        mine = (self.held.sheet == self.best[row] * P + p) & (measured.bucket >= 0)
        if factors.buckets == ("",):
            return replace(line, amounts=self._legs(measured, c, mine))
        parts = []
        for b in np.unique(measured.bucket[mine]):
            amounts = self._legs(measured, c, mine & (measured.bucket == b))
            name = factors.buckets[b]
            name = f"Bucket {name}" if CLASSES[c].prefix in BUCKETED and name.isdigit() else name
            alone = self.pick(measured.roots[:, b], p)
            parts.append(Line(name, self.book.sum(amounts), amounts=amounts, alone=alone))
        return replace(line, parts=tuple(parts))

    def _legs(self, measured: Measured, c: int, mine: np.ndarray) -> np.ndarray:
        at = np.flatnonzero(mine)
        share = self.share[self.held.sheet[at], c]
        return np.bincount(self.cases.leg[self.entry[at]], measured.amounts[at] * share, len(self.book.legs))

    def addons(self, margin: Line) -> Iterator[Line]:
        """Lines of the add-ons that the market knows: fixed, notional, and a multiplier per product class."""
        terms = self.ready.terms
        for name, known, amounts in (
            ("Fixed add-on", terms.fixed, self.terms.fixed),
            ("Notional add-on", terms.factor, self.terms.notional),
        ):
            if known.any():
                due = np.where(self.cases.case == self.best[self.book.legs.row[self.cases.leg]], amounts, 0.0)
                yield Line.of(name, self.book, np.bincount(self.cases.leg, due, len(self.book.legs)))
        for line in margin.parts:
            p = PRODUCT_CLASSES.index(line.name)
            if (terms.multiplier & (terms.product_class == p)).any():
                whole = line if self.book.detail else replace(line, parts=())
                extra = self.terms.multiplier[self.best, p] - 1.0
                yield whole.scaled(f"Multiplier {line.name}", extra, self.book, formula="(multiplier − 1) × SIMM")


def _across(by_class: np.ndarray, correlation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """√(ΣΣ ψ IM IM) of each sheet (S,), and its derivative to each class (S, R)."""
    row = np.zeros_like(by_class)
    for c in range(R):
        row += by_class[:, c, None] * correlation[c]
    square = np.zeros(len(by_class))
    for c in range(R):
        square += by_class[:, c] * row[:, c]
    norm = np.sqrt(np.maximum(square, 0.0))
    share = np.divide(row, norm[:, None], out=np.zeros_like(row), where=norm[:, None] > 0)
    return norm, share


def _currencies(book: Book, ready: Ready) -> list[str]:
    """Calculation currency of each row."""
    words = chosen(book, ready.options, "calculation_currency")
    read = {word: currency(word) for word in set(words)}
    return [read[word] for word in words]
