"""ISDA SIMM over CRIF sensitivities: every release, both horizons, collected or posted, worst regulation.

Delta, vega, curvature and base correlation of six risk classes by one measure; risk classes by correlation inside a
product class; product classes and add-ons by sum. Source: ISDA SIMM Methodology 2.2 to 2.8+2512. How sure: the
official unit tests of 2.2, 2.3 and 2.5 to the integer, two independent engines for later releases within 0.01; dates
and single values in doubt are named in the parameters. Licence: see the package's docstring.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...book import Book
from ...collateral import wallet
from ...crif_words import POSTED, PRODUCT_CLASSES, RECEIVED, REGULATIONS, SCHEDULE, currency
from ...errors import InputError, Note, Problem, nearest
from ...findings import notes, on_legs, rows_with
from ...ledger import Line, Margin
from ...market import Market
from ...params import Params, versions
from ...registry import Ready, Setting, margin_model
from . import payload
from .addons import Terms
from .calibration import Calibration
from .cases import OPTIONS, SETTINGS, Regimes
from .factors import factors_of
from .labels import BUCKETED, CLASSES, Coded, Labels
from .sheets import Sheets

DAY = 86400.0


@margin_model(
    "simm",
    needs={"sensitivity": "", "balance": "price"},
    settings={
        "calculation_currency": Setting("", "currency of the calculation; the run's option unless given"),
        **SETTINGS,
    },
    options={
        "horizon": Setting("10d", "margin period of risk", ("10d", "1d")),
        "calculation_currency": Setting("USD", "currency of the calculation; amounts stay in USD"),
        "version": Setting("", "a release such as 2.6 instead of the one in force"),
        **OPTIONS,
    },
    exceptions={
        "merging never raises": "concentration thresholds apply to a netting set; two merged can exceed them",
        "scaling": "concentration ratios grow with the root of the size",
    },
    tables=("crif", "terms"),
    evidence="official unit tests to the integer (2.2, 2.3, 2.5); independent engines within 0.01 for later releases; "
    "commercial users need ISDA's licence",
    title="ISDA SIMM (bilateral initial margin)",
)
def simm(book: Book, ready: Ready) -> Margin:
    """Correlated roots of weighted sensitivities by bucket, risk class and product class, plus add-ons."""
    sheets = Sheets(book, ready)
    margin = sheets.simm()
    total = Line.total("Initial margin", margin, *sheets.addons(margin), formula="SIMM + add-ons")
    named = ready.named
    return Margin(
        Line.total("Equity", wallet(book, ready.market.price, "Collateral held")),
        total,
        total,
        extras={f"under {name}": Line(f"Under {name}", sheets.under(name)) for name in named if len(named) > 1},
        currency=np.full(len(book), "USD", object),
        worst=sheets.cases.names(sheets.best) if named else None,
        notes=(*sheets.cases.notes, *_notes(sheets)),
    )


@simm.choose
def release(as_of: float, options: Mapping[str, Any]) -> Params:
    """The release in force at ``as_of``, or the one that the option ``version`` names."""
    wanted, known = options["version"], []
    if not wanted:
        params = simm.params(as_of)
        return replace(params, version=params["release"])
    for moment in versions(simm.file):
        params = simm.params(moment.timestamp())
        if wanted in (params["release"], *params["release_names"]):
            return replace(params, version=params["release"])
        known.append(params["release"])
    message = f"{wanted!r} is not a SIMM release ({', '.join(known)}){nearest(wanted, known)}"
    raise InputError([Problem("options", 0, "version", wanted, message)])


simm.loader(payload.load)


@simm.prepare
def prepare(market: Market, params: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Factors of every risk class and margin type, product classes, add-ons and regulations of each instrument."""
    try:
        currency(options["calculation_currency"])
    except ValueError as error:
        word = options["calculation_currency"]
        raise InputError([Problem("options", 0, "calculation_currency", word, str(error))]) from None
    labels = Labels.of(market)
    calibration = Calibration(params, options["horizon"])
    product = {name: p for p, name in enumerate(PRODUCT_CLASSES)}
    empty = np.full(len(market), "", object)
    words = Coded.of(market.texts.get("product_class", empty))
    counts = market.texts.get("im_model", empty) != SCHEDULE
    held = np.array([product.get(w, -1) for w in words.words], np.int64)[words.code]
    regimes = {side: Regimes.of(market, side) for side in ("collect", "post")}
    regulations = np.unique(np.concatenate([r.regulation for r in regimes.values()]))
    return {
        "labels": labels,
        "calibration": calibration,
        "factors": {(c, kind): f for c, one in enumerate(CLASSES) for kind, f in factors_of(one, labels, calibration)},
        "correlation": calibration.matrix("class_correlation"),
        "product": np.where(counts, held, -1),
        "terms": Terms.of(labels, counts),
        "counts": counts,
        "regimes": regimes,
        "named": [REGULATIONS[r] for r in regulations],
    }


@simm.check
def check(book: Book, market: Market, params: Params) -> list[tuple[Problem, np.ndarray]]:
    """Buckets that the release knows; calculation currencies that exist."""
    found = []
    labels = Labels.of(market)
    for one in CLASSES:
        if one.prefix not in BUCKETED:
            continue
        known = params[f"{one.prefix}_delta_weight_10d"]
        own = labels.kind.such((*one.delta, *one.volatility))
        bad = own & ~labels.bucket.such(tuple(known))
        words, allowed = labels.bucket.at(book.legs.instrument), ", ".join(known)

        def say(h: int, words: np.ndarray = words, allowed: str = allowed) -> str:
            return f"{words[h]!r} is not a bucket of SIMM {params['release']} ({allowed})"

        found += on_legs(book, market, bad[book.legs.instrument], "bucket", say, "crif")
    return [*found, *_bad_currencies(book)]


def _bad_currencies(book: Book) -> Iterator[tuple[Problem, np.ndarray]]:
    for row, word in enumerate(book.settings.get("calculation_currency", ())):
        if not isinstance(word, str) or not word.strip():
            continue
        try:
            currency(word.strip())
        except ValueError as error:
            where = np.arange(len(book)) == row
            yield Problem("accounts", 0, "calculation_currency", word, str(error), str(book.account[row])), where


def _notes(sheets: Sheets) -> tuple[Note, ...]:
    """What the figures leave out or take for granted."""
    book, ready = sheets.book, sheets.ready
    held = rows_with(book.legs, ready.counts[book.legs.instrument])
    models = ready.market.texts.get("im_model", np.full(len(ready.market), "", object))[book.legs.instrument]
    best = sheets.terms
    return notes(
        ("rows of the schedule are not in this figure: run schedule.im", "", rows_with(book.legs, models == SCHEDULE)),
        (
            "SIMM-R rows are taken as received margin only, SIMM-P rows as posted only",
            "names of Risk Data Standards; their use is inferred",
            rows_with(book.legs, np.isin(models, (RECEIVED, POSTED))),
        ),
        ("a name stands in two buckets and is treated as two names", "as ORE does", _two_buckets(book, ready)),
        ("several multipliers or factors apply to one product: the largest is taken", "", best.doubtful[sheets.best]),
        ("a notional has no factor, or a factor no notional: no add-on for it", "", best.alone[sheets.best]),
        ("collateral is counted before haircuts", "", rows_with(book.cash, book.cash.amount != 0)),
        *((text, ready.params.cite("release"), held) for text in ready.params["standing"]),
        *((text, ready.params.cite("release"), held) for text in _dating(ready)),
    )


def _two_buckets(book: Book, ready: Ready) -> np.ndarray:
    labels, instrument = ready.labels, book.legs.instrument
    types = tuple(t for one in CLASSES if one.prefix in BUCKETED for t in (*one.delta, *one.volatility))
    own = np.flatnonzero(labels.kind.such(types)[instrument] & ready.counts[instrument])
    kind, name, bucket = (c.code[instrument[own]] for c in (labels.kind, labels.qualifier, labels.bucket))
    width = len(labels.kind.words) * len(labels.qualifier.words)
    key = book.legs.row[own] * width + kind * len(labels.qualifier.words) + name
    pairs = np.unique(key * len(labels.bucket.words) + bucket) // max(len(labels.bucket.words), 1)
    out = np.zeros(len(book), bool)
    out[pairs[1:][pairs[1:] == pairs[:-1]] // max(width, 1)] = True
    return out


def _dating(ready: Ready) -> Iterator[str]:
    """Is a later release to be expected, or does one begin with this very close?"""
    if ready.options["version"]:
        return
    as_of = ready.market.as_of
    until = ready.params.common.get("verified_until")
    if until and as_of >= dt.datetime(until.year, until.month, until.day, tzinfo=dt.UTC).timestamp():
        yield f"a release after SIMM {ready.params['release']} may be in force since about {until}"
    for moment in versions(simm.file):
        if 0 < moment.timestamp() - as_of <= DAY:
            yield f"the close of this day is margined under the release of {moment:%Y-%m-%d}: name it as version"
