"""Rounding as clearing houses do it: halves away from zero, weights cut; 16 decimals and more leave a figure."""

from __future__ import annotations

import numpy as np

UNROUNDED = 16
SLACK = 1e-9


def rounded(values: np.ndarray, decimals: int) -> np.ndarray:
    """To so many decimals, halves away from zero.

    >>> rounded(np.array([2.5, -2.5, 1.005]), 0).tolist()
    [3.0, -3.0, 1.0]
    """
    if decimals >= UNROUNDED:
        return values
    return np.sign(values) * np.floor(np.abs(values) * 10.0**decimals + 0.5 + SLACK) / 10.0**decimals


def truncated(values: np.ndarray, decimals: int) -> np.ndarray:
    """Cut after so many decimals.

    >>> truncated(np.array([1.239, -1.239]), 2).tolist()
    [1.23, -1.23]
    """
    if decimals >= UNROUNDED:
        return values
    return np.sign(values) * np.floor(np.abs(values) * 10.0**decimals + SLACK) / 10.0**decimals
