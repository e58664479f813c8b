"""What differs between two books on two markets: instruments by what is known of them, accounts by what they hold."""

from __future__ import annotations

import numpy as np

from .book import Book
from .holdings import Holdings, starts
from .market import Market


def same(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where two columns say the same; what is missing in both is the same."""
    return np.asarray((one == other) | ((one != one) & (other != other)), bool)


def places(names: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Where each name (N,) stands ``among`` others; −1 where it does not."""
    number = {name: n for n, name in enumerate(among)}
    return np.array([number.get(name, -1) for name in names], np.int64)


def changed_instruments(before: Market, after: Market) -> np.ndarray:
    """Instruments (I,) of which any number or word, or the figures of their scope, are not as before, or new."""
    old = places(after.name, before.name)
    known, scope = old >= 0, places(after.scopes, before.scopes)
    changed = ~known
    for mine, other in ((after.columns, before.columns), (after.texts, before.texts)):
        if mine.keys() != other.keys():
            return np.ones(len(after), bool)
        for name, column in mine.items():
            changed[known] |= ~same(column[known], other[name][old[known]])
    for name in ("kind", "underlying"):
        changed[known] |= ~same(getattr(after, name)[known], getattr(before, name)[old[known]])
    assets = np.append(places(after.assets, before.assets), -1)
    changed[known] |= assets[after.settle[known]] != before.settle[old[known]]
    moved = scope < 0
    for name, column in after.scope_columns.items():
        moved[~moved] |= ~same(column[~moved], before.scope_columns[name][scope[~moved]])
    changed[known] |= scope[after.scope[known]] != before.scope[old[known]]
    return changed | moved[after.scope]


def changed_accounts(before: Book, was: Market, after: Book, now: Market) -> np.ndarray:
    """Accounts (R,) that are new, or whose positions, balances, orders or settings are not as before."""
    old = places(after.account, before.account)
    changed = old < 0
    at = np.maximum(old, 0)
    for name, column in after.settings.items():
        other = before.settings.get(name)
        changed |= True if other is None else ~same(column, other[at]) if len(other) else True
    numbers = {"instrument": places(now.name, was.name), "asset": places(now.assets, was.assets)}
    numbers["location"] = places(np.array(after.locations, object), np.array(before.locations, object))
    for name in ("legs", "cash", "orders"):
        changed |= _records(getattr(before, name), getattr(after, name), at, numbers)
    return changed


def _records(before: Holdings, after: Holdings, at: np.ndarray, numbers: dict[str, np.ndarray]) -> np.ndarray:
    """Rows (R,) whose records in one table are not those of row ``at`` before, wherever these stand in a sheet."""
    old, new = starts(before.row, before.rows), starts(after.row, after.rows)
    if not before.rows:
        return np.ones(after.rows, bool)
    changed = np.diff(new) != np.diff(old)[at]
    some = ~changed[after.row]
    row = after.row[some]
    place = old[at[row]] + np.flatnonzero(some) - new[row]
    for name, column in after.columns().items():
        if name != "sheet_row":
            mine, theirs = column[some], getattr(before, name)[place]
            alike = numbers[name][mine] == theirs if name in numbers else same(mine, theirs)
            changed[row[~alike]] = True
    return changed
