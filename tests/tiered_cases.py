"""Golden cases of the tiered venues: the project's own TOML files, and small pieces that several converters use."""

import tomllib
from pathlib import Path

import numpy as np

import xlmargin as xm

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
