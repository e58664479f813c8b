"""The real xlwings-server on the loopback interface, asked by the client code that it ships (run in Node)."""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
SECONDS = 60


@contextlib.contextmanager
def running(folder):
    """An xlwings-server whose custom functions are ours; yields its address."""
    for name in ("custom_functions", "custom_scripts"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("")
    (folder / "custom_functions" / "__init__.py").write_text("from xlmargin.workbooks import *  # noqa: F403\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "XLWINGS_PROJECT_DIR": str(folder),
        "XLWINGS_LICENSE_KEY": "noncommercial",
        "XLWINGS_ENVIRONMENT": "prod",
        "XLWINGS_SECRET_KEY": secrets.token_urlsafe(32),
        "XLWINGS_HOSTNAME": f"127.0.0.1:{port}",
        "XLWINGS_ON_SERVER": "true",
    }
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "xlwings_server.main:main_app",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    log = folder / "server.log"
    with log.open("w") as said:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def _wait(address, process, log):
    page = f"{address}/xlwings/custom-functions-meta.json"
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(page, timeout=5),
        ):
            return
        time.sleep(0.1)
    raise RuntimeError(f"xlwings-server did not start:\n{log.read_text()[-3000:]}")


def run(address, lines):
    """Answers by name through HTTP and the client's JavaScript."""
    done = subprocess.run(
        ["node", str(HERE / "office.mjs"), address],
        input=lines,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
