"""What classic xlwings needs on Windows, done or said: the ribbon add-in, and which module has the functions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from xlmargin.errors import XlmarginError

MODULE = "xlmargin.workbooks"
STEPS = (
    "1. pip install 'xlmargin[excel]' pywin32",
    "2. xlwings addin install          (puts the tab xlwings on Excel's ribbon)",
    '3. In {config} write the two lines:  "INTERPRETER_WIN","{python}"  and  "UDF MODULES","' + MODULE + '"',
    "4. Excel: File > Options > Trust Center > Macro Settings: trust access to the VBA project object model",
    "5. Open workbooks/desk-classic.xlsx, save it as .xlsm, press Import Functions on the tab xlwings",
    "Other systems, or no rights to install: xlwings Lite does without all this (see workbooks/README.md).",
)
SECONDS = 120


class ExcelError(XlmarginError):
    """A step of the installation for classic xlwings failed."""


def config_file() -> Path:
    """Where xlwings keeps its settings on Windows."""
    return Path.home() / ".xlwings" / "xlwings.conf"


def steps() -> Iterator[str]:
    """What has to be done, in words."""
    for step in STEPS:
        yield step.format(config=config_file(), python=sys.executable)


def configure(file: Path) -> None:
    """Name the interpreter and the module in xlwings' settings, other settings staying as they are."""
    own = {"INTERPRETER_WIN": sys.executable, "UDF MODULES": MODULE}
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    kept = [line for line in lines if line.strip() and line.split(",")[0].strip().strip('"').upper() not in own]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([*kept, *(f'"{k}","{v}"' for k, v in own.items())]) + "\n", encoding="utf-8")


def install(only_say: bool = False, platform: str = sys.platform) -> Iterator[str]:
    """Do what can be done here and say what is left; on systems without classic xlwings only say."""
    if only_say or not platform.startswith("win"):
        yield from ([] if platform.startswith("win") else ["Classic xlwings runs on Windows only. There:"])
        yield from steps()
        return
    missing = [name for name in ("xlwings", "win32api") if find_spec(name) is None]
    if missing:
        raise ExcelError(f"{', '.join(missing)} not installed: {STEPS[0][3:]}")
    done = subprocess.run(
        [sys.executable, "-m", "xlwings.cli", "addin", "install"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise ExcelError(f"xlwings addin install: {' '.join((done.stdout + done.stderr).split())[:500]}")
    configure(config_file())
    yield f"The xlwings add-in is installed and {config_file()} names {MODULE}."
    yield from list(steps())[3:]
