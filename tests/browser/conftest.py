"""Debian's chromium driven by playwright; one Jupyter server for JupyterLab and Notebook, one for Voilà."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

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
PICTURES = Path(os.environ.get("XLMARGIN_PICTURES", ROOT / "out" / "pictures"))
NEWS = {"fetchNews": "false", "checkForUpdates": False}


def lacking(what: str) -> None:
    """Skip with one line for a developer who lacks something; in CI that is a failure."""
    message = f"{what}: apt-get install chromium, pip install -e '.[jupyter,test]'"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def chromium():
    """The browser; a page of its own for whoever asks for ``page``."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        lacking("browser tests need playwright")
    if not CHROMIUM.exists():
        lacking(f"browser tests need {CHROMIUM}")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """An empty page whose requests to the outside are counted in ``page.outside``."""
    context = chromium.new_context(viewport={"width": 1360, "height": 900})
    context.set_default_timeout(20_000)
    page = watched(context.new_page())
    yield page
    context.close()


def watched(page):
    """The page, noting every request that leaves this machine."""
    page.outside = []
    inside = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "about:", "chrome")
    page.on("request", lambda request: None if request.url.startswith(inside) else page.outside.append(request.url))
    return page


def picture(page, name: str) -> Path:
    """Keep a screenshot as build output."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    page.screenshot(path=str(path))
    return path


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


@pytest.fixture(scope="session")
def jupyter(chromium, tmp_path_factory):
    """One server for JupyterLab and Notebook 7."""
    for module in ("jupyterlab", "notebook", "anywidget"):
        if not _there(module):
            lacking(f"browser tests need {module}")
    base = tmp_path_factory.mktemp("jupyter")
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
    yield Jupyter(folder, port)
    stop(server)


def _there(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None
