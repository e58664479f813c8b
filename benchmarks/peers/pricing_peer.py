"""Black-76 of a file of cells by another library, run by that library's own interpreter; prints one line of JSON.

    python pricing_peer.py py_vollib|py_vollib_vectorized cells.npz

Needs nothing of xlmargin: the peers live in environments of their own.
"""

import importlib
import json
import sys
import time

import numpy as np

SHARE = 10


def py_vollib(flag, forward, strike, vol):
    """The scalar model, a call a cell, on every tenth cell (its time is counted ten times)."""
    black = importlib.import_module("py_vollib.black").black
    cells = list(zip(*(a[::SHARE].tolist() for a in (flag, forward, strike, vol)), strict=True))
    began = time.perf_counter()
    values = [black(f, x, k, 1.0, 0.0, v) for f, x, k, v in cells]
    return SHARE * (time.perf_counter() - began), np.array(values), slice(None, None, SHARE)


def py_vollib_vectorized(flag, forward, strike, vol):
    """The compiled model on whole arrays, compiled before it is timed."""
    model = importlib.import_module("py_vollib_vectorized").models.vectorized_black
    run = lambda: model(flag, forward, strike, 1.0, 0.0, vol, return_as="numpy")  # noqa: E731
    run()
    found = []
    for _ in range(5):
        began = time.perf_counter()
        values = run()
        found.append(time.perf_counter() - began)
    return min(found), np.ravel(values), slice(None)


def main(peer, path):
    """Seconds and the largest relative difference from the values in the file."""
    cells = np.load(path)
    flag = np.where(cells["call"], "c", "p")
    seconds, values, some = globals()[peer](flag, cells["forward"], cells["strike"], cells["vol"])
    wanted = cells["value"][some]
    gap = float(np.max(np.abs(values - wanted) / cells["forward"][some]))
    print(json.dumps({"seconds": seconds, "gap": gap}))


if __name__ == "__main__":
    main(*sys.argv[1:])
