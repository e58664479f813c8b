"""Published haircut schedules: what an asset of a class, maturity and quality counts for at a requirement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...errors import InputError, Note, Problem, nearest
from ...params import Params
from ...parsing import read_time

FILE = Path(__file__).with_name("haircuts.toml")
LOWEST = 4


@dataclass(frozen=True, eq=False)
class Schedule:
    """Haircuts in force: classes (N,), credit quality steps, longest maturities in years and fractions, row by row."""

    name: str
    kind: np.ndarray
    quality: np.ndarray
    longest: np.ndarray
    fraction: np.ndarray
    mismatch: float
    inclusive: bool
    ineligible: frozenset[tuple[str, int]]
    cite: str

    @classmethod
    def of(cls, name: str, as_of: Any) -> Schedule:
        """A schedule by name ("bcbs", "us", "eu") in force at a date; raises InputError, NoVersion before the first."""
        if as_of is None:
            raise InputError([Problem("haircuts", 0, "as_of", None, "a published schedule needs a date: give as_of=")])
        try:
            p = Params.load(FILE, read_time(as_of) if not isinstance(as_of, int | float) else float(as_of))
        except ValueError as error:
            raise InputError([Problem("haircuts", 0, "as_of", as_of, str(error))]) from None
        if name not in p.by:
            known = ", ".join(p.by)
            message = f"no schedule {name!r}{nearest(str(name), p.by)}; in force then: {known}"
            raise InputError([Problem("haircuts", 0, "", name, message)])
        kind, quality, longest, fraction = zip(*p.get("rows", name), strict=True)
        banned = frozenset((str(k), int(q)) for k, q in p.get("ineligible", name))
        numbers = np.array(quality, np.int64), np.array(longest, np.float64), np.array(fraction, np.float64)
        cite = f"{name}: {p.origin[name, 'rows']}"
        own = p.get("mismatch", name), bool(p.get("inclusive", name))
        return cls(name, np.array(kind, object), *numbers, *own, banned, cite)

    def haircut(self, kind: str, maturity: float = np.nan, quality: float = np.nan) -> float:
        """The fraction deducted from an asset; NaN where it may not be posted.

        Raises ValueError, in words, where the class is not known or maturity or credit quality step is needed.

        >>> eu = Schedule.of("eu", "2026-01-01")
        >>> eu.haircut("government", 3.0, 1), eu.haircut("gold"), eu.haircut("corporate", 3.0, 4)
        (0.02, 0.15, nan)
        """
        kind = kind.strip().casefold()
        own = self.kind == kind
        if not own.any():
            have = ", ".join(dict.fromkeys(self.kind))
            raise ValueError(f"no class {kind!r} in schedule {self.name}{nearest(kind, self.kind)}; there are {have}")
        rated = (self.quality[own] > 0).any()
        if rated and not (np.isfinite(quality) and quality >= 1 and quality == int(quality)):
            raise ValueError(f"{kind} needs its credit quality step (1, 2, 3 …) in column quality")
        step = min(int(quality), LOWEST) if rated else 0
        if (kind, step) in self.ineligible:
            return np.nan
        own &= self.quality == step
        if own.sum() > 1 and not (np.isfinite(maturity) and maturity >= 0):
            raise ValueError(f"{kind} needs its residual maturity in years in column maturity")
        side = "left" if self.inclusive else "right"
        bucket = np.searchsorted(self.longest[own], maturity, side) if own.sum() > 1 else 0
        return float(self.fraction[own][min(int(bucket), own.sum() - 1)])


def with_schedule(assets: Any, requirements: Any, pairs: Any, name: str, as_of: Any) -> tuple[Any, tuple[Note, ...]]:
    """The pairs of ``allocate`` with a schedule's haircuts where none is given, and what may not be posted.

    Assets bring class, maturity (years), quality (credit quality step) and currency, requirements currency; where both
    currencies are known and differ the mismatch is added. Raises InputError with every row that cannot be looked up.
    """
    schedule = Schedule.of(name, as_of)
    a, r = _frame(assets), _frame(requirements)
    problems = [
        Problem(table, 1, column, None, "required column is missing")
        for table, frame, column in (("assets", a, "asset"), ("assets", a, "class"), ("requirements", r, "requirement"))
        if column not in frame
    ]
    if problems:
        raise InputError(problems)
    p = a[["asset"]].merge(r[["requirement"]], how="cross") if pairs is None else _frame(pairs)
    if "asset" not in p:
        return p, ()
    named = set(map(str, p["asset"]))
    rows = enumerate(a.to_dict("records"))
    base = np.array([_base(schedule, x, n, problems) if str(x["asset"]) in named else 0.0 for n, x in rows], float)
    if problems:
        raise InputError(problems)
    number = {str(asset): n for n, asset in enumerate(a["asset"])}
    at = np.array([number.get(str(x), -1) for x in p["asset"]], np.int64)
    differs = _differs(a, r, p, at)
    own = np.append(base, 0.0)[at] + schedule.mismatch * differs
    stated = pd.to_numeric(p["haircut"], errors="coerce") if "haircut" in p else pd.Series(np.nan, index=p.index)
    given = pd.to_numeric(a["haircut"], errors="coerce") if "haircut" in a else pd.Series(np.nan, index=a.index)
    stated = stated.fillna(pd.Series(np.append(given.to_numpy(float), np.nan)[at], index=p.index))
    filled = p.assign(haircut=stated.fillna(pd.Series(own, index=p.index)))
    return filled[filled["haircut"].notna() | (at < 0)], _notes(schedule, a, base)


def _frame(table: Any) -> Any:
    frame = pd.DataFrame(table)
    return frame.rename(columns={c: str(c).strip().casefold().replace(" ", "_") for c in frame})


def _base(schedule: Schedule, row: dict[str, Any], n: int, problems: list[Problem]) -> float:
    """The haircut of one asset in its own currency; 0 where it brings one of its own."""
    if np.isfinite(_number(row, "haircut", n, problems)):
        return 0.0
    maturity, quality = (_number(row, c, n, problems) for c in ("maturity", "quality"))
    try:
        return schedule.haircut(str(row["class"]), maturity, quality)
    except ValueError as error:
        problems.append(Problem("assets", n + 2, "class", row["class"], f"{row['asset']}: {error}"))
        return np.nan


def _number(row: dict[str, Any], column: str, n: int, problems: list[Problem]) -> float:
    value = row.get(column)
    if value is None or str(value).strip() in ("", "nan"):
        return np.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        problems.append(Problem("assets", n + 2, column, value, f"not a number: {value!r}"))
        return np.nan


def _differs(assets: Any, requirements: Any, pairs: Any, at: np.ndarray) -> np.ndarray:
    """Whether the currencies of asset and requirement are known and differ (P,)."""
    if "currency" not in assets or "currency" not in requirements or "requirement" not in pairs:
        return np.zeros(len(pairs))
    own = np.append(_words(assets["currency"]), "")[at]
    wanted = dict(zip(requirements["requirement"].astype(str), _words(requirements["currency"]), strict=True))
    there = np.array([wanted.get(str(x), "") for x in pairs["requirement"]], object)
    return ((own != there) & (own != "") & (there != "")).astype(np.float64)


def _words(column: Any) -> np.ndarray:
    return np.array(["" if pd.isna(x) else str(x).strip().upper() for x in column], object)


def _notes(schedule: Schedule, assets: Any, base: np.ndarray) -> tuple[Note, ...]:
    told: list[Note] = [Note(f"haircuts of schedule {schedule.name} where none is given", schedule.cite)]
    banned: Sequence[str] = [str(x) for x in assets["asset"][np.isnan(base)]]
    if banned:
        told.append(Note(f"may not be posted under schedule {schedule.name}: {', '.join(banned)}", schedule.cite))
    return tuple(told)
