"""What a view asks of the user: fields, and tabs that answer to fields of their own."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from xlmargin.errors import InputError, Problem, XlmarginError
from xlmargin.parsing import read_number

from .tabs import Tab
from .turns import Aside, Block, Steps
from .verdict import Verdict
from .views import text

if TYPE_CHECKING:
    from .state import PanelState

LEVELS = ("initial", "maintenance")
Answer = Generator[float | Aside, Any, list[Block]]


def field(
    id: str,
    label: str,
    value: str,
    options: Iterable[tuple[str, str]] = (),
    hint: str = "",
    *,
    free: bool = False,
    short: bool = False,
) -> Block:
    """A field: one of the options, or with ``free`` any text, for which the options are proposals."""
    listed = [{"id": key, "label": words} for key, words in options]
    return {"id": id, "label": label, "value": value, "options": listed, "hint": hint, "free": free, "short": short}


def button(id: str, label: str, hint: str = "") -> Block:
    """A button."""
    return {"id": id, "label": label, "hint": hint}


def fields(given: Sequence[Block], buttons: Sequence[Block] = ()) -> Block:
    """A row of fields with buttons beside them."""
    return {"kind": "fields", "id": "fields", "fields": list(given), "buttons": list(buttons)}


class Asking(Tab):
    """A tab with fields: ``head`` shows them, ``answer`` gives the blocks below; what is wrong is said in words.

    ``numbers`` are the fields that hold a number: id, label, what stands there at first, and a hint; a label that
    ends in % means per cent.
    """

    numbers: tuple[tuple[str, str, str, str], ...] = ()

    def steps(self, panel: PanelState, verdict: Verdict) -> Steps:
        try:
            found = yield from self.answer(panel, verdict)
        except XlmarginError as error:
            panel.errors = panel.errors | panel.desk.errors(getattr(error, "problems", ()))
            found = [text(str(error))]
        yield [*self.head(panel, verdict), *found]

    def head(self, panel: PanelState, verdict: Verdict) -> list[Block]:
        """The fields."""
        return [fields([*self.picks(panel, verdict), *self.typed()])]

    def picks(self, panel: PanelState, verdict: Verdict) -> list[Block]:
        """Drop-downs before the numbers."""
        return []

    def answer(self, panel: PanelState, verdict: Verdict) -> Answer:
        """The blocks below the fields, made in steps as those of any tab."""
        raise NotImplementedError

    def typed(self) -> list[Block]:
        """The fields that hold a number."""
        return [
            field(id, label, str(self.chosen.get(id, first)), hint=hint, free=True, short=True)
            for id, label, first, hint in self.numbers
        ]

    def number(
        self, id: str, low: float = -math.inf, high: float = math.inf, *, empty: float | None = math.nan
    ) -> float:
        """The number in a field, refused outside ``low`` … ``high`` (as typed); ``empty`` where nothing stands there.

        With ``empty`` None a field must not be empty.
        """
        label, first = next((label, first) for own, label, first, _ in self.numbers if own == id)
        typed = str(self.chosen.get(id, first)).strip().removesuffix("%").strip()
        if not typed and empty is not None:
            return empty
        try:
            value = read_number(typed)
        except ValueError as error:
            raise InputError([Problem("", 0, "", typed, f"{label}: {error}")]) from None
        if not low <= value <= high:
            allowed = f"between {low:g} and {high:g}" if math.isfinite(high) else f"{low:g} or more"
            raise InputError([Problem("", 0, "", typed, f"{label}: {value:g} is not {allowed}")])
        return value / 100.0 if label.endswith("%") else value

    def pick(self, id: str, label: str, options: Sequence[str], words: str = "{}", hint: str = "") -> Block:
        """A drop-down with what is picked in it; ``words`` say how an option reads."""
        return field(id, label, self.picked(id, options), [(one, words.format(one)) for one in options], hint)

    def picked(self, id: str, options: Sequence[str]) -> str:
        """What is picked in a drop-down: the first option until something is."""
        found = self.chosen.get(id)
        return found if found in options else options[0] if options else ""
