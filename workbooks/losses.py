"""What a workbook holds that openpyxl drops on its way through, and the dynamic arrays put back afterwards."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

METADATA = "xl/metadata.xml"
CACHED = "the stored results of formulas (they come back when the file is opened and recalculated)"
TYPES, RELATIONS = "[Content_Types].xml", "xl/_rels/workbook.xml.rels"
DYNAMIC = re.compile(r'<c r="([A-Z]+\d+)"[^>]* cm="\d+"')
ARRAY_CELL = re.compile(r'<c r="([A-Z]+\d+)"((?: [a-z]+="[^"]*")*)>(?=<f [^>]*t="array")')
OVERRIDE = (
    '<Override PartName="/xl/metadata.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheetMetadata+xml"/></Types>'
)
RELATION = (
    '<Relationship Id="rIdDynamicArrays" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sheetMetadata" '
    'Target="metadata.xml"/></Relationships>'
)
XDA = "http://schemas.microsoft.com/office/spreadsheetml/2017/dynamicarray"
DYNAMIC_ARRAYS = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    f'<metadata xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:xda="{XDA}">'
    '<metadataTypes count="1"><metadataType name="XLDAPR" minSupportedVersion="120000" copy="1" pasteAll="1" '
    'pasteValues="1" merge="1" splitFirst="1" rowColShift="1" clearFormats="1" clearComments="1" assign="1" '
    'coerce="1" cellMeta="1"/></metadataTypes><futureMetadata name="XLDAPR" count="1"><bk><extLst>'
    '<ext uri="{bdbb8cdc-fa1e-496e-a857-3c3f30c029c3}"><xda:dynamicArrayProperties fDynamic="1" fCollapsed="0"/>'
    '</ext></extLst></bk></futureMetadata><cellMetadata count="1"><bk><rc t="1" v="0"/></bk></cellMetadata></metadata>'
)
PARTS = {
    r"xl/ctrlProps/|xl/activeX/": "form controls (buttons, check boxes)",
    r"xl/slicers/|xl/slicerCaches/|xl/timelines/": "slicers and timelines",
    r"xl/threadedComments/": "threaded comments (their text stays as plain notes)",
    r"xl/richData/": "data types and pictures in cells",
    r"xl/customProperty|customXml/": "custom XML parts",
    r"xl/queryTables/|xl/connections\.xml": "data connections",
    r"xl/diagrams/": "SmartArt",
    r"xl/model/": "the data model",
    r"xl/charts/": "some of the formatting of charts",
}
WORDS = {
    b"sparklineGroup": "sparklines",
    b"<xdr:sp>": "shapes and text boxes",
    b"<xdr:sp ": "shapes and text boxes",
    b"x14:conditionalFormatting": "conditional formats of the newer kind",
    b"x14:dataValidation": "drop-downs that refer to other sheets in the newer form",
    b'<f t="dataTable"': "data tables",
}


def losses(path: Path) -> list[str]:
    """In words, what openpyxl will not carry over when it loads and saves this workbook."""
    found: dict[str, None] = {}
    with zipfile.ZipFile(path) as archive:
        if find_spec("PIL") is None and any(n.startswith("xl/media/") for n in archive.namelist()):
            found["pictures (they stay if you pip install pillow)"] = None
        for item in archive.infolist():
            found |= {words: None for pattern, words in PARTS.items() if re.match(pattern, item.filename)}
            if item.filename.startswith(("xl/worksheets/", "xl/drawings/")) and item.filename.endswith(".xml"):
                content = archive.read(item)
                found |= {words: None for mark, words in WORDS.items() if mark in content}
                if b"<f" in content:
                    found[CACHED] = None
    return list(found)


def dynamic_cells(path: Path) -> dict[str, set[str]]:
    """The cells with a dynamic array formula, by sheet title."""
    with zipfile.ZipFile(path) as archive:
        if METADATA not in archive.namelist():
            return {}
        parts = _sheet_parts(archive)
        return {title: set(DYNAMIC.findall(archive.read(part).decode("utf-8"))) for title, part in parts.items()}


def _sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """The part of each sheet by title, as workbook.xml and its relationships say."""
    names = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    targets = {r.get("Id"): r.get("Target", "") for r in ElementTree.fromstring(archive.read(RELATIONS))}
    found = {}
    for sheet in names.iter():
        if sheet.tag.endswith("}sheet"):
            key = next(v for k, v in sheet.attrib.items() if k.endswith("}id"))
            target = targets[key]
            found[sheet.get("name", "")] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return found


def make_dynamic(path: Path, cells: dict[str, set[str]]) -> None:
    """Mark array formulas at ``cells`` (by sheet title) as dynamic arrays again, in place."""
    if not any(cells.values()):
        return
    part = path.with_name(path.name + ".dynamic")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as new:
        sheets = {p: cells[title] for title, p in _sheet_parts(old).items() if title in cells}
        for item in old.infolist():
            content = old.read(item)
            if item.filename in sheets:
                content = ARRAY_CELL.sub(_marker(sheets[item.filename]), content.decode("utf-8")).encode("utf-8")
            elif item.filename == TYPES:
                content = content.replace(b"</Types>", OVERRIDE.encode())
            elif item.filename == RELATIONS:
                content = content.replace(b"</Relationships>", RELATION.encode())
            new.writestr(item, content)
        new.writestr(METADATA, DYNAMIC_ARRAYS)
    os.replace(part, path)


def _marker(cells: set[str]) -> Callable[[re.Match[str]], str]:
    def mark(found: re.Match[str]) -> str:
        return f'<c r="{found[1]}"{found[2]} cm="1">' if found[1] in cells else found[0]

    return mark
