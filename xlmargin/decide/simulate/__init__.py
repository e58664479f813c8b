"""An account run through its venue's ladder, and what would have prevented it."""

from .prevent import Remedy, prevent
from .simulate import Simulation, simulate

__all__ = ["Remedy", "Simulation", "prevent", "simulate"]
