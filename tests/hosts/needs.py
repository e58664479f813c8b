"""What a host test needs from the machine: a developer without it sees one line, CI fails."""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"
UNO = Path("/usr/lib/python3/dist-packages/uno.py")


def need(*missing):
    """Skip with what is missing (in words; empty words are nothing), or fail where CI=true."""
    words = "; ".join(m for m in missing if m)
    if words and os.environ.get("CI") == "true":
        pytest.fail(words)
    if words:
        pytest.skip(words)


def program(name, package):
    """Words for a program that is not on the PATH."""
    return "" if shutil.which(name) else f"no {name}: install {package}"


def module(name, package):
    """Words for a Python module that is not installed here."""
    return "" if importlib.util.find_spec(name) else f"no module {name}: pip install {package}"


def calc():
    """Words for LibreOffice Calc with its Python bridge."""
    bridge = "" if UNO.exists() else "no uno module: apt-get install python3-uno"
    return program("soffice", "libreoffice-calc-nogui"), bridge
