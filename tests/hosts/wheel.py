"""The wheel of this working tree, built in a copy so that nothing is left in the tree."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("xlmargin", "workbooks", "widgets")
FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE")


def build(folder):
    """Path of the wheel built into ``folder``."""
    copy = folder / "source"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.part"))
    for name in FILES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return next(Path(folder).glob("xlmargin-*.whl"))
