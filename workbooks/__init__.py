"""Margin formulas in cells: ``from xlmargin.workbooks import *`` registers them all in xlwings, Lite or Server.

They are made when a host first asks for one or for the list, so that commands that need none start at once.

>>> import xlmargin.workbooks as formulas
>>> "XM_MARGIN" in formulas.__all__ and callable(formulas.XM_MARGIN)
True
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return __dir__()
    if name.startswith("XM_"):
        from .declared import FUNCTIONS

        if name in FUNCTIONS:
            return FUNCTIONS[name].call
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    from .declared import FUNCTIONS

    return [*FUNCTIONS]
