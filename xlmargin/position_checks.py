"""What positions a venue cannot hold: hedge and isolated legs out of place, sizes and leverage past its brackets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .book import Book
from .errors import nearest
from .findings import on_legs, on_orders, setting_is
from .market import Market
from .scopes import Found
from .tiers import Tiers


def missing_tables(
    book: Book, market: Market, key: np.ndarray, names: Sequence[str], tiers: Tiers, what: str, how: str
) -> Iterator[Found]:
    """Legs and orders whose instrument has no table: ``key`` (I,) is −1; ``how`` says how to give one."""
    legs, orders, missing = book.legs.instrument, book.orders.instrument, key < 0

    def say(i: int) -> str:
        return f"no {what} for {names[i]}{nearest(str(names[i]), tiers.names)}; {how}"

    yield from on_legs(book, market, missing[legs], "instrument", lambda h: say(legs[h]))
    yield from on_orders(book, market, missing[orders], "instrument", lambda o: say(orders[o]))


def past_the_top(
    book: Book, market: Market, size: np.ndarray, tiers: Tiers, key: np.ndarray, word: str = "worth "
) -> Iterator[Found]:
    """Legs whose ``size`` (H,) lies beyond the last bracket of table ``key`` (H,)."""
    legs, cap = book.legs, np.append(tiers.cap, np.inf)[key]
    yield from on_legs(
        book,
        market,
        tiers.beyond(size, key),
        "quantity",
        lambda h: f"{market.name[legs.instrument[h]]} is {word}{size[h]:,.10g}: the top bracket ends at {cap[h]:,.10g}",
    )


def leverage_above(book: Book, market: Market, size: np.ndarray, tiers: Tiers, key: np.ndarray) -> Iterator[Found]:
    """Legs with more leverage than the bracket of their ``size`` (H,) allows; NaN, for want of a price, is in none."""
    legs, top = book.legs, tiers.leverage(size, key)
    with np.errstate(invalid="ignore"):
        over = (legs.leverage > top) & ~np.isnan(size)
    yield from on_legs(
        book,
        market,
        over,
        "leverage",
        lambda h: (
            f"{legs.leverage[h]:g}x is above the {top[h]:g}x allowed for {size[h]:,.10g} of "
            f"{market.name[legs.instrument[h]]}"
        ),
    )


def hedge_legs(book: Book, market: Market) -> Iterator[Found]:
    """Hedge legs with the wrong sign, beside a one-way leg of the same contract, or in a one-way account."""
    legs, name = book.legs, market.name[book.legs.instrument]
    wrong = legs.side * legs.quantity < 0
    yield from on_legs(
        book, market, wrong, "quantity", lambda h: f"{legs.quantity[h]:g} on the {_word(legs.side[h])} leg of {name[h]}"
    )
    contract = legs.row * len(market) + legs.instrument
    mixed = np.isin(contract, contract[legs.side == 0]) | setting_is(book, "position_mode", "one-way")[legs.row]
    say = "in one-way mode; allowed: one-way, or both legs in hedge mode"
    yield from on_legs(
        book,
        market,
        mixed & (legs.side != 0),
        "side",
        lambda h: f"a {_word(legs.side[h])} leg of {name[h]} {say}",
    )


def no_hedge_legs(book: Book, market: Market, one_way: np.ndarray, where: str) -> Iterator[Found]:
    """Hedge legs of instruments that know one-way mode only (``one_way`` (I,))."""
    legs = book.legs
    bad = one_way[legs.instrument] & (legs.side != 0)
    yield from on_legs(
        book,
        market,
        bad,
        "side",
        lambda h: f"{market.name[legs.instrument[h]]} has no hedge mode {where}; allowed: one-way",
    )


def _word(side: int) -> str:
    return "long" if side > 0 else "short"


def isolated_legs(book: Book, market: Market, refused: np.ndarray, why: str) -> Iterator[Found]:
    """Isolated legs where ``refused`` (R,), and isolated legs without posted margin."""
    legs, name = book.legs, market.name[book.legs.instrument]
    bad = legs.isolated & refused[legs.row]
    yield from on_legs(book, market, bad, "margin_mode", lambda h: f"{name[h]} is isolated, but {why}; allowed: cross")
    bare = legs.isolated & ~refused[legs.row] & (legs.posted == 0) & (legs.quantity != 0)
    yield from on_legs(book, market, bare, "posted_margin", lambda h: f"isolated {name[h]} needs its posted margin")


def needed(
    book: Book, market: Market, gap: np.ndarray, column: str, say: Callable[[str], str] = "missing for {}".format
) -> Iterator[Found]:
    """Legs of instruments that lack a column (``gap`` (I,)) which only some of their kind need."""
    legs = book.legs
    yield from on_legs(book, market, gap[legs.instrument], column, lambda h: say(market.name[legs.instrument[h]]))
