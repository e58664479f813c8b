"""NumPy where a machine word has 32 bits (Pyodide, hence xlwings Lite): row numbers of 64 bits count there too.

Row numbers are int64 everywhere, so that a book gives the same on every machine. On 32 bits ``np.bincount``,
``np.repeat`` and ``np.take`` refuse them ("Cannot cast array data from int64 to int32 according to the rule 'safe'"),
although every number that can index an array there fits. They are given the words that they ask for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

WORD = np.dtype(np.intp)


def widen() -> None:
    """Let the functions of NumPy that ask for words take int64 where a word has 32 bits; elsewhere nothing changes."""
    if WORD.itemsize == 4:
        np.bincount = _taking_words(np.bincount, 0)
        np.repeat = _taking_words(np.repeat, 1)
        np.take = _taking_words(np.take, 1)


def _taking_words(function: Callable[..., Any], place: int) -> Callable[..., Any]:
    """``function`` with its argument at ``place`` as words, where it is an array of longer whole numbers.

    >>> seen = _taking_words(lambda numbers: numbers.dtype, 0)
    >>> seen(np.zeros(2, np.int64)) == np.intp
    True
    """

    @wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        if len(given) > place and getattr(given[place], "dtype", None) == np.int64:
            given = (*given[:place], given[place].astype(WORD), *given[place + 1 :])
        return function(*given, **named)

    return call
