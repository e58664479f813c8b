"""Where the shared golden cases lie, and how a test skips when they are not there."""

import json
import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("XLMARGIN_GOLDEN", Path(__file__).parents[2] / "shared" / "golden"))


def load(name: str) -> dict:
    """One JSON file of the shared cases; skips (in CI: fails) when it is missing."""
    path = ROOT / name
    if not path.exists():
        message = f"shared golden cases are not at {ROOT} (set XLMARGIN_GOLDEN to run them)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return json.loads(path.read_text(encoding="utf-8"))
