"""Sheets of decisions that every report has: what it is exposed to, what moves it, how far it is from trouble."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..decide.exposure import exposure
from ..decide.health import health
from ..decide.sensitivity import sensitivity
from ..decide.stress import named_stresses, stress
from ..decide.stress.table import TABLE as SCENARIOS
from ..errors import XlmarginError
from .report_content import Content
from .report_decisions import notes_of, stressed
from .report_paper import Paper
from .report_sections import Section, write

DOLLARS = ("net_usd", "gross_usd", "with_collateral_usd", "gamma", "vega", "theta")
HELD = ("gross_usd", "long", "short", "collateral")
GREEKS = (
    "Delta of an option: undiscounted, to its forward, N(d1) of a call. Gamma: change of the USD delta a 1 % move; "
    "vega: a volatility point; theta: a day; all in USD."
)
EXPOSURE = "What every account is exposed to: delta in coins and USD, greeks, what offsets what."
SENSITIVITY = (
    "What a move of each factor changes by the whole rule run again: prices and collateral 1 %, volatility a point, "
    "rates a basis point, a day passing."
)
STRESS = (
    "What every account becomes in the named stresses, and in the scenarios of the source where it has a table of "
    "them: the whole rule on the moved market and balances."
)
HEALTH = "The venue's own states, the prices, volatilities and collateral prices at which equity meets maintenance."


def exposures(content: Content) -> list[Section]:
    """Exposure by underlying, expiry and asset, and pairs of long against short."""
    found = exposure(content.detail)
    net, greeks = {"net": ("long", "short")}, ("delta_usd", "gamma", "vega", "theta")
    held, expiries = (_filled(t, c) for t, c in ((found.frame(), HELD), (found.by_expiry(), ("delta", *greeks))))
    return [
        Section("By underlying", held, GREEKS, sums=DOLLARS, differences=net),
        Section("By expiry", expiries, sums=greeks),
        Section("By asset", found.by_asset(), "Balance, results and option values in units of the asset.", ("usd",)),
        Section("What offsets what", found.offsets(), "Longs against shorts of one underlying, the largest first."),
    ]


def _filled(table: Any, columns: tuple[str, ...]) -> Any:
    """The rows in which any of some columns holds something: positions given as sensitivities have no delta."""
    return table[table[[*columns]].fillna(0.0).ne(0.0).any(axis="columns")]


def sensitivities(content: Content) -> list[Section]:
    """What every factor changes, up and down."""
    table = sensitivity(content.detail).frame()
    figures = [c for c in table.columns if c.endswith((" up", " down"))]
    table = table[["account", "pool", "currency", "factor", "name", *figures]]
    made = {f"headroom {way}": (f"equity {way}", f"maintenance {way}") for way in ("up", "down")}
    return [Section("By factor", table, "A factor up, then down.", differences=made)]


def states(content: Content) -> list[Section]:
    """State, alerts, and the moves to maintenance."""
    found = health(content.detail)
    table = found.frame()
    figures = ["account", "pool", "currency", "equity", "maintenance", "headroom", "cover", "state", "nearest"]
    made = {"headroom": ("equity", "maintenance")}
    alerts = found.alerts()
    sections = [
        Section("State", table[[*figures, "weighs most"]], differences=made),
        Section("Alerts", alerts[alerts["severity"] != "note"], "The gravest first; notes stand in Notices."),
    ]
    for word, moves in (("Price", found.price), ("Volatility", found.vol), ("Collateral", found.collateral)):
        rows = moves.frame().drop(columns=["headroom", "currency"])
        broken = rows[["down", "up"]].notna().any(axis="columns") | moves.below
        said = "" if broken.all() else f"{(~broken).sum():,} that no move within the range breaks are left out."
        rows = rows[broken].dropna(axis="columns", how="all")
        sections.append(Section(f"{word} at which equity meets maintenance", rows, said))
    return sections


def stresses(content: Content) -> list[Section]:
    """What every account becomes in the named stresses and in those of the source's own table, and their sources."""
    own = content.margin.run.market.tables.get(SCENARIOS)
    found = stress(content.detail, None if own is None else [None, own])
    told = [f"{s.name}: {s.title}. {s.words} Sources: {s.source}" for s in named_stresses()]
    return [
        *stressed(found),
        Section("What happened", None, "\n".join(told)),
        *notes_of(found),
    ]


SHEETS: dict[str, tuple[str, Callable[[Content], list[Section]]]] = {
    "Exposure": (EXPOSURE, exposures),
    "Sensitivity": (SENSITIVITY, sensitivities),
    "Health": (HEALTH, states),
    "Stress": (STRESS, stresses),
}


def sheets(paper: Paper, book: Any, content: Content) -> None:
    """Write every sheet; one that cannot be computed says why."""
    if not len(content.rows):
        return
    for name, (words, make) in SHEETS.items():
        said = f"{words} {content.extent}".strip()
        try:
            made = make(content)
        except XlmarginError as error:
            first, *more = str(error).splitlines()
            made, said = [], f"There are no figures: {first}{f' … and {len(more)} more' if more else ''}"
        except UnicodeEncodeError as error:
            made, said = [], f"There are no figures: a name holds what is no character: {error.object!r}"
        write(paper, book.add_worksheet(name), name, said, made, content.foot)
