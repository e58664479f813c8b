"""Which account or venue should hold each position."""

from .placed import Placement
from .placement import place

__all__ = ["Placement", "place"]
