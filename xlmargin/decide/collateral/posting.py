"""Tables of collateral as a user gives them: assets, requirements, pairs, tiers and groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...cells import read_number
from ...errors import Problem, nearest

DEFAULT = {"price": 1.0, "haircut": 0.0, "cost": 0.0, "minimum": 0.0}
UNPRICED = "unpriced"


def posted(name: str, data: Any, columns: tuple[str, ...], needed: tuple[str, ...], problems: list[Problem]) -> Any:
    """A table with ``columns`` (DataFrame): numbers, NaN or a default where empty; what is wrong is appended.

    Where a price is empty the column ``unpriced`` says so.
    """
    frame = pd.DataFrame({c: [] for c in columns}) if data is None else _frame(data)
    frame = frame.rename(columns={c: str(c).strip().casefold().replace(" ", "_") for c in frame})
    for column in needed:
        if column not in frame:
            hint = nearest(column, map(str, frame.columns))
            problems.append(Problem(name, 1, column, None, f"required column is missing{hint}"))
            frame[column] = np.nan
    for column in columns:
        if column in ("asset", "requirement", "group"):
            frame[column] = frame[column].astype(str) if column in frame else ""
            continue
        raw = frame[column] if column in frame else pd.Series(np.nan, index=frame.index)
        values = _numbers(name, column, raw, problems)
        if column == "price":
            frame[UNPRICED] = values.isna()
        frame[column] = values.fillna(DEFAULT[column]) if column in DEFAULT and name != "pairs" else values
    return frame.reset_index(drop=True)


def _frame(data: Any) -> pd.DataFrame:
    """A mapping of columns as a DataFrame; a single value is that of every row."""
    single = hasattr(data, "values") and hasattr(data, "keys") and all(np.ndim(data[c]) == 0 for c in data)
    return pd.DataFrame({c: [data[c]] for c in data} if single else data)


def _numbers(name: str, column: str, raw: pd.Series, problems: list[Problem]) -> pd.Series:
    """Cells as numbers, also of text such as 5 %; NaN where empty, and where it is none (a problem)."""
    out = np.full(len(raw), np.nan)
    for n, cell in enumerate(raw):
        if cell is None or cell != cell or (isinstance(cell, str) and not cell.strip()):
            continue
        try:
            out[n] = float(cell) if isinstance(cell, float | int) else read_number(cell)
        except ValueError as error:
            problems.append(Problem(name, n + 2, column, cell, str(error)))
    return pd.Series(out, index=raw.index)
