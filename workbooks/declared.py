"""Every spreadsheet function in one place: importing this module declares them all to the host."""

from __future__ import annotations

from . import (  # noqa: F401
    decisions,
    decisions_collateral,
    decisions_states,
    decisions_trades,
    decisions_venues,
    functions,
    reference,
)
from .registry import FUNCTIONS

__all__ = ["FUNCTIONS"]
