"""The Calc add-in made from the registry: interface, configuration, manifest and settings, packed as one .oxt.

Calc finds add-in functions in .xlsx files only by ``Service.method`` (checked with 7.4), hence the service ``XM`` and
methods such as ``margin``: a file says ``XM.MARGIN(…)``, a user may type ``XM_MARGIN(…)``. LibreOffice reads the plain
.idl source as a type library, so that no SDK is needed.
"""

from __future__ import annotations

import io
import json
import sys
import sysconfig
import zipfile
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

import xlmargin as xm

from .declared import FUNCTIONS
from .registry import Function

SERVICE = "XM"
IDENTIFIER = "org.xlmargin.calc"
PREFIX = "XM_"
LANG = 'xml:lang="en-US"'
STAMP = (2026, 1, 1, 0, 0, 0)

MANIFEST = """<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest xmlns:manifest="http://openoffice.org/2001/manifest">
<manifest:file-entry manifest:full-path="xlmargin.idl" \
manifest:media-type="application/vnd.sun.star.uno-typelibrary;type=RDB"/>
<manifest:file-entry manifest:full-path="CalcAddIns.xcu" \
manifest:media-type="application/vnd.sun.star.configuration-data"/>
<manifest:file-entry manifest:full-path="calc_addin.py" \
manifest:media-type="application/vnd.sun.star.uno-component;type=Python"/>
</manifest:manifest>
"""
DESCRIPTION = """<?xml version="1.0" encoding="UTF-8"?>
<description xmlns="http://openoffice.org/extensions/description/2006">
<identifier value="{identifier}"/>
<version value="{version}"/>
<display-name><name lang="en">xlmargin: margin formulas</name></display-name>
</description>
"""


def method(function: Function) -> str:
    """Name of a function's UNO method.

    >>> method(FUNCTIONS["XM_MARGIN"])
    'margin'
    """
    return function.name.removeprefix(PREFIX).lower()


def parameter(name: str) -> str:
    """An argument's name as UNO allows it: without underscores.

    >>> parameter("as_of")
    'asOf'
    """
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def interface(functions: Iterable[Function]) -> str:
    """The UNO interface in IDL: one method a function, any cells in, a table out."""
    methods = "".join(f"  sequence< sequence< any > > {method(f)}({_parameters(f)});\n" for f in functions)
    base = "com::sun::star::uno::XInterface"
    return f"module org {{ module xlmargin {{\n interface XFunctions : {base} {{\n{methods} }};\n}}; }};\n"


def _parameters(function: Function) -> str:
    return ", ".join(f"[in] any {parameter(a.name)}" for a in function.arguments)


def configuration(functions: Iterable[Function]) -> str:
    """CalcAddIns.xcu: names and descriptions for the function wizard."""
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<oor:component-data xmlns:oor="http://openoffice.org/2001/registry" '
        'xmlns:xs="http://www.w3.org/2001/XMLSchema" oor:name="CalcAddIns" oor:package="org.openoffice.Office">\n'
    )
    return f'{head}<node oor:name="AddInInfo">\n{nodes(functions)}\n</node></oor:component-data>\n'


def nodes(functions: Iterable[Function]) -> str:
    """The configuration's node of this add-in (also used by itself, to register without unopkg)."""
    body = "\n".join(map(_function_node, functions))
    return f'<node oor:name="{SERVICE}" oor:op="replace"><node oor:name="AddInFunctions">\n{body}\n</node></node>'


def _function_node(function: Function) -> str:
    properties = {
        "DisplayName": f"<value {LANG}>{function.name}</value>",
        "Description": f"<value {LANG}>{escape(function.description)}</value>",
        "Category": "<value>Add-In</value>",
        "CompatibilityName": f"<value {LANG}>{function.name}</value>",
    }
    own = "".join(f'<prop oor:name="{k}">{v}</prop>' for k, v in properties.items())
    arguments = "".join(
        f'<node oor:name="{parameter(a.name)}" oor:op="replace">'
        f'<prop oor:name="DisplayName"><value {LANG}>{a.name}</value></prop>'
        f'<prop oor:name="Description"><value {LANG}>{escape(a.meaning)}</value></prop></node>'
        for a in function.arguments
    )
    inner = f'{own}<node oor:name="Parameters">{arguments}</node>'
    return f'<node oor:name="{method(function)}" oor:op="replace">{inner}</node>'


def settings(python: str, paths: Iterable[str], version: Iterable[int], mode: str) -> str:
    """What the add-in must know: which Python has xlmargin, and each method's function and number of arguments."""
    known = {
        "service": SERVICE,
        "python": python,
        "paths": list(paths),
        "version": list(version),
        "mode": mode,
        "functions": {method(f): [f.name, len(f.arguments)] for f in FUNCTIONS.values()},
    }
    return json.dumps(known, indent=1)


def files(mode: str = "auto") -> dict[str, str]:
    """Every file of the add-in for this very Python; ``mode`` "worker" keeps the functions out of LibreOffice."""
    own = dict.fromkeys([sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"]])
    functions = list(FUNCTIONS.values())
    return {
        "META-INF/manifest.xml": MANIFEST,
        "description.xml": DESCRIPTION.format(identifier=IDENTIFIER, version=xm.__version__),
        "xlmargin.idl": interface(functions),
        "CalcAddIns.xcu": configuration(functions),
        "xlmargin.json": settings(sys.executable, own, sys.version_info[:2], mode),
        "calc_addin.py": Path(__file__).with_name("calc_addin.py").read_text(encoding="utf-8"),
    }


def oxt(mode: str = "auto") -> bytes:
    """The add-in as one .oxt archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files(mode).items():
            archive.writestr(zipfile.ZipInfo(name, STAMP), content)
    return buffer.getvalue()
