"""What margin does this portfolio need, there?

>>> import xlmargin as xm
>>> "derive.portfolio" in xm.models()
True
"""

from . import narrow
from .assemble import tables
from .book import Book
from .comparison import compare
from .errors import InputError, Note, NoVersion, ParameterError, Problem, SymbolError, UnknownModel, XlmarginError
from .ledger import Grid, Line, Margin
from .market import Market
from .netting import Benefit, benefit, gross
from .params import Params
from .reading import read
from .registry import Model, Ready, Setting, margin_model, model, models
from .run import margin, session

narrow.widen()

__version__ = "0.1.0"

__all__ = [
    "Benefit",
    "Book",
    "Grid",
    "InputError",
    "Line",
    "Margin",
    "Market",
    "Model",
    "NoVersion",
    "Note",
    "ParameterError",
    "Params",
    "Problem",
    "Ready",
    "Setting",
    "SymbolError",
    "UnknownModel",
    "XlmarginError",
    "batch",
    "benefit",
    "compare",
    "gross",
    "margin",
    "margin_model",
    "model",
    "models",
    "read",
    "session",
    "tables",
    "watch",
]


LAZY = {
    "across": "decide.across",
    "allocate": "decide.collateral",
    "attribution": "decide.sensitivity",
    "batch": "bulk",
    "contagion": "decide.contagion",
    "credit": "decide.credit",
    "dynamic": "decide.dynamic",
    "exposure": "decide.exposure",
    "health": "decide.health",
    "hedges": "decide.hedges",
    "liquidation": "decide.liquidation",
    "named_stresses": "decide.stress",
    "path": "decide.path",
    "place": "decide.placement",
    "pledges": "decide.collateral",
    "prevent": "decide.simulate",
    "sensitivity": "decide.sensitivity",
    "simulate": "decide.simulate",
    "slices_of": "decide.slices",
    "stress": "decide.stress",
    "surface": "decide.liquidation",
    "watch": "live",
    "what_if": "decide.what_if",
}


def __getattr__(name: str) -> object:
    """Verbs of rooms that not everybody enters are loaded when first asked for."""
    if name in LAZY:
        from importlib import import_module

        return getattr(import_module(f".{LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: object) -> None:
    """``%load_ext xlmargin``: the magics of the notebook face."""
    from .widgets.extension import load_ipython_extension as load

    load(shell)
