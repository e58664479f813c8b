"""The trades that lower margin most for what they cost."""

from .hedges import Hedges, hedges

__all__ = ["Hedges", "hedges"]
