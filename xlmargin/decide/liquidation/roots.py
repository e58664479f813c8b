"""Where a figure changes sign, for many rows at once: brackets on a grid, narrowed by a safeguarded secant."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Evaluate = Callable[[np.ndarray, np.ndarray], np.ndarray]
TIGHT = 1e-13
ROUNDS = 80


FINE = (0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
COARSE = (0.04, 0.1, 0.2, 0.35, 0.5)


def grid(low: float, high: float, near: tuple[float, ...] = FINE) -> tuple[np.ndarray, np.ndarray]:
    """Factors below and above 1, nearest first: steps of ``near`` to a half, then wider ones, the last at the end.

    >>> grid(0.5, 2.0)[0][:3].tolist(), grid(0.5, 2.0)[1][-1].item()
    ([0.99, 0.98, 0.96], 2.0)
    """
    fine = near is FINE
    far_down = (0.4, 0.3, 0.2, 0.1, 0.05, 0.01, 0.001) if fine else (0.3, 0.1, 0.01)
    far_up = (1.6, 1.8, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0) if fine else (2.0, 3.0, 5.0)
    down, up = np.append(1.0 - np.array(near), far_down), np.append(1.0 + np.array(near), far_up)
    return np.append(down[down > low], low), np.append(up[up < high], high)


def narrowed(
    evaluate: Evaluate,
    which: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    fa: np.ndarray,
    fb: np.ndarray,
    scale: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The sign change within each bracket (K,), and the figure there.

    Parameters: ``evaluate(which, x)`` gives the figure of problem ``which`` at ``x``; ``a``, ``b`` (K,) ends with
    figures ``fa``, ``fb`` of opposite sign; ``scale`` (K,) below 1e-11 of which a figure counts as zero. The secant
    through the ends is exact on straight pieces; an end that stays twice has its figure halved (Illinois), and where
    the bracket has not halved in three rounds it is cut in the middle. At a jump the bracket closes on it.
    """
    left = np.abs(fa) <= np.abs(fb)
    x, fx, kept, width = np.where(left, a, b), np.where(left, fa, fb), np.zeros(len(a)), np.abs(b - a)
    a, b, fa, fb = (v.copy() for v in (a, b, fa, fb))
    live = np.flatnonzero(np.abs(fx) > 1e-11 * scale)
    for turn in range(ROUNDS):
        if not len(live):
            break
        la, lb, lfa, lfb = a[live], b[live], fa[live], fb[live]
        point = lb - lfb * (lb - la) / (lfb - lfa)
        inside = (point - la) * (point - lb) < 0
        slow = np.zeros(len(live), bool)
        if turn % 3 == 2:
            slow = np.abs(lb - la) > 0.5 * width[live]
            width[live] = np.abs(lb - la)
        point = np.where(inside & ~slow, point, 0.5 * (la + lb))
        value = evaluate(which[live], point)
        as_a = (value < 0) == (lfa < 0)
        end = np.where(as_a, 1.0, -1.0)
        again = kept[live] == end
        fb[live] = np.where(as_a, np.where(again, lfb * 0.5, lfb), value)
        fa[live] = np.where(as_a, value, np.where(again, lfa * 0.5, lfa))
        a[live], b[live] = np.where(as_a, point, la), np.where(as_a, lb, point)
        kept[live], x[live], fx[live] = end, point, value
        closed = np.abs(b[live] - a[live]) <= TIGHT * np.abs(point)
        live = live[(np.abs(value) > 1e-11 * scale[live]) & ~closed]
    return x, fx
