"""Work in turns: what takes long goes on between other messages, and gives way to whatever is newer."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

from xlmargin.errors import XlmarginError

Block = dict[str, Any]
SOON = 0.0


@dataclass(frozen=True)
class Aside:
    """Heavy work to be done aside, so that the kernel stays free; the step that yields it is sent the result."""

    work: Callable[[], Any]


Steps = Generator[list[Block] | float | Aside, Any, None]


def later(step: Callable[[], None], seconds: float = SOON) -> bool:
    """Run a step once the running event loop is free, after some seconds at the least; False if there is no loop."""
    try:
        asyncio.get_running_loop().call_later(seconds, step)
    except RuntimeError:
        return False
    return True


@cache
def _side() -> ThreadPoolExecutor:
    """One thread for heavy work: what is asked meanwhile waits for it, or is dropped."""
    return ThreadPoolExecutor(1, thread_name_prefix="xlmargin-panel")


class Body:
    """The blocks on show, made by steps: each yields seconds to wait or work to do aside, the last yields the blocks.

    ``begin`` drops whatever was being made before: an old answer never comes after a newer one. ``busy`` says
    that blocks are still to come; ``done`` is called when they have come later than ``begin`` returned.
    """

    def __init__(self, done: Callable[[], None]) -> None:
        self.blocks: list[Block] = []
        self._done = done
        self._steps: Steps | None = None

    @property
    def busy(self) -> bool:
        """Whether the blocks on show are about to be replaced."""
        return self._steps is not None

    def begin(self, steps: Steps) -> None:
        """Take the first step now and the others in turns; all of them now where no event loop runs."""
        self._steps = steps
        made = self._step(None)
        while self.busy and not self._wait(steps, made):
            made = self._step(guarded_result(made.work) if isinstance(made, Aside) else None)

    def _wait(self, steps: Steps, made: float | Aside) -> bool:
        """Come back when the wait is over or the work is done; False if there is no loop to wait in."""
        if not isinstance(made, Aside):
            return later(lambda: self._turn(steps, None), made)
        if sys.platform == "emscripten":
            return later(lambda: self._turn(steps, guarded_result(made.work)))
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        current = lambda: guarded_result(made.work) if steps is self._steps else None  # noqa: E731
        loop.run_in_executor(_side(), current).add_done_callback(lambda done: self._turn(steps, done.result()))
        return True

    def _turn(self, steps: Steps, sent: Any) -> None:
        if steps is not self._steps:
            return
        made = self._step(sent)
        if self.busy:
            self._wait(steps, made)
        else:
            self._done()

    def _step(self, sent: Any) -> Any:
        assert self._steps is not None
        try:
            made = self._steps.throw(sent) if isinstance(sent, Exception) else self._steps.send(sent)
        except Exception as error:
            words = str(error) if isinstance(error, XlmarginError) else f"{type(error).__name__}: {error}"
            made = [{"kind": "text", "text": words}]
        if isinstance(made, list):
            self.blocks, self._steps = made, None
        return made


def guarded_result(work: Callable[[], Any]) -> Any:
    """What the work gives, or the exception that it raised."""
    try:
        return work()
    except Exception as error:
        return error
