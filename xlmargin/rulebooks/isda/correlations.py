"""Correlations of a margin type's factors: inside a bucket as a few blocks, between buckets as a table."""

from __future__ import annotations

import numpy as np

from ...crif_words import RESIDUAL
from .calibration import Calibration
from .forms import Correlation, Level, Table
from .labels import BASE, BASIS, BUCKETED, DELTA, INFLATION, Rows


def inner(rows: Rows, c: Calibration) -> Correlation:
    """Correlations inside a bucket."""
    if rows.prefix == "ir":
        return _rate_correlation(rows, c)
    if rows.prefix in ("cq", "cn") and rows.kind != BASE:
        return _credit_correlation(rows, c)
    if rows.prefix == "fx" and rows.kind == DELTA:
        return _fx_correlation(rows, c)
    if rows.prefix in ("eq", "co"):
        level = c.by(f"{rows.prefix}_inner_correlation", rows.bucket.words)[rows.bucket.code]
        level = np.where(rows.bucket.such((RESIDUAL,)), 0.0, level)
    else:
        level = np.full(rows.count, float(c["cq_base_correlation" if rows.kind == BASE else "fx_vega_correlation"]))
    level = level[None] ** rows.power
    return Correlation(1.0 - level, (Level(level),))


def _rate_correlation(rows: Rows, c: Calibration) -> Correlation:
    """By tenor, times one number for different sub-curves; inflation and basis have one number with all others."""
    tenors = {tenor: i for i, tenor in enumerate(c["ir_tenors"])}
    n = len(tenors)
    table = np.eye(n + 2)
    table[:n, :n] = c.matrix("ir_tenor_correlation")
    table[n, :n] = table[:n, n] = c["ir_inflation_correlation"]
    table[n + 1, : n + 1] = table[: n + 1, n + 1] = c["ir_basis_correlation"]
    across_curves = np.ones_like(table)
    across_curves[:n, :n] = c["ir_subcurve_correlation"]
    table, across_curves = table**rows.power, across_curves**rows.power
    number = tenors | {INFLATION: n, BASIS: n + 1}
    code = np.array([number[w] for w in rows.tenor.words], np.int64)[rows.tenor.code]
    everywhere = Table(table * across_curves, code)
    same_curve = Table(table * (1.0 - across_curves), code, rows.group.code)
    return Correlation(np.zeros((1, rows.count)), (everywhere, same_curve))


def _credit_correlation(rows: Rows, c: Calibration) -> Correlation:
    """Same issuer (qualifying) or group name (non-qualifying), or different; the residual bucket has its own pair."""
    table = c[f"{rows.prefix}_inner_correlation"]
    residual = rows.bucket.such((RESIDUAL,))
    same, different = (
        np.where(residual, table[f"residual_{word}"], table[word])[None] ** rows.power for word in ("same", "different")
    )
    key = rows.name.code if rows.prefix == "cq" else rows.group.code
    return Correlation(1.0 - same, (Level(different), Level(same - different, key=key)))


def _fx_correlation(rows: Rows, c: Calibration) -> Correlation:
    """By the volatility groups of two currencies and of the calculation currency."""
    group, names = c.grouping("fx_volatility_groups", rows.name.words)
    mine = group[rows.name.code]
    table = c["fx_inner_correlation"]
    cube = np.array([[[table[z][a][b] for b in names] for a in names] for z in names], np.float64)
    blocks = tuple(Level(cube[:, mine, g], member=mine == g) for g in range(len(names)))
    return Correlation(1.0 - cube[:, mine, mine], blocks)


def outer(rows: Rows, c: Calibration) -> np.ndarray | float:
    """Correlations between buckets: one number for currencies, else a table with nothing for the residual bucket."""
    if rows.prefix == "ir":
        return float(c["ir_outer_correlation"]) ** rows.power
    words = rows.bucket.words
    out = np.zeros((len(words), len(words)))
    if rows.prefix in BUCKETED and rows.kind != BASE:
        table = c.matrix(f"{rows.prefix}_outer_correlation")
        number = {word: i for i, word in enumerate(c[f"{rows.prefix}_buckets"])}
        known = [i for i, word in enumerate(words) if word in number]
        at = [number[words[i]] for i in known]
        out[np.ix_(known, known)] = table[np.ix_(at, at)] ** rows.power
        np.fill_diagonal(out, 0.0)
    return out
