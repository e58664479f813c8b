"""SPAN expanded unpacked files (.pa2, format U2): 24 record types at fixed columns.

Byte map: ``pa2.csv`` beside this file. A line may have lost its trailing blanks; unknown record types are passed over.
Order that is asked for: the header first, a combined commodity's first record before its others, 81 before its 82.
The format has no end mark: a file cut between two contracts cannot be told from a whole one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .faults import Faults
from .layout import layout, record
from .model import SpanFile
from .pa2arrays import ARRAYS, contracts
from .pa2records import Commodities

NEWLINE, RETURN, END = 10, 13, 26
BATCH = 20_000


def read(data: bytes, name: str, sha256: str, progress: Callable[[int, int], None] | None = None) -> SpanFile:
    """A whole file; raises InputError with line and field of everything wrong."""
    faults = Faults(name)
    text = lines_of(data, faults)
    ids = [t[:2].strip() for t in text]
    header = _header(text, ids, faults)
    rest, bulk = Commodities(faults), [i for i, kind in enumerate(ids) if kind in ARRAYS]
    for count, (line, kind) in enumerate(zip(text, ids, strict=True)):
        if kind in layout() and kind not in ARRAYS:
            rest.add(kind, record(line, count + 1, faults), count + 1)
        if progress and count % BATCH == 0:
            progress(len(data) * count // (2 * len(text)), len(data))
    faults.stop()
    if not bulk:
        faults.fail(len(text), "81 record_id", ids[-1], "the file ends without a single risk array (it is cut)")
    columns, arrays = contracts(text, ids, bulk, rest, faults)
    faults.stop()
    if progress:
        progress(len(data), len(data))
    skipped = sorted({k for k in ids if k and k not in layout()})
    return SpanFile(
        name=name,
        sha256=sha256,
        format=f"pa2 {header['file_format']}",
        organisation=header.get("exchange_complex", ""),
        date=f"{header['business_date']:08d}",
        qualifier=_qualifier(header),
        created=f"{header.get('creation_date', 0):08d}{header.get('creation_time', 0):04d}",
        contracts=columns,
        arrays=arrays,
        commodities=rest.finished(columns),
        spreads=rest.spreads(),
        conversions=rest.conversions,
        remarks=(*rest.remarks, *([f"record types passed over: {', '.join(skipped)}"] if skipped else [])),
    )


def lines_of(data: bytes, faults: Faults) -> list[str]:
    """The lines of a file that must be plain ASCII without control characters."""
    raw = np.frombuffer(data.rstrip(bytes([END, NEWLINE, RETURN])), np.uint8)
    bad = np.flatnonzero(((raw < 32) & (raw != NEWLINE) & (raw != RETURN)) | (raw > 126))
    if len(bad):
        before = raw[: bad[0]]
        line = int((before == NEWLINE).sum()) + 1
        column = int(bad[0]) - int(np.flatnonzero(np.append(NEWLINE, before) == NEWLINE)[-1]) + 1
        value = f"byte 0x{raw[bad[0]]:02X}"
        faults.fail(line, f"column {column}", value, f"{value} in column {column}: the file is not plain ASCII text")
    if not len(raw):
        faults.fail(1, "0 record_id", "", "the file is empty")
    return raw.tobytes().decode("ascii").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _header(text: list[str], ids: list[str], faults: Faults) -> dict[str, Any]:
    if ids[0] != "0":
        faults.fail(1, "0 record_id", ids[0], f"the first record is {ids[0]!r}, not the header 0: not a .pa2 file")
    head = record(text[0], 1, faults)
    if head.get("file_format") != "U2":
        message = f"file format {head.get('file_format')!r}; U2 (expanded unpacked) is read"
        faults.fail(1, "0 file_format", head.get("file_format"), message)
    if not faults.period(1, "0 business_date", f"{head.get('business_date', 0):08d}"):
        faults.stop()
    if again := [i for i, kind in enumerate(ids) if kind == "0" and i]:
        faults.fail(again[0] + 1, "0 record_id", "0", "a second header: two files in one?")
    return head


def _qualifier(header: dict[str, Any]) -> str:
    words = {"S": "settlement", "I": "intraday"}.get(header.get("settle_or_intraday", ""), "")
    return " ".join(filter(None, [words, header.get("file_identifier", ""), header.get("account_type_acronym", "")]))
