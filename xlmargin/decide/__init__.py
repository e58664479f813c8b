"""Decisions: the same rule on more rows or on a moved market, generic over every registered model.

>>> from xlmargin import decide
>>> callable(decide.liquidation) and "what_if" in decide.__all__
True
"""

from .collateral import Allocation, allocate
from .exposure import Exposure, exposure
from .health import Health, health
from .hedges import Hedges, hedges
from .liquidation import Liquidation, liquidation
from .path import Path, path
from .prevent import Remedy, prevent
from .programme import Infeasible
from .sensitivity import Attribution, Sensitivity, attribution, sensitivity
from .simulate import Simulation, simulate
from .slices import slices_of
from .surface import Surface, surface
from .what_if import WhatIf, what_if

__all__ = [
    "Allocation",
    "Attribution",
    "Exposure",
    "Health",
    "Hedges",
    "Infeasible",
    "Liquidation",
    "Path",
    "Remedy",
    "Sensitivity",
    "Simulation",
    "Surface",
    "WhatIf",
    "allocate",
    "attribution",
    "exposure",
    "health",
    "hedges",
    "liquidation",
    "path",
    "prevent",
    "sensitivity",
    "simulate",
    "slices_of",
    "surface",
    "what_if",
]
