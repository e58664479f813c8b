"""Work in turns: what takes long goes on between other messages, and gives way to whatever is newer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from xlmargin.errors import XlmarginError

Block = dict[str, Any]
Steps = Iterator[list[Block] | float]
SOON = 0.0


def later(step: Callable[[], None], seconds: float = SOON) -> bool:
    """Run a step once the running event loop is free, after some seconds at the least; False if there is no loop."""
    try:
        asyncio.get_running_loop().call_later(seconds, step)
    except RuntimeError:
        return False
    return True


class Body:
    """The blocks on show, made by steps: each yields seconds to wait before the next, the last yields the blocks.

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
        wait = self._step()
        if self.busy and later(lambda: self._turn(steps), wait):
            return
        while self.busy:
            self._step()

    def _turn(self, steps: Steps) -> None:
        if steps is not self._steps:
            return
        wait = self._step()
        if self.busy:
            later(lambda: self._turn(steps), wait)
        else:
            self._done()

    def _step(self) -> float:
        assert self._steps is not None
        try:
            made = next(self._steps)
        except Exception as error:
            words = str(error) if isinstance(error, XlmarginError) else f"{type(error).__name__}: {error}"
            made = [{"kind": "text", "text": words}]
        if isinstance(made, list):
            self.blocks, self._steps = made, None
            return SOON
        return made
