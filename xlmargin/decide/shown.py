"""A decision shows itself: its table in a notebook, what it is in a line and its words on a console."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any


def tabled(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let the DataFrame that a method returns show itself as the results of decisions do."""

    @wraps(method)
    def call(*given: Any, **how: Any) -> Any:
        from ..frames import Told

        return Told(method(*given, **how))

    return call


class Shown:
    """What has a ``frame()`` and shows itself as that table, under its ``words`` and over its ``notes``, if any.

    >>> class Two(Shown):
    ...     words = "two is enough"
    ...
    ...     def frame(self):
    ...         import pandas as pd
    ...
    ...         return pd.DataFrame({"account": ["a", "b"], "share": [0.25, float("nan")]})
    >>> Two()
    <Two: 2 rows, two is enough; its table is .frame()>
    >>> "<td align=\\"right\\">25.0 %</td>" in Two()._repr_html_()
    True
    """

    def frame(self) -> Any:
        """The whole table (pandas DataFrame)."""
        raise NotImplementedError

    def shown(self) -> Any:
        """The table that a notebook shows (pandas DataFrame), the whole one unless another reads better."""
        return self.frame()

    def __repr__(self) -> str:
        rows = len(self.frame())
        told = [f"{rows:,} row{'s'[: rows != 1]}", *str(getattr(self, "words", "")).splitlines()[:1]]
        return f"<{type(self).__name__}: {', '.join(filter(None, told))}; its table is .frame()>"

    def _repr_html_(self) -> str:
        from ..html import decision

        return decision(self.shown(), getattr(self, "words", ""), getattr(self, "notes", ()))
