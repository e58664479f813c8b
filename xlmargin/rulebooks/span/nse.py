"""span.nse: SPAN and exposure margin of NSE Clearing's equity derivatives, over its own risk parameter file (.spn).

SPAN is a registered trade mark of Chicago Mercantile Exchange Inc.; xlmargin is affiliated with neither it nor NSE.

How sure: parameters and rates are official pages and circulars; arrays are read, never made (the drift inside them
could not be derived); calendar-spread exposure follows MSEI's page; the notional of options is broker practice. The ad
hoc margins that the exchange sets day by day are in no file read here. Arrays and quantities are per unit of the
underlying: give ``contract_size`` (the lot) to hold lots.
"""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...book import Book
from ...errors import Note
from ...ledger import Margin
from ...market import OPTION, Market
from ...params import Params
from ...registry import Ready, margin_model
from ...spanfiles.faults import Faults
from ...spanfiles.model import SpanFile
from . import book as rows
from . import exposure, plan, rule

AEL = ("Symbol", "Instrument Type", "Total applicable ELM%")


@margin_model(
    "span.nse",
    needs={
        "future": f"{rows.ARRAY_NEEDS} expiry",
        "option": f"{rows.ARRAY_NEEDS} strike expiry scope_index",
        "balance": "",
    },
    settings=rows.SETTINGS,
    exceptions={
        "merging never raises": "merged accounts form calendar spreads, which are charged",
        "scaling": "requirements are rounded to paise per underlying",
    },
    files=(*rows.FILES, ".csv"),
    payoffs="linear",
    index_by="instrument",
    evidence="parameters official; one real future array exact; exposure of options by broker practice",
    title="NSE Clearing SPAN® + exposure margin (SPAN is a trade mark of CME; not affiliated)",
)
def span(book: Book, ready: Ready) -> Margin:
    """Worst of 16 published scenarios and calendar charges less net option value, plus exposure margin."""
    margin = rule.margin(book, ready, exposure.lines)
    return replace(margin, notes=(*margin.notes, *_notes(book, ready)))


def _notes(book: Book, ready: Ready) -> list[Note]:
    notes = []
    short = np.bincount(book.legs.row, (book.legs.quantity < 0) & (ready.market.kind == OPTION)[book.legs.instrument])
    where = np.zeros(len(book), bool)
    where[: len(short)] = short > 0
    if where.any():
        text = "exposure on options is taken on the underlying's price, as brokers do: its base is not published"
        notes.append(Note(text, ready.params.cite("elm"), where))
    silent = exposure.rows_with(book, ready.exposure["adhoc"] == 0)
    if silent.any():
        text = "ad hoc margins of the day are not known here; give adhoc_rate where one is in force"
        notes.append(Note(text, ready.params.cite("adhoc_rate"), silent))
    return notes


@span.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Arrays, deltas, spreads as for every SPAN; exposure rates and notionals."""
    made = plan.prepare(market, p, options)
    return made | {"exposure": exposure.prepare(market, p, made["price"])}


span.pools(rows.pools)
span.check(rows.check)


@span.loader
def loaded(payload: SpanFile | Path | str, p: Params) -> Params:
    """A .spn file as for every SPAN, or NSE's daily extreme-loss-margin file (ael_….csv): rates by symbol."""
    if isinstance(payload, SpanFile) or Path(payload).suffix.casefold() != ".csv":
        return rows.loaded(payload, p)
    path = Path(payload)
    kept = p.override(path.name, by=extreme_loss_rates(path.read_text(encoding="utf-8"), path.name))
    return replace(kept, version=f"{p.version} + {path.name}" if p.version else path.name)


def extreme_loss_rates(text: str, name: str) -> dict[str, dict[str, float]]:
    """Rates by symbol of an AEL file: OTH for everything, OTM for far out-of-the-money options.

    Raises InputError with line and column of everything wrong.
    """
    faults, out = Faults(name), {}
    reader = csv.DictReader(io.StringIO(text))
    header = [h.strip() for h in reader.fieldnames or ()]
    for column in AEL:
        if column not in header:
            faults.fail(1, column, None, f"no column {column!r}; the file has {', '.join(header)}")
    for line, row in enumerate(reader, 2):
        symbol, kind, rate = ((row[c] or "").strip() for c in AEL)
        key = {"OTH": "elm", "OTM": "elm_otm"}.get(kind)
        if key is None:
            faults.add(line, AEL[1], kind, f"OTH or OTM is needed, not {kind!r}")
            continue
        out.setdefault(symbol, {})[key] = faults.number(line, AEL[2], rate, 0.0, 100.0) / 100.0
    faults.stop()
    return out
