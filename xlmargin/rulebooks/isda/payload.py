"""A SIMM release as other programs write it (one JSON object, tables by risk class) as this rulebook's parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import ParameterError, nearest
from ...params import Params
from . import shapes

PREFIX = {
    "interest_rate": "ir",
    "credit_qualifying": "cq",
    "credit_non_qualifying": "cn",
    "equity": "eq",
    "commodity": "co",
    "fx": "fx",
}
TABLE = {
    "tenors": "tenors",
    "currency_groups": "volatility_groups",
    "groups": "volatility_groups",
    "delta_rw": "delta_weight",
    "vega_rw": "vega_weight",
    "inflation_rw": "inflation_weight",
    "xccy_rw": "basis_weight",
    "base_corr_rw": "base_weight",
    "hvr": "volatility_ratio",
    "tenor_corr": "tenor_correlation",
    "subcurve_corr": "subcurve_correlation",
    "inflation_corr": "inflation_correlation",
    "xccy_corr": "basis_correlation",
    "intra_corr": "inner_correlation",
    "corr_by_calc_ccy_group": "inner_correlation",
    "vol_corr": "vega_correlation",
    "inter_buckets": "buckets",
    "inter_corr": "outer_correlation",
    "inter_ccy_corr": "outer_correlation",
    "base_corr_corr": "base_correlation",
    "conc_groups": "threshold_groups",
    "conc_delta": "delta_threshold",
    "conc_vega": "vega_threshold",
}
HORIZONS = {"10", "1"}
CLASSES = ["InterestRate", "CreditQualifying", "CreditNonQualifying", "Equity", "Commodity", "FX"]
TOLD = {"names", "additional", "source", "units", "curvature", "sigma", "one_day_note", "corrections", "cross_checks"}


def load(payload: Mapping[str, Any] | str | Path, params: Params) -> Params:
    """``params`` with the release that ``payload`` (an object, its JSON text or a path) holds.

    Raises ParameterError for tables that are unknown, missing or of the wrong shape.
    """
    release = payload if isinstance(payload, Mapping) else _read(payload)
    values = flat(release)
    name = values["release"]
    own = tuple(f"{prefix}_" for prefix in PREFIX.values())
    missing = [key for key in params.units if key.startswith(own) and key not in values]
    if missing or "class_correlation" not in values:
        raise ParameterError(f"SIMM release {name}: nothing given for {', '.join(missing) or 'risk_class_corr'}")
    values["standing"] = [f"SIMM {name} as a payload of the user's"]
    fresh = params.override(f"{name}: {release.get('source', 'payload')}", **values)
    shapes.check(fresh)
    return fresh


def _read(payload: str | Path) -> Mapping[str, Any]:
    text = str(payload)
    try:
        if not text.lstrip().startswith("{"):
            text = Path(payload).read_text(encoding="utf-8")
        read = json.loads(text)
    except (OSError, ValueError) as error:
        raise ParameterError(f"no SIMM release could be read: {error}") from None
    if not isinstance(read, Mapping):
        raise ParameterError("a SIMM release is one JSON object with a table per risk class")
    return read


def flat(release: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a release by this rulebook's names: class prefix, table, horizon.

    Remarks beside the tables are passed over; a set of tables of an unknown name is refused.
    """
    if "simm_version" not in release:
        raise ParameterError("no 'simm_version' in the SIMM release")
    names = release.get("names")
    values = {"release": str(release["simm_version"]), "release_names": names if isinstance(names, list) else []}
    for name, tables in release.items():
        if name in PREFIX:
            for key, value in _tables(name, tables):
                values[key] = value
        elif name == "risk_class_corr":
            values["class_correlation"] = tables
        elif name == "risk_class_order":
            if tables != CLASSES:
                raise ParameterError(f"risk classes in the order {tables}; expected {CLASSES}")
        elif isinstance(tables, Mapping) and name not in TOLD:
            raise ParameterError(f"unknown table {name!r} in the SIMM release{nearest(name, [*PREFIX, *TOLD])}")
    return values


def _tables(risk_class: str, tables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if not isinstance(tables, Mapping):
        raise ParameterError(f"{risk_class} is not a set of tables")
    for name, value in tables.items():
        if name not in TABLE:
            raise ParameterError(f"unknown table {risk_class}.{name}{nearest(name, TABLE)}")
        key = f"{PREFIX[risk_class]}_{TABLE[name]}"
        if isinstance(value, Mapping) and set(value) == HORIZONS:
            for days, own in value.items():
                yield f"{key}_{days}d", own
        else:
            yield key, value
