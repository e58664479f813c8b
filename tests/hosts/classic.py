"""Classic xlwings: calls through the real COM server's ``CallUDF`` and the VBA module that Import Functions writes.

Run as a program (pywin32's stand-ins must not leak into other tests): JSON lines of calls in, answers and VBA out.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.hosts import windows

ROOT = Path(__file__).parents[2]
MODULE = "xlmargin.workbooks"


def excel(given):
    """An argument as Excel's COM objects hold it: ranges, floats, None for empty cells."""
    if given is None:
        return windows.MISSING
    if isinstance(given, list):
        return windows.Range(tuple(tuple(map(_cell, row)) for row in given))
    return windows.Range(_cell(given))


def _cell(cell):
    return float(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell


def run(lines):
    """Answers by name, the VBA module and the wizard's texts, from a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hosts.classic"],
        input=lines,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def main():
    udfs, server = windows.install()
    import xlmargin.workbooks

    book, answers = windows.Workbook(), {}
    udfs.import_udfs(MODULE, book)
    for line in sys.stdin.read().splitlines():
        name, function, arguments = json.loads(line)
        count = len(getattr(xlmargin.workbooks, function).__xlfunc__["args"])
        cells = tuple(excel(a) for a in [*arguments, *[None] * (count - len(arguments))])
        answers[name] = server.XLPython().CallUDF(MODULE, function, cells, None, windows.Range(None, "$Z$1"))
    print(json.dumps({"answers": answers, "vba": book.vba, "options": book.options}))


if __name__ == "__main__":
    main()
