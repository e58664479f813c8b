"""Texts and children of XML elements, and the lines of those that a problem stands in."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import BinaryIO
from xml.etree.ElementTree import Element
from xml.parsers import expat

CONTRACTS = ("fut", "phy", "equity", "cmb", "opt")


def text(element: Element, field: str, default: str = "") -> str:
    """The text of the first child of that name."""
    found = element.findtext(field)
    return found.strip() or default if found else default


def kids(element: Element, tag: str) -> list[Element]:
    """Children of that name."""
    return element.findall(tag)


class Marks:
    """Stand-ins for line numbers: negative numbers, each for the n-th element of a kind."""

    def __init__(self) -> None:
        self.places: list[tuple[str, int]] = []

    def of(self, tag: str, number: int) -> int:
        """A mark for the ``number``-th element of a kind, in the order in which such elements end."""
        self.places.append((tag, number))
        return -len(self.places)

    def lines(self, file: BinaryIO, marks: set[int]) -> dict[int, int]:
        """The lines on which marked elements end; a file that breaks off before them gives its last line."""
        wanted = {self.places[-m - 1]: m for m in marks}
        found: dict[int, int] = {}
        seen: Counter[str] = Counter()
        parser = expat.ParserCreate()

        def end(tag: str) -> None:
            seen[tag] += 1
            mark = wanted.get((tag, seen[tag]))
            if mark is not None:
                found[mark] = parser.CurrentLineNumber

        parser.EndElementHandler = end
        with suppress(expat.ExpatError):
            parser.ParseFile(file)
        return {m: found.get(m, parser.CurrentLineNumber) for m in marks}
