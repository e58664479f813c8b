"""Contagion: a shock, forced sales, the prices that they move, and who breaks next, at many venues at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...book import Book
from ...errors import InputError, Note, Problem, nearest
from ...market import OPTION, Market
from ...params import Params
from ..across import Models
from ..moves import CURRENCIES
from ..venues import Ladder
from . import impact as laws
from .aftermath import Contagion
from .cohort import cohorts
from .losses import read as read_shock
from .rounds import Spread

OWNERS = ("apart", "together")
AT_MARKS = "forced sales move the marks of the next round; they bear {slippage:.0%} of the move that they cause"
STILL = "no price impact of {names}: no depth is given"
HELPED = "owners move money between their accounts at once and free of cost, changed at the marks; that moves no price"
UNFUNDED = "no fund is given of {names}: every deficit there stays uncovered"
STOPPED = "stopped after {rounds} rounds: {count} accounts are still below maintenance"
BORNE = "sales of {names} find no buyer through the last 1 % of the price: what the depth does not bear stays unsold"
FIXED = "positions given as sensitivities cannot be sold: the account breaks and stays as it is"
VOLATILITY = "forced sales of options press on the underlying by their delta; volatility stays where the shock left it"


def contagion(
    book: Book,
    market: Market,
    models: Models = None,
    shock: Any = None,
    *,
    depth: Any = None,
    funds: Any = None,
    impact: str = laws.LINEAR,
    owners: str = OWNERS[0],
    slippage: float = 0.0,
    params: Mapping[str, Params] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    rules: Mapping[str, Ladder] | None = None,
    most_rounds: int | None = None,
    workers: int | None = None,
) -> Contagion:
    """Let a shock run through accounts at many venues until nothing changes.

    Parameters: ``models`` as in ``across``: one model, or a model by venue of the accounts table; ``shock``: the name
    or table of one stress, or price, vol, basis, collateral (fractions by name), rate, days, and location, venue,
    owner (share of balances lost by name, −1 for all); ``depth``: instrument (or underlying, asset) and what
    ``impact`` needs, linear: depth, USD per 1 %; square_root: daily_volume, daily_volatility, coefficient — without
    it sales move no price; ``funds``: venue, amount in USD; ``owners`` "together": accounts with the same ``owner``
    in the accounts table move what they can spare above initial margin to those below maintenance, before these are
    liquidated;
    ``slippage``, the share of the round's own price move that forced sales of positions bear: 0 at its marks, 0.5 at
    the average of marks before and after; ``params`` and ``options`` by model id, ``rules`` ladders by model id in
    place of venues.toml; ``most_rounds`` stops earlier than the bound.

    In a round every account that can have changed is margined under its model, those below maintenance go through
    their venue's ladder at the round's marks as in ``simulate``, debts are repaid out of assets, deficits are borne by
    the venue's fund and then stay uncovered; net sales in all so far give the price impact of the next round.
    Rounds: at most 3 + 202 · pools, as every one of them but three liquidates something.
    Raises InputError for an empty book, accounts without a model (all of them), bad shocks, depths and funds.

    >>> import xlmargin as xm
    >>> book, market = xm.tables(
    ...     {"instrument": ["BTCUSDT"] * 2, "quantity": [1, 1], "account": ["a", "b"], "entry_price": [60_000] * 2},
    ...     {"asset": ["USDT"] * 2, "amount": [6_100, 6_600], "account": ["a", "b"]},
    ...     {"instrument": ["BTCUSDT"], "mark": [60_000]},
    ...     {"asset": ["USDT"], "price": [1.0]},
    ...     as_of="2026-11-25",
    ...     venue="binance",
    ... )
    >>> depth = {"underlying": ["BTC"], "depth": [50_000]}
    >>> found = contagion(book, market, "binance.usdm", {"price": {"BTC": -0.1}}, depth=depth)
    >>> found.broke.tolist(), found.first, f"{found.factor[found.name == 'BTC'][0] - 1:+.2%}"
    ([1, 2], 'a', '-12.16%')
    """
    if not len(book):
        raise InputError("an empty book: no table names an account")
    _refuse(owners, slippage, most_rounds)
    found, venue = cohorts(book, market, models, params, options, rules, workers)
    owner = _owner(book)
    moves, losses, doubts = read_shock(shock, book, market, venue, owner)
    names = found[0].names
    law = laws.read(depth, impact, market, names)
    venues, number = _distinct(venue)
    fund, funded = _funds(funds, venues)
    spread = Spread(found, moves, losses, law, fund, number, _distinct(owner)[1], owners == OWNERS[1], slippage)
    resting = spread.run(spread.bound if most_rounds is None else most_rounds)
    notes = (*doubts, *_notes(spread, venues, funded, resting))
    return _told(spread, (book.account, venue, owner, venues), notes, resting)


def _told(spread: Spread, whose: tuple[np.ndarray, ...], notes: tuple[Note, ...], resting: bool) -> Contagion:
    """The result; ``whose`` are accounts (A,), their venues and owners, and the venues (V,)."""
    account, venue, owner, venues = whose
    return Contagion(
        account=account,
        venue=venue,
        owner=owner,
        venues=venues,
        broke=spread.broke,
        cover=spread.cover,
        before=spread.before,
        after=spread.by_account([s.worth for s in spread.cohorts]),
        name=spread.names.name,
        shock=spread.shock,
        factor=spread.factor,
        told=tuple(spread.rounds),
        fund=spread.fund,
        notes=notes,
        cohorts=tuple(spread.cohorts),
        resting=resting,
        bound=spread.bound,
    )


def _refuse(owners: str, slippage: float, most_rounds: int | None) -> None:
    problems = []
    if owners not in OWNERS:
        text = f"owners {owners!r}{nearest(str(owners), OWNERS)}; allowed: {', '.join(OWNERS)}"
        problems.append(Problem("", 0, "owners", owners, text))
    if not (isinstance(slippage, int | float) and 0.0 <= slippage <= 1.0):
        text = f"{slippage!r} is no share of a round's price move; give 0 (at the marks) to 1"
        problems.append(Problem("", 0, "slippage", slippage, text))
    if most_rounds is not None and not (isinstance(most_rounds, int) and most_rounds >= 1):
        problems.append(Problem("", 0, "most_rounds", most_rounds, f"{most_rounds!r} rounds; give 1 or more"))
    if problems:
        raise InputError(problems)


def _owner(book: Book) -> np.ndarray:
    """The owner of each account (A,): the accounts table's, else the account itself."""
    told = book.settings.get("owner", np.full(len(book), None, object))
    named = np.array([str(o).strip() if o is not None and o == o else "" for o in told], object)
    return np.where(named == "", book.account, named)


def _distinct(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    names, number = np.unique(words.astype(str), return_inverse=True)
    return names.astype(object), number.astype(np.int64)


def _funds(table: Any, venues: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What each venue's fund (V,) holds in USD, and which venues have one."""
    fund, funded = np.zeros(len(venues)), np.zeros(len(venues), bool)
    if table is None:
        return fund, funded
    columns = {str(c).strip().casefold(): np.asarray(table[c], object) for c in table}
    problems = [
        Problem("funds", 1, c, None, f"required column is missing{nearest(c, columns)}")
        for c in ("venue", "amount")
        if c not in columns
    ]
    if problems:
        raise InputError(problems)
    known = {str(v).casefold(): n for n, v in enumerate(venues)}
    for n, (name, cell) in enumerate(zip(columns["venue"], columns["amount"], strict=True)):
        place, amount = known.get(str(name).strip().casefold()), laws.number(cell)
        if place is None:
            text = (
                f"no account stands at {name!r}{nearest(str(name), map(str, venues))}; venues: {', '.join(venues[:20])}"
            )
            problems.append(Problem("funds", n + 2, "venue", name, text))
        elif not (np.isfinite(amount) and amount >= 0):
            problems.append(Problem("funds", n + 2, "amount", cell, f"{cell!r} is no amount of zero or more"))
        else:
            fund[place] += amount
            funded[place] = True
    if problems:
        raise InputError(problems)
    return fund, funded


def _notes(spread: Spread, venues: np.ndarray, funded: np.ndarray, resting: bool) -> Iterator[Note]:
    """What the figures assume; ``where`` (A,) marks the accounts concerned."""
    told, names = spread.rounds, spread.names.name
    zero = np.zeros(len(names))
    traded = sum((r.sold + r.bought for r in told), zero) > 0
    if traded.any():
        yield Note(AT_MARKS.format(slippage=spread.slippage), laws.SOURCE[spread.impact.law])
    still = traded & ~spread.impact.known & ~np.isin(names.astype(str), list(CURRENCIES))
    if still.any():
        yield Note(STILL.format(names=_listed(names[still])))
    if any((s.base.market.kind == OPTION).any() and (s.steps > 0).any() for s in spread.cohorts):
        yield Note(VOLATILITY)
    helped = np.any([r.flows["moved"] != 0.0 for r in told], axis=0)
    if helped.any():
        yield Note(HELPED, "", helped)
    cut = sum(((r.borne < 1.0).astype(float) for r in told), zero) > 0
    if cut.any():
        yield Note(BORNE.format(names=_listed(names[cut])))
    short = sum((r.uncovered for r in told), np.zeros(len(venues))) > 0
    if (short & ~funded).any():
        yield Note(UNFUNDED.format(names=_listed(venues[short & ~funded])))
    if not resting:
        below = np.zeros(len(spread.venue), bool)
        for s in spread.cohorts:
            below[s.account[s.unsafe]] = True
        yield Note(STOPPED.format(rounds=len(told), count=int(below.sum())), "", below)
    yield from _of_rules(spread)


def _of_rules(spread: Spread) -> Iterator[Note]:
    """Notes of the rules and doubts about the ladders, by account."""
    for s, terms in zip(spread.cohorts, spread.terms, strict=True):
        liquidated = np.zeros(len(spread.venue), bool)
        liquidated[s.account[s.steps > 0]] = True
        text, cite = (terms.told, terms.cite) if terms.told else (s.ladder.doubt, s.ladder.cite)
        if liquidated.any() and text:
            yield Note(f"{s.base.model.id}: {text}", cite, liquidated)
        if (kept := s.unsafe & s.fixed).any():
            yield Note(FIXED, "", np.isin(np.arange(len(spread.venue)), s.account[kept]))
        for note in s.notes:
            where = np.zeros(len(spread.venue), bool)
            where[s.account[note.where if note.where is not None else slice(None)]] = True
            yield Note(note.text, note.cite, where)


def _listed(names: np.ndarray) -> str:
    told = ", ".join(map(str, names[:12]))
    return f"{told} and {len(names) - 12} more" if len(names) > 12 else told
