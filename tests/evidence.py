"""What backs each rulebook: golden tests record grade, number of cases and worst error in one common table.

A suite is a function that returns the error of each case by name, or of each figure by (case, figure). The test that
owns it calls `check`; the matrix test and README's table run every suite again through `gather`, so that they depend
on no order and keep no files.

    @evidence.suite("toy.cross", grade="official", tolerance=1e-9)
    def published_examples():
        return {case["id"]: abs(margin_of(case) - case["expected"]) for case in cases}

    def test_published_examples():
        evidence.check(published_examples)

``python -m tests.evidence`` prints the table.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

HEADINGS = ("rulebook", "evidence", "cases", "figures", "worst error", "tolerance", "unit")
Name = str | tuple[str, str]


@dataclass(frozen=True, eq=False)
class Suite:
    """Cases of one grade behind one rulebook; ``errors()`` gives the error of each by name."""

    model: str
    grade: str
    tolerance: float
    unit: str
    errors: Callable[[], Mapping[Name, float]] = field(repr=False)


@dataclass(frozen=True)
class Evidence:
    """One row of the table."""

    model: str
    grade: str
    cases: int
    figures: int
    worst: float
    tolerance: float
    unit: str


SUITES: dict[str, Suite] = {}


def suite(model: str, *, grade: str, tolerance: float, unit: str = "relative") -> Callable[..., Suite]:
    """Register the decorated function, which returns {case: error}, as evidence for ``model``."""

    def register(function: Callable[[], Mapping[Name, float]]) -> Suite:
        made = Suite(model, grade, tolerance, unit, cache(function))
        SUITES[f"{function.__module__}.{function.__name__}"] = made
        return made

    return register


def check(made: Suite) -> None:
    """Fail where a case is off by more than the suite's tolerance, and where there is no case at all."""
    errors = made.errors()
    assert errors, f"{made.model}: no case in {made.grade}"
    off = {case: error for case, error in errors.items() if not error <= made.tolerance}
    assert not off, f"{made.model}, {made.grade}: beyond {made.tolerance} {made.unit}: {off}"


def relative(found: float, expected: float) -> float:
    """|found − expected| / max(1, |expected|).

    >>> relative(101.0, 100.0)
    0.01
    """
    return abs(float(found) - float(expected)) / max(1.0, abs(float(expected)))


def exactly(found: object, expected: object) -> float:
    """0.0 where two whole numbers (or words) are the same, else infinity."""
    return 0.0 if found == expected else math.inf


def gather() -> Iterator[Evidence]:
    """A row per rulebook, grade, tolerance and unit; suites whose golden files are not here are passed over."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if "evidence.suite" in path.read_text(encoding="utf-8"):
            importlib.import_module(f"tests.{path.stem}")
    merged: dict[tuple[str, str, float, str], list[Mapping[Name, float]]] = {}
    for name, made in SUITES.items():
        try:
            found = made.errors()
        except pytest.skip.Exception:
            continue
        except Exception as error:
            error.add_note(f"in the evidence suite {name}")
            raise
        merged.setdefault((made.model, made.grade, made.tolerance, made.unit), []).append(found)
    for (model, grade, tolerance, unit), parts in sorted(merged.items()):
        cases = sum(len({n[0] if isinstance(n, tuple) else n for n in part}) for part in parts)
        worst = max((e for part in parts for e in part.values()), default=0.0)
        yield Evidence(model, grade, cases, sum(map(len, parts)), worst, tolerance, unit)


def table(rows: list[Evidence]) -> str:
    """The rows as a Markdown table."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + " --- |" * len(HEADINGS)]
    for row in rows:
        worst = "exact" if row.worst == 0 else f"{row.worst:.1e}"
        allowed = "0" if row.tolerance == 0 else f"{row.tolerance:g}"
        counts = f"{row.cases} | {row.figures}"
        lines.append(f"| `{row.model}` | {row.grade} | {counts} | {worst} | {allowed} | {row.unit} |")
    return "\n".join(lines)


if __name__ == "__main__":
    from tests import evidence

    print(evidence.table(list(evidence.gather())))
