"""The SPAN requirement as a ledger: scan risk, charges, credits, minimum, ratio, option value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...book import Book, added
from ...collateral import unrealised, wallet
from ...errors import Note
from ...ledger import Grid, Line, Margin
from ...market import OPTION
from .held import Entries, Held
from .rounding import rounded
from .scan import PRICE, VOL

FORMULA = {
    "scan": "largest loss of 16 scenarios, per combined commodity",
    "calendar": "spreads formed × charge, by priority",
    "spot": "deltas in spreads × rate + deltas outright × rate",
    "credit": "weighted price risk × deltas × credit rate, by priority",
    "som": "what the short option minimum asks beyond scan + calendar + delivery − credits",
    "nov": "− quantity × price × contract size of premium-style options",
}
DOUBTS = {
    "months apart": "a calendar charge per month apart is taken as a flat charge: its formula is not published",
    "delivery month": "which months of a tier a spread consumes first is not published: the nearest are taken first",
    "scanning based": "a scanning-based spread is formed as third-party code does; what deltas it leaves is inferred",
    "scan range": "weighted price risk is to be capped at a scan range that the file does not give: it is not capped",
    "flat credit": "a flat inter-commodity credit is shared equally between its legs: how is not published",
}


@dataclass(frozen=True, eq=False)
class Requirement:
    """Lines common to initial and maintenance margin, and amounts by net (N,) on the net that owns the risk."""

    common: tuple[Line, ...]
    risk: np.ndarray
    value: np.ndarray
    value_line: Line


def margin(book: Book, ready: Any, beside: Any = None) -> Margin:
    """The SPAN margin of every row.

    ``beside(held) -> tuple of lines`` adds what a clearing house asks on top of SPAN (exposure margin).
    risk = max(scan + calendar + delivery − credits, minimum); requirement = max(0, risk × ratio − net option value).
    """
    held = Held(book, ready)
    r = requirement(held)
    more = tuple(beside(held)) if beside else ()
    maintenance = _total(held, "Maintenance margin", "adjustment", r, more)
    initial = _total(held, "Initial margin", "initial_ratio", r, more)
    grid, worst = _grid(held)
    return Margin(
        _equity(held),
        initial,
        maintenance,
        extras=_extras(held, r),
        currency=book.pool,
        worst=worst,
        grid=grid,
        notes=tuple(_notes(held)),
    )


def requirement(held: Held) -> Requirement:
    """Risk and option value of every account and combined commodity."""
    p, before = held.p, bool(held.p["som_before_inter"])
    owned = lambda values: added(held.owner, values, len(held.nets))  # noqa: E731
    scan = held.totals.by_net(held.risk.scan)
    charged = owned(held.calendar.total + held.spot.total)
    credit, minimum = owned(held.credit.total), owned(held.nets.sum(held.short_option_minimum()))
    top_up = np.maximum(minimum - (scan + charged - (0.0 if before else credit)), 0.0)
    total = scan + charged - credit + top_up
    value = held.option_value()
    cite = lambda *keys: p.cite(*keys)  # noqa: E731
    common = (
        _by_leg(held, "Scan risk", scan, _scan_legs(held), formula=FORMULA["scan"]),
        _by_entry(held, "Calendar spreads", held.calendar, 1.0, FORMULA["calendar"], cite("intra_spreads")),
        _by_entry(held, "Delivery months", held.spot, 1.0, FORMULA["spot"], cite("spot")),
        _by_entry(held, "Inter-commodity credits", held.credit, -1.0, FORMULA["credit"], cite("inter_spreads")),
        _by_scope(held, "Short option minimum", top_up, FORMULA["som"], cite("som_rate", "som_tiers")),
    )
    nov = _by_leg(held, "Net option value", 0.0 - held.nets.sum(value), 0.0 - value, formula=FORMULA["nov"])
    return Requirement(common, total, owned(held.nets.sum(value)), nov)


def _total(held: Held, name: str, ratio: str, r: Requirement, more: tuple[Line, ...]) -> Line:
    """One requirement: risk at its ratio, rounded, less option value as far as the clearing house allows."""
    scaled = r.risk * held.by_account_type(ratio)
    money = rounded(scaled, int(held.p["money_decimals"]))
    lines = [
        *r.common,
        _by_scope(held, "Account ratio", scaled - r.risk, f"risk × ({ratio} − 1)", held.p.cite(ratio)),
        _by_scope(held, "Rounding", money - scaled, "", held.p.cite("money_decimals")),
        r.value_line,
        _floor(held, money, r.value),
    ]
    return Line.total(name, *lines, *more, formula="max(0, risk × ratio − net option value)")


def _floor(held: Held, money: np.ndarray, value: np.ndarray) -> Line:
    """What is added so that option value above the requirement is not paid out."""
    name, cite = "Option value not counted", held.p.cite("nov_scope", "nov_floor")
    if not held.p["nov_floor"]:
        return Line(name, np.zeros(len(held.book)), cite=cite)
    if held.p["nov_scope"] == "cc":
        return _by_scope(held, name, np.maximum(value - money, 0.0), "per combined commodity", cite)
    excess = held.nets.up(value) - held.nets.up(money)
    return Line(name, np.maximum(excess, 0.0), formula="over the whole account", cite=cite)


def _scan_legs(held: Held) -> np.ndarray:
    """What each leg loses (H,) in the active scenario of the total that owns it."""
    totals, legs = held.totals, held.book.legs
    owner = totals.owner[totals.fine.net]
    scenario = held.risk.active[owner]
    loss = held.plan.loss[legs.instrument, scenario] * totals.weight[totals.fine.net, scenario]
    return np.where(held.risk.scan[owner] > 0, legs.quantity * loss, 0.0)


def _parts(held: Held, values: np.ndarray) -> Iterator[tuple[int, str, np.ndarray]]:
    """Scope, its code and the row values (R,) of every combined commodity that is held."""
    for u in np.unique(held.nets.group):
        yield int(u), str(held.market.scopes[u]), held.nets.up(np.where(held.nets.group == u, values, 0.0))


def _by_scope(held: Held, name: str, values: np.ndarray, formula: str = "", cite: str = "") -> Line:
    """Amounts by net (N,) as a line, with a part per combined commodity in detail."""
    parts = tuple(Line(code, v) for _, code, v in _parts(held, values)) if held.book.detail else ()
    return Line(name, held.nets.up(values), parts, formula=formula, cite=cite)


def _by_leg(held: Held, name: str, values: np.ndarray, amounts: np.ndarray, **words: str) -> Line:
    """Amounts by net (N,) that stand on positions (H,)."""
    if not held.book.detail:
        return Line(name, held.nets.up(values), **words)
    scope = held.market.scope[held.book.legs.instrument]
    carrier = held.nets.group[held.owner[held.nets.net]] if name == "Scan risk" else scope
    parts = [Line(code, v, amounts=np.where(carrier == u, amounts, 0.0)) for u, code, v in _parts(held, values)]
    return Line(name, held.nets.up(values), tuple(parts), **words)


def _by_entry(held: Held, name: str, entries: Entries, sign: float, formula: str, cite: str) -> Line:
    """Charges or credits, with a part per spread of each combined commodity in detail."""
    value = sign * held.nets.up(entries.total) + 0.0
    if not held.book.detail:
        return Line(name, value, formula=formula, cite=cite)
    parts: dict[int, list[Line]] = {}
    for entry in entries.entries:
        amount = added(held.nets.row[entry.nets], sign * entry.amounts, len(held.book))
        parts.setdefault(entry.scope, []).append(Line(entry.name, amount))
    lines = tuple(Line.total(str(held.market.scopes[u]), *made) for u, made in sorted(parts.items()))
    return Line(name, value, lines, formula=formula, cite=cite)


def _equity(held: Held) -> Line:
    """Balances in the row's currency and results of futures not yet settled; option value counts in the requirement."""
    book, market = held.book, held.market
    option = (market.kind == OPTION)[book.legs.instrument]
    results = np.where(option, book.legs.accrued, unrealised(book, market))
    cash = wallet(book, np.ones(len(market.assets)), "Balances")
    return Line.total("Equity", cash, Line.of("Unsettled results", book, results))


def _extras(held: Held, r: Requirement) -> dict[str, Line]:
    """Figures that SPAN reports show beside the requirement."""
    by_net = held.totals.by_net
    shown = {"time risk": held.risk.time, "volatility risk": held.risk.vol, "price risk": held.risk.price}
    extras = {name: Line(name.capitalize(), held.nets.up(by_net(v))) for name, v in shown.items()}
    return extras | {"net option value": Line("Net option value", 0.0 - r.value_line.value)}


def _grid(held: Held) -> tuple[Grid, np.ndarray]:
    """Results in the 16 scenarios (moves in price scan ranges), and the active one of the largest scan risk (R,).

    The grid has a worst column only where one total makes up the whole scan risk; else it is −1.
    """
    totals, rows = held.totals, len(held.book)
    pnl = np.stack([-added(totals.fine.row, held.totals.loss[:, j], rows) for j in range(len(PRICE))], axis=1)
    loses = held.risk.scan > 0
    single = added(totals.fine.row, loses.astype(np.float64), rows) == 1
    rank = np.lexsort((-held.risk.active, held.risk.scan))
    rank = rank[loses[rank]]
    worst = np.zeros(rows, np.int64)
    worst[totals.fine.row[rank]] = held.risk.active[rank] + 1
    cells = None
    if held.book.detail:
        legs = held.book.legs
        cells = -legs.quantity[:, None] * held.plan.loss[legs.instrument] * totals.weight[totals.fine.net]
    label, weight = np.arange(1, len(PRICE) + 1), np.ones(len(PRICE))
    return Grid(label, PRICE, VOL, weight, pnl, np.where(single, worst - 1, -1), cells), worst


def _notes(held: Held) -> Iterator[Note]:
    """What a figure rests on that no official text settles, and what of the file was not used."""
    for what, where in held.formed.items():
        if where.any():
            yield Note(DOUBTS[what], "SPAN", where)
    legs, texts = held.book.legs, held.market.texts
    for text, scopes in held.plan.left_out:
        holds = [added(held.nets.row, (held.nets.group == u).astype(float), len(held.book)) > 0 for u in scopes]
        where = np.logical_and.reduce(holds)
        if where.any():
            yield Note(f"not credited: {text}", held.p.cite("inter_spreads"), where)
    of = lambda key, value: np.array([v[key] == value for v in held.ready.own], bool)[held.nets.group]  # noqa: E731
    capped = added(held.nets.row, of("cap_option_value", "Y").astype(float), len(held.book)) > 0
    if capped.any() and (held.option_value() != 0).any():
        yield Note("the file limits option value here; how is not published, and no limit is applied", "SPAN", capped)
    if "span_file" in texts and held.p.version:
        other = (texts["span_file"] != "") & ~np.array([held.p.version.startswith(f) for f in texts["span_file"]], bool)
        where = added(legs.row, other[legs.instrument].astype(float), len(held.book)) > 0
        if where.any():
            yield Note("risk arrays and parameters come from different files", held.p.version, where)
    yield from _file_notes(held)
    combined = texts.get("product_type", np.full(len(held.market), "", object)) == "CMB"
    where = added(legs.row, combined[legs.instrument].astype(float), len(held.book)) > 0
    if where.any():
        yield Note("combinations keep their own delta month: they are not split into legs", "SPAN", where)
    if len(held.book.orders):
        yield Note("open orders are not margined", "", np.bincount(held.book.orders.row, minlength=len(held.book)) > 0)


def _file_notes(held: Held) -> Iterator[Note]:
    """Where the rulebook's own figures stand in for what the file does not state, or states in a doubtful unit."""
    p, rows = held.p, len(held.book)
    stated = np.array(["initial_ratio" in p.by.get(code, {}) for code in held.market.scopes], bool)[held.nets.group]
    ratio = held.by_account_type("initial_ratio")
    where = added(held.nets.row, (~stated & (ratio != 1.0)).astype(np.float64), rows) > 0
    if where.any():
        text = "the file states no ratio of initial to maintenance margin here: the rulebook's own is used"
        yield Note(text, p.cite("initial_ratio"), where)
    credited = held.nets.up(held.credit.total) > 0
    if p["credit_unit"] == 1 and credited.any():
        text = "every inter-commodity credit of the file is at most 1: they are taken as parts, not as per cent"
        yield Note(text, p.cite("credit_unit"), credited)
