"""Everything that runs a shock through many accounts at many venues."""

from .aftermath import Contagion
from .contagion import contagion

__all__ = ["Contagion", "contagion"]
