"""One measure for every risk class and margin type: net, weight, root in a bucket, root over buckets, tail.

The forward pass gives the margin; the backward pass its derivative to each amount at fixed concentration, so that
amount × derivative are contributions that add up to the margin exactly (Euler: every step is homogeneous of degree
one). Source: ISDA SIMM Methodology 2.8, sections B to E; formulas also in the module's spec, items A.4 to A.6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .forms import Correlation, across, overlap


@dataclass(frozen=True, eq=False)
class Factors:
    """The risk factors (F,) of one risk class and margin type, in order of bucket and name.

    ``of`` and ``unit`` (I,) map an instrument to its factor (−1: none) and to what one unit of it adds there.
    ``bucket`` (F,) numbers ``buckets`` (the residual one last: ``residual`` (B,)); ``name`` (F,) numbers what is
    concentrated together; ``weight`` (C, F) by context; ``threshold`` (F,) in US dollars, infinite where
    concentration is not charged; ``counted`` (F,) False for factors outside concentration. ``outer`` is the table
    (B, B) of correlations between buckets with a zero diagonal, or one number that relative concentration scales.
    ``currency`` (F,) is the factor's currency where a factor in the calculation currency is dropped.
    ``tail`` is Φ⁻¹(0.995)² − 1 for curvature, else None; ``scale`` multiplies the result.
    """

    of: np.ndarray
    unit: np.ndarray
    bucket: np.ndarray
    buckets: tuple[str, ...]
    residual: np.ndarray
    name: np.ndarray
    weight: np.ndarray
    threshold: np.ndarray
    counted: np.ndarray
    inner: Correlation
    outer: np.ndarray | float
    currency: np.ndarray | None = None
    tail: float | None = None
    scale: float = 1.0

    def __len__(self) -> int:
        return len(self.bucket)


@dataclass(frozen=True, eq=False)
class Held:
    """Amounts (E,) by instrument and sheet, a sheet being what nets together.

    ``context`` (S,) numbers the volatility group of each sheet's calculation currency, ``currency`` (S,) the
    currency itself.
    """

    instrument: np.ndarray
    sheet: np.ndarray
    amount: np.ndarray
    sheets: int
    context: np.ndarray
    currency: np.ndarray


@dataclass(frozen=True, eq=False)
class Measured:
    """A margin per sheet (S,); with detail what each entry of ``Held`` adds (E,) and the root of each bucket.

    ``bucket`` (E,) is the bucket of an entry, −1 where it plays no part; ``roots`` (S, B).
    """

    value: np.ndarray
    amounts: np.ndarray | None = None
    bucket: np.ndarray | None = None
    roots: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Netted:
    """Net amounts (N,) by sheet and factor in order of both, and each used entry's place in them."""

    entry: np.ndarray
    place: np.ndarray
    sheet: np.ndarray
    factor: np.ndarray
    amount: np.ndarray
    context: np.ndarray


@dataclass(frozen=True, eq=False)
class Steps:
    """What the forward pass leaves: entries (N,) in segments (buckets of a sheet), segments in groups.

    ``per_unit`` weight of an amount, ``weighted`` amounts, ``row`` of the correlation times them (N,); ``root``,
    ``total``, ``beside`` = Σ γ S of the other buckets by segment; ``norm`` and the slopes of the tail by group.
    """

    per_unit: np.ndarray
    row: np.ndarray
    segment: np.ndarray
    root: np.ndarray
    total: np.ndarray
    beside: np.ndarray
    group: np.ndarray
    norm: np.ndarray
    slope: tuple[np.ndarray, np.ndarray]


def measure(held: Held, factors: Factors, detail: bool = False) -> Measured:
    """The margin of every sheet for one risk class and margin type.

    WS = RW·s·CR; K_b² = ΣΣ ρ f WS WS; S_b = clamp(ΣWS, ±K_b); V² = ΣK² + ΣΣ γ g S S;
    curvature: max(ΣCVR + λ·V, 0) with λ = (q² − 1)(1 + θ) − θ, θ = min(ΣCVR/Σ|CVR|, 0).
    The residual bucket stands by itself.
    """
    net = _netted(held, factors)
    if not len(net.factor):
        return _nothing(held, factors, detail)
    ratio = _concentration(net, factors)
    per_unit = factors.weight[net.context, net.factor] * np.where(factors.counted[net.factor], ratio, 1.0)
    weighted = per_unit * net.amount
    if factors.tail is not None:
        ratio = np.ones_like(ratio)
    segment, first = _runs(net.sheet * len(factors.buckets) + factors.bucket[net.factor])
    row = factors.inner.times(weighted, ratio, segment, net.factor, net.context)
    root = np.sqrt(np.maximum(np.bincount(segment, weighted * row, len(first)), 0.0))
    total = np.bincount(segment, weighted, len(first))
    clamped = np.clip(total, -root, root)
    bucket, sheet = factors.bucket[net.factor[first]], net.sheet[first]
    group, head = _runs(2 * sheet + factors.residual[bucket])
    beside = _beside(clamped, ratio[first], group, bucket, factors)
    norm = np.sqrt(np.maximum(np.bincount(group, root * root + clamped * beside, len(head)), 0.0))
    value, slope = _tail(norm, total, weighted, segment, group, factors)
    margin = np.bincount(sheet[head], value, held.sheets)
    if not detail:
        return Measured(margin)
    steps = Steps(per_unit, row, segment, root, total, beside, group, norm, slope)
    return _detailed(held, factors, net, Measured(margin), _derivative(steps), (sheet, bucket, root))


def _derivative(s: Steps) -> np.ndarray:
    """∂margin/∂amount of each entry (N,) at fixed concentration: through K_b always, through S_b freely or clamped."""
    inverse = _over(1.0, s.norm)[s.group]
    steep = _over(s.row, s.root[s.segment])
    free = (np.abs(s.total) <= s.root)[s.segment]
    through_sum = np.where(free, 1.0, np.sign(s.total)[s.segment] * steep)
    norm = (s.root * inverse)[s.segment] * steep + (s.beside * inverse)[s.segment] * through_sum
    plain, times = s.slope
    return s.per_unit * (plain[s.group][s.segment] + times[s.group][s.segment] * norm)


def _over(a: np.ndarray | float, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.zeros_like(b), where=b > 0)


def _netted(held: Held, factors: Factors) -> Netted:
    factor = factors.of[held.instrument]
    used = factor >= 0
    if factors.currency is not None:
        used &= factors.currency[factor] != held.currency[held.sheet]
    entry = np.flatnonzero(used)
    key = held.sheet[entry] * max(len(factors), 1) + factor[entry]
    keys, place = np.unique(key, return_inverse=True)
    amount = np.bincount(place, factors.unit[held.instrument[entry]] * held.amount[entry], len(keys))
    sheet, number = np.divmod(keys, max(len(factors), 1))
    contexts = len(factors.weight)
    context = held.context[sheet] if contexts > 1 else np.zeros(len(sheet), np.int64)
    return Netted(entry, place, sheet, number, amount, context)


def _runs(key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of the run of equal keys (N,) and where each run starts."""
    new = np.ones(len(key), bool)
    new[1:] = key[1:] != key[:-1]
    return np.cumsum(new) - 1, np.flatnonzero(new)


def _concentration(net: Netted, factors: Factors) -> np.ndarray:
    """CR = max(1, √(|Σs|/T)) of each net amount's name (N,)."""
    run, first = _runs(net.sheet * (int(factors.name.max()) + 1) + factors.name[net.factor])
    size = np.bincount(run, np.where(factors.counted[net.factor], net.amount, 0.0), len(first))
    return np.maximum(1.0, np.sqrt(np.abs(size) / factors.threshold[net.factor[first]]))[run]


def _beside(
    clamped: np.ndarray, ratio: np.ndarray, group: np.ndarray, bucket: np.ndarray, factors: Factors
) -> np.ndarray:
    """Σ_{c≠b} γ_bc g_bc S_c of each bucket."""
    if isinstance(factors.outer, float):
        return factors.outer * (overlap(clamped, ratio, group) - clamped)
    return across(clamped, bucket, group, factors.outer)


def _tail(
    norm: np.ndarray,
    total: np.ndarray,
    weighted: np.ndarray,
    segment: np.ndarray,
    group: np.ndarray,
    factors: Factors,
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """The margin of each group, and its slope: constant part and multiple of the norm's slope."""
    if factors.tail is None:
        return norm, (np.zeros_like(norm), np.ones_like(norm))
    g = len(norm)
    signed = np.bincount(group, total, g)
    size = np.bincount(group[segment], np.abs(weighted), g)
    theta = np.minimum(_over(signed, size), 0.0)
    factor = factors.tail * (1.0 + theta) - theta
    value = signed + factor * norm
    on = (value > 0) * factors.scale
    return np.maximum(value, 0.0) * factors.scale, (on, on * factor)


def _nothing(held: Held, factors: Factors, detail: bool) -> Measured:
    value = np.zeros(held.sheets)
    if not detail:
        return Measured(value)
    n = len(held.instrument)
    return Measured(value, np.zeros(n), np.full(n, -1), np.zeros((held.sheets, len(factors.buckets))))


def _detailed(
    held: Held,
    factors: Factors,
    net: Netted,
    plain: Measured,
    unit: np.ndarray,
    roots: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> Measured:
    """Each entry's contribution: its own amount times the derivative to its factor's net amount."""
    amounts, bucket = np.zeros(len(held.instrument)), np.full(len(held.instrument), -1)
    instrument = held.instrument[net.entry]
    amounts[net.entry] = held.amount[net.entry] * factors.unit[instrument] * unit[net.place]
    bucket[net.entry] = factors.bucket[net.factor][net.place]
    table = np.zeros((held.sheets, len(factors.buckets)))
    sheet, number, root = roots
    table[sheet, number] = root
    return Measured(plain.value, amounts, bucket, table)
