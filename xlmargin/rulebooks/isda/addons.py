"""Add-ons beside the model: fixed amounts, percentages of notionals, multipliers of product classes.

AddOn = Σ fixed + Σ factor % · notional + Σ (multiplier − 1) · SIMM of the product class.
Source: ISDA SIMM Methodology 2.8, "Additional Initial Margin Expressions".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...crif_words import PRODUCT_CLASSES
from .labels import Coded, Labels

FIXED, FACTOR, NOTIONAL, MULTIPLIER = (
    "Param_AddOnFixedAmount",
    "Param_AddOnNotionalFactor",
    "Notional",
    "Param_ProductClassMultiplier",
)
PER_CENT = 0.01
P = len(PRODUCT_CLASSES)


@dataclass(frozen=True, eq=False)
class Terms:
    """Which instruments (I,) are add-ons: their type, the product or the product class that they name."""

    fixed: np.ndarray
    factor: np.ndarray
    notional: np.ndarray
    multiplier: np.ndarray
    product: Coded
    product_class: np.ndarray

    @classmethod
    def of(cls, labels: Labels, counts: np.ndarray) -> Terms:
        """Read them from the labels of the instruments that count."""
        kinds = (labels.kind.such((kind,)) & counts for kind in (FIXED, FACTOR, NOTIONAL, MULTIPLIER))
        number = {name: p for p, name in enumerate(PRODUCT_CLASSES)}
        named = np.array([number.get(w, 0) for w in labels.qualifier.words], np.int64)[labels.qualifier.code]
        return cls(*kinds, labels.qualifier, named)


@dataclass(frozen=True, eq=False)
class AddOns:
    """Per case (N,): fixed and notional amounts by entry (E,), multipliers (N, P); ``doubtful`` and ``alone`` (N,).

    ``doubtful`` marks cases where two multipliers or factors apply to one thing (the largest is taken), ``alone``
    those with a notional that has no factor or the reverse.
    """

    fixed: np.ndarray
    notional: np.ndarray
    multiplier: np.ndarray
    doubtful: np.ndarray
    alone: np.ndarray


def addons(terms: Terms, instrument: np.ndarray, case: np.ndarray, amount: np.ndarray, cases: int) -> AddOns:
    """The add-ons of every case from its entries (E,): instrument, case, amount."""
    doubtful, alone = np.zeros(cases, bool), np.zeros(cases, bool)
    multiplier = np.ones(cases * P)
    at = np.flatnonzero(terms.multiplier[instrument])
    own = case[at] * P + terms.product_class[instrument[at]]
    np.maximum.at(multiplier, own, amount[at])
    doubtful[own[_again(own)] // P] = True
    width = len(terms.product.words)
    key = case * width + terms.product.code[instrument]
    at = np.flatnonzero(terms.factor[instrument])
    keys, place = np.unique(key[at], return_inverse=True)
    factor = np.zeros(len(keys))
    np.maximum.at(factor, place, amount[at])
    doubtful[key[at][_again(place)] // width] = True
    notional = terms.notional[instrument]
    found = np.searchsorted(keys, key)
    matched = notional & (np.append(keys, -1)[found] == key)
    rate = np.where(matched, np.append(factor, 0.0)[found], 0.0)
    alone[case[notional & ~matched]] = True
    alone[case[at][~np.isin(key[at], key[notional])]] = True
    fixed = np.where(terms.fixed[instrument], amount, 0.0)
    return AddOns(fixed, amount * rate * PER_CENT, multiplier.reshape(cases, P), doubtful, alone)


def _again(key: np.ndarray) -> np.ndarray:
    """Where a number has stood before."""
    again = np.ones(len(key), bool)
    again[np.unique(key, return_index=True)[1]] = False
    return again
