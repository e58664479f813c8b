"""A rulebook's moves scaled by the volatility regime."""

from .dynamic import Dynamic, dynamic

__all__ = ["Dynamic", "dynamic"]
