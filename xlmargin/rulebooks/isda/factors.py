"""From CRIF rows and a release's tables to the risk factors of each risk class and margin type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...crif_words import RESIDUAL
from .calibration import MILLION, Calibration
from .correlations import inner, outer
from .labels import BASE, BASIS, BUCKETED, CURVATURE, DELTA, INFLATION, VEGA, Labels, RiskClass, Rows, rows_of
from .measure import Factors


def factors_of(risk_class: RiskClass, labels: Labels, calibration: Calibration) -> Iterator[tuple[str, Factors]]:
    """The factors of every margin type of a risk class for which the market has instruments."""
    prefix = risk_class.prefix
    order = calibration[f"{prefix}_buckets"] if prefix in BUCKETED else ()
    for kind, types in risk_class.kinds():
        index = np.flatnonzero(labels.kind.such(types))
        if len(index):
            yield kind, _factors(rows_of(prefix, kind, index, labels, order), labels, calibration)


def _factors(rows: Rows, labels: Labels, c: Calibration) -> Factors:
    bucket, name = rows.bucket, rows.name
    of = np.full(len(labels.kind.code), -1, np.int64)
    of[rows.index] = rows.factor
    unit = np.zeros(len(of))
    unit[rows.index] = _units(rows, labels, c)
    together = np.unique(bucket.code * len(name.words) + name.code, return_inverse=True)[1]
    charged = c["concentration"] > 0 and rows.kind in (DELTA, VEGA)
    currency = None
    if rows.prefix == "fx" and rows.kind == DELTA:
        number = {word: i for i, word in enumerate(labels.qualifier.words)}
        currency = np.array([number[w] for w in name.words], np.int64)[name.code]
    return Factors(
        of=of,
        unit=unit,
        bucket=bucket.code,
        buckets=bucket.words,
        residual=np.array([w == RESIDUAL for w in bucket.words], bool),
        name=together,
        weight=_weights(rows, c),
        threshold=_thresholds(rows, c) * MILLION if charged else np.full(rows.count, np.inf),
        counted=np.array([w != BASIS for w in rows.tenor.words], bool)[rows.tenor.code],
        inner=inner(rows, c),
        outer=outer(rows, c),
        currency=currency,
        tail=c.curvature_tail if rows.kind == CURVATURE else None,
        scale=c["ir_volatility_ratio"] ** -2 if rows.prefix == "ir" and rows.kind == CURVATURE else 1.0,
    )


def _units(rows: Rows, labels: Labels, c: Calibration) -> np.ndarray:
    """What one unit of an instrument's amount adds to its factor (J,).

    Equity, commodity and FX volatility: σ (times the historical ratio for vega); curvature: the scaling of the
    expiry, nothing for volatility indices.
    """
    unit = np.ones(len(rows.index))
    if rows.kind in (DELTA, BASE):
        return unit
    if rows.prefix not in ("ir", "cq", "cn"):
        unit = _volatility(rows, c)[rows.factor]
        if rows.kind == VEGA:
            return unit * c[f"{rows.prefix}_volatility_ratio"]
    if rows.kind == CURVATURE:
        unit = unit * c.scaling(rows.expiry.words)[rows.expiry.code]
        if rows.prefix == "eq":
            unit = np.where(labels.bucket.such(c["buckets_without_curvature"])[rows.index], 0.0, unit)
    return unit


def _volatility(rows: Rows, c: Calibration) -> np.ndarray:
    """σ = RW·√(365/14)/Φ⁻¹(0.99) of each factor (F,), RW in per cent as amounts are per volatility point."""
    if rows.prefix == "fx":
        sides = [c.grouping("fx_volatility_groups", [w[cut] for w in rows.name.words]) for cut in _PAIR]
        weight = _fx_table(c, sides[0][1])[sides[0][0], sides[1][0]][rows.name.code]
    else:
        weight = c.by(f"{rows.prefix}_delta_weight", rows.bucket.words)[rows.bucket.code]
    return weight * c.volatility_scale


_PAIR = (slice(0, 3), slice(3, 6))


def _fx_table(c: Calibration, groups: Sequence[str]) -> np.ndarray:
    table = c["fx_delta_weight"]
    return np.array([[table[a][b] for b in groups] for a in groups], np.float64)


def _weights(rows: Rows, c: Calibration) -> np.ndarray:
    """Risk weights (C, F); for FX delta C is the volatility group of the calculation currency."""
    prefix = rows.prefix
    if rows.kind == CURVATURE:
        return np.ones((1, rows.count))
    if rows.kind == BASE:
        return np.full((1, rows.count), float(c["cq_base_weight"]))
    if rows.kind == VEGA:
        return c.by(f"{prefix}_vega_weight", rows.bucket.words)[None, rows.bucket.code]
    if prefix == "ir":
        return _rate_weights(rows, c)[None]
    if prefix == "fx":
        group, names = c.grouping("fx_volatility_groups", rows.name.words)
        return _fx_table(c, names)[group[rows.name.code]].T
    return c.by(f"{prefix}_delta_weight", rows.bucket.words)[None, rows.bucket.code]


def _rate_weights(rows: Rows, c: Calibration) -> np.ndarray:
    group, names = c.grouping("ir_volatility_groups", rows.name.words)
    column = {tenor: i for i, tenor in enumerate(c["ir_tenors"])}
    table = np.array([c["ir_delta_weight"][name] for name in names], np.float64)
    table = np.hstack([table, np.full((len(names), 2), [c["ir_inflation_weight"], c["ir_basis_weight"]])])
    column |= {INFLATION: len(column), BASIS: len(column) + 1}
    at = np.array([column[w] for w in rows.tenor.words], np.int64)
    return table[group[rows.name.code], at[rows.tenor.code]]


def _thresholds(rows: Rows, c: Calibration) -> np.ndarray:
    """Concentration thresholds (F,) in USD million."""
    key = f"{rows.prefix}_{'delta' if rows.kind == DELTA else 'vega'}_threshold"
    if rows.prefix == "ir":
        group, names = c.grouping("ir_threshold_groups", rows.name.words)
        return c.by(key, names)[group[rows.name.code]]
    if rows.prefix != "fx":
        return c.by(key, rows.bucket.words)[rows.bucket.code]
    if rows.kind == DELTA:
        group, names = c.grouping("fx_threshold_groups", rows.name.words)
        return c.by(key, names)[group[rows.name.code]]
    sides = [c.grouping("fx_threshold_groups", [w[cut] for w in rows.name.words]) for cut in _PAIR]
    names = sides[0][1]
    pairs = ["-".join(sorted((names[a], names[b]))) for a, b in zip(sides[0][0], sides[1][0], strict=True)]
    return c.by(key, pairs)[rows.name.code]
