"""Commands of the notebook face: `xlmargin dash` and `xlmargin notebook`."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer

from xlmargin.errors import InputError
from xlmargin.registry import model as find

SHARE = Path(str(files(__package__))) / "voila"
TEMPLATE = "notebook.ipynb"


def register(app: typer.Typer) -> None:
    """Add the commands to the `xlmargin` command line."""
    app.command()(dash)
    app.command()(notebook)


def dash(
    source: Annotated[Path, typer.Argument(help="workbook (.xlsx) or folder of CSV / Parquet tables")],
    model: Annotated[str, typer.Option("--model", "-m", help="rulebook, as listed by `xlmargin models`")] = "",
    as_of: Annotated[str | None, typer.Option("--as-of", help="valuation time, UTC")] = None,
    port: Annotated[int, typer.Option(help="port on this machine")] = 8866,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="open a browser window")] = True,
    theme: Annotated[str, typer.Option(help="light or dark")] = "light",
) -> None:
    """Show the live panel of a workbook as a stand-alone dashboard (Voilà)."""
    _needs("voila", "anywidget", "ipykernel")
    _exists(source)
    with tempfile.TemporaryDirectory(prefix="xlmargin-") as folder:
        page = Path(folder) / f"{source.stem}.ipynb"
        page.write_text(json.dumps(dashboard(source, model, as_of)), encoding="utf-8")
        code = subprocess.call(voila(page, port, browser, theme), env=voila_environment())
    raise typer.Exit(code)


def notebook(
    target: Annotated[Path, typer.Argument(help="notebook to write")] = Path("margin.ipynb"),
    source: Annotated[Path, typer.Option(help="workbook that it opens")] = Path("desk.xlsx"),
    model: Annotated[str, typer.Option("--model", "-m", help="rulebook")] = "derive.portfolio",
) -> None:
    """Write a notebook to start from: read a workbook, its panel, the result as tables and as a report."""
    if target.exists():
        raise InputError(f"{target} is there already; name another")
    page = json.loads(template())
    for cell in page["cells"]:
        text = "".join(cell["source"]).replace("derive.portfolio", find(model).id)
        cell["source"] = text.replace('"desk.xlsx"', repr(str(source))).splitlines(keepends=True)
    target.write_text(json.dumps(page, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    typer.echo(f"written: {target}")


def template() -> str:
    """The text of the notebook template."""
    return (files(__package__) / TEMPLATE).read_text(encoding="utf-8")


def dashboard(source: Path, model: str = "", as_of: str | None = None) -> dict[str, Any]:
    """A notebook of one cell that shows the panel of a workbook."""
    how = {"model": find(model).id} if model else {}
    code = [
        "import xlmargin as xm",
        "from xlmargin.widgets import MarginPanel",
        f"book, market = xm.read({str(source.resolve())!r}, as_of={as_of!r}, venue={model!r})",
        f"MarginPanel(book, market, **{how!r})",
    ]
    cell = {"cell_type": "code", "id": "panel", "metadata": {}, "execution_count": None, "outputs": []}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel, "title": source.stem},
        "cells": [cell | {"source": "\n".join(code)}],
    }


def voila(page: Path, port: int, browser: bool = True, theme: str = "light") -> list[str]:
    """The command that serves a notebook as a dashboard that asks nothing of the outside."""
    if theme not in ("light", "dark"):
        raise InputError(f"theme: {theme!r} is not one of light, dark")
    return [
        sys.executable,
        "-m",
        "voila",
        str(page),
        f"--port={port}",
        "--Voila.ip=127.0.0.1",
        "--template=xlmargin",
        f"--theme={theme}",
        "--VoilaConfiguration.show_tracebacks=True",
        *([] if browser else ["--no-browser"]),
    ]


def voila_environment() -> dict[str, str]:
    """The environment in which Voilà finds the template of this package."""
    path = os.pathsep.join(filter(None, [str(SHARE), os.environ.get("JUPYTER_PATH", "")]))
    return {**os.environ, "JUPYTER_PATH": path}


def _needs(*modules: str) -> None:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"a dashboard needs {', '.join(missing)}: pip install 'xlmargin[dash]'")


def _exists(source: Path) -> None:
    from xlmargin.reading import read_tables

    read_tables(source)
