"""How a formula is spelt in the file of each host, and files re-spelt from one host to another.

lite       ``_xldudf_XM_MARGIN(…)``, which Excel itself saves for functions of Office.js add-ins (xlwings Lite, Server)
classic    ``XM_MARGIN(…)``, a VBA function of the workbook or an add-in
calc       ``XM.MARGIN(…)``, service and method, the only name under which LibreOffice finds it in an .xlsx
values     no formulas at all
"""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path

from xlmargin.errors import InputError, nearest

FORMS = {"lite": "_xldudf_XM_{}", "classic": "XM_{}", "calc": "XM.{}"}
TARGETS = (*FORMS, "values")
TOKEN = re.compile(r"(?<![A-Za-z0-9_.])(?:_xldudf_XM_|_xll\.XM[._]|\[\d+\]!XM_|XM_|XM\.)([A-Z][A-Z0-9_]*)(?=\()", re.I)
FORMULA = re.compile(r"(<f\b[^>/]*>)(.*?)(</f>)", re.S)
LITERAL = re.compile(r'("(?:[^"]|"")*"|&quot;(?:(?!&quot;).)*&quot;)', re.S)


def checked(target: str, allowed: tuple[str, ...] = TARGETS) -> str:
    """The target as it is known, or InputError with the nearest."""
    word = target.strip().casefold()
    if word not in allowed:
        raise InputError(f"target: {target!r} is not one of {', '.join(allowed)}{nearest(target, allowed)}")
    return word


def respelt(formula: str, target: str) -> str:
    """A formula with every xlmargin function spelt as the target stores it; text in quotes stays as it is.

    >>> respelt('_xldudf_XM_MARGIN(A1:C4,"XM_MARGIN(")', "calc")
    'XM.MARGIN(A1:C4,"XM_MARGIN(")'
    >>> respelt("SUM(XM.MARGIN(a),1)", "lite")
    'SUM(_xldudf_XM_MARGIN(a),1)'
    """
    parts = LITERAL.split(formula)
    for i in range(0, len(parts), 2):
        parts[i] = TOKEN.sub(lambda found: FORMS[target].format(found[1].upper()), parts[i])
    return "".join(parts)


def respell(source: Path, written: Path, target: str) -> int:
    """Write ``source`` (.xlsx) with its formulas spelt for another host; returns how many were changed.

    Everything else, dynamic arrays and cached values too, is copied byte for byte.
    """
    target = checked(target, tuple(FORMS))
    part, changed = written.with_name(written.name + ".part"), 0
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            content = old.read(item)
            if item.filename.startswith("xl/worksheets/") and item.filename.endswith(".xml"):
                text = content.decode("utf-8")
                fresh = FORMULA.sub(lambda m: m[1] + respelt(m[2], target) + m[3], text)
                changed += sum(a != b for a, b in zip(FORMULA.findall(text), FORMULA.findall(fresh), strict=True))
                content = fresh.encode("utf-8")
            new.writestr(item, content)
    os.replace(part, written)
    return changed
