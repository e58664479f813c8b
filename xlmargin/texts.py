"""A column of text as numbers: what is said about a word is said once, however many rows it stands in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

FEW = 64


@dataclass(frozen=True, eq=False)
class Texts:
    """The word of each row: ``number`` (N,) into ``words`` (K,), objects; a row without a word has the word ""."""

    number: np.ndarray
    words: np.ndarray

    def __len__(self) -> int:
        return len(self.number)

    @classmethod
    def of(cls, cells: Any) -> Texts:
        """Cells of any type (array or pandas Series) as stripped text, words in order of appearance; blanks are "".

        >>> t = Texts.of(np.array([" b", None, 2, " b"], object))
        >>> t.number.tolist(), t.words.tolist()
        ([0, 1, 2, 0], ['b', '', '2'])
        """
        if isinstance(cells, Texts):
            return Texts(cells.number, _stripped(cells.words)).compact()
        if not isinstance(cells, np.ndarray) and len(cells) < FEW:
            cells = np.asarray(cells.array, object)
        if not isinstance(cells, np.ndarray):
            number, found = cells.array.factorize()
            return cls(number, _stripped(np.asarray(found, object))).closed()
        if cells.dtype.kind == "f":
            cells = np.where(np.isnan(cells), None, cells.astype(object))
        number, found = numbered(cells.tolist())
        return cls(number, _stripped(found))

    @classmethod
    def same(cls, word: str, count: int) -> Texts:
        """One word in every row."""
        return cls(np.zeros(count, np.int64), objects([word]))

    @property
    def array(self) -> np.ndarray:
        """The words themselves (N,)."""
        return self.words[self.number]

    def at(self, rows: np.ndarray) -> Texts:
        """The words of some rows."""
        return Texts(self.number[rows], self.words)

    def renamed(self, change: Callable[[Any], str]) -> Texts:
        """Every word changed; two may become the same."""
        return Texts(self.number, objects([change(word) for word in self.words]))

    def compact(self) -> Texts:
        """The same rows with the words that stand in them, in order of appearance."""
        first = np.full(len(self.words) + 1, len(self), np.int64)
        first[self.number[::-1]] = np.arange(len(self))[::-1]
        order = np.argsort(first[:-1], kind="stable")[: np.count_nonzero(first[:-1] < len(self))]
        place = np.full(len(self.words) + 1, -1, np.int64)
        place[order] = np.arange(len(order))
        return Texts(place[self.number], self.words[order]).closed()

    def closed(self) -> Texts:
        """The same with the word "" for rows numbered −1."""
        none = self.number < 0
        if not none.any():
            return self
        return Texts(np.where(none, len(self.words), self.number), objects([*self.words, ""])).compact()

    def such(self, *words: str) -> np.ndarray:
        """The rows (N,) where one of ``words`` stands."""
        return np.array([word in words for word in self.words], bool)[self.number]

    def filled(self, other: Texts) -> Texts:
        """The same, with the other's word where this has none."""
        empty = self.such("")
        if not empty.any():
            return self
        words = objects([*self.words, *other.words])
        return Texts(np.where(empty, other.number + len(self.words), self.number), words)

    def spread(self, rows: np.ndarray, count: int) -> Texts:
        """These words in ``rows`` of a longer column (``count``,), none elsewhere."""
        number = np.zeros(count, np.int64)
        number[rows] = self.number + 1
        return Texts(number, objects(["", *self.words]))

    def sorted(self) -> tuple[np.ndarray, np.ndarray]:
        """The words that stand in any row, in order, and the number of each row's word among them (N,)."""
        used = np.zeros(len(self.words), bool)
        used[self.number] = True
        words = sorted(set(self.words[used]))
        return objects(words), self.to({word: n for n, word in enumerate(words)}, -1, np.int64)

    def first(self, values: np.ndarray) -> np.ndarray:
        """The value (N,) of the first row in which each word stands (K,); NaN for a word that stands in none."""
        out = np.full(len(self.words), np.nan)
        out[self.number[::-1]] = values[::-1]
        return out

    def to(self, meaning: Mapping[str, Any], other: Any, dtype: Any) -> np.ndarray:
        """What each row's word means (N,); ``other`` where ``meaning`` has no such word."""
        return np.array([meaning.get(word, other) for word in self.words], dtype)[self.number]


def numbered(cells: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """The number of each cell (N,) and the distinct cells, in order of appearance.

    >>> numbered(["b", "a", "b"])[0].tolist()
    [0, 1, 0]
    """
    seen: dict[Any, int] = {}
    try:
        number = [seen.setdefault(cell, len(seen)) for cell in cells]
    except TypeError:
        return numbered([cell if np.isscalar(cell) or is_blank(cell) else str(cell) for cell in cells])
    return np.array(number, np.int64), objects(list(seen))


def merged(columns: Iterable[Texts]) -> tuple[dict[str, int], list[np.ndarray]]:
    """The distinct words of several columns with their numbers, in order of appearance, and each row's number.

    >>> known, numbers = merged([Texts.of(np.array(["b", "a"])), Texts.of(np.array(["c", "a"]))])
    >>> known, [n.tolist() for n in numbers]
    ({'b': 0, 'a': 1, 'c': 2}, [[0, 1], [2, 1]])
    """
    known: dict[str, int] = {}
    numbers = []
    for texts in columns:
        words = texts.words.tolist() if len(texts) else []
        if not known:
            known = dict(zip(words, range(len(words)), strict=True))
            if len(known) == len(words):
                numbers.append(texts.number)
                continue
            known = {}
        try:
            place = np.fromiter(map(known.__getitem__, words), np.int64, len(words))
        except KeyError:
            place = np.array([known.setdefault(word, len(known)) for word in words], np.int64)
        numbers.append(place[texts.number])
    return known, numbers


def is_blank(cell: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, NaT, NA or spaces.

    >>> is_blank("  "), is_blank(float("nan")), is_blank(0)
    (True, True, False)
    """
    if isinstance(cell, str):
        return not cell.strip()
    itself = cell is not None and cell == cell
    return not (itself if isinstance(itself, bool | np.bool_) else np.ndim(cell))


def _stripped(cells: np.ndarray) -> np.ndarray:
    try:
        return np.fromiter(map(str.strip, cells), object, len(cells))
    except TypeError:  # numbers, dates, or nothing
        return objects(["" if is_blank(cell) else word_of(cell) for cell in cells])


def word_of(cell: Any) -> str:
    """A cell as a word; whole floats read as integers, since pandas writes 1.0 for 1 where a cell of a column is blank.

    >>> word_of(1.0), word_of(1.5), word_of(" 1.0 "), word_of(7)
    ('1', '1.5', '1.0', '7')
    """
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    return str(cell).strip()


def objects(cells: Collection[Any]) -> np.ndarray:
    """Cells as an array of objects, whatever they are."""
    return np.fromiter(cells, object, len(cells))
