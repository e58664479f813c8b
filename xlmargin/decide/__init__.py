"""Decisions: the same rule on more rows or on a moved market, generic over every registered model.

>>> from xlmargin import decide
>>> callable(decide.liquidation) and "what_if" in decide.__all__
True
"""

from .aftermath import Contagion
from .collateral import Allocation, allocate
from .contagion import contagion
from .credit import Credit, credit
from .dynamic import Dynamic, dynamic
from .exposure import Exposure, exposure
from .health import Health, health
from .hedges import Hedges, hedges
from .liquidation import Liquidation, liquidation
from .path import Path, path
from .placed import Placement
from .placement import place
from .prevent import Remedy, prevent
from .programme import Infeasible
from .sensitivity import Attribution, Sensitivity, attribution, sensitivity
from .simulate import Simulation, simulate
from .slices import slices_of
from .stress import stress
from .stress_result import Stress
from .stresses import NamedStresses, named_stresses
from .surface import Surface, surface
from .what_if import WhatIf, what_if

__all__ = [
    "Allocation",
    "Attribution",
    "Contagion",
    "Credit",
    "Dynamic",
    "Exposure",
    "Health",
    "Hedges",
    "Infeasible",
    "Liquidation",
    "NamedStresses",
    "Path",
    "Placement",
    "Remedy",
    "Sensitivity",
    "Simulation",
    "Stress",
    "Surface",
    "WhatIf",
    "allocate",
    "attribution",
    "contagion",
    "credit",
    "dynamic",
    "exposure",
    "health",
    "hedges",
    "liquidation",
    "named_stresses",
    "path",
    "place",
    "prevent",
    "sensitivity",
    "simulate",
    "slices_of",
    "stress",
    "surface",
    "what_if",
]
