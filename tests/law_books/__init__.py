"""Random books for the laws, one module a family of rulebooks.

A module gives ``MODELS`` (ids) and ``tables(rng, accounts)``: tables by name with every price that its models need,
several accounts named a0, a1 …, no lots (one row an instrument and account), and no more than a few rows each.
Where its models need books of their own it gives ``BY_MODEL``: id -> tables(rng, accounts). It may give ``PARAMS``:
id -> callable(as_of) for models whose parameters come from a file of the user's.
"""

import importlib
import pkgutil

GENERATORS = {}
PARAMS = {}

for info in pkgutil.iter_modules(__path__):
    module = importlib.import_module(f"{__name__}.{info.name}")
    GENERATORS.update(getattr(module, "BY_MODEL", None) or dict.fromkeys(module.MODELS, module.tables))
    PARAMS.update(getattr(module, "PARAMS", {}))
