"""Memory that a rule frees stays with the process, so that the next block need not ask for it again.

glibc hands freed memory back to the system beyond a limit, and the pages must be fetched anew: half of the time of a
block. The limit is twice the largest piece ever freed, up to 32 MB (mallopt(3), M_MMAP_THRESHOLD and
M_TRIM_THRESHOLD: the thresholds adjust themselves). One piece freed at the start, never touched, teaches it once.
"""

from __future__ import annotations

import sys

import numpy as np

LARGEST_LEARNT = 24 << 20


def keep() -> None:
    """Let the C library keep up to 48 MB of what was freed; elsewhere than on Linux nothing is done."""
    if sys.platform == "linux":
        np.empty(LARGEST_LEARNT, np.uint8)
