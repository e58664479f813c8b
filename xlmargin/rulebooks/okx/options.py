"""OKX's option margins outside portfolio margin, per unit of the underlying.

Source: okx.com/help/ii-option-margin (2024-04-12 coin-margined; 2026-05-01 also USD-margined), official.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book import Book
from ...market import OPTION, Market
from ...orders import closing
from ...params import Params


def units(market: Market, p: Params) -> dict[str, np.ndarray]:
    """What a short option needs before the margin factor and the mark (I,), in the unit of its mark.

    initial: max(a, b − OTM/F), maintenance: c (call), max(c, c·mark) (put); USD-margined options multiply a, b
    and c by the index. NaN for other kinds and where c is not published.
    """
    call, mark, forward = market.call, market["mark"], market["forward"]
    index = np.where(market.inverse, 1.0, market.on_scope("index")[market.scope])
    c = np.array([p.by.get(str(u), {}).get("option_maintenance", np.nan) for u in market.scopes])[market.scope]
    with np.errstate(invalid="ignore"):
        otm = np.maximum(np.where(call, market["strike"] - forward, forward - market["strike"]), 0.0)
        initial = np.maximum(p["option_least"], p["option_most"] - otm / forward) * index
        put = np.maximum(c * index, c * mark)
    option = market.kind == OPTION
    return {
        "initial": np.where(option, initial, np.nan),
        "maintenance": np.where(option, np.where(call, c * index, put), np.nan),
        "opening": np.where(option, p["option_opening"] * index, np.nan),
        "fee": np.where(option, p["option_fee"] * index, np.nan),
    }


def position(book: Book, market: Market, unit: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Margin of each leg (H,) that is a short option: (unit · factor + mark) · size; 0 for others."""
    i = book.legs.instrument
    short = np.maximum(-book.legs.quantity, 0.0) * market["contract_size"][i]
    option = market.kind[i] == OPTION
    return np.where(option, short * (unit[i] * factor + market["mark"][i]), 0.0)


def orders(book: Book, market: Market, unit: dict[str, Any], factor: np.ndarray) -> np.ndarray:
    """Margin of each open option order (O,) in its settlement asset, fee included; 0 for others.

    Opening: buy price + fee; sell max(IM − price + fee, least). Closing: buy max(price − IM + fee, 0);
    sell max(fee − price, 0). ``factor`` (O,) is the margin factor of its family.
    """
    held, i = book.orders, book.orders.instrument
    size, option = market["contract_size"][i], market.kind[i] == OPTION
    closes = np.abs(closing(book, market))
    opens = np.abs(held.quantity) - closes
    need = unit["initial"][i] * factor + market["mark"][i]
    price, fee = held.price, unit["fee"][i]
    opened = np.where(held.quantity > 0, price + fee, np.maximum(need - price + fee, unit["opening"][i]))
    closed = np.maximum(np.where(held.quantity > 0, price - need + fee, fee - price), 0.0)
    return np.where(option, size * (opens * opened + closes * closed), 0.0)
