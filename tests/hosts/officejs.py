"""Office.js dispatch as a client sends it: JSON lines of calls in, strict JSON out, through xlwings' own dispatcher.

Run as a program with XLWINGS_ON_SERVER=true and a licence key in the environment, before xlwings is imported.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"XLWINGS_ON_SERVER": "true", "XLWINGS_LICENSE_KEY": "noncommercial"}


def payload(function, arguments, blank=""):
    """The request body of one call: every argument a matrix, a cell that is empty as ``blank``, one left out null."""
    import xlwings

    def matrix(given):
        if given is None:
            return None
        rows = given if isinstance(given, list) else [[given]]
        return [[blank if c is None else c for c in row] for row in rows]

    return {
        "func_name": function,
        "args": [matrix(a) for a in arguments],
        "caller_address": "[Book1.xlsx]Sheet1!A1",
        "culture_info_name": "en-US",
        "date_format": "m/d/yyyy",
        "version": xlwings.__version__,
        "runtime": "1.4",
        "client": "Office.js",
    }


def dispatch(function, arguments, blank=""):
    """The answer to one call, after a round trip through JSON both ways; NaN and infinity are refused."""
    import xlmargin.workbooks
    import xlwings.server

    count = len(getattr(xlmargin.workbooks, function).__xlfunc__["args"])
    padded = [*arguments, *[None] * (count - len(arguments))]
    request = json.loads(json.dumps(payload(function, padded, blank)))
    answer = asyncio.run(xlwings.server.custom_functions_call(request, xlmargin.workbooks))
    return json.loads(json.dumps(answer, allow_nan=False))


def metadata():
    """What the client reads to register the functions."""
    import xlmargin.workbooks
    import xlwings.server

    return xlwings.server.custom_functions_meta(xlmargin.workbooks)


def run(lines, *flags):
    """Answers by name from a process with the dispatcher."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hosts.officejs", *flags],
        input=lines,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def main():
    blank = 0 if "--blank-zero" in sys.argv else ""
    answers = {"": metadata()}
    for line in sys.stdin.read().splitlines():
        name, function, arguments = json.loads(line)
        start = time.perf_counter()
        answers[name] = dispatch(function, arguments, blank)
        answers.setdefault("seconds", []).append(time.perf_counter() - start)
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
