"""Putting the add-in into LibreOffice with its own ``unopkg``, on Linux, macOS and Windows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from xlmargin.errors import XlmarginError

from .calc_files import IDENTIFIER, oxt

PLACES = (
    "/usr/lib/libreoffice/program/unopkg",
    "/usr/lib64/libreoffice/program/unopkg",
    "/opt/libreoffice*/program/unopkg",
    "/Applications/LibreOffice.app/Contents/MacOS/unopkg",
    "C:/Program Files/LibreOffice/program/unopkg.com",
    "C:/Program Files (x86)/LibreOffice/program/unopkg.com",
)
SECONDS = 120


class CalcError(XlmarginError):
    """LibreOffice is not there, or its ``unopkg`` refused the add-in."""


def unopkg(given: str = "") -> str:
    """The path of LibreOffice's extension tool: as given, on the PATH, or in one of its usual places."""
    if given:
        if not Path(given).exists():
            raise CalcError(f"no unopkg at {given}")
        return given
    if found := shutil.which("unopkg"):
        return found
    for place in PLACES:
        root = Path(Path(place).anchor)
        if matches := sorted(root.glob(str(Path(place).relative_to(root)))):
            return str(matches[-1])
    raise CalcError(f"LibreOffice is not found (looked on the PATH and in {', '.join(PLACES)}); name it with --unopkg")


def layer(profile: Path | None) -> list[str]:
    """Arguments that keep an installation in ``profile`` (for trials and tests) instead of the user's own."""
    if profile is None:
        return []
    home, shared = (profile / name for name in ("user-installation", "shared-packages"))
    shared.mkdir(parents=True, exist_ok=True)
    return [f"-env:UserInstallation={home.as_uri()}", f"-env:UNO_SHARED_PACKAGES_CACHE={shared.as_uri()}"]


def install(tool: str = "", profile: Path | None = None, mode: str = "auto") -> str:
    """Build the add-in for this very Python and add it; an older one is replaced. Returns what was done."""
    program = unopkg(tool)
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "xlmargin.oxt"
        archive.write_bytes(oxt(mode))
        _run([program, "add", "--force", "--suppress-license", *_shared(), *layer(profile), str(archive)])
    return f"xlmargin is in Calc: start it anew and type =XM_VERSION(). It runs on {sys.executable}"


def remove(tool: str = "", profile: Path | None = None) -> str:
    """Take the add-in out again."""
    _run([unopkg(tool), "remove", *_shared(), *layer(profile), IDENTIFIER])
    return "xlmargin is no longer in Calc"


def _shared() -> list[str]:
    """Root may only install for everybody (``unopkg`` refuses otherwise)."""
    return ["--shared"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CalcError(f"{command[0]}: {error}") from None
    if done.returncode:
        said = " ".join((done.stdout + done.stderr).split())[:500]
        raise CalcError(f"{Path(command[0]).name} refused (close LibreOffice and try again): {said}")
