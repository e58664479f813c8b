"""Named stresses and the user's own, each the rule on a moved market."""

from .result import Parts, Stress
from .stress import stress
from .stresses import NamedStresses, named_stresses

__all__ = ["NamedStresses", "Parts", "Stress", "named_stresses", "stress"]
