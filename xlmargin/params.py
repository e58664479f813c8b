"""Dated parameters: what a venue published, since when, in which unit, and where it says so."""

from __future__ import annotations

import csv
import datetime as dt
import numbers
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .errors import NoVersion, ParameterError, nearest

MOST_READERS = 64


@dataclass(frozen=True)
class Origin:
    """Where a value comes from: first day in force and source."""

    effective: dt.datetime
    source: str

    def __str__(self) -> str:
        return f"{self.effective:%Y-%m-%d} {self.source}"


@dataclass(frozen=True, eq=False)
class Params:
    """The parameters of one model in force at one moment: common values and overlays by scope."""

    model: str
    effective: dt.datetime
    common: dict[str, Any]
    by: dict[str, dict[str, Any]]
    origin: dict[tuple[str | None, str], Origin]
    units: dict[str, str]
    evidence: dict[str, str] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)
    version: str = ""
    _cited: dict[tuple[str, ...], str] = field(default_factory=dict, repr=False)
    _read: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict, repr=False)
    _made: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, path: Path | str, as_of: float) -> Params:
        """The parameters of a rulebook's TOML in force at ``as_of`` (epoch seconds UTC).

        Raises ParameterError for an undeclared key or one without unit, NoVersion before the first version.
        """
        path = path if isinstance(path, Path) else Path(path)
        moment, first = dt.datetime.fromtimestamp(as_of, dt.UTC), versions(path)
        count = bisect_right(first, moment)
        if not count:
            model = _document(path)["model"]
            raise NoVersion(
                f"{model}: no parameters in force on {moment:%Y-%m-%d}; the first are of {first[0]:%Y-%m-%d}"
            )
        return cls._of(path, count)

    @classmethod
    @lru_cache(maxsize=256)
    def _of(cls, path: Path, count: int) -> Params:
        """The first ``count`` versions of a file laid over one another."""
        document = _document(path)
        versions = document["version"][:count]
        params = cls(
            document["model"],
            _moment(versions[-1]["effective"]),
            {},
            {},
            {},
            document["units"],
            document.get("evidence", {}),
        )
        for version in versions:
            origin = Origin(_moment(version["effective"]), version["source"])
            params._absorb(version.get("set", {}), version.get("by", {}), origin)
            params._doubt(version)
        return params

    def _doubt(self, version: dict[str, Any]) -> None:
        """A doubt about a scope holds until a later version sets that scope anew."""
        for scope in version.get("by", {}):
            self.doubts.pop(scope, None)
        self.doubts.update(version.get("doubt", {}))

    def _absorb(self, common: dict[str, Any], by: dict[str, dict[str, Any]], origin: Origin) -> None:
        for scope, values in [(None, common), *by.items()]:
            target = self.common if scope is None else self.by.setdefault(scope, {})
            for key, value in values.items():
                self._refuse_unknown(key)
                self._refuse_type(key, scope, value)
                target[key] = value
                self.origin[scope, key] = origin

    def _refuse_type(self, key: str, scope: str | None, value: Any) -> None:
        """A number stays a number: what a word would do shows far from where it was given."""
        had = self.by.get(scope or "", {}).get(key, self.common.get(key))
        if isinstance(had, int | float) and not isinstance(value, numbers.Real):
            where = f" of {scope}" if scope else ""
            raise ParameterError(f"{self.model}: {key}{where} is a number ({self.units[key]}), not {value!r}")

    def _refuse_unknown(self, key: str) -> None:
        if key not in self.units:
            raise ParameterError(f"{self.model}: parameter {key!r} is not declared{nearest(key, self.units)}")

    def __getitem__(self, key: str) -> Any:
        """The common value of ``key``."""
        try:
            return self.common[key]
        except KeyError:
            known = {*self.common, *(k for values in self.by.values() for k in values)}
            raise ParameterError(f"{self.model}: no value for {key!r}{nearest(key, known)}") from None

    def __contains__(self, key: str) -> bool:
        return key in self.common

    def get(self, key: str, scope: str) -> Any:
        """The value of ``key`` on one scope, or the common one."""
        return self.on([scope])(key)[0]

    def on(self, scopes: Sequence[str], none: float | None = None) -> Callable[[str], Any]:
        """A reader of keys for ``scopes``: numbers as a (U,) float64 array, anything else as a list.

        With ``none`` that number stands behind the others (U+1,), so that −1, no scope, finds it.

        >>> p = Params("m", dt.datetime(2024, 1, 1), {"x": 1.0}, {"BTC": {"x": 2.0}}, {}, {"x": "fraction"})
        >>> p.on(["BTC", "ETH"], none=0.0)("x").tolist()
        [2.0, 1.0, 0.0]
        """
        names = tuple(map(str, scopes))
        if len(self._read) >= MOST_READERS:
            self._read.clear()
        seen = self._read.setdefault((names, none), {})

        def read(key: str) -> Any:
            if key not in seen:
                seen[key] = self._find(key, names, none)
            return seen[key]

        return read

    def once(self, make: Callable[..., Any], *of: Hashable) -> Any:
        """What ``make(self, *of)`` makes of these parameters alone: made once, and not to be changed."""
        key = (make, *of)
        if key not in self._made:
            if len(self._made) >= MOST_READERS:
                self._made.clear()
            self._made[key] = make(self, *of)
        return self._made[key]

    def _find(self, key: str, scopes: tuple[str, ...], none: float | None) -> Any:
        rows = [self.by.get(s, {}) for s in scopes]
        values = [row.get(key, self.common.get(key)) for row in rows]
        missing = sorted({s for s, v in zip(scopes, values, strict=True) if v is None})
        if missing:
            have = ", ".join(s for s in self.by if key in self.by[s])
            raise ParameterError(f"{self.model}: no {key!r} for {', '.join(missing)}; given for {have or 'none'}")
        if not all(isinstance(v, int | float) for v in values):
            return values
        numbers = np.array(values if none is None else [*values, none], np.float64)
        numbers.flags.writeable = False
        return numbers

    def cite(self, *keys: str) -> str:
        """Dates and sources behind ``keys``, shortest first mention once."""
        if keys not in self._cited:
            told = dict.fromkeys(str(o) for (_, key), o in self.origin.items() if key in keys)
            self._cited[keys] = "; ".join(told)
        return self._cited[keys]

    def override(self, source: str, by: dict[str, dict[str, Any]] | None = None, **values: Any) -> Params:
        """The same parameters with some replaced: the one door for payloads, tests and experiments.

        A published doubt about a scope ends where ``by`` sets that scope anew, as a later version would end it.

        >>> p = Params("m", dt.datetime(2024, 1, 1), {"x": 1.0}, {}, {}, {"x": "fraction"})
        >>> p.override("mine", x=2.0)["x"], p["x"]
        (2.0, 1.0)
        """
        fresh = replace(
            self,
            common=dict(self.common),
            by={scope: dict(v) for scope, v in self.by.items()},
            origin=dict(self.origin),
            doubts={scope: text for scope, text in self.doubts.items() if scope not in (by or {})},
            version=source,
            _cited={},
            _read={},
            _made={},
        )
        fresh._absorb(values, by or {}, Origin(self.effective, source))
        return fresh

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every value with scope, unit, first day in force, source and how sure it is."""
        for (scope, key), origin in self.origin.items():
            yield {
                "parameter": key,
                "scope": scope or "",
                "value": self.common[key] if scope is None else self.by[scope][key],
                "unit": self.units[key],
                "effective": f"{origin.effective:%Y-%m-%d %H:%M}".removesuffix(" 00:00"),
                "source": origin.source,
                "evidence": self.evidence.get(key, ""),
            }


def _moment(value: dt.date | dt.datetime) -> dt.datetime:
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)


@lru_cache(maxsize=64)
def _document(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        document = tomllib.load(file)
    for key in ("model", "units", "version"):
        if key not in document:
            raise ParameterError(f"{path.name}: no {key!r}")
    dates = [_moment(v["effective"]) for v in document["version"]]
    if dates != sorted(dates):
        raise ParameterError(f"{path.name}: versions are not in order of their dates")
    for version in document["version"]:
        if not version.get("source"):
            raise ParameterError(f"{path.name}: version {version['effective']} has no source")
        if "file" in version:
            version["set"] = _release(path.parent / version["file"]) | version.get("set", {})
        for values in [version.get("set", {}), *version.get("by", {}).values()]:
            _load_tables(path.parent, values)
    _check_declared(path.name, document)
    return document


def _release(path: Path) -> dict[str, Any]:
    """The values of one version that stand in a file of their own."""
    with path.open("rb") as file:
        return tomllib.load(file)


def _check_declared(name: str, document: dict[str, Any]) -> None:
    units = document["units"]
    for version in document["version"]:
        for values in [version.get("set", {}), *version.get("by", {}).values()]:
            for key in values:
                if key not in units:
                    raise ParameterError(f"{name}: parameter {key!r} has no unit{nearest(key, units)}")
    for key in document.get("evidence", {}):
        if key not in units:
            raise ParameterError(f"{name}: evidence for undeclared {key!r}{nearest(key, units)}")


def _load_tables(folder: Path, values: dict[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and set(value) == {"csv"}:
            values[key] = read_csv(folder / value["csv"])


def read_csv(path: Path) -> dict[str, np.ndarray]:
    """Columns of a parameter CSV: numbers as float64 where all cells are numbers, else text; empty is NaN."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return {name: _column([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def _column(cells: Iterable[str]) -> np.ndarray:
    cells = list(cells)
    try:
        return np.array([float(c) if c else np.nan for c in cells], np.float64)
    except ValueError:
        return np.array(cells, object)


@lru_cache(maxsize=64)
def versions(path: Path | str) -> tuple[dt.datetime, ...]:
    """The first moment in force of every version of a rulebook's TOML, oldest first."""
    return tuple(_moment(version["effective"]) for version in _document(Path(path))["version"])
