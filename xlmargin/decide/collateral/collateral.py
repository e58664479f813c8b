"""Which assets to post against which requirement at least cost: eligibility, haircuts, tiers, limits, lots, minima."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ...errors import InputError, Note, Problem, nearest
from ..programme import Programme, Solution
from ..shown import Shown
from .posting import UNPRICED, posted
from .schedules import with_schedule

MOST_NAMED = 12
ASSETS = ("asset", "quantity", "price", "haircut", "cost", "lot", "group")
REQUIREMENTS = ("requirement", "required", "minimum", "most_assets")
PAIRS = ("asset", "requirement", "haircut", "cost", "limit", "held")
TIERS = ("asset", "floor", "ratio")
GROUPS = ("group", "requirement", "share")


@dataclass(frozen=True, eq=False, repr=False)
class Allocation(Shown):
    """What is posted where: a row per pair used; cost reached and the bound that no allocation can go below."""

    pairs: Any
    requirements: Any
    assets: Any
    cost: float
    bound: float
    exact: bool
    notes: tuple[Note, ...] = ()

    def frame(self) -> Any:
        """A row per asset and requirement (pandas DataFrame): units, value, what counts, cost."""
        return self.pairs

    @property
    def words(self) -> str:
        """Cost, bound, and whether it is proved."""
        gap = self.cost - self.bound
        proof = "proved least" if self.exact else f"within {gap:,.6g} of the bound {self.bound:,.6g}"
        return f"cost {self.cost:,.6g}, {proof}"


def allocate(
    assets: Any,
    requirements: Any,
    pairs: Any = None,
    *,
    tiers: Any = None,
    groups: Any = None,
    haircuts: str | None = None,
    as_of: Any = None,
    move_cost: float = 0.0,
    seconds: float = 20.0,
) -> Allocation:
    """The cheapest posting of assets that meets every requirement, as a linear or mixed-integer programme.

    Parameters: ``assets``, a table: asset, quantity (units), price (1 unless given), haircut, cost (a year and unit of
    value), lot (units are posted in multiples of it), group (issuer); ``requirements``: requirement, required (value
    after haircuts), minimum (smallest transfer of one asset, value), most_assets; ``pairs``: asset, requirement, and
    where they differ haircut, cost, limit (most units), held (units posted now) — where given, only listed pairs are
    eligible; ``tiers``: asset, floor (units), ratio, the marginal value by size instead of a haircut; ``groups``:
    group, requirement, share (most of a requirement that a group may cover); ``haircuts`` a published schedule ("bcbs",
    "us", "eu") in force at ``as_of`` for assets that bring class, maturity, quality, currency instead of a haircut;
    ``move_cost`` a unit of value moved.
    min Σ cost·price·x + move · |x − held| subject to Σ_j x ≤ quantity, Σ_i counted ≥ required, limits, lots, minima.
    Raises InputError for tables that cannot be read, Infeasible where no posting meets all limits, naming the clash.
    """
    notes: tuple[Note, ...] = ()
    if haircuts is not None:
        pairs, notes = with_schedule(assets, requirements, pairs, haircuts, as_of)
    case = _Case.read(assets, requirements, pairs, tiers, groups, move_cost)
    model = _Model(case)
    return replace(model.told(model.programme.solve(seconds)), notes=(*notes, *case.doubts()))


@dataclass(frozen=True, eq=False)
class _Case:
    assets: Any
    requirements: Any
    pairs: Any
    tiers: Any
    groups: Any
    move_cost: float

    @classmethod
    def read(cls, assets: Any, requirements: Any, pairs: Any, tiers: Any, groups: Any, move_cost: float) -> _Case:
        problems: list[Problem] = []
        a = posted("assets", assets, ASSETS, ("asset", "quantity"), problems)
        r = posted("requirements", requirements, REQUIREMENTS, ("requirement", "required"), problems)
        p = posted("pairs", pairs, PAIRS, ("asset", "requirement") if pairs is not None else (), problems)
        t = posted("tiers", tiers, TIERS, TIERS if tiers is not None else (), problems)
        g = posted("groups", groups, GROUPS, GROUPS if groups is not None else (), problems)
        for name, table, column, known in (
            ("pairs", p, "asset", a["asset"]),
            ("pairs", p, "requirement", r["requirement"]),
            ("tiers", t, "asset", a["asset"]),
            ("groups", g, "requirement", r["requirement"]),
        ):
            problems.extend(_unknown(name, table, column, set(known)))
        problems.extend(_bad_numbers(a, r, t))
        if pairs is None:
            p = a[["asset"]].merge(r[["requirement"]], how="cross").reindex(columns=list(PAIRS))
        if not problems and not len(p):
            problems.append(Problem("pairs", 0, "", None, "no asset may be posted at any requirement"))
        if problems:
            raise InputError(problems)
        own = p.merge(a, on="asset", suffixes=("", " of asset"), how="left")
        for column in ("haircut", "cost"):
            own[column] = own[column].fillna(own[f"{column} of asset"])
        return cls(a, r, own, t, g, move_cost)

    def doubts(self) -> Iterator[Note]:
        """What was not given and taken as stated."""
        bare = list(dict.fromkeys(self.assets["asset"][self.assets[UNPRICED]]))
        if bare:
            more = f" and {len(bare) - MOST_NAMED} more" if len(bare) > MOST_NAMED else ""
            yield Note(f"no price is given of {', '.join(bare[:MOST_NAMED])}{more}: a unit of it counts as 1")


def _unknown(name: str, table: Any, column: str, known: set[str]) -> Iterator[Problem]:
    for n, word in enumerate(table[column]):
        if not isinstance(word, str):
            yield Problem(name, n + 2, column, None, f"empty; name the {column}")
        elif word not in known:
            yield Problem(name, n + 2, column, word, f"no {column} {word!r}{nearest(word, known)}")


def _bad_numbers(assets: Any, requirements: Any, tiers: Any) -> Iterator[Problem]:
    """Amounts below zero, haircuts outside 0 … 1, ratios that rise with size."""
    for name, table, column, good in (
        ("assets", assets, "quantity", assets["quantity"] >= 0),
        ("assets", assets, "price", assets["price"] > 0),
        ("assets", assets, "haircut", (assets["haircut"] >= 0) & (assets["haircut"] <= 1)),
        ("assets", assets, "lot", assets["lot"].isna() | (assets["lot"] > 0)),
        ("requirements", requirements, "required", requirements["required"] >= 0),
    ):
        for n in np.flatnonzero(~good):
            value = table[column].iloc[n]
            yield Problem(name, int(n) + 2, column, value, f"{value:g} is out of range for {column}")
    for asset, own in tiers.groupby("asset", sort=False):
        ladder = own.sort_values("floor")["ratio"].to_numpy()
        if np.any(np.diff(ladder) > 0):
            text = f"ratios of {asset} rise with size: such a programme is not solved here"
            yield Problem("tiers", 0, "ratio", None, text)


class _Model:
    """The programme: units of each pair, lots, pieces by tier, switches for minima and counts, moves from holdings."""

    def __init__(self, case: _Case) -> None:
        self.case, p = case, case.pairs
        self.n = len(p)
        self.low, self.high, self.whole, self.cost = [], [], [], []
        price = p["price"].to_numpy(float)
        most = np.fmin(p["quantity"].to_numpy(float), p["limit"].to_numpy(float))
        self.units = self._block(self.n, 0.0, most, p["cost"].to_numpy(float) * price)
        self.pieces: dict[int, list[tuple[int, float]]] = {}
        self.rows: list[tuple[str, Any, Any, float, float]] = []
        self._tiers(price)
        self._lots()
        self._switches(price, most)
        self._moved(price)
        self._supply()
        self._demand(price)
        self.programme = Programme(
            *(np.array(v, float) for v in (self.cost, self.low, self.high)), np.array(self.whole, bool)
        )
        for row in self.rows:
            self.programme.add(*row)

    def _block(self, count: int, low: Any, high: Any, cost: Any, whole: bool = False) -> np.ndarray:
        start = len(self.cost)
        for target, value in ((self.low, low), (self.high, high), (self.cost, cost), (self.whole, whole)):
            target.extend(np.broadcast_to(np.asarray(value), (count,)).tolist())
        return np.arange(start, start + count)

    def _label(self, p: int) -> str:
        return f"{self.case.pairs['asset'].iloc[p]} at {self.case.pairs['requirement'].iloc[p]}"

    def _tiers(self, price: np.ndarray) -> None:
        """Units of a tiered asset are the sum of its pieces, the best ratio first by itself."""
        for asset, own in self.case.tiers.groupby("asset", sort=False):
            own = own.sort_values("floor")
            floor, ratio = own["floor"].to_numpy(float), own["ratio"].to_numpy(float)
            width = np.diff(np.append(floor, np.inf))
            for p in np.flatnonzero(self.case.pairs["asset"] == asset):
                made = self._block(len(width), 0.0, width, 0.0)
                self.pieces[int(p)] = [(int(v), float(r)) for v, r in zip(made, ratio, strict=True)]
                self.rows.append(
                    (f"tiers of {self._label(p)}", [self.units[p], *made], [-1.0, *[1.0] * len(made)], 0.0, 0.0)
                )

    def _lots(self) -> None:
        lots = self.case.pairs["lot"].to_numpy(float)
        for p in np.flatnonzero(np.isfinite(lots)):
            count = self._block(1, 0.0, np.inf, 0.0, whole=True)[0]
            self.rows.append((f"lots of {self._label(p)}", [self.units[p], count], [1.0, -lots[p]], 0.0, 0.0))

    def _switches(self, price: np.ndarray, most: np.ndarray) -> None:
        """A switch a pair where its requirement has a smallest transfer or a largest number of assets."""
        r = self.case.requirements
        for requirement, minimum, count in zip(r["requirement"], r["minimum"], r["most_assets"], strict=True):
            if not (minimum > 0 or np.isfinite(count)):
                continue
            own = np.flatnonzero(self.case.pairs["requirement"] == requirement)
            on = self._block(len(own), 0.0, 1.0, 0.0, whole=True)
            for z, p in zip(on, own, strict=True):
                self.rows.append((f"posting {self._label(p)}", [self.units[p], z], [1.0, -most[p]], -np.inf, 0.0))
                if minimum > 0:
                    name = f"smallest transfer of {self._label(p)}"
                    self.rows.append((name, [self.units[p], z], [price[p], -float(minimum)], 0.0, np.inf))
            if np.isfinite(count):
                self.rows.append((f"most assets of {requirement}", on, np.ones(len(on)), 0.0, float(count)))

    def _moved(self, price: np.ndarray) -> None:
        """What is moved from what is held now, either way."""
        held = np.nan_to_num(self.case.pairs["held"].to_numpy(float))
        if not self.case.move_cost:
            return
        for p in range(self.n):
            up, down = self._block(2, 0.0, np.inf, self.case.move_cost * price[p])
            self.rows.append(
                (f"moves of {self._label(p)}", [self.units[p], up, down], [1.0, -1.0, 1.0], held[p], held[p])
            )

    def _supply(self) -> None:
        for asset, quantity in zip(self.case.assets["asset"], self.case.assets["quantity"], strict=True):
            own = np.flatnonzero(self.case.pairs["asset"] == asset)
            if len(own):
                self.rows.append((f"quantity of {asset}", self.units[own], np.ones(len(own)), -np.inf, float(quantity)))

    def _counted(self, p: int, price: np.ndarray) -> tuple[list[int], list[float]]:
        """Variables and values of what pair ``p`` counts for."""
        if p in self.pieces:
            return [v for v, _ in self.pieces[p]], [r * price[p] for _, r in self.pieces[p]]
        return [int(self.units[p])], [(1.0 - self.case.pairs["haircut"].iloc[p]) * price[p]]

    def _demand(self, price: np.ndarray) -> None:
        r, pairs = self.case.requirements, self.case.pairs
        need = dict(zip(r["requirement"], r["required"].astype(float), strict=True))
        for requirement, required in need.items():
            self.rows.append(
                (f"requirement {requirement}", *self._sum(pairs["requirement"] == requirement, price), required, np.inf)
            )
        for group, requirement, share in self.case.groups[list(GROUPS)].itertuples(index=False):
            own = (pairs["requirement"] == requirement) & (pairs["group"] == group)
            name = f"share of {group} in {requirement}"
            self.rows.append((name, *self._sum(own, price), -np.inf, float(share) * need[requirement]))

    def _sum(self, mask: Any, price: np.ndarray) -> tuple[list[int], list[float]]:
        columns, values = [], []
        for p in np.flatnonzero(mask):
            more = self._counted(int(p), price)
            columns += more[0]
            values += more[1]
        return columns, values

    def told(self, found: Solution) -> Allocation:
        """The answer as tables."""
        p, price = self.case.pairs, self.case.pairs["price"].to_numpy(float)
        units = found.x[self.units]
        counted = np.array([np.dot(found.x[c], v) for c, v in (self._counted(n, price) for n in range(self.n))])
        table = pd.DataFrame(
            {"asset": p["asset"], "requirement": p["requirement"], "quantity": units, "value": units * price}
        )
        table = table.assign(counted=counted, cost=p["cost"].to_numpy(float) * price * units)
        table = table[table["quantity"] > 1e-9 * np.maximum(1.0, p["quantity"])].reset_index(drop=True)
        by = table.groupby("requirement")["counted"].sum()
        need = self.case.requirements[["requirement", "required"]].assign(
            counted=lambda d: d["requirement"].map(by).fillna(0.0)
        )
        used = table.groupby("asset")["quantity"].sum()
        stock = self.case.assets[["asset", "quantity"]].assign(used=lambda d: d["asset"].map(used).fillna(0.0))
        need, stock = (
            need.assign(surplus=need["counted"] - need["required"]),
            stock.assign(left=stock["quantity"] - stock["used"]),
        )
        exact = found.finished and found.gap <= 1e-9
        return Allocation(table, need, stock, found.value, found.bound, exact)
