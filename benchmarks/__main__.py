"""Run every benchmark (or those named) and print one table of ratios."""

import importlib
import pkgutil
import platform
import sys

import numpy
import scipy

import benchmarks

COLUMNS = ("job", "seconds", "against", "ratio", "aim", "remark")


def main(names: list[str]) -> None:
    """Print a row per measured job as it is done; a benchmark that cannot run says why."""
    versions = {"python": platform.python_version(), "numpy": numpy.__version__, "scipy": scipy.__version__}
    print(", ".join(f"{name} {version}" for name, version in versions.items()), "on", platform.machine())
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + " --- |" * len(COLUMNS))
    found = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name.startswith("bench_")]
    for name in found:
        if names and not any(word in name for word in names):
            continue
        try:
            for row in importlib.import_module(f"benchmarks.{name}").rows():
                print(line(row), flush=True)
        except ImportError as error:
            print(f"| {name} | | | | | cannot run: {error} |", flush=True)


def line(row: benchmarks.Row) -> str:
    """One row of the table."""
    ratio = "" if row.ratio != row.ratio else f"{row.ratio:.2f}" if row.ratio >= 0.01 else f"{row.ratio:.1e}"
    return f"| {row.job} | {row.seconds:.4g} | {row.against} | {ratio} | {row.aim} | {row.remark} |"


if __name__ == "__main__":
    main(sys.argv[1:])
