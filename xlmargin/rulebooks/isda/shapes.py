"""The shape of every table of a release: numbers that are numbers, a value for every bucket and group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ...crif_words import FIVE, RESIDUAL, TWELVE
from ...errors import ParameterError, nearest
from ...params import Params
from .calibration import OTHERS

CLASSES = 6
SUFFIXES = ("_10d", "_1d")
SAME = ("same", "different", "residual_same", "residual_different")
Refusal = ParameterError


def check(params: Params) -> None:
    """Refuse a release with the first table that is not of its shape; raises ParameterError with its name."""
    _text_lists(params)
    shapes = _shapes(params)
    for key in params.units:
        table = key
        for suffix in SUFFIXES:
            table = table.removesuffix(suffix)
        if table in shapes:
            shapes[table](key, params[key])
    _square("class_correlation", params["class_correlation"], CLASSES)


def _text_lists(params: Params) -> None:
    """Tenors, buckets and groups, on which the other shapes rest."""
    for key in ("ir_tenors", "cq_tenors", "cn_tenors"):
        wanted = TWELVE if key == "ir_tenors" else FIVE
        _texts(key, params[key])
        if list(params[key]) != list(wanted):
            raise Refusal(f"simm: {key} is not {', '.join(wanted)}")
    for key in ("cq_buckets", "cn_buckets", "eq_buckets", "co_buckets"):
        _texts(key, params[key])
    for key in ("ir_volatility_groups", "ir_threshold_groups", "fx_volatility_groups", "fx_threshold_groups"):
        groups = params[key]
        if not isinstance(groups, Mapping) or not groups:
            raise Refusal(f"simm: {key} is not a table of groups")
        for name, words in groups.items():
            _texts(f"{key}.{name}", words)
        if sum(OTHERS in words for words in groups.values()) != 1:
            raise Refusal(f"simm: no one group of {key} takes all other currencies ('*')")


def _shapes(params: Params) -> dict[str, Callable[[str, Any], None]]:
    """What each table must be, by its name without horizon."""
    rates, fx = params["ir_volatility_groups"], params["fx_volatility_groups"]
    limits, categories = params["ir_threshold_groups"], sorted(params["fx_threshold_groups"])
    pairs = ["-".join((a, b)) for i, a in enumerate(categories) for b in categories[i:]]
    shapes = {
        "ir_delta_weight": _by(rates, _row(len(params["ir_tenors"]))),
        "ir_tenor_correlation": _table(len(params["ir_tenors"])),
        "ir_delta_threshold": _by(limits, _positive),
        "ir_vega_threshold": _by(limits, _positive),
        "fx_delta_weight": _by(fx, _by(fx, _weight)),
        "fx_inner_correlation": _by(fx, _by(fx, _by(fx, _share))),
        "fx_delta_threshold": _by(categories, _positive),
        "fx_vega_threshold": _by(pairs, _positive),
    }
    shapes |= dict.fromkeys(("ir_vega_weight", "ir_inflation_weight", "ir_basis_weight", "fx_vega_weight"), _weight)
    shapes |= dict.fromkeys((f"{p}_volatility_ratio" for p in ("ir", "eq", "co", "fx")), _positive)
    numbers = ("subcurve", "inflation", "basis", "outer")
    shapes |= dict.fromkeys([*(f"ir_{n}_correlation" for n in numbers), "fx_vega_correlation"], _share)
    for prefix in ("cq", "cn", "eq", "co"):
        shapes |= _bucketed(prefix, params[f"{prefix}_buckets"])
    return shapes | {"cq_base_weight": _weight, "cq_base_correlation": _share}


def _bucketed(prefix: str, buckets: Sequence[str]) -> dict[str, Callable[[str, Any], None]]:
    words = buckets if prefix == "co" else [*buckets, RESIDUAL]
    inner = _by(SAME, _share) if prefix in ("cq", "cn") else _by(buckets, _share)
    return {
        f"{prefix}_delta_weight": _by(words, _weight),
        f"{prefix}_vega_weight": _either(_weight, _by(words, _weight)),
        f"{prefix}_delta_threshold": _by(words, _positive),
        f"{prefix}_vega_threshold": _either(_positive, _by(words, _positive)),
        f"{prefix}_inner_correlation": inner,
        f"{prefix}_outer_correlation": _table(len(buckets)),
    }


def _texts(key: str, words: Any) -> None:
    listed = isinstance(words, list | tuple)
    if not listed or not all(isinstance(w, str) for w in words) or len(set(words)) < len(words):
        raise Refusal(f"simm: {key} is not a list of different words")


def _number(key: str, value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12:
        return float(value)
    raise Refusal(f"simm: {key} is not a number: {str(value)[:40]}")


def _weight(key: str, value: Any) -> None:
    if _number(key, value) < 0:
        raise Refusal(f"simm: {key} is below zero: {value}")


def _positive(key: str, value: Any) -> None:
    if _number(key, value) <= 0:
        raise Refusal(f"simm: {key} must be above zero, is {value}")


def _share(key: str, value: Any) -> None:
    if abs(_number(key, value)) > 1:
        raise Refusal(f"simm: {key} is a correlation beyond ±1: {value}")


def _by(words: Iterable[str], inside: Callable[[str, Any], None]) -> Callable[[str, Any], None]:
    wanted = list(words)

    def shape(key: str, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise Refusal(f"simm: {key} is not a table by {', '.join(wanted[:4])} …")
        for word in wanted:
            if word not in value:
                raise Refusal(f"simm: {key} lacks a value for {word}{nearest(word, map(str, value))}")
        for word, own in value.items():
            inside(f"{key}.{word}", own)

    return shape


def _either(plain: Callable[[str, Any], None], table: Callable[[str, Any], None]) -> Callable[[str, Any], None]:
    return lambda key, value: table(key, value) if isinstance(value, Mapping) else plain(key, value)


def _row(width: int) -> Callable[[str, Any], None]:
    def shape(key: str, value: Any) -> None:
        if not isinstance(value, list | tuple) or len(value) != width:
            raise Refusal(f"simm: {key} is not a row of {width} numbers")
        for n, cell in enumerate(value):
            _weight(f"{key}[{n}]", cell)

    return shape


def _table(width: int) -> Callable[[str, Any], None]:
    return lambda key, value: _square(key, value, width)


def _square(key: str, value: Any, width: int) -> None:
    """A symmetric table of correlations with ones on its diagonal."""
    listed = isinstance(value, list | tuple) and all(isinstance(row, list | tuple) for row in value)
    if not listed or [len(row) for row in value] != [width] * width:
        raise Refusal(f"simm: {key} is not a table of {width} by {width}")
    for i, row in enumerate(value):
        for j, cell in enumerate(row):
            _share(f"{key}[{i}][{j}]", cell)
            if cell != (1.0 if i == j else value[j][i]):
                raise Refusal(f"simm: {key} is not symmetric with ones on its diagonal at [{i}][{j}]")
