"""Margin formulas in cells: ``from xlmargin.workbooks import *`` registers them all in xlwings, Lite or Server."""

from . import decisions as _decisions  # noqa: F401
from . import decisions_collateral as _collateral  # noqa: F401
from . import decisions_states as _states  # noqa: F401
from . import decisions_trades as _trades  # noqa: F401
from . import decisions_venues as _venues  # noqa: F401
from . import functions as _functions  # noqa: F401
from . import reference as _reference  # noqa: F401
from .registry import FUNCTIONS as _FUNCTIONS

globals().update({name: found.call for name, found in _FUNCTIONS.items()})
__all__ = [*_FUNCTIONS]
