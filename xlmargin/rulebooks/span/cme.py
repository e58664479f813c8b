"""span.cme: SPAN as CME Group's clearing house publishes it, over its own risk parameter file.

SPAN is a registered trade mark of Chicago Mercantile Exchange Inc.; xlmargin is not affiliated with it.

How sure: scan risk, its parts, calendar spreads and the requirement are official text (ICE Clear US, SPAN Margin System
v1.0, September 2015; CME pubspan wiki, record layouts); the order of steps, rounding and scanning-based spreads follow
third-party production code (EFS Spheres). CME's own worked result was not obtained. Since 2023 CME margins a growing
list of products under SPAN 2, whose parameters are not in this file: check that your product is still in it.
"""

from __future__ import annotations

from typing import Any

from ...book import Book
from ...ledger import Margin
from ...market import Market
from ...params import Params
from ...registry import Ready, margin_model
from . import book as rows
from . import plan, rule

EXCEPTIONS = {
    "merging never raises": "merged accounts form calendar spreads, which are charged",
    "scaling": "requirements are rounded to whole currency units per combined commodity",
}


@margin_model(
    "span.cme",
    needs={
        "future": rows.ARRAY_NEEDS,
        "option": f"{rows.ARRAY_NEEDS} strike",
        "spot": rows.ARRAY_NEEDS,
        "balance": "",
    },
    settings=rows.SETTINGS,
    exceptions=EXCEPTIONS,
    files=rows.FILES,
    payoffs="linear",
    evidence="official examples exact; steps and rounding from third-party production code",
    title="CME SPAN® (trade mark of CME; not affiliated)",
)
def span(book: Book, ready: Ready) -> Margin:
    """Worst of 16 published scenarios per combined commodity, calendar and delivery charges, spread credits."""
    return rule.margin(book, ready)


@span.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Arrays and deltas by instrument; tiers, spreads and rates laid over the months that are held."""
    return plan.prepare(market, p, options)


span.pools(rows.pools)
span.check(rows.check)
span.loader(rows.loaded)
