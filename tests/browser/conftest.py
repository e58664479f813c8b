"""Debian's chromium driven by playwright; one Jupyter server for JupyterLab and Notebook, one for Voilà."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.browser.servers import CHROMIUM, FLAGS, ROOT, lab_server

PICTURES = Path(os.environ.get("XLMARGIN_PICTURES", ROOT / "out" / "pictures"))


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


@pytest.fixture(scope="session")
def jupyter(chromium, tmp_path_factory):
    """One server for JupyterLab and Notebook 7."""
    for module in ("jupyterlab", "notebook", "anywidget"):
        if find_spec(module) is None:
            lacking(f"browser tests need {module}")
    with lab_server(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.fixture
def panel():
    """The panel on the small book of the widgets' tests."""
    from xlmargin.widgets.panel import MarginPanel

    from tests.widgets import sample

    return MarginPanel(*sample.book(), model="derive.portfolio")


@pytest.fixture
def shown(page, panel):
    """The panel on a page; nothing may go wrong there and nothing be asked of the outside."""
    from tests.browser.host import mount

    yield mount(page, panel)
    assert page.errors == []
    assert page.outside == []
