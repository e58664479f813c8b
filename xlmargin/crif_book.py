"""Sensitivities in a book: each distinct risk factor is an instrument, its net amount a leg of the netting set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .book import Book, Legs
from .crif_rows import Sensitivities, distinct
from .errors import Problem
from .market import SENSITIVITY, Market

IDENTITY = ("product_class", "risk_type", "qualifier", "bucket", "label1", "label2", "im_model", "trade_id")
LAST_SECOND = 86399.0
REGULATIONS = ("collect_regulations", "post_regulations")


def joined(book: Book, market: Market, rows: Sensitivities, problems: list[Problem]) -> tuple[Book, Market]:
    """The book and the market with the sensitivities added, rows of one factor netted per netting set.

    Rows whose amount stands in a currency without price are appended to ``problems`` and left out.
    """
    rows, usd = _in_dollars(rows, market, problems)
    ends, end = np.unique(rows.end, return_inverse=True)
    columns = [rows.words[c] for c in (*IDENTITY, *REGULATIONS)]
    first, factor = distinct([*(c.code for c in columns), end], [*(len(c.words) for c in columns), len(ends)])
    number = {name: r for r, name in enumerate(book.account)}
    account = rows.words["account"]
    row = np.array([number.get(name, 0) for name in account.words], np.int64)[account.code]
    at, leg = distinct([row, factor], [len(book), len(first)])
    legs = Legs.of(
        len(book),
        row[at],
        factor[at] + len(market),
        np.bincount(leg, usd, len(at)),
        sheet_row=rows.row[at],
    )
    legs = book.legs.joined(legs) if len(book.legs) else legs
    return replace(book, legs=legs), _with_factors(market, rows.at(first))


def _in_dollars(rows: Sensitivities, market: Market, problems: list[Problem]) -> tuple[Sensitivities, np.ndarray]:
    price = dict(zip(market.assets, market.price, strict=True)) | {"USD": 1.0}
    currency = rows.words["amount_currency"]
    rate = np.array([price.get(word, np.nan) for word in currency.words], np.float64)[currency.code]
    usd = np.where(np.isnan(rows.usd), rows.amount * rate, rows.usd)
    for i in np.flatnonzero(np.isnan(usd))[:100]:
        code = currency.words[currency.code[i]]
        message = f"no USD price of {code}: add it to the assets table, or fill the amount in USD"
        problems.append(rows.problem(int(i), "amount_currency", code, message))
    kept = np.flatnonzero(~np.isnan(usd))
    return rows.at(kept), usd[kept]


def _with_factors(market: Market, factors: Sensitivities) -> Market:
    """The market with one instrument per row of ``factors`` after its own."""
    n = len(factors)
    texts = {c: factors.words[c].texts for c in (*IDENTITY, *REGULATIONS)}
    underlying = np.where(texts["qualifier"] == "", texts["risk_type"], texts["qualifier"])
    scopes, scope = np.unique(underlying.astype(str), return_inverse=True)
    numbers = {
        "inverse": np.zeros(n),
        "contract_size": np.ones(n),
        "call": np.zeros(n),
        "expiry": factors.end + LAST_SECOND,
    }
    dollar = np.flatnonzero(market.assets == "USD")
    empty = np.full(len(market), "", object)
    return replace(
        market,
        name=np.concatenate([market.name, _names(texts)]),
        kind=np.concatenate([market.kind, np.full(n, SENSITIVITY, np.int8)]),
        scope=np.concatenate([market.scope, scope + len(market.scopes)]),
        settle=np.concatenate([market.settle, np.full(n, dollar[0] if len(dollar) else -1, np.int64)]),
        underlying=np.concatenate([market.underlying, underlying]),
        columns={k: np.concatenate([v, numbers.get(k, np.full(n, np.nan))]) for k, v in market.columns.items()},
        texts={
            **{k: np.concatenate([v, np.full(n, "", object)]) for k, v in market.texts.items()},
            **{k: np.concatenate([empty, v]) for k, v in texts.items()},
        },
        scopes=np.concatenate([market.scopes, scopes.astype(object)]),
        scope_columns={k: np.concatenate([v, np.full(len(scopes), np.nan)]) for k, v in market.scope_columns.items()},
        tables={k: v for k, v in market.tables.items() if k not in ("crif", "terms")},
    )


def _names(texts: dict[str, np.ndarray]) -> np.ndarray:
    """What a ledger calls each factor: risk type, qualifier, bucket and labels, with the product class."""
    columns = [texts[c] for c in ("risk_type", "trade_id", "qualifier", "bucket", "label1", "label2", "product_class")]
    out = np.empty(len(columns[0]), object)
    for i, (kind, trade, qualifier, bucket, label1, label2, product) in enumerate(zip(*columns, strict=True)):
        place = f"bucket {bucket}" if bucket.isdigit() else bucket
        words = (kind.removeprefix("Risk_").removeprefix("Param_"), trade, qualifier, place, label1, label2)
        out[i] = " ".join(filter(None, words)) + (f" [{product}]" if product else "")
    return out
