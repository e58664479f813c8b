"""Servers and a browser for the tests and benchmarks of the notebook face, with no setting of another run."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NEWS = {"fetchNews": "false", "checkForUpdates": False}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(command: list[str], port: int, folder: Path, env: dict[str, str], log: Path) -> subprocess.Popen:
    """A server on a port of this machine, once it accepts connections."""
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=subprocess.STDOUT)
    for _ in range(1200):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return server
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.05)
    raise RuntimeError(log.read_text()[-2000:])


def stop(server: subprocess.Popen) -> None:
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()


def fresh(folder: Path, env: dict[str, str] | None = None) -> dict[str, str]:
    """An environment in which no setting of another run is seen."""
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR")
    quiet = {"PYDEVD_DISABLE_FILE_VALIDATION": "1", "PYTHONPATH": str(ROOT)}
    return {**(env or os.environ), **quiet, **{name: str(folder / name) for name in names}}


class Jupyter:
    """A running Jupyter server whose folder holds the project's examples and workbooks."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"

    def write(self, name: str, *cells: str) -> str:
        """A notebook of code cells; returns its name."""
        made = [
            {"cell_type": "code", "id": f"c{i}", "metadata": {}, "execution_count": None, "outputs": [], "source": text}
            for i, text in enumerate(cells)
        ]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": made}
        (self.folder / name).write_text(json.dumps(notebook))
        return name


@contextmanager
def lab_server(base: Path) -> Iterator[Jupyter]:
    """One server for JupyterLab and Notebook 7 in an empty folder."""
    folder = base / "work"
    shutil.copytree(ROOT / "examples", folder / "examples")
    (folder / "workbooks").mkdir()
    shutil.copy(ROOT / "workbooks" / "desk.xlsx", folder / "workbooks")
    env, port = fresh(base), free_port()
    settings = Path(env["JUPYTERLAB_SETTINGS_DIR"]) / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(NEWS))
    command = [sys.executable, "-m", "jupyter", "lab", f"--port={port}", "--no-browser", "--ip=127.0.0.1"]
    command += ["--allow-root", "--IdentityProvider.token=", "--ServerApp.password=", "--ServerApp.port_retries=0"]
    command += ["--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={folder}"]
    command += ["--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True"]
    server = serve(command, port, folder, env, base / "log")
    try:
        yield Jupyter(folder, port)
    finally:
        stop(server)
