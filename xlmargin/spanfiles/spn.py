"""SPAN risk parameter XML (.spn, file format 4.00), streamed: what has been read is let go.

Elements and their meaning: rpolton/span-for-margin @bc79088f, PyPI marginism 0.1.1, CME pubspan wiki. Arrays are
losses of one long contract with the extreme moves' cover already inside; amounts are multiplied by 10**riskExponent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, ParseError, iterparse
from xml.parsers import expat

from ..errors import InputError
from .commodity import commodity, inter_spread
from .contracts import FAMILIES, Contracts
from .elements import CONTRACTS, Marks, kids, text
from .faults import Faults
from .model import SpanFile

STEP = 1 << 20
PAIRS = (2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 15, 16)
COUNTED = {*CONTRACTS, "ccDef", "pointDef", "interSpreads", "curConv"}


class Watched:
    """A stream that tells how far it has been read."""

    def __init__(self, file: BinaryIO, size: int, progress: Callable[[int, int], None] | None) -> None:
        self.file, self.size, self.progress = file, size, progress
        self.done = self.told = 0

    def read(self, count: int = -1) -> bytes:
        """The next bytes of the stream."""
        chunk = self.file.read(count)
        self.done += len(chunk)
        if self.progress and (self.done - self.told >= STEP or self.done == self.size > self.told):
            self.told = self.done
            self.progress(self.done, self.size)
        return chunk


class Reader:
    """Turns the stream of elements into a SpanFile; one reader reads one file.

    Lines are not kept while reading: a problem remembers which element of its kind it stands in, and ``located`` finds
    the line in a second pass over a file that is refused anyway.
    """

    def __init__(self, name: str) -> None:
        self.faults = Faults(name)
        self.marks = Marks()
        self.contracts = Contracts(self.faults, self.marks)
        self.counts: Counter[str] = Counter()
        self.header: dict[str, str] = {}
        self.commodities: dict[str, dict[str, Any]] = {}
        self.spreads: list[dict[str, Any]] = []
        self.conversions: dict[str, float] = {}

    def read(self, file: BinaryIO, size: int, progress: Callable[[int, int], None] | None) -> None:
        """Parse the whole stream; raises InputError, with marks for lines, of everything wrong."""
        events = iterparse(Watched(file, size, progress), events=("end",))
        take = {**dict.fromkeys(FAMILIES, self._family), "exchange": self._exchange, "ccDef": self._commodity}
        take |= {"interSpreads": self._between, "pointDef": self._points, "curConv": self._conversion}
        take |= dict.fromkeys(("pointInTime", "clearingOrg", "spanFile"), self._head)
        counts, counted = self.counts, COUNTED
        try:
            for _, element in events:
                tag = element.tag
                if tag in counted:
                    counts[tag] += 1
                if tag in take:
                    take[tag](element)
                    element.clear()
        except ParseError as error:
            line, column = error.position
            message = f"{expat.ErrorString(error.code)} at column {column + 1}: not a whole, well-formed XML file"
            self.faults.fail(line, "XML", None, message)
        if not self.header.get("spanFile."):
            self.faults.fail(1, "spanFile", None, "not a SPAN file: its root is not spanFile")

    def _head(self, element: Element) -> None:
        self.header |= {f"{element.tag}.{k.tag}": (k.text or "").strip() for k in element if not len(k)}
        self.header[f"{element.tag}."] = "here"

    def _family(self, element: Element) -> None:
        self.contracts.family(element, self.counts)

    def _exchange(self, element: Element) -> None:
        self.contracts.exchange(text(element, "exch"))

    def _commodity(self, element: Element) -> None:
        self.faults.line = self.marks.of("ccDef", self.counts["ccDef"])
        code = text(element, "cc")
        if not code:
            self.faults.here("ccDef cc", "", "a combined commodity without code")
        elif code in self.commodities:
            self.faults.here("ccDef cc", code, f"combined commodity {code} is defined twice")
        else:
            self.commodities[code] = commodity(element, self.faults)

    def _between(self, element: Element) -> None:
        self.faults.line = self.marks.of("interSpreads", self.counts["interSpreads"])
        for tag in ("dSpread", "hSpread"):
            self.spreads += [inter_spread(spread, self.faults) for spread in kids(element, tag)]

    def _conversion(self, element: Element) -> None:
        self.faults.line = self.marks.of("curConv", self.counts["curConv"])
        key = f"{text(element, 'fromCur')}/{text(element, 'toCur')}"
        self.conversions[key] = self.faults.read("curConv factor", text(element, "factor"), 0.0)

    def _points(self, element: Element) -> None:
        self.faults.line = self.marks.of("pointDef", self.counts["pointDef"])
        stated = [text(p, "pairedPoint") for p in kids(element, "scanPointDef")]
        pairs = tuple(self.faults.read_whole("pairedPoint", pair, 0, 99) for pair in stated)
        if pairs and pairs != PAIRS:
            self.faults.here("pointDef", pairs, f"scenarios are paired {pairs}; only SPAN's own 16 scenarios are read")

    def finished(self, sha256: str) -> SpanFile:
        """The file as read; raises InputError, with marks for lines, of everything found wrong."""
        head = lambda key: self.header.get(key, "")  # noqa: E731
        date = head("pointInTime.date")
        if len(date) != 8 or not self.faults.period(1, "pointInTime date", date):
            self.faults.add(1, "pointInTime date", date, f"no business date YYYYMMDD in the file: {date!r}")
        columns, arrays = self.contracts.finished(self.commodities, self.counts)
        self.faults.stop()
        qualifier = head("pointInTime.setlQualifier") or ("settlement" if head("pointInTime.isSetl") == "1" else "")
        return SpanFile(
            name=self.faults.file,
            sha256=sha256,
            format=f"spn {head('spanFile.fileFormat')}".strip(),
            organisation=head("clearingOrg.ec"),
            date=date,
            qualifier=qualifier,
            created=head("spanFile.created"),
            contracts=columns,
            arrays=arrays,
            commodities=self.commodities,
            spreads=sorted(self.spreads, key=lambda s: s["priority"]),
            conversions=self.conversions,
            remarks=tuple(self.contracts.remarks),
        )

    def located(self, error: InputError, file: BinaryIO) -> InputError:
        """The same error with lines for marks, found in a second pass over the file."""
        lines = self.marks.lines(file, {p.row for p in error.problems if p.row < 0})
        return InputError([replace(p, row=lines.get(p.row, p.row)) for p in error.problems])
