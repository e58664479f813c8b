"""SPAN risk parameter XML (.spn, file format 4.00), streamed: what has been read is let go.

Elements and their meaning: rpolton/span-for-margin @bc79088f, PyPI marginism 0.1.1, CME pubspan wiki. Arrays are
losses of one long contract with the extreme moves' cover already inside; amounts are multiplied by 10**riskExponent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO
from xml.parsers import expat

from .commodity import commodity, inter_spread
from .contracts import FAMILIES, Contracts
from .faults import Faults
from .model import SpanFile

CHUNK = 1 << 20
READ_WHOLE = {"fut", "phy", "equity", "cmb", "opt", "series", "ccDef", "pointDef", "curConv", "pbRateDef", *FAMILIES}
HEADERS = {"spanFile", "pointInTime", "clearingOrg", "exchange"}
LOCATED = READ_WHOLE | HEADERS
PAIRS = (2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 15, 16)


class Node:
    """An element: its text children by name and its other children, with the line where it starts."""

    __slots__ = ("kids", "leaf", "line", "tag")

    def __init__(self, tag: str, line: int) -> None:
        self.tag, self.line = tag, line
        self.leaf: dict[str, Any] = {}
        self.kids: list[Node] = []

    def text(self, field: str, default: str = "") -> str:
        """The text of a child, the first of several."""
        value = self.leaf.get(field, default)
        return value[0] if isinstance(value, list) else value

    def texts(self, field: str) -> list[str]:
        """The text of every child of that name."""
        value = self.leaf.get(field, [])
        return value if isinstance(value, list) else [value]

    def put(self, field: str, text: str) -> None:
        """Add a text child."""
        had = self.leaf.get(field)
        if had is None:
            self.leaf[field] = text
        elif isinstance(had, list):
            had.append(text)
        else:
            self.leaf[field] = [had, text]


class Reader:
    """Turns the stream of elements into a SpanFile; one reader reads one file."""

    def __init__(self, name: str) -> None:
        self.faults = Faults(name)
        self.contracts = Contracts(self.faults)
        self.stack: list[Node] = []
        self.words: list[str] = []
        self.pending = ""
        self.header: dict[str, str] = {}
        self.commodities: dict[str, dict[str, Any]] = {}
        self.spreads: list[dict[str, Any]] = []
        self.conversions: dict[str, float] = {}
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self.words.append
        self.parser.StartDoctypeDeclHandler = self._doctype

    def read(self, file: BinaryIO, size: int, progress: Callable[[int, int], None] | None) -> None:
        """Parse the whole stream; raises InputError with line and field of everything wrong."""
        done = 0
        try:
            while chunk := file.read(CHUNK):
                self.parser.Parse(chunk, False)
                done += len(chunk)
                if progress:
                    progress(done, size)
            self.parser.Parse(b"", True)
        except expat.ExpatError as error:
            inside = self.stack[-1].tag if self.stack else "XML"
            message = f"{expat.ErrorString(error.code)} at column {error.offset + 1}: not a whole, well-formed XML file"
            self.faults.fail(error.lineno, inside, None, message)

    def _doctype(self, *_: Any) -> None:
        self.faults.fail(self.parser.CurrentLineNumber, "DOCTYPE", None, "a SPAN file has no document type; refused")

    def _start(self, tag: str, _: dict[str, str]) -> None:
        if self.pending:
            self._open(self.pending)
        self.pending = tag
        if tag in LOCATED:
            self._open(tag)
        self.words.clear()

    def _open(self, tag: str) -> None:
        """An element that holds others; those that hold text alone never become a node."""
        if not self.stack and tag != "spanFile":
            self.faults.fail(self.parser.CurrentLineNumber, tag, None, "not a SPAN file: its root is not spanFile")
        line = self.parser.CurrentLineNumber if tag in LOCATED else self.stack[-1].line
        self.stack.append(Node(tag, line))
        self.pending = ""

    def _end(self, tag: str) -> None:
        if self.pending:
            self.pending = ""
            if not self.stack:
                self._open(tag)
            self.stack[-1].put(tag, "".join(self.words).strip())
        else:
            node = self.stack.pop()
            if tag in HEADERS:
                self.header |= {f"{tag}.{k}": v for k, v in node.leaf.items() if isinstance(v, str)}
            elif not self._taken(node, self.stack[-1] if self.stack else None):
                self.stack[-1].kids.append(node)
        self.words.clear()

    def _taken(self, node: Node, parent: Node | None) -> bool:
        """Read a finished part; True where nothing above it needs it any more."""
        tag = node.tag
        if tag in ("fut", "phy", "equity", "cmb", "opt"):
            self.contracts.add(node, self.stack)
        elif tag in FAMILIES:
            self.contracts.close(node, self._within("exchange").text("exch"))
        elif tag == "ccDef":
            self._commodity(node)
        elif tag in ("dSpread", "hSpread") and parent is not None and parent.tag == "interSpreads":
            self.spreads.append(inter_spread(node, self.faults))
        elif tag == "pointDef":
            self._check_points(node)
        elif tag == "curConv":
            key = f"{node.text('fromCur')}/{node.text('toCur')}"
            self.conversions[key] = self.faults.number(node.line, "curConv factor", node.text("factor"), 0.0)
        else:
            return tag in ("series", "pbRateDef", "definitions", "interSpreads")
        return True

    def _within(self, tag: str) -> Node:
        for node in reversed(self.stack):
            if node.tag == tag:
                return node
        return Node(tag, 0)

    def _commodity(self, node: Node) -> None:
        code = node.text("cc")
        if not code:
            self.faults.add(node.line, "ccDef cc", "", "a combined commodity without code")
        elif code in self.commodities:
            self.faults.add(node.line, "ccDef cc", code, f"combined commodity {code} is defined twice")
        else:
            self.commodities[code] = commodity(node, self.faults)

    def _check_points(self, node: Node) -> None:
        points = [k for k in node.kids if k.tag == "scanPointDef"]
        pairs = tuple(self.faults.whole(node.line, "pairedPoint", p.text("pairedPoint"), 0, 99) for p in points)
        if points and pairs != PAIRS:
            message = f"scenarios are paired {pairs}; only SPAN's own 16 scenarios are read"
            self.faults.add(node.line, "pointDef", pairs, message)

    def finished(self, sha256: str) -> SpanFile:
        """The file as read; raises InputError with everything found wrong."""
        head = lambda key: self.header.get(key, "")  # noqa: E731
        date = head("pointInTime.date")
        if len(date) != 8 or not self.faults.period(1, "pointInTime date", date):
            self.faults.add(1, "pointInTime date", date, f"no business date YYYYMMDD in the file: {date!r}")
        if not self.contracts.rows:
            self.faults.add(self.parser.CurrentLineNumber, "ra", None, "no contract with a risk array in the file")
        columns, arrays = self.contracts.finished(self.commodities)
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
