"""What a Deribit portfolio-margin figure rests on without proof, as notes on the rows that it touches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...book import Book
from ...errors import Note
from ...market import OPTION
from ...registry import Ready
from ...scopes import world_of_rows
from .accounts import CROSS
from .shocks import combined_delta

OPTIONS = (
    "options in the risk matrix: volatility shock, its minimum and the coin value at the moved forward are third party "
    "or inferred; no published case holds an option"
)
BALANCE = "whether the margin balance of portfolio accounts counts option value is not published; it is counted here"
GROWTH = "roll shock beyond its minimum, e^(risk·T) − 1, is third party"
DELTA = "delta shock above its threshold is third party, with m_inc as its increment inferred"
LINEAR = "risk matrix of USDC contracts and its USD dampener are inferred from the rule for inverse contracts"
SEVERAL = "several coins in one pool: worst cases are added (inferred); correlation sets are not published"
DAMPENER = "an extended cell binds; its dampener is third party"


def doubts(book: Book, ready: Ready, which: np.ndarray) -> Iterator[Note]:
    """Notes on rows (R,) by what they hold and the number of the cell that bound (R,)."""
    legs, market = book.legs, ready.market
    i = legs.instrument
    option = market.kind[i] == OPTION
    table, coin = ready.table, ready.coin[i]
    grows = ready.roll_rate[i] > table["min_annualised_move"][coin]
    combined, _ = combined_delta(book, ready)
    index = ready.index[world_of_rows(book, market)[legs.row], coin]
    beyond = np.abs(combined) * index > table["delta_total_liq_shock_threshold"][coin]
    linear = ~market.inverse[i] & (book.pool[legs.row] != CROSS)
    touched = {OPTIONS: option, BALANCE: option, GROWTH: grows, DELTA: beyond, LINEAR: linear}
    rows = {text: book.sum((where & (legs.quantity != 0)).astype(np.float64)) > 0 for text, where in touched.items()}
    nets = book.split(ready.coin)
    rows[DAMPENER] = which > ready.width
    rows[SEVERAL] = nets.up(np.ones(len(nets))) > 1
    for text, where in rows.items():
        if where.any():
            yield Note(text, "", where)
