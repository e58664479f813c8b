"""Other programs that the benchmarks stand beside, each in an environment of its own, made when it is first wanted.

Environments stand in ``out/peers`` (or XLMARGIN_PEERS). ``XLMARGIN_<PEER>_PYTHON`` names an interpreter that has the
peer already. A script of this folder is run by the peer's interpreter and prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HOME = Path(os.environ.get("XLMARGIN_PEERS", "out/peers")).absolute()
PATIENCE = 900
WANTED = {
    "ore": ("open-source-risk-engine",),
    "quantark": ("quantark", "pandas"),
    "py_vollib": ("py_vollib", "setuptools<81"),
    "py_vollib_vectorized": ("py_vollib_vectorized", "setuptools<81"),
    "marginism": ("marginism",),
    "margin_estimator": ("margin-estimator",),
    "paradex": ("--no-deps", "paradex-py"),
}


def measured(peer: str, script: str, *arguments: Path | str) -> dict[str, Any] | str:
    """What a peer's script measured, or why it cannot run."""
    try:
        command = [str(interpreter(peer)), str(HERE / script), peer, *map(str, arguments)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except (ImportError, OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if run.returncode:
        return _reason(run.stderr) or f"ended with {run.returncode}"
    return json.loads(run.stdout.strip().splitlines()[-1])


def interpreter(peer: str) -> Path:
    """The Python that has a peer. Raises ImportError with the reason where the peer cannot be installed."""
    given = os.environ.get(f"XLMARGIN_{peer.upper()}_PYTHON")
    return Path(given) if given else _made(peer)


def packages(peer: str) -> Path:
    """The folder of a peer's packages. Raises ImportError where the peer cannot be installed."""
    ask = [str(interpreter(peer)), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())


def titled(peer: str) -> str:
    """A peer's name on PyPI and its version; the name alone where it cannot be installed."""
    name = next(word for word in WANTED[peer] if not word.startswith("--"))
    try:
        found = next(iter(distributions(name=name, path=[str(packages(peer))])), None)
    except ImportError:
        return name
    return name if found is None else f"{name} {found.version}"


@cache
def _made(peer: str) -> Path:
    folder = HOME / peer
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    stamp = folder / "installed"
    if stamp.exists():
        return python
    print(f"installing {peer} into {folder}", file=sys.stderr)
    venv.create(folder, with_pip=True, clear=True)
    ask = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *WANTED[peer]]
    run = subprocess.run(ask, capture_output=True, text=True, timeout=PATIENCE)
    if run.returncode:
        raise ImportError(f"cannot be installed: {_reason(run.stderr)}")
    stamp.touch()
    return python


def _reason(told: str) -> str:
    """The last line of an error output that names an error."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line or "ERROR" in line]
    return (errors or lines or [""])[-1][:160]
