"""Side-by-side timings, never a pass or fail on seconds: every module bench_*.py gives ``rows()``.

``python -m benchmarks [names]`` prints one table of ratios measured in one run on one machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measured job: seconds, and how it stands to what it is held against.

    ``against`` names the peer or the bare work; ``ratio`` is ours divided by theirs; ``aim`` what was hoped for.
    """

    job: str
    seconds: float
    against: str = ""
    ratio: float = float("nan")
    aim: str = ""
    remark: str = ""


Clock = Callable[[], float]


def best(work: Callable[[], object], times: int = 7, limit: float = 20.0, clock: Clock = time.perf_counter) -> float:
    """Seconds of the fastest of up to ``times`` runs, stopping after ``limit`` seconds in all.

    ``clock`` may be ``time.process_time`` for work in one thread, which others on the machine do not disturb.
    """
    found, start = [], time.perf_counter()
    for _ in range(times):
        began = clock()
        work()
        found.append(clock() - began)
        if time.perf_counter() - start > limit:
            break
    return min(found)


def alternating(
    ours: Callable[[], object], theirs: Callable[[], object], times: int = 7, clock: Clock = time.perf_counter
) -> tuple[float, float]:
    """Best seconds of two jobs run in turn, so that a noisy machine disturbs both alike."""
    pairs = [(best(ours, 1, clock=clock), best(theirs, 1, clock=clock)) for _ in range(times)]
    return min(a for a, _ in pairs), min(b for _, b in pairs)
