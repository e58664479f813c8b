"""Bybit's option margins in cross margin mode.

Source: Bybit help-center Initial and Maintenance Margin Calculation (Options), id 1546 (2023-12-04) and id 1735
(2024-10-23), official; order of a buyer and fee cap from a third-party copy (2021/22).
"""

from __future__ import annotations

import numpy as np

from ...book import Book
from ...market import OPTION, Market
from ...orders import closing
from ...params import Params


def units(market: Market, p: Params) -> dict[str, np.ndarray]:
    """What one unit needs by instrument (I,): ``maintenance`` with its mark, ``initial`` without price, ``fee``.

    MM = max(f·I, f·mark) + mark + liquidation·I; IM = max(most·I − OTM, least·I), the price comes on top.
    """
    scopes = [str(u) for u in market.scopes]
    index = market.on_scope("index")[market.scope] if scopes else np.zeros(0)

    def of(key: str) -> np.ndarray:
        return np.array([p.get(key, u) for u in scopes], np.float64)[market.scope] if scopes else np.zeros(0)

    mark = market["mark"]
    with np.errstate(invalid="ignore"):
        otm = np.maximum(np.where(market.call, market["strike"] - index, index - market["strike"]), 0.0)
        factor = of("option_maintenance")
        return {
            "maintenance": np.maximum(factor * index, factor * mark) + mark + of("option_liquidation") * index,
            "initial": np.maximum(of("option_most") * index - otm, of("option_least") * index),
            "fee": of("option_taker") * index,
        }


def positions(book: Book, market: Market, unit: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Maintenance and initial margin of each short option leg (H,); 0 for others.

    IM = max((unit initial + max(average price, mark))·q, MM).
    """
    legs, i = book.legs, book.legs.instrument
    short = np.where(market.kind[i] == OPTION, np.maximum(-legs.quantity, 0.0), 0.0) * market["contract_size"][i]
    price = np.fmax(legs.entry, market["mark"][i])
    held = short > 0
    maintenance = np.where(held, short * unit["maintenance"][i], 0.0)
    return maintenance, np.where(held, np.maximum(short * (unit["initial"][i] + price), maintenance), 0.0)


def orders(book: Book, market: Market, unit: dict[str, np.ndarray], cap: float) -> np.ndarray:
    """Margin of each open option order (O,); 0 for others.

    Buy: premium + fee, fee = min(taker·I, cap·price); sell to open: IM + fee − premium; sell to close: 0.
    """
    held, i = book.orders, book.orders.instrument
    size, price = market["contract_size"][i], held.price
    opens = np.maximum(np.abs(held.quantity) - np.abs(closing(book, market)), 0.0)
    fee = np.minimum(unit["fee"][i], cap * price)
    need = np.maximum(unit["initial"][i] + np.fmax(price, market["mark"][i]), unit["maintenance"][i])
    buy, sell = np.abs(held.quantity) * (price + fee), opens * np.maximum(need + fee - price, 0.0)
    return np.where(market.kind[i] == OPTION, size * np.where(held.quantity > 0, buy, sell), 0.0)
