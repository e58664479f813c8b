"""The same book under several rulebooks, side by side in one currency."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .book import Book
from .errors import InputError, Problem, XlmarginError
from .ledger import Margin
from .market import Market
from .netting import benefit
from .params import Params
from .run import margin


def compare(
    book: Book,
    market: Market,
    models: Iterable[str],
    *,
    currency: str = "USD",
    account: str | None = None,
    params: Mapping[str, Params] | None = None,
    **how: Any,
) -> Any:
    """The same book under several models, in one currency (pandas DataFrame): a row per account and model.

    ``pool`` is the tightest pool, whose available funds are shown: headroom is never added over pools.
    ``params`` gives parameters by model id, for those that were loaded from a file or changed.
    A model that cannot take the book says why in ``remark``.
    """
    from .frames import Comparison

    rows: list[dict[str, Any]] = []
    for id in [models] if isinstance(models, str) else models:
        try:
            own = (params or {}).get(str(id))
            rows.extend(_compared(margin(book, market, id, params=own, **how), currency))
        except XlmarginError as error:
            rows.append({"model": str(id), "remark": str(error)})
    table = Comparison(rows, columns=list(COMPARED))
    if account is not None:
        table = table[(table["account"] == account) | table["account"].isna()]
    return Comparison(table.sort_values(["account", "initial"], ignore_index=True))


COMPARED = (
    "account",
    "model",
    "currency",
    "equity",
    "initial",
    "maintenance",
    "available",
    "pool",
    "benefit",
    "notes",
    "remark",
)


def _compared(result: Margin, currency: str) -> Iterator[dict[str, Any]]:
    rate = in_currency(result, currency)
    saving = benefit(result)
    for name in dict.fromkeys(result.account):
        rows = np.flatnonzero(result.account == name)
        available = (result.available * rate)[rows]
        tightest = rows[int(np.argmin(available))]
        initial, saved = (float((v * rate)[rows].sum()) for v in (result.initial.value, saving.amount))
        yield {
            "account": name,
            "model": result.stamp["model"],
            "currency": currency,
            "equity": float((result.equity.value * rate)[rows].sum()),
            "initial": initial,
            "maintenance": float((result.maintenance.value * rate)[rows].sum()),
            "available": float(available.min()),
            "pool": result.pool[tightest],
            "benefit": saved,
            "notes": len(result.notes),
            "remark": "",
        }


def in_currency(result: Margin, currency: str = "USD") -> np.ndarray:
    """Units of ``currency`` per unit of each row's own (R,); asks that both have a price."""
    return conversion(result.run.market, result.currency, currency)


def conversion(market: Market, names: Sequence[str], currency: str = "USD") -> np.ndarray:
    """Units of ``currency`` per unit of each currency named (N,); asks that all have a price."""
    price = dict(zip(market.assets[::-1], market.price[::-1], strict=True)) | {"USD": 1.0}
    wanted = dict.fromkeys([*names, currency])
    if len(wanted) == 1:
        return np.ones(len(names))
    missing = [c for c in wanted if not np.isfinite(price.get(c, np.nan))]
    if missing:
        raise InputError([Problem("assets", 0, "price", None, f"no USD price for {', '.join(missing)}")])
    return np.array([price[c] / price[currency] for c in names])
