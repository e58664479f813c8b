"""The notebook face: a live margin panel and its pieces.

Needs ipywidgets and anywidget: ``pip install 'xlmargin[jupyter]'``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

HOMES = {
    "MarginPanel": "panel",
    "MarginSummary": "pieces",
    "LedgerTree": "pieces",
    "PositionsGrid": "pieces",
    "ProfileChart": "pieces",
    "ScenarioHeatmap": "pieces",
    "PanelState": "state",
    "Tab": "tabs",
}

__all__ = [
    "LedgerTree",
    "MarginPanel",
    "MarginSummary",
    "PanelState",
    "PositionsGrid",
    "ProfileChart",
    "ScenarioHeatmap",
    "Tab",
]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f".{HOMES[name]}", __name__), name)
    except ModuleNotFoundError as error:
        if error.name in ("anywidget", "ipywidgets", "traitlets"):
            raise ImportError(f"{name} needs {error.name}: pip install 'xlmargin[jupyter]'") from error
        raise


def __dir__() -> list[str]:
    return __all__
