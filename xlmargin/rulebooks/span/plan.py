"""What a clearing house publishes of the combined commodities in use, laid over the months that are held there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...market import OPTION, Market
from ...params import Params
from ...spanfiles.faults import period_number
from ...spanfiles.model import SCENARIOS

SIDE = {"A": 1.0, "B": -1.0}
LONDON, SCANNING = "10", "04"
MONTHS_BELOW = 1_000_000


@dataclass(frozen=True, eq=False)
class Leg:
    """A leg of a spread: scope number, its month columns nearest first, deltas a spread, side ±1, part credited."""

    scope: int
    columns: np.ndarray
    ratio: float
    side: float
    rate: float = 0.0
    required: bool = True
    words: str = ""


@dataclass(frozen=True, eq=False)
class Spread:
    """A published spread that can form here. ``rate`` is money a spread (calendar, flat) or the part credited."""

    name: str
    rate: float
    legs: tuple[Leg, ...]
    method: str = ""
    flat: bool = False
    ahead: bool = False
    target: int = -1
    target_ratio: float = 1.0
    target_required: bool = False
    least: int = 1


@dataclass(frozen=True, eq=False)
class Plan:
    """Months, scanning tiers, rates and spreads of every scope, all without holdings.

    ``month`` (I,) numbers each instrument's delta month over all scopes, ``column`` (M,) its place within its scope;
    ``calendar`` and ``spot`` are lists by scope.
    """

    loss: np.ndarray
    delta: np.ndarray
    month: np.ndarray
    column: np.ndarray
    month_scope: np.ndarray
    width: np.ndarray
    scan_group: np.ndarray
    scan_scope: np.ndarray
    som_group: np.ndarray
    som_rate: np.ndarray
    som_max: np.ndarray
    calendar: list[list[Spread]]
    spot: list[list[tuple[int, float, float, str]]]
    inter: list[Spread]
    left_out: list[tuple[str, tuple[int, ...]]]


def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """The plan and parameters by scope."""
    numbers = _numbers(market)
    per_unit = p["array_basis"] == "unit"
    basis = market["contract_size"] if per_unit else np.ones(len(market))
    month, first = market.group("scope", numbers)
    month_scope = market.scope[first]
    column = np.arange(len(first)) - np.searchsorted(month_scope, month_scope)
    own = [_of(p, code) for code in market.scopes]
    months = [numbers[first][month_scope == u] for u in range(len(own))]
    scan_tier = _tier_of(market, numbers, own, months, "scan_tiers")
    som_tier = _tier_of(market, numbers, own, months, "som_tiers")
    scan_group, scan_first = market.group("scope", scan_tier)
    inter, left_out = _inter(p, market, own, months)
    som = [tier[-1] for v in own for tier in (v["som_tiers"] or [[v["som_rate"]]])]
    offset = np.cumsum([0, *(max(len(v["som_tiers"]), 1) for v in own)])[:-1]
    rates = np.array([*som, 0.0])
    place = offset[market.scope] + np.maximum(som_tier, 0) if len(market) else np.zeros(0, np.int64)
    plan = Plan(
        loss=np.stack([market.column(f"a{n + 1}") for n in range(SCENARIOS)], axis=1) * basis[:, None],
        delta=market.column("delta") * market.column("delta_scaling", 1.0) * basis,
        month=month,
        column=column,
        month_scope=month_scope,
        width=np.array([len(m) for m in months], np.int64),
        scan_group=scan_group,
        scan_scope=market.scope[scan_first],
        som_group=place,
        som_rate=np.where((som_tier < 0) & _tiered(own, "som_tiers")[market.scope], 0.0, rates[place])
        * market.column("delta_scaling", 1.0)
        * basis,
        som_max=np.array([v["som_method"] == "max" for v in own], bool),
        calendar=[list(_calendar(u, v, months[u])) for u, v in enumerate(own)],
        spot=[list(_spot(v, months[u])) for u, v in enumerate(own)],
        inter=inter,
        left_out=left_out,
    )
    return {"plan": plan, "own": own, "price": _prices(market)}


def _of(p: Params, code: str) -> dict[str, Any]:
    """Every parameter of one combined commodity, common values where it has none of its own."""
    return {**p.common, **p.by.get(code, {})}


def _numbers(market: Market) -> np.ndarray:
    """The delta month of each instrument (I,) as YYYYMMDD, day 0 for a month: published, else the day of its expiry."""
    days = np.nan_to_num(market["expiry"] // 86400).astype("datetime64[D]").astype(str)
    dates = np.array([int(d.replace("-", "")) for d in days], np.int64)
    expiry = np.where(np.isnan(market["expiry"]), 0, dates)
    if "delta_period" in market.texts:
        texts = market.texts["delta_period"]
        return np.array([period_number(t) if t else e for t, e in zip(texts, expiry, strict=True)], np.int64)
    given = market.column("delta_period")
    number = np.where(given < MONTHS_BELOW, given * 100, given)
    return np.where(np.isnan(given), expiry, np.nan_to_num(number)).astype(np.int64)


def _prices(market: Market) -> np.ndarray:
    """Settlement prices (I,): as published, else the mark."""
    published = market.column("settlement")
    return np.where(np.isnan(published), market["mark"], published)


def _inside(numbers: np.ndarray, start: str, end: str) -> np.ndarray:
    low = period_number(start) if start else -1
    high = period_number(end, end=True) if end else np.iinfo(np.int64).max
    return (numbers >= low) & (numbers <= high)


def _tiered(own: list[dict[str, Any]], key: str) -> np.ndarray:
    return np.array([bool(v[key]) for v in own], bool)


def _tier_of(
    market: Market, numbers: np.ndarray, own: list[dict[str, Any]], months: list[np.ndarray], key: str
) -> np.ndarray:
    """Place of each instrument's tier in its scope's list (I,); 0 where there are none, −1 outside every tier."""
    out = np.zeros(len(market), np.int64)
    for u, values in enumerate(own):
        here = np.flatnonzero(market.scope == u)
        if key == "scan_tiers" and values["each_month"]:
            out[here] = np.searchsorted(months[u], numbers[here])
        elif values[key]:
            out[here] = -1
            for n, tier in reversed(list(enumerate(values[key]))):
                bounds = tier[1:3] if key == "scan_tiers" else tier[:2]
                out[here[_inside(numbers[here], *bounds)]] = n
    return out


def _in_tier(months: np.ndarray, tiers: list[list[Any]], number: int) -> np.ndarray:
    """Columns of the months in tier ``number``."""
    found = np.zeros(len(months), bool)
    for n, start, end in tiers:
        if n == number:
            found |= _inside(months, start, end)
    return np.flatnonzero(found)


def _calendar(u: int, values: dict[str, Any], months: np.ndarray) -> Iterator[Spread]:
    """Calendar spreads of one scope that can form among the held months."""
    if values["intra_method"] == "01":
        return
    for n, spread in enumerate(values["intra_spreads"]):
        legs, words = [], []
        for kind, which, ratio, side in spread["legs"]:
            if kind == "period":
                columns = np.flatnonzero(_inside(months, which, which))
            elif values["intra_method"] == "02":
                columns = np.arange(len(months))
            else:
                columns = _in_tier(months, values["intra_tiers"], which)
            words.append(f"{ratio:g} {kind} {which} {side}")
            legs.append(Leg(u, columns, ratio, SIDE[side]))
        if all(len(leg.columns) for leg in legs):
            yield Spread(f"Spread {n + 1}: {' / '.join(words)}", spread["rate"], tuple(legs), spread["charge"])


def _spot(values: dict[str, Any], months: np.ndarray) -> Iterator[tuple[int, float, float, str]]:
    """(column, rate in spreads, rate outright, month) of the delivery months that are held."""
    for period, spread, outright in values["spot"]:
        for column in np.flatnonzero(_inside(months, period, period)):
            yield int(column), spread, outright, period


def _inter(
    p: Params, market: Market, own: list[dict[str, Any]], months: list[np.ndarray]
) -> tuple[list[Spread], list[tuple[str, tuple[int, ...]]]]:
    """Spreads between commodities that can form here, and those that could but are not computed, with their scopes."""
    number = {code: u for u, code in enumerate(market.scopes)}
    made, left_out = [], []
    part = 1.0 / p["credit_unit"]
    for n, spread in enumerate(p["inter_spreads"]):
        legs = [_inter_leg(leg, number, own, months, spread, part) for leg in spread["legs"]]
        held = [leg for leg in legs if leg is not None]
        scanning = spread["method"] == SCANNING
        if not held or (not scanning and len(held) < len(legs)):
            continue
        scopes = tuple(leg.scope for leg in held)
        target = number.get(spread["target"], -1)
        name = f"Spread {n + 1} (priority {spread['priority']:g})"
        why = _why_not(spread, [*scopes, target] if target >= 0 else scopes, own)
        if why:
            left_out.append((f"{name} of {', '.join(market.scopes[list(scopes)])}: {why}", scopes))
            continue
        made.append(
            Spread(
                name,
                spread["rate"],
                tuple(held),
                spread["method"],
                spread["flat"],
                spread["super"],
                target,
                spread["target_ratio"],
                spread.get("target_required", False),
                int(spread["least"]) if not _missing(legs, spread) else len(legs) + 1,
            )
        )
    return sorted(made, key=lambda s: not s.ahead), left_out


def _missing(legs: list[Leg | None], spread: dict[str, Any]) -> bool:
    """Whether a leg that a scanning-based spread asks for is held by nobody."""
    return any(leg is None and bool(raw[4]) for leg, raw in zip(legs, spread["legs"], strict=True))


def _inter_leg(
    leg: list[Any], number: dict[str, int], own: list[dict], months: list[np.ndarray], spread: dict, part: float
) -> Leg | None:
    code, ratio, side, tier, required, credit = leg
    u = number.get(code)
    if u is None:
        return None
    columns = _in_tier(months[u], own[u]["inter_tiers"], tier) if tier else np.arange(len(months[u]))
    if not len(columns):
        return None
    rate = (credit if spread["separate"] else spread["rate"]) * (1.0 if spread["flat"] else part)
    words = f"{ratio:g} {code}{f' tier {tier}' if tier else ''} {side}"
    return Leg(u, columns, ratio, SIDE[side], rate, bool(required), words)


def _why_not(spread: dict[str, Any], scopes: list[int] | tuple[int, ...], own: list[dict[str, Any]]) -> str:
    if spread["method"] == LONDON:
        return "the London tiered method is not computed"
    if len({own[u]["currency"] for u in scopes}) > 1:
        return "its legs are margined in different currencies"
    if spread["method"] == SCANNING and any(own[u]["scan_tiers"] or own[u]["each_month"] for u in scopes):
        return "a scanning-based spread of a commodity with scanning tiers is not computed"
    if any(own[u]["each_month"] for u in scopes):
        return "a spread of a commodity whose months are tiers of their own is not computed"
    return ""


def premium_options(market: Market) -> np.ndarray:
    """Options whose value counts as paid (I,): premium style."""
    return (market.kind == OPTION) & (market.column("premium", 1.0) > 0)
