"""Golden cases of the tiered venues: the project's own TOML files, and small pieces that several converters use."""

import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

import xlmargin as xm
from tests import evidence

FOLDER = Path(__file__).parent / "golden"
AS_OF = "2026-11-25T12:00Z"


def own(venue: str) -> list[Path]:
    """The TOML cases of a venue, sorted."""
    return sorted((FOLDER / venue).glob("*.toml"))


def run(path: Path) -> tuple[xm.Margin, list[dict]]:
    """The margin of a TOML case and what it expects, a dictionary a pool."""
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    assert case["source"], path.name
    book, market = xm.tables(**case["tables"], as_of=case.get("as_of", AS_OF), venue=case.get("venue", ""))
    params = xm.model(case["model"]).params(market.as_of)
    if "override" in case:
        params = params.override(path.name, **case["override"])
    return xm.margin(book, market, case["model"], params=params), case["expected"]


def check(margin: xm.Margin, expected: list[dict]) -> None:
    """Every figure named in ``expected`` against the pool that it names (the only one unless it does)."""
    for wanted in expected:
        rows = np.flatnonzero((margin.pool == wanted["pool"]) if "pool" in wanted else np.ones(len(margin.pool), bool))
        assert len(rows) == 1, (wanted, list(margin.pool))
        for name, value in wanted.items():
            if name in ("pool", "tolerance"):
                continue
            found = figure(margin, name)[rows[0]]
            assert abs(found - value) <= wanted.get("tolerance", 1e-9), (name, found, value)


def figure(margin: xm.Margin, name: str) -> np.ndarray:
    """A figure of a margin by name: ratio, available, a heading, or the name of a line anywhere below one."""
    if name in ("ratio", "available", "headroom"):
        return getattr(margin, name)
    tops = margin.lines()
    if name in tops:
        return tops[name].value
    return next(line.value for top in tops.values() for _, line in top.walk() if line.name == name)


def columns(rows: list[dict]) -> dict[str, list]:
    """Records as columns, None where a record lacks one."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def one_bracket(key: str, rate: float, cum: float) -> list[tuple]:
    """Brackets (key, floor, rate) whose top one charges size·rate − cum: below it nothing is charged."""
    return [(key, 0.0, rate)] if cum == 0 else [(key, 0.0, 0.0), (key, cum / rate, rate)]


def table(rows: list[tuple]) -> dict[str, np.ndarray]:
    """A bracket table from (key, floor, rate) rows."""
    key, floor, rate = zip(*rows, strict=True)
    return {"key": np.array(key, object), "floor": np.array(floor), "rate": np.array(rate)}


def readds(margin: xm.Margin) -> float:
    """The worst gap of any line of any account of a margin, in detail."""
    worst = 0.0
    for account in dict.fromkeys(margin.account):
        detail = margin.detail(account)
        worst = max(worst, *(line.gap(detail.run.book) for line in detail.lines().values()))
    return worst


def same_alone(margin: xm.Margin) -> bool:
    """Whether every account alone gives bit for bit what it gives among the others."""
    for account in dict.fromkeys(margin.account):
        detail, rows = margin.detail(account), margin.account == account
        for name in ("equity", "initial", "maintenance"):
            if not np.array_equal(getattr(detail, name).value, getattr(margin, name).value[rows]):
                return False
    return True


def amounts_of(margin: xm.Margin, heading: str, name: str) -> np.ndarray:
    """Amounts per holding of the line of that name under a heading of a detailed margin, zeros left out."""
    amounts = next(line.amounts for _, line in margin.lines()[heading].walk() if line.name == name)
    return amounts[amounts != 0]


STATED = "case's own tolerance"


def error(found: Any, wanted: Any, tolerance: float) -> float:
    """How far a figure, or the worst of several by name, is off in units of the tolerance."""
    pairs = [(found[k], v) for k, v in wanted.items()] if isinstance(wanted, dict) else [(found, wanted)]
    return max(abs(float(a) - float(b)) for a, b in pairs) / tolerance


def grade_of(case: dict) -> str:
    """How good a case is: official figures, third-party rows, or weak ones that only guard against regression."""
    if case["id"].startswith(("GEN-", "BN-DER")) or "synthetic" in case["topic"]:
        return "regression only"
    return "official" if case["strength"].startswith("official") else "third party"


def proofs(model: str, what: str, cases: Iterable[dict], found: Callable[[dict], Any], module: str) -> list:
    """Evidence of a kind of case, a suite a grade; cases without a published answer are no evidence."""
    known = [c for c in cases if c["expected"] is not None]
    by_grade = {g: [c for c in known if grade_of(c) == g] for g in ("official", "third party", "regression only")}
    name = f"{what} {found.__name__}"
    return [proof(model, f"{g}: {what}", own, found, module, f"{name} {g}") for g, own in by_grade.items() if own]


def proof(model: str, grade: str, cases: Iterable[dict], found: Callable[[dict], Any], module: str, name: str):
    """Register shared cases as evidence, each within the tolerance that it states."""
    cases = list(cases)

    def errors() -> dict[str, float]:
        return {c["id"]: error(found(c), c["expected"], c["tolerance"]) for c in cases}

    errors.__module__, errors.__name__ = module, name
    return evidence.suite(model, grade=grade, tolerance=1.0, unit=STATED)(errors)


def own_proof(model: str, venue: str, module: str):
    """Register the project's own cases of a model as evidence."""
    paths = [p for p in own(venue) if tomllib.loads(p.read_text(encoding="utf-8"))["model"] == model]

    def errors() -> dict[str, float]:
        return {p.stem: worst(p) for p in paths}

    errors.__module__, errors.__name__ = module, f"own_{model}"
    return evidence.suite(model, grade="own cases from official text", tolerance=1e-9)(errors)


def worst(path: Path) -> float:
    """Worst relative error of a TOML case."""
    margin, expected = run(path)
    off = 0.0
    for wanted in expected:
        row = int(np.flatnonzero(margin.pool == wanted.get("pool", margin.pool[0]))[0])
        named = {k: v for k, v in wanted.items() if k not in ("pool", "tolerance")}
        off = max(off, *(evidence.relative(figure(margin, k)[row], v) for k, v in named.items()))
    return off
