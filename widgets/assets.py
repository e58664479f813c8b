"""The browser code as one module: the files here joined in the order in which they import each other."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

IMPORT = re.compile(r'^import\s+\{[^}]*\}\s+from\s+"\./([\w-]+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:class|function|const|let)\b)", re.MULTILINE)


@cache
def script(entry: str) -> str:
    """The ES module of an entry file with everything that it imports, ready to be handed to the browser.

    Hosts load a widget's script from a text, so that relative imports cannot be followed there.
    """
    seen: dict[str, str] = {}
    _collect(entry, seen)
    return "\n".join(seen.values())


def _collect(name: str, seen: dict[str, str]) -> None:
    if name in seen:
        return
    text = _read(name)
    for needed in IMPORT.findall(text):
        _collect(needed, seen)
    seen[name] = f"// {name}\n" + EXPORT.sub("", IMPORT.sub("", text))


@cache
def style() -> str:
    """The style sheet."""
    return _read("panel.css")


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
