"""Trait-level tests run as a plain script does: with no event loop, unless a test starts one itself."""

import asyncio

import pytest


@pytest.fixture(autouse=True)
def no_running_loop():
    """Playwright leaves its loop marked as running in a process that ran browser tests before."""
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)


@pytest.fixture
def panel():
    """The panel on the small book."""
    from xlmargin.widgets.panel import MarginPanel

    from tests.widgets import sample

    return MarginPanel(*sample.book(), model="derive.portfolio")
