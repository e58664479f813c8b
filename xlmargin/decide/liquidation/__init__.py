"""Where equity meets maintenance: prices, and a surface over price and volatility."""

from .liquidation import Liquidation, liquidation
from .surface import Surface, surface

__all__ = ["Liquidation", "Surface", "liquidation", "surface"]
