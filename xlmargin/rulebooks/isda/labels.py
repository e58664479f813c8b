"""Risk classes, what instruments say of themselves, and the factors that they feed, numbered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...crif_words import RESIDUAL
from ...market import Market

DELTA, VEGA, CURVATURE, BASE = "Delta", "Vega", "Curvature", "Base correlation"
INFLATION, BASIS = "inflation", "basis"
SPECIAL = {"Risk_Inflation": INFLATION, "Risk_InflationVol": INFLATION, "Risk_XCcyBasis": BASIS}


@dataclass(frozen=True)
class RiskClass:
    """A risk class: its parameters' prefix, its name, and the CRIF risk types of each margin type."""

    prefix: str
    name: str
    delta: tuple[str, ...]
    volatility: tuple[str, ...]
    base: tuple[str, ...] = ()

    def kinds(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Margin types and the risk types that feed them."""
        yield DELTA, self.delta
        yield VEGA, self.volatility
        yield CURVATURE, self.volatility
        if self.base:
            yield BASE, self.base


CLASSES = (
    RiskClass(
        "ir", "Interest rate", ("Risk_IRCurve", "Risk_Inflation", "Risk_XCcyBasis"), ("Risk_IRVol", "Risk_InflationVol")
    ),
    RiskClass("cq", "Credit qualifying", ("Risk_CreditQ",), ("Risk_CreditVol",), ("Risk_BaseCorr",)),
    RiskClass("cn", "Credit non-qualifying", ("Risk_CreditNonQ",), ("Risk_CreditVolNonQ",)),
    RiskClass("eq", "Equity", ("Risk_Equity",), ("Risk_EquityVol",)),
    RiskClass("co", "Commodity", ("Risk_Commodity",), ("Risk_CommodityVol",)),
    RiskClass("fx", "FX", ("Risk_FX",), ("Risk_FXVol",)),
)
BUCKETED = ("cq", "cn", "eq", "co")


@dataclass(frozen=True, eq=False)
class Coded:
    """Texts (N,) as numbers into sorted ``words``."""

    code: np.ndarray
    words: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str], order: Sequence[str] = ()) -> Coded:
        """Numbered in the order given first, then in the order of the alphabet.

        >>> Coded.of(["b", "a", "z"], ["z"]).words
        ('z', 'a', 'b')
        """
        texts = list(texts)
        known = set(texts)
        words = (*(w for w in order if w in known), *sorted(known.difference(order)))
        number = {word: i for i, word in enumerate(words)}
        return cls(np.array([*map(number.__getitem__, texts)], np.int64), words)

    @classmethod
    def made(
        cls, word: Callable[..., str], columns: Sequence[Coded], index: np.ndarray, order: Sequence[str] = ()
    ) -> Coded:
        """What ``word`` makes of the words of several columns at some places; it is asked once a combination."""
        key = np.zeros(len(index), np.int64)
        for column in columns:
            key = key * max(len(column.words), 1) + column.code[index]
        _, first, place = np.unique(key, return_index=True, return_inverse=True)
        asked = zip(*(column.at(index[first]) for column in columns), strict=True)
        coded = cls.of((word(*words) for words in asked), order)
        return cls(coded.code[place], coded.words)

    def such(self, words: Sequence[str]) -> np.ndarray:
        """Where one of ``words`` stands (N,)."""
        return np.array([w in words for w in self.words], bool)[self.code]

    def at(self, index: np.ndarray) -> np.ndarray:
        """The words of some places."""
        return np.array(self.words, object)[self.code[index]]


@dataclass(frozen=True, eq=False)
class Labels:
    """What the market's instruments say of themselves: risk type, qualifier, bucket, labels (I,)."""

    kind: Coded
    qualifier: Coded
    bucket: Coded
    label1: Coded
    label2: Coded

    @classmethod
    def of(cls, market: Market) -> Labels:
        """The CRIF columns of the market; where it holds no sensitivities, nothing."""
        empty = np.full(len(market), "", object)
        read = (market.texts.get(c, empty) for c in ("risk_type", "qualifier", "bucket", "label1", "label2"))
        return cls(*map(Coded.of, read))


@dataclass(frozen=True, eq=False)
class Rows:
    """Instruments of one margin type (J,) and its factors (F,): words of each, and which factor each feeds."""

    prefix: str
    kind: str
    index: np.ndarray
    factor: np.ndarray
    bucket: Coded
    name: Coded
    group: Coded
    tenor: Coded
    expiry: Coded

    @property
    def power(self) -> int:
        """Curvature squares every correlation."""
        return 2 if self.kind == CURVATURE else 1

    @property
    def count(self) -> int:
        """How many factors there are."""
        return len(self.bucket.code)


def rows_of(prefix: str, kind: str, index: np.ndarray, labels: Labels, bucket_order: Sequence[str]) -> Rows:
    """Number the factors in order of bucket, name, group and tenor."""
    bucketed = prefix in BUCKETED and kind != BASE
    graded = prefix in ("cq", "cn") and kind != BASE
    order = (*bucket_order, RESIDUAL)

    def group(risk_type: str, label2: str) -> str:
        return label2 if graded or (prefix == "ir" and kind == DELTA and risk_type not in SPECIAL) else ""

    def tenor(risk_type: str, label1: str) -> str:
        return (SPECIAL.get(risk_type) or label1) if graded or prefix == "ir" else ""

    def bucket(qualifier: str, number: str) -> str:
        return qualifier if prefix == "ir" else number if bucketed else ""

    coded = [
        Coded.made(bucket, (labels.qualifier, labels.bucket), index, order),
        Coded.made(str, (labels.qualifier,), index),
        Coded.made(group, (labels.kind, labels.label2), index),
        Coded.made(tenor, (labels.kind, labels.label1), index),
    ]
    key = np.zeros(len(index), np.int64)
    for column in coded:
        key = key * len(column.words) + column.code
    _, first, factor = np.unique(key, return_index=True, return_inverse=True)
    expiry = Coded.made(str, (labels.label1,), index)
    return Rows(prefix, kind, index, factor, *(Coded(x.code[first], x.words) for x in coded), expiry)
