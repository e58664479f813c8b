"""The house's direction: right may import left, never back; the core has never heard of Excel or Jupyter."""

import ast
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "xlmargin"
FACES = {
    "xlwings",
    "ipywidgets",
    "anywidget",
    "openpyxl",
    "xlsxwriter",
    "IPython",
    "typer",
    "rich",
    "dask",
    "distributed",
}
ORDER = [
    {"errors"},
    {
        "ledger",
        "symbols",
        "pricing",
        "scenarios",
        "params",
        "integers",
        "schemas",
        "cells",
        "texts",
        "holdings",
        "memory",
    },
    {"parsing"},
    {"market", "book"},
    {"facts", "tiers"},
    {"assemble", "risk", "collateral"},
    {"registry", "stitch"},
    {"run"},
    {"netting"},
    {"comparison"},
]
ROOM = {name: level for level, names in enumerate(ORDER) for name in names}
LATER = ("run", "netting", "comparison", "decide", "bulk")
EDGES = {
    "frames",
    "cli",
    "reading",
    "html",
    "backtest",
    "crif",
    "crif_rows",
    "crif_words",
    "batch",
}


def modules():
    return sorted(p for p in CORE.rglob("*.py") if "__pycache__" not in p.parts)


def imports(path, top_only=True):
    """Modules imported by a file: absolute names, and relative ones resolved within xlmargin."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_only else ast.walk(tree)
    package = ("xlmargin", *path.relative_to(CORE).parts[:-1])
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            yield ".".join([*base, *([node.module] if node.module else [])])
            if node.module is None:
                yield from (".".join([*base, alias.name]) for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(CORE)))
def test_core_imports_no_face(path):
    if path.name in ("cli.py",) or path.name.endswith("commands.py") or path.parent.name == "commands":
        pytest.skip("the command line is a face")
    top = {name.split(".")[0] for name in imports(path)}
    assert not top & FACES, f"{path.name} imports {top & FACES} at module level"
    inside = {".".join(n.split(".")[:2]) for n in imports(path) if n.startswith("xlmargin.")}
    assert not inside & {"xlmargin.widgets", "xlmargin.workbooks", "xlmargin.cli"}


def test_direction_of_imports():
    wrong = []
    for path in CORE.glob("*.py"):
        own = ROOM.get(path.stem)
        for name in imports(path):
            other = ROOM.get(name.removeprefix("xlmargin.")) if name.startswith("xlmargin.") else None
            if own is not None and other is not None and other > own:
                wrong.append(f"{path.stem} imports {name}")
    assert not wrong


def test_rulebooks_never_import_each_other():
    wrong = []
    for path in (CORE / "rulebooks").rglob("*.py"):
        family = path.relative_to(CORE / "rulebooks").parts[0].removesuffix(".py")
        for name in imports(path, top_only=False):
            if name.startswith("xlmargin.rulebooks."):
                other = name.split(".")[2]
                if other != family:
                    wrong.append(f"{path.relative_to(CORE)} imports {name}")
            elif name in (
                "xlmargin.run",
                "xlmargin.netting",
                "xlmargin.comparison",
                "xlmargin.decide",
                "xlmargin.bulk",
            ):
                wrong.append(f"{path.relative_to(CORE)} imports {name}")
    assert not wrong


@pytest.mark.parametrize("path", sorted((CORE / "rulebooks").rglob("*.py")), ids=lambda p: str(p.relative_to(CORE)))
def test_rulebooks_are_arrays_without_pandas(path):
    assert "pandas" not in {name.split(".")[0] for name in imports(path, top_only=False)}


def test_pandas_stays_at_the_edges():
    users = {p.stem for p in CORE.glob("*.py") if "pandas" in {n.split(".")[0] for n in imports(p)}}
    assert users <= EDGES


def test_importing_the_core_loads_no_face():
    code = "import sys, xlmargin as xm; xm.models(); print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & (FACES | {"scipy.stats", "python_calamine", "pyarrow.parquet", "matplotlib"})


def test_importing_the_core_loads_no_pandas():
    """Half of a start would be pandas: it is loaded when a frame is asked for."""
    code = "import sys, xlmargin as xm; xm.model('derive.portfolio'); print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


SLOW = {
    "pandas",
    "xlwings",
    "scipy.optimize",
    "scipy.sparse.linalg",
    "openpyxl",
    "xlsxwriter",
    "ipywidgets",
    "xlmargin.decide.hedges",
}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["hedges", "--help"], ["calc", "--help"]], ids=" ".join)
def test_a_light_command_loads_nothing_heavy(words):
    """What a command does not use it does not wait for: half of a start would be pandas, xlwings and the solvers."""
    start = f"import sys; sys.argv = ['xlmargin', *{words}]"
    code = f"{start}\ntry:\n    from xlmargin.cli import main; main()\nfinally:\n    print('LOADED', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said, _, loaded = done.stdout.rpartition("LOADED")
    assert "xlmargin" in said
    assert not SLOW & set(loaded.split())


def test_a_verb_loads_its_own_room_alone():
    """Of the decisions only what the verb needs is loaded, and no spreadsheet function."""
    code = "import sys, xlmargin as xm; xm.exposure; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert "xlmargin.decide.exposure" in loaded
    assert not loaded & {"xlmargin.decide.hedges", "xlmargin.decide.contagion", "pandas", "scipy.optimize"}


def test_no_clock_in_the_core():
    """The core never asks what time it is; a face may."""
    wrong = []
    for path in modules():
        if (
            path.name in ("cli.py",)
            or path.name.endswith("commands.py")
            or path.parent.name == "commands"
            or path.name == "live.py"
            or "bulk" in path.parts
        ):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("today", "now", "utcnow"):
                wrong.append(f"{path.relative_to(CORE)}:{node.lineno}")
    assert not wrong


def test_the_wheel_is_whole_and_pure(tmp_path):
    """Every module and data file of the tree is in the wheel, and the wheel runs anywhere."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("xlmargin", "widgets", "workbooks"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    missing = []
    for folder, prefix in (
        (CORE, "xlmargin"),
        (ROOT / "widgets", "xlmargin/widgets"),
        (ROOT / "workbooks", "xlmargin/workbooks"),
    ):
        for path in folder.rglob("*"):
            if path.suffix in (".py", ".toml", ".csv", ".js", ".css") and "__pycache__" not in path.parts:
                name = f"{prefix}/{path.relative_to(folder).as_posix()}"
                missing += [name] if name not in inside else []
    assert not missing
