"""Roll and delta shocks beside the matrix."""

from __future__ import annotations

import numpy as np

from ...book import Book
from ...ledger import Line
from ...market import OPTION
from ...registry import Ready
from ...scopes import world_of_rows
from .accounts import CROSS


def in_pool_currency(book: Book, ready: Ready) -> np.ndarray:
    """What a coin of each leg is worth in its pool (H,): 1 in a pool of that coin, its index in USD pools."""
    i = book.legs.instrument
    own = ready.market.inverse[i] & (book.pool[book.legs.row] != CROSS)
    return np.where(own, 1.0, ready.market["index"][i])


def roll_shock(book: Book, ready: Ready) -> Line:
    """Σ over expiries (by settlement) of |net delta| × max(min_annualised_move, e^(risk·T) − 1); perpetuals are one.

    The minimum is checked to the last digit; the growing branch is third party.
    """
    legs, p = book.legs, ready.params
    nets = book.split(ready.expiry_of)
    delta = legs.quantity * ready.delta[legs.instrument]
    sign = np.sign(nets.sum(delta))[nets.net]
    amounts = sign * delta * ready.roll_rate[legs.instrument] * in_pool_currency(book, ready)
    cite = p.cite("min_annualised_move", "annualised_move_risk")
    return Line.of("Roll shock", book, amounts, formula="Σ |delta of expiry| × roll rate", cite=cite)


def combined_delta(book: Book, ready: Ready) -> tuple[np.ndarray, np.ndarray]:
    """Coins of each coin's combined delta as the shock sees it, per leg's net (H,), and all delta of that net (H,).

    D = min(max(d_long + d_rest, d_rest), 0) if d_rest < 0 else max(min(d_long + d_rest, d_rest), 0),
    d_long of long options, d_rest of everything else.
    """
    legs, market = book.legs, ready.market
    nets = book.split(ready.coin)
    delta = legs.quantity * ready.delta[legs.instrument]
    long_option = (market.kind[legs.instrument] == OPTION) & (legs.quantity > 0)
    d_long, d_rest = (nets.sum(np.where(mask, delta, 0.0)) for mask in (long_option, ~long_option))
    both = d_long + d_rest
    short = np.minimum(np.maximum(both, d_rest), 0.0)
    long = np.maximum(np.minimum(both, d_rest), 0.0)
    return np.where(d_rest < 0, short, long)[nets.net], both[nets.net]


def delta_shock(book: Book, ready: Ready) -> Line:
    """min(max(|D|·S − threshold, 0)·|D|·m_inc, max_delta_shock·|D|·S) by coin, shared among its legs by delta.

    Third party; payloads only show 0 below the threshold.
    """
    legs, p, table = book.legs, ready.params, ready.table
    combined, whole = combined_delta(book, ready)
    coin = ready.coin[legs.instrument]
    index, size = ready.index[world_of_rows(book, ready.market)[legs.row], coin], np.abs(combined)
    over = np.maximum(size * index - table["delta_total_liq_shock_threshold"][coin], 0.0)
    dollars = np.minimum(over * size * table["m_inc"][coin], table["max_delta_shock"][coin] * size * index)
    delta = legs.quantity * ready.delta[legs.instrument]
    share = np.divide(delta, whole, out=np.zeros_like(delta), where=(dollars > 0) & (whole != 0))
    amounts = dollars / index * share * in_pool_currency(book, ready)
    return Line.of("Delta shock", book, amounts, cite=p.cite("m_inc", "max_delta_shock"))
