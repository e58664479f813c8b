"""CRIF rows as columns: texts as numbered words, amounts as cells, and where each row stood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import Problem, nearest
from .parsing import no_table
from .schemas import CRIF_COLUMNS, folded
from .texts import word_of

NAMES = tuple(c.name for c in CRIF_COLUMNS)
AMOUNTS = ("amount", "amount_usd")
NUMBERS = (*AMOUNTS, "notional_trade")
TEXTS = tuple(name for name in NAMES if name not in NUMBERS)
SPELLINGS = {folded(name): name for name in NAMES} | {
    "portfolioid": "account",
    "portfolio": "account",
    "nettingset": "account",
    "nettingsetid": "account",
    "trade": "trade_id",
    "assetclass": "product_class",
    "term": "risk_type",
    "product": "qualifier",
    "currency": "amount_currency",
}
LARGEST_TABLE = 1 << 21
OWN = ("usd", "amount", "notional", "end", "table", "row")


@dataclass(frozen=True, eq=False)
class Words:
    """A column of text as numbers: ``code`` (N,) into the sorted ``words``."""

    code: np.ndarray
    words: tuple[str, ...]

    @classmethod
    def of(cls, cells: np.ndarray) -> Words:
        """Cells of any type as text; whole numbers lose their decimal point, blanks are "".

        >>> Words.of(np.array(["b", None, 2.0, "b"], object)).texts.tolist()
        ['b', '', '2', 'b']
        """
        if cells.dtype.kind == "f" and np.isnan(cells).all():
            return cls(np.zeros(len(cells), np.int64), ("",))
        import pandas as pd

        try:
            code, found = pd.factorize(np.asarray(cells, object))
        except TypeError:
            code, found = pd.factorize(np.array([c if np.isscalar(c) else str(c) for c in cells], object))
        return cls(code.astype(np.int64) + 1, ("", *map(word_of, found))).merged()

    def merged(self) -> Words:
        """The same texts with every word once and in order."""
        words = tuple(sorted(set(self.words)))
        number = {word: i for i, word in enumerate(words)}
        renumber = np.array([number[word] for word in self.words], np.int64)
        return Words(renumber[self.code], words)

    @property
    def texts(self) -> np.ndarray:
        """The words themselves (N,)."""
        return np.array(self.words, object)[self.code]

    def at(self, rows: np.ndarray) -> Words:
        """The words of some rows."""
        return Words(self.code[rows], self.words)

    def again(self, rows: np.ndarray) -> Words:
        """All the words, then those of ``rows`` once more."""
        return Words(np.concatenate([self.code, self.code[rows]]), self.words)

    def such(self, *words: str) -> np.ndarray:
        """Where one of ``words`` stands (N,)."""
        return np.array([w in words for w in self.words], bool)[self.code]


def distinct(codes: Sequence[np.ndarray], widths: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """One row of each combination of numbers (K,), in order of the numbers, and each row's combination (N,).

    >>> [x.tolist() for x in distinct([np.array([1, 0, 1]), np.array([2, 2, 2])], [2, 3])]
    [[1, 0], [1, 0, 1]]
    """
    place, count = np.zeros(len(codes[0]), np.int64), 1
    for code, width in zip(codes, widths, strict=True):
        if width > 1:
            place = place * width + code
            place, count = _compressed(place, count * width)
    first = np.zeros(count, np.int64)
    first[place[::-1]] = np.arange(len(place))[::-1]
    return first[:count] if len(place) else first[:0], place


def _compressed(place: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    if size > LARGEST_TABLE:
        values, place = np.unique(place, return_inverse=True)
        return place, len(values)
    used = np.zeros(size, bool)
    used[place] = True
    number = np.cumsum(used) - 1
    return number[place], int(number[-1]) + 1


@dataclass(frozen=True, eq=False)
class Sensitivities:
    """CRIF rows (N,): words by column, amounts, end dates, and where each stood.

    ``usd`` is NaN where the amount stands in ``words["amount_currency"]`` and is still to be converted; for
    multipliers and factors it is the plain number. ``notional`` is that of the whole trade where a schedule row
    tells it. ``valued`` is the newest valuation date or None.
    """

    words: dict[str, Words]
    usd: np.ndarray
    amount: np.ndarray
    notional: np.ndarray
    end: np.ndarray
    valued: float | None
    tables: tuple[str, ...]
    table: np.ndarray
    row: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    def accounts(self) -> tuple[str, ...]:
        """Netting sets in order of first appearance."""
        account = self.words["account"]
        return tuple(account.words[i] for i in dict.fromkeys(account.code.tolist()))

    def at(self, rows: np.ndarray) -> Sensitivities:
        """Some of the rows."""
        words = {name: column.at(rows) for name, column in self.words.items()}
        own = {name: getattr(self, name)[rows] for name in OWN}
        return replace(self, words=words, **own)

    def with_rows(self, rows: np.ndarray, **changed: Any) -> Sensitivities:
        """The same rows, then ``rows`` once more with some columns changed (words by name, numbers by attribute)."""
        words = {}
        for name, column in self.words.items():
            more = changed.get(name, column.texts[rows])
            words[name] = Words.of(np.concatenate([column.texts, more])) if name in changed else column.again(rows)
        own = {
            name: np.concatenate([getattr(self, name), changed.get(name, getattr(self, name)[rows])]) for name in OWN
        }
        return replace(self, words=words, **own)

    def problem(self, i: int, column: str, value: Any, message: str) -> Problem:
        """A problem at row ``i`` in its table's own row numbers."""
        account = self.words["account"]
        name = account.words[account.code[i]] or "main"
        return Problem(self.tables[self.table[i]], int(self.row[i]), column, value, message, name)


def unread(tables: Mapping[str, Any], problems: list[Problem]) -> Sensitivities:
    """Every filled row of the tables as it stands: texts as words, amounts as cells."""
    parts = [_columns(name, data, problems) for name, data in tables.items()]
    rows = np.concatenate([part["row"] for part in parts])
    table = np.repeat(np.arange(len(parts)), [len(part["row"]) for part in parts])
    words = {name: Words.of(_joined(name, parts)) for name in TEXTS}
    numbers = (_joined(name, parts) for name in ("amount_usd", "amount", "notional_trade"))
    return Sensitivities(words, *numbers, np.full(len(rows), np.nan), None, tuple(tables), table, rows)


def _joined(name: str, parts: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray:
    """One column over all tables; NaN where a table lacks it."""
    return np.concatenate([part.get(name, np.full(len(part["row"]), np.nan)) for part in parts])


def _columns(name: str, data: Any, problems: list[Problem]) -> dict[str, np.ndarray]:
    import pandas as pd

    if not hasattr(data, "keys"):
        problems.append(no_table(name, data))
        data = {}
    found = _found(name, data, problems)
    empty = all(np.size(data[header]) == 0 for header in data)
    missing = [] if "risk_type" in found or empty else ["risk_type"]
    missing += [] if found.keys() & set(AMOUNTS) or empty else ["amount_usd"]
    for column in missing:
        message = f"required column is missing{nearest(column, map(str, data))}"
        problems.append(Problem(name, 1, column, None, message))
    lengths = {len(cells) for cells in found.values()}
    if len(lengths) > 1:
        problems.append(Problem(name, 0, "", None, f"columns of different lengths: {sorted(lengths)}"))
    count = 0 if missing or len(lengths) != 1 else lengths.pop()
    filled = np.zeros(count, bool)
    for cells in found.values() if count else ():
        filled |= ~pd.isna(cells) if cells.dtype.kind == "f" else ~(pd.isna(cells) | (cells == ""))
    rows = np.flatnonzero(filled) + 1 + getattr(data, "header_row", 1)
    return {c: cells[:count][filled] for c, cells in found.items()} | {"row": rows}


def _found(name: str, data: Any, problems: list[Problem]) -> dict[str, np.ndarray]:
    """Columns by their own name first, then by what other files call them."""
    headers = {header: folded(header) for header in data}
    twice = [h for h in headers if np.ndim(data[h]) != 1]
    found: dict[str, np.ndarray] = {}
    for by_name in (True, False):
        for header, spelling in headers.items():
            column = SPELLINGS.get(spelling)
            if column is None or header in twice or by_name != (spelling == folded(column)):
                continue
            if column in found and by_name:
                twice.append(header)
            elif column not in found:
                found[column] = _cells(column, data[header])
    problems.extend(Problem(name, 1, str(h), h, f"column {str(h)!r} stands twice") for h in twice)
    return found


def _cells(column: str, cells: Any) -> np.ndarray:
    """Amounts that are numbers already stay numbers; everything else as it is."""
    if column not in NUMBERS:
        return np.asarray(cells, object)
    plain = np.asarray(cells)
    return plain.astype(np.float64) if plain.dtype.kind in "fiu" else plain.astype(object)
