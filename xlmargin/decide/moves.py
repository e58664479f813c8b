"""Moves of a market, many at once: what each multiplies, by group of instruments, scope and asset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..book import Book
from ..cells import read_number
from ..errors import InputError, Problem, nearest
from ..market import ASSET, OPTION, PERP, SENSITIVITY, SPOT, Market
from ..shocks import coin_moves

_FIXED = (
    "USD EUR GBP CHF JPY CAD AUD NZD SGD HKD CNY CNH KRW INR BRL MXN SEK NOK DKK PLN CZK HUF ZAR TRY "
    "USDC USDT USDG USDE USDH USDS DAI FDUSD TUSD BUSD PYUSD RLUSD EURC EURT EURR USTC UST"
)
CURRENCIES = frozenset(_FIXED.split())


@dataclass(frozen=True, eq=False)
class Moves:
    """K moves: ``price``, ``vol``, ``basis`` (K, G) factors by group, ``asset`` (K, C) factors, ``rate`` (K,) added.

    ``group`` (I,) is the column of each instrument; a scope's index follows its first instrument. ``single`` says that
    every group is one instrument and moves by itself: an index then follows any perpetual or spot of its scope, and no
    dated contract, so that it does not matter which others are held. ``seconds`` pass in all of them: time is one
    number a market.
    """

    group: np.ndarray
    price: np.ndarray
    vol: np.ndarray
    basis: np.ndarray
    asset: np.ndarray
    rate: np.ndarray
    seconds: float = 0.0
    single: bool = False

    def __len__(self) -> int:
        return len(self.price)

    @property
    def width(self) -> int:
        """Number of groups."""
        return self.price.shape[1]

    @property
    def coins(self) -> int:
        """How many assets one of them moves at most."""
        return int((self.asset != 1.0).sum(axis=1).max(initial=0))

    @classmethod
    def none(cls, market: Market, count: int, group: np.ndarray | None = None, seconds: float = 0.0) -> Moves:
        """``count`` moves that change nothing; groups are the underlyings unless given."""
        group = groups(market)[1] if group is None else group
        width = int(group.max(initial=-1)) + 1
        price, vol, basis = np.ones((3, count, width))
        return cls(group, price, vol, basis, np.ones((count, len(market.assets))), np.zeros(count), seconds)

    @classmethod
    def stack(cls, moves: Sequence[Moves]) -> Moves:
        """Moves of one market and time one after another."""
        names = ("price", "vol", "basis", "asset", "rate")
        return replace(moves[0], **{name: np.concatenate([getattr(m, name) for m in moves]) for name in names})

    def combined(self, inside: np.ndarray) -> Moves:
        """For each row of ``inside`` (N, K) the moves of it that are True together: factors multiplied, rates added."""
        names = ("price", "vol", "basis", "asset")
        both = {n: np.where(inside[:, :, None], getattr(self, n)[None], 1.0).prod(axis=1) for n in names}
        return replace(self, rate=inside @ self.rate, **both)

    def take(self, which: np.ndarray) -> Moves:
        """The moves ``which``, repeated or reordered."""
        names = ("price", "vol", "basis", "asset", "rate")
        return replace(self, **{name: getattr(self, name)[which] for name in names})

    def follow(self, market: Market, names: Sequence[str], price: np.ndarray) -> Moves:
        """The same moves with assets that follow an underlying moved like it: ``price`` (K, G) by ``names`` (G,)."""
        asset = self.asset.copy()
        for g, name in enumerate(names):
            asset[:, market.leader == name] *= price[:, g, None]
        return replace(self, asset=asset)


def groups(market: Market) -> tuple[np.ndarray, np.ndarray]:
    """Distinct underlyings by name (G,) and the number of each instrument's (I,)."""
    names, number = np.unique(market.underlying.astype(str), return_inverse=True)
    return names.astype(object), number.astype(np.int64)


def has_price(market: Market) -> np.ndarray:
    """Instruments (I,) with a price that can move; a sensitivity is an amount and follows nothing."""
    return market.kind != SENSITIVITY


def first_of_scopes(market: Market) -> np.ndarray:
    """The first instrument of each scope (U,), whose price the scope's index follows; −1 where it has none."""
    first = np.full(len(market.scopes), -1)
    first[market.scope[::-1]] = np.arange(len(market))[::-1]
    return first


def leads(market: Market) -> tuple[np.ndarray, np.ndarray]:
    """Instruments (L,) whose own price carries the index of their scope, perpetuals and spot, and that scope (L,)."""
    lead = np.flatnonzero(np.isin(market.kind, (PERP, SPOT, ASSET)))
    return lead, market.scope[lead]


def index_factors(market: Market, moves: Moves, world: np.ndarray, scope: np.ndarray) -> np.ndarray:
    """What multiplies the index of ``scope`` (N,) in ``world`` (N,); 1 for world −1 and where nothing leads a scope."""
    if not moves.single:
        first = np.append(moves.group, -1)[first_of_scopes(market)[scope]]
        return np.where((first < 0) | (world < 0), 1.0, moves.price[world, first])
    lead, of = leads(market)
    low, high = np.ones((2, len(market.scopes), len(moves)))
    for extreme, factor in ((np.minimum, low), (np.maximum, high)):
        extreme.at(factor, of, moves.price[:, moves.group[lead]].T)
    factor = np.where(high > 1.0, high, low)
    return np.where(world < 0, 1.0, factor[scope, world])


def movable(market: Market) -> np.ndarray:
    """Assets (C,) whose price moves with markets: every priced one that is not a currency or a stablecoin."""
    fixed = np.array([str(a).upper() in CURRENCIES for a in market.leader], bool)
    return ~fixed & np.isfinite(market.price)


def named(
    market: Market,
    price: Mapping[str, float] | None = None,
    vol: Mapping[str, float] | None = None,
    basis: Mapping[str, float] | None = None,
    collateral: Mapping[str, float] | None = None,
    rate: float = 0.0,
    days: float = 0.0,
    rest: Mapping[str, float] | None = None,
) -> Moves:
    """One move from fractions by name: −0.2 is −20 % of every price that follows the underlying.

    ``collateral`` moves the price of an asset, and of those that follow it, alone; ``rest`` gives price, vol, basis and
    collateral for every name that is not mentioned (currencies and stablecoins keep their price unless named in
    ``collateral``).
    A fraction may be a text such as "-20 %".
    Raises InputError for unknown names, for what is no number and for moves of −100 % or below.
    """
    names, _ = groups(market)
    given = fractions({"price": price, "vol": vol, "basis": basis, "collateral": collateral})
    refuse(market, given, days)
    other = {"price": 0.0, "vol": 0.0, "basis": 0.0} | dict(rest or {})
    moves = Moves.none(market, 1, seconds=days * 86400.0)
    for what in ("price", "vol", "basis"):
        getattr(moves, what)[0] = [1.0 + given[what].get(str(n), other[what]) for n in names]
    coins = {**dict.fromkeys(map(str, market.leader[movable(market)]), other["price"]), **given["price"]}
    asset = (1.0 + coin_moves(market, coins)) * _alone(market, given["collateral"])
    return replace(moves, asset=asset[None, :], rate=np.full(1, rate))


def fractions(moves: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Moves by kind and name as numbers; InputError for a kind that is no mapping and for what is no number.

    >>> fractions({"price": {"BTC": "-20 %"}, "vol": None})
    {'price': {'BTC': -0.2}, 'vol': {}}
    """
    out: dict[str, dict[str, float]] = {}
    problems = []
    for what, by in moves.items():
        out[what] = {}
        if not isinstance(by, Mapping | None):
            text = f"a {type(by).__name__} is no move by name: give a mapping such as {{'BTC': -0.2}}"
            problems.append(Problem("shocks", 0, what, None, text))
            continue
        for name, move in (by or {}).items():
            try:
                out[what][str(name)] = read_number(move)
            except ValueError as error:
                problems.append(Problem("shocks", 0, what, move, f"{name}: {error}"))
    if problems:
        raise InputError(problems)
    return out


def words_of_moves(moves: Mapping[str, Any] | None) -> dict[str, Any]:
    """Keyword arguments for ``named``; InputError for a word that it does not know, with the nearest."""
    known = ("price", "vol", "basis", "collateral", "rate", "days", "rest")
    wrong = [key for key in moves or {} if key not in known]
    if wrong:
        told = f"; there are {', '.join(known)}, as in {{'price': {{'BTC': -0.2}}}}"
        raise InputError(
            [Problem("moves", 0, str(k), None, f"no move {k!r}{nearest(str(k), known)}{told}") for k in wrong]
        )
    return dict(moves or {})


def _alone(market: Market, collateral: Mapping[str, float]) -> np.ndarray:
    """Factor of each asset's price (C,) that no instrument shares: its own and that of the coin that it follows."""
    own, leader = (1.0 + np.array([collateral.get(str(a), 0.0) for a in n]) for n in (market.assets, market.leader))
    return np.where(market.assets == market.leader, own, own * leader)


def held_only(market: Market, moves: Mapping[str, Any]) -> dict[str, Any]:
    """The same arguments of ``named`` without names that nothing of this market follows."""
    followed = {str(n) for n in (*market.underlying, *market.assets, *market.leader)}
    keep = lambda by: {n: v for n, v in by.items() if n in followed}  # noqa: E731
    return {k: keep(v) if isinstance(v, Mapping) and k != "rest" else v for k, v in moves.items()}


def targets(market: Market) -> dict[str, list[str]]:
    """Names that each kind of move may have: whatever a price, a volatility or a basis follows; assets."""
    followed = list(dict.fromkeys(map(str, [*market.underlying, *market.assets, *market.leader])))
    return {"price": followed, "vol": followed, "basis": followed, "collateral": list(map(str, market.assets))}


def refuse(market: Market, given: Mapping[str, Mapping[str, float]], days: float = 0.0) -> None:
    """Raise InputError for names that nothing follows, moves of −100 % or below, days below zero."""
    known = targets(market)
    problems = []
    for what, by in given.items():
        for name, move in by.items():
            allowed = known.get(what, known["price"])
            if name not in allowed:
                have = ", ".join(allowed[:20]) or "none"
                text = f"nothing follows {name!r}{nearest(name, allowed)}; there are {have}"
                problems.append(Problem("shocks", 0, what, name, text))
            elif not (np.isfinite(move) and move > -1.0):
                problems.append(Problem("shocks", 0, what, move, f"{name} by {move:+.0%}; must be above -100 %"))
    if not (np.isfinite(days) and days >= 0.0):
        problems.append(Problem("shocks", 0, "days", days, f"{days:g} days; must be zero or more"))
    if problems:
        raise InputError(problems)


def refuse_unpriced(market: Market, book: Book) -> None:
    """Raise InputError for options that ``book`` holds and that cannot be valued."""
    used = np.zeros(len(market), bool)
    used[book.legs.instrument] = used[book.orders.instrument] = True
    if problems := unpriced(market, used):
        raise InputError(problems)


def unpriced(market: Market, used: np.ndarray | None = None) -> list[Problem]:
    """A problem for each option (of ``used`` (I,)) that cannot be revalued: forward, volatility or expiry missing."""
    problems = []
    options = market.kind == OPTION
    for column in ("forward", "iv", "strike", "expiry"):
        values = market.forward() if column == "forward" else market[column]
        gap = options & np.isnan(values) & (True if used is None else used)
        for i in np.flatnonzero(gap)[:50]:
            text = f"missing for {market.name[i]}: without it an option cannot be revalued"
            problems.append(Problem("instruments", 0, column, None, text))
    return problems
