"""Results kept by the content of what they were made from: the same ranges in five formulas compute once."""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any

MISSING = object()


class Cache:
    """The ``capacity`` results used last, by key; a key is made of digests, so equal content is one entry.

    >>> cache = Cache(2)
    >>> [cache.get(k, lambda: print("made", k) or k) for k in (1, 1, 2)]
    made 1
    made 2
    [1, 1, 2]
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.kept: dict[Hashable, Any] = {}
        self.lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The result kept under ``key``, or ``make()`` kept from now on. What raises is not kept."""
        with self.lock:
            found = self.kept.pop(key, MISSING)
            if found is not MISSING:
                self.kept[key] = found
        if found is MISSING:
            found = make()
            with self.lock:
                self.kept[key] = found
                while len(self.kept) > self.capacity:
                    del self.kept[next(iter(self.kept))]
        return found

    def clear(self) -> None:
        """Forget everything."""
        with self.lock:
            self.kept.clear()


def digest(cells: Any) -> bytes:
    """A digest of nested lists of cells by their content; dates and array scalars count by their text.

    >>> digest([["a", 1.0]]) == digest([["a", 1.0]]), digest([["a", 1.0]]) == digest([["a", 2.0]])
    (True, False)
    """
    try:
        content = marshal.dumps(cells, 2)
    except ValueError:
        content = marshal.dumps(_plain(cells), 2)
    return hashlib.blake2b(content, digest_size=16).digest()


def _plain(cells: Any) -> Any:
    """The same cells with everything that marshal cannot write as text."""
    if hasattr(cells, "tolist"):
        cells = cells.tolist()
    if isinstance(cells, list | tuple):
        return [_plain(c) for c in cells]
    return cells if cells is None or type(cells) in (str, int, float, bool) else f"{type(cells).__name__} {cells}"
